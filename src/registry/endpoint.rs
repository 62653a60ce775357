//! Where a registry is, and whether it speaks TLS.
//!
//! `https`, always, with one exception: this machine itself (`localhost`, loopback addresses) and the registries that
//! the user lists are asked in TLS first, once, and spoken to without when they turn out not to know it. So are the places
//! that a file of mirrors calls insecure, and only for the pulls that it leads there: whoever else asks for the same host
//! has an endpoint of his own. A certificate that is not trusted is an error there too, and never a reason to go without.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reqwest::Url;
use tokio::sync::OnceCell;

use super::abilities::Abilities;
use super::challenge::{authority, is_internal_literal};
use super::client::connection_error;
use super::error::Cause;
use super::probe::answers_in_tls;
use super::quirks::{self, Quirks};
use super::throttle::Throttle;
use crate::http::{
    HttpError, HttpSettings, Redirects, Route, TlsFailure, hung_up_on_connect, is_downgrade,
    tls_failure,
};
use crate::oci::{Reference, host_address, is_loopback_host};

/// The host that serves what is called `docker.io`.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// One registry.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// As in the image's name.
    pub(super) name: String,
    /// The root of all its addresses.
    pub(super) base: Url,
    /// What is special about it.
    pub(super) quirks: &'static Quirks,
    /// What it takes, as far as we know.
    pub(super) abilities: Abilities,
    /// How much it takes at a time.
    pub(super) throttle: Arc<Throttle>,
}

impl Endpoint {
    /// Whether a URL is on the very host and port of this registry, and no less protected; the only place where
    /// credentials go.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme() && authority(url) == authority(&self.base)
    }

    /// Whether what the registry (or somebody that it led to, at `from`) says may send us to `to`; if not, what is wrong
    /// with that, as in "an address that is not encrypted".
    ///
    /// No credentials go there, but a request of ours does, and our bytes with an upload (ggcr#2295). A registry that is on
    /// an internal network itself may name others there.
    pub(super) fn allow(&self, from: &Url, to: &Url) -> Result<(), &'static str> {
        if !matches!(to.scheme(), "http" | "https") || is_downgrade(from, to) {
            return Err("not encrypted");
        }
        let inside = |url| is_internal_literal(url) && authority(url) != authority(&self.base);
        if inside(to) && !is_internal_literal(&self.base) {
            return Err("on an internal network");
        }
        Ok(())
    }
}

/// A registry that is being found, or was.
type EndpointCell = Arc<OnceCell<Arc<Endpoint>>>;

/// All registries of a session, and the clients to reach them with.
///
/// A client that can judge certificates has to read those of the system first: milliseconds that a build that changes
/// nothing would rather not spend. So each is made when it is needed.
#[derive(Debug)]
pub(super) struct Endpoints {
    system: OnceLock<reqwest::Client>,
    /// For this machine.
    direct: OnceLock<reqwest::Client>,
    /// For this machine without TLS. It trusts nobody.
    plain: OnceLock<reqwest::Client>,
    /// Like the first two, for those who may see the user's certificate.
    identified_system: OnceLock<reqwest::Client>,
    identified_direct: OnceLock<reqwest::Client>,
    settings: HttpSettings,
    /// By name, and by whether it may be spoken to without TLS.
    known: Mutex<BTreeMap<(String, bool), EndpointCell>>,
}

impl Endpoints {
    pub(super) fn new(settings: HttpSettings) -> Result<Self, HttpError> {
        // What the user said is checked at once.
        settings.authorities()?;
        let identified_system = OnceLock::new();
        if settings.client_certificate.is_some() {
            // Only who makes a client finds out whether certificate and key belong together.
            let _ = identified_system.set(settings.identified_client(Route::System)?);
        }
        Ok(Self {
            system: OnceLock::new(),
            direct: OnceLock::new(),
            plain: OnceLock::new(),
            identified_system,
            identified_direct: OnceLock::new(),
            settings,
            known: Mutex::default(),
        })
    }

    /// The client for a URL of anybody's: this machine is not behind a proxy.
    fn client(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let route = route(url);
        let cell = match route {
            Route::System => &self.system,
            Route::Direct => &self.direct,
            Route::Unprotected => &self.plain,
        };
        // Redirects are followed by our own code, which knows where credentials may go.
        made(cell, || self.settings.client(Redirects::Stop, route))
    }

    /// The client for a URL of a registry's own: it may see the user's certificate.
    fn own_client(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let route = route(url);
        let cell = match route {
            _ if self.settings.client_certificate.is_none() => return self.client(url),
            Route::System => &self.identified_system,
            Route::Direct => &self.identified_direct,
            Route::Unprotected => return self.client(url),
        };
        made(cell, || self.settings.identified_client(route))
    }

    /// The client for a URL that the registry at `endpoint` sends us to, or that is its own.
    pub(super) fn client_of(
        &self,
        endpoint: &Endpoint,
        url: &Url,
    ) -> Result<&reqwest::Client, HttpError> {
        if endpoint.owns(url) {
            self.own_client(url)
        } else {
            self.client(url)
        }
    }

    /// Where the registry of a name is. Asked once per registry, however many ask at a time. With `insecure`, it may be spoken
    /// to without TLS though the user does not list it.
    pub(super) async fn of(
        &self,
        reference: &Reference,
        insecure: bool,
    ) -> Result<Arc<Endpoint>, Cause> {
        let name = reference.registry();
        let mut listed = self.settings.insecure_registries.iter();
        let insecure = insecure || listed.any(|pattern| covers(pattern, name));
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry((name.to_owned(), insecure)).or_default())
        };
        cell.get_or_try_init(|| self.find(reference, insecure))
            .await
            .map(Arc::clone)
    }

    async fn find(&self, reference: &Reference, insecure: bool) -> Result<Arc<Endpoint>, Cause> {
        let name = reference.registry();
        let host = if name == DOCKER_HUB.0 {
            DOCKER_HUB.1
        } else {
            name
        };
        let address = |scheme: &str| {
            Url::parse(&format!("{scheme}://{host}/")).map_err(|_| Cause::Nonsense {
                host: name.to_owned(),
                what: "is no host that has an address".to_owned(),
            })
        };
        let mut base = address("https")?;
        let may_be_plain = reference.is_loopback() || insecure;
        if may_be_plain && !self.speaks_tls(name, &base, insecure).await? {
            base = address("http")?;
        }
        tracing::debug!(registry = name, %base, "found");
        let quirks = quirks::of(name, None);
        Ok(Arc::new(Endpoint {
            name: name.to_owned(),
            base,
            quirks,
            abilities: Abilities::new(quirks),
            throttle: Arc::default(),
        }))
    }

    /// Whether there is TLS. Where the user allows to go without, no connection counts as none: there may be a proxy for
    /// the one way and not for the other.
    async fn speaks_tls(&self, name: &str, base: &Url, insecure: bool) -> Result<bool, Cause> {
        let url = base.join("v2/").expect("the path is fixed and valid");
        // Nothing on this machine is behind a proxy, so it can be asked without a client.
        if is_this_machine(&url)
            && let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
        {
            let host = host.trim_matches(['[', ']']);
            if let Ok(tls) = answers_in_tls(host, port).await {
                return Ok(tls);
            }
        }
        // The careful way, which can say why it fails.
        let request = self.own_client(&url)?.get(url).send();
        match tokio::time::timeout(self.settings.read_timeout, request).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => match tls_failure(&error) {
                Some(TlsFailure::NotTls) => Ok(false),
                // The request itself will meet the same failure, and report it with its task.
                Some(_) => Ok(true),
                None if hung_up_on_connect(&error) || insecure && error.is_connect() => Ok(false),
                None => Err(connection_error(name, error)),
            },
            Err(_) => Err(Cause::Silent {
                host: name.to_owned(),
                after: self.settings.read_timeout,
            }),
        }
    }
}

/// The client in a cell, made now if there is none yet.
fn made(
    cell: &OnceLock<reqwest::Client>,
    make: impl FnOnce() -> Result<reqwest::Client, HttpError>,
) -> Result<&reqwest::Client, HttpError> {
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let client = make()?;
    Ok(cell.get_or_init(|| client))
}

/// Whether a host is meant by `HOST[:PORT]` or `*.DOMAIN`.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(domain) => {
            domain.starts_with('.') && host.len() > domain.len() && host.ends_with(domain)
        }
        None => pattern == host,
    }
}

fn route(url: &Url) -> Route {
    if !is_this_machine(url) {
        Route::System
    } else if url.scheme() == "https" {
        Route::Direct
    } else {
        Route::Unprotected
    }
}

/// Whether a URL leads to this machine; the unspecified address does, though nobody promises it.
pub(super) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    is_loopback_host(host) || host_address(host).is_some_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::quirks::PLAIN;

    fn endpoint(base: &str) -> Endpoint {
        Endpoint {
            name: "test".to_owned(),
            base: base.parse().unwrap(),
            quirks: &PLAIN,
            abilities: Abilities::new(&PLAIN),
            throttle: Arc::default(),
        }
    }

    #[test]
    fn an_answer_may_lead_to_the_open_and_not_inside() {
        for (base, to, expected) in [
            ("https://reg.test/", "https://cdn.test/x", Ok(())),
            ("https://reg.test/", "https://reg.test:444/x", Ok(())),
            (
                "https://reg.test/",
                "http://cdn.test/x",
                Err("not encrypted"),
            ),
            (
                "https://reg.test/",
                "ftp://cdn.test/x",
                Err("not encrypted"),
            ),
            ("http://reg.test/", "http://cdn.test/x", Ok(())),
            (
                "https://reg.test/",
                "https://169.254.169.254/latest",
                Err("on an internal network"),
            ),
            (
                "https://reg.test/",
                "https://[::ffff:10.0.0.1]/x",
                Err("on an internal network"),
            ),
            (
                "https://reg.test/",
                "https://localhost/x",
                Err("on an internal network"),
            ),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/x", Ok(())),
            ("https://10.0.0.1/", "https://10.0.0.2/x", Ok(())),
        ] {
            let (base, to) = (endpoint(base), to.parse().unwrap());
            assert_eq!(base.allow(&base.base, &to), expected, "{to}");
        }
    }

    #[test]
    fn a_registry_owns_its_host_and_port_as_protected_as_they_are() {
        for (base, url, expected) in [
            ("https://reg.test/", "https://reg.test/v2/x", true),
            ("https://reg.test/", "https://reg.test:443/v2/x", true),
            ("https://reg.test/", "http://reg.test/v2/x", false),
            // The same port, and another word on it.
            ("https://reg.test:5000/", "http://reg.test:5000/x", false),
            ("http://reg.test:5000/", "https://reg.test:5000/x", false),
            ("http://reg.test:443/", "https://reg.test/x", false),
            ("http://reg.test:5000/", "http://reg.test:5000/x", true),
            ("https://reg.test/", "https://reg.test:444/x", false),
            ("https://reg.test/", "https://cdn.reg.test/x", false),
            ("https://reg.test/", "https://reg.test.evil/x", false),
            ("https://reg.test/", "https://reg.test@evil.test/x", false),
        ] {
            let owned = endpoint(base).owns(&url.parse().unwrap());
            assert_eq!(owned, expected, "{url} by {base}");
        }
    }

    #[test]
    fn a_host_is_meant_exactly_or_by_its_domain() {
        for (pattern, host, expected) in [
            ("a.test", "a.test", true),
            ("a.test", "a.test:5000", false),
            ("a.test:5000", "a.test:5000", true),
            ("a.test", "b.a.test", false),
            ("*.a.test", "b.a.test", true),
            ("*.a.test", "c.b.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", ".a.test", false),
            ("*.a.test", "ba.test", false),
            ("*.a.test", "b.a.test.evil", false),
            ("*", "a.test", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }
}
