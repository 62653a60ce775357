//! The facts of a store: a small file for each, which ends with a line that vouches for it.
//!
//! Facts decide what an image is made of, so none is believed that was damaged, or that lies in the place of another: the
//! last line is the digest of kind, key and text.

use std::path::PathBuf;

use super::local::{FACTS, Store, USE_INTERVAL};
use crate::fs;
use crate::memory::Memory;
use crate::oci::Digest;

/// Facts are a few kilobytes.
pub(super) const LIMIT: u64 = 16 * 1024 * 1024;

/// What the name of a fact ends with, behind the digest of its key.
pub(super) const EXTENSION: &str = ".fact";

/// What vouches for a fact.
fn seal(kind: &str, key: Digest, bytes: &[u8]) -> String {
    let place = format!("{kind}\n{key}\n");
    Digest::of(&[place.as_bytes(), bytes].concat()).to_string()
}

/// The text of a fact, if the line that the file ends with vouches for it.
pub(super) fn unsealed<'a>(kind: &str, key: Digest, file: &'a [u8]) -> Option<&'a [u8]> {
    let end = file.iter().rposition(|byte| *byte == b'\n')?;
    let (text, line) = (&file[..end], &file[end + 1..]);
    (line == seal(kind, key, text).as_bytes()).then_some(text)
}

impl Store {
    fn fact_path(&self, kind: &str, key: Digest) -> PathBuf {
        let folder = self.root().join(FACTS).join(kind);
        folder.join(format!("{}{EXTENSION}", key.hex()))
    }
}

impl Memory for Store {
    fn recall_bytes(&self, kind: &str, key: Digest) -> Option<Vec<u8>> {
        let path = self.fact_path(kind, key);
        let file = fs::read_limited(&path, LIMIT).ok()?;
        let Some(text) = unsealed(kind, key, &file) else {
            tracing::debug!("`{}` is damaged", path.display());
            return None;
        };
        if let Ok(metadata) = fs::metadata(&path) {
            fs::touch(&path, &metadata, USE_INTERVAL);
        }
        Some(text.to_vec())
    }

    fn remember_bytes(&self, kind: &str, key: Digest, bytes: &[u8]) {
        let path = self.fact_path(kind, key);
        let sealed = [bytes, b"\n", seal(kind, key, bytes).as_bytes()].concat();
        let written = fs::create_dir_all(fs::folder_of(&path), Some(fs::PRIVATE_FOLDER_MODE))
            .and_then(|()| fs::write_private(&path, &sealed));
        if let Err(error) = written {
            tracing::debug!("{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;

    #[test]
    fn believes_no_fact_that_is_damaged_or_out_of_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (key, other) = (Digest::of(b"x"), Digest::of(b"y"));
        let recall = |kind, key| memory::recall::<Vec<u8>>(&store, kind, key);
        assert_eq!(recall("test", key), None);
        memory::remember(&store, "test", key, &vec![1, 2]);
        assert_eq!(recall("test", key), Some(vec![1, 2]));
        let path = store.fact_path("test", key);
        let right = fs::read_limited(&path, LIMIT).unwrap();
        let changed = String::from_utf8(right.clone())
            .unwrap()
            .replace("[1,", "[3,");
        for damage in [
            changed.as_bytes(),
            b"[1, ",
            b"",
            b"[1,2]\n",
            &right[..right.len() - 1],
        ] {
            fs::write_atomic(&path, damage).unwrap();
            assert_eq!(recall("test", key), None);
        }
        fs::write_atomic(&store.fact_path("test", other), &right).unwrap();
        assert_eq!(recall("test", other), None);
        memory::remember(&store, "more", other, &vec![7]);
        fs::write_atomic(&store.fact_path("more", key), &right).unwrap();
        assert_eq!(recall("more", key), None);
    }
}
