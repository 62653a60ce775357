//! The entries of a layer, one after the other, read with distrust: a layer of a few kilobytes must not be able to fill
//! the memory or to be read differently by those who unpack it.
//!
//! The `tar` crate walks over the records. Extended headers are taken from it raw and read here, with a limit.

use std::fmt;
use std::io::{self, Read};

use tar::EntryType;

use crate::layer::Owner;

/// Longest name or link target (`PATH_MAX` of Linux, generously), and longest extended header.
const EXTENSION_LIMIT: u64 = 1024 * 1024;
/// How large the tar of a layer may be.
const LAYER_LIMIT: u64 = 64 << 30;

/// One entry of a layer.
pub struct LayerEntry<'a> {
    /// Its path, as it is written.
    pub path: String,
    /// What it is.
    pub kind: EntryType,
    /// The target of a link; empty for everything else.
    pub target: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
    /// What packages of apk say of it.
    pub(super) note: Note,
    /// The bytes.
    pub content: &'a mut dyn Read,
}

#[cfg(test)]
impl<'a> LayerEntry<'a> {
    /// A file of this path.
    pub(crate) fn plain(path: &str, content: &'a mut dyn Read) -> Self {
        Self {
            path: path.to_owned(),
            kind: EntryType::Regular,
            target: String::new(),
            size: 0,
            mode: 0o644,
            owner: Owner::ROOT,
            note: Note::default(),
            content,
        }
    }
}

impl fmt::Debug for LayerEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerEntry")
            .field("path", &self.path)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What extended headers say of an entry of a package.
#[derive(Debug, Default)]
pub(super) struct Note {
    /// The SHA-1 of its bytes or target, in hexadecimal digits (`APK-TOOLS.checksum.SHA1`).
    pub(super) sha1: Option<String>,
    /// Whether it has attributes beside its mode, as capabilities are.
    pub(super) has_attributes: bool,
}

/// What extended headers say of the entry that follows them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    note: Note,
}

/// Hands every entry of `layer` to `visit`, and reads the layer to its end.
pub(super) fn each_entry(
    layer: impl Read,
    mut visit: impl FnMut(LayerEntry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(Padded::new(layer.take(LAYER_LIMIT)));
    let mut extension = Extension::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => put(&mut extension.path, long_name(&mut entry)?)?,
            EntryType::GNULongLink => put(&mut extension.target, long_name(&mut entry)?)?,
            EntryType::XHeader => extension.read_pax(&limited(&mut entry)?)?,
            EntryType::XGlobalHeader => {}
            EntryType::GNUSparse => return Err(invalid("a sparse file")),
            _ => {
                let Extension {
                    path,
                    target,
                    size,
                    note,
                } = std::mem::take(&mut extension);
                let header = entry.header();
                let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
                let written = header.link_name_bytes().map(std::borrow::Cow::into_owned);
                let target = target.or(written).unwrap_or_default();
                let found = entry.size();
                if size.is_some_and(|size| size != found) {
                    return Err(invalid("a file whose size is given twice and differs"));
                }
                let number = |field: io::Result<u64>| field.ok()?.try_into().ok();
                let owner = Owner {
                    user: number(header.uid()).unwrap_or(0),
                    group: number(header.gid()).unwrap_or(0),
                };
                let mode = header.mode().unwrap_or(0o644) & 0o7777;
                visit(LayerEntry {
                    path: String::from_utf8_lossy(&path).into_owned(),
                    kind,
                    target: String::from_utf8_lossy(&target).into_owned(),
                    size: found,
                    mode,
                    owner,
                    note,
                    content: &mut entry,
                })?;
            }
        }
    }
    // What follows the end of the archive belongs to the blob too.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    if rest.inner.limit() == 0 {
        return Err(invalid("more than 64 GiB"));
    }
    Ok(())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it has {what}"))
}

fn limited(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(EXTENSION_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > EXTENSION_LIMIT {
        return Err(invalid("an extended header of more than 1 MiB"));
    }
    Ok(bytes)
}

/// The content of a GNU record for a long name, which ends with a NUL.
fn long_name(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut name = limited(entry)?;
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    Ok(name)
}

/// Keeps a name. In two forms it is fine, as long as both say the same.
fn put(place: &mut Option<Vec<u8>>, name: Vec<u8>) -> io::Result<()> {
    match place.replace(name) {
        Some(other) if Some(&other) != place.as_ref() => {
            Err(invalid("a file whose name is given twice and differs"))
        }
        _ => Ok(()),
    }
}

impl Extension {
    /// Reads `LENGTH KEY=VALUE\n` records (pax(1), "extended header"); only those that matter here are kept.
    fn read_pax(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let malformed = || invalid("an extended header that cannot be read");
        while !bytes.is_empty() {
            let blank = bytes.iter().position(|byte| *byte == b' ');
            let length: usize = blank
                .and_then(|end| std::str::from_utf8(&bytes[..end]).ok()?.parse().ok())
                .ok_or_else(malformed)?;
            let record = blank
                .and_then(|blank| bytes.get(blank + 1..length))
                .and_then(|record| record.strip_suffix(b"\n"))
                .ok_or_else(malformed)?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(malformed)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => put(&mut self.path, value.to_vec())?,
                b"linkpath" => put(&mut self.target, value.to_vec())?,
                b"size" => {
                    let text = std::str::from_utf8(value).ok();
                    self.size = Some(
                        text.and_then(|text| text.parse().ok())
                            .ok_or_else(malformed)?,
                    );
                }
                b"APK-TOOLS.checksum.SHA1" => {
                    self.note.sha1 = Some(String::from_utf8_lossy(value).into_owned());
                }
                key if key.starts_with(b"SCHILY.xattr.")
                    || key.starts_with(b"LIBARCHIVE.xattr.") =>
                {
                    self.note.has_attributes = true;
                }
                _ => {}
            }
            bytes = &bytes[length..];
        }
        Ok(())
    }
}

/// A tar whose last block is filled up with zeros.
///
/// Some tools (`umoci insert`) end a layer with the last byte of its last file. Run times take such layers.
#[derive(Debug)]
struct Padded<R> {
    inner: R,
    read: u64,
}

impl<R> Padded<R> {
    fn new(inner: R) -> Self {
        Self { inner, read: 0 }
    }
}

impl<R: Read> Read for Padded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = self.inner.read(buffer)?;
        if read == 0 {
            let missing = self.read.next_multiple_of(512) - self.read;
            read = buffer
                .len()
                .min(usize::try_from(missing).expect("below 512"));
            buffer[..read].fill(0);
        }
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pax(records: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in records {
            let body = format!(" {key}={value}\n");
            let mut length = body.len() + 1;
            while length != body.len() + length.to_string().len() {
                length += 1;
            }
            bytes.extend_from_slice(format!("{length}{body}").as_bytes());
        }
        bytes
    }

    fn tar(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, path, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(*kind);
            header.set_path(path).unwrap();
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read(tar: &[u8]) -> io::Result<Vec<(String, String, u64)>> {
        let mut found = Vec::new();
        each_entry(tar, |entry| {
            found.push((entry.path, entry.target, entry.size));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn extended_headers_speak_of_the_entry_that_follows() {
        let long = "x/".repeat(100);
        let extended = pax(&[
            ("mtime", "1.5"),
            ("path", &long),
            ("linkpath", "t"),
            ("size", "3"),
        ]);
        let tar = tar(&[
            (EntryType::XHeader, "pax", &extended),
            (EntryType::Regular, "short", b"abc"),
            (EntryType::GNULongName, "././@LongLink", b"gnu\0"),
            (EntryType::Regular, "other", b""),
            (EntryType::Regular, "plain", b"12345"),
        ]);
        let name = |text: &str| text.to_owned();
        assert_eq!(
            read(&tar).unwrap(),
            [
                (long, name("t"), 3),
                (name("gnu"), name(""), 0),
                (name("plain"), name(""), 5)
            ]
        );
    }

    #[test]
    fn what_would_fill_the_memory_or_be_read_differently_is_refused() {
        let large = vec![b'a'; 2 << 20];
        for (kind, content) in [
            (EntryType::GNULongName, large.clone()),
            (EntryType::GNULongLink, large.clone()),
            (EntryType::XHeader, large),
            (EntryType::XHeader, pax(&[("size", "4")])),
            (EntryType::XHeader, b"99 path=x\n".to_vec()),
            (EntryType::GNUSparse, Vec::new()),
        ] {
            let tar = tar(&[(kind, "x", &content), (EntryType::Regular, "y", b"abc")]);
            let error = read(&tar).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidData,
                "{kind:?}: {error}"
            );
        }
    }
}
