//! Why packages cannot be added to a base.

use std::io;

use super::record::RecordError;
use super::repository::DownloadError;
use super::resolve::ResolveError;
use crate::base::BaseError;
use crate::error::{Explain, FileError, Kind};
use crate::layer::ImagePathError;
use crate::store::StoreError;

/// How many characters of a foreign text are shown.
const SHOWN: usize = 100;

/// A foreign text for a message: one line, and not too long a one.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(SHOWN).collect();
    let more = if characters.next().is_some() {
        "…"
    } else {
        ""
    };
    format!("{}{more}", start.escape_debug())
}

/// An error whose message may quote foreign names, as one line.
pub(super) fn on_one_line(error: io::Error) -> io::Error {
    let text = error.to_string();
    if text.contains(char::is_control) {
        io::Error::new(error.kind(), text.escape_debug().to_string())
    } else {
        error
    }
}

/// Packages that cannot be added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlpineError {
    /// The base cannot be read.
    #[error(transparent)]
    Base(#[from] Box<BaseError>),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The packages do not go together.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// There is no apk in the base.
    #[error("The base `{0}` has no packages of apk: there is no `/lib/apk/db/installed` in it")]
    NotAlpine(String),
    /// A file of apk's own in the base cannot be read.
    #[error("`/{path}` in the base cannot be read as apk would")]
    System {
        /// The file.
        path: String,
        /// Why.
        source: RecordError,
    },
    /// A file of apk's own in the base is a folder, is too large, or is no text.
    #[error("`/{0}` in the base is no plain text file")]
    Special(String),
    /// A key that is none.
    #[error("The key `{0}` is no public key in PEM form")]
    Key(String),
    /// A file of a repository did not come.
    #[error("Failed to get `{name}` from the repository `{repository}`")]
    Download {
        /// The file.
        name: String,
        /// The repository, without user and password.
        repository: String,
        /// Why.
        source: DownloadError,
    },
    /// An index or a package that makes no sense.
    #[error("{what} cannot be read")]
    Unreadable {
        /// What it is.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A record that makes no sense.
    #[error("{what} cannot be read")]
    Record {
        /// Where it stands.
        what: String,
        /// Why.
        source: RecordError,
    },
    /// Nothing is signed.
    #[error("{what} is not signed")]
    Unsigned {
        /// What it is.
        what: String,
    },
    /// Signed by somebody who is not trusted.
    #[error("{what} is signed with `{}`, which is not among the trusted keys", keys.join("`, `"))]
    UnknownKey {
        /// What it is.
        what: String,
        /// The names of the keys.
        keys: Vec<String>,
    },
    /// A package of a folder that is not known here.
    #[error(
        "The package `{package}` comes from a folder `{folder}`, and no such repository is given"
    )]
    NotGiven {
        /// The package.
        package: String,
        /// The name of the folder.
        folder: String,
    },
    /// A signature that is wrong.
    #[error("{what} does not match its signature by `{key}`")]
    Signature {
        /// What it is.
        what: String,
        /// The name of the key.
        key: String,
    },
    /// A package is not the one that the index says.
    #[error("The package `{package}` does not have the {of} that {says}")]
    Mismatch {
        /// The package.
        package: String,
        /// What differs.
        of: &'static str,
        /// Where it is said.
        says: &'static str,
    },
    /// A package was chosen for a base that did not have it.
    #[error("The package `{package}` was chosen for another base: this one has `{installed}`")]
    OtherBase {
        /// The package.
        package: String,
        /// What the base has.
        installed: String,
    },
    /// A file in a package has another checksum than its header says.
    #[error("The file `{path}` in the package `{package}` does not match its checksum")]
    FileChecksum {
        /// The package.
        package: String,
        /// The file.
        path: String,
    },
    /// A file in a package that no layer can have.
    #[error("The package `{package}` has the file `{path}`, {reason}")]
    Refused {
        /// The package.
        package: String,
        /// The file.
        path: String,
        /// What is wrong with it. Reads as the end of the sentence.
        reason: &'static str,
    },
    /// A file in a package with a path that is none.
    #[error("The package `{package}` has a file that cannot be in an image")]
    Path {
        /// The package.
        package: String,
        /// Why.
        source: ImagePathError,
    },
    /// Two packages have the same file.
    #[error("The packages `{package}` and `{owner}` both have the file `/{path}`")]
    Conflict {
        /// The package that comes later.
        package: String,
        /// The package that has the file.
        owner: String,
        /// The file.
        path: String,
    },
    /// A folder stands where a file should be, or the other way round.
    #[error("The package `{package}` has {wanted} at `/{path}`, where {found} stands already")]
    Kind {
        /// The package.
        package: String,
        /// The path.
        path: String,
        /// What the package has, with its article.
        wanted: &'static str,
        /// What is there, with its article.
        found: &'static str,
    },
}

impl From<BaseError> for AlpineError {
    fn from(error: BaseError) -> Self {
        Self::Base(Box::new(error))
    }
}

impl Explain for AlpineError {
    fn kind(&self) -> Kind {
        match self {
            Self::Base(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Resolve(error) => error.kind(),
            Self::Download { source, .. } => match source {
                DownloadError::NotFound => Kind::NotFound,
                DownloadError::Unauthorized(_) => Kind::Unauthorized,
                DownloadError::Status(_) | DownloadError::Transport(_) => Kind::Network,
                DownloadError::TooLarge(_) => Kind::Hostile,
                DownloadError::Write(_) => Kind::Storage,
            },
            Self::NotAlpine(_)
            | Self::OtherBase { .. }
            | Self::Conflict { .. }
            | Self::Kind { .. } => Kind::Incompatible,
            Self::Unsigned { .. }
            | Self::UnknownKey { .. }
            | Self::Signature { .. }
            | Self::Mismatch { .. }
            | Self::FileChecksum { .. } => Kind::Integrity,
            Self::NotGiven { .. } => Kind::Usage,
            Self::Path { .. } => Kind::Hostile,
            Self::System { .. }
            | Self::Special(_)
            | Self::Key(_)
            | Self::Unreadable { .. }
            | Self::Record { .. }
            | Self::Refused { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Base(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Resolve(error) => return error.hint(),
            Self::NotAlpine(_) => "choose a base of Alpine Linux, or one that has the packages",
            Self::Key(_) => "give the file `NAME.rsa.pub` that the repository is signed with",
            Self::UnknownKey { .. } => {
                "give the public key with `--package-key`, once you know that it is the right one"
            }
            Self::NotGiven { .. } => "give it with `--package-repository`",
            Self::Unsigned { .. } => "sign it with `abuild-sign`",
            Self::Signature { .. } | Self::Mismatch { .. } | Self::FileChecksum { .. } => {
                "get it from another mirror: somebody changed it, or a download is damaged"
            }
            Self::Download {
                source: DownloadError::NotFound,
                ..
            } => {
                "name what comes before `ARCH/APKINDEX.tar.gz`; a package that is gone was replaced by a newer one: write the lock anew, if it is in one"
            }
            Self::OtherBase { .. } => "choose the packages again",
            Self::Conflict { .. } => "leave one of them out",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
