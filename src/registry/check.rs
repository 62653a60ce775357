//! Finds out whether a registry lets us in, and tells how that came about.
//!
//! By requests that a pull or a push makes too, as no other tells: the manifest is asked for, an upload is opened and given
//! back.

use reqwest::{Method, StatusCode};

use super::challenge::{Challenge, shown_host};
use super::client::{Access, Call, Client, Session};
use super::credentials::{CredentialError, Credentials, Trail};
use super::error::{Cause, Error, Task};
use super::pull::manifest_call;
use crate::http::redacted;
use crate::oci::Reference;

/// What was found out of the access to a repository.
#[derive(Debug)]
pub struct Checked {
    /// The host that answers for the registry; `None` if it was not reached.
    pub host: Option<String>,
    /// The user of the credentials, where they have one.
    pub user: Option<String>,
    /// Where the credentials came from.
    pub source: Trail,
    /// What the registry asked for; `None` if it asked for nothing.
    pub challenge: Option<Challenged>,
    /// The status that let us in, or why none did. For a pull, 404 of a registry lets in as well: there is only nothing there.
    pub answer: Result<StatusCode, Error>,
}

/// What a registry asks for, and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenged {
    /// User and password.
    Basic,
    /// A token; the one of the credentials is sent as it is.
    OwnToken,
    /// A token of this service.
    Token {
        /// The address of the service.
        realm: String,
        /// What the service knows the registry by.
        service: Option<String>,
        /// What the token is to allow.
        scopes: Vec<String>,
    },
}

impl Client {
    /// Tries to read what a name leads to, or to write where it leads.
    pub async fn check_access(
        &self,
        reference: &Reference,
        access: Access<'_>,
    ) -> Result<Checked, CredentialError> {
        let (registry, repository) = (reference.registry(), reference.repository());
        let known = self.auth.lookup(registry, repository).await?;
        let mut checked = Checked {
            host: None,
            user: match &known.credentials {
                Some(Credentials::Basic { user, .. }) => Some(user.clone()),
                _ => None,
            },
            source: known.trail,
            challenge: None,
            answer: Ok(StatusCode::OK),
        };
        let session = match self.session(reference, access).await {
            Ok(session) => session,
            Err(cause) => {
                let task = match access {
                    Access::Pull => Task::PullManifest(reference.clone()),
                    Access::Push { .. } => Task::Push(reference.clone()),
                };
                checked.answer = Err(Error::new(task, cause));
                return Ok(checked);
            }
        };
        checked.answer = match access {
            Access::Pull => self.try_pull(&session, reference).await,
            Access::Push { .. } => self.try_push(reference).await,
        };
        checked.host = Some(shown_host(&session.endpoint.base));
        let own_token = matches!(known.credentials, Some(Credentials::Bearer(_)));
        checked.challenge = match self.auth.challenge(&session) {
            None => None,
            Some(_) if own_token => Some(Challenged::OwnToken),
            Some(Challenge::Basic) => Some(Challenged::Basic),
            Some(Challenge::Bearer { realm, service, .. }) => Some(Challenged::Token {
                realm: redacted(&realm).to_string(),
                service,
                scopes: self.auth.scopes(&session).await,
            }),
        };
        Ok(checked)
    }

    async fn try_pull(
        &self,
        session: &Session,
        reference: &Reference,
    ) -> Result<StatusCode, Error> {
        let known = [StatusCode::OK, StatusCode::NOT_FOUND];
        let attempt = async || {
            let selector = reference.selector();
            // Docker Hub counts no HEAD. An answer to it has no reason in it, and not all registries know it.
            let head = manifest_call(session, Method::HEAD, &selector);
            match self.request(session, &head, &known).await {
                Ok(response) => return Ok(response.status()),
                Err(Cause::Refused { .. } | Cause::Status { .. }) => {}
                Err(cause) => return Err(cause),
            }
            let get = manifest_call(session, Method::GET, &selector);
            match self.request(session, &get, &known).await {
                Ok(response) => Ok(response.status()),
                Err(cause) if cause.is_unknown() => Ok(StatusCode::NOT_FOUND),
                Err(cause) => Err(cause),
            }
        };
        let result: Result<_, Cause> = async {
            let status = attempt().await?;
            if status == StatusCode::NOT_FOUND {
                self.meet_registry(session).await?;
            }
            Ok(status)
        }
        .await;
        result.map_err(|cause| Error::new(Task::PullManifest(reference.clone()), cause))
    }

    /// Makes sure that a registry answers there: any web server says that it does not have an image. A challenge tells, else
    /// the one address that all registries have.
    async fn meet_registry(&self, session: &Session) -> Result<(), Cause> {
        let is_met = || self.auth.challenge(session).is_some();
        if is_met() {
            return Ok(());
        }
        let mut url = session.endpoint.base.clone();
        url.set_path("v2/");
        let call = Call::new(Method::GET, url);
        match self.request(session, &call, &[StatusCode::OK]).await {
            Ok(_) => Ok(()),
            Err(_) if is_met() => Ok(()),
            Err(Cause::Status { status, .. } | Cause::Refused { status, .. })
                if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS =>
            {
                Err(Cause::Nonsense {
                    host: session.endpoint.name.clone(),
                    what: format!("answers, and is no registry: it said {status} to `GET /v2/`"),
                })
            }
            Err(cause) => Err(cause),
        }
    }

    async fn try_push(&self, reference: &Reference) -> Result<StatusCode, Error> {
        let upload = self.open_upload(reference).await?;
        self.cancel_upload(upload).await;
        Ok(StatusCode::ACCEPTED)
    }
}
