//! Reading the bytes of a file that a plan names by digest, and making sure that they are still those bytes.

use std::io::{self, Read};

use super::{Content, ContentSource};
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs::{self, RangeReader};
use crate::oci::Sha256;

/// The bytes of a file could not be read, or are not those that were planned with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file was changed after it was hashed.
    #[error("`{name}` changed while the image was being built")]
    Changed {
        /// The file.
        name: String,
    },
}

impl Explain for ContentError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Changed { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Changed { .. } => {
                Some("start the build again when nothing writes to its inputs any more".to_owned())
            }
        }
    }
}

impl Content {
    /// Opens the bytes, as they are now.
    fn open(&self) -> Result<Box<dyn Read + Send + '_>, FileError> {
        Ok(match &self.source {
            ContentSource::Bytes(bytes) => Box::new(&bytes[..]),
            ContentSource::Path(path) => Box::new(fs::open(path)?),
            ContentSource::Range { file, name, offset } => {
                let file = file.file().at("read", name.as_ref().as_ref())?;
                Box::new(RangeReader::new(file, *offset, self.size))
            }
        })
    }

    /// What the source is called in messages.
    fn name(&self) -> String {
        match &self.source {
            ContentSource::Bytes(_) => "(generated)".to_owned(),
            ContentSource::Path(path) => path.display().to_string(),
            ContentSource::Range { name, .. } => name.to_string(),
        }
    }

    /// Hands the bytes to `sink`, piece by piece, and fails when they are not what was planned with.
    ///
    /// `sink` gets exactly [`Content::size`] bytes, or an error follows; so a tar that is written this way is
    /// never silently corrupt.
    pub(crate) fn copy_to<E: From<ContentError>>(
        &self,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        const PIECE: usize = 128 * 1024;
        let changed = || ContentError::Changed { name: self.name() };
        let mut reader = self.open().map_err(ContentError::from)?;
        let mut hash = Sha256::default();
        let mut left = self.size;
        let mut piece = vec![0; PIECE];
        loop {
            let read = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Err::<(), _>(error)
                        .at("read", self.name().as_ref())
                        .map_err(ContentError::from)
                        .expect_err("it is an error")
                        .into());
                }
            };
            left = left.checked_sub(read as u64).ok_or_else(changed)?;
            hash.update(&piece[..read]);
            sink(&piece[..read])?;
        }
        if left > 0 || hash.finish() != self.digest {
            return Err(changed().into());
        }
        Ok(())
    }

    /// All bytes.
    #[cfg(test)]
    pub(crate) fn read_all(&self) -> Result<Vec<u8>, ContentError> {
        let mut bytes = Vec::new();
        self.copy_to(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), ContentError>(())
        })?;
        Ok(bytes)
    }
}
