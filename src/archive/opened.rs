//! An archive that was read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stream::{self, Stream};
use super::{
    ArchiveError, Compression, FileRange, Limits, Member, Options, compression_of, index, members,
};
use crate::error::{FileError, IoResultExt};
use crate::fs::{self, RangeReader};
use crate::layer::{Content, ContentSource};
use crate::oci::{DiffId, Digest, HashingReader, LazyFile};

/// As many of the first bytes as tell what a file is.
const HEAD: u64 = 8;

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
    tar: Arc<LazyFile>,
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
        Self::of(path, find(path)?, spool, options)
    }

    /// Reads the archive in an open file.
    pub(super) fn of(
        path: &Path,
        file: File,
        spool: &Path,
        options: &Options,
    ) -> Result<Self, ArchiveError> {
        let source = file.try_clone().at("read", path)?;
        Self::read(path, source, LazyFile::opened(file), (spool, options))
    }

    /// Reads an archive while it comes in from elsewhere; it will be the file `path` once it is complete.
    ///
    /// ```
    /// use std::path::Path;
    /// use flink_img::archive::{Archive, Options};
    ///
    /// let spool = tempfile::tempdir()?;
    /// let coming = std::io::Cursor::new(vec![0; 1024]);
    /// let path = Path::new("flink.tar");
    /// let archive = Archive::from_stream(path, coming, spool.path(), &Options::default())?;
    /// assert!(archive.members().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_stream(
        path: &Path,
        source: impl Read + 'static,
        spool: &Path,
        options: &Options,
    ) -> Result<Self, ArchiveError> {
        let complete = path.to_owned();
        let plain = LazyFile::new(move || {
            let file = fs::open(&complete).map_err(io::Error::other)?;
            Ok(Arc::new(file))
        });
        Self::read(path, source, plain, (spool, options))
    }

    /// Reads `source` to its end; `plain` is the same file, to be read again if it is not compressed.
    fn read(
        path: &Path,
        mut source: impl Read + 'static,
        plain: LazyFile,
        (spool, options): (&Path, &Options),
    ) -> Result<Self, ArchiveError> {
        let mut head = Vec::new();
        (&mut source)
            .take(HEAD)
            .read_to_end(&mut head)
            .at("read", path)?;
        let compression = detect(path, &head)?;
        let spool_file = match compression {
            Compression::None => None,
            _ => Some(fs::unnamed(spool)?),
        };
        let setup = stream::Setup {
            path,
            spool,
            compression,
            limits: &options.limits,
            hash: options.hash_archive,
        };
        let whole = Box::new(Cursor::new(head).chain(source));
        let mut stream = Stream::new(setup, whole, spool_file)?;
        let mut index = index::Index::new(path, options.policy, &options.limits);
        members::read(&mut stream, &mut index, options.hash_files)?;
        index.check_links()?;
        let finished = stream.finish()?;
        Ok(Self {
            path: path.to_owned(),
            tar: Arc::new(finished.spool.map_or(plain, LazyFile::private)),
            compression,
            members: index.into_members(),
            digest: finished.digest,
            diff_id: finished.diff_id,
            tar_size: finished.size,
            stored_size: finished.stored_size,
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

    /// The uncompressed tar.
    pub fn tar(&self) -> Arc<LazyFile> {
        Arc::clone(&self.tar)
    }

    /// Reads the bytes of a file.
    pub fn reader(&self, range: &FileRange) -> Result<RangeReader, FileError> {
        let file = self.tar.file().at("read", &self.path)?;
        Ok(RangeReader::new(file, range.offset, range.size))
    }

    /// The file as something that a layer can hold; hashes it now unless that was done while reading.
    pub fn content(&self, path: &str, range: &FileRange) -> Result<Content, FileError> {
        let digest = match range.digest {
            Some(digest) => digest,
            None => {
                HashingReader::new(self.reader(range)?)
                    .finish()
                    .at("read", &self.path)?
                    .0
            }
        };
        Ok(Content {
            digest,
            size: range.size,
            source: ContentSource::Range {
                file: Arc::clone(&self.tar),
                name: format!("{}:{path}", self.path.display()).into(),
                offset: range.offset,
            },
        })
    }
}

/// Opens a file that may be an archive.
pub(super) fn find(path: &Path) -> Result<File, ArchiveError> {
    match fs::other_than_file(path)? {
        None => Ok(fs::open(path)?),
        Some(what) => Err(ArchiveError::NotAFile {
            path: path.to_owned(),
            what,
        }),
    }
}

/// The uncompressed tar in an open file: the file itself, or what it unpacks to.
pub(super) fn unpack(
    path: &Path,
    file: File,
    spool: &Path,
    limits: &Limits,
) -> Result<File, ArchiveError> {
    let mut head = Vec::new();
    (&file).take(HEAD).read_to_end(&mut head).at("read", path)?;
    (&file).rewind().at("read", path)?;
    let compression = detect(path, &head)?;
    if compression == Compression::None {
        return Ok(file);
    }
    let setup = stream::Setup {
        path,
        spool,
        compression,
        limits,
        hash: false,
    };
    let mut stream = Stream::new(setup, Box::new(file), Some(fs::unnamed(spool)?))?;
    stream.skip_to_end()?;
    Ok(stream.finish()?.spool.expect("it was given one"))
}

/// Knows an archive by its first bytes, and names what is certainly no tar.
fn detect(path: &Path, head: &[u8]) -> Result<Compression, ArchiveError> {
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
