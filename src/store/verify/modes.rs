//! Who may use what is in a store: its owner, and nobody else.

use std::path::PathBuf;

use super::{Finding, Mending, Trouble};
use crate::error::{FileError, IoResultExt as _};
use crate::fs::{self, AtomicFile, PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE};
use crate::store::Store;
use crate::store::contents::{Holding, Item, list};
use crate::store::layout::{BLOBS, INDEX, MARKER};
use crate::store::local::{FACTS, LOCK, RELEASES, TEMPORARY};
use crate::store::sharing::IN_USE;

/// Everybody may write to it.
const OPEN: u32 = 0o002;

/// What others may use. The folder of the store itself is whoever's who made it, so long as not everybody may put
/// something else in the place of what is in it.
pub(super) fn check(
    store: &Store,
    items: &[Item],
    mending: Mending,
) -> Result<Vec<Finding>, FileError> {
    if !has_modes(store)? {
        return Ok(Vec::new());
    }
    let root = store.root();
    let mut paths: Vec<PathBuf> = ["blobs", BLOBS, FACTS, RELEASES, TEMPORARY]
        .iter()
        .chain(&[INDEX, MARKER, LOCK, IN_USE])
        .map(|name| root.join(name))
        .collect();
    paths.extend(list(&root.join(FACTS))?);
    let items = items
        .iter()
        .filter(|item| item.holding != Holding::Unfinished);
    paths.extend(items.flat_map(|item| item.paths.iter().cloned()));

    let mut findings: Vec<Finding> = paths
        .into_iter()
        .filter_map(|path| own(path, mending))
        .collect();
    let found = fs::mode(&fs::metadata(root)?);
    if found & OPEN != 0 {
        findings.push(finding(root.to_owned(), found, found & !OPEN, mending));
    }
    Ok(findings)
}

/// Whether the file system knows modes.
fn has_modes(store: &Store) -> Result<bool, FileError> {
    let folder = store.temporary();
    let file = AtomicFile::create_private_in(&folder)?;
    let metadata = file.file().metadata().at("read", &folder)?;
    Ok(fs::mode(&metadata) == PRIVATE_FILE_MODE)
}

/// What others may do with something in the store. A link has no mode of its own.
fn own(path: PathBuf, mending: Mending) -> Option<Finding> {
    let metadata = fs::symlink_metadata(&path).ok()?;
    let right = if metadata.is_dir() {
        PRIVATE_FOLDER_MODE
    } else if metadata.is_file() {
        PRIVATE_FILE_MODE
    } else {
        return None;
    };
    let found = fs::mode(&metadata);
    (found != right).then(|| finding(path, found, right, mending))
}

fn finding(path: PathBuf, found: u32, right: u32, mending: Mending) -> Finding {
    let mended = match mending {
        Mending::No => false,
        Mending::Alone | Mending::Careful(_) => fs::set_mode(&path, right).is_ok(),
    };
    Finding {
        path,
        trouble: Trouble::Mode { found, right },
        mended,
    }
}
