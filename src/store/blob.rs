//! Reading a blob from wherever its source says that it is on this machine.

use std::io::Read;
use std::sync::Arc;

use crate::error::FileError;
use crate::fs::{self, RangeReader};
use crate::oci::{BlobSource, Descriptor};

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
