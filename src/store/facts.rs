//! The facts of a store: a small file for each.

use std::path::PathBuf;

use super::local::{FACTS, Store, USE_INTERVAL};
use crate::fs;
use crate::memory::Memory;
use crate::oci::Digest;

/// Facts are a few kilobytes.
const LIMIT: u64 = 16 * 1024 * 1024;

impl Store {
    fn fact_path(&self, kind: &str, key: Digest) -> PathBuf {
        let folder = self.root().join(FACTS).join(kind);
        folder.join(format!("{}.json", key.hex()))
    }
}

impl Memory for Store {
    fn recall_bytes(&self, kind: &str, key: Digest) -> Option<Vec<u8>> {
        let path = self.fact_path(kind, key);
        let bytes = fs::read_limited(&path, LIMIT).ok()?;
        if let Ok(metadata) = fs::metadata(&path) {
            fs::touch(&path, &metadata, USE_INTERVAL);
        }
        Some(bytes)
    }

    fn remember_bytes(&self, kind: &str, key: Digest, bytes: &[u8]) {
        let path = self.fact_path(kind, key);
        let written = fs::create_dir_all(fs::folder_of(&path), Some(0o700))
            .and_then(|()| fs::write_private(&path, bytes));
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
    fn forgets_facts_that_it_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let key = Digest::of(b"x");
        assert_eq!(memory::recall::<Vec<u8>>(&store, "test", key), None);
        memory::remember(&store, "test", key, &vec![1, 2]);
        assert_eq!(memory::recall(&store, "test", key), Some(vec![1, 2]));
        let path = folder.path().join(format!("facts/test/{}.json", key.hex()));
        fs::write_atomic(&path, b"[1, ").unwrap();
        assert_eq!(memory::recall::<Vec<u8>>(&store, "test", key), None);
    }
}
