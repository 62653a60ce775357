//! What a package asks for or offers: a name, and the versions that fit.
//!
//! `[!]NAME[@TAG][OPERATOR VERSION]`, as apk-world(5) has it. A name is that of a package, or of something that packages
//! provide: `so:libsnappy.so.1`, `cmd:bash`, `pc:zlib`, `/bin/sh`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksum, ChecksumError};
use super::error::shown;
use super::version::{Version, VersionError};

/// Something that is asked for.
///
/// ```
/// use flink_img::base::alpine::Dependency;
///
/// let bash: Dependency = "bash>5".parse()?;
/// assert_eq!(bash.name(), "bash");
/// assert_eq!(bash.to_string(), "bash>5");
/// # Ok::<(), flink_img::base::alpine::DependencyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dependency {
    name: String,
    /// `!NAME`: it must not be there.
    is_conflict: bool,
    /// `NAME@TAG`: only from repositories with this tag.
    tag: Option<String>,
    constraint: Constraint,
}

/// The versions that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Constraint {
    Any,
    /// The package with this identity, which is how apk notes a package that was given as a file.
    Identity(Checksum),
    Version(Operator, Version),
}

/// How a version has to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    text: &'static str,
    fits: &'static [Ordering],
    /// Versions that start with the given one are equal to it.
    is_prefix: bool,
}

const fn operator(text: &'static str, fits: &'static [Ordering], is_prefix: bool) -> Operator {
    Operator {
        text,
        fits,
        is_prefix,
    }
}

const OPERATORS: [Operator; 8] = [
    operator("=", &[Ordering::Equal], false),
    operator("<", &[Ordering::Less], false),
    operator("<=", &[Ordering::Less, Ordering::Equal], false),
    operator(">", &[Ordering::Greater], false),
    operator(">=", &[Ordering::Greater, Ordering::Equal], false),
    operator("~", &[Ordering::Equal], true),
    operator("<~", &[Ordering::Less, Ordering::Equal], true),
    operator(">~", &[Ordering::Greater, Ordering::Equal], true),
];

/// A text that asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DependencyError {
    /// There is no name, or one with characters that no name has.
    #[error("`{0}` names no package")]
    Name(String),
    /// No operator that apk knows.
    #[error(
        "`{text}` has the operator `{operator}`; there are `=`, `<`, `<=`, `>`, `>=`, `~`, `<~` and `>~`"
    )]
    Operator {
        /// The text.
        text: String,
        /// What stands between name and version.
        operator: String,
    },
    /// No version behind the operator.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// No identity of a package behind `><`.
    #[error(transparent)]
    Identity(#[from] ChecksumError),
}

/// What operators are made of.
const SIGNS: [char; 4] = ['<', '>', '=', '~'];

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        // Two ways to write the same.
        let text = if text == "=~" { "~" } else { text };
        OPERATORS.into_iter().find(|known| known.text == text)
    }

    fn accepts(self, version: &Version, wanted: &Version) -> bool {
        let found = version.compare_parts(wanted, self.is_prefix);
        self.fits.contains(&found)
    }
}

impl Dependency {
    /// The name of a package or of what packages provide.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is asked that the name is *not* there.
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }

    /// The tag of the repositories that it may come from, if there is one.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Whether something with its name has a version that fits, whatever `!` says.
    ///
    /// What is provided without a version fits only where none is asked for.
    pub(super) fn accepts(&self, version: Option<&Version>, identity: Checksum) -> bool {
        match (&self.constraint, version) {
            (Constraint::Any, _) => true,
            (Constraint::Identity(wanted), _) => *wanted == identity,
            (Constraint::Version(..), None) => false,
            (Constraint::Version(operator, wanted), Some(version)) => {
                operator.accepts(version, wanted)
            }
        }
    }

    /// What follows an equals sign, as in what a package provides.
    pub(super) fn exact_version(&self) -> Option<&Version> {
        match &self.constraint {
            Constraint::Version(_, version) => Some(version),
            _ => None,
        }
    }
}

impl FromStr for Dependency {
    type Err = DependencyError;

    fn from_str(text: &str) -> Result<Self, DependencyError> {
        Self::parse(text, str::parse)
    }
}

impl Dependency {
    /// Reads a dependency whose version is read by `version`.
    fn parse(
        text: &str,
        version_of: fn(&str) -> Result<Version, VersionError>,
    ) -> Result<Self, DependencyError> {
        let (is_conflict, body) = match text.strip_prefix('!') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let end = body.find(SIGNS).unwrap_or(body.len());
        let (name, rest) = body.split_at(end);
        let (name, tag) = match name.split_once('@') {
            Some((name, tag)) => (name, Some(tag.to_owned())),
            None => (name, None),
        };
        let is_printable = |c: char| !c.is_whitespace() && !c.is_control();
        if name.is_empty() || !name.chars().all(is_printable) {
            return Err(DependencyError::Name(shown(text)));
        }
        let start = rest.find(|c| !SIGNS.contains(&c)).unwrap_or(rest.len());
        let (operator, version) = rest.split_at(start);
        let constraint = match operator {
            "" => Constraint::Any,
            "><" => Constraint::Identity(version.parse()?),
            _ => match Operator::parse(operator) {
                Some(operator) => Constraint::Version(operator, version_of(version)?),
                None => {
                    return Err(DependencyError::Operator {
                        text: shown(text),
                        operator: shown(operator),
                    });
                }
            },
        };
        Ok(Self {
            name: name.to_owned(),
            is_conflict,
            tag,
            constraint,
        })
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_conflict {
            f.write_str("!")?;
        }
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, "@{tag}")?;
        }
        match &self.constraint {
            Constraint::Any => Ok(()),
            Constraint::Identity(checksum) => write!(f, "><{checksum}"),
            Constraint::Version(operator, version) => write!(f, "{}{version}", operator.text),
        }
    }
}

impl TryFrom<String> for Dependency {
    type Error = DependencyError;

    fn try_from(text: String) -> Result<Self, DependencyError> {
        text.parse()
    }
}

impl From<Dependency> for String {
    fn from(dependency: Dependency) -> Self {
        dependency.to_string()
    }
}

/// Reads dependencies with blanks between them, as indexes have them, where a version may be any that packages call theirs.
pub(super) fn parse_list(text: &str) -> Result<Vec<Dependency>, DependencyError> {
    let words = text.split_ascii_whitespace();
    words
        .map(|word| Dependency::parse(word, Version::of_package))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Checksum = Checksum::Sha1([0; 20]);

    #[test]
    fn forms_of_apk_are_read_and_written_again() {
        for text in [
            "bash",
            "bash=5.2.37-r0",
            "bash>5",
            "bash>=5",
            "bash<6",
            "bash<=6",
            "bash~5.2",
            "bash>~5",
            "bash<~5",
            "so:libsnappy.so.1",
            "so:libz.so.1=1.3.1",
            "cmd:bash",
            "pc:zlib>=1.2",
            "/bin/sh",
            "!busybox",
            "!a<2",
            "jq@edge",
            "jq@edge=1.7-r0",
            ".build-deps><Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            assert_eq!(text.parse::<Dependency>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_asks_for_nothing_is_refused() {
        for (text, expected) in [
            ("", "`` names no package"),
            ("!", "`!` names no package"),
            ("=1", "`=1` names no package"),
            ("@edge", "`@edge` names no package"),
            ("a b", "`a b` names no package"),
            ("a=", "`` is not a version of a package"),
            ("a=x", "`x` is not a version of a package"),
            ("a><1", "`1` is not a checksum of a package"),
            (
                "a<>1",
                "`a<>1` has the operator `<>`; there are `=`, `<`, `<=`, `>`, `>=`, `~`, `<~` and `>~`",
            ),
        ] {
            let error = text.parse::<Dependency>().unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn versions_fit_as_the_operator_says() {
        for (text, version, fits) in [
            ("a", None, true),
            ("a=1", None, false),
            ("a", Some("1"), true),
            ("a=1", Some("1"), true),
            ("a=1", Some("1-r0"), false),
            ("a~1", Some("1.5-r0"), true),
            ("a~1", Some("10"), false),
            ("a>~1", Some("2"), true),
            ("a<~1", Some("1.5"), true),
            ("a>1", Some("1"), false),
            ("a>=1", Some("1"), true),
            ("a<2", Some("2_rc1"), true),
        ] {
            let version = version.map(|version| version.parse().unwrap());
            let dependency: Dependency = text.parse().unwrap();
            let found = dependency.accepts(version.as_ref(), NOTHING);
            assert_eq!(found, fits, "{text} {version:?}");
        }
    }
}
