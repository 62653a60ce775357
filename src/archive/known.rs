//! What was found in an archive before, so that it need not be read again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::opened::{find, unpack};
use super::{Archive, ArchiveError, Limits, Options};
use crate::error::IoResultExt as _;
use crate::fs;
use crate::memory::{Memory, Sighting};
use crate::oci::LazyFile;

/// Raised whenever the rules of the reader change, so that what was found by others is asked again.
const RULES: u32 = 2;

/// What somebody wants to know of an archive.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The kind under which answers are remembered.
    pub kind: &'a str,
    /// All that decides the answer besides the archive: a version that is raised when other things are learnt, a name.
    pub rules: &'a str,
}

/// How archives are read and remembered.
#[derive(Debug, Clone, Copy)]
pub struct Setup<'a> {
    /// The folder for the unpacked bytes of compressed ones.
    pub spool: &'a Path,
    /// What is allowed, and what is hashed.
    pub options: &'a Options,
    /// Where answers are remembered.
    pub memory: &'a dyn Memory,
}

/// Answers a question about the archive at `path`, and hands out its uncompressed tar.
///
/// The archive is read, and `learn` called, only if the answer is not remembered or the archive changed since. Else it is
/// not read before somebody wants bytes of its tar; who reads them checks them against the digests of the answer. A
/// refusal is never remembered.
pub fn ask<T, E>(
    path: &Path,
    setup: &Setup<'_>,
    question: &Question<'_>,
    learn: impl FnOnce(&Archive) -> Result<T, E>,
) -> Result<(T, Arc<LazyFile>), E>
where
    T: Serialize + DeserializeOwned,
    E: From<ArchiveError>,
{
    let Setup {
        spool,
        options,
        memory,
    } = *setup;
    let file = find(path)?;
    let metadata = file.metadata().at("read", path).map_err(into::<E>)?;
    let sighting = Sighting::new(path, &metadata, fs::now());
    let rules = format!("{RULES} {options:?} {}", question.rules);
    if let Some(fact) = sighting.recall(memory, question.kind, &rules) {
        let tar = lazily(path, spool, options.limits, Some(sighting));
        return Ok((fact, Arc::new(tar)));
    }
    let archive = Archive::of(path, file, spool, options)?;
    let fact = learn(&archive)?;
    let now = fs::metadata(path).map_err(into::<E>)?;
    sighting.remember(memory, question.kind, &rules, &now, &fact);
    Ok((fact, archive.tar()))
}

fn into<E: From<ArchiveError>>(error: crate::error::FileError) -> E {
    ArchiveError::from(error).into()
}

/// The uncompressed tar of the archive at `path`, whose bytes are known by other means; it is opened, and unpacked into the
/// folder `spool`, when somebody reads from it.
pub fn unpacked(path: &Path, spool: &Path) -> LazyFile {
    lazily(path, spool, Limits::default(), None)
}

fn lazily(path: &Path, spool: &Path, limits: Limits, expected: Option<Sighting>) -> LazyFile {
    let paths: (PathBuf, PathBuf) = (path.to_owned(), spool.to_owned());
    LazyFile::new(move || {
        let (path, spool) = &paths;
        let open = || {
            let file = find(path)?;
            let metadata = file.metadata().at("read", path)?;
            if expected.as_ref().is_some_and(|seen| !seen.is_of(&metadata)) {
                let message = "it changed while the image was being built";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message))
                    .at("read", path)
                    .map_err(Into::into);
            }
            unpack(path, file, spool, &limits)
        };
        open().map(Arc::new).map_err(|error| match error {
            ArchiveError::File(error) => io::Error::other(error),
            error => io::Error::other(error),
        })
    })
}
