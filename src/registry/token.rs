//! Gets a token from a token service: in the usual way (distribution's token specification), or in that of OAuth 2.
//!
//! Who needs one, and for how long it is kept, is not known here.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::client::{Session, Wire};
use super::credentials::{Credentials, Lookup, Secret, TOKEN_USER};
use super::error::Cause;
use super::reason::reason;
use crate::http::{Advice, advice_for_status, redacted};

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

/// A token that was got.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) value: Secret,
    usable_until: Instant,
}

impl Token {
    /// Whether it will be taken a while longer.
    pub(super) fn is_usable(&self) -> bool {
        Instant::now() < self.usable_until
    }
}

/// What a token service is asked.
pub(super) struct TokenRequest<'a> {
    pub(super) realm: &'a Url,
    pub(super) service: Option<&'a str>,
    /// What the token is to allow, the most important first.
    pub(super) scopes: &'a [String],
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
            .find(|token| token.is_token())
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

/// Whether a token service said that it will not give a token for what it was asked for.
pub(super) fn is_refusal(cause: &Cause) -> bool {
    matches!(cause, Cause::NoToken { status, .. } if matches!(status.as_u16(), 400 | 401 | 403))
}

/// What a token service answers.
struct ServiceAnswer {
    status: StatusCode,
    advice: Advice,
    body: Vec<u8>,
}

impl ServiceAnswer {
    /// Whether it is a refusal that stays one.
    fn is_final(&self) -> bool {
        self.status.is_client_error() && self.advice == Advice::GiveUp
    }
}

impl TokenRequest<'_> {
    /// Asks for a token; `known` is what is known for the session's repository.
    pub(super) async fn send(
        &self,
        wire: &Wire,
        session: &Session,
        known: &Lookup,
    ) -> Result<Token, Cause> {
        let asked_at = Instant::now();
        let shown = redacted(self.realm).to_string();
        tracing::debug!(realm = %shown, scopes = %Joined(self.scopes), "asking for a token");
        let nonsense = |what: String| Cause::Nonsense {
            host: shown.clone(),
            what,
        };
        let answer = self
            .talk(wire, session, known)
            .await
            .map_err(|cause| match cause {
                Cause::TooLarge { limit } => {
                    nonsense(format!("sends more than {limit} bytes for a token"))
                }
                cause => cause,
            })?;
        if !answer.status.is_success() {
            return Err(Cause::NoToken {
                host: session.endpoint.name.clone(),
                realm: shown,
                status: answer.status,
                reason: reason(&answer.body),
                trail: Box::new(known.trail.clone()),
                advice: answer.advice,
            });
        }
        let read: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
        let granted = read.and_then(|answer| Some((answer.token()?, answer.lifetime())));
        let (value, lifetime) = granted.ok_or_else(|| nonsense("sends no token".to_owned()))?;
        Ok(Token {
            value,
            // A token of a few seconds would never be used if the whole margin were taken off.
            usable_until: asked_at + lifetime.saturating_sub(MARGIN.min(lifetime / 4)),
        })
    }

    async fn talk(
        &self,
        wire: &Wire,
        session: &Session,
        known: &Lookup,
    ) -> Result<ServiceAnswer, Cause> {
        match &known.credentials {
            Some(Credentials::Identity(token)) => {
                let answer = self
                    .answer(wire, self.exchange(wire, session, token)?)
                    .await?;
                if !matches!(answer.status.as_u16(), 400 | 401 | 404 | 405) {
                    return Ok(answer);
                }
                // Not all services know OAuth 2 (distribution's token specification), and some that do not refuse it; all
                // know the other form.
                let request = self.ask(wire, session)?;
                let request = request.basic_auth(TOKEN_USER, Some(token.reveal()));
                let second = self.answer(wire, request).await?;
                // Two refusals are one, and the word of OAuth 2 tells more than that a user called `<token>` is wrong.
                let is_told = matches!(answer.status.as_u16(), 400 | 401)
                    && reason(&answer.body).is_some()
                    && second.is_final();
                Ok(if is_told { answer } else { second })
            }
            Some(Credentials::Basic { user, password }) => {
                let request = self
                    .ask(wire, session)?
                    .basic_auth(user, Some(password.reveal()));
                self.answer(wire, request).await
            }
            _ => self.answer(wire, self.ask(wire, session)?).await,
        }
    }

    async fn answer(&self, wire: &Wire, request: RequestBuilder) -> Result<ServiceAnswer, Cause> {
        let shown = redacted(self.realm).to_string();
        let response = wire.timed(&shown, request.send()).await?;
        Ok(ServiceAnswer {
            status: response.status(),
            advice: advice_for_status(response.status(), response.headers()),
            body: wire.read(response, TOKEN_LIMIT).await?,
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
