//! Finds the central directory of a zip file from its end, as the JVM does.
//!
//! Both forms of the end are known: that of 1989, and the one of zip64 that stands before it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memmem;

use super::error::JarError;
use super::fields::{u16_at, u32_at, u64_at};
use crate::error::IoResultExt;

/// The fixed part of the end.
const END: usize = 22;
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
/// The end is followed by a comment of at most 65535 bytes.
const TAIL: u64 = END as u64 + u16::MAX as u64;
const LOCATOR: usize = 20;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const END64: usize = 56;
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";

/// Where the central directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where it begins.
    pub(super) offset: u64,
    /// How many bytes it has.
    pub(super) length: u64,
    /// How many entries it says to have.
    pub(super) count: u64,
    /// What has to be added to each offset in it, because something stands before the zip file.
    pub(super) shift: u64,
}

impl End {
    /// Finds the end of the zip file.
    pub(super) fn find(path: &Path, file: &File, length: u64) -> Result<Self, JarError> {
        let start = length.saturating_sub(TAIL);
        let mut tail = vec![0; usize::try_from(length - start).expect("the tail is short")];
        file.read_exact_at(&mut tail, start).at("read", path)?;
        // The last that fits: a comment may hold what looks like an end.
        let found = memmem::rfind_iter(&tail, END_SIGNATURE)
            .find_map(|place| Self::at(file, start, &tail, place));
        if let Some(end) = found {
            return Ok(end);
        }
        let mut magic = [0; 2];
        let begins = length >= 2
            && file.read_exact_at(&mut magic, 0).is_ok()
            && matches!(&magic, b"PK" | b"#!");
        // What begins like a zip file and has no end is damaged; the rest never was one. Jars that can be executed
        // begin with a script.
        Err(if begins {
            JarError::damaged(path, "its end is missing")
        } else {
            JarError::NotAJar {
                path: path.to_owned(),
            }
        })
    }

    /// The end at this place of the tail, if it is one. Bytes behind the comment are taken as the JVM takes them: if the
    /// directory is where this end says.
    fn at(file: &File, start: u64, tail: &[u8], place: usize) -> Option<Self> {
        let bytes = tail.get(place..place + END)?;
        let comment = usize::from(u16_at(bytes, 20));
        let whole = place + END + comment == tail.len();
        let mut end = start + place as u64;
        let mut count = u64::from(u16_at(bytes, 10));
        let mut length = u64::from(u32_at(bytes, 12));
        let mut offset = u64::from(u32_at(bytes, 16));
        let zip64 = End64::before(file, tail, place);
        if let Some(zip64) = zip64.filter(|zip64| zip64.agrees(count, length, offset)) {
            (end, count, length, offset) = (zip64.place, zip64.count, zip64.length, zip64.offset);
        }
        let directory = end.checked_sub(length)?;
        let shift = directory.checked_sub(offset)?;
        let found = Self {
            offset: directory,
            length,
            count,
            shift,
        };
        (whole || found.is_there(file)).then_some(found)
    }

    fn is_there(&self, file: &File) -> bool {
        let mut signature = [0; 4];
        file.read_exact_at(&mut signature, self.offset).is_ok() && &signature == b"PK\x01\x02"
    }
}

/// The end of zip64.
struct End64 {
    place: u64,
    count: u64,
    length: u64,
    offset: u64,
}

impl End64 {
    /// The one that the locator before the other end names.
    fn before(file: &File, tail: &[u8], place: usize) -> Option<Self> {
        let locator = tail.get(place.checked_sub(LOCATOR)?..place)?;
        if !locator.starts_with(LOCATOR_SIGNATURE) {
            return None;
        }
        let place = u64_at(locator, 8);
        let mut bytes = [0; END64];
        file.read_exact_at(&mut bytes, place).ok()?;
        bytes.starts_with(END64_SIGNATURE).then(|| Self {
            place,
            count: u64_at(&bytes, 32),
            length: u64_at(&bytes, 40),
            offset: u64_at(&bytes, 48),
        })
    }

    /// Whether the other end says the same, or that it cannot say it.
    fn agrees(&self, count: u64, length: u64, offset: u64) -> bool {
        let (short, long) = (u64::from(u16::MAX), u64::from(u32::MAX));
        (count == self.count || count == short)
            && (length == self.length || length == long)
            && (offset == self.offset || offset == long)
    }
}
