//! The segments of a package or an index: gzip members, one behind the other.
//!
//! A package is `signature | control | data`, an index `signature | index`, each a tar that may lack its end. What is
//! checked are the segments as they are stored, so the borders between the members matter. The first ones are small and
//! are held in memory, with limits; the data streams by.

use std::io::{self, BufRead, Read};

use flate2::bufread::{GzDecoder, MultiGzDecoder};

use super::signature::{SIGNATURE, Signature};
use crate::archive::{Excess, Limits};
use crate::base::entries::each_entry;
use crate::oci::{Digest, Sha256};

/// Longest segment before the data, as it is stored: description and scripts of a package are some kilobytes.
const HEAD_LIMIT: usize = 8 << 20;
/// The same, unpacked.
const UNPACKED_LIMIT: u64 = 32 << 20;
/// Longest signature; one by a key of 8192 bits has 1024 bytes.
const SIGNATURE_LIMIT: u64 = 64 << 10;
/// More signatures than any package has.
const SIGNATURES_LIMIT: usize = 16;

/// What comes before the last segment.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) signatures: Vec<Signature>,
    /// The first segment that is no signature: as it is stored, and unpacked.
    pub(super) stored: Vec<u8>,
    pub(super) unpacked: Vec<u8>,
}

/// A reader that notes what is taken from it.
#[derive(Debug)]
struct Noted<'a, R> {
    inner: &'a mut R,
    noted: Vec<u8>,
}

impl<R: BufRead> Read for Noted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Noted<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.noted.len() > HEAD_LIMIT {
            return Err(invalid("its first part has more than 8 MiB"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed was filled before, so this reads nothing.
        if let Ok(bytes) = self.inner.fill_buf() {
            self.noted.extend_from_slice(&bytes[..amount]);
        }
        self.inner.consume(amount);
    }
}

pub(super) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Reads one gzip member: as it is stored, and unpacked.
fn member(input: &mut impl BufRead) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut decoder = GzDecoder::new(Noted {
        inner: input,
        noted: Vec::new(),
    });
    let mut unpacked = Vec::new();
    (&mut decoder)
        .take(UNPACKED_LIMIT + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > UNPACKED_LIMIT {
        return Err(invalid("its first part unpacks to more than 32 MiB"));
    }
    Ok((decoder.into_inner().noted, unpacked))
}

/// The signatures in a segment; none if it is another one.
fn signatures_in(unpacked: &[u8]) -> io::Result<Vec<Signature>> {
    let mut found = Vec::new();
    let mut others = false;
    each_entry(unpacked, |entry| {
        if entry.path.starts_with(SIGNATURE) && entry.kind.is_file() {
            let mut bytes = Vec::new();
            entry
                .content
                .take(SIGNATURE_LIMIT)
                .read_to_end(&mut bytes)?;
            found.push(Signature {
                name: entry.path,
                bytes,
            });
        } else {
            others = true;
        }
        Ok(())
    })?;
    if others && !found.is_empty() {
        return Err(invalid("it has a signature among other files"));
    }
    Ok(found)
}

impl Head {
    /// Reads the signatures and the segment behind them; `input` stands at the end of that then.
    pub(super) fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let mut signatures = Vec::new();
        loop {
            if input.fill_buf()?.is_empty() {
                return Err(invalid("it ends before its data"));
            }
            let (stored, unpacked) = member(input)?;
            let found = signatures_in(&unpacked)?;
            if found.is_empty() {
                return Ok(Self {
                    signatures,
                    stored,
                    unpacked,
                });
            }
            signatures.extend(found);
            if signatures.len() > SIGNATURES_LIMIT {
                return Err(invalid("it has more than 16 signatures"));
            }
        }
    }

    /// Reads the signatures before what is signed as a whole, as an index is; returns how many bytes they take.
    pub(super) fn signatures(bytes: &[u8]) -> io::Result<(Vec<Signature>, usize)> {
        let mut all = Vec::new();
        let mut rest = bytes;
        loop {
            let mut behind = rest;
            let found = match signature_member(&mut behind) {
                // What is signed is not looked at before the signature was; one that is damaged does not match it.
                Err(_) if !all.is_empty() => Vec::new(),
                found => found?,
            };
            if found.is_empty() {
                return Ok((all, bytes.len() - rest.len()));
            }
            all.extend(found);
            if all.len() > SIGNATURES_LIMIT {
                return Err(invalid("it has more than 16 signatures"));
            }
            rest = behind;
        }
    }
}

/// The signatures in a member; none if it is something else, which is not read further than its first bytes then.
fn signature_member(input: &mut &[u8]) -> io::Result<Vec<Signature>> {
    let mut start = [0; SIGNATURE.len()];
    let is_signature = match GzDecoder::new(*input).read_exact(&mut start) {
        Ok(()) => start == SIGNATURE.as_bytes(),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    if !is_signature {
        return Ok(Vec::new());
    }
    let (_, unpacked) = member(input)?;
    signatures_in(&unpacked)
}

/// The last segment, unpacked while it is read, and hashed as it is stored.
pub(super) struct Data<R> {
    decoder: MultiGzDecoder<Hashed<R>>,
    unpacked: u64,
}

impl<R: BufRead> Data<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            decoder: MultiGzDecoder::new(Hashed {
                inner: input,
                hash: Sha256::default(),
                read: 0,
            }),
            unpacked: 0,
        }
    }

    /// Reads what is left; the digest of the segment as it is stored.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        let mut stored = self.decoder.into_inner();
        io::copy(&mut stored, &mut io::sink())?;
        Ok(stored.hash.finish())
    }
}

impl<R: BufRead> Read for Data<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.unpacked += read as u64;
        let limits = Limits::default();
        if self.unpacked > limits.bytes {
            return Err(invalid(format!("it {}", Excess::Bytes(limits.bytes))));
        }
        if self.unpacked > limits.ratio_from
            && self.unpacked / limits.ratio > self.decoder.get_ref().read
        {
            return Err(invalid(format!("it {}", Excess::Ratio(limits.ratio))));
        }
        Ok(read)
    }
}

/// A reader that hashes what is taken from it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    read: u64,
}

impl<R: BufRead> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Hashed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            self.hash.update(&bytes[..amount]);
        }
        self.read += amount as u64;
        self.inner.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn tar(files: &[&str], content: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for file in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, file, content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn the_segments_are_told_apart_by_their_members() {
        let signature = gzip(&tar(&[".SIGN.RSA.a", ".SIGN.RSA256.b"], b"s"));
        let control = gzip(&tar(&[".PKGINFO"], b"c"));
        let package = [&signature[..], &signature, &control, b"data"].concat();
        let mut rest = &package[..];
        let head = Head::read(&mut rest).unwrap();
        let names: Vec<_> = head.signatures.iter().map(|it| it.name.as_str()).collect();
        let expected = [".SIGN.RSA.a", ".SIGN.RSA256.b"].repeat(2);
        assert_eq!(names, expected);
        assert_eq!((head.stored, rest), (control, &b"data"[..]));
        let (signatures, length) = Head::signatures(&package).unwrap();
        assert_eq!((signatures.len(), length), (4, 2 * signature.len()));
    }

    #[test]
    fn a_head_that_no_package_has_is_refused() {
        let many: Vec<_> = (0..17)
            .map(|number| format!(".SIGN.RSA.{number}"))
            .collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let zeros = vec![0; 33 << 20];
        let signature = gzip(&tar(&[".SIGN.RSA.a"], b"s"));
        for (bytes, expected) in [
            (gzip(&tar(&many, b"")), "it has more than 16 signatures"),
            (
                gzip(&tar(&[".PKGINFO"], &zeros)),
                "its first part unpacks to more than 32 MiB",
            ),
            (
                gzip(&tar(&[".SIGN.RSA.a", "x"], b"")),
                "it has a signature among other files",
            ),
            (signature, "it ends before its data"),
            (Vec::new(), "it ends before its data"),
        ] {
            let error = Head::read(&mut &bytes[..]).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
