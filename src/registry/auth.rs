//! Answers the challenges of registries.
//!
//! Nothing is sent before a registry asks for it. What it asked for is remembered, so that later requests bring it
//! along. A token is fetched once for a registry and a set of scopes, however many requests wait for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Url};
use serde::Deserialize;
use serde_json::Value;

use super::challenge::Challenge;
use super::client::{Session, Wire};
use super::credentials::{CredentialStore, Credentials, Lookup, Secret};
use super::error::Cause;
use super::reason::reason;
use crate::http::{advice_for_status, redacted};

/// The largest token answer that is read.
const TOKEN_LIMIT: u64 = 64 * 1024;
/// How long a token lasts when its service does not say (distribution's token specification).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// How long a token is used at most, whatever its service says: a new one costs one request.
const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long before its end a token is not used any more: a request may take a while to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// What OAuth 2 services know us by.
const CLIENT_ID: &str = "flink-img";

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
    challenges: Mutex<BTreeMap<String, Challenge>>,
    slots: Mutex<BTreeMap<SlotKey, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// Registry, repository (whose credentials are used) and scopes.
type SlotKey = (String, String, Vec<String>);

#[derive(Debug, Default)]
struct Slot {
    token: Option<Token>,
    /// Scopes that the registry asked for and that we had not thought of.
    extra_scopes: Vec<String>,
    /// Whether a token that was got for more was refused here.
    alone: bool,
}

impl Slot {
    fn usable_token(&self) -> Option<Secret> {
        let token = self.token.as_ref();
        token
            .filter(|token| Instant::now() < token.usable_until)
            .map(|token| token.value.clone())
    }
}

#[derive(Debug)]
struct Token {
    value: Secret,
    usable_until: Instant,
}

impl Authenticator {
    pub(super) fn new(store: CredentialStore) -> Self {
        Self {
            store,
            challenges: Mutex::default(),
            slots: Mutex::default(),
        }
    }

    /// What is known for the session's repository.
    pub(super) fn lookup(&self, session: &Session) -> Result<Lookup, Cause> {
        Ok(self
            .store
            .find(&session.endpoint.name, &session.repository)?)
    }

    /// What a request should bring along; nothing as long as the registry has not asked.
    pub(super) async fn authorization(
        &self,
        wire: &Wire,
        session: &Session,
    ) -> Result<Option<Authorization>, Cause> {
        let challenge = {
            let challenges = self
                .challenges
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            challenges.get(&session.endpoint.name).cloned()
        };
        let Some(challenge) = challenge else {
            return Ok(None);
        };
        let lookup = self.lookup(session)?;
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
                let mut scopes = session.scopes.clone();
                scopes.extend(slot.extra_scopes.iter().cloned());
                let wider = || self.wider_token(session, &scopes).filter(|_| !slot.alone);
                if let Some(token) = slot.usable_token().or_else(wider) {
                    return Ok(Some(Authorization::Bearer(token)));
                }
                let request = TokenRequest {
                    realm: &realm,
                    service: service.as_deref(),
                    scopes: &scopes,
                };
                let token = request.send(wire, session, lookup).await?;
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
        self.challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session.endpoint.name.clone(), challenge);
    }

    /// A token that was got for work in the same repository and allows all of `scopes`.
    fn wider_token(&self, session: &Session, scopes: &[String]) -> Option<Secret> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots
            .iter()
            .filter(|((registry, repository, own), _)| {
                *registry == session.endpoint.name
                    && *repository == session.repository
                    && scopes.iter().all(|wanted| covers(own, wanted))
            })
            // One that is being fetched, like that of this very session, is not waited for.
            .find_map(|(_, slot)| slot.try_lock().ok()?.usable_token())
    }

    fn slot(&self, session: &Session) -> Arc<tokio::sync::Mutex<Slot>> {
        let key = (
            session.endpoint.name.clone(),
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

/// What a token service is asked.
struct TokenRequest<'a> {
    realm: &'a Url,
    service: Option<&'a str>,
    scopes: &'a [String],
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<Secret>,
    access_token: Option<Secret>,
    /// Seconds; some services write them as a fraction or as text.
    expires_in: Option<Value>,
}

impl TokenAnswer {
    /// The token under either name, if it can stand in a header.
    fn token(&self) -> Option<Secret> {
        [&self.token, &self.access_token]
            .into_iter()
            .flatten()
            .find(|token| is_header_safe(token.reveal()))
            .cloned()
    }

    fn lifetime(&self) -> Duration {
        let seconds = self.expires_in.as_ref().and_then(|value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        });
        match seconds {
            Some(seconds) if seconds >= 0.0 => {
                Duration::from_secs_f64(seconds.min(MAX_LIFETIME.as_secs_f64()))
            }
            _ => DEFAULT_LIFETIME,
        }
    }
}

impl TokenRequest<'_> {
    async fn send(&self, wire: &Wire, session: &Session, known: Lookup) -> Result<Token, Cause> {
        let asked_at = Instant::now();
        let shown = redacted(self.realm).to_string();
        let request = match &known.credentials {
            Some(Credentials::Identity(token)) => self.exchange(wire, session, token)?,
            Some(Credentials::Basic { user, password }) => self
                .ask(wire, session)?
                .basic_auth(user, Some(password.reveal())),
            _ => self.ask(wire, session)?,
        };
        tracing::debug!(realm = %shown, scopes = %Joined(self.scopes), "asking for a token");
        let response = wire.timed(&shown, request.send()).await?;
        let (status, advice) = (
            response.status(),
            advice_for_status(response.status(), response.headers()),
        );
        let body = wire.read(response, TOKEN_LIMIT).await?;
        if !status.is_success() {
            return Err(Cause::NoToken {
                host: session.endpoint.name.clone(),
                realm: shown,
                status,
                reason: reason(&body),
                trail: Box::new(known.trail),
                advice,
            });
        }
        let answer: Option<TokenAnswer> = serde_json::from_slice(&body).ok();
        let granted = answer.and_then(|answer| Some((answer.token()?, answer.lifetime())));
        let Some((value, lifetime)) = granted else {
            return Err(Cause::Nonsense {
                host: shown,
                what: "sends no token".to_owned(),
            });
        };
        Ok(Token {
            value,
            // A token of a few seconds would never be used if the whole margin were taken off.
            usable_until: asked_at + lifetime.saturating_sub(MARGIN.min(lifetime / 4)),
        })
    }

    /// The usual form: a GET with one `scope` for each scope, the most important one first, because some services
    /// read no further.
    fn ask(&self, wire: &Wire, session: &Session) -> Result<RequestBuilder, Cause> {
        let mut url = self.realm.clone();
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.service.map(|service| ("service", service)));
            query.extend_pairs(self.scopes.iter().map(|scope| ("scope", scope)));
        }
        let client = wire.endpoints.client_of(&session.endpoint, &url)?;
        Ok(client.get(url))
    }

    /// OAuth 2, for identity tokens.
    fn exchange(
        &self,
        wire: &Wire,
        session: &Session,
        token: &Secret,
    ) -> Result<RequestBuilder, Cause> {
        let scopes = self.scopes.join(" ");
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", token.reveal()),
            ("client_id", CLIENT_ID),
            ("scope", &scopes),
        ];
        form.extend(self.service.map(|service| ("service", service)));
        let client = wire.endpoints.client_of(&session.endpoint, self.realm)?;
        Ok(client.post(self.realm.clone()).form(&form))
    }
}

fn is_header_safe(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

struct Joined<'a>(&'a [String]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
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

    #[test]
    fn reads_the_answers_that_token_services_give() {
        for (answer, token, seconds) in [
            (r#"{"token":"t"}"#, Some("t"), 60.0),
            (r#"{"token":"t","expires_in":300}"#, Some("t"), 300.0),
            (r#"{"token":"t","expires_in":"300"}"#, Some("t"), 300.0),
            (r#"{"token":"t","expires_in":300.5}"#, Some("t"), 300.5),
            (r#"{"token":"t","expires_in":0}"#, Some("t"), 0.0),
            (
                r#"{"token":"t","expires_in":18446744073709551615}"#,
                Some("t"),
                3600.0,
            ),
            (r#"{"token":"t","expires_in":"1e300"}"#, Some("t"), 3600.0),
            (r#"{"token":"t","expires_in":"NaN"}"#, Some("t"), 60.0),
            (r#"{"token":"t","expires_in":-1}"#, Some("t"), 60.0),
            (r#"{"token":"t","expires_in":null}"#, Some("t"), 60.0),
            (r#"{"token":"t","expires_in":[1]}"#, Some("t"), 60.0),
            (r#"{"token":"","access_token":"a"}"#, Some("a"), 60.0),
            (r#"{"token":null,"access_token":"a"}"#, Some("a"), 60.0),
            (r#"{"token":"","access_token":""}"#, None, 60.0),
            (r#"{"token":"two\r\nlines"}"#, None, 60.0),
        ] {
            let read: TokenAnswer = serde_json::from_str(answer).unwrap();
            let value = read.token();
            assert_eq!(value.as_ref().map(Secret::reveal), token, "{answer}");
            assert_eq!(
                read.lifetime(),
                Duration::from_secs_f64(seconds),
                "{answer}"
            );
        }
    }
}
