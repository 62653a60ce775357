//! The way out of each failure: what its reader can do.

use std::io;

use reqwest::StatusCode;

use super::credentials::Trail;
use super::error::{Cause, Error, Task};
use crate::error::{Explain, Kind};
use crate::http::{Advice, TlsFailure, is_proxy_login};
use crate::oci::{ManifestError, Selector};

/// What to do when a registry wants to know who we are before anything is said.
const CLIENT_CERTIFICATE_HINT: &str = "the registry wants to see a certificate that it trusts: name yours with \
                                       `--client-cert`, and its key with `--client-key`";
/// What to do when a proxy wants to know who we are.
const PROXY_LOGIN_HINT: &str =
    "give the proxy's login with its address: `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`";

/// What to do when received bytes cannot be kept.
fn sink_hint(error: &io::Error) -> Option<String> {
    let text = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, or name a folder on a larger disk with `--cache-dir`"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "name a folder that can be written with `--cache-dir`"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

impl Explain for Error {
    fn kind(&self) -> Kind {
        self.cause.kind()
    }

    fn hint(&self) -> Option<String> {
        let text = match &*self.cause {
            Cause::Credentials(error) => return error.hint(),
            Cause::Http(error) => return error.hint(),
            Cause::Relay(error) => return error.hint(),
            Cause::Refused { host, trail, .. } | Cause::NoToken { host, trail, .. }
                if self.kind() == Kind::Unauthorized =>
            {
                trail.hint(host)
            }
            // A server that misses our certificate says so and hangs up, and mostly only the end of that is heard.
            Cause::Connection { host, source } if !source.library().is_connect() => format!(
                "`{host}` hangs up: check the network, and the proxy if there is one; if it wants to see a certificate, \
                 name yours with `--client-cert`"
            ),
            Cause::Connection { host, .. } => {
                format!("check the name `{host}`, the network, and the proxy if there is one")
            }
            Cause::Proxy { source, .. } if is_proxy_login(source) => PROXY_LOGIN_HINT.to_owned(),
            Cause::Status { status, .. } if *status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                PROXY_LOGIN_HINT.to_owned()
            }
            Cause::Proxy { host, .. } => format!(
                "check the proxy that `HTTPS_PROXY` or `HTTP_PROXY` names; with `{host}` in `NO_PROXY` there is none on \
                 the way"
            ),
            Cause::Tls { host, failure, .. } => match failure {
                TlsFailure::Certificate => {
                    "name the authority that signed the registry's certificate with `--ca-file`"
                        .to_owned()
                }
                TlsFailure::NotTls => format!(
                    "if it is meant to be spoken to without TLS, say so with `--insecure-registry {host}`"
                ),
                TlsFailure::ClientCertificate => CLIENT_CERTIFICATE_HINT.to_owned(),
                TlsFailure::Other => return None,
            },
            Cause::Status { missing, .. } if self.is_not_found() => match &*self.task {
                Task::Push(repository)
                | Task::PushBlob { repository, .. }
                | Task::PushManifest { repository, .. } => {
                    format!(
                        "create the repository `{}` first, {missing}",
                        repository.repository()
                    )
                }
                Task::PullManifest(_) => "check the name, the tag and the registry".to_owned(),
                Task::PullBlob { .. } => {
                    "the registry has the manifest and not what it points to; push the image again"
                        .to_owned()
                }
            },
            Cause::Status { status, .. } if *status == StatusCode::PAYLOAD_TOO_LARGE => {
                "the registry, or a proxy in front of it, limits the size of an upload, and small chunks did not help; raise that limit"
                    .to_owned()
            }
            Cause::Status {
                advice: Advice::RetryAfter(pause),
                ..
            } => format!(
                "it asks to be left alone for {} seconds; try again later, or wait for longer with `--timeout`",
                pause.as_secs()
            ),
            Cause::Status { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                "the registry limits how much one user may ask; try again later, or log in if you have not".to_owned()
            }
            Cause::Silent { .. } | Cause::Slow { .. } => {
                "try again later, or give it more time with `--timeout`, of which a fifth is for each wait".to_owned()
            }
            Cause::Overtaken { name: Selector::Digest(_), .. } => {
                "the registry does not keep what it takes, or a cache in front of it lags behind; push again".to_owned()
            }
            Cause::Overtaken { .. } => {
                "somebody else wrote the same tag at the same time, or the registry keeps tags as they are; push again, or under another tag".to_owned()
            }
            // The page of nginx, which has a status of its own for this and does not tell it.
            Cause::Status { reason, .. } if reason.as_deref().is_some_and(|reason| reason.contains("SSL certificate")) => {
                CLIENT_CERTIFICATE_HINT.to_owned()
            }
            Cause::Manifest(ManifestError::Schema1 | ManifestError::Ambiguous) => {
                "push the image again with a current builder, or choose another".to_owned()
            }
            Cause::Platform { .. } => "choose one of these with `--platform`".to_owned(),
            Cause::Digest { .. } | Cause::Size { .. } => {
                "the registry, a mirror or a proxy on the way alters what it passes on".to_owned()
            }
            Cause::Blocked { prefix, .. } => format!(
                "choose another base with `--base`, or take `blocked` out of the entry of `{prefix}`"
            ),
            Cause::Sink(error) => return sink_hint(error),
            _ => return None,
        };
        Some(text)
    }
}

impl Trail {
    /// What to do when a registry refuses.
    fn hint(&self, host: &str) -> String {
        match self {
            Self::Given => {
                "the credentials given with the command were refused, or do not allow this"
                    .to_owned()
            }
            Self::Entry { origin, .. } => format!(
                "the credentials from {origin} were refused, or do not allow this; log in again with `docker login {host}`"
            ),
            Self::Helper { helper, .. } => format!(
                "the credentials from the credential helper `{helper}` were refused, or do not allow this; log in again with `docker login {host}`"
            ),
            Self::Nothing { failed, .. } if !failed.is_empty() => {
                let helpers: Vec<_> = failed
                    .iter()
                    .map(|(helper, failure)| format!("`{helper}` {failure}"))
                    .collect();
                format!(
                    "no credentials for `{host}` were found, and the credential helper {}; repair it, or log in with `docker login {host}`",
                    helpers.join(", ")
                )
            }
            Self::Nothing { looked_in, .. } if looked_in.is_empty() => format!(
                "no credentials for `{host}` were found, and no file with any; log in with `docker login {host}`"
            ),
            Self::Nothing { looked_in, .. } => {
                let files: Vec<_> = looked_in.iter().map(ToString::to_string).collect();
                format!(
                    "no credentials for `{host}` were found in {}; log in with `docker login {host}`",
                    files.join(", ")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_matter_of_storage_and_says_what_to_do() {
        let task = || Task::PullManifest("acme/job".parse().unwrap());
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::new(task(), Cause::Sink(full));
        assert_eq!(error.kind(), Kind::Storage);
        assert!(error.hint().unwrap().contains("--cache-dir"));
        let other = Error::new(task(), Cause::Sink(io::ErrorKind::BrokenPipe.into()));
        assert_eq!((other.kind(), other.hint()), (Kind::Storage, None));
    }
}
