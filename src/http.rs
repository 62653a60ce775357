//! HTTP for everybody who needs it: how a client is set up, and when a request is worth another try.
//!
//! Nothing here knows of registries or of Flink. The proxy variables of the environment are read by `reqwest`
//! itself; everything else comes in through [`HttpSettings`].

mod get;
mod identity;
mod pace;
mod proxy;
mod retry;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, ClientBuilder, Url};
use rustls::AlertDescription;

use crate::error::{Explain, FileError, Kind};

pub use get::{GetError, Getter};
pub use identity::{ClientCertificate, ClientCertificateError};
pub(crate) use pace::Pace;
pub(crate) use proxy::{is_proxy_login, proxy_for};
pub use retry::{Advice, Retries, RetryPolicy, advice_for_error, advice_for_status};

/// Who we are; registries ask for this in their support tickets.
const USER_AGENT: &str = concat!("flink-img/", env!("CARGO_PKG_VERSION"));
/// Redirects until a server is thought to go in circles; what browsers and Go allow is of the same order.
pub(crate) const REDIRECT_LIMIT: usize = 10;
/// A bundle of every public authority has a quarter of this.
const CA_FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// What a user can say about HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// A PEM file with authorities that are trusted besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// What is shown to registries that want to see a certificate of their clients.
    pub client_certificate: Option<ClientCertificate>,
    /// Registries (`HOST` or `HOST:PORT`, exactly as in the image name, or `*.DOMAIN` for all below one) that may be
    /// spoken to without TLS.
    pub insecure_registries: Vec<String>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long a server may be silent, and how long it may take over a small document.
    pub read_timeout: Duration,
    /// How often, how patiently and for how long a request is repeated.
    pub retry: RetryPolicy,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            ca_file: None,
            client_certificate: None,
            insecure_registries: Vec::new(),
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
        }
    }
}

/// What a client does with an answer that points elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Follows a few, and never from `https` to `http`. Credentials do not travel to another host.
    Follow,
    /// Returns the answer as it is.
    Stop,
}

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through the proxy that the environment names, if it names one.
    System,
    /// Straight to the host; what is right for this machine itself, as no proxy could reach it.
    Direct,
    /// Straight to the host, and without TLS: no authority is trusted, so the system's need not be read.
    Unprotected,
}

/// HTTP settings that make no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The file with the authorities cannot be read.
    #[error(transparent)]
    CaFile(#[from] FileError),
    /// The file with the authorities has something else.
    #[error("`{}` has no certificates in PEM form", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The certificate that should be shown cannot be.
    #[error(transparent)]
    ClientCertificate(#[from] ClientCertificateError),
    /// The TLS library refuses to start, mostly because the system has no certificates.
    #[error("Failed to set up TLS")]
    Client(#[source] reqwest::Error),
}

impl Explain for HttpError {
    fn kind(&self) -> Kind {
        match self {
            Self::CaFile(error) => error.kind(),
            Self::ClientCertificate(error) => error.kind(),
            Self::NoCertificates { .. } | Self::Client(_) => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CaFile(_) | Self::NoCertificates { .. } => {
                "name a file with `-----BEGIN CERTIFICATE-----` blocks with `--ca-file`".to_owned()
            }
            Self::ClientCertificate(error) => return error.hint(),
            Self::Client(_) => {
                "install the system's certificates (`ca-certificates`), or name some with `--ca-file`"
                    .to_owned()
            }
        })
    }
}

impl HttpSettings {
    /// Makes a client.
    ///
    /// It has no read time-out of its own: that of `reqwest` also runs while a request body is being sent, and
    /// would end every upload that takes longer. Whoever reads an answer watches [`HttpSettings::read_timeout`].
    pub fn client(&self, redirects: Redirects, route: Route) -> Result<Client, HttpError> {
        self.builder(redirects, route)?
            .build()
            .map_err(HttpError::Client)
    }

    /// Makes a client that shows the user's certificate, if there is one, to whoever wants to see it. It follows no
    /// redirects, as they may lead to somebody else.
    pub(crate) fn identified_client(&self, route: Route) -> Result<Client, HttpError> {
        let mut builder = self.builder(Redirects::Stop, route)?;
        let Some(shown) = &self.client_certificate else {
            return builder.build().map_err(HttpError::Client);
        };
        builder = builder.identity(shown.read()?);
        builder.build().map_err(|error| {
            if find_cause::<rustls::Error>(&error).is_some() {
                shown.mismatch(TransferError::new(error)).into()
            } else {
                HttpError::Client(error)
            }
        })
    }

    fn builder(&self, redirects: Redirects, route: Route) -> Result<ClientBuilder, HttpError> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout)
            // The URL of a blob may have a signature in it, which is nobody else's business.
            .referer(false)
            .redirect(match redirects {
                Redirects::Follow => Policy::custom(follow),
                Redirects::Stop => Policy::none(),
            })
            // Protocol errors must reach our own retries, which know whether a body can be sent again.
            .retry(reqwest::retry::never());
        if route != Route::System {
            builder = builder.no_proxy();
        }
        Ok(match route {
            Route::Unprotected => builder.tls_certs_only([]),
            _ => builder.tls_certs_merge(self.authorities()?),
        })
    }

    /// The authorities that are trusted besides those of the system.
    pub(crate) fn authorities(&self) -> Result<Vec<Certificate>, HttpError> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let pem = crate::fs::read_limited(path, CA_FILE_LIMIT)?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(HttpError::NoCertificates { path: path.clone() });
        }
        Ok(certificates)
    }
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let downgrade = attempt
        .previous()
        .last()
        .is_some_and(|previous| is_downgrade(previous, attempt.url()));
    if downgrade {
        attempt.error("a redirect leads from https to http")
    } else if attempt.previous().len() > REDIRECT_LIMIT {
        attempt.error("too many redirects")
    } else {
        attempt.follow()
    }
}

/// Whether going from one URL to the other gives up encryption.
pub(crate) fn is_downgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() != "https"
}

/// Why TLS did not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFailure {
    /// The other side's certificate is not trusted, expired or another host's.
    Certificate,
    /// The other side answers, but not in TLS.
    NotTls,
    /// The other side wants to see a certificate of ours, or another one.
    ClientCertificate,
    /// Anything else: no common version, a refused client.
    Other,
}

/// Looks for a failure of TLS in the causes of `error`.
pub fn tls_failure(error: &reqwest::Error) -> Option<TlsFailure> {
    find_cause::<rustls::Error>(error).map(|error| match error {
        rustls::Error::InvalidCertificate(_) => TlsFailure::Certificate,
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        // Before TLS 1.3 there was no word for a certificate that is missing.
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => TlsFailure::ClientCertificate,
        _ => TlsFailure::Other,
    })
}

/// Whether the other side hung up while the connection was being made.
pub(crate) fn hung_up_on_connect(error: &reqwest::Error) -> bool {
    error.is_connect()
        && find_cause::<io::Error>(error).is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
            )
        })
}

/// A failure of the HTTP library, told by its innermost cause: all that is around it says is that there was one.
#[derive(Debug)]
pub struct TransferError(reqwest::Error);

impl TransferError {
    /// Takes the error without its URL, which may have secrets in it.
    pub fn new(error: reqwest::Error) -> Self {
        Self(error.without_url())
    }

    /// The error of the library.
    pub fn library(&self) -> &reqwest::Error {
        &self.0
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause: &dyn StdError = &self.0;
        while let Some(source) = cause.source() {
            cause = source;
        }
        fmt::Display::fmt(cause, f)
    }
}

impl StdError for TransferError {}

/// The first cause of a type. An [`io::Error`] hides what it wraps from `source`, so it is looked into.
fn find_cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref())
            .map(|error| error as &(dyn StdError + 'static));
        next = wrapped.or_else(|| cause.source());
    }
    None
}

/// A URL for messages: without what may be secret in it (user, password, query, fragment).
pub(crate) fn redacted(url: &Url) -> impl fmt::Display {
    let mut shown = url.clone();
    let had_query = shown.query().is_some();
    shown.set_query(None);
    shown.set_fragment(None);
    // These two fail for URLs that cannot have a user, which then have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    format!("{shown}{}", if had_query { "?..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_urls_without_their_secrets() {
        let url = |text: &str| redacted(&text.parse().unwrap()).to_string();
        assert_eq!(url("https://u:p@a.test/b?sig=x#f"), "https://a.test/b?...");
        assert_eq!(url("http://a.test:5000/v2/"), "http://a.test:5000/v2/");
    }

    #[test]
    fn knows_when_encryption_is_given_up() {
        let downgrade =
            |from: &str, to: &str| is_downgrade(&from.parse().unwrap(), &to.parse().unwrap());
        assert!(downgrade("https://a.test/", "http://a.test/"));
        assert!(!downgrade("http://a.test/", "http://b.test/"));
        assert!(!downgrade("http://a.test/", "https://a.test/"));
    }

    #[test]
    fn a_ca_file_must_have_certificates() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings = |path: &std::path::Path| HttpSettings {
            ca_file: Some(path.to_owned()),
            ..HttpSettings::default()
        };
        let error = settings(file.path()).client(Redirects::Stop, Route::System);
        assert!(matches!(error, Err(HttpError::NoCertificates { .. })));
        let error =
            settings(std::path::Path::new("/nowhere")).client(Redirects::Stop, Route::System);
        assert!(matches!(error, Err(HttpError::CaFile(_))));
    }
}
