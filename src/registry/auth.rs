//! Answers the challenges of registries.
//!
//! Nothing is sent before a registry asks for it. What it asked for is remembered, so that later requests bring it
//! along. A token is fetched once for a registry and a set of scopes, however many requests wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{RequestBuilder, Url};

use super::challenge::Challenge;
use super::client::{Session, Wire};
use super::credentials::{CredentialError, CredentialStore, Credentials, Lookup, Secret};
use super::endpoint::Endpoint;
use super::error::Cause;
use super::quirks::{self, Quirks};
use super::token::{Token, TokenRequest, is_refusal};
use crate::progress::Reporter;

/// The value of an `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorization {
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

impl Authorization {
    pub(super) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic { user, password } => request.basic_auth(user, Some(password.reveal())),
            Self::Bearer(token) => request.bearer_auth(token.reveal()),
        }
    }
}

/// What was learnt from challenges, and the tokens that were got.
#[derive(Debug)]
pub(super) struct Authenticator {
    store: CredentialStore,
    reporter: Arc<dyn Reporter>,
    challenges: Mutex<BTreeMap<Url, Challenge>>,
    slots: Mutex<BTreeMap<SlotKey, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// Address of the registry, repository (whose credentials are used) and scopes. By address, as what came without TLS is
/// nothing to go by with it, and what was got with it is not shown without.
type SlotKey = (Url, String, Vec<String>);

#[derive(Debug, Default)]
struct Slot {
    token: Option<Token>,
    /// Scopes that the registry asked for and that we had not thought of.
    extra_scopes: Vec<String>,
    /// Whether a token that was got for more was refused here.
    alone: bool,
    /// Whether only the first scope is asked for, because the others were refused.
    narrow: bool,
}

impl Slot {
    fn usable_token(&self) -> Option<Secret> {
        let token = self.token.as_ref()?;
        token.is_usable().then(|| token.value.clone())
    }

    /// What a token is asked for.
    fn scopes(&self, session: &Session, narrow: bool) -> Vec<String> {
        let own = &session.scopes[..if narrow { 1 } else { session.scopes.len() }];
        own.iter().chain(&self.extra_scopes).cloned().collect()
    }
}

impl Authenticator {
    pub(super) fn new(store: CredentialStore, reporter: Arc<dyn Reporter>) -> Self {
        Self {
            store,
            reporter,
            challenges: Mutex::default(),
            slots: Mutex::default(),
        }
    }

    /// What is known for the session's repository.
    pub(super) async fn lookup(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Lookup, CredentialError> {
        self.store.find(registry, repository, &*self.reporter).await
    }

    /// What the session's registry asked for, if it did.
    pub(super) fn challenge(&self, session: &Session) -> Option<Challenge> {
        let challenges = self
            .challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        challenges.get(&session.endpoint.base).cloned()
    }

    /// What the session's tokens are asked for now.
    pub(super) async fn scopes(&self, session: &Session) -> Vec<String> {
        let slot = self.slot(session);
        let slot = slot.lock().await;
        slot.scopes(session, slot.narrow)
    }

    /// What a request should bring along; nothing as long as the registry has not asked.
    pub(super) async fn authorization(
        &self,
        wire: &Wire,
        session: &Session,
    ) -> Result<Option<Authorization>, Cause> {
        let Some(challenge) = self.challenge(session) else {
            return Ok(None);
        };
        let lookup = self
            .lookup(&session.endpoint.name, &session.repository)
            .await?;
        match (challenge, &lookup.credentials) {
            (_, Some(Credentials::Bearer(token))) => Ok(Some(Authorization::Bearer(token.clone()))),
            (Challenge::Basic, Some(Credentials::Basic { user, password })) => {
                Ok(Some(Authorization::Basic {
                    user: user.clone(),
                    password: password.clone(),
                }))
            }
            (Challenge::Basic, _) => Ok(None),
            (Challenge::Bearer { realm, service, .. }, _) => {
                let slot = self.slot(session);
                // Held while the token is fetched: whoever else needs it waits here instead of asking too.
                let mut slot = slot.lock().await;
                let scopes = slot.scopes(session, slot.narrow);
                let wider = || self.wider_token(session, &scopes).filter(|_| !slot.alone);
                if let Some(token) = slot.usable_token().or_else(wider) {
                    return Ok(Some(Authorization::Bearer(token)));
                }
                let mut request = TokenRequest {
                    realm: &realm,
                    service: service.as_deref(),
                    scopes: &scopes,
                };
                let mut token = request.send(wire, session, &lookup).await;
                // Some services refuse everything when they refuse the source of a mount, which is only a short cut.
                if !slot.narrow && session.scopes.len() > 1 && token.as_ref().is_err_and(is_refusal)
                {
                    let first = slot.scopes(session, true);
                    request.scopes = &first;
                    token = request.send(wire, session, &lookup).await;
                    slot.narrow = token.is_ok();
                }
                let token = token?;
                let value = token.value.clone();
                slot.token = Some(token);
                Ok(Some(Authorization::Bearer(value)))
            }
        }
    }

    /// Takes in the challenge of a 401, and forgets the token that was refused with it.
    pub(super) async fn learn(
        &self,
        session: &Session,
        challenge: Challenge,
        refused: Option<&Authorization>,
    ) {
        let (registry, repository) = (&session.endpoint.name, &session.repository);
        if let Ok(known) = self.lookup(registry, repository).await {
            tracing::debug!(%registry, %repository, credentials = %known.trail, "asked for credentials");
        }
        let slot = self.slot(session);
        let mut slot = slot.lock().await;
        if let Some(Authorization::Bearer(refused)) = refused {
            match &slot.token {
                Some(token) if token.value == *refused => slot.token = None,
                _ => slot.alone = true,
            }
        }
        if let Challenge::Bearer {
            scope: Some(scope), ..
        } = &challenge
        {
            slot.extra_scopes = scope
                .split(' ')
                .filter(|scope| !scope.is_empty() && !covers(&session.scopes, scope))
                .map(ToOwned::to_owned)
                .collect();
        }
        let Endpoint { name, base, .. } = &*session.endpoint;
        let mut challenges = self
            .challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if challenge == Challenge::Basic
            && let Some(Challenge::Bearer { service, .. }) = challenges.get(base)
            && quirks::of(name, service.as_deref()).keeps_tokens
        {
            return;
        }
        challenges.insert(base.clone(), challenge);
    }

    /// What is special about the session's registry, as far as its challenge tells.
    pub(super) fn quirks(&self, session: &Session) -> &'static Quirks {
        let challenges = self
            .challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match challenges.get(&session.endpoint.base) {
            Some(Challenge::Bearer { service, .. }) => {
                quirks::of(&session.endpoint.name, service.as_deref())
            }
            _ => session.endpoint.quirks,
        }
    }

    /// Asks for no more than the first scope from now on; `false` if it was so already.
    pub(super) async fn narrow(&self, session: &Session) -> bool {
        let slot = self.slot(session);
        let mut slot = slot.lock().await;
        if slot.narrow || session.scopes.len() < 2 {
            return false;
        }
        slot.narrow = true;
        slot.token = None;
        true
    }

    /// Whether the source of a mount was refused: asking for the mount would be in vain.
    pub(super) async fn is_narrow(&self, session: &Session) -> bool {
        self.slot(session).lock().await.narrow
    }

    /// A token that was got for work in the same repository and allows all of `scopes`.
    fn wider_token(&self, session: &Session, scopes: &[String]) -> Option<Secret> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots
            .iter()
            .filter(|((base, repository, own), _)| {
                *base == session.endpoint.base
                    && *repository == session.repository
                    && scopes.iter().all(|wanted| covers(own, wanted))
            })
            // One that is being fetched, like that of this very session, is not waited for.
            .find_map(|(_, slot)| slot.try_lock().ok()?.usable_token())
    }

    fn slot(&self, session: &Session) -> Arc<tokio::sync::Mutex<Slot>> {
        let key = (
            session.endpoint.base.clone(),
            session.repository.clone(),
            session.scopes.clone(),
        );
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }
}

/// Whether the scopes that are asked for anyway allow everything that `wanted` does.
fn covers(scopes: &[String], wanted: &str) -> bool {
    let split = |scope: &str| {
        scope
            .rsplit_once(':')
            .map(|(resource, actions)| (resource.to_owned(), actions.to_owned()))
    };
    let Some((resource, actions)) = split(wanted) else {
        return false;
    };
    actions.split(',').all(|action| {
        scopes.iter().any(|scope| {
            split(scope).is_some_and(|(own_resource, own_actions)| {
                own_resource == resource && own_actions.split(',').any(|own| own == action)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_only_for_scopes_that_are_not_asked_for_anyway() {
        let own = ["repository:a/b:pull,push".to_owned()];
        for (wanted, expected) in [
            ("repository:a/b:pull", true),
            ("repository:a/b:push,pull", true),
            ("repository:a/b:delete", false),
            ("repository:a/b2:pull", false),
            ("repository(plugin):a/b:pull", false),
            ("odd", false),
        ] {
            assert_eq!(covers(&own, wanted), expected, "{wanted}");
        }
    }
}
