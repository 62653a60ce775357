//! The file system, for everybody else in this crate: errors name the path, writes are atomic, walks are sorted.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the others are sent to"
)]

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{FileError, IoResultExt as _};

/// Opens a regular file for reading. A folder, a device or a pipe is an error.
pub fn open(path: &Path) -> Result<File, FileError> {
    let file = File::open(path).at("read", path)?;
    let metadata = file.metadata().at("read", path)?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory)).at("read", path);
    }
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ))
        .at("read", path);
    }
    Ok(file)
}

/// Reads a whole file that must not be larger than `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .at("read", path)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message)).at("read", path);
    }
    Ok(bytes)
}

/// What is known of a file without opening it; links are followed.
pub fn metadata(path: &Path) -> Result<Metadata, FileError> {
    std::fs::metadata(path).at("read", path)
}

/// Where a symbolic link points.
pub fn read_link(path: &Path) -> Result<PathBuf, FileError> {
    std::fs::read_link(path).at("read", path)
}

/// The absolute path without links.
pub fn canonicalize(path: &Path) -> Result<PathBuf, FileError> {
    std::fs::canonicalize(path).at("read", path)
}

/// The names in a folder with what they are (links not followed), sorted by bytes.
pub fn list(path: &Path) -> Result<Vec<(std::ffi::OsString, Metadata)>, FileError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).at("read", path)? {
        let entry = entry.at("read", path)?;
        names.push((
            entry.file_name(),
            entry.metadata().at("read", &entry.path())?,
        ));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

/// Makes a folder and its parents, readable by the user alone; one that is there is left as it is.
pub fn create_private_dir(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .at("create", path)
}

/// Makes a folder and its parents with the user's own umask.
pub fn create_dir_all(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).at("create", path)
}

/// Moves a file or folder; the target is replaced in one step.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    std::fs::rename(from, to).at("replace", to)
}

/// Removes a file. One that is not there is fine.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// Opens (or makes) a file that is only there to be locked.
pub fn open_lock(path: &Path) -> Result<File, FileError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .at("lock", path)
}

/// A file that appears under its name only when it is whole.
///
/// Dropped without [`AtomicFile::commit`], it leaves nothing behind. A killed process leaves at most a file with a
/// name of its own, never a half-written target.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    target: PathBuf,
}

impl AtomicFile {
    /// Starts a file that will be `target`, in the same folder.
    pub fn new(target: &Path) -> Result<Self, FileError> {
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".flink-img-")
            .tempfile_in(folder)
            .at("create", target)?;
        Ok(Self {
            file,
            target: target.to_owned(),
        })
    }

    /// Starts a file below `folder` whose target is only known later; see [`AtomicFile::commit_as`].
    pub fn new_in(folder: &Path) -> Result<Self, FileError> {
        Self::new(&folder.join("unnamed"))
    }

    /// Syncs the bytes to the disk and gives the file its name, with the mode that the umask leaves of `0666`.
    pub fn commit(self) -> Result<(), FileError> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = 0o666 & !umask();
        self.file
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(mode))
            .at("write", &self.target)?;
        let target = self.target.clone();
        self.commit_as(&target)
    }

    /// Syncs the bytes to the disk and gives the file the name `target`, readable by the user alone.
    pub fn commit_as(self, target: &Path) -> Result<(), FileError> {
        self.file.as_file().sync_data().at("write", target)?;
        self.file
            .persist(target)
            .map(drop)
            .map_err(|error| error.error)
            .at("write", target)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The umask of the process; asking for it means setting it, so it is put back at once.
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::umask(mask);
    mask.as_raw_mode()
}

/// Writes a whole file at once: it has either the old content or the new.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = AtomicFile::new(path)?;
    file.write_all(bytes).at("write", path)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x");
        let mut file = AtomicFile::new(&target).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(list(folder.path()).unwrap().len(), 0);
        write_atomic(&target, b"whole").unwrap();
        write_atomic(&target, b"again").unwrap();
        assert_eq!(read_limited(&target, 5).unwrap(), b"again");
        assert_eq!(list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn errors_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path().join("absent"),
            folder.path().to_owned(),
            "/dev/null".into(),
        ] {
            let error = open(&path).unwrap_err().to_string();
            assert_eq!(error, format!("Failed to read `{}`", path.display()));
        }
        let file = folder.path().join("file");
        write_atomic(&file, b"12345").unwrap();
        assert!(read_limited(&file, 4).is_err());
    }

    #[test]
    fn lists_by_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b", "a", "B", "a-"] {
            write_atomic(&folder.path().join(name), b"").unwrap();
        }
        let names: Vec<_> = list(folder.path())
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["B", "a", "a-", "b"]);
    }
}
