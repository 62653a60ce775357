//! As much of ELF as tells what a shared library is for: its processor, and the libraries that it needs.
//!
//! A library may have tens of megabytes and be packed, so it is read as a stream, twice at most: once for the list of
//! what it needs, which refers to names, and once for these names.

use std::io::{self, BufRead, BufReader, Read};

/// The first bytes of any ELF file.
const MAGIC: &[u8] = b"\x7fELF";
/// The header of the 64-bit form; that of the 32-bit form has 52.
const HEADER: usize = 64;
const SEGMENT_LIMIT: usize = 256;
/// Larger than what any library says of itself in one table.
const TABLE_LIMIT: u64 = 64 << 10;
/// Longer than the name of any library.
const NAME_LIMIT: u64 = 256;
const NEEDED_LIMIT: usize = 256;
const SCRATCH: usize = 16 << 10;

/// Kinds of segments.
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NOTE: u32 = 4;

/// Tags of the dynamic table.
const END: u64 = 0;
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;

/// What the first bytes of an ELF file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    wide: bool,
    big_endian: bool,
    system: u8,
    machine: u16,
}

impl Identity {
    /// How many bytes tell it.
    pub(super) const LENGTH: usize = 20;

    pub(super) fn parse(head: &[u8; Self::LENGTH]) -> Option<Self> {
        if !head.starts_with(MAGIC) || !matches!((head[4], head[5]), (1 | 2, 1 | 2)) {
            return None;
        }
        let mut identity = Self {
            wide: head[4] == 2,
            big_endian: head[5] == 2,
            system: head[7],
            machine: 0,
        };
        identity.machine = identity.u16(head, 18);
        Some(identity)
    }

    /// Whether it says to be for NetBSD, Solaris, FreeBSD or OpenBSD. Linux is not always told.
    pub(super) fn is_for_another_system(self) -> bool {
        matches!(self.system, 2 | 6 | 9 | 12)
    }

    /// The processor, as platforms of images name it.
    pub(super) fn architecture(self) -> String {
        let name = match (self.machine, self.wide, self.big_endian) {
            (3, ..) => "386",
            (8, false, true) => "mips",
            (8, false, false) => "mipsle",
            (8, true, true) => "mips64",
            (8, true, false) => "mips64le",
            (20, ..) => "ppc",
            (21, _, true) => "ppc64",
            (21, _, false) => "ppc64le",
            (22, true, _) => "s390x",
            (40, ..) => "arm",
            (43, ..) => "sparc64",
            // The x32 form is not that of a JVM.
            (62, true, _) => "amd64",
            (183, ..) => "arm64",
            (243, true, _) => "riscv64",
            (258, ..) => "loong64",
            (other, ..) => return format!("unknown-{other}"),
        };
        name.to_owned()
    }

    fn u16(self, bytes: &[u8], place: usize) -> u16 {
        u16::try_from(self.number(bytes, place, 2)).expect("two bytes are a u16")
    }

    fn u32(self, bytes: &[u8], place: usize) -> u32 {
        u32::try_from(self.number(bytes, place, 4)).expect("four bytes are a u32")
    }

    /// A number of as many bytes as an address has.
    fn word(self, bytes: &[u8], place: usize) -> u64 {
        self.number(bytes, place, self.word_length())
    }

    fn word_length(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn number(self, bytes: &[u8], place: usize, length: usize) -> u64 {
        let bytes = bytes.get(place..place + length).unwrap_or_default();
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        }
    }
}

/// What a library needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// The names of libraries.
    pub(super) libraries: Vec<String>,
    /// Whether it says to be for Android.
    pub(super) android: bool,
}

/// Finds what a library needs; `None` when it does not tell, or in a way that makes no sense. `open` gives its
/// bytes from the beginning.
pub(super) fn needs<R: Read, E>(open: impl Fn() -> Result<R, E>) -> Result<Option<Needs>, E> {
    let Some(table) = Table::read(open()?) else {
        return Ok(None);
    };
    let libraries = table.names(open()?);
    let android = table.android;
    Ok(libraries.map(|libraries| Needs { libraries, android }))
}

/// The dynamic table, as far as it is of interest.
struct Table {
    /// Where the names begin in the file.
    strings: u64,
    /// Where in the names those of needed libraries are.
    needed: Vec<u64>,
    android: bool,
}

impl Table {
    fn read(file: impl Read) -> Option<Self> {
        let mut file = Forward::new(file);
        let header = file.take(0, HEADER as u64)?;
        let identity = Identity::parse(header.first_chunk()?)?;
        let segments = Segment::read(identity, &header, &mut file)?;
        let mut tables: Vec<_> = segments
            .iter()
            .filter(|segment| matches!(segment.kind, DYNAMIC | NOTE))
            .collect();
        tables.sort_by_key(|segment| segment.offset);
        let (mut android, mut dynamic) = (false, None);
        for segment in tables {
            let bytes = file.take(segment.offset, segment.length);
            match segment.kind {
                NOTE => android |= bytes.is_some_and(|bytes| is_android(&bytes)),
                _ => dynamic = bytes,
            }
        }
        // What has no such table needs nothing.
        let (mut strings, mut needed) = (None, Vec::new());
        let length = identity.word_length();
        for pair in dynamic.unwrap_or_default().chunks_exact(2 * length) {
            match (identity.word(pair, 0), identity.word(pair, length)) {
                (END, _) => break,
                (NEEDED, place) if needed.len() < NEEDED_LIMIT => needed.push(place),
                (STRING_TABLE, address) => strings = place_of(&segments, address),
                _ => {}
            }
        }
        needed.sort_unstable();
        Some(Self {
            strings: if needed.is_empty() { 0 } else { strings? },
            needed,
            android,
        })
    }

    fn names(&self, file: impl Read) -> Option<Vec<String>> {
        let mut file = Forward::new(file);
        let name = |place: &u64| file.text(self.strings.checked_add(*place)?);
        self.needed.iter().map(name).collect()
    }
}

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
}

impl Segment {
    fn read<R: Read>(
        identity: Identity,
        header: &[u8],
        file: &mut Forward<R>,
    ) -> Option<Vec<Self>> {
        let (start, sizes) = if identity.wide { (32, 54) } else { (28, 42) };
        let offset = identity.word(header, start);
        let size = usize::from(identity.u16(header, sizes));
        let count = usize::from(identity.u16(header, sizes + 2));
        let fields = if identity.wide { 56 } else { 32 };
        if size < fields || count > SEGMENT_LIMIT {
            return None;
        }
        // The 32-bit header is shorter than what was read of it, and what follows it may have been read along.
        let bytes = file.take_after(header, offset, (size * count) as u64)?;
        let segment = |bytes: &[u8]| {
            let words = if identity.wide {
                [8, 16, 32]
            } else {
                [4, 8, 16]
            };
            let [offset, address, length] = words.map(|place| identity.word(bytes, place));
            Self {
                kind: identity.u32(bytes, 0),
                offset,
                address,
                length,
            }
        };
        Some(bytes.chunks_exact(size).map(segment).collect())
    }
}

/// Where in the file the byte is that has this address in memory.
fn place_of(segments: &[Segment], address: u64) -> Option<u64> {
    let inside = |segment: &&Segment| {
        let distance = address.checked_sub(segment.address);
        segment.kind == LOAD && distance.is_some_and(|distance| distance < segment.length)
    };
    let segment = segments.iter().find(inside)?;
    segment.offset.checked_add(address - segment.address)
}

/// Whether a segment of notes has the one that all programs for Android have.
fn is_android(notes: &[u8]) -> bool {
    memchr::memmem::find(notes, b"Android\0").is_some()
}

/// Reads a stream by ascending places.
struct Forward<R> {
    inner: BufReader<R>,
    place: u64,
}

impl<R: Read> Forward<R> {
    fn new(inner: R) -> Self {
        let inner = BufReader::with_capacity(SCRATCH, inner);
        Self { inner, place: 0 }
    }

    /// The bytes from `place`; `None` when they are behind, too many, or not there.
    fn take(&mut self, place: u64, length: u64) -> Option<Vec<u8>> {
        if length > TABLE_LIMIT {
            return None;
        }
        self.skip_to(place)?;
        let mut bytes = vec![0; usize::try_from(length).expect("it is below the limit")];
        self.inner.read_exact(&mut bytes).ok()?;
        self.place += length;
        Some(bytes)
    }

    /// The same, where the first bytes of the file were taken before.
    fn take_after(&mut self, taken: &[u8], place: u64, length: u64) -> Option<Vec<u8>> {
        let start = usize::try_from(place).ok()?.min(taken.len());
        let mut bytes = taken[start..].to_vec();
        let known = bytes.len() as u64;
        match length.checked_sub(known) {
            Some(rest) => bytes.extend(self.take(place.checked_add(known)?, rest)?),
            None => bytes.truncate(usize::try_from(length).ok()?),
        }
        Some(bytes)
    }

    /// The text from `place` to the next NUL.
    fn text(&mut self, place: u64) -> Option<String> {
        self.skip_to(place)?;
        let mut bytes = Vec::new();
        let read = (&mut self.inner).take(NAME_LIMIT).read_until(0, &mut bytes);
        self.place += read.ok()? as u64;
        bytes.pop().filter(|last| *last == 0)?;
        String::from_utf8(bytes).ok()
    }

    fn skip_to(&mut self, place: u64) -> Option<()> {
        let distance = place.checked_sub(self.place)?;
        let skipped = io::copy(&mut (&mut self.inner).take(distance), &mut io::sink());
        self.place = place;
        (skipped.ok()? == distance).then_some(())
    }
}
