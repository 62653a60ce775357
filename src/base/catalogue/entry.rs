//! One base of the catalogue: what its file says, checked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::CatalogueError;
use crate::fs::toml;
use crate::oci::{Digest, Platform, Reference};

/// The oldest Java that any Flink that is built for runs on.
const OLDEST_JAVA: u16 = 8;

/// The package of Alpine that lets programs for glibc run on musl.
pub const GCOMPAT: &str = "gcompat";

/// The C library of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// That of most distributions.
    Glibc,
    /// That of Alpine.
    Musl,
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

/// A base that can be named. The keys are described in `base-layers/README.md`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// What it is called.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Where it is.
    pub reference: Reference,
    /// The major version of its Java.
    pub java: u16,
    /// Its C library.
    pub libc: Libc,
    /// What it is there for.
    #[serde(deserialize_with = "platforms")]
    pub platforms: Vec<Platform>,
    /// The digest of its manifest for each platform where that is known: it is pulled by this.
    #[serde(default, deserialize_with = "digests")]
    pub digests: BTreeMap<Platform, Digest>,
    /// What is to be put into it besides, by the names of its own package manager.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Whether it may be taken when no base is named, because its Java fits.
    #[serde(default = "yes", rename = "default")]
    pub is_default: bool,
    /// The lines of Flink that it is the default of before any other, as `1.8`.
    #[serde(default, rename = "default-of")]
    pub default_of: Vec<String>,
}

fn yes() -> bool {
    true
}

fn platforms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Platform>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(D::Error::custom))
        .collect()
}

fn digests<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Platform, Digest>, D::Error> {
    let texts: BTreeMap<String, Digest> = BTreeMap::deserialize(deserializer)?;
    texts
        .iter()
        .map(|(text, digest)| Ok((text.parse().map_err(D::Error::custom)?, *digest)))
        .collect()
}

impl CatalogueEntry {
    /// Reads the text of the file at `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, CatalogueError> {
        let entry: Self = toml::parse(path, text)?;
        entry.checked(path)
    }

    /// The same, if it makes sense as what the file at `path` says.
    pub(super) fn checked(self, path: &Path) -> Result<Self, CatalogueError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let stem = path.file_stem().unwrap_or_default();
        let reason = if !self.name.chars().all(is_plain) {
            "`name` has other characters than lower-case letters, digits and dashes"
        } else if stem != self.name.as_str() {
            "`name` is not that of the file"
        } else if self.java < OLDEST_JAVA {
            "`java` is older than 8, on which no Flink runs"
        } else if self.platforms.is_empty() {
            "`platforms` names none"
        } else if (1..self.platforms.len())
            .any(|place| self.platforms[..place].contains(&self.platforms[place]))
        {
            "`platforms` names one twice"
        } else if self
            .digests
            .keys()
            .any(|platform| !self.platforms.contains(platform))
        {
            "`digests` names a platform that `platforms` does not"
        } else if self.reference.digest().is_some() && !self.digests.is_empty() {
            "`reference` has a digest, so there is nothing left for `digests` to say"
        } else if self
            .packages
            .iter()
            .any(|package| package.trim().is_empty())
        {
            "`packages` has an empty name"
        } else if !self.default_of.iter().all(|line| is_line(line)) {
            "`default-of` names something else than lines of Flink, which are written like `1.8`"
        } else {
            return Ok(self);
        };
        Err(CatalogueError::Entry {
            path: path.to_owned(),
            reason,
        })
    }

    /// Whether it lets programs for glibc run on musl.
    pub fn has_gcompat(&self) -> bool {
        self.packages.iter().any(|package| package == GCOMPAT)
    }

    /// Whether it is there for `platform`.
    pub fn serves(&self, platform: &Platform) -> bool {
        self.platforms.iter().any(|own| own.serves(platform))
    }

    /// Where it is for `platform`: by its digest, if that is known, and still with its tag, for people.
    pub fn reference_for(&self, platform: &Platform) -> Result<Reference, CatalogueError> {
        if !self.serves(platform) {
            let offers: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
            return Err(CatalogueError::Platform {
                name: self.name.clone(),
                wanted: Box::new(platform.clone()),
                offers: offers.join("`, `"),
            });
        }
        let known = self.digests.iter().find(|(own, _)| own.serves(platform));
        Ok(match known {
            Some((_, digest)) => format!("{}@{digest}", self.reference)
                .parse()
                .expect("a name without a digest may have one"),
            None => self.reference.clone(),
        })
    }
}

/// Whether a text is a major and a minor number.
fn is_line(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.split_once('.');
    parts.is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain as _;

    /// What each entry below begins with.
    const START: &str =
        "name = 'jre'\nreference = 'ghcr.io/acme/jre:17'\njava = 17\nlibc = 'musl'\n";

    fn parse(text: &str) -> Result<CatalogueEntry, String> {
        CatalogueEntry::parse("jre.toml".as_ref(), text).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        })
    }

    #[test]
    fn a_base_is_pulled_by_its_digest_where_that_is_known() {
        let hex = "a".repeat(64);
        let text = format!(
            "{START}platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7']\n[digests]\n'linux/arm64/v8' = 'sha256:{hex}'"
        );
        let entry = parse(&text).unwrap();
        for (platform, expected) in [
            ("linux/amd64", Ok("ghcr.io/acme/jre:17".to_owned())),
            ("linux/arm64", Ok(format!("ghcr.io/acme/jre:17@sha256:{hex}"))),
            ("linux/arm", Ok("ghcr.io/acme/jre:17".to_owned())),
            (
                "linux/s390x",
                Err("The base `jre` is not there for `linux/s390x`, only for `linux/amd64`, `linux/arm64`, `linux/arm/v7`"
                    .to_owned()),
            ),
        ] {
            let found = entry.reference_for(&platform.parse().unwrap());
            let found = found.map(|reference| reference.to_string());
            assert_eq!(found.map_err(|error| error.to_string()), expected);
        }
        assert!(entry.is_default, "unless it says that it is not");
    }

    #[test]
    fn what_describes_no_base_is_refused_with_the_place() {
        let hex = "a".repeat(64);
        let pinned = format!("\n[digests]\n'linux/arm64' = 'sha256:{hex}'");
        let twice = format!(
            "{}platforms = ['linux/arm64']{pinned}",
            START.replace(":17", &format!("@sha256:{hex}"))
        );
        let one = "platforms = ['linux/amd64']";
        for (text, expected) in [
            (format!("{START}platforms = []"), "`platforms` names none"),
            (
                format!("{START}platforms = ['linux/arm64', 'linux/arm64/v8']"),
                "`platforms` names one twice",
            ),
            (
                format!("{START}{one}{pinned}"),
                "`digests` names a platform that `platforms` does not",
            ),
            (twice, "nothing left for `digests` to say"),
            (
                format!("{}{one}", START.replace("'jre'", "'jre17'")),
                "`name` is not that of the file",
            ),
            (
                format!("{}{one}", START.replace("'jre'", "'a/jre'")),
                "`name` has other characters",
            ),
            (
                format!("{}{one}", START.replace("java = 17", "java = 7")),
                "`java` is older than 8",
            ),
            (
                format!("{START}{one}\npackages = ['']"),
                "`packages` has an empty name",
            ),
            (
                format!("{START}{one}\ndefault-of = ['1.8', '1.8.3']"),
                "`default-of` names something else than lines of Flink",
            ),
            (
                format!("{START}{one}\ndefault-of = ['1.x']"),
                "which are written like `1.8`",
            ),
            (START.to_owned(), "missing field `platforms`"),
            (
                format!("{START}platforms = ['windows/amd64']"),
                "line 5, column 13: `windows/amd64` is not a platform",
            ),
            (
                format!("{START}{one}\n[digests]\n'linux/amd64' = ''"),
                "line 7, column 17: `` is not a digest",
            ),
            (
                format!("{}{one}", START.replace("musl", "uclibc")),
                "line 4, column 8: unknown variant `uclibc`",
            ),
            (
                format!("{START}{one}\nplatform = 1"),
                "line 6, column 1: unknown field `platform`",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(
                error.contains("`jre.toml`") && error.contains(expected),
                "{error}"
            );
        }
        let misspelt = format!("{START}{one}\npackage = []");
        let error = CatalogueEntry::parse("jre.toml".as_ref(), &misspelt).unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean `packages`"));
    }
}
