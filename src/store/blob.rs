//! Reading a blob from wherever its source says that it is on this machine.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::error::{FileError, IoResultExt as _};
use crate::fs::{self, RangeReader};
use crate::oci::{BlobSource, Descriptor, HashingReader};

/// Opens the bytes of a blob; `None` when they are in a registry and must be fetched first.
///
/// The bytes are as they are found; who reads them checks them against the digest.
pub fn open(
    descriptor: &Descriptor,
    source: &BlobSource,
) -> Result<Option<Box<dyn Read + Send>>, FileError> {
    Ok(Some(match source {
        BlobSource::Bytes(bytes) => Box::new(std::io::Cursor::new(Arc::clone(bytes))),
        BlobSource::File(path) => Box::new(fs::open(path)?),
        BlobSource::Range { file, offset, .. } => {
            Box::new(RangeReader::new(Arc::clone(file), *offset, descriptor.size))
        }
        BlobSource::Registry(_) => return Ok(None),
    }))
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
