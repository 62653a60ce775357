//! Checksums, as a Maven repository publishes them beside each file.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use serde::{Deserialize, Serialize};

use crate::oci::hex;

/// How a checksum is computed; the better ones first, in the order in which they are asked for.
///
/// Old files of Maven Central have no other than SHA-1. It comes over TLS from where the file comes from, so it shows what
/// that place publishes; a lock holds the SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha512,
    Sha256,
    Sha1,
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha512, Algorithm::Sha256, Algorithm::Sha1];

impl Algorithm {
    /// What it is called, also at the end of the names of files.
    fn name(self) -> &'static str {
        match self {
            Self::Sha512 => "sha512",
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }

    fn library(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha512 => &SHA512,
            Self::Sha256 => &SHA256,
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
        }
    }
}

/// A published checksum; written as `sha1:` and hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

/// A text that is no checksum, or that of something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// Not what a checksum looks like.
    #[error("it is not a checksum")]
    Malformed,
    /// The checksum of something else.
    #[error("it is the checksum of another file")]
    OtherFile,
}

impl Checksum {
    /// What the names of the files with checksums end with, in the order in which they are asked for.
    pub(super) fn extensions() -> impl Iterator<Item = &'static str> {
        ALGORITHMS.into_iter().map(Algorithm::name)
    }

    /// Reads a file that ends with `extension` and is beside the file `name`: a hash, and mostly no more than that.
    pub(super) fn from_file(
        bytes: &[u8],
        extension: &str,
        name: &str,
    ) -> Result<Self, ChecksumError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ChecksumError::Malformed)?;
        let mut words = text.split_ascii_whitespace();
        let hex = words.next().ok_or(ChecksumError::Malformed)?;
        let checksum = format!("{extension}:{}", hex.to_ascii_lowercase()).parse()?;
        // Some tools wrote the path on the machine that they ran on.
        let is_of = |word: &str| word.trim_start_matches('*').rsplit('/').next() == Some(name);
        match words.next() {
            Some(word) if !is_of(word) => Err(ChecksumError::OtherFile),
            _ => Ok(checksum),
        }
    }

    /// The checksums of all that `reader` has, the best first, and how much that is.
    pub(super) fn all_of(mut reader: impl Read) -> io::Result<(Vec<Self>, u64)> {
        let mut running = ALGORITHMS.map(|algorithm| digest::Context::new(algorithm.library()));
        let mut size = 0;
        let mut buffer = vec![0; 128 << 10];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for context in &mut running {
                context.update(&buffer[..read]);
            }
            size += read as u64;
        }
        let checksums = ALGORITHMS.into_iter().zip(running);
        let checksums = checksums.map(|(algorithm, context)| Self {
            algorithm,
            hex: hex(context.finish().as_ref()),
        });
        Ok((checksums.collect(), size))
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        let (name, hex) = text.split_once(':').ok_or(ChecksumError::Malformed)?;
        let algorithm = ALGORITHMS
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or(ChecksumError::Malformed)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != 2 * algorithm.library().output_len() || !hex.bytes().all(is_digit) {
            return Err(ChecksumError::Malformed);
        }
        Ok(Self {
            algorithm,
            hex: hex.to_owned(),
        })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
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

    /// Of `abc`, as the standards give them.
    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const SHA512: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn reads_what_repositories_have_and_knows_the_file_by_it() {
        for (extension, hex) in [("sha1", SHA1), ("sha256", SHA256), ("sha512", SHA512)] {
            for text in [
                hex.to_owned(),
                format!("{hex}\n"),
                hex.to_uppercase(),
                format!("{hex}  a.jar\n"),
                format!("{hex} *a.jar"),
                format!("{hex}  /home/ci/target/a.jar"),
            ] {
                let checksum = Checksum::from_file(text.as_bytes(), extension, "a.jar").unwrap();
                let (found, size) = Checksum::all_of(&b"abc"[..]).unwrap();
                assert!(found.contains(&checksum) && size == 3, "{text}");
                assert_eq!(checksum.to_string().parse::<Checksum>().unwrap(), checksum);
            }
            let other = Checksum::from_file(format!("{hex}  b.jar").as_bytes(), extension, "a.jar");
            assert_eq!(other, Err(ChecksumError::OtherFile));
        }
        for text in ["", "<html>", &SHA1[1..], SHA256, "g".repeat(40).as_str()] {
            let found = Checksum::from_file(text.as_bytes(), "sha1", "a.jar");
            assert_eq!(found, Err(ChecksumError::Malformed), "{text}");
        }
        for text in ["", SHA1, "md5:0", "sha1:", &format!("sha512:{SHA1}")] {
            assert_eq!(text.parse::<Checksum>(), Err(ChecksumError::Malformed));
        }
    }

    #[test]
    fn the_best_is_asked_for_first() {
        let extensions: Vec<_> = Checksum::extensions().collect();
        assert_eq!(extensions, ["sha512", "sha256", "sha1"]);
    }
}
