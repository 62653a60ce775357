//! Files that appear under their names whole, or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use super::{PRIVATE_FILE_MODE, folder_of};
use crate::error::{FileError, IoResultExt};

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

impl Temporary {
    fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(folder, flags, Mode::from_raw_mode(mode)) {
            Ok(file) => Ok(Self::Nameless(file.into())),
            // What forbids a file without a name forbids any; everything else is a file system that has none such.
            Err(
                error @ (Errno::NOENT
                | Errno::NOTDIR
                | Errno::ACCESS
                | Errno::ROFS
                | Errno::NOSPC
                | Errno::DQUOT),
            ) => Err(error.into()),
            Err(_) => tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(mode))
                .tempfile_in(folder)
                .map(Self::Named),
        }
    }
}

impl AtomicFile {
    /// Starts a file that will be called `path`; its folder must exist.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        Self::with_mode(path, NEW_FILE_MODE)
    }

    /// The same for a file that only its owner may read and write, whatever the umask.
    pub fn create_private(path: &Path) -> Result<Self, FileError> {
        Ok(Self::with_mode(path, PRIVATE_FILE_MODE)?.private())
    }

    /// Starts a file in `folder` whose name is only known once its bytes are; see [`AtomicFile::commit_as`].
    pub fn create_in(folder: &Path) -> Result<Self, FileError> {
        Self::in_folder(folder, NEW_FILE_MODE)
    }

    /// The same for a file that only its owner may read and write, whatever the umask.
    pub fn create_private_in(folder: &Path) -> Result<Self, FileError> {
        Ok(Self::in_folder(folder, PRIVATE_FILE_MODE)?.private())
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, FileError> {
        Self::check(path)?;
        Ok(Self {
            temporary: Temporary::create(folder_of(path), mode).at("create", path)?,
            path: path.to_owned(),
        })
    }

    fn in_folder(folder: &Path, mode: u32) -> Result<Self, FileError> {
        Ok(Self {
            temporary: Temporary::create(folder, mode).at("create a file in", folder)?,
            path: folder.join("unnamed"),
        })
    }

    fn private(self) -> Self {
        // A file system without modes cannot do this, and need not.
        let _ = rustix::fs::fchmod(self.file(), Mode::from_raw_mode(PRIVATE_FILE_MODE));
        self
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
    use crate::fs::{list, open, read_to_string};

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
}
