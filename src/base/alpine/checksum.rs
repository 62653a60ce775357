//! Checksums as apk writes them: `Q1` and SHA-1, or `Q2` and SHA-256, in base64.
//!
//! The identity of a package is the checksum of its control segment as it is stored; that of a file is the one of its
//! bytes, that of a link the one of its target. SHA-1 is what the format has. What makes a package trusted is not it
//! alone: the control segment is signed, and names the SHA-256 of the files.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{self, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::shown;
use crate::oci::hex;

/// A checksum of a package or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Checksum {
    /// `Q1`
    Sha1([u8; 20]),
    /// `Q2`
    Sha256([u8; 32]),
}

/// A text that is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a checksum of a package")]
pub struct ChecksumError(String);

impl Checksum {
    /// The checksum of `bytes`, of the kind of `self`.
    pub(super) fn same_kind_of(&self, bytes: &[u8]) -> Self {
        match self {
            Self::Sha1(_) => Self::sha1_of(bytes),
            Self::Sha256(_) => {
                let digest = digest::digest(&SHA256, bytes);
                Self::Sha256(digest.as_ref().try_into().expect("it has 32 bytes"))
            }
        }
    }

    /// Its hexadecimal digits.
    pub(super) fn hex(&self) -> String {
        let bytes: &[u8] = match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        };
        hex(bytes)
    }

    /// The `Q1` checksum of `bytes`.
    pub(super) fn sha1_of(bytes: &[u8]) -> Self {
        let mut hash = Sha1::default();
        hash.update(bytes);
        hash.finish()
    }
}

/// A `Q1` checksum that is being computed.
pub(super) struct Sha1(Context);

impl Default for Sha1 {
    fn default() -> Self {
        Self(Context::new(&SHA1_FOR_LEGACY_USE_ONLY))
    }
}

impl Sha1 {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Checksum {
        let digest = self.0.finish();
        Checksum::Sha1(digest.as_ref().try_into().expect("it has 20 bytes"))
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let fail = || ChecksumError(shown(text));
        let decode = |base64: &str| STANDARD.decode(base64).map_err(|_| fail());
        if let Some(base64) = text.strip_prefix("Q1") {
            let bytes = decode(base64)?.try_into().map_err(|_| fail())?;
            Ok(Self::Sha1(bytes))
        } else if let Some(base64) = text.strip_prefix("Q2") {
            let bytes = decode(base64)?.try_into().map_err(|_| fail())?;
            Ok(Self::Sha256(bytes))
        } else {
            Err(fail())
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(bytes) => write!(f, "Q1{}", STANDARD.encode(bytes)),
            Self::Sha256(bytes) => write!(f, "Q2{}", STANDARD.encode(bytes)),
        }
    }
}

impl TryFrom<String> for Checksum {
    type Error = ChecksumError;

    fn try_from(text: String) -> Result<Self, ChecksumError> {
        text.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_and_written_again() {
        for (text, bytes) in [
            ("Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=", &b""[..]),
            ("Q247DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", b""),
        ] {
            let checksum: Checksum = text.parse().unwrap();
            assert_eq!(checksum.to_string(), text);
            assert_eq!(checksum.same_kind_of(bytes), checksum);
        }
        for text in [
            "",
            "Q1",
            "Q1aGk=",
            "Q3aGk=",
            "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "Q1?",
        ] {
            assert!(text.parse::<Checksum>().is_err(), "{text}");
        }
    }
}
