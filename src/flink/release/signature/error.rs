//! Releases whose signature is missing or does not hold.

use std::path::PathBuf;

use super::Refusal;
use crate::error::{Explain, Kind};
use crate::flink::release::error::{Attempt, Attempts};
use crate::flink::version::FlinkVersion;

/// A release that is not signed as it should be, or a file with keys that has none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The user's file has no key.
    #[error("`{}` holds no OpenPGP key in ASCII armor", .0.display())]
    NoKeys(PathBuf),
    /// A signature is demanded, and nobody has it.
    #[error("Flink {version} has no signature to check{}", Attempts(attempts))]
    Missing {
        /// The release.
        version: FlinkVersion,
        /// All places that were asked, and what each said.
        attempts: Vec<Attempt>,
    },
    /// A signature is demanded, and nobody has the file with the keys.
    #[error(
        "There are no keys to check the signature of Flink {version} with{}",
        Attempts(attempts)
    )]
    NoKey {
        /// The release.
        version: FlinkVersion,
        /// All places that were asked, and what each said.
        attempts: Vec<Attempt>,
    },
    /// The signature begins and is none.
    #[error("`{file}` is no whole OpenPGP signature of Flink {version}")]
    Unreadable {
        /// The release.
        version: FlinkVersion,
        /// The signature's file name.
        file: String,
    },
    /// By a key that nobody named.
    #[error(
        "The signature `{file}` of Flink {version} is by {}, and not by {trusted}",
        keys(found)
    )]
    Untrusted {
        /// The release.
        version: FlinkVersion,
        /// The signature's file name.
        file: String,
        /// What the signature says of its key.
        found: Vec<String>,
        /// Who may sign.
        trusted: Trusted,
    },
    /// By a key that is trusted, and it does not hold.
    #[error("The signature `{file}` of Flink {version} by the key `{key}` {refusal}")]
    Refused {
        /// The release.
        version: FlinkVersion,
        /// The signature's file name.
        file: String,
        /// The fingerprint of the primary key.
        key: String,
        /// What is wrong.
        refusal: Refusal,
    },
}

/// Who may sign a release, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trusted {
    /// The keys of a file.
    #[error("a key of `{}`", .0.display())]
    File(PathBuf),
    /// The one key that the release was published with.
    #[error("the key `{0}`, as it was when it was published")]
    Pinned(&'static str),
    /// Any of the keys that releases were published with.
    #[error("a key of an earlier release")]
    Shipped,
}

fn keys(found: &[String]) -> String {
    if found.is_empty() {
        return "a key that it does not name".to_owned();
    }
    format!("the key `{}`", found.join("`, `"))
}

impl Explain for SignatureError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoKeys(_) => Kind::Input,
            _ => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoKeys(_) => {
                "give the `KEYS` of the project, or what `gpg --armor --export` writes"
            }
            Self::Missing { .. } => {
                "name a mirror that has the `.asc` files too, or do without with `--verify-signature if-present`"
            }
            Self::NoKey { .. }
            | Self::Untrusted {
                trusted: Trusted::Shipped,
                ..
            } => {
                "name a file with the key of who signed it with `--release-keys`, once you know whose it is"
            }
            Self::Untrusted {
                trusted: Trusted::File(_),
                ..
            } => "add the key to that file, once you know whose it is",
            Self::Untrusted { .. } | Self::Unreadable { .. } | Self::Refused { .. } => {
                "do not use these bytes; try again later or from another mirror"
            }
        };
        Some(hint.to_owned())
    }
}
