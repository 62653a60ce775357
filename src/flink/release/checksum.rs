//! SHA-512, as Apache publishes it beside each release.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::oci::hex;

/// A SHA-512 checksum; written as 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha512([u8; 64]);

/// A file that holds no checksum for the archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Sha512Error {
    /// Not the form that `sha512sum` writes.
    #[error("the checksum file does not hold a SHA-512 checksum")]
    Malformed,
    /// More than a checksum file ever has.
    #[error("the checksum file is longer than 64 KiB")]
    TooLong,
    /// The checksum of something else.
    #[error("the checksum file is about `{0}`")]
    OtherFile(String),
}

impl Sha512 {
    /// Hashes all that `reader` has.
    pub fn of(mut reader: impl Read) -> io::Result<Self> {
        let mut hash = Hasher::default();
        let mut buffer = vec![0; 128 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hash.finish()),
                Ok(read) => hash.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a line as `sha512sum` writes it: `HASH  NAME`; the name must be `name`, if there is one.
    pub(super) fn from_file(bytes: &[u8], name: &str) -> Result<Self, Sha512Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Sha512Error::Malformed)?;
        let mut words = text.split_ascii_whitespace();
        let hash = words
            .next()
            .and_then(Self::parse)
            .ok_or(Sha512Error::Malformed)?;
        match words.next() {
            None => Ok(hash),
            // `*` marks that it was read as binary.
            Some(word) if word.trim_start_matches('*') == name => Ok(hash),
            Some(word) => Err(Sha512Error::OtherFile(
                word.chars()
                    .take(100)
                    .flat_map(char::escape_debug)
                    .collect(),
            )),
        }
    }

    fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 64];
        if hex.len() != 128 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl FromStr for Sha512 {
    type Err = Sha512Error;

    /// Reads 128 hexadecimal digits.
    fn from_str(hex: &str) -> Result<Self, Sha512Error> {
        Self::parse(hex).ok_or(Sha512Error::Malformed)
    }
}

impl TryFrom<String> for Sha512 {
    type Error = Sha512Error;

    fn try_from(text: String) -> Result<Self, Sha512Error> {
        text.parse()
    }
}

impl From<Sha512> for String {
    fn from(checksum: Sha512) -> Self {
        checksum.to_string()
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha512:{self}")
    }
}

/// A running SHA-512.
#[derive(Debug, Default)]
pub(super) struct Hasher(sha2::Sha512);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Sha512 {
        Sha512(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn reads_what_sha512sum_writes() {
        let hash = Sha512::of(&b"abc"[..]).unwrap();
        assert_eq!(hash.to_string(), ABC);
        for text in [
            format!("{ABC}  x.tgz\n"),
            format!("{ABC} *x.tgz"),
            format!("{}\n", ABC.to_uppercase()),
        ] {
            assert_eq!(Sha512::from_file(text.as_bytes(), "x.tgz").unwrap(), hash);
        }
        for text in ["", "<html>", &ABC[1..], &format!("{ABC}0"), &"é".repeat(64)] {
            let error = Sha512::from_file(text.as_bytes(), "x.tgz").unwrap_err();
            assert_eq!(error, Sha512Error::Malformed, "{text}");
        }
        let other = format!("{ABC}  y.tgz");
        assert_eq!(
            Sha512::from_file(other.as_bytes(), "x.tgz")
                .unwrap_err()
                .to_string(),
            "the checksum file is about `y.tgz`"
        );
    }
}
