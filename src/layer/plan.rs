//! A layer that will be: its entries in order, and the recipe that stands for its bytes.

use serde::Serialize;

use super::{Compression, Entry, EntryKind, ImagePath, RECIPE_VERSION};
use crate::error::{Explain, Kind};
use crate::oci::{Digest, canonical};

/// A layer as pure data: everything that decides its bytes, and nothing else.
#[derive(Debug, Clone, Serialize)]
pub struct LayerPlan {
    /// What the layer is, in a few words; becomes its line of history.
    pub title: String,
    /// Compression of the blob.
    pub compression: Compression,
    /// Files, folders and links; sorted by the bytes of their paths, each path once.
    entries: Vec<Entry>,
}

/// Entries that cannot be in one layer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Two entries claim the same path.
    #[error("Two different things want to be `{0}` in the image")]
    Twice(ImagePath),
    /// A hard link to what is no file of the layer, or comes after the link.
    #[error("The hard link `{path}` leads to `{target}`, which is no file before it in the layer")]
    HardLink {
        /// The link.
        path: ImagePath,
        /// Where it leads.
        target: ImagePath,
    },
}

impl Explain for PlanError {
    fn kind(&self) -> Kind {
        Kind::Input
    }
}

#[derive(Serialize)]
struct Recipe<'a> {
    version: u32,
    compression: Compression,
    entries: &'a [Entry],
}

impl LayerPlan {
    /// Sorts `entries`. The same folder given twice is kept once; anything else given twice is an error, and so is a hard
    /// link to anything but a file that sorts before it.
    pub fn new(
        title: impl Into<String>,
        mut entries: Vec<Entry>,
        compression: Compression,
    ) -> Result<Self, PlanError> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|b, a| {
            a.path == b.path
                && a.mode == b.mode
                && a.owner == b.owner
                && matches!(
                    (&a.kind, &b.kind),
                    (EntryKind::Directory, EntryKind::Directory)
                )
        });
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(PlanError::Twice(pair[0].path.clone()));
        }
        for (place, entry) in entries.iter().enumerate() {
            if let EntryKind::HardLink(target) = &entry.kind
                && !is_file(&entries[..place], target)
            {
                return Err(PlanError::HardLink {
                    path: entry.path.clone(),
                    target: target.clone(),
                });
            }
        }
        Ok(Self {
            title: title.into(),
            compression,
            entries,
        })
    }

    /// The entries, in the order in which they are written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The bytes of all files together; the tar is a little larger.
    pub fn content_size(&self) -> u64 {
        self.entries.iter().map(Entry::size).sum()
    }

    /// The key under which the finished layer is remembered: the digest of the canonical recipe.
    pub fn key(&self) -> Digest {
        Digest::of(&canonical(&Recipe {
            version: RECIPE_VERSION,
            compression: self.compression,
            entries: &self.entries,
        }))
    }
}

/// Whether one of these sorted entries is a file at `path`.
fn is_file(entries: &[Entry], path: &ImagePath) -> bool {
    let found = entries.binary_search_by(|entry| entry.path.cmp(path));
    found.is_ok_and(|place| matches!(entries[place].kind, EntryKind::File(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Content, Owner};

    fn file(path: &'static str, text: &str) -> Entry {
        let content = Content::from_bytes(text.as_bytes());
        Entry::file(ImagePath::fixed(path), content, false, Owner::ROOT)
    }

    fn folder(path: &'static str) -> Entry {
        Entry::directory(ImagePath::fixed(path), false, Owner::ROOT)
    }

    #[test]
    fn order_of_entries_does_not_matter() {
        let plan = |entries| LayerPlan::new("x", entries, Compression::Stored).unwrap();
        let one = plan(vec![
            file("a/b", "1"),
            folder("a"),
            folder("a"),
            file("a-", "2"),
        ]);
        let two = plan(vec![file("a-", "2"), folder("a"), file("a/b", "1")]);
        let paths: Vec<_> = one.entries().iter().map(|e| e.path.as_str()).collect();
        assert_eq!(paths, ["a", "a-", "a/b"]);
        assert_eq!(one.key(), two.key());
    }

    #[test]
    fn everything_that_decides_bytes_decides_the_key() {
        let key = |entries, compression| LayerPlan::new("x", entries, compression).unwrap().key();
        let base = key(vec![file("a", "1")], Compression::Stored);
        let mut executable = file("a", "1");
        executable.mode = 0o755;
        let mut owned = file("a", "1");
        owned.owner = Owner::FLINK;
        for other in [
            key(vec![file("a", "2")], Compression::Stored),
            key(vec![file("b", "1")], Compression::Stored),
            key(vec![file("a", "1")], Compression::Gzip(6)),
            key(vec![executable], Compression::Stored),
            key(vec![owned], Compression::Stored),
            key(vec![folder("a")], Compression::Stored),
            key(
                vec![
                    file("a", "1"),
                    Entry::hard_link(ImagePath::fixed("b"), &file("a", "1")),
                ],
                Compression::Stored,
            ),
            key(
                vec![Entry::symlink(ImagePath::fixed("a"), "1", Owner::ROOT)],
                Compression::Stored,
            ),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn one_path_has_one_meaning() {
        for entries in [
            vec![file("a", "1"), file("a", "1")],
            vec![folder("a"), file("a", "1")],
            vec![
                folder("a"),
                Entry::directory(ImagePath::fixed("a"), true, Owner::ROOT),
            ],
        ] {
            assert!(LayerPlan::new("x", entries, Compression::Stored).is_err());
        }
    }

    #[test]
    fn a_hard_link_leads_to_a_file_before_it() {
        let link = |path, target: &Entry| Entry::hard_link(ImagePath::fixed(path), target);
        let plan = |entries| LayerPlan::new("x", entries, Compression::Stored);
        let target = file("b", "1");
        assert!(plan(vec![link("c", &target), target.clone(), link("d", &target)]).is_ok());
        for entries in [
            vec![link("a", &target), target.clone()],
            vec![link("c", &target)],
            vec![link("c", &target), folder("b")],
            vec![
                link("b/c", &target),
                Entry::symlink(target.path.clone(), "x", Owner::ROOT),
            ],
        ] {
            let error = plan(entries).unwrap_err();
            assert!(matches!(error, PlanError::HardLink { .. }), "{error}");
        }
    }
}
