//! What the user is logged in to: what was given with the command, the files of Docker and Podman, and the credential
//! helpers that these name.
//!
//! Where the files are is the caller's business; this module reads the ones it is given, in their order. An entry
//! is for a whole registry or for a path in it (`quay.io/acme`); the one that names most of the path wins, and
//! an entry is never offered to its neighbour (`quay.io/acme` says nothing about `quay.io/acme2`).
//!
//! Within a file, the helper that is named for the registry (`credHelpers`) goes before the entries, as with Docker and
//! Podman. The helper for everything (`credsStore`) comes last: Podman does not know it, so an entry beside it is meant.
//! A helper that has nothing, or that fails, leaves the word to what comes after it.

mod error;
mod file;
mod helper;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::progress::Reporter;
pub use error::{CredentialError, Origin};
use file::{Content, same_host, servers};
pub use helper::HelperFailure;

/// Far more than anybody's logins.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// The user under which Docker stores an identity token where only user and password fit.
pub(super) const TOKEN_USER: &str = "<token>";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it can be sent as a token: it stands in a header, between blanks.
    pub fn is_token(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic())
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
    /// Written down.
    Entry {
        /// Where.
        origin: Origin,
        /// The key of the entry.
        key: String,
    },
    /// From a credential helper.
    Helper {
        /// What names the helper.
        origin: Origin,
        /// The name of the helper, without `docker-credential-`.
        helper: String,
        /// What it was asked for.
        server: String,
    },
    /// Nowhere.
    Nothing {
        /// The files and variables that were there.
        looked_in: Vec<Origin>,
        /// The helpers that gave no answer, and why.
        failed: Vec<(String, HelperFailure)>,
    },
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("given with the command"),
            Self::Entry { origin, key } => write!(f, "entry `{key}` in {origin}"),
            Self::Helper {
                origin,
                helper,
                server,
            } => write!(
                f,
                "credential helper `{helper}`, asked for `{server}`, named in {origin}"
            ),
            Self::Nothing { looked_in, failed } => {
                f.write_str("none")?;
                for (number, origin) in looked_in.iter().enumerate() {
                    let before = if number == 0 { " in " } else { ", " };
                    write!(f, "{before}{origin}")?;
                }
                for (helper, failure) in failed {
                    write!(f, "; the credential helper `{helper}` {failure}")?;
                }
                Ok(())
            }
        }
    }
}

/// What is known for one repository.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) credentials: Option<Credentials>,
    pub(super) trail: Trail,
}

/// Everything that the user is logged in to.
#[derive(Debug, Clone, Default)]
pub struct CredentialStore {
    given: Vec<(String, Credentials)>,
    sources: Vec<Source>,
    helpers: Option<helper::Setting>,
    answers: Arc<Answers>,
}

#[derive(Debug, Clone)]
struct Source {
    origin: Origin,
    content: Content,
}

/// What helpers said, by their names and what they were asked for. Each is asked once, however many need the answer.
#[derive(Debug, Default)]
struct Answers(Mutex<BTreeMap<(String, String), AnswerCell>>);

type AnswerCell = Arc<OnceCell<Answer>>;

type Answer = Result<Option<Credentials>, HelperFailure>;

impl CredentialStore {
    /// Adds what was given with the command, for `registry` and no other. It goes before everything else.
    #[must_use]
    pub fn with_login(mut self, registry: &str, credentials: Credentials) -> Self {
        self.given.push((registry.to_owned(), credentials));
        self
    }

    /// Lets the credential helpers that files name be run: found on `search_path`, and given up after `patience`.
    /// Without this, none is found.
    #[must_use]
    pub fn with_helpers(mut self, search_path: OsString, patience: Duration) -> Self {
        self.helpers = Some(helper::Setting {
            search_path,
            patience,
        });
        self
    }

    /// Adds a file, behind those added before.
    pub fn with_file(self, path: &Path) -> Result<Self, CredentialError> {
        let bytes = crate::fs::read_limited(path, FILE_LIMIT)?;
        self.with_content(Origin::File(path.to_owned()), Content::parse(&bytes))
    }

    /// Adds a file in the form of `~/.dockercfg`, which Docker wrote before 2015, behind those added before.
    pub fn with_legacy_file(self, path: &Path) -> Result<Self, CredentialError> {
        let bytes = crate::fs::read_limited(path, FILE_LIMIT)?;
        let content = Content::parse_legacy(&bytes);
        self.with_content(Origin::File(path.to_owned()), content)
    }

    /// Adds what a variable of the environment has instead of a file, behind the sources added before.
    pub fn with_text(self, variable: &'static str, text: &Secret) -> Result<Self, CredentialError> {
        let content = Content::parse(text.reveal().as_bytes());
        self.with_content(Origin::Variable(variable), content)
    }

    fn with_content(
        mut self,
        origin: Origin,
        content: Result<Content, serde_json::Error>,
    ) -> Result<Self, CredentialError> {
        match content {
            Ok(content) => {
                self.sources.push(Source { origin, content });
                Ok(self)
            }
            Err(error) => Err(CredentialError::Json {
                origin,
                line: error.line(),
                column: error.column(),
            }),
        }
    }

    /// What is known for a repository. A helper that fails is told to `reporter`, once.
    pub(super) async fn find(
        &self,
        registry: &str,
        repository: &str,
        reporter: &dyn Reporter,
    ) -> Result<Lookup, CredentialError> {
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
        let mut search = Search {
            registry,
            reporter,
            failed: Vec::new(),
        };
        for source in &self.sources {
            let own = source.content.own_helper(registry);
            if let Some(lookup) = self.ask(&mut search, source, own).await {
                return Ok(lookup);
            }
            if let Some(lookup) = source.written(registry, repository)? {
                return Ok(lookup);
            }
            let store = source.content.store().filter(|_| own.is_none());
            if let Some(lookup) = self.ask(&mut search, source, store).await {
                return Ok(lookup);
            }
        }
        let looked_in = self.sources.iter().map(|source| source.origin.clone());
        Ok(Lookup {
            credentials: None,
            trail: Trail::Nothing {
                looked_in: looked_in.collect(),
                failed: search.failed,
            },
        })
    }

    /// Asks a helper, if one is named.
    async fn ask(
        &self,
        search: &mut Search<'_>,
        source: &Source,
        helper: Option<&str>,
    ) -> Option<Lookup> {
        let name = helper.filter(|name| !name.is_empty())?;
        for server in servers(search.registry) {
            let cell = self.answers.cell(name, server);
            let run = async || {
                let answer = match &self.helpers {
                    Some(setting) => helper::get(setting, name, server).await,
                    None => Err(HelperFailure::Missing),
                };
                if let Err(failure) = &answer {
                    search.reporter.warn(&format!(
                        "The credential helper `{name}`, named in {}, {failure}, so its logins are not used",
                        source.origin
                    ));
                }
                answer
            };
            match cell.get_or_init(run).await {
                Ok(Some(credentials)) => {
                    return Some(Lookup {
                        credentials: Some(credentials.clone()),
                        trail: Trail::Helper {
                            origin: source.origin.clone(),
                            helper: name.to_owned(),
                            server: server.to_owned(),
                        },
                    });
                }
                Ok(None) => {}
                Err(failure) => {
                    search.failed.push((name.to_owned(), failure.clone()));
                    return None;
                }
            }
        }
        None
    }
}

/// One look through all sources.
struct Search<'a> {
    registry: &'a str,
    reporter: &'a dyn Reporter,
    failed: Vec<(String, HelperFailure)>,
}

impl Answers {
    fn cell(&self, name: &str, server: &str) -> AnswerCell {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), server.to_owned());
        Arc::clone(answers.entry(key).or_default())
    }
}

impl Source {
    /// What the entries say.
    fn written(&self, registry: &str, repository: &str) -> Result<Option<Lookup>, CredentialError> {
        let Some((key, credentials)) = self.content.longest_match(registry, repository) else {
            return Ok(None);
        };
        let (origin, key) = (self.origin.clone(), key.to_owned());
        match credentials {
            Ok(credentials) => Ok(Some(Lookup {
                credentials: Some(credentials),
                trail: Trail::Entry { origin, key },
            })),
            Err(()) => Err(CredentialError::Entry { origin, key }),
        }
    }
}

#[cfg(test)]
mod tests;
