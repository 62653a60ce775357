//! What is in a store: how much of which kind, and when it was used last.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::StoreError;
use super::layout::{BLOBS, Layout};
use super::local::{FACTS, NAME_ANNOTATION, Store};
use crate::error::FileError;
use crate::fs;
use crate::oci::Digest;

/// What comes behind the name of an archive to name its checksum.
pub(super) const CHECKSUM: &str = ".sha512";
/// The length of a digest in hexadecimal digits.
const HEX: usize = 64;

/// What something in the store is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Holding {
    /// A blob that an image needs that was kept.
    Kept,
    /// Any other blob.
    Blob,
    /// A release of Flink, with its checksum.
    Release,
    /// A fact of this kind.
    Fact(String),
    /// Work that was never finished; or that is under way, unless nobody else uses the store.
    Unfinished,
}

/// Something in the store, which stays or goes as a whole.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub holding: Holding,
    /// Its files.
    pub paths: Vec<PathBuf>,
    /// How long these are together.
    pub bytes: u64,
    /// When it was used last, to the hour.
    pub used: SystemTime,
}

/// How much there is of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// How many things: a release and its checksum are one.
    pub count: u64,
    /// How long their files are together.
    pub bytes: u64,
    /// When the first of them was used last, and when the last.
    pub used: Option<(SystemTime, SystemTime)>,
}

impl Amount {
    /// Of these items.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut amount = Self::default();
        for item in items {
            amount.count += 1;
            amount.bytes += item.bytes;
            let (first, last) = amount.used.unwrap_or((item.used, item.used));
            amount.used = Some((first.min(item.used), last.max(item.used)));
        }
        amount
    }
}

impl Store {
    /// Everything in the store but its own few small files, in no order that matters.
    pub fn contents(&self) -> Result<Vec<Item>, StoreError> {
        Ok(self.contents_beside(&self.needed()?)?)
    }

    /// The same; `needed` are the blobs that count as kept.
    pub(super) fn contents_beside(
        &self,
        needed: &BTreeSet<Digest>,
    ) -> Result<Vec<Item>, FileError> {
        let mut found = Found::default();
        for path in list(self.root())? {
            found.add_if_unfinished(&path)?;
        }
        for path in list(&self.temporary())? {
            found.add(Holding::Unfinished, &path)?;
        }
        for path in list(&self.root().join(BLOBS))? {
            match digest(&path) {
                Some(digest) if needed.contains(&digest) => found.add(Holding::Kept, &path)?,
                Some(_) => found.add(Holding::Blob, &path)?,
                None => drop(found.add_if_unfinished(&path)?),
            }
        }
        for path in list(&self.releases())? {
            if !found.add_if_unfinished(&path)? {
                found.add_release(&path)?;
            }
        }
        for folder in list(&self.root().join(FACTS))? {
            if !fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir()) {
                continue;
            }
            let kind = name(&folder).to_owned();
            for path in list(&folder)? {
                if !found.add_if_unfinished(&path)? {
                    found.add(Holding::Fact(kind.clone()), &path)?;
                }
            }
        }
        Ok(found.all())
    }

    /// The blobs that the images need that were kept.
    fn needed(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let mut needed = BTreeSet::new();
        let images = self.index()?.manifests;
        let layout = Layout::open(self.root())?;
        for image in images {
            let blobs = layout.needed(&image).map_err(|source| {
                let name = image.annotations.get(NAME_ANNOTATION);
                StoreError::Kept {
                    name: name.cloned().unwrap_or_else(|| image.digest.to_string()),
                    source: Box::new(source),
                }
            })?;
            needed.extend(blobs);
        }
        Ok(needed)
    }
}

/// What is in a folder; nothing if there is no such folder.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    match fs::list(folder) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        listed => listed,
    }
}

pub(super) fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// The digest of the blob that is called so.
pub(super) fn digest(path: &Path) -> Option<Digest> {
    let name = name(path);
    (name.len() == HEX).then(|| format!("sha256:{name}").parse().ok())?
}

/// What was found so far. What vanishes in the meantime was not there.
#[derive(Debug, Default)]
struct Found {
    items: Vec<Item>,
    /// By the name of the archive.
    releases: BTreeMap<String, Item>,
}

impl Found {
    fn add(&mut self, holding: Holding, path: &Path) -> Result<(), FileError> {
        self.items.extend(item(holding, path)?);
        Ok(())
    }

    /// A file that lacked but its name when its process was killed.
    fn add_if_unfinished(&mut self, path: &Path) -> Result<bool, FileError> {
        if !name(path).starts_with(fs::PREFIX) {
            return Ok(false);
        }
        self.add(Holding::Unfinished, path)?;
        Ok(true)
    }

    fn add_release(&mut self, path: &Path) -> Result<(), FileError> {
        let Some(item) = item(Holding::Release, path)? else {
            return Ok(());
        };
        let name = name(path);
        let archive = name.strip_suffix(CHECKSUM).unwrap_or(name);
        match self.releases.get_mut(archive) {
            Some(release) => {
                release.bytes += item.bytes;
                release.used = release.used.max(item.used);
                release.paths.extend(item.paths);
            }
            None => {
                self.releases.insert(archive.to_owned(), item);
            }
        }
        Ok(())
    }

    fn all(self) -> Vec<Item> {
        let mut items = self.items;
        items.extend(self.releases.into_values());
        items
    }
}

fn item(holding: Holding, path: &Path) -> Result<Option<Item>, FileError> {
    let measured = fs::symlink_metadata(path).and_then(|metadata| {
        let mut bytes = metadata.len();
        // Where a file should be there may be a folder, if somebody meddled; in `tmp/` there may be one anyway.
        if metadata.is_dir() {
            let inside = fs::walk(path)?;
            bytes = inside.iter().map(|entry| entry.metadata.len()).sum();
        }
        Ok((bytes, metadata.modified()))
    });
    match measured {
        Ok((bytes, used)) => Ok(Some(Item {
            holding,
            paths: vec![path.to_owned()],
            bytes,
            used: used.unwrap_or(SystemTime::UNIX_EPOCH),
        })),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
