//! What is in a file of credentials, as Docker and Podman write it (containers-auth.json(5)).
//!
//! Text in, entries out: which files there are, and in which order they are asked, is not known here.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use super::{Credentials, Secret, TOKEN_USER};

/// Names of Docker Hub in credential files; `docker login` writes `https://index.docker.io/v1/`.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// What credential helpers know Docker Hub by: as Docker stores it, and as Podman does.
const DOCKER_HUB_SERVERS: [&str; 2] = ["https://index.docker.io/v1/", "docker.io"];

/// What one file says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    #[serde(default, deserialize_with = "nulls_as_empty")]
    auths: BTreeMap<String, Entry>,
    #[serde(default, deserialize_with = "nulls_as_empty")]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

/// The logins that one key leads to.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Entry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

/// A table with nothing around it, which is all that `~/.dockercfg` is.
#[derive(Deserialize)]
#[serde(transparent)]
struct Legacy(#[serde(deserialize_with = "nulls_as_empty")] BTreeMap<String, Entry>);

impl Content {
    /// Reads the form of `config.json` and `auth.json`. Some tools leave an empty file behind, which says nothing and does
    /// no harm.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(bytes)
    }

    /// Reads the form of `.dockercfg`, which only had the logins themselves.
    pub(super) fn parse_legacy(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let Legacy(auths) = serde_json::from_slice(bytes)?;
        Ok(Self {
            auths,
            ..Self::default()
        })
    }

    /// What the entry says that names most of the path. One that only marks that a helper knows more says nothing, and is in
    /// no other's way.
    pub(super) fn longest_match(
        &self,
        registry: &str,
        repository: &str,
    ) -> Option<(&str, Result<Credentials, ()>)> {
        self.auths
            .iter()
            .filter_map(|(key, entry)| {
                let depth = match_depth(key, registry, repository)?;
                let credentials = entry.credentials().transpose()?;
                Some((depth, key.as_str(), credentials))
            })
            .max_by_key(|(depth, ..)| *depth)
            .map(|(_, key, credentials)| (key, credentials))
    }

    /// The helper that this registry is left to. An empty name keeps the registry away from `credsStore`, as with Docker.
    pub(super) fn own_helper(&self, registry: &str) -> Option<&str> {
        self.cred_helpers
            .iter()
            .find(|(key, _)| match_depth(key, registry, "").is_some())
            .map(|(_, helper)| helper.as_str())
    }

    /// The helper for every registry without one of its own.
    pub(super) fn store(&self) -> Option<&str> {
        self.creds_store
            .as_deref()
            .filter(|helper| !helper.is_empty())
    }
}

/// Reads a table; programs that write JSON from a structure leave `null` for a table or an entry with nothing in it.
fn nulls_as_empty<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let table: Option<BTreeMap<String, Option<T>>> = Option::deserialize(deserializer)?;
    let entries = table.into_iter().flatten();
    Ok(entries
        .map(|(key, entry)| (key, entry.unwrap_or_default()))
        .collect())
}

impl Entry {
    /// What the entry holds; nothing if it only marks that a helper knows more, and an error if it makes no sense.
    fn credentials(&self) -> Result<Option<Credentials>, ()> {
        let set = |secret: &Option<Secret>| secret.clone().filter(|s| !s.reveal().is_empty());
        if let Some(token) = set(&self.registrytoken) {
            // It stands in a header as it is.
            if !token.is_token() {
                return Err(());
            }
            return Ok(Some(Credentials::Bearer(token)));
        }
        if let Some(token) = set(&self.identitytoken) {
            return Ok(Some(Credentials::Identity(token)));
        }
        let (user, password) = match (set(&self.auth), &self.username, &self.password) {
            (Some(auth), ..) => {
                let decoded = STANDARD.decode(auth.reveal().trim()).map_err(|_| ())?;
                let text = String::from_utf8(decoded).map_err(|_| ())?;
                let (user, password) = text.split_once(':').ok_or(())?;
                // Old versions of Docker padded with NUL.
                let password = password.trim_end_matches('\0');
                (user.to_owned(), Secret::new(password))
            }
            (None, Some(user), Some(password)) => (user.clone(), password.clone()),
            _ => return Ok(None),
        };
        Ok(Some(Credentials::of_login(user, password)))
    }
}

impl Credentials {
    /// What a pair of user and password stands for: Docker writes an identity token so where nothing else fits.
    pub(super) fn of_login(user: String, password: Secret) -> Self {
        if user == TOKEN_USER {
            Self::Identity(password)
        } else {
            Self::Basic { user, password }
        }
    }
}

/// How many parts of the path a key names, if it is for the repository at all: 0 for the whole registry.
fn match_depth(key: &str, registry: &str, repository: &str) -> Option<usize> {
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key)
        .trim_end_matches('/');
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    if !same_host(host, registry) {
        return None;
    }
    // The version in `https://index.docker.io/v1/` is part of an address, not of a name.
    if path.is_empty() || (key.contains("://") && matches!(path, "v1" | "v2")) {
        return Some(0);
    }
    let mut asked = repository.split('/');
    let mut depth = 0;
    for part in path.split('/') {
        if asked.next() != Some(part) {
            return None;
        }
        depth += 1;
    }
    Some(depth)
}

/// Whether two names are those of one registry: the same to the letter, but for case, or both of Docker Hub.
pub(super) fn same_host(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (is_docker_hub(one) && is_docker_hub(other))
}

fn is_docker_hub(host: &str) -> bool {
    DOCKER_HUB.iter().any(|hub| hub.eq_ignore_ascii_case(host))
}

/// What a helper is asked for, one after the other until it has it.
pub(super) fn servers(registry: &str) -> Vec<&str> {
    if is_docker_hub(registry) {
        DOCKER_HUB_SERVERS.to_vec()
    } else {
        vec![registry]
    }
}
