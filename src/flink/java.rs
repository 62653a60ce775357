//! Versions of Java, of which only the first number that counts matters.

use std::fmt;
use std::str::FromStr;

use crate::error::{Explain, Kind};

/// A feature release of Java: 8, 11, 17, 21.
///
/// Reads what `JAVA_VERSION` in images, `release` files and people say.
///
/// ```
/// use flink_img::flink::JavaVersion;
///
/// for text in ["8", "1.8.0_292", "jdk8u452-b09"] {
///     assert_eq!(text.parse::<JavaVersion>().unwrap().major(), 8);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JavaVersion(u16);

/// A text that is no version of Java.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Java version")]
pub struct JavaVersionError(String);

impl Explain for JavaVersionError {
    fn kind(&self) -> Kind {
        Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some("write it like `17` or `17.0.15`".to_owned())
    }
}

impl JavaVersion {
    /// The feature release of this number, as tables here have it.
    pub(crate) fn of(major: u16) -> Self {
        Self(major)
    }

    /// The number of the feature release.
    pub fn major(self) -> u16 {
        self.0
    }
}

impl FromStr for JavaVersion {
    type Err = JavaVersionError;

    fn from_str(text: &str) -> Result<Self, JavaVersionError> {
        let fail = || JavaVersionError(text.to_owned());
        let plain = text.trim().trim_matches('"');
        let start = plain.find(|c: char| c.is_ascii_digit()).ok_or_else(fail)?;
        let (vendor, number) = plain.split_at(start);
        if !matches!(
            vendor,
            "" | "jdk" | "jdk-" | "jre" | "jre-" | "openjdk-" | "java-" | "v"
        ) {
            return Err(fail());
        }
        // `1.8` was the eighth release; from 9 on the first number counts.
        let number = number.strip_prefix("1.").unwrap_or(number);
        let digits = number.len()
            - number
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .len();
        let (major, rest) = number.split_at(digits);
        if !rest.is_empty() && !rest.starts_with(['.', '+', '-', '_', 'u']) {
            return Err(fail());
        }
        match major.parse() {
            Ok(major @ 5..=999) => Ok(Self(major)),
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for JavaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_read() {
        for (text, major) in [
            ("17.0.15", 17),
            ("1.8.0_292", 8),
            ("8u292", 8),
            ("jdk8u452-b09", 8),
            ("jdk-17.0.15+6", 17),
            ("21", 21),
            ("21-ea", 21),
            ("11.0.27+6", 11),
            ("\"17.0.15\"", 17),
            ("openjdk-17.0.2", 17),
            ("1.7", 7),
        ] {
            assert_eq!(
                text.parse::<JavaVersion>().unwrap().major(),
                major,
                "{text}"
            );
        }
        for text in [
            "",
            "java",
            "1",
            "1.",
            "seventeen",
            "17x",
            "python3",
            "0.8",
            "99999",
        ] {
            assert!(text.parse::<JavaVersion>().is_err(), "{text}");
        }
    }
}
