//! Writes a jar anew, so that the same contents always are the same bytes.
//!
//! Builds leave in a jar when each file was made, and the order in which a file system named them. Both are replaced; the
//! contents are copied as they are packed. What the JVM does not look at is left out: comments, the modes of files, extra
//! fields, folders that are told again. A script in front stays. Jars of the same contents that were packed by different compressors stay different.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::directory::{Directory, Entry, LOCAL_HEADER, Method, sort_key};
use super::error::JarError;
use super::signature::{self, Signature};
use crate::error::IoResultExt;
use crate::fs::RangeReader;

/// 1980-01-01 00:00:00, the first time that a zip file can say.
const TIME: u32 = 0x0021_0000;
/// The flag of a name that is UTF-8.
const UTF8: u16 = 1 << 11;
/// The versions of the format that are needed: for entries that are stored, for deflate and folders, for zip64.
const STORED_VERSION: u16 = 10;
const DEFLATED_VERSION: u16 = 20;
const ZIP64_VERSION: u16 = 45;
/// The attribute of a folder of DOS.
const FOLDER: u32 = 0x10;
/// Places and sizes beyond need another form of every entry, which no jar has.
const LIMIT: u64 = u32::MAX as u64;
/// What an entry has besides its name and its bytes, and what follows the last, at most.
const HEADERS: u64 = LOCAL_HEADER as u64 + 46;
const ENDS: u64 = 56 + 20 + 22;
const BUFFER: usize = 128 << 10;

/// A jar that was written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalized {
    /// How many entries it has.
    pub entries: usize,
    /// How many bytes it has.
    pub size: u64,
}

/// Writes the jar at `from` anew to `to`.
///
/// The manifest comes first, then all other entries by name, with one time for all. Two jars that differ only in times and
/// order become the same, and one that was written here becomes itself. A jar that is signed is refused: it stays as it
/// was given away.
pub fn normalize(from: &Path, to: &mut impl Write) -> Result<Normalized, JarError> {
    let directory = Directory::read(from)?;
    if let Some(reason) = obstacle(&directory, &signature::read(&directory)?)? {
        return Err(JarError::NotNormalizable {
            path: from.to_owned(),
            reason,
        });
    }
    let script = script(&directory)?;
    let mut entries: Vec<&Entry> = directory.entries.iter().collect();
    entries.sort_by_key(|entry| sort_key(directory.name(entry)));
    // Only folders are there twice.
    entries.dedup_by_key(|entry| directory.name(entry));
    let mut writer = Writer {
        directory: &directory,
        to: BufWriter::with_capacity(BUFFER, to),
        place: 0,
    };
    writer.copy(0, script)?;
    let mut places = Vec::new();
    for entry in &entries {
        places.push(writer.place);
        writer.local_header(entry)?;
        writer.copy(directory.place(entry)?, entry.stored)?;
    }
    writer.directory(&entries, &places)?;
    writer.flush()?;
    Ok(Normalized {
        entries: entries.len(),
        size: writer.place,
    })
}

/// Why a jar with this signature cannot be written anew, if that is so.
pub(super) fn obstacle(
    directory: &Directory,
    signature: &Signature,
) -> Result<Option<String>, JarError> {
    if *signature != Signature::None {
        return Ok(Some("it is signed".to_owned()));
    }
    let mut names = BTreeSet::new();
    let mut size = script(directory)? + ENDS;
    for entry in &directory.entries {
        let name = directory.name(entry);
        let text = || directory.text(entry);
        if !entry.is_readable() {
            return Ok(Some(format!("the JVM cannot read its entry `{}`", text())));
        }
        // It is no harm when a folder is told twice: tools that put jars together do that.
        let is_folder = name.ends_with(b"/") && entry.size == 0;
        if !names.insert(name) && !is_folder {
            return Ok(Some(format!("it has more than one entry `{}`", text())));
        }
        size = size.saturating_add(HEADERS + 2 * name.len() as u64);
        size = size.saturating_add(entry.stored);
    }
    let largest = directory.entries.iter().map(|entry| entry.size).max();
    let is_large = size.max(largest.unwrap_or_default()) > LIMIT;
    Ok(is_large.then(|| "it is larger than 4 GiB".to_owned()))
}

/// How long the script in front is.
fn script(directory: &Directory) -> Result<u64, JarError> {
    Ok(if directory.begins_with(b"#!")? {
        directory.prefix
    } else {
        0
    })
}

struct Writer<'a, W: Write> {
    directory: &'a Directory,
    to: BufWriter<W>,
    /// How many bytes were written.
    place: u64,
}

impl<W: Write> Writer<'_, W> {
    /// Copies bytes of the jar as they are.
    fn copy(&mut self, place: u64, length: u64) -> Result<(), JarError> {
        let mut range = RangeReader::new(self.directory.file.clone(), place, length);
        let mut buffer = [0; 16 << 10];
        let mut left = length;
        while left > 0 {
            let read = io::Read::read(&mut range, &mut buffer);
            let read = read.at("read", &self.directory.path)?;
            self.write(&buffer[..read])?;
            left -= read as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), JarError> {
        self.place += bytes.len() as u64;
        let written = self.to.write_all(bytes);
        written.map_err(|error| self.failed(error))
    }

    fn flush(&mut self) -> Result<(), JarError> {
        let flushed = self.to.flush();
        flushed.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> JarError {
        JarError::Write {
            path: self.directory.path.clone(),
            source,
        }
    }

    fn local_header(&mut self, entry: &Entry) -> Result<(), JarError> {
        let name = self.directory.name(entry);
        let mut header = b"PK\x03\x04".to_vec();
        self.common(entry, &mut header);
        header.extend(name);
        self.write(&header)
    }

    /// What both headers of an entry have: from the version that is needed to the length of the extra fields.
    fn common(&self, entry: &Entry, header: &mut Vec<u8>) {
        let name = self.directory.name(entry);
        let (method, version) = match entry.method {
            Method::Deflated => (8, DEFLATED_VERSION),
            _ if name.ends_with(b"/") => (0, DEFLATED_VERSION),
            _ => (0, STORED_VERSION),
        };
        // For a name that is ASCII it changes nothing, and not all tools set it.
        let flags = if name.is_ascii() {
            0
        } else {
            entry.flags & UTF8
        };
        for field in [version, flags, method] {
            header.extend(u16::to_le_bytes(field));
        }
        for field in [TIME, entry.crc32, short(entry.stored), short(entry.size)] {
            header.extend(u32::to_le_bytes(field));
        }
        header.extend(u16::to_le_bytes(entry.name_length()));
        header.extend(u16::to_le_bytes(0));
    }

    fn directory(&mut self, entries: &[&Entry], places: &[u64]) -> Result<(), JarError> {
        let start = self.place;
        for (entry, place) in entries.iter().zip(places) {
            let name = self.directory.name(entry);
            let mut header = b"PK\x01\x02".to_vec();
            header.extend(u16::to_le_bytes(DEFLATED_VERSION));
            self.common(entry, &mut header);
            // No comment, the first disk, no attributes inside.
            header.extend([0; 6]);
            let attributes = if name.ends_with(b"/") { FOLDER } else { 0 };
            header.extend(u32::to_le_bytes(attributes));
            header.extend(u32::to_le_bytes(short(*place)));
            header.extend(name);
            self.write(&header)?;
        }
        let (count, length) = (entries.len() as u64, self.place - start);
        if count >= u64::from(u16::MAX) {
            self.end64(count, length, start)?;
        }
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        end.extend([short(length).to_le_bytes(), short(start).to_le_bytes()].concat());
        end.extend([0; 2]);
        self.write(&end)
    }

    /// The end of zip64, and what leads to it.
    fn end64(&mut self, count: u64, length: u64, start: u64) -> Result<(), JarError> {
        let place = self.place;
        let mut end = b"PK\x06\x06".to_vec();
        // The length of what follows.
        end.extend(u64::to_le_bytes(44));
        end.extend([ZIP64_VERSION.to_le_bytes(), ZIP64_VERSION.to_le_bytes()].concat());
        end.extend([0; 8]);
        for field in [count, count, length, start] {
            end.extend(field.to_le_bytes());
        }
        end.extend(b"PK\x06\x07\0\0\0\0");
        end.extend(place.to_le_bytes());
        end.extend(u32::to_le_bytes(1));
        self.write(&end)
    }
}

/// A number that was found to be within the limit.
fn short(number: u64) -> u32 {
    u32::try_from(number).expect("the whole jar is within the limit")
}
