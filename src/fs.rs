//! Files: opened, read, walked and replaced, with errors that name the path.
//!
//! The only module that calls `std::fs`. What it writes appears whole or not at all, and what it lists is
//! sorted by bytes, so that neither a crash nor the file system's own order ever reaches a digest.

#![expect(
    clippy::disallowed_methods,
    reason = "the one place where std::fs is used"
)]

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::error::{FileError, IoResultExt};

/// Longest text file that [`read_to_string`] reads.
const TEXT_LIMIT: u64 = 16 << 20;

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
    let mut bytes = Vec::new();
    open(path)?
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
    String::from_utf8(read_limited(path, TEXT_LIMIT)?)
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

/// Closes the regular file at `path`, of which `metadata` was just read, to all but its owner.
///
/// It is no harm when that fails: the file may be somebody else's, or the file system without modes.
pub fn make_private(path: &Path, metadata: &Metadata) {
    if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
        let mode = Permissions::from_mode(PRIVATE_FILE_MODE);
        if let Err(error) = std::fs::set_permissions(path, mode) {
            tracing::debug!("`{}` stays open to others: {error}", path.display());
        }
    }
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

/// A file that appears under its name only when it is complete.
///
/// Dropped without [`AtomicFile::commit`], it leaves nothing behind.
///
/// ```
/// use std::io::Write;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("digest.txt");
/// let mut file = flink_img::fs::AtomicFile::create(&path)?;
/// file.write_all(b"sha256:...")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert!(path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    temporary: Temporary,
    path: PathBuf,
}

/// A file on its way.
#[derive(Debug)]
enum Temporary {
    /// Without a name in any folder, so that even a kill leaves nothing behind.
    Nameless(File),
    /// Where the file system has no such files.
    Named(NamedTempFile),
}

/// What names of temporary files begin with.
pub const PREFIX: &str = ".flink-img-";
/// As for any new file: the umask takes away what the user does not want.
const NEW_FILE_MODE: u32 = 0o666;
/// For what is nobody else's business.
const PRIVATE_FILE_MODE: u32 = 0o600;

/// The folder that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl AtomicFile {
    /// Starts a file that will be called `path`; its folder must exist.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        Self::with_mode(path, NEW_FILE_MODE)
    }

    /// The same for a file that only its owner may read and write, whatever the umask.
    pub fn create_private(path: &Path) -> Result<Self, FileError> {
        let file = Self::with_mode(path, PRIVATE_FILE_MODE)?;
        // A file system without modes cannot do this, and need not.
        let _ = rustix::fs::fchmod(file.file(), Mode::from_raw_mode(PRIVATE_FILE_MODE));
        Ok(file)
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, FileError> {
        Self::check(path)?;
        let folder = folder_of(path);
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let temporary = match rustix::fs::open(folder, flags, Mode::from_raw_mode(mode)) {
            Ok(file) => Temporary::Nameless(file.into()),
            // What forbids a file without a name forbids any; everything else is a file system that has none such.
            Err(
                error @ (Errno::NOENT
                | Errno::NOTDIR
                | Errno::ACCESS
                | Errno::ROFS
                | Errno::NOSPC
                | Errno::DQUOT),
            ) => return Err(io::Error::from(error)).at("create", path),
            Err(_) => Temporary::Named(
                tempfile::Builder::new()
                    .prefix(PREFIX)
                    .permissions(Permissions::from_mode(mode))
                    .tempfile_in(folder)
                    .at("create", path)?,
            ),
        };
        Ok(Self {
            temporary,
            path: path.to_owned(),
        })
    }

    /// Whether what is at `path` now may be replaced: a folder or a device may not, as no rename would bring it back.
    pub fn check(path: &Path) -> Result<(), FileError> {
        let Ok(metadata) = std::fs::metadata(path) else {
            return Ok(());
        };
        let error = if metadata.is_dir() {
            io::Error::from(io::ErrorKind::IsADirectory)
        } else if metadata.is_file() {
            return Ok(());
        } else {
            io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
        };
        Err(error).at("write", path)
    }

    /// Starts a file in `folder` whose name is only known once its bytes are; see [`AtomicFile::commit_as`].
    pub fn create_in(folder: &Path) -> Result<Self, FileError> {
        Self::create(&folder.join("unnamed"))
    }

    /// The open file, for readers of what was written so far.
    pub fn file(&self) -> &File {
        match &self.temporary {
            Temporary::Nameless(file) => file,
            Temporary::Named(file) => file.as_file(),
        }
    }

    /// Gives the file its name, once its bytes are on the disk.
    pub fn commit(self) -> Result<(), FileError> {
        let path = self.path.clone();
        self.commit_as(&path)
    }

    /// Gives the file the name `path`, on the same file system, once its bytes are on the disk.
    pub fn commit_as(self, path: &Path) -> Result<(), FileError> {
        self.file().sync_all().at("write", path)?;
        match self.temporary {
            Temporary::Nameless(file) => {
                // A link cannot take the place of a file, so there is a name in between for a moment.
                let open_file = format!("/proc/self/fd/{}", file.as_raw_fd());
                tempfile::Builder::new()
                    .prefix(PREFIX)
                    .make_in(folder_of(path), |name| {
                        let flags = AtFlags::SYMLINK_FOLLOW;
                        rustix::fs::linkat(CWD, open_file.as_str(), CWD, name, flags)?;
                        Ok(())
                    })
                    .at("create", path)?
                    .into_temp_path()
                    .persist(path)
                    .map_err(|error| error.error)
                    .at("replace", path)
            }
            Temporary::Named(file) => file
                .persist(path)
                .map(drop)
                .map_err(|error| error.error)
                .at("replace", path),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

/// Writes a whole file, which appears complete or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_all(AtomicFile::create(path)?, path, bytes)
}

/// The same for a file that only its owner may read and write.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_all(AtomicFile::create_private(path)?, path, bytes)
}

fn write_all(mut file: AtomicFile, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    file.write_all(bytes).at("write", path)?;
    file.commit()
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
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(list(folder.path()).unwrap().is_empty());
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "new");
        assert_eq!(list(folder.path()).unwrap().len(), 1);
        assert!(
            open(&folder.path().join("other"))
                .unwrap_err()
                .is_not_found()
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
