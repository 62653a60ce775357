//! The token service of the registry (distribution's token specification, and its form of OAuth 2): right, wrong or hostile.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::wire::{Request, Response, pairs};
use super::{Auth, Content, Shared};

/// The user under which identity tokens come where only user and password fit.
const TOKEN_USER: &str = "<token>";

/// How a token service does its work.
#[derive(Debug, Clone, Default)]
pub struct TokenService {
    /// What it answers to POST, if it knows no OAuth 2.
    pub post: Option<u16>,
    /// What the token is called in an answer, if it is not called as usual.
    pub field: Option<&'static str>,
    /// What `expires_in` says; by default nothing.
    pub expires_in: Option<Value>,
    /// Whether it looks at the first scope only.
    pub first_scope_only: bool,
    /// A scope that it gives no token for, not even together with others.
    pub refused: Option<(String, Refusal)>,
    /// Whether its answers have no end: the same again and again, with a pause behind each byte.
    pub endless: Option<Duration>,
}

/// How a token service refuses.
#[derive(Debug, Clone, Copy)]
pub enum Refusal {
    /// With this status.
    Status(u16),
    /// By a token that opens nothing.
    Worthless,
}

/// What `Authorization` says for a user and a password.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Whether a token allows this.
pub(super) fn has_scope(
    content: &Content,
    sent: Option<&String>,
    name: &str,
    action: &str,
) -> bool {
    sent.and_then(|value| content.tokens.get(value.strip_prefix("Bearer ")?))
        .is_some_and(|scopes| {
            scopes.iter().any(|scope| {
                scope
                    .strip_prefix("repository:")
                    .and_then(|scope| scope.rsplit_once(':'))
                    .is_some_and(|(own, actions)| {
                        own == name && actions.split(',').any(|own| own == action)
                    })
            })
        })
}

/// The scopes that are asked for, if the right user asks, and what the token is called; else the refusal.
fn asked(
    service: &TokenService,
    auth: &Auth,
    request: &Request,
) -> Result<(Vec<String>, &'static str), Response> {
    let sent = request.info.headers.get("authorization");
    let queried = || {
        let scopes = request.info.query_all("scope");
        scopes.into_iter().map(ToOwned::to_owned).collect()
    };
    let (user, password) = match auth {
        Auth::Token { user, password } => (user.as_str(), password),
        Auth::Refresh { token } if request.info.method == "POST" => {
            if let Some(status) = service.post {
                return Err(Response::new(status));
            }
            let form = pairs(&String::from_utf8_lossy(&request.body));
            let field = |name: &str| {
                let found = form.iter().find(|(key, _)| key == name);
                found.map_or("", |(_, value)| value)
            };
            if field("grant_type") != "refresh_token" || field("refresh_token") != token {
                return Err(Response::new(400)
                    .body(r#"{"error":"invalid_grant","error_description":"unknown token"}"#));
            }
            let scopes = field("scope").split(' ').map(ToOwned::to_owned);
            return Ok((scopes.collect(), "access_token"));
        }
        Auth::Refresh { token } => (TOKEN_USER, token),
        _ => return Err(Response::new(404)),
    };
    if sent == Some(&basic(user, password)) {
        Ok((queried(), "token"))
    } else {
        Err(Response::new(401).body(r#"{"details":"incorrect username or password"}"#))
    }
}

/// What the service answers.
pub(super) fn answer(shared: &Shared, request: &Request) -> Response {
    let (auth, service) = {
        let behaviour = shared.behaviour();
        (behaviour.auth.clone(), behaviour.token_service.clone())
    };
    let (mut scopes, usual) = match asked(&service, &auth, request) {
        Ok(asked) => asked,
        Err(refusal) => return refusal,
    };
    if let Some((refused, how)) = &service.refused
        && scopes.contains(refused)
    {
        match how {
            Refusal::Status(status) => {
                return Response::new(*status).body(r#"{"details":"not for you"}"#);
            }
            Refusal::Worthless => scopes.clear(),
        }
    }
    if service.first_scope_only {
        scopes.truncate(1);
    }
    let mut content = shared.content();
    content.counter += 1;
    let value = format!("token-{}", content.counter);
    content.tokens.insert(value.clone(), scopes);
    let mut answer = serde_json::json!({ service.field.unwrap_or(usual): value });
    if let Some(lifetime) = &service.expires_in {
        answer["expires_in"] = lifetime.clone();
    }
    let mut response = Response::new(200).body(answer.to_string());
    response.endless = service.endless;
    response
}
