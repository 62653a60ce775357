//! The headers of a tar, read so strictly that no two programs can disagree on them.
//!
//! The `tar` crate decodes single headers. Its iterator is not used: it prefers a GNU long name over a pax
//! path without a word, reads extended headers of any size into memory, splits pax records at line ends
//! inside their values, and takes an archive that is cut between two entries for a complete one.
//! Disagreement between readers is how CVE-2025-62518 ("TARmageddon") smuggles files.

use crate::oci::Sha256;

use super::error::{ArchiveError, Excess, Trick};
use super::index::Index;
use super::stream::Stream;
use super::{FileRange, MemberKind};

const BLOCK: usize = 512;
const CHUNK: usize = 128 << 10;

/// Longest extended header: a path, a link and some attributes.
const EXTENSION: usize = 1 << 20;

/// What extended headers said about the next entry.
#[derive(Debug, Default)]
struct Extensions {
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.long_name.is_none() && self.long_link.is_none() && self.pax.is_none()
    }
}

/// The records of a pax header that matter here.
#[derive(Debug, Default)]
struct Pax {
    path: Option<Vec<u8>>,
    link_path: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

/// Reads all headers into `index`, and the rest of the stream; hashes the files if asked to.
pub(super) fn read(
    stream: &mut Stream<'_>,
    index: &mut Index<'_>,
    hash_files: bool,
) -> Result<(), ArchiveError> {
    let mut extensions = Extensions::default();
    let mut extended = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let start = stream.position();
        let mut block = [0; BLOCK];
        let read = stream.fill(&mut block)?;
        if block == [0; BLOCK] && read == BLOCK {
            if !extensions.is_empty() {
                return Err(index.damaged("its last header describes nothing".to_owned()));
            }
            return end(stream, index, &mut buffer);
        }
        let header = tar::Header::from_byte_slice(&block);
        if read < BLOCK || !checksum_fits(header) {
            return Err(match start {
                0 => index.not_a_tar("it does not begin with a tar header"),
                _ if read < BLOCK => index.cut_short(),
                _ => index.damaged(format!("there is no header at byte {start}")),
            });
        }
        let size = header
            .entry_size()
            .map_err(|_| index.damaged(format!("the header at byte {start} has no size")))?;
        let kind = header.entry_type();
        if matches!(kind.as_byte(), b'L' | b'K' | b'x' | b'g') {
            // Without the mark of a form that has extended headers, some programs take this for a file.
            if header.as_gnu().is_none() && header.as_ustar().is_none() {
                let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
                return Err(index.refuse(&name, Trick::UnmarkedExtension));
            }
            let body = extension(stream, index, size, &mut extended)?;
            match kind.as_byte() {
                b'L' => put(&mut extensions.long_name, text_of(body), index)?,
                b'K' => put(&mut extensions.long_link, text_of(body), index)?,
                b'x' => put(&mut extensions.pax, pax(&body, index)?, index)?,
                _ => {
                    let global = pax(&body, index)?;
                    // What came before it is for the next file, and some programs take it for this header.
                    if !extensions.is_empty() {
                        return Err(index.refuse("pax_global_header", Trick::AmbiguousName));
                    }
                    // What it says would hold for all that follows, and only some programs know that.
                    if global.path.is_some() || global.link_path.is_some() {
                        return Err(index.refuse("pax_global_header", Trick::AmbiguousName));
                    }
                    if global.size.is_some() {
                        return Err(index.refuse("pax_global_header", Trick::AmbiguousSize));
                    }
                }
            }
            continue;
        }
        let name = name_of(header, &mut extensions, index)?;
        let link = link_of(header, &mut extensions, index)?;
        let printable = String::from_utf8_lossy(&name).into_owned();
        let pax = extensions.pax.take().unwrap_or_default();
        if pax.sparse || kind.is_gnu_sparse() {
            return Err(index.refuse(&printable, Trick::Sparse));
        }
        if pax.size.is_some_and(|given| given != size) {
            return Err(index.refuse(&printable, Trick::AmbiguousSize));
        }
        // Version 7 wrote folders as files with a slash at the end.
        let is_file = kind.is_file() || kind.is_contiguous();
        let is_folder = kind.is_dir() || is_file && name.ends_with(b"/");
        if size != 0 && (is_folder || !is_file) {
            // Whether a folder or link is followed by data is read differently by different programs.
            return Err(index.refuse(&printable, Trick::AmbiguousSize));
        }
        let mode = header.mode().unwrap_or(0o644) & 0o7777;
        let kind = if is_folder {
            MemberKind::Directory
        } else if is_file {
            let mut range = FileRange {
                offset: stream.position(),
                size,
                digest: None,
            };
            // Named before its bytes are read: what is refused is refused at once.
            index.insert(&name, MemberKind::File(range), mode)?;
            let mut hash = hash_files.then(Sha256::default);
            body(stream, index, size, &mut buffer, |bytes| {
                if let Some(hash) = &mut hash {
                    hash.update(bytes);
                }
            })?;
            range.digest = hash.map(Sha256::finish);
            index.set_range(&name, range);
            continue;
        } else if kind.is_symlink() {
            MemberKind::Symlink {
                target: index.text(&printable, link)?,
            }
        } else if kind.is_hard_link() {
            MemberKind::HardLink {
                target: index.text(&printable, link)?,
            }
        } else if kind.is_block_special() || kind.is_character_special() {
            MemberKind::Special(Trick::Device)
        } else if kind.is_fifo() {
            MemberKind::Special(Trick::Pipe)
        } else {
            let byte = char::from(kind.as_byte());
            return Err(index.refuse(&printable, Trick::UnknownKind(byte)));
        };
        index.insert(&name, kind, mode)?;
    }
}

/// Reads what follows the first empty block: nothing but zeros, or else some programs would read on.
fn end(stream: &mut Stream<'_>, index: &Index<'_>, buffer: &mut [u8]) -> Result<(), ArchiveError> {
    loop {
        let read = stream.fill(buffer)?;
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(index.refuse(index.last(), Trick::TrailingData));
        }
        if read < buffer.len() {
            return Ok(());
        }
    }
}

/// Reads `size` bytes and the padding after them.
fn body(
    stream: &mut Stream<'_>,
    index: &Index<'_>,
    size: u64,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]),
) -> Result<(), ArchiveError> {
    let mut left = size;
    while left > 0 {
        let want = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = stream.fill(&mut buffer[..want])?;
        take(&buffer[..read]);
        left -= read as u64;
        if read < want {
            return Err(index.cut_short());
        }
    }
    let padding = size.next_multiple_of(BLOCK as u64) - size;
    let padding = usize::try_from(padding).expect("less than a block");
    if stream.fill(&mut buffer[..padding])? < padding {
        return Err(index.cut_short());
    }
    Ok(())
}

fn extension(
    stream: &mut Stream<'_>,
    index: &Index<'_>,
    size: u64,
    extended: &mut usize,
) -> Result<Vec<u8>, ArchiveError> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    *extended = extended.saturating_add(size);
    for (found, limit) in [(size, EXTENSION), (*extended, index.names_limit())] {
        if found > limit {
            return Err(index.too_much(Excess::Names(limit)));
        }
    }
    let mut bytes = Vec::with_capacity(size);
    let mut buffer = [0; 4096];
    body(stream, index, size as u64, &mut buffer, |read| {
        bytes.extend_from_slice(read);
    })?;
    Ok(bytes)
}

fn put<T>(place: &mut Option<T>, value: T, index: &Index<'_>) -> Result<(), ArchiveError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(index.refuse(index.last(), Trick::AmbiguousName)),
    }
}

/// GNU long names end with one NUL.
fn text_of(mut body: Vec<u8>) -> Vec<u8> {
    if body.last() == Some(&0) {
        body.pop();
    }
    body
}

/// Reads pax records (`LENGTH KEY=VALUE\n`) by their length, as POSIX has it.
fn pax(mut body: &[u8], index: &Index<'_>) -> Result<Pax, ArchiveError> {
    let mut pax = Pax::default();
    let malformed = || index.damaged("a pax header is malformed".to_owned());
    while !body.is_empty() {
        let space = body.iter().position(|byte| *byte == b' ');
        let length: usize = space
            .and_then(|space| std::str::from_utf8(&body[..space]).ok()?.parse().ok())
            .ok_or_else(malformed)?;
        let start = space.map_or(0, |space| space + 1);
        let record = body.get(start..length).ok_or_else(malformed)?;
        let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
        body = &body[length..];
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(malformed)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => put(&mut pax.path, value.to_vec(), index)?,
            b"linkpath" => put(&mut pax.link_path, value.to_vec(), index)?,
            b"size" => {
                let size = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(malformed)?;
                put(&mut pax.size, size, index)?;
            }
            key if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
            _ => {}
        }
    }
    Ok(pax)
}

fn name_of(
    header: &tar::Header,
    extensions: &mut Extensions,
    index: &Index<'_>,
) -> Result<Vec<u8>, ArchiveError> {
    let long = extensions.long_name.take();
    let pax = extensions.pax.as_mut().and_then(|pax| pax.path.take());
    one_of(long, pax, index).map(|name| name.unwrap_or_else(|| header.path_bytes().into_owned()))
}

fn link_of(
    header: &tar::Header,
    extensions: &mut Extensions,
    index: &Index<'_>,
) -> Result<Vec<u8>, ArchiveError> {
    let long = extensions.long_link.take();
    let pax = extensions.pax.as_mut().and_then(|pax| pax.link_path.take());
    let link = one_of(long, pax, index)?;
    Ok(link.unwrap_or_else(|| {
        header
            .link_name_bytes()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default()
    }))
}

/// A name in two forms is fine as long as both say the same.
fn one_of(
    long: Option<Vec<u8>>,
    pax: Option<Vec<u8>>,
    index: &Index<'_>,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    match (long, pax) {
        (Some(long), Some(pax)) if long != pax => {
            Err(index.refuse(&String::from_utf8_lossy(&long), Trick::AmbiguousName))
        }
        (long, pax) => Ok(long.or(pax)),
    }
}

/// The sum of all bytes of the header, with blanks in place of the sum itself.
fn checksum_fits(header: &tar::Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes[..148]
        .iter()
        .chain(&bytes[156..])
        .map(|byte| u32::from(*byte))
        .sum();
    header.cksum().is_ok_and(|given| given == sum + 8 * 32)
}
