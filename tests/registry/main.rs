//! The client against a registry in the same process: every rule of the protocol, and every way to break one.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should stop its test"
)]

#[path = "../support/mod.rs"]
mod support;

mod auth;
mod faults;
mod patience;
mod pull;
mod push;
mod requests;
mod streams;
mod tokens;
mod uploads;
mod verified;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flink_img::error::{Explain as _, Kind};
use flink_img::http::{HttpSettings, RetryPolicy};
use flink_img::oci::{
    Descriptor, Digest, Document, Index, LayerCompression, Manifest, ManifestError, MediaType,
    Platform, Reference, Selector,
};
use flink_img::progress::Silent;
use flink_img::registry::{
    Access, BlobBody, BlobOutcome, BlobPush, Cause, Client, CredentialStore, Credentials, Error,
    Presence, Secret,
};
use support::registry::token::{Refusal, TokenService};
use support::registry::{Auth, Fault, LocationForm, Registry};

const GZIP: MediaType = MediaType::Layer(LayerCompression::Gzip);
const BLOB: &[u8] = b"some bytes of a layer";

fn settings() -> HttpSettings {
    HttpSettings {
        read_timeout: Duration::from_secs(2),
        retry: RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            ..RetryPolicy::default()
        },
        ..HttpSettings::default()
    }
}

fn client_with(store: CredentialStore) -> Client {
    Client::new(settings(), store, Arc::new(Silent)).unwrap()
}

fn client() -> Client {
    client_with(CredentialStore::default())
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic {
        user: user.to_owned(),
        password: Secret::new(password),
    }
}

fn login(registry: &Registry) -> CredentialStore {
    CredentialStore::default().with_login(&registry.address(), basic("ada", "secret"))
}

fn token_registry() -> Registry {
    Registry::with_auth(Auth::Token {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    })
}

fn name(registry: &Registry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.address()).parse().unwrap()
}

fn blob() -> Descriptor {
    Descriptor::of(GZIP, BLOB)
}

async fn push(
    client: &Client,
    target: &Reference,
    from: Option<&Reference>,
) -> Result<BlobOutcome, Error> {
    let push = BlobPush {
        mount_from: from.cloned(),
        ..BlobPush::new(blob())
    };
    client.push_blob(target, push, &BLOB.into()).await
}

/// Asserts that the requests, of which so many were under way at a time, shared connections.
fn assert_connections_shared(registry: &Registry, at_a_time: usize) {
    let (connections, requests) = (registry.traffic().connections, registry.requests().len());
    // One may have been begun just before another became free, so there may be some more than are needed.
    assert!(
        connections <= 2 * at_a_time,
        "{connections} connections for {requests} requests"
    );
}

/// The error with its causes, on one line.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(" <- ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
