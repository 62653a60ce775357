//! The file system, for everybody else in this crate: errors name the path.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the others are sent to"
)]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::{FileError, IoResultExt as _};

/// Reads a whole file that must not be larger than `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .at("read", path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .at("read", path)?;
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message)).at("read", path);
    }
    Ok(bytes)
}
