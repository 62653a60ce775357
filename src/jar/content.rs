//! The bytes of entries: all of them, or only the first.
//!
//! An entry never gives more bytes than the directory says, so what reads a whole entry knows beforehand what it costs.

use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

use flate2::read::DeflateDecoder;
use flate2::{Decompress, FlushDecompress};

use super::directory::{Directory, Entry, LOCAL_HEADER, Method};
use super::error::JarError;
use super::fields::u16_at;
use crate::error::IoResultExt;
use crate::fs::RangeReader;

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
/// How much of an entry is read to know its first bytes: longer than the codes that a block of deflate begins with, and
/// in nearly all cases one read for header and bytes.
const FIRST_READ: u64 = 512;
/// How much is read when that was too little.
const SECOND_READ: u64 = 8 << 10;

impl Directory {
    /// Where the bytes of an entry begin in the file.
    pub(super) fn place(&self, entry: &Entry) -> Result<u64, JarError> {
        let mut header = [0; LOCAL_HEADER];
        self.file
            .read_exact_at(&mut header, entry.offset)
            .at("read", &self.path)?;
        self.place_after(entry, &header)
    }

    /// The same for a header that was read.
    fn place_after(&self, entry: &Entry, header: &[u8]) -> Result<u64, JarError> {
        if !header.starts_with(LOCAL_SIGNATURE) {
            let name = self.text(entry);
            return Err(self.damaged(format!("its entry `{name}` is not where it should be")));
        }
        let lengths = u64::from(u16_at(header, 26)) + u64::from(u16_at(header, 28));
        Ok(entry.offset + LOCAL_HEADER as u64 + lengths)
    }

    /// Reads the bytes of an entry, one after the other.
    pub(super) fn reader(&self, entry: &Entry) -> Result<Content, JarError> {
        let range = RangeReader::new(self.file.clone(), self.place(entry)?, entry.stored);
        let source = match entry.method {
            Method::Deflated => Source::Deflated(DeflateDecoder::new(range)),
            Method::Stored => Source::Stored(BufReader::new(range)),
            Method::Other(method) => {
                let name = self.text(entry);
                return Err(self.damaged(format!(
                    "its entry `{name}` is packed by the unknown method {method}"
                )));
            }
        };
        Ok(Content {
            source,
            left: entry.size,
        })
    }

    /// All bytes of an entry that has at most `limit`; they have the checksum of the directory.
    pub(super) fn bytes(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, JarError> {
        let broken = |why: &str| {
            let name = self.text(entry);
            self.damaged(format!("its entry `{name}` {why}"))
        };
        if entry.is_encrypted() {
            return Err(broken("is encrypted"));
        }
        if entry.size > limit {
            return Err(broken(&format!("has {} bytes, too many", entry.size)));
        }
        let mut bytes = Vec::new();
        self.reader(entry)?
            .read_to_end(&mut bytes)
            .map_err(|error| broken(&format!("cannot be read: {error}")))?;
        if bytes.len() as u64 != entry.size {
            return Err(broken("is shorter than it says"));
        }
        if crc32fast::hash(&bytes) != entry.crc32 {
            return Err(broken("has another checksum than it says"));
        }
        Ok(bytes)
    }
}

/// The bytes of one entry, as many as it says to have at most.
#[derive(Debug)]
pub(super) struct Content {
    source: Source,
    left: u64,
}

#[derive(Debug)]
enum Source {
    Stored(BufReader<RangeReader>),
    Deflated(DeflateDecoder<RangeReader>),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = match &mut self.source {
            Source::Stored(source) => source.read(&mut buffer[..wanted]),
            Source::Deflated(source) => source.read(&mut buffer[..wanted]),
        }?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Reads the first bytes of many entries, with one inflater and one buffer for all of them.
#[derive(Debug)]
pub(super) struct Heads<'a> {
    directory: &'a Directory,
    inflater: Decompress,
    buffer: Vec<u8>,
}

impl<'a> Heads<'a> {
    pub(super) fn new(directory: &'a Directory) -> Self {
        Self {
            directory,
            inflater: Decompress::new(false),
            buffer: Vec::new(),
        }
    }

    /// The first bytes of an entry that is readable; `None` when it has fewer, or what is there cannot be unpacked.
    pub(super) fn read<const N: usize>(
        &mut self,
        entry: &Entry,
    ) -> Result<Option<[u8; N]>, JarError> {
        if entry.size < N as u64 {
            return Ok(None);
        }
        let header = LOCAL_HEADER as u64 + u64::from(entry.name_length());
        // What is behind the entry belongs to another, and behind the last is the directory: it is there.
        self.fill(entry.offset, header + entry.stored.min(FIRST_READ))?;
        let place = self.directory.place_after(entry, &self.buffer)?;
        let inside = usize::try_from(place - entry.offset).expect("a header is short");
        let length = entry.stored.min(FIRST_READ);
        let end = inside + usize::try_from(length).expect("it is below the limit");
        // An extra field took some of the room.
        if end > self.buffer.len() {
            self.fill(place, length)?;
        } else {
            self.buffer.truncate(end);
            self.buffer.drain(..inside);
        }
        let mut head = [0; N];
        if self.unpack(entry, &mut head) {
            return Ok(Some(head));
        }
        if entry.stored <= FIRST_READ {
            return Ok(None);
        }
        self.fill(place, entry.stored.min(SECOND_READ))?;
        Ok(self.unpack(entry, &mut head).then_some(head))
    }

    fn fill(&mut self, place: u64, length: u64) -> Result<(), JarError> {
        let length = usize::try_from(length).expect("it is below the limit");
        self.buffer.resize(length, 0);
        let read = self.directory.file.read_exact_at(&mut self.buffer, place);
        Ok(read.at("read", &self.directory.path)?)
    }

    /// Unpacks what is in the buffer, as far as it goes.
    fn unpack(&mut self, entry: &Entry, head: &mut [u8]) -> bool {
        if entry.method == Method::Stored {
            let found = self.buffer.get(..head.len());
            return found.is_some_and(|found| {
                head.copy_from_slice(found);
                true
            });
        }
        self.inflater.reset(false);
        let unpacked = self
            .inflater
            .decompress(&self.buffer, head, FlushDecompress::None);
        unpacked.is_ok() && self.inflater.total_out() == head.len() as u64
    }
}
