//! Makers of jars, byte for byte: zip files in which every field may lie, class files, and ELF files.
#![allow(
    clippy::cast_possible_truncation,
    reason = "what is made here is small"
)]

use std::io::Write as _;

/// One entry, with what it says of itself.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    /// Date and time of DOS.
    pub time: u32,
    /// What the directory says, where that is not the truth.
    pub crc32: Option<u32>,
    pub stored: Option<u32>,
    pub size: Option<u32>,
    pub offset: Option<u32>,
    /// The extra fields of both headers.
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
}

/// 2024-06-01 12:00:00.
pub const TIME: u32 = (44 << 9 | 6 << 5 | 1) << 16 | 12 << 11;

impl Entry {
    /// One that is deflated, and honest.
    pub fn new(name: &str, data: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            data: data.into(),
            method: 8,
            flags: 0,
            time: TIME,
            crc32: None,
            stored: None,
            size: None,
            offset: None,
            extra: Vec::new(),
            comment: Vec::new(),
        }
    }

    /// One that is not packed.
    pub fn stored(name: &str, data: impl Into<Vec<u8>>) -> Self {
        Self {
            method: 0,
            ..Self::new(name, data)
        }
    }

    /// Its bytes as they are in the file.
    pub fn packed(&self) -> Vec<u8> {
        if self.method != 8 {
            return self.data.clone();
        }
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.data).unwrap();
        encoder.finish().unwrap()
    }

    /// What both headers have, from the flags to the length of the extra fields.
    fn common(&self, packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend(self.time.to_le_bytes());
        let crc32 = self.crc32.unwrap_or_else(|| crc32fast::hash(&self.data));
        out.extend(crc32.to_le_bytes());
        out.extend(self.stored.unwrap_or(packed.len() as u32).to_le_bytes());
        out.extend(self.size.unwrap_or(self.data.len() as u32).to_le_bytes());
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        out
    }
}

/// A zip file of these entries.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    with_comment(entries, b"")
}

/// A zip file with a comment.
pub fn with_comment(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = entry.offset.unwrap_or(out.len() as u32);
        let packed = entry.packed();
        let common = entry.common(&packed);
        out.extend(b"PK\x03\x04\x14\0");
        out.extend(&common);
        out.extend(&entry.name);
        out.extend(&entry.extra);
        out.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\0\x14\0");
        directory.extend(&common);
        directory.extend((entry.comment.len() as u16).to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(offset.to_le_bytes());
        directory.extend(&entry.name);
        directory.extend(&entry.extra);
        directory.extend(&entry.comment);
    }
    let (start, count) = (out.len() as u32, (entries.len() as u16).to_le_bytes());
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}

/// A class file of this major version, whose constant pool has these texts. It is no class that a JVM loads.
pub fn class(major: u16, texts: &[&str]) -> Vec<u8> {
    let mut out = b"\xca\xfe\xba\xbe\0\0".to_vec();
    out.extend(major.to_be_bytes());
    out.extend((texts.len() as u16 + 1).to_be_bytes());
    for text in texts {
        out.push(1);
        out.extend((text.len() as u16).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out.extend([0; 64]);
    out
}

/// A manifest with these attributes in its main section.
pub fn manifest(attributes: &[(&str, &str)]) -> Entry {
    let mut text = "Manifest-Version: 1.0\r\n".to_owned();
    for (key, value) in attributes {
        text.extend([key, ": ", value, "\r\n"]);
    }
    Entry::new("META-INF/MANIFEST.MF", text + "\r\n")
}

/// What an ELF file is for.
#[derive(Debug, Clone, Copy)]
pub struct Elf<'a> {
    pub machine: u16,
    pub wide: bool,
    pub big_endian: bool,
    pub system: u8,
    pub needed: &'a [&'a str],
    /// How many bytes of code are between the names and the table.
    pub code: usize,
    pub android: bool,
}

impl Elf<'_> {
    /// One for `amd64`.
    pub const AMD64: Self = Self {
        machine: 62,
        wide: true,
        big_endian: false,
        system: 0,
        needed: &[],
        code: 100_000,
        android: false,
    };

    /// A shared library: header, segments, notes, names, code and, at the end, the table of what it needs.
    pub fn bytes(&self) -> Vec<u8> {
        const BASE: u64 = 0x10000;
        let number = |value: u64, length: usize| {
            let bytes = value.to_le_bytes()[..length].to_vec();
            if self.big_endian {
                bytes.into_iter().rev().collect()
            } else {
                bytes
            }
        };
        let length = if self.wide { 8 } else { 4 };
        let half = |value: u64| number(value, 2);
        let word = |value: u64| number(value, 4);
        let long = |value: u64| number(value, length);
        let (header, segment) = if self.wide { (64, 56) } else { (52, 32) };
        let notes: &[u8] = if self.android {
            b"\x08\0\0\0\x04\0\0\0\x01\0\0\0Android\0\x15\0\0\0"
        } else {
            b""
        };
        let notes_at = header + 3 * segment;
        let names_at = notes_at + notes.len() as u64;
        let (mut names, mut table) = (vec![0], Vec::new());
        // The strings are found by an address, and named before the place of the first is known.
        table.extend([long(5), long(BASE + names_at)].concat());
        for name in self.needed {
            table.extend([long(1), long(names.len() as u64)].concat());
            names.extend(name.as_bytes());
            names.push(0);
        }
        table.extend([long(0), long(0)].concat());
        let table_at = names_at + names.len() as u64 + self.code as u64;
        let whole = table_at + table.len() as u64;

        let mut out = b"\x7fELF".to_vec();
        out.push(if self.wide { 2 } else { 1 });
        out.push(if self.big_endian { 2 } else { 1 });
        out.extend([1, self.system]);
        out.extend([0; 8]);
        out.extend([half(3), half(self.machine.into()), word(1)].concat());
        out.extend([long(0), long(header), long(0), word(0)].concat());
        out.extend([half(header), half(segment), half(3)].concat());
        out.resize(header as usize, 0);
        for (kind, at, size) in [
            (1, 0, whole),
            (4, notes_at, notes.len() as u64),
            (2, table_at, table.len() as u64),
        ] {
            let places = [
                long(at),
                long(BASE + at),
                long(BASE + at),
                long(size),
                long(size),
            ];
            out.extend(word(kind));
            if self.wide {
                out.extend(word(4));
            }
            out.extend(places.concat());
            if !self.wide {
                out.extend(word(4));
            }
            out.extend(long(4));
        }
        out.extend(notes);
        out.extend(names);
        out.resize(out.len() + self.code, 0x90);
        out.extend(table);
        out
    }
}
