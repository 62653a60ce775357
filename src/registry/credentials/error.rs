//! Credentials that cannot be read: where, and never what was found there.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};

/// Where credentials are written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A variable of the environment that has what such a file would have.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Variable(name) => write!(f, "`{name}`"),
        }
    }
}

/// A source of credentials that cannot be used.
///
/// What the JSON library says is left out: it repeats the values that it does not like.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// It is no JSON, or JSON of another shape.
    #[error(
        "{origin} does not have the form of registry credentials, at line {line}, column {column}"
    )]
    Json {
        /// The source.
        origin: Origin,
        /// Where it goes wrong.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// One entry makes no sense.
    #[error("The entry `{key}` in {origin} has neither base64 of `USER:PASSWORD` nor a token")]
    Entry {
        /// The source.
        origin: Origin,
        /// The key below `auths`.
        key: String,
    },
}

impl Explain for CredentialError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Json { .. } | Self::Entry { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::Json { origin, .. } | Self::Entry { origin, .. } => Some(match origin {
                Origin::File(_) => "log in again with `docker login` or `podman login`".to_owned(),
                Origin::Variable(name) => {
                    format!(
                        "set `{name}` to what `docker login` writes to its `config.json`, or unset it"
                    )
                }
            }),
        }
    }
}
