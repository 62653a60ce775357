//! What must hold of what registries and credential files say: see `crate::fuzzing`.

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde_json::{Map, Value};

use super::challenge::Challenge;
use super::credentials::{CredentialStore, Credentials, Trail};
use super::headers::{Part, Span, received};
use crate::http::{Advice, advice_for_status};
use crate::oci::host_address;
use crate::progress::Silent;

/// Networks that no realm on the internet is in (the special-purpose registries of IANA): first address, length of the
/// prefix. Addresses of version 4 are mapped.
const INTERNAL: [(&str, u32); 17] = [
    ("::ffff:0.0.0.0", 104),
    ("::ffff:10.0.0.0", 104),
    ("::ffff:100.64.0.0", 106),
    ("::ffff:127.0.0.0", 104),
    ("::ffff:169.254.0.0", 112),
    ("::ffff:172.16.0.0", 108),
    ("::ffff:192.0.0.0", 120),
    ("::ffff:192.168.0.0", 112),
    ("::ffff:198.18.0.0", 111),
    ("::ffff:224.0.0.0", 100),
    ("::ffff:240.0.0.0", 100),
    ("::1", 128),
    ("::", 128),
    ("fc00::", 7),
    ("fe80::", 10),
    ("fec0::", 10),
    ("ff00::", 8),
];

/// A challenge that is accepted sends nobody's password to where it must not go, whichever registry sent it.
pub fn challenge(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(4) {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            return;
        };
        headers.append(WWW_AUTHENTICATE, value);
    }
    for registry in [
        "https://ghcr.io/",
        "http://registry.test:5000/",
        "http://127.0.0.1:5000/",
        "https://[fd00::1]:8443/",
    ] {
        let registry: Url = registry.parse().expect("it is an address");
        let Ok(Some(Challenge::Bearer { realm, .. })) =
            Challenge::from_headers(&headers, &registry)
        else {
            continue;
        };
        let encrypted = realm.scheme() == "https";
        let plain = realm.scheme() == "http" && registry.scheme() == "http";
        assert!(encrypted || plain, "{realm} for {registry}");
        let host = realm.host_str().expect("it has a host");
        let itself = realm.host_str() == registry.host_str()
            && realm.port_or_known_default() == registry.port_or_known_default();
        assert!(itself || !is_internal(host), "{realm} for {registry}");
    }
}

fn is_internal(host: &str) -> bool {
    let name = host.trim_end_matches('.');
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let Some(address) = host_address(host) else {
        return false;
    };
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    let bits = mapped(address);
    // Ways to write an address of version 4 as one of version 6: of old, translated, tunnelled.
    let embedded = match address {
        IpAddr::V6(address) => match address.segments() {
            [0, 0, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(bits),
            [0x2002, ..] => Some(bits >> 80),
            _ => None,
        },
        IpAddr::V4(_) => None,
    };
    let embedded = embedded.map(|bits| bits & 0xffff_ffff | 0xffff << 32);
    let within = |bits: u128| {
        INTERNAL.iter().any(|(first, length)| {
            let first: Ipv6Addr = first.parse().expect("it is an address");
            (first.to_bits() ^ bits).leading_zeros() >= *length
        })
    };
    within(bits) || embedded.is_some_and(within)
}

/// Numbers in headers are what they say, and what is read says the same when it is written.
pub fn headers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(Span { first, last }) = Span::parse(text) {
        assert!(first <= last);
        assert_eq!(
            Span::parse(&format!("{first}-{last}")),
            Some(Span { first, last })
        );
    }
    if let Some(part) = Part::parse(text) {
        let Span { first, last } = part.span;
        let total = part.total.map_or("*".to_owned(), |total| total.to_string());
        assert!(first <= last && part.total.is_none_or(|total| last < total));
        let written = format!("bytes {first}-{last}/{total}");
        assert_eq!(Part::parse(&written), Some(part));
    }
    if let Some(count) = received(text).filter(|count| *count > 0) {
        assert_eq!(received(&format!("0-{}", count - 1)), Some(count));
    }
    // The second line is the time of the answer, which a date is compared with.
    let (asked, now) = text.split_once('\n').unwrap_or((text, ""));
    let (Ok(value), Ok(now)) = (HeaderValue::from_str(asked), HeaderValue::from_str(now)) else {
        return;
    };
    let text = asked;
    let headers = HeaderMap::from_iter([(RETRY_AFTER, value), (DATE, now)]);
    for status in [408, 429, 500, 503] {
        let status = StatusCode::from_u16(status).expect("it is a status");
        let advice = advice_for_status(status, &headers);
        assert_ne!(advice, Advice::GiveUp, "a header does not make it worse");
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let (true, Ok(seconds)) = (digits, text.parse()) {
            let asked = std::time::Duration::from_secs(seconds);
            assert_eq!(advice, Advice::RetryAfter(asked), "{text}");
        }
    }
    for status in [200, 400, 404, 501] {
        let status = StatusCode::from_u16(status).expect("it is a status");
        assert_eq!(advice_for_status(status, &headers), Advice::GiveUp);
    }
}

/// What a file says of one repository is offered to nobody else, and secrets are not shown.
pub fn credentials(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    file.write_all(bytes).expect("it has room");
    let Ok(store) = CredentialStore::default().with_file(file.path()) else {
        return;
    };
    let shown = format!("{store:?}");
    let content = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    let empty = Map::new();
    let entries = content["auths"].as_object().unwrap_or(&empty);
    let helpers = content["credHelpers"].as_object().unwrap_or(&empty);
    // Users and keys are shown, and may say by chance what a secret says.
    let told: Vec<_> = entries
        .iter()
        .flat_map(|(key, entry)| [Some(key.as_str()), entry["username"].as_str()])
        .chain(
            helpers
                .iter()
                .flat_map(|(key, name)| [Some(key.as_str()), name.as_str()]),
        )
        .chain([content["credsStore"].as_str()])
        .flatten()
        .collect();
    for secret in entries.values().flat_map(secrets) {
        let telling =
            secret.starts_with("hunter") && !told.iter().any(|text| text.contains(&secret));
        assert!(!telling || !shown.contains(&secret), "{shown}");
    }
    for key in entries.keys().chain(helpers.keys()).take(8) {
        for (registry, repository) in around(key) {
            check_lookup(&store, entries, (&registry, &repository));
        }
    }
}

fn check_lookup(store: &CredentialStore, entries: &Map<String, Value>, asked: (&str, &str)) {
    let found = pin!(store.find(asked.0, asked.1, &Silent));
    let Poll::Ready(found) = found.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("without helpers there is nothing to wait for");
    };
    let Ok(found) = found else { return };
    let Some(credentials) = found.credentials else {
        return;
    };
    assert!(matches!(found.trail, Trail::Entry { .. }));
    let secret = match &credentials {
        Credentials::Basic { password, .. } => password,
        Credentials::Identity(token) | Credentials::Bearer(token) => token,
    };
    let covering = entries.iter().filter_map(|(key, entry)| {
        let place = place(key);
        let (registry, repository) = (hub(asked.0), asked.1);
        // The path of a key ends where a part of the asked one does.
        format!("{registry}/{repository}/")
            .starts_with(&format!("{place}/"))
            .then_some((place.len(), entry))
    });
    let covering: Vec<_> = covering.collect();
    let most = covering.iter().map(|(length, _)| *length).max();
    let own = covering
        .iter()
        .filter(|(length, _)| Some(*length) == most)
        .any(|(_, entry)| secrets(entry).iter().any(|own| own == secret.reveal()));
    assert!(own, "{asked:?} gets what is another's");
}

/// A key as registry and path alone.
fn place(key: &str) -> String {
    let (scheme, bare) = match key.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (Some(scheme), rest),
        _ => (None, key),
    };
    let bare = bare.trim_end_matches('/');
    let (registry, path) = bare.split_once('/').unwrap_or((bare, ""));
    match path {
        "" => hub(registry),
        "v1" | "v2" if scheme.is_some() => hub(registry),
        path => format!("{}/{path}", hub(registry)),
    }
}

/// A registry under its one name.
fn hub(registry: &str) -> String {
    let registry = registry.to_ascii_lowercase();
    match registry.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => registry,
    }
}

/// Repositories in, below and beside what a key names.
fn around(key: &str) -> Vec<(String, String)> {
    let place = place(key);
    let (registry, path) = place.split_once('/').unwrap_or((&place, "acme/job"));
    let path_above = path.rsplit_once('/').map_or("other", |(above, _)| above);
    [
        (registry.to_owned(), path.to_owned()),
        (registry.to_uppercase(), format!("{path}/part")),
        (registry.to_owned(), format!("{path}2")),
        (registry.to_owned(), format!("x{path}")),
        (registry.to_owned(), path_above.to_owned()),
        (format!("{registry}:444"), path.to_owned()),
        (format!("{registry}.evil.test"), path.to_owned()),
        (format!("evil-{registry}"), path.to_owned()),
    ]
    .into()
}

/// The secrets of an entry, in every form that they may have.
fn secrets(entry: &Value) -> Vec<String> {
    let text = |name: &str| entry[name].as_str().map(ToOwned::to_owned);
    let packed = text("auth").and_then(|auth| {
        let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
        let (_, password) = text.split_once(':')?;
        Some(password.trim_end_matches('\0').to_owned())
    });
    let plain = ["password", "identitytoken", "registrytoken"].map(text);
    plain.into_iter().flatten().chain(packed).collect()
}
