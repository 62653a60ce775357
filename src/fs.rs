//! Files: opened, read, walked and replaced, with errors that name the path.
//!
//! The only module that calls `std::fs`. What it writes appears whole or not at all, and what it lists is
//! sorted by bytes, so that neither a crash nor the file system's own order ever reaches a digest.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place where std::fs is used"
)]

mod atomic;
pub mod toml;

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW};

use crate::error::{FileError, IoResultExt};

pub use atomic::{AtomicFile, PREFIX, write_atomic, write_private};

/// Longest text that [`read_to_string`] and [`read_stdin`] read.
const TEXT_LIMIT: u64 = 16 << 20;
/// The mode of a file that is nobody else's business.
pub const PRIVATE_FILE_MODE: u32 = 0o600;
/// The mode of a folder that is nobody else's business.
pub const PRIVATE_FOLDER_MODE: u32 = 0o700;

/// Opens a regular file for reading. A folder, a device or a pipe is an error.
pub fn open(path: &Path) -> Result<File, FileError> {
    // Asked before opening, because opening a pipe would wait for its writer.
    let kind = std::fs::metadata(path).at("open", path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory)).at("open", path);
    }
    if !kind.is_file() {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(error).at("open", path);
    }
    File::open(path).at("open", path)
}

/// What stands at `path` instead of a file, with its article; `None` when it is a file.
///
/// Asked before opening, because opening a pipe would wait for its writer.
pub fn other_than_file(path: &Path) -> Result<Option<&'static str>, FileError> {
    let metadata = metadata(path)?;
    Ok(if metadata.is_dir() {
        Some("a folder")
    } else if metadata.is_file() {
        None
    } else {
        Some("a device or pipe")
    })
}

/// Reads a file of at most `limit` bytes; a larger one is an error, not a cut.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    limited(open(path)?, limit, path)
}

/// All of a source that is called `path`.
fn limited(source: impl Read, limit: u64, path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .at("read", path)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message)).at("read", path);
    }
    Ok(bytes)
}

/// Reads a text file of at most 16 MiB.
pub fn read_to_string(path: &Path) -> Result<String, FileError> {
    text(read_limited(path, TEXT_LIMIT)?, path)
}

/// Reads as much of stdin as of a text file.
pub fn read_stdin() -> Result<String, FileError> {
    let path = Path::new("stdin");
    text(limited(io::stdin().lock(), TEXT_LIMIT, path)?, path)
}

fn text(bytes: Vec<u8>, path: &Path) -> Result<String, FileError> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
        .at("read", path)
}

/// What the file at `path` is, following links.
pub fn metadata(path: &Path) -> Result<Metadata, FileError> {
    std::fs::metadata(path).at("read", path)
}

/// What the file at `path` is, not following a link.
pub fn symlink_metadata(path: &Path) -> Result<Metadata, FileError> {
    std::fs::symlink_metadata(path).at("read", path)
}

/// The target of a symbolic link, as it is written in it.
pub fn read_link(path: &Path) -> Result<PathBuf, FileError> {
    std::fs::read_link(path).at("read", path)
}

/// The time, to be compared with that of files: the only place where a clock is read for them.
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Opens (or makes) a file that is only there to be locked.
pub fn open_lock(path: &Path) -> Result<File, FileError> {
    // To share a lock, NFS wants a file that is open for reading.
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(PRIVATE_FILE_MODE)
        .open(path)
        .at("lock", path)
}

/// Marks the file at `path`, of which `metadata` was just read, as used now: its time of change tells that.
///
/// Only when that time is more than `interval` ago, so that what is used all the time is not written to all the time.
/// It is no harm when it fails: the file may be somebody else's, or the file system read-only.
pub fn touch(path: &Path, metadata: &Metadata, interval: Duration) {
    let age = metadata
        .modified()
        .map(|time| SystemTime::now().duration_since(time));
    // A time that is still to come is set right too.
    if matches!(age, Ok(Ok(age)) if age < interval) {
        return;
    }
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let both = Timestamps {
        last_access: now,
        last_modification: now,
    };
    if let Err(error) = rustix::fs::utimensat(CWD, path, &both, AtFlags::empty()) {
        tracing::debug!("`{}` is not marked as used: {error}", path.display());
    }
}

/// Who may do what with the file or folder: the nine bits for owner, group and all others.
pub fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o777
}

/// Says who may do what with the file or folder at `path`.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FileError> {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).at("change", path)
}

/// Removes a file, a link, or a folder with all that is in it; one that is gone already is fine.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", path),
    }
}

/// The absolute path without links.
pub fn canonicalize(path: &Path) -> Result<PathBuf, FileError> {
    std::fs::canonicalize(path).at("find", path)
}

/// Creates a folder and what is missing above it; `mode` (before the umask) is for those that are created.
pub fn create_dir_all(path: &Path, mode: Option<u32>) -> Result<(), FileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    if let Some(mode) = mode {
        builder.mode(mode);
    }
    builder.create(path).at("create", path)
}

/// The folder that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Brings the names in a folder to the disk: what was committed in it is found there after a power cut too.
pub fn sync_folder(path: &Path) -> Result<(), FileError> {
    let synced = File::open(path).at("open", path)?.sync_all();
    match synced.as_ref().map_err(io::Error::kind) {
        // Not every file system does that to a folder.
        Err(io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        _ => synced.at("write", path),
    }
}

/// Renames `from` to `to`, replacing what is there.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).at("replace", to)
}

/// The names in one folder, sorted by bytes.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).at("list", path)? {
        paths.push(entry.at("list", path)?.path());
    }
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    Ok(paths)
}

/// One file, folder or link below the folder that was walked.
#[derive(Debug, Clone)]
pub struct WalkEntry {
    /// Where it is.
    pub path: PathBuf,
    /// The same, relative to the folder that was walked.
    pub relative: PathBuf,
    /// What it is, links not followed.
    pub metadata: Metadata,
}

/// Everything below `root`, sorted by the bytes of the relative path.
///
/// `root` itself may be a link to a folder; links below it are listed and not followed.
pub fn walk(root: &Path) -> Result<Vec<WalkEntry>, FileError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for path in list(&root.join(&folder))? {
            let metadata = symlink_metadata(&path)?;
            let relative = folder.join(path.file_name().expect("a listed path has a name"));
            if metadata.is_dir() {
                folders.push(relative.clone());
            }
            found.push(WalkEntry {
                path,
                relative,
                metadata,
            });
        }
    }
    found.sort_by(|a, b| {
        let [a, b] = [a, b].map(|entry| entry.relative.as_os_str().as_bytes());
        a.cmp(b)
    });
    Ok(found)
}

/// A file without a name in `folder` (created if missing); it is gone once it is closed, however that happens.
pub fn unnamed(folder: &Path) -> Result<File, FileError> {
    create_dir_all(folder, None)?;
    tempfile::tempfile_in(folder).at("create a temporary file in", folder)
}

/// A part of an open file, read by position, so that many readers can share the file.
///
/// A file that ends before the part does is an error.
#[derive(Debug)]
pub struct RangeReader {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl RangeReader {
    /// Reads `length` bytes from `offset`.
    pub fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            left: length,
        }
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.file.read_at(&mut buffer[..wanted], self.offset)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_sorted_by_bytes_and_does_not_follow_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        create_dir_all(&root.join("b/deep"), Some(0o700)).unwrap();
        for name in ["b/deep/x", "b-file", "a", "Z"] {
            write_atomic(&root.join(name), name.as_bytes()).unwrap();
        }
        std::os::unix::fs::symlink("b", root.join("link")).unwrap();
        let names: Vec<_> = walk(root)
            .unwrap()
            .into_iter()
            .map(|entry| entry.relative.display().to_string())
            .collect();
        assert_eq!(
            names,
            ["Z", "a", "b", "b-file", "b/deep", "b/deep/x", "link"]
        );
    }

    #[test]
    fn a_file_is_marked_as_used_once_in_a_while() {
        const HOUR: Duration = Duration::from_secs(3600);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_private(&path, b"x").unwrap();
        let set = |age: Duration| {
            let time = SystemTime::now() - age;
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(time).unwrap();
            metadata(&path).unwrap().modified().unwrap()
        };
        let touched = || {
            touch(&path, &metadata(&path).unwrap(), HOUR);
            metadata(&path).unwrap().modified().unwrap()
        };
        let recent = set(HOUR / 2);
        assert_eq!(touched(), recent);
        let old = set(2 * HOUR);
        assert!(touched() > old + HOUR);
    }

    #[test]
    fn a_large_file_is_refused_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        write_atomic(&path, &[b'x'; 11]).unwrap();
        assert_eq!(read_limited(&path, 11).unwrap().len(), 11);
        let error = read_limited(&path, 10).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "it is larger than 10 bytes");
    }
}
