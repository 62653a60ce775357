//! The central directory of a zip file: all that can be known of its entries without reading them.
//!
//! It is read once and kept as it is; an entry refers to its name in it. What it says of places and sizes is checked
//! against the file, so that nothing that is done by it later takes more than the file is worth.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::end::End;
use super::error::JarError;
use super::fields::{u16_at, u32_at, u64_at};
use super::manifest::MANIFEST;
use crate::error::IoResultExt;
use crate::fs;

/// The fixed part of an entry of the directory.
const HEADER: usize = 46;
const SIGNATURE: &[u8] = b"PK\x01\x02";
/// The fixed part of what stands before the bytes of an entry.
pub(super) const LOCAL_HEADER: usize = 30;
/// Larger than any directory that was not made to be.
const LENGTH_LIMIT: u64 = 128 << 20;
/// More entries than any jar has; they may take some 50 MiB of memory.
const ENTRY_LIMIT: usize = 1 << 20;

/// How the bytes of an entry are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
    /// One that the JVM does not know.
    Other(u16),
}

/// An entry, as the directory has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    name: u32,
    name_length: u16,
    pub(super) flags: u16,
    pub(super) method: Method,
    /// Date and time of DOS.
    pub(super) time: u32,
    pub(super) crc32: u32,
    /// How many bytes it has in the file.
    pub(super) stored: u64,
    /// How many bytes it has when it is read.
    pub(super) size: u64,
    /// Where its local header is in the file.
    pub(super) offset: u64,
}

impl Entry {
    pub(super) fn name_length(&self) -> u16 {
        self.name_length
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether it can be read: by the JVM and here.
    pub(super) fn is_readable(&self) -> bool {
        !self.is_encrypted() && !matches!(self.method, Method::Other(_))
    }
}

/// A zip file and its directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    bytes: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    /// How many bytes stand before the first entry.
    pub(super) prefix: u64,
}

impl Directory {
    /// Reads the directory of the zip file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, JarError> {
        let file = fs::open(path)?;
        let length = file.metadata().at("read", path)?.len();
        let end = End::find(path, &file, length)?;
        let too_large = |reason: String| JarError::TooLarge {
            path: path.to_owned(),
            reason,
        };
        if end.length > LENGTH_LIMIT {
            let reason = format!("its directory has {} bytes", end.length);
            return Err(too_large(reason));
        }
        let mut bytes = vec![0; usize::try_from(end.length).expect("it is below the limit")];
        // It lies before the end, which was read.
        file.read_exact_at(&mut bytes, end.offset)
            .at("read", path)?;
        let mut directory = Self {
            path: path.to_owned(),
            file: Arc::new(file),
            bytes: Vec::new(),
            entries: Vec::new(),
            prefix: 0,
        };
        let mut rest = 0;
        while rest < bytes.len() {
            if directory.entries.len() == ENTRY_LIMIT {
                return Err(too_large(format!("it has more than {ENTRY_LIMIT} entries")));
            }
            let (entry, next) = read_entry(&bytes, rest, end.shift).ok_or_else(|| {
                let number = directory.entries.len() + 1;
                directory.damaged(format!("its directory breaks off at entry {number}"))
            })?;
            directory.entries.push(entry);
            rest = next;
        }
        let count = directory.entries.len() as u64;
        // Some tools count modulo 65536, and the JVM does not mind.
        if count % (1 << 16) != end.count % (1 << 16) {
            let said = end.count;
            return Err(directory.damaged(format!(
                "its directory has {count} entries and its end tells of {said}"
            )));
        }
        directory.bytes = bytes;
        directory.prefix = directory.check_places(end.offset)?;
        Ok(directory)
    }

    pub(super) fn damaged(&self, reason: impl Into<String>) -> JarError {
        JarError::damaged(&self.path, reason)
    }

    /// The name of an entry, as it is in the file.
    pub(super) fn name(&self, entry: &Entry) -> &[u8] {
        let start = entry.name as usize;
        &self.bytes[start..start + usize::from(entry.name_length)]
    }

    /// The name of an entry as text that harms no terminal.
    pub(super) fn text(&self, entry: &Entry) -> String {
        harmless(self.name(entry))
    }

    /// Whether the file begins with these bytes.
    pub(super) fn begins_with(&self, bytes: &[u8]) -> Result<bool, JarError> {
        let mut found = vec![0; bytes.len()];
        let read = self.file.read_at(&mut found, 0).at("read", &self.path)?;
        Ok(&found[..read] == bytes)
    }

    /// The entry of this name.
    pub(super) fn find(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| self.name(entry) == name)
    }

    /// Whether the entries are in the order of their names, but for `META-INF/` and the manifest, which come first.
    pub(super) fn is_sorted(&self) -> bool {
        self.entries
            .iter()
            .map(|entry| sort_key(self.name(entry)))
            .is_sorted()
    }

    /// Checks that no two entries share bytes, and that all are before the directory. Entries that do are how a small file
    /// becomes a large one. Returns where the first begins.
    fn check_places(&self, directory: u64) -> Result<u64, JarError> {
        let mut places: Vec<_> = self
            .entries
            .iter()
            .map(|entry| {
                let header = LOCAL_HEADER as u64 + u64::from(entry.name_length);
                let end = entry.offset.saturating_add(header);
                (entry.offset, end.saturating_add(entry.stored), entry)
            })
            .collect();
        places.sort_by_key(|(start, end, _)| (*start, *end));
        for pair in places.windows(2) {
            let [(_, end, first), (start, _, second)] = pair else {
                continue;
            };
            if end > start {
                let names = [first, second].map(|entry| self.text(entry));
                let reason = format!("its entries `{}` and `{}` overlap", names[0], names[1]);
                return Err(self.damaged(reason));
            }
        }
        match places.last() {
            Some((_, end, entry)) if *end > directory => {
                let name = self.text(entry);
                Err(self.damaged(format!("its entry `{name}` reaches over its end")))
            }
            _ => Ok(places.first().map_or(directory, |(start, _, _)| *start)),
        }
    }
}

/// The entry of a directory at this place, and where the next is.
fn read_entry(directory: &[u8], place: usize, shift: u64) -> Option<(Entry, usize)> {
    let header = directory.get(place..place.checked_add(HEADER)?)?;
    if !header.starts_with(SIGNATURE) {
        return None;
    }
    let lengths = [28, 30, 32].map(|place| usize::from(u16_at(header, place)));
    let name = place + HEADER;
    let extra = name + lengths[0];
    let comment = extra + lengths[1];
    let next = comment + lengths[2];
    if next > directory.len() {
        return None;
    }
    let mut entry = Entry {
        name: u32::try_from(name).ok()?,
        name_length: u16_at(header, 28),
        flags: u16_at(header, 8),
        method: match u16_at(header, 10) {
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Other(other),
        },
        // The date stands behind the time, so it counts for more.
        time: u32_at(header, 12),
        crc32: u32_at(header, 16),
        stored: u64::from(u32_at(header, 20)),
        size: u64::from(u32_at(header, 24)),
        offset: u64::from(u32_at(header, 42)),
    };
    read_extra(&mut entry, &directory[extra..comment]);
    entry.offset = entry.offset.checked_add(shift)?;
    Some((entry, next))
}

/// Takes from the extra fields what did not fit into the header, as zip64 has it.
fn read_extra(entry: &mut Entry, mut extra: &[u8]) {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(field) = extra.get(4..4 + length) else {
            return;
        };
        if id == 1 {
            let mut place = 0;
            for value in [&mut entry.size, &mut entry.stored, &mut entry.offset] {
                if *value == u64::from(u32::MAX) && place + 8 <= field.len() {
                    *value = u64_at(field, place);
                    place += 8;
                }
            }
        }
        extra = &extra[4 + length..];
    }
}

/// What entries are sorted by: readers that take a jar as a stream want the manifest first.
pub(super) fn sort_key(name: &[u8]) -> (u8, &[u8]) {
    match name {
        b"META-INF/" => (0, name),
        _ if name == MANIFEST.as_bytes() => (1, name),
        _ => (2, name),
    }
}

/// Bytes as text without characters that harm: names come from others, and end up on a terminal.
pub(super) fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.contains(harms) {
        text.replace(harms, "\u{fffd}")
    } else {
        text.into_owned()
    }
}

/// Whether a character moves the cursor of a terminal, or turns the direction of writing.
pub(super) fn harms(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
