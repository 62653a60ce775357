//! Versions of Flink, and of Scala and Hadoop in the names of its releases.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Explain, Kind};

use super::lines;

/// The label of an image with the version of Flink in it.
pub const VERSION_LABEL: &str = "flink-img.flink.version";

/// The version of a Flink release (`1.20.5`), candidate (`2.0.2-rc4`) or snapshot (`2.1-SNAPSHOT`).
///
/// Compares as numbers; what has a qualifier comes before the release that it leads to.
///
/// ```
/// use flink_img::flink::FlinkVersion;
///
/// let [old, new] = ["1.9.3", "1.20.5"].map(|text| text.parse::<FlinkVersion>().unwrap());
/// assert!(old < new);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FlinkVersion {
    major: u16,
    minor: u16,
    patch: Option<u16>,
    qualifier: Option<String>,
}

/// The version of Scala in a file name: `2.11`, `2.12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScalaVersion(u16, u16);

/// The version of Hadoop in the file name of a release that was published with it: `2.8`, there without the dot.
///
/// ```
/// use flink_img::flink::HadoopVariant;
///
/// let variant: HadoopVariant = "28".parse()?;
/// assert_eq!(variant, "2.8".parse()?);
/// # Ok::<(), flink_img::flink::VersionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HadoopVariant(u16, u16);

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// No Flink version at all.
    #[error("`{0}` is not a Flink version")]
    Flink(String),
    /// A line where a release is wanted.
    #[error("`{0}` is a line of Flink, not a release")]
    Line(String),
    /// No Scala version.
    #[error("`{0}` is not a Scala version")]
    Scala(String),
    /// No Hadoop version that a release can be named after.
    #[error("`{0}` is not a version of Hadoop in the name of a release")]
    Hadoop(String),
}

impl Explain for VersionError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Flink(_) => format!("write it like `{}`", lines::DEFAULT_RELEASE),
            Self::Line(line) => {
                let newest = lines::newest_release(line).unwrap_or(lines::DEFAULT_RELEASE);
                format!("name a release, as `{newest}`")
            }
            Self::Scala(_) => "write it like `2.12`".to_owned(),
            Self::Hadoop(_) => "write it like `2.8`, or `28`".to_owned(),
        })
    }
}

impl FlinkVersion {
    /// Major and minor number, which name a line.
    pub fn line(&self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// The number within the line; a snapshot of the whole line is later than all its releases.
    pub fn patch(&self) -> u16 {
        self.patch.unwrap_or(u16::MAX)
    }

    /// Whether it is a snapshot or candidate, which no mirror has.
    pub fn is_unreleased(&self) -> bool {
        self.qualifier.is_some()
    }
}

impl FromStr for FlinkVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let fail = || VersionError::Flink(text.to_owned());
        let (numbers, qualifier) = match text.split_once('-') {
            Some((numbers, qualifier)) => (numbers, Some(qualifier)),
            None => (text, None),
        };
        // It becomes part of paths and addresses.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if qualifier.is_some_and(|q| {
            !q.starts_with(|c: char| c.is_ascii_alphanumeric()) || !q.chars().all(plain)
        }) || text.len() > 64
        {
            return Err(fail());
        }
        let mut parts = numbers.split('.').map(number);
        let mut next = || parts.next().map(|part| part.ok_or_else(fail)).transpose();
        let (major, minor, patch) = (next()?, next()?, next()?);
        let (Some(major), Some(minor)) = (major, minor) else {
            return Err(fail());
        };
        if parts.next().is_some() {
            return Err(fail());
        }
        if patch.is_none() && qualifier.is_none() {
            return Err(VersionError::Line(text.to_owned()));
        }
        Ok(Self {
            major,
            minor,
            patch,
            qualifier: qualifier.map(ToOwned::to_owned),
        })
    }
}

/// Digits only, no sign, no leading zero.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        if let Some(qualifier) = &self.qualifier {
            write!(f, "-{qualifier}")?;
        }
        Ok(())
    }
}

impl PartialOrd for FlinkVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FlinkVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch.unwrap_or(0));
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| match (&self.qualifier, &other.qualifier) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) => qualifier_key(a).cmp(&qualifier_key(b)),
            })
            .then_with(|| self.patch.cmp(&other.patch))
    }
}

/// `SNAPSHOT` comes before all else, `rc2` before `rc10`.
fn qualifier_key(qualifier: &str) -> (bool, &str, u32, &str) {
    let word = qualifier.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = qualifier[word.len()..].parse().unwrap_or(0);
    (qualifier != "SNAPSHOT", word, number, qualifier)
}

impl TryFrom<String> for FlinkVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<FlinkVersion> for String {
    fn from(version: FlinkVersion) -> Self {
        version.to_string()
    }
}

impl FromStr for ScalaVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self(number(major)?, number(minor)?)))
            .ok_or_else(|| VersionError::Scala(text.to_owned()))
    }
}

impl ScalaVersion {
    pub(super) const fn of(major: u16, minor: u16) -> Self {
        Self(major, minor)
    }
}

impl fmt::Display for ScalaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl FromStr for HadoopVariant {
    type Err = VersionError;

    /// Reads `2.8` as well as `28`, as both are written: the first digit is the major number.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        text.split_once('.')
            .or_else(|| text.split_at_checked(1))
            .and_then(|(major, minor)| Some(Self(number(major)?, number(minor)?)))
            .ok_or_else(|| VersionError::Hadoop(text.to_owned()))
    }
}

impl HadoopVariant {
    pub(super) const fn of(major: u16, minor: u16) -> Self {
        Self(major, minor)
    }

    /// As it stands in a file name: `28`.
    pub(super) fn digits(self) -> String {
        format!("{}{}", self.0, self.1)
    }
}

impl fmt::Display for HadoopVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl TryFrom<String> for ScalaVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<ScalaVersion> for String {
    fn from(version: ScalaVersion) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        let sorted = [
            "1.9.3",
            "1.10.0",
            "1.20.0",
            "1.20.5",
            "2.0.2-SNAPSHOT",
            "2.0.2-rc2",
            "2.0.2-rc10",
            "2.0.2",
            "2.1-SNAPSHOT",
            "2.1.0-SNAPSHOT",
            "2.1.0",
            "10.0.0",
        ];
        let versions: Vec<FlinkVersion> = sorted.iter().map(|v| v.parse().unwrap()).collect();
        assert!(versions.is_sorted_by(|a, b| a < b));
        for (text, version) in sorted.iter().zip(&versions) {
            assert_eq!(*text, version.to_string());
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "1",
            "1.",
            "1.2.3.4",
            "01.2.3",
            "1.2.x",
            "v1.2.3",
            "+1.2.3",
            "1.2.3-",
            "1.2.3-../x",
            "1.2.3-a/b",
            "1.2.3 ",
            "99999.0.0",
            "latest",
        ] {
            let error = text.parse::<FlinkVersion>().unwrap_err();
            assert!(matches!(error, VersionError::Flink(_)), "{text}");
        }
        let error = "1.20".parse::<FlinkVersion>().unwrap_err();
        assert_eq!(error.hint().unwrap(), "name a release, as `1.20.5`");
        for text in ["", "2", "2.12.1", "2.x"] {
            assert!(text.parse::<ScalaVersion>().is_err(), "{text}");
        }
        assert_eq!("2.12".parse::<ScalaVersion>().unwrap().to_string(), "2.12");
        for text in [
            "", "2", "2.8.3", "2.", ".8", "x8", "2x", "-2.8", "28 ", "é8",
        ] {
            let error = text.parse::<HadoopVariant>().unwrap_err();
            assert!(matches!(error, VersionError::Hadoop(_)), "{text}");
        }
        for (text, shown, digits) in [
            ("2.8", "2.8", "28"),
            ("28", "2.8", "28"),
            ("210", "2.10", "210"),
        ] {
            let variant: HadoopVariant = text.parse().unwrap();
            assert_eq!(
                (variant.to_string().as_str(), variant.digits().as_str()),
                (shown, digits)
            );
        }
    }
}
