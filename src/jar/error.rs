//! Jars that cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Explain, FileError, Kind};

/// A jar that cannot be read, or not be written anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say")]
pub enum JarError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a zip file.
    #[error("`{}` is not a jar: it is not a zip file", path.display())]
    NotAJar { path: PathBuf },
    /// A zip file that cannot be read.
    #[error("`{}` is a damaged jar: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// More than any honest jar has.
    #[error("`{}` is no jar that can be read here: {reason}", path.display())]
    TooLarge { path: PathBuf, reason: String },
    /// A jar that cannot be put in order.
    #[error("`{}` cannot be normalised: {reason}", path.display())]
    NotNormalizable { path: PathBuf, reason: String },
    /// The jar that was put in order could not be written.
    #[error("Failed to write the normalised copy of `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl JarError {
    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// What is wrong with the bytes of the jar, whatever the file is called; `None` if it was not they.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::File(_) | Self::Write { .. } => None,
            Self::NotAJar { .. } => Some("it is not a zip file"),
            Self::Damaged { reason, .. }
            | Self::TooLarge { reason, .. }
            | Self::NotNormalizable { reason, .. } => Some(reason),
        }
    }
}

impl Explain for JarError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Write { .. } => Kind::Storage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::NotAJar { .. } => "name the jar that your build makes, as `target/job.jar`",
            Self::Damaged { .. } => "build or download it again; the copy may not be complete",
            Self::Write { .. } => {
                "free some space, or name a folder on a larger disk with `--cache-dir`"
            }
            Self::TooLarge { .. } => "leave out of it what the job does not need",
            Self::NotNormalizable { .. } => {
                "let the build of the jar write fixed times and sorted entries"
            }
        };
        Some(hint.to_owned())
    }
}
