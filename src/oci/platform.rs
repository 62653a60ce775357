//! Which machine an image is for.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use oci_spec::image::{Arch, Os};
use serde::{Deserialize, Serialize};

/// Operating system, architecture and, where it matters, variant; in Go's words, as the specification wants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `amd64`, `arm64`, ...
    pub architecture: String,
    /// `v7`, `v8`; `None` when the architecture has none, and for arm64, whose `v8` says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// A text that is no platform that an image can be built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform: expected `linux/ARCHITECTURE[/VARIANT]`, for example `linux/amd64` or `linux/arm64`"
)]
pub struct PlatformError(String);

impl Platform {
    /// Linux on x86-64: the platform when none is asked for, whatever machine the build runs on, because the
    /// same command must give the same digest everywhere.
    pub fn linux_amd64() -> Self {
        Self {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
        }
    }

    /// Whether an image for `self` runs where `other` is asked for. A missing variant matches any variant.
    pub fn serves(&self, other: &Self) -> bool {
        let (own, asked) = (self.clone().normalized(), other.clone().normalized());
        own.os == asked.os
            && own.architecture == asked.architecture
            && (own.variant == asked.variant || own.variant.is_none() || asked.variant.is_none())
    }

    /// Whether both mean the same machine, however its variant is written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.clone().normalized() == other.clone().normalized()
    }

    /// Drops the variant that says nothing: `arm64/v8` is `arm64`.
    #[must_use]
    pub(crate) fn normalized(mut self) -> Self {
        if self.architecture == "arm64" && self.variant.as_deref() == Some("v8") {
            self.variant = None;
        }
        self
    }
}

/// The platforms that an image is for: at least one, each once, and sorted, so that the order of words decides no digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platforms(Vec<Platform>);

impl Platforms {
    /// These platforms, however often and in whatever order they are given; `None` for none at all.
    pub fn new(platforms: Vec<Platform>) -> Option<Self> {
        let mut platforms: Vec<_> = platforms.into_iter().map(Platform::normalized).collect();
        platforms.sort();
        platforms.dedup();
        (!platforms.is_empty()).then_some(Self(platforms))
    }

    /// Whether there is more than one, so that it has to be said which is meant.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }
}

impl From<Platform> for Platforms {
    fn from(platform: Platform) -> Self {
        Self(vec![platform.normalized()])
    }
}

impl Deref for Platforms {
    type Target = [Platform];

    fn deref(&self) -> &[Platform] {
        &self.0
    }
}

/// A list for people: `linux/amd64, linux/arm64`.
impl fmt::Display for Platforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, platform) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            platform.fmt(f)?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let error = || PlatformError(text.to_owned());
        let mut parts = text.split('/');
        let (os, architecture, variant) = (parts.next(), parts.next(), parts.next());
        let (Some(os), Some(architecture), None) = (os, architecture, parts.next()) else {
            return Err(error());
        };
        if !matches!(Os::from(os), Os::Linux)
            || matches!(Arch::from(architecture), Arch::Other(_))
            || variant
                .is_some_and(|v| v.is_empty() || !v.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            return Err(error());
        }
        Ok(Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(ToOwned::to_owned),
        }
        .normalized())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_images_are_built_for() {
        for (text, shown) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm/v7", "linux/arm/v7"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "linux",
            "windows/amd64",
            "linux/x86_64",
            "linux/arm/",
            "linux/arm/v7/x",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn several_are_sorted_and_each_is_there_once() {
        let all = |texts: &[&str]| {
            let platforms = texts.iter().map(|text| text.parse().unwrap()).collect();
            Platforms::new(platforms)
        };
        assert_eq!(all(&[]), None);
        let texts = ["linux/arm64/v8", "linux/amd64", "linux/arm64"];
        let platforms = all(&texts).unwrap();
        assert_eq!(platforms.to_string(), "linux/amd64, linux/arm64");
        assert!(platforms.are_several());
        assert_eq!(all(&["linux/arm64", "linux/amd64"]), Some(platforms));
    }

    #[test]
    fn matches_variants_loosely_and_nothing_else() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        assert!(platform("linux/arm64/v8").serves(&platform("linux/arm64")));
        assert!(platform("linux/arm/v7").serves(&platform("linux/arm")));
        assert!(!platform("linux/arm/v6").serves(&platform("linux/arm/v7")));
        assert!(!platform("linux/arm64").serves(&platform("linux/amd64")));
    }
}
