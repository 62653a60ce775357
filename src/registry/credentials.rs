//! What the user is logged in to: the files of Docker and Podman, and what was given with the command.
//!
//! Where the files are is the caller's business; this module reads the ones it is given, in their order. An entry
//! is for a whole registry or for a path in it (`quay.io/acme`); the one that names most of the path wins, and
//! an entry is never offered to its neighbour (`quay.io/acme` says nothing about `quay.io/acme2`). Credential
//! helpers are not run yet; an entry that only a helper could answer is remembered for the hint.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::error::{Explain, FileError, Kind};

/// Far more than anybody's logins.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// Names of Docker Hub in credential files; `docker login` writes `https://index.docker.io/v1/`.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The user under which Docker stores an identity token where only user and password fit.
const TOKEN_USER: &str = "<token>";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// What a registry wants to see before it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password, or an access token that is used as one.
        password: Secret,
    },
    /// A token that the token service exchanges for others (OAuth 2 refresh token).
    Identity(Secret),
    /// A token that the registry itself takes.
    Bearer(Secret),
}

/// Where credentials came from, or where none were found; what a hint tells after a 401.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trail {
    /// Given with the command.
    Given,
    /// From this file.
    File(PathBuf),
    /// This file leaves the registry to a credential helper, and there is nothing else.
    Helper {
        /// The file.
        path: PathBuf,
        /// The name of the helper, without `docker-credential-`.
        helper: String,
    },
    /// Nowhere; these files were read.
    Nothing {
        /// The files that were there.
        looked_in: Vec<PathBuf>,
    },
}

/// What is known for one repository.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) credentials: Option<Credentials>,
    pub(super) trail: Trail,
}

/// A credential file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// It is no JSON, or JSON of another shape.
    #[error("`{}` is not a file of registry credentials", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// One entry makes no sense.
    #[error("The entry `{key}` in `{}` is no base64 of `USER:PASSWORD`", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The key below `auths`.
        key: String,
    },
}

impl Explain for CredentialError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Json { .. } | Self::Entry { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read(error) => error.hint(),
            Self::Json { .. } | Self::Entry { .. } => {
                Some("log in again with `docker login` or `podman login`".to_owned())
            }
        }
    }
}

/// Everything that the user is logged in to.
#[derive(Debug, Clone, Default)]
pub struct CredentialStore {
    given: Vec<(String, Credentials)>,
    files: Vec<CredentialFile>,
}

#[derive(Debug, Clone)]
struct CredentialFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default, deserialize_with = "nulls_as_empty")]
    auths: BTreeMap<String, Entry>,
    #[serde(default, deserialize_with = "nulls_as_empty")]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Entry {
    auth: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    identitytoken: Option<Secret>,
    registrytoken: Option<Secret>,
}

impl CredentialStore {
    /// Adds what was given with the command, for `registry` and no other. It goes before every file.
    #[must_use]
    pub fn with_login(mut self, registry: &str, credentials: Credentials) -> Self {
        self.given.push((registry.to_owned(), credentials));
        self
    }

    /// Adds a file, behind those added before. One that is not there is skipped; use [`Self::with_file`] for a
    /// file that the user named.
    pub fn with_optional_file(self, path: &Path) -> Result<Self, CredentialError> {
        match self.clone().with_file(path) {
            Err(CredentialError::Read(error)) if error.is_not_found() => Ok(self),
            other => other,
        }
    }

    /// Adds a file, behind those added before.
    pub fn with_file(mut self, path: &Path) -> Result<Self, CredentialError> {
        let bytes = crate::fs::read_limited(path, FILE_LIMIT)?;
        // Some tools leave an empty file behind, which says nothing and does no harm.
        let content = if bytes.trim_ascii().is_empty() {
            Content::default()
        } else {
            serde_json::from_slice(&bytes).map_err(|source| CredentialError::Json {
                path: path.to_owned(),
                source,
            })?
        };
        self.files.push(CredentialFile {
            path: path.to_owned(),
            content,
        });
        Ok(self)
    }

    /// What is known for a repository.
    pub(super) fn find(&self, registry: &str, repository: &str) -> Result<Lookup, CredentialError> {
        let given = self
            .given
            .iter()
            .find(|(host, _)| same_host(host, registry));
        if let Some((_, credentials)) = given {
            return Ok(Lookup {
                credentials: Some(credentials.clone()),
                trail: Trail::Given,
            });
        }
        let mut helper = None;
        for file in &self.files {
            if let Some((key, entry)) = file.content.longest_match(registry, repository)
                && let Some(credentials) =
                    entry.credentials().map_err(|()| CredentialError::Entry {
                        path: file.path.clone(),
                        key: key.to_owned(),
                    })?
            {
                return Ok(Lookup {
                    credentials: Some(credentials),
                    trail: Trail::File(file.path.clone()),
                });
            }
            if helper.is_none() {
                helper = file
                    .content
                    .helper(registry, repository)
                    .map(|helper| (file.path.clone(), helper.to_owned()));
            }
        }
        Ok(Lookup {
            credentials: None,
            trail: match helper {
                Some((path, helper)) => Trail::Helper { path, helper },
                None => Trail::Nothing {
                    looked_in: self.files.iter().map(|file| file.path.clone()).collect(),
                },
            },
        })
    }
}

impl Content {
    /// The entry that names most of the path.
    fn longest_match(&self, registry: &str, repository: &str) -> Option<(&str, &Entry)> {
        self.auths
            .iter()
            .filter_map(|(key, entry)| {
                let depth = match_depth(key, registry, repository)?;
                Some((depth, key.as_str(), entry))
            })
            .max_by_key(|(depth, ..)| *depth)
            .map(|(_, key, entry)| (key, entry))
    }

    fn helper(&self, registry: &str, repository: &str) -> Option<&str> {
        let own = self
            .cred_helpers
            .iter()
            .find(|(key, _)| match_depth(key, registry, repository).is_some())
            .map(|(_, helper)| helper.as_str());
        // Docker leaves an empty entry for each registry that its store knows.
        let named = own.or_else(|| {
            self.longest_match(registry, repository)
                .and(self.creds_store.as_deref())
        });
        named.filter(|helper| !helper.is_empty())
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
    fn credentials(&self) -> Result<Option<Credentials>, ()> {
        let set = |secret: &Option<Secret>| secret.clone().filter(|s| !s.reveal().is_empty());
        if let Some(token) = set(&self.registrytoken) {
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
        Ok(Some(if user == TOKEN_USER {
            Credentials::Identity(password)
        } else {
            Credentials::Basic { user, password }
        }))
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

fn same_host(one: &str, other: &str) -> bool {
    let is_hub = |host: &str| DOCKER_HUB.iter().any(|hub| hub.eq_ignore_ascii_case(host));
    one.eq_ignore_ascii_case(other) || (is_hub(one) && is_hub(other))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn store(files: &[&str]) -> (CredentialStore, Vec<tempfile::NamedTempFile>) {
        let mut store = CredentialStore::default();
        let mut kept = Vec::new();
        for text in files {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            store = store.with_file(file.path()).unwrap();
            kept.push(file);
        }
        (store, kept)
    }

    fn user(store: &CredentialStore, registry: &str, repository: &str) -> Option<String> {
        match store.find(registry, repository).unwrap().credentials? {
            Credentials::Basic { user, .. } => Some(user),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn the_entry_that_names_most_of_the_path_wins_and_neighbours_get_nothing() {
        let (store, _files) = store(&[r#"{"auths":{
            "quay.io/acme":        {"username":"acme","password":"x"},
            "quay.io/acme/job":    {"username":"job","password":"x"},
            "https://ghcr.io/v2/": {"username":"github","password":"x"},
            "https://index.docker.io/v1/": {"auth":"aHViOnNlY3JldA=="}}}"#]);
        for (registry, repository, expected) in [
            ("quay.io", "acme/job", Some("job")),
            ("quay.io", "acme/job/part", Some("job")),
            ("quay.io", "acme/jobs", Some("acme")),
            ("quay.io", "acme2/job", None),
            ("quay.io", "other", None),
            ("quay.io:443", "acme/job", None),
            ("evil-quay.io", "acme/job", None),
            ("quay.io.evil.test", "acme/job", None),
            ("ghcr.io", "any/thing", Some("github")),
            ("docker.io", "library/flink", Some("hub")),
        ] {
            assert_eq!(
                user(&store, registry, repository).as_deref(),
                expected,
                "{registry}/{repository}"
            );
        }
    }

    #[test]
    fn files_are_asked_in_their_order_and_the_command_goes_first() {
        let (store, files) = store(&[
            r#"{"auths":{"a.test":{},"c.test":{"auth":"b25lOng="}}}"#,
            "",
            r#"{"auths":{"a.test":{"auth":"dHdvOng="},"c.test/deep":{"auth":"dHdvOng="}}}"#,
        ]);
        assert_eq!(user(&store, "a.test", "x").as_deref(), Some("two"));
        assert_eq!(user(&store, "c.test", "deep").as_deref(), Some("one"));
        let lookup = store.find("a.test", "x").unwrap();
        assert_eq!(lookup.trail, Trail::File(files[2].path().to_owned()));
        let given = Credentials::Basic {
            user: "flag".to_owned(),
            password: Secret::new("hunter2"),
        };
        let store = store.with_login("a.test", given);
        assert_eq!(user(&store, "a.test", "x").as_deref(), Some("flag"));
        assert_eq!(user(&store, "c.test", "x").as_deref(), Some("one"));
        let shown = format!("{store:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("b25lOng="),
            "{shown}"
        );
    }

    #[test]
    fn knows_tokens_and_admits_that_helpers_are_not_run() {
        let (store, files) = store(&[r#"{"auths":{
            "id.test": {"auth":"dXNlcjo=","identitytoken":"t1"},
            "user.test": {"username":"<token>","password":"t2"},
            "reg.test": {"registrytoken":"t3"},
            "stored.test": {},
            "bad.test": {"auth":"%%%"}},
            "credHelpers": {"helped.test":"ecr-login"}, "credsStore":"desktop"}"#]);
        let find = |registry| store.find(registry, "x").unwrap();
        let identity = |text| Some(Credentials::Identity(Secret::new(text)));
        assert_eq!(find("id.test").credentials, identity("t1"));
        assert_eq!(find("user.test").credentials, identity("t2"));
        assert_eq!(
            find("reg.test").credentials,
            Some(Credentials::Bearer(Secret::new("t3")))
        );
        for (registry, helper) in [("helped.test", "ecr-login"), ("stored.test", "desktop")] {
            let expected = Trail::Helper {
                path: files[0].path().to_owned(),
                helper: helper.to_owned(),
            };
            assert_eq!(find(registry).trail, expected);
        }
        assert!(matches!(
            store.find("bad.test", "x"),
            Err(CredentialError::Entry { .. })
        ));
        assert!(matches!(find("new.test").trail, Trail::Nothing { .. }));
    }

    #[test]
    fn null_says_nothing() {
        let (store, files) = store(&[
            r#"{"auths":null,"credHelpers":null,"credsStore":null}"#,
            r#"{"auths":{"a.test":null,"b.test":{"auth":null,"username":null}},
                "credHelpers":{"a.test":null,"c.test":"ecr-login"},"credsStore":"desktop"}"#,
            r#"{"auths":{"a.test":{"auth":"dHdvOng="}}}"#,
        ]);
        assert_eq!(user(&store, "a.test", "x").as_deref(), Some("two"));
        for (registry, helper) in [("b.test", "desktop"), ("c.test", "ecr-login")] {
            let expected = Trail::Helper {
                path: files[1].path().to_owned(),
                helper: helper.to_owned(),
            };
            assert_eq!(store.find(registry, "x").unwrap().trail, expected);
        }
    }

    #[test]
    fn a_default_file_may_be_missing_and_a_named_one_may_not() {
        let path = Path::new("/nowhere/config.json");
        let store = CredentialStore::default();
        assert!(store.clone().with_optional_file(path).is_ok());
        assert!(matches!(
            store.with_file(path),
            Err(CredentialError::Read(_))
        ));
    }
}
