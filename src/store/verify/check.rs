//! Reading one thing in a store to its end, and comparing it with what vouches for it.

use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha512};

use super::Trouble;
use crate::error::{FileError, IoResultExt as _};
use crate::fs;
use crate::oci::{Digest, HashingReader, hex};
use crate::progress::Progress;
use crate::store::contents::{CHECKSUM, Holding, Item, digest, name};
use crate::store::facts;

/// How long a note beside an archive may be.
const NOTE_LIMIT: u64 = 64 << 10;
/// How much is hashed at once.
const PART: usize = 256 << 10;

/// What is the matter with `item`; nothing, too, if it is not there any more.
pub(super) fn trouble(item: &Item, progress: &dyn Progress) -> Option<Trouble> {
    let path = &item.paths[0];
    let found = match &item.holding {
        Holding::Unfinished => return Some(Trouble::Unfinished),
        Holding::Blob | Holding::Kept => blob(path, progress),
        Holding::Fact(kind) => fact(path, kind),
        Holding::Release => release(item, progress),
    };
    match found {
        Ok(trouble) => trouble,
        Err(error) if error.is_not_found() => None,
        Err(error) => Some(Trouble::Unreadable(error)),
    }
}

/// Whether something else than a file lies there; a link is something else.
fn is_no_file(path: &Path) -> Result<bool, FileError> {
    Ok(!fs::symlink_metadata(path)?.is_file())
}

fn blob(path: &Path, progress: &dyn Progress) -> Result<Option<Trouble>, FileError> {
    if is_no_file(path)? {
        return Ok(Some(Trouble::NotAFile));
    }
    let reader = Counted(fs::open(path)?, progress);
    let (found, _) = HashingReader::new(reader).finish().at("read", path)?;
    Ok((Some(found) != digest(path)).then_some(Trouble::Blob))
}

fn fact(path: &Path, kind: &str) -> Result<Option<Trouble>, FileError> {
    if is_no_file(path)? {
        return Ok(Some(Trouble::NotAFile));
    }
    let key = name(path).strip_suffix(facts::EXTENSION);
    let key = key.and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok());
    let bytes = fs::read_limited(path, facts::LIMIT)?;
    let is_sealed = key.is_some_and(|key| facts::unsealed(kind, key, &bytes).is_some());
    Ok((!is_sealed).then_some(Trouble::Fact))
}

fn release(item: &Item, progress: &dyn Progress) -> Result<Option<Trouble>, FileError> {
    let (notes, archives): (Vec<_>, Vec<_>) = item
        .paths
        .iter()
        .partition(|path| name(path).ends_with(CHECKSUM));
    let (note, archive) = match (notes.first(), archives.first()) {
        (Some(note), Some(archive)) => (*note, *archive),
        (None, _) => return Ok(Some(Trouble::Unchecked)),
        // It tells what the release is, also without its archive.
        (Some(_), None) => return Ok(None),
    };
    let note = fs::read_limited(note, NOTE_LIMIT)?;
    let mut hash = Sha512::new();
    let mut reader = Counted(fs::open(archive)?, progress);
    let mut part = vec![0; PART];
    loop {
        match reader.read(&mut part).at("read", archive)? {
            0 => break,
            length => hash.update(&part[..length]),
        }
    }
    let digest = hash.finalize();
    // As `sha512sum` writes it.
    let line = format!("{}  {}\n", hex(&digest), name(archive));
    Ok((!note.starts_with(line.as_bytes())).then_some(Trouble::Release))
}

/// Tells how far the reading is.
struct Counted<'a, R>(R, &'a dyn Progress);

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.advance(read as u64);
        Ok(read)
    }
}
