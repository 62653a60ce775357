//! Reads tar archives, plain or compressed, whoever made them.
//!
//! An archive is read once from start to end. A compressed one is unpacked into a file without a name in that
//! same pass, so that afterwards every entry can be read at random and in any order; a plain tar is used where
//! it is. Nothing is ever extracted under its own path, so that nothing can be written where it should not be.
//! What no honest archive has is refused by name: see [`Trick`] and [`Excess`].

mod error;
mod index;
mod members;
mod stream;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{FileError, IoResultExt};
use crate::fs::{self, RangeReader};
use crate::layer::{Content, ContentSource};
use crate::oci::{DiffId, Digest, HashingReader};

pub use error::{ArchiveError, Excess, Trick};
pub use index::resolve;

/// How an archive is compressed; known by its first bytes, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Gzip (RFC 1952), one member or several.
    Gzip,
    /// XZ.
    Xz,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// How much of everything an archive may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of the uncompressed tar.
    pub bytes: u64,
    /// Bytes of one path.
    pub path: usize,
    /// Bytes of all paths together, and of all extended headers: what is held in memory.
    pub names: usize,
    /// How many times larger than the file the tar may be.
    pub ratio: u64,
    /// From how many bytes of the tar on `ratio` is looked at.
    pub ratio_from: u64,
}

impl Default for Limits {
    /// Far above any Flink distribution or root file system.
    fn default() -> Self {
        Self {
            entries: 500_000,
            bytes: 64 << 30,
            path: 4096,
            names: 128 << 20,
            ratio: 200,
            ratio_from: 256 << 20,
        }
    }
}

/// What an archive of one kind may legitimately have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// A set of files that belong together: links stay inside, everything is there once, nothing is special.
    #[default]
    Files,
    /// A root file system: its absolute links are meant for another root, it may have devices and pipes, and
    /// programs that join trees write a folder twice or an entry below a link.
    RootFileSystem,
}

/// What to do while an archive is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What is allowed.
    pub policy: Policy,
    /// How much is allowed.
    pub limits: Limits,
    /// Whether every file is hashed, so that [`Archive::content`] need not read it again.
    pub hash_files: bool,
    /// Whether the tar and the file as it is stored are hashed: [`Archive::diff_id`], [`Archive::digest`].
    pub hash_archive: bool,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: MemberKind,
    /// Its permission bits.
    pub mode: u32,
}

/// What a [`Member`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A folder.
    Directory,
    /// A file.
    File(FileRange),
    /// A symbolic link, with its target as written.
    Symlink {
        /// The target.
        target: String,
    },
    /// Another name of a file that comes before it.
    HardLink {
        /// The path of that file, in the form of the index.
        target: String,
    },
    /// A device or named pipe; only where the policy allows them.
    Special(Trick),
}

/// Where the bytes of a file are in the uncompressed tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRange {
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub size: u64,
    /// Their digest, if it was asked for.
    pub digest: Option<Digest>,
}

/// An archive that was read, checked and indexed.
///
/// ```no_run
/// use std::path::Path;
/// use flink_img::archive::{Archive, Options};
///
/// let archive = Archive::open(Path::new("flink.tgz"), Path::new("/var/tmp"), &Options::default())?;
/// for (path, member) in archive.members() {
///     println!("{path} {:o}", member.mode);
/// }
/// # Ok::<(), flink_img::archive::ArchiveError>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: Arc<File>,
    compression: Compression,
    members: BTreeMap<String, Member>,
    digest: Option<Digest>,
    diff_id: Option<DiffId>,
    tar_size: u64,
    stored_size: u64,
}

impl Archive {
    /// Reads the archive at `path`; `spool` is the folder for the unpacked bytes of a compressed one.
    pub fn open(path: &Path, spool: &Path, options: &Options) -> Result<Self, ArchiveError> {
        if let Some(what) = fs::other_than_file(path)? {
            return Err(ArchiveError::NotAFile {
                path: path.to_owned(),
                what,
            });
        }
        let file = fs::open(path)?;
        let stored_size = file.metadata().at("read", path)?.len();
        let compression = detect(path, &file)?;
        let spool_file = match compression {
            Compression::None => None,
            _ => Some(fs::unnamed(spool)?),
        };
        let reading = file.try_clone().at("read", path)?;
        let setup = stream::Setup {
            path,
            spool,
            compression,
            limits: &options.limits,
            hash: options.hash_archive,
        };
        let mut stream = stream::Stream::new(setup, reading, spool_file)?;
        let mut index = index::Index::new(path, options.policy, &options.limits);
        members::read(&mut stream, &mut index, options.hash_files)?;
        let finished = stream.finish()?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(finished.spool.unwrap_or(file)),
            compression,
            members: index.into_members(),
            digest: finished.digest,
            diff_id: finished.diff_id,
            tar_size: finished.size,
            stored_size,
        })
    }

    /// What was given to [`Archive::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// All entries by path (without `./` and trailing slash), in byte order.
    pub fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// The digest of the file as it is stored, with [`Options::hash_archive`].
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The digest of the uncompressed tar, with [`Options::hash_archive`].
    pub fn diff_id(&self) -> Option<DiffId> {
        self.diff_id
    }

    /// The size of the uncompressed tar.
    pub fn tar_size(&self) -> u64 {
        self.tar_size
    }

    /// The size of the file as it is stored.
    pub fn stored_size(&self) -> u64 {
        self.stored_size
    }

    /// The uncompressed tar, open for reading by position.
    pub fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The uncompressed tar as a whole.
    pub fn tar(&self) -> RangeReader {
        self.reader(&FileRange {
            offset: 0,
            size: self.tar_size,
            digest: None,
        })
    }

    /// Reads the bytes of a file.
    pub fn reader(&self, range: &FileRange) -> RangeReader {
        RangeReader::new(Arc::clone(&self.file), range.offset, range.size)
    }

    /// The file as something that a layer can hold; hashes it now unless that was done while reading.
    pub fn content(&self, path: &str, range: &FileRange) -> Result<Content, FileError> {
        let digest = match range.digest {
            Some(digest) => digest,
            None => {
                HashingReader::new(self.reader(range))
                    .finish()
                    .at("read", &self.path)?
                    .0
            }
        };
        Ok(Content {
            digest,
            size: range.size,
            source: ContentSource::Range {
                file: Arc::clone(&self.file),
                name: format!("{}:{path}", self.path.display()).into(),
                offset: range.offset,
            },
        })
    }
}

/// How a stream is compressed, by its first bytes: 8 are enough, and fewer are only taken for what they surely are.
///
/// ```
/// use flink_img::archive::{Compression, compression_of};
///
/// assert_eq!(compression_of(&[0x1f, 0x8b, 8, 0]), Compression::Gzip);
/// assert_eq!(compression_of(b"etc/passwd"), Compression::None);
/// ```
pub fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Knows an archive by its first bytes, and names what is certainly no tar.
fn detect(path: &Path, file: &File) -> Result<Compression, ArchiveError> {
    let mut magic = [0; 8];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read_at(&mut magic[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).at("read", path).map_err(Into::into),
        }
    }
    let head = &magic[..filled];
    let what = match head {
        [] => "it is empty",
        [b'B', b'Z', b'h', ..] => "it is compressed with bzip2, which is not supported",
        [b'P', b'K', 3, 4, ..] => "it is a zip or jar file",
        [b'<', ..] => "it looks like a web page, as a failed download leaves behind",
        _ => return Ok(compression_of(head)),
    };
    Err(ArchiveError::NotATar {
        path: path.to_owned(),
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_compressions_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\x1f\x8b\x08"[..], Compression::Gzip),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\xfd7zX", Compression::None),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
            (b"\x28\xb5", Compression::None),
            (b"manifest.json", Compression::None),
            (b"", Compression::None),
        ] {
            assert_eq!(compression_of(head), expected, "{head:?}");
        }
    }
}
