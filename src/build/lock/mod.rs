//! `flink-img.lock`: what was resolved for an image, so that it can be built from just that, and its digest be told
//! without building it.
//!
//! `file` is the form and `changes` tells two locks apart. `record` makes the lock of a build, `pins` is what a lock gives to
//! one, and `digest` tells what an image will be from its lock and its job.

mod changes;
mod digest;
mod file;
mod pins;
mod record;
mod take;

use std::path::PathBuf;

pub use changes::Change;
pub use digest::digest;
pub use file::{
    Lock, LockedArtifact, LockedBase, LockedBaseLayer, LockedFlink, LockedLayer, LockedPlatform,
    LockedRequest,
};
pub(super) use pins::Asked;
pub use take::{stale, take};

use crate::error::{Explain, FileError, Kind};
use crate::fs::toml::TomlError;

/// A lock that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no lock.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// The file has a form that this program does not know.
    #[error("`{}` has the form {found}, and this program knows the form {known}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
        /// The form of this program.
        known: u32,
    },
    /// The file says one thing and another.
    #[error("`{}` contradicts itself: {what}", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// How. Reads as the end of the sentence.
        what: &'static str,
    },
    /// What is to be built is not what was locked.
    #[error("The image is not the one that is locked: {}", list(changes))]
    Stale {
        /// What differs.
        changes: Vec<Change>,
    },
    /// A setting that would be in the lock for everybody to read.
    #[error("The setting `{key}` looks like a secret, and a lock has no secrets")]
    Secret {
        /// Its key.
        key: String,
    },
    /// A file of the user of which the lock does not tell whether it can be there.
    #[error("`{path}` was not there when the image was locked, and Flink may have that place")]
    Place {
        /// Where it is to be.
        path: String,
    },
    /// A lock that is not what would be locked now.
    #[error("`{}` is stale", path.display())]
    Old {
        /// The file.
        path: PathBuf,
    },
    /// A file that is no lock, where one was to be written.
    #[error("`{}` is there, and is no lock that this program wrote", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// A layer was made that is another one than the lock says.
    #[error(
        "The same inputs gave another image than the one that is locked: {}",
        list(changes)
    )]
    OtherLayers {
        /// What differs.
        changes: Vec<Change>,
    },
}

fn list(changes: &[Change]) -> String {
    let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
    changes.join("; ")
}

impl Explain for LockError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Toml(error) => error.kind(),
            Self::Form { .. } | Self::Contradiction { .. } => Kind::Input,
            Self::Stale { .. } | Self::Old { .. } | Self::Place { .. } => Kind::Incompatible,
            Self::Other { .. } | Self::Secret { .. } => Kind::Usage,
            Self::OtherLayers { .. } => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) if error.is_not_found() => {
                "write it with `flink-img lock`, and commit it".to_owned()
            }
            Self::File(error) => return error.hint(),
            Self::Form { .. } => "use the version of `flink-img` that wrote it, or remove it".to_owned(),
            Self::Toml(_) | Self::Contradiction { .. } => {
                "write it anew with `flink-img lock`".to_owned()
            }
            Self::Old { .. } => {
                "write it anew with `flink-img lock`, and look at what changed".to_owned()
            }
            Self::Stale { .. } => {
                "undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program"
                    .to_owned()
            }
            Self::Secret { .. } => {
                "leave it out of the image, and give it at the start in `FLINK_PROPERTIES`, from a secret of the cluster"
                    .to_owned()
            }
            Self::Place { .. } => {
                "write the lock anew with `flink-img lock` and the same words".to_owned()
            }
            Self::Other { .. } => "name another file with `--lock-file`, or remove it".to_owned(),
            Self::OtherLayers { .. } => {
                "find out which of the two machines is wrong, then write the lock anew with `flink-img lock`".to_owned()
            }
        })
    }
}

#[cfg(test)]
mod tests;
