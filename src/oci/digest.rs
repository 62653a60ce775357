//! Content digests: `sha256:` and 64 lower-case hexadecimal digits.
//!
//! A digest names files below the store and parts of URLs, so nothing but this exact form is ever accepted
//! (CVE-2024-3727). `sha512:` is legal in the specification and used by no registry that serves Flink or a
//! Java base; it is refused with a sentence of its own.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

const PREFIX: &str = "sha256:";
const HEX_LENGTH: usize = 64;

/// The SHA-256 digest of a blob as it is stored and sent (a compressed layer, a config, a manifest).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// The SHA-256 digest of a layer's uncompressed tar; what `rootfs.diff_ids` of a config lists.
///
/// A type of its own, because mixing it up with the digest of the compressed blob yields an image that no
/// run time unpacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// Anything that does not have the form of a digest.
    #[error("`{0}` is not a digest: expected `sha256:` and 64 hexadecimal digits in lower case")]
    Malformed(String),
    /// A digest by another algorithm.
    #[error("`{0}` uses a digest algorithm other than sha256, the only one supported")]
    Algorithm(String),
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

impl Digest {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = Sha256::default();
        hash.update(bytes);
        hash.finish()
    }

    /// The 64 hexadecimal digits, without the algorithm; safe as a file name.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let Some(hex) = text.strip_prefix(PREFIX) else {
            return Err(match text.split_once(':') {
                Some(("sha512", _)) => DigestError::Algorithm(text.to_owned()),
                _ => DigestError::Malformed(text.to_owned()),
            });
        };
        let malformed = || DigestError::Malformed(text.to_owned());
        if hex.len() != HEX_LENGTH {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| match c {
                b'0'..=b'9' => Some(c - b'0'),
                b'a'..=b'f' => Some(c - b'a' + 10),
                _ => None,
            };
            *byte = digit(pair[0])
                .zip(digit(pair[1]))
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(malformed)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A running SHA-256.
#[derive(Debug, Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Ends the hash.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Hashes and counts what is read through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    count: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::default(),
            count: 0,
        }
    }

    /// Reads what is left, so that trailing bytes count too, and returns digest and size of everything.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((self.hash.finish(), self.count))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.count += read as u64;
        Ok(read)
    }
}

/// Hashes and counts what is written through it.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hash: Sha256,
    count: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Wraps `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::default(),
            count: 0,
        }
    }

    /// Ends the hash: the inner writer, the digest and the size of everything that was written.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, self.hash.finish(), self.count)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn hashes_like_everybody_else() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        let (digest, size) = HashingReader::new(&b"abc"[..]).finish().unwrap();
        assert_eq!((digest, size), (Digest::of(b"abc"), 3));
        let mut writer = HashingWriter::new(Vec::new());
        writer.write_all(b"abc").unwrap();
        assert_eq!(writer.finish(), (b"abc".to_vec(), Digest::of(b"abc"), 3));
    }

    #[test]
    fn round_trips_and_refuses_everything_else() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        for text in [
            "",
            "sha256:",
            "sha256:../../etc/passwd",
            &EMPTY[..70],
            &upper,
            &format!("{EMPTY}0"),
            &EMPTY.replace("sha256", "md5"),
            &EMPTY.replace('e', "ä"),
        ] {
            assert!(
                matches!(text.parse::<Digest>(), Err(DigestError::Malformed(_))),
                "{text}"
            );
        }
        let long = format!("sha512:{}", "0".repeat(128));
        assert_eq!(
            long.parse::<Digest>(),
            Err(DigestError::Algorithm(long.clone()))
        );
    }
}
