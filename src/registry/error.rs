//! What can go wrong between us and a registry: what was tried, and why it failed. The way out is in [`super::hint`].

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;

use super::credentials::{CredentialError, Trail};
use crate::error::{Explain as _, Kind};
use crate::http::{Advice, HttpError, TlsFailure, TransferError, is_proxy_login};
use crate::oci::{Digest, ManifestError, Platform, Reference, Selector};

/// A transfer that failed.
#[derive(Debug, thiserror::Error)]
#[error("Failed to {task}{}", and_from(mirrors))]
pub struct Error {
    pub(super) task: Box<Task>,
    #[source]
    pub(super) cause: Box<Cause>,
    /// The mirrors that failed before.
    mirrors: Vec<String>,
}

/// What was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Task {
    /// Reading a manifest or an index.
    PullManifest(Reference),
    /// Reading a blob.
    PullBlob {
        /// Which one.
        digest: Digest,
        /// From where.
        repository: Reference,
    },
    /// Finding out whether an image may be pushed.
    Push(Reference),
    /// Writing a blob.
    PushBlob {
        /// Which one.
        digest: Digest,
        /// Where to.
        repository: Reference,
    },
    /// Writing a manifest or an index.
    PushManifest {
        /// Tag or digest that it gets.
        name: String,
        /// Where to.
        repository: Reference,
    },
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A credential file makes no sense.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// There is no client for this protocol.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// No connection, or one that broke.
    #[error("The connection to `{host}` failed")]
    Connection {
        /// Host and port.
        host: String,
        /// What went wrong.
        source: TransferError,
    },
    /// A proxy is not there, or lets nobody through.
    #[error("There is no way to `{host}` through the proxy `{proxy}`")]
    Proxy {
        /// Its address, without the login.
        proxy: String,
        /// Host and port of the registry.
        host: String,
        /// What went wrong.
        source: TransferError,
    },
    /// No TLS.
    #[error("There is no trusted connection to `{host}`")]
    Tls {
        /// Host and port.
        host: String,
        /// In which way.
        failure: TlsFailure,
        /// What went wrong.
        source: TransferError,
    },
    /// The server fell silent.
    #[error("`{host}` has been silent for {} seconds", after.as_secs())]
    Silent {
        /// Host and port.
        host: String,
        /// For how long it was listened to.
        after: Duration,
    },
    /// The server sends, and so little that it would never end.
    #[error("`{host}` sends too slowly: hardly anything came in {} seconds", after.as_secs())]
    Slow {
        /// Host and port.
        host: String,
        /// For how long it was listened to.
        after: Duration,
    },
    /// 401 or 403 from the registry.
    #[error("`{host}` answered {status}{}", said(reason.as_deref()))]
    Refused {
        /// Host and port.
        host: String,
        /// 401 or 403.
        status: StatusCode,
        /// What the registry said.
        reason: Option<String>,
        /// Which credentials were used.
        trail: Box<Trail>,
    },
    /// The token service gave no token.
    #[error("The token service `{realm}` answered {status}{}", said(reason.as_deref()))]
    NoToken {
        /// The registry that sent us there.
        host: String,
        /// The address of the service.
        realm: String,
        /// Its answer.
        status: StatusCode,
        /// What it said.
        reason: Option<String>,
        /// Which credentials were used.
        trail: Box<Trail>,
        /// Whether to ask again.
        advice: Advice,
    },
    /// The registry names a token service that credentials must not go to.
    #[error("`{host}` asks for credentials to be sent to `{realm}`, {reason}")]
    Realm {
        /// Host and port of the registry.
        host: String,
        /// Where it points.
        realm: String,
        /// What is wrong with that, as a relative clause.
        reason: &'static str,
    },
    /// Any other status that was not expected.
    #[error("`{host}` answered {status}{}", said(reason.as_deref()))]
    Status {
        /// Host and port.
        host: String,
        /// The status.
        status: StatusCode,
        /// The specification's name for what is wrong, such as `NAME_UNKNOWN`.
        code: Option<String>,
        /// What the registry said.
        reason: Option<String>,
        /// Whether to ask again.
        advice: Advice,
        /// How a repository is made here, if it is not there.
        missing: &'static str,
    },
    /// An answer that the specification does not know.
    #[error("`{host}` {what}")]
    Nonsense {
        /// Host and port.
        host: String,
        /// What it does, as a predicate: "names no upload location".
        what: String,
    },
    /// Other bytes than promised.
    #[error("The bytes have the digest `{actual}`, not `{expected}`")]
    Digest {
        /// What was asked for or promised.
        expected: Digest,
        /// What came, or what the registry says to have got.
        actual: Digest,
    },
    /// A tag or a digest under which something was just written leads elsewhere.
    #[error("`{name}` leads to {}, not to `{expected}`, which was just written", found.as_ref().map_or("nothing".to_owned(), |found| format!("`{found}`")))]
    Overtaken {
        /// The tag or digest.
        name: Selector,
        /// What was written.
        expected: Digest,
        /// What the registry has there, if anything.
        found: Option<Digest>,
    },
    /// A blob that came to the registry piece by piece, and was put together wrongly there.
    #[error("`{host}` did not put the pieces of the upload together as they were sent")]
    MixedUp {
        /// Host and port.
        host: String,
    },
    /// More or fewer bytes than promised.
    #[error("There are {} {expected} bytes", if *longer { "more than the expected" } else { "fewer than the expected" })]
    Size {
        /// What the descriptor states.
        expected: u64,
        /// Whether there are more; else there are fewer.
        longer: bool,
    },
    /// A document beyond any reason.
    #[error("The document is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Neither manifest nor index, or one that is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An index without the platform.
    #[error("There is no image for `{wanted}`{}", listed(available))]
    Platform {
        /// What was asked for.
        wanted: Platform,
        /// What there is.
        available: Vec<Platform>,
    },
    /// The user does not allow that this is pulled.
    #[error("`{}` blocks `{prefix}`", path.display())]
    Blocked {
        /// The prefix of the entry.
        prefix: String,
        /// The file with the entry.
        path: PathBuf,
    },
    /// A mirror failed in the middle of a blob, and what was passed on cannot be taken back. Another try goes elsewhere.
    #[error("The mirror `{mirror}` failed in the middle")]
    Mirror {
        /// The repository at the mirror.
        mirror: String,
    },
    /// The bytes to be sent cannot be read.
    #[error("The bytes to be sent cannot be read")]
    Source(#[source] io::Error),
    /// The bytes to be sent cannot be got from the registry that has them.
    #[error(transparent)]
    Relay(Error),
    /// The received bytes cannot be written.
    #[error("The received bytes cannot be written")]
    Sink(#[source] io::Error),
}

/// Which mirrors failed before the place that the cause is about.
fn and_from(mirrors: &[String]) -> String {
    if mirrors.is_empty() {
        return String::new();
    }
    let names: Vec<_> = mirrors.iter().map(|name| format!("`{name}`")).collect();
    format!(", also from the mirrors: {}", names.join(", "))
}

fn said(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn listed(available: &[Platform]) -> String {
    if available.is_empty() {
        return ", nor for any other platform".to_owned();
    }
    let names: Vec<_> = available.iter().map(|p| format!("`{p}`")).collect();
    format!(", only for {}", names.join(", "))
}

impl Error {
    pub(super) fn new(task: Task, cause: impl Into<Cause>) -> Self {
        Self {
            task: Box::new(task),
            cause: Box::new(cause.into()),
            mirrors: Vec::new(),
        }
    }

    /// The same, when these mirrors were asked before.
    pub(super) fn after_mirrors(task: Task, cause: Cause, mirrors: Vec<String>) -> Self {
        Self {
            mirrors,
            ..Self::new(task, cause)
        }
    }

    /// What was tried.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Why it failed.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Whether the registry says that it does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.kind() == Kind::NotFound
    }

    /// Whether the bytes of a blob were the reason: they could not be read, or are not what they should be.
    pub fn is_about_bytes(&self) -> bool {
        let bytes = matches!(
            &*self.cause,
            Cause::Source(_) | Cause::Relay(_) | Cause::Digest { .. } | Cause::Size { .. }
        );
        bytes || self.is_rejection()
    }

    /// Whether the registry understood what was sent and does not want it as it is, as a manifest that speaks of blobs
    /// that it lacks (distribution-spec, "Pushing Manifests": 404; most registries say 400).
    pub fn is_rejection(&self) -> bool {
        matches!(&*self.cause, Cause::Status { status, .. } if matches!(status.as_u16(), 400 | 404 | 412 | 422))
    }
}

impl Cause {
    /// Whether another try may go well.
    pub(super) fn advice(&self) -> Advice {
        match self {
            // A proxy does not change its mind about a login.
            Self::Proxy { source, .. } if is_proxy_login(source) => Advice::GiveUp,
            Self::Connection { source, .. } | Self::Proxy { source, .. } => {
                crate::http::advice_for_error(source.library())
            }
            Self::Relay(error) if matches!(*error.cause, Self::Mirror { .. }) => Advice::Retry,
            // Fewer bytes than promised are a connection that broke in a decent way.
            Self::Silent { .. }
            | Self::Slow { .. }
            | Self::Mirror { .. }
            | Self::Overtaken { .. }
            | Self::MixedUp { .. }
            | Self::Size { longer: false, .. } => Advice::Retry,
            Self::Status { advice, .. } | Self::NoToken { advice, .. } => *advice,
            _ => Advice::GiveUp,
        }
    }

    /// Whether the registry does not know the name or what it should lead to. The status is not always the one that the
    /// specification asks for.
    pub(super) fn is_unknown(&self) -> bool {
        match self {
            Self::Status { status, code, .. } => {
                *status == StatusCode::NOT_FOUND
                    || matches!(code.as_deref(), Some("NAME_UNKNOWN" | "MANIFEST_UNKNOWN"))
            }
            _ => false,
        }
    }

    /// Whether an upload that was opened earlier is there no more.
    pub(super) fn is_stale_upload(&self) -> bool {
        match self {
            Self::Status { status, code, .. } => {
                matches!(status.as_u16(), 404 | 409 | 410 | 416)
                    || code
                        .as_deref()
                        .is_some_and(|code| code.starts_with("BLOB_UPLOAD_"))
            }
            _ => false,
        }
    }

    /// The status that was not expected.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the server does not know the method for what was asked of it.
    pub(super) fn is_unknown_method(&self) -> bool {
        let refusals = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        self.status()
            .is_some_and(|status| refusals.contains(&status))
    }

    /// Whether an exchange broke off, so that nobody can say how far it got.
    pub(super) fn is_broken_connection(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Silent { .. } | Self::Slow { .. } => true,
            // What a proxy says whose connection to the registry broke.
            Self::Status { status, .. } => {
                matches!(
                    *status,
                    StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
                )
            }
            _ => false,
        }
    }

    /// Whether the registry got other bytes than those of the digest.
    pub(super) fn is_wrong_digest(&self) -> bool {
        matches!(self, Self::Status { code: Some(code), .. } if code == "DIGEST_INVALID")
    }

    /// Whether the request was understood and turned down for good, by somebody who would let us in.
    pub(super) fn is_turned_down(&self) -> bool {
        match self {
            Self::Status { status, advice, .. } => {
                status.is_client_error() && *advice == Advice::GiveUp
            }
            _ => false,
        }
    }

    /// Why the bytes of an upload came to an early end.
    pub(super) fn of_source(error: io::Error) -> Self {
        match error.downcast::<Error>() {
            Ok(error) => Self::Relay(error),
            Err(error) => Self::Source(error),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Credentials(error) => error.kind(),
            Self::Http(error) => error.kind(),
            Self::Relay(error) => error.kind(),
            Self::Refused { .. } | Self::Realm { .. } => Kind::Unauthorized,
            Self::NoToken { status, advice, .. }
                if status.is_client_error() && *advice == Advice::GiveUp =>
            {
                Kind::Unauthorized
            }
            Self::Status { .. } if self.is_unknown() => Kind::NotFound,
            Self::Digest { .. } | Self::Size { .. } | Self::Overtaken { .. } => Kind::Integrity,
            Self::TooLarge { .. } | Self::Manifest(_) | Self::Source(_) | Self::Blocked { .. } => {
                Kind::Input
            }
            Self::Platform { .. } => Kind::Incompatible,
            Self::Sink(_) => Kind::Storage,
            _ => Kind::Network,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |digest: &Digest| format!("sha256:{}…", digest.short());
        match self {
            Self::PullManifest(reference) => write!(f, "pull `{reference}`"),
            Self::Push(reference) => write!(f, "push to `{reference}`"),
            Self::PullBlob { digest, repository } => {
                write!(f, "pull `{}` from `{}`", short(digest), repository.name())
            }
            Self::PushBlob { digest, repository } => {
                write!(f, "push `{}` to `{}`", short(digest), repository.name())
            }
            Self::PushManifest { name, repository } => {
                write!(f, "push the manifest `{name}` to `{}`", repository.name())
            }
        }
    }
}
