//! Reading a blob from wherever its source says that it is on this machine.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{FileError, IoResultExt as _};
use crate::fs::{self, RangeReader};
use crate::oci::{BlobSource, Descriptor, Digest, HashingReader, HashingWriter};

/// Opens the bytes of a blob; `None` when they must be fetched or made first.
///
/// The bytes are as they are found; who reads them checks them against the digest.
pub fn open(
    descriptor: &Descriptor,
    source: &BlobSource,
) -> Result<Option<Box<dyn Read + Send>>, FileError> {
    Ok(Some(match source {
        BlobSource::Bytes(bytes) => Box::new(std::io::Cursor::new(Arc::clone(bytes))),
        BlobSource::File(path) | BlobSource::Checked(path) => Box::new(fs::open(path)?),
        BlobSource::Range { file, name, offset } => {
            let file = file.file().at("read", name.as_ref().as_ref())?;
            Box::new(RangeReader::new(file, *offset, descriptor.size))
        }
        BlobSource::Registry(_) | BlobSource::Made(_) => return Ok(None),
    }))
}

/// Copies the bytes of a blob that is on this machine, or made here, to `output`, which is at `path`; tells digest and size
/// of what was copied, and stops soon after there are more bytes than there should be.
pub(super) fn copy(
    descriptor: &Descriptor,
    source: &BlobSource,
    output: &mut dyn Write,
    path: &Path,
) -> Result<(Digest, u64), FileError> {
    let mut output = HashingWriter::new(output);
    if let BlobSource::Made(blob) = source {
        blob.make(&mut output).at("write", path)?;
    } else {
        let reader = open(descriptor, source)?.expect("layers are fetched before they are written");
        let mut reader = reader.take(descriptor.size.saturating_add(1));
        io::copy(&mut reader, &mut output).at("write", path)?;
    }
    let (_, digest, size) = output.finish();
    Ok((digest, size))
}

/// Whether the file at `path` has the bytes that `descriptor` promises.
pub(super) fn is_intact(path: &Path, descriptor: &Descriptor) -> Result<bool, FileError> {
    let file = fs::open(path)?;
    if file.metadata().at("read", path)?.len() != descriptor.size {
        return Ok(false);
    }
    let mut reader = HashingReader::new(file);
    io::copy(&mut reader, &mut io::sink()).at("read", path)?;
    Ok(reader.finish().at("read", path)? == (descriptor.digest, descriptor.size))
}

/// Reads all of `reader`, which must have the digest and size of `descriptor`.
pub(super) fn read_checked(
    descriptor: &Descriptor,
    reader: impl Read,
) -> io::Result<Option<Vec<u8>>> {
    let mut reader = HashingReader::new(reader.take(descriptor.size.saturating_add(1)));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let (digest, size) = reader.finish()?;
    Ok(((digest, size) == (descriptor.digest, descriptor.size)).then_some(bytes))
}
