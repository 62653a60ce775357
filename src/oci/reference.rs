//! The name of an image: `REGISTRY/REPOSITORY[:TAG][@DIGEST]`.
//!
//! The grammar is that of the distribution project, with the short names that people are used to: a name
//! without a registry means Docker Hub, and a single word there means `library/WORD`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Digest;

/// The registry that a name without one means.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Names under which people know Docker Hub; all of them mean [`DEFAULT_REGISTRY`].
const DEFAULT_REGISTRY_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// The namespace of a single word on Docker Hub.
const DEFAULT_NAMESPACE: &str = "library";
/// The tag that is meant when neither tag nor digest is given.
const DEFAULT_TAG: &str = "latest";
/// Longest repository name that the distribution project accepts, registry included.
const NAME_LIMIT: usize = 255;
/// Longest tag (distribution-spec, "Pulling manifests").
const TAG_LIMIT: usize = 128;

/// A validated image name. Its parts are safe to be put into a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// What a manifest is asked for by: the last part of `/v2/NAME/manifests/...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A name that may move.
    Tag(String),
    /// A name that cannot.
    Digest(Digest),
}

/// A text that is no image name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image name: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl Reference {
    /// Host and, where given, port: `ghcr.io`, `localhost:5000`, `[::1]:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path inside the registry: `acme/word-count`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, when one was given.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What a manifest is asked for by: the digest, else the tag, else `latest`.
    pub fn selector(&self) -> Selector {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Selector::Digest(*digest),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            (None, None) => Selector::Tag(DEFAULT_TAG.to_owned()),
        }
    }

    /// The same repository at `digest`, without a tag; how a result is printed.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// `REGISTRY/REPOSITORY`, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Whether two names mean the same image: as they stand, or with all that may be left out put in.
    pub fn same(one: &str, other: &str) -> bool {
        let full = |name: &str| {
            let reference: Self = name.parse().ok()?;
            Some((reference.name(), reference.selector()))
        };
        one == other || full(one).is_some_and(|one| full(other) == Some(one))
    }

    /// Whether the registry is this machine: `localhost` or a loopback address, with any port.
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        is_loopback_host(host)
    }
}

/// The address that a host is, if it is no name; an IPv6 address may stand in brackets, as in a URL.
pub(crate) fn host_address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let address: IpAddr = bare.parse().ok()?;
    Some(address.to_canonical())
}

/// Whether a host, without its port, is this machine: what is sent there never leaves it.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host_address(host).is_some_and(|address| address.is_loopback())
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason| ReferenceError {
            text: text.to_owned(),
            reason,
        };
        if text.contains("://") {
            return Err(fail("leave out the `http://` or `https://` in front"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest
                    .parse()
                    .map_err(|_| fail("behind `@` stands no `sha256:` digest of 64 digits"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        // A colon behind the last slash starts the tag; one before it belongs to a port.
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[path_start..].rfind(':') {
            Some(colon) => {
                let (name, tag) = rest.split_at(path_start + colon);
                (name, Some(&tag[1..]))
            }
            None => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(fail(
                "a tag has letters, digits, `_`, `.` and `-`, does not start with `.` or `-`, and is at most 128 long",
            ));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if is_registry_like(first) => (first, rest.to_owned()),
            _ => {
                let repository = if name.contains('/') {
                    name.to_owned()
                } else {
                    format!("{DEFAULT_NAMESPACE}/{name}")
                };
                (DEFAULT_REGISTRY, repository)
            }
        };
        let registry = if DEFAULT_REGISTRY_ALIASES.contains(&registry) {
            DEFAULT_REGISTRY
        } else {
            registry
        };
        if name.is_empty() {
            return Err(fail("the name is empty"));
        }
        if !is_host(registry) {
            return Err(fail("the part before the first `/` is no host name"));
        }
        if repository.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(fail("the repository must be in lower case"));
        }
        if !repository.split('/').all(is_path_component) {
            return Err(fail(
                "each part of the repository has lower-case letters and digits, with single `.`, `_`, `__` or dashes between them",
            ));
        }
        if registry.len() + 1 + repository.len() > NAME_LIMIT {
            return Err(fail("the name is longer than 255 characters"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.map(ToOwned::to_owned),
            digest,
        })
    }
}

/// Whether the first part of a name is a registry and not a namespace of Docker Hub.
fn is_registry_like(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':', '['])
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else {
                return false;
            };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (
                None,
                port.strip_prefix(':').or((!port.is_empty()).then_some("x")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.is_none_or(|host| host.split('.').all(label) && is_one_spelling(host))
        && port.is_none_or(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

/// Whether a host that a URL would take for an IPv4 address is written as people write one. `0x7f.1` is this machine too,
/// but no entry of a credential file and no list of registries says so.
fn is_one_spelling(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last
        .strip_prefix("0x")
        .or_else(|| last.strip_prefix("0X"))
        .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let decimal = last.bytes().all(|b| b.is_ascii_digit());
    !(hexadecimal || decimal) || host.parse::<Ipv4Addr>().is_ok()
}

fn is_tag(tag: &str) -> bool {
    (1..=TAG_LIMIT).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(alphanumeric)
        && component.ends_with(alphanumeric)
        && component.split(alphanumeric).all(|separator| {
            matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

impl TryFrom<String> for Reference {
    type Error = ReferenceError;

    fn try_from(text: String) -> Result<Self, ReferenceError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn spells_names_out_in_full() {
        for (text, full) in [
            ("flink-job", "docker.io/library/flink-job"),
            ("acme/job:1.0", "docker.io/acme/job:1.0"),
            ("index.docker.io/acme/job", "docker.io/acme/job"),
            ("localhost/job", "localhost/job"),
            ("localhost:5000/a/b:x", "localhost:5000/a/b:x"),
            ("[::1]:5000/a", "[::1]:5000/a"),
            ("ghcr.io/a/b__c-d.e", "ghcr.io/a/b__c-d.e"),
            ("myhost/a/b", "docker.io/myhost/a/b"),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), full);
            assert_eq!(full.parse::<Reference>().unwrap(), reference);
        }
        let pinned: Reference = format!("ghcr.io/a/b:1@{DIGEST}").parse().unwrap();
        assert_eq!(pinned.tag(), Some("1"));
        assert_eq!(pinned.selector(), Selector::Digest(DIGEST.parse().unwrap()));
        assert_eq!(
            pinned.at(Digest::of(b"")).to_string(),
            format!("ghcr.io/a/b@{DIGEST}")
        );
    }

    #[test]
    fn refuses_what_no_registry_takes_and_says_why() {
        for (text, reason) in [
            ("", "empty"),
            ("https://ghcr.io/a", "leave out"),
            ("ghcr.io/A/b", "lower case"),
            ("ghcr.io/a..b/c", "each part"),
            ("ghcr.io/../b", "each part"),
            ("ghcr.io/a/", "each part"),
            ("ghcr.io/a:-x", "a tag has"),
            ("ghcr.io/a:", "a tag has"),
            ("ghcr.io/a@sha256:12", "behind `@`"),
            ("ghcr.io:99999/a", "no host name"),
            ("gh cr.io/a", "no host name"),
            ("[::1/a", "no host name"),
            ("[::1]x/a", "no host name"),
            ("0x7f.1:5000/a", "no host name"),
            ("127.1/a", "no host name"),
            ("0177.0.0.1/a", "no host name"),
            ("256.0.0.1/a", "no host name"),
            ("a.0x/b", "no host name"),
        ] {
            let error = text.parse::<Reference>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!("a".repeat(300).parse::<Reference>().is_err());
    }

    #[test]
    fn names_are_the_same_with_and_without_what_may_be_left_out() {
        assert!(Reference::same("job", "docker.io/library/job:latest"));
        assert!(Reference::same("any Text", "any Text"));
        assert!(!Reference::same("job:1", "job"));
        assert!(!Reference::same("any Text", "any text"));
    }

    #[test]
    fn knows_this_machine() {
        for (text, loopback) in [
            ("localhost:5000/a", true),
            ("127.0.0.1/a", true),
            ("[::1]:1/a", true),
            ("localhost.example.com/a", false),
            ("128.0.0.1/a", false),
            ("a", false),
        ] {
            assert_eq!(
                text.parse::<Reference>().unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }

    #[test]
    fn knows_a_loopback_address_in_every_spelling() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("::1", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", false),
            ("[::1", false),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_loopback_host(host), expected, "{host}");
        }
    }
}
