//! What can be wrong with an archive.

use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};

/// An archive that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file, or the folder for temporary files, could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder (or a device, a pipe) where a file is wanted.
    #[error("`{}` is {what}, not an archive", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
    },
    /// No archive at all.
    #[error("`{}` is not a tar archive: {what}", path.display())]
    NotATar {
        /// What was given.
        path: PathBuf,
        /// What it looks like.
        what: &'static str,
    },
    /// The archive ends in the middle.
    #[error("`{}` is cut short: it ends before the end of the archive", path.display())]
    CutShort {
        /// The archive.
        path: PathBuf,
    },
    /// Compression or headers make no sense.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// An entry that no honest archive of this kind has.
    #[error("`{}` has the entry `{entry}`, {trick}", path.display())]
    Refused {
        /// The archive.
        path: PathBuf,
        /// The entry, as far as it can be printed.
        entry: String,
        /// What is wrong with it.
        trick: Trick,
    },
    /// More of something than any honest archive has.
    #[error("`{}` {excess}", path.display())]
    TooMuch {
        /// The archive.
        path: PathBuf,
        /// Of what.
        excess: Excess,
    },
}

/// Why an entry is refused. Reads as the end of a sentence about the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Trick {
    #[error("whose path is absolute")]
    AbsolutePath,
    #[error("whose path has a `..`")]
    ParentPath,
    #[error("whose name has a NUL byte")]
    Nul,
    #[error("whose name is not UTF-8")]
    NotUtf8,
    #[error("whose path is longer than {0} bytes")]
    LongPath(usize),
    #[error("which is a device node")]
    Device,
    #[error("which is a named pipe")]
    Pipe,
    #[error("which is a sparse file, a form that tar programs read differently")]
    Sparse,
    #[error("which is of the unknown kind {0:?}")]
    UnknownKind(char),
    #[error("a link to `{0}`, which leaves the archive")]
    LinkLeaves(String),
    #[error("a hard link to `{0}`, which is no file before it")]
    HardLinkTarget(String),
    #[error("which is there twice")]
    Duplicate,
    #[error("which lies below `{0}`, and that is not a folder")]
    BelowNonFolder(String),
    #[error("whose size is given twice and differs, so that tar programs disagree on what follows")]
    AmbiguousSize,
    #[error("whose name is given twice, so that tar programs disagree on it")]
    AmbiguousName,
    #[error(
        "which is an extended header in a form that has none, so that tar programs disagree on what follows"
    )]
    UnmarkedExtension,
    #[error(
        "after which other data follows the end of the archive, which some tar programs read on"
    )]
    TrailingData,
}

/// What there is too much of. Reads as the end of a sentence about the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Excess {
    #[error("has more than {0} entries")]
    Entries(usize),
    #[error("unpacks to more than {0} bytes")]
    Bytes(u64),
    #[error("has more than {0} bytes of names and extended headers")]
    Names(usize),
    #[error("is compressed more than {0} times, as only a decompression bomb is")]
    Ratio(u64),
}

impl Explain for ArchiveError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Refused {
                trick: Trick::NotUtf8 | Trick::Sparse,
                ..
            }
            | Self::NotAFile { .. }
            | Self::NotATar { .. }
            | Self::CutShort { .. }
            | Self::Damaged { .. } => Kind::Input,
            Self::Refused { .. } | Self::TooMuch { .. } => Kind::Hostile,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::NotAFile { .. } => return None,
            Self::NotATar { .. } => {
                "give a tar archive: plain, or compressed with gzip, xz or zstd"
            }
            Self::CutShort { .. } | Self::Damaged { .. } => {
                "download or make it again; the copy is not complete"
            }
            Self::Refused {
                trick: Trick::Sparse,
                ..
            } => "make the archive again without `--sparse`",
            Self::Refused {
                trick: Trick::NotUtf8,
                ..
            } => "rename the file and make the archive again",
            Self::Refused { .. } | Self::TooMuch { .. } => {
                "do not trust this archive: get it again from where it is published, and verify its checksum"
            }
        };
        Some(hint.to_owned())
    }
}
