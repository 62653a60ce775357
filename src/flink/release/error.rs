//! Why a release could not be had.

use std::fmt;
use std::time::Duration;

use crate::error::{Explain, FileError, Kind};
use crate::flink::version::FlinkVersion;

use super::{Sha512Error, SignatureError};

/// A release that could not be downloaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The cache could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// No place had it.
    #[error("Failed to download Flink {version}{}", Attempts(attempts))]
    Nowhere {
        /// The release.
        version: FlinkVersion,
        /// All places that were tried, and what each said.
        attempts: Vec<Attempt>,
    },
    /// It is not signed as it should be.
    #[error(transparent)]
    Signature(Box<SignatureError>),
}

impl From<SignatureError> for ReleaseError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(Box::new(error))
    }
}

/// One place that was tried.
#[derive(Debug)]
pub struct Attempt {
    /// Its address, without credentials.
    pub place: String,
    /// What went wrong there.
    pub problem: Problem,
}

/// What can go wrong at one place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// An answer other than 200.
    #[error("{}", status(*.0))]
    Status(u16),
    /// No answer, or one that broke off.
    #[error("{0}")]
    Transport(String),
    /// Nothing came for a while.
    #[error("sent nothing for {} seconds", .0.as_secs())]
    Stalled(Duration),
    /// More than any release has.
    #[error("sent more than 4 GiB")]
    TooLarge,
    /// Bytes other than those that the checksum is of.
    #[error("sent bytes that do not match the checksum")]
    Mismatch,
    /// A checksum that is none.
    #[error("{0}")]
    Checksum(Sha512Error),
    /// No checksum from whoever may vouch for the place.
    #[error("gives no checksum{}", .0.as_ref().map(|p| format!(": {p}")).unwrap_or_default())]
    NoChecksum(Option<Box<Self>>),
    /// An answer to the question for a signature or keys that has none.
    #[error("answers with something else than {0}")]
    Other(&'static str),
    /// A redirect from TLS to plain HTTP.
    #[error("redirects to an address without TLS")]
    Downgrade,
}

/// What each place said, on a line of its own.
pub(super) struct Attempts<'a>(pub(super) &'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Attempt { place, problem } in self.0 {
            write!(f, "\n  {place} {problem}")?;
        }
        Ok(())
    }
}

fn status(code: u16) -> String {
    match code {
        404 => "does not have it (404)".to_owned(),
        401 | 403 => format!("refuses access ({code})"),
        _ => format!("answered with status {code}"),
    }
}

impl Problem {
    /// The innermost cause: "connection refused" says more than "error sending request".
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Transport("did not answer in time".to_owned());
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        // Without a cause the text would show the address, and credentials with it.
        Self::Transport(match std::error::Error::source(error) {
            Some(_) => format!("could not be reached: {cause}"),
            None => "could not be reached".to_owned(),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Status(404) => Kind::NotFound,
            Self::Status(401 | 403) => Kind::Unauthorized,
            Self::Mismatch => Kind::Integrity,
            Self::NoChecksum(Some(problem)) => problem.kind(),
            _ => Kind::Network,
        }
    }
}

impl Explain for ReleaseError {
    /// The gravest of what happened: a wrong checksum, no network, no access; not there only if no place has it.
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Signature(error) => error.kind(),
            Self::Nowhere { attempts, .. } => {
                let kinds = || attempts.iter().map(|attempt| attempt.problem.kind());
                [Kind::Integrity, Kind::Network, Kind::Unauthorized]
                    .into_iter()
                    .find(|kind| kinds().any(|found| found == *kind))
                    .unwrap_or(Kind::NotFound)
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let version = match self {
            Self::File(error) => return error.hint(),
            Self::Signature(error) => return error.hint(),
            Self::Nowhere { version, .. } => version,
        };
        Some(match self.kind() {
            _ if version.is_unreleased() => {
                "only releases are published there; give a candidate or snapshot as an archive or folder"
                    .to_owned()
            }
            Kind::NotFound => format!("check that there is a release {version} for this Scala version"),
            Kind::Integrity => {
                "do not use these bytes; try again later or from another mirror".to_owned()
            }
            Kind::Unauthorized => "put the user and password into the address of the mirror".to_owned(),
            _ => "check the connection and proxy, name a mirror that can be reached, or give the archive itself"
                .to_owned(),
        })
    }
}
