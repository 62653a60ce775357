//! One session with any number of registries: sends requests, answers challenges, follows redirects, tries again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use super::auth::{Authenticator, Authorization};
use super::body::Part;
use super::challenge::{Challenge, shown_host};
use super::credentials::CredentialStore;
use super::endpoint::{Endpoint, Endpoints, is_this_machine};
use super::error::Cause;
use super::mirrors::{Mirrors, Source};
use super::pulse::Pulse;
use super::reason::{ERROR_BODY_LIMIT, code, reason};
use super::route::Routes;
use crate::http::{
    Advice, HttpError, HttpSettings, REDIRECT_LIMIT, TransferError, advice_for_status, proxy_for,
    tls_failure,
};
use crate::oci::Reference;
use crate::progress::Reporter;

/// How much longer than usual a registry may be silent after it got all of a blob: it may have to move it.
const COMMIT_PATIENCE: u32 = 5;

/// A client of registries. Cheap to clone, and meant to be used by many tasks at once: they share connections,
/// tokens and what was learnt of each registry.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) wire: Arc<Wire>,
    pub(super) auth: Arc<Authenticator>,
    pub(super) reporter: Arc<dyn Reporter>,
    pub(super) routes: Arc<Routes>,
}

/// What is below authentication: connections and time-outs.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) endpoints: Endpoints,
    pub(super) settings: HttpSettings,
}

/// One repository, and what is going to be done there.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) repository: String,
    /// The scopes of a token that allows it, the most important one first.
    pub(super) scopes: Vec<String>,
    /// Whether there is another place to go, so that nobody waits for this one to recover.
    pub(super) is_mirror: bool,
}

/// What is going to be done in a repository; a token is asked for that allows it.
///
/// A token that allows more serves, too: who begins with what the whole of his work needs gets one token for it.
#[derive(Debug, Clone, Copy)]
pub enum Access<'a> {
    /// Read.
    Pull,
    /// Read and write.
    Push {
        /// A repository that blobs may be mounted from, if it is in the same registry.
        mount_from: Option<&'a Reference>,
    },
}

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<(Part, Arc<Pulse>)>,
}

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

impl Session {
    /// The address of something in the repository.
    pub(super) fn url(&self, rest: &str) -> Url {
        let mut url = self.endpoint.base.clone();
        // Repository, tag and digest are validated by their types, so nothing here needs to be escaped.
        url.set_path(&format!("v2/{}/{rest}", self.repository));
        url
    }
}

impl Client {
    /// Makes a client; no connection is opened yet.
    pub fn new(
        settings: HttpSettings,
        credentials: CredentialStore,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            wire: Arc::new(Wire {
                endpoints: Endpoints::new(settings.clone())?,
                settings,
            }),
            auth: Arc::new(Authenticator::new(credentials, Arc::clone(&reporter))),
            reporter,
            routes: Arc::default(),
        })
    }

    /// The same client, which looks at these places for what it pulls. Pushes, and questions that go with them, are not
    /// led astray.
    #[must_use]
    pub fn with_mirrors(self, mirrors: Mirrors) -> Self {
        Self {
            routes: Routes::new(mirrors),
            ..self
        }
    }

    /// The same client, which pulls from the very place that a name says; for what was pushed there.
    #[must_use]
    pub fn without_mirrors(&self) -> Self {
        self.clone().with_mirrors(Mirrors::default())
    }

    pub(super) async fn session(
        &self,
        repository: &Reference,
        access: Access<'_>,
    ) -> Result<Session, Cause> {
        self.session_at(&Source::direct(repository), access).await
    }

    /// A session at a place that a pull was led to.
    pub(super) async fn session_at(
        &self,
        source: &Source,
        access: Access<'_>,
    ) -> Result<Session, Cause> {
        let repository = &source.reference;
        let name = repository.repository();
        let scopes = match access {
            Access::Pull => vec![format!("repository:{name}:pull")],
            Access::Push { mount_from } => {
                let mut scopes = vec![format!("repository:{name}:pull,push")];
                let from = mount_from
                    .filter(|from| from.registry() == repository.registry())
                    .map(Reference::repository);
                scopes.extend(
                    from.filter(|from| *from != name)
                        .map(|from| format!("repository:{from}:pull")),
                );
                scopes
            }
        };
        Ok(Session {
            endpoint: self.wire.endpoints.of(repository, source.insecure).await?,
            repository: name.to_owned(),
            scopes,
            is_mirror: source.is_mirror,
        })
    }

    /// Sends a request until it is answered with one of the `expected` statuses, or until there is no hope for it.
    pub(super) async fn request(
        &self,
        session: &Session,
        call: &Call,
        expected: &[StatusCode],
    ) -> Result<Response, Cause> {
        let mut retries = self.wire.settings.retry.start();
        loop {
            match self.once(session, call, expected).await {
                Ok(response) => return Ok(response),
                Err(cause) if retries.wait(cause.advice()).await => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Gets a whole document of at most `limit` bytes, with its headers.
    pub(super) async fn document(
        &self,
        session: &Session,
        call: &Call,
        limit: u64,
    ) -> Result<(HeaderMap, Vec<u8>), Cause> {
        let attempt = async || {
            let response = self.once(session, call, &[StatusCode::OK]).await?;
            let headers = response.headers().clone();
            Ok((headers, self.wire.read(response, limit).await?))
        };
        let mut retries = self.wire.settings.retry.start();
        loop {
            let result: Result<_, Cause> = attempt().await;
            match result {
                Err(cause) if !session.is_mirror && retries.wait(cause.advice()).await => {}
                other => return other,
            }
        }
    }

    /// Sends a request once (again if the registry asks for credentials) and turns every answer but the `expected` ones
    /// into an error.
    pub(super) async fn once(
        &self,
        session: &Session,
        call: &Call,
        expected: &[StatusCode],
    ) -> Result<Response, Cause> {
        let response = self.authorized(session, call).await?;
        if expected.contains(&response.status()) {
            Ok(response)
        } else {
            Err(self.failure(session, response).await)
        }
    }

    /// Sends a request once, with what is known, and asks for nothing more.
    pub(super) async fn offhand(&self, session: &Session, call: &Call) -> Result<(), Cause> {
        let known = self.auth.authorization(&self.wire, session).await?;
        self.follow(session, call, known.as_ref()).await?;
        Ok(())
    }

    async fn authorized(&self, session: &Session, call: &Call) -> Result<Response, Cause> {
        let mut sent = self.auth.authorization(&self.wire, session).await?;
        let mut response = self.follow(session, call, sent.as_ref()).await?;
        for is_first in [true, false] {
            let refused = response.status() == StatusCode::UNAUTHORIZED;
            if !refused || !session.endpoint.owns(response.url()) {
                break;
            }
            let challenge = Challenge::from_headers(response.headers(), &session.endpoint.base)?;
            let Some(challenge) = challenge else { break };
            if is_first {
                self.auth.learn(session, challenge, sent.as_ref()).await;
            } else if !self.auth.narrow(session).await {
                break;
            }
            let next = self.auth.authorization(&self.wire, session).await?;
            // Nothing new to offer, so the answer would be the same.
            if next.is_none() || next == sent {
                break;
            }
            response = self.follow(session, call, next.as_ref()).await?;
            sent = next;
        }
        Ok(response)
    }

    /// Sends a request and follows redirects, if it is one that changes nothing. Credentials go to the registry alone.
    async fn follow(
        &self,
        session: &Session,
        call: &Call,
        authorization: Option<&Authorization>,
    ) -> Result<Response, Cause> {
        let mut url = call.url.clone();
        for _ in 0..=REDIRECT_LIMIT {
            let client = self.wire.endpoints.client_of(&session.endpoint, &url)?;
            let mut request = client
                .request(call.method.clone(), url.clone())
                .headers(call.headers.clone());
            if let Some(authorization) = authorization.filter(|_| session.endpoint.owns(&url)) {
                request = authorization.apply(request);
            }
            let own = session.endpoint.owns(&url);
            if own {
                session.endpoint.throttle.quiet().await;
            }
            if let Some((part, pulse)) = &call.body {
                pulse.begin(part.length());
                request = request
                    .header(CONTENT_LENGTH, part.length())
                    .body(part.open(pulse));
            }
            let host = host_name(session, &url);
            let response = match &call.body {
                None => self.wire.timed(&host, request.send()).await?,
                Some((_, pulse)) => self.wire.watched(&host, request.send(), pulse).await?,
            };
            if own {
                self.mind(&session.endpoint, &response);
            }
            tracing::debug!(method = %call.method, url = %crate::http::redacted(&url), status = %response.status(), "answered");
            let repeatable = matches!(call.method, Method::GET | Method::HEAD);
            let Some(next) = redirect_target(&response).filter(|_| repeatable) else {
                return Ok(response);
            };
            let nonsense = |what| Cause::Nonsense {
                host: host.clone(),
                what,
            };
            let next = url
                .join(next)
                .map_err(|_| nonsense("redirects to what is no address".to_owned()))?;
            session
                .endpoint
                .allow(&url, &next)
                .map_err(|reason| nonsense(format!("redirects to an address that is {reason}")))?;
            url = next;
        }
        Err(Cause::Nonsense {
            host: session.endpoint.name.clone(),
            what: format!("redirects more than {REDIRECT_LIMIT} times"),
        })
    }

    /// Takes in whether a registry complains of how much it gets.
    fn mind(&self, endpoint: &Endpoint, response: &Response) {
        let status = response.status();
        let asked = match advice_for_status(status, response.headers()) {
            Advice::RetryAfter(pause) => Some(pause),
            Advice::Retry | Advice::GiveUp => None,
        };
        if status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::SERVICE_UNAVAILABLE && asked.is_some())
        {
            // Who would have to wait for longer than that gives up, and nobody else waits for it.
            let budget = self.wire.settings.retry.budget;
            let pause = asked.filter(|pause| *pause <= budget);
            endpoint.throttle.complaint(pause.unwrap_or_default());
        }
    }

    async fn failure(&self, session: &Session, response: Response) -> Cause {
        let (status, host) = (response.status(), host_name(session, response.url()));
        let own = session.endpoint.owns(response.url());
        let advice = advice_for_status(status, response.headers());
        // A body that cannot be read is a pity, but the status says more.
        let body = self.wire.read(response, ERROR_BODY_LIMIT).await;
        let body = body.unwrap_or_default();
        let reason = reason(&body);
        // A storage host that says 403 knows nothing of our credentials: it never got them.
        if own && matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let known = self
                .auth
                .lookup(&session.endpoint.name, &session.repository);
            return match known.await {
                Ok(lookup) => Cause::Refused {
                    host,
                    status,
                    reason,
                    trail: Box::new(lookup.trail),
                },
                Err(error) => error.into(),
            };
        }
        Cause::Status {
            host,
            status,
            code: code(&body),
            reason,
            advice,
            missing: self.auth.quirks(session).missing,
        }
    }
}

impl Wire {
    /// Waits for an answer, but not for ever.
    pub(super) async fn timed<T>(
        &self,
        host: &str,
        answer: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, Cause> {
        match tokio::time::timeout(self.settings.read_timeout, answer).await {
            Ok(result) => result.map_err(|error| connection_error(host, error)),
            Err(_) => Err(silent(host, self.settings.read_timeout)),
        }
    }

    /// Waits for the answer to an upload as long as bytes are taken from it.
    async fn watched<T>(
        &self,
        host: &str,
        answer: impl Future<Output = reqwest::Result<T>>,
        pulse: &Pulse,
    ) -> Result<T, Cause> {
        let mut answer = std::pin::pin!(answer);
        loop {
            let factor = if pulse.is_given() { COMMIT_PATIENCE } else { 1 };
            let patience = (self.settings.read_timeout * factor).min(self.settings.retry.budget);
            let left = patience.saturating_sub(pulse.silence());
            if left.is_zero() {
                return Err(silent(host, patience));
            }
            if let Ok(result) = tokio::time::timeout(left, &mut answer).await {
                return result.map_err(|error| match pulse.take_error() {
                    Some(error) => Cause::of_source(error),
                    None => connection_error(host, error),
                });
            }
        }
    }

    /// Reads an answer of at most `limit` bytes. It is a small one, so all of it has to come in the time in which another
    /// server would at least begin.
    pub(super) async fn read(&self, mut response: Response, limit: u64) -> Result<Vec<u8>, Cause> {
        let host = shown_host(response.url());
        let patience = self.settings.read_timeout;
        let reading = async {
            let mut bytes = Vec::new();
            while let Some(chunk) = self.timed(&host, response.chunk()).await? {
                if (bytes.len() + chunk.len()) as u64 > limit {
                    return Err(Cause::TooLarge { limit });
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        match tokio::time::timeout(patience, reading).await {
            Ok(read) => read,
            Err(_) => Err(Cause::Slow {
                host: host.clone(),
                after: patience,
            }),
        }
    }
}

/// The name of a host in messages.
fn host_name(session: &Session, url: &Url) -> String {
    if session.endpoint.owns(url) {
        session.endpoint.name.clone()
    } else {
        shown_host(url)
    }
}

fn silent(host: &str, after: Duration) -> Cause {
    Cause::Silent {
        host: host.to_owned(),
        after,
    }
}

fn redirect_target(response: &Response) -> Option<&str> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    location.to_str().ok()
}

/// Tells failures of TLS and of a proxy from others; the URL, which may have secrets in its query, is left out.
pub(super) fn connection_error(host: &str, error: reqwest::Error) -> Cause {
    let proxy = error
        .url()
        .filter(|url| error.is_connect() && !is_this_machine(url))
        .and_then(proxy_for);
    let (host, source) = (host.to_owned(), TransferError::new(error));
    match tls_failure(source.library()) {
        Some(failure) => Cause::Tls {
            host,
            failure,
            source,
        },
        None => match proxy {
            Some(proxy) => Cause::Proxy {
                proxy,
                host,
                source,
            },
            None => Cause::Connection { host, source },
        },
    }
}
