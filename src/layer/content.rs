//! Reading the bytes of a file that a plan names by digest.

use std::io::{self, Read, Write};

use super::{Compressor, Content, ContentSource, LayerError};
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs::{self, RangeReader};
use crate::oci::Digest;
use crate::progress::Progress;

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

    /// The digest to compare with, unless nobody can have changed the bytes since it was computed.
    fn expected(&self) -> Option<Digest> {
        match &self.source {
            ContentSource::Bytes(_) => None,
            ContentSource::Range { file, .. } if file.is_private() => None,
            _ => Some(self.digest),
        }
    }

    /// What the source is called in messages.
    fn name(&self) -> String {
        match &self.source {
            ContentSource::Bytes(_) => "(generated)".to_owned(),
            ContentSource::Path(path) => path.display().to_string(),
            ContentSource::Range { name, .. } => name.to_string(),
        }
    }

    /// Writes the bytes into a layer, as those of its entry number `entry`, and fails when they are more or fewer than
    /// planned; whether they are the same is seen by whoever watches the layer.
    pub(super) fn copy_to<W: Write>(
        &self,
        output: &mut Compressor<W>,
        entry: usize,
        progress: &dyn Progress,
    ) -> Result<(), LayerError> {
        let mut reader = self.open().map_err(ContentError::from)?;
        let mut left = self.size;
        loop {
            output.make_room()?;
            let read = output
                .read_from(&mut *reader, left, (entry, self.expected()))
                .map_err(|error| self.unreadable(error))?;
            progress.advance(read);
            left -= read;
            if left == 0 {
                break;
            }
            if read == 0 {
                return Err(self.changed().into());
            }
        }
        let mut more = Vec::new();
        let mut reader = reader.take(1);
        match reader.read_to_end(&mut more) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.changed().into()),
            Err(error) => Err(self.unreadable(error).into()),
        }
    }

    /// The error for bytes that are not those that were planned with.
    pub(super) fn changed(&self) -> ContentError {
        ContentError::Changed { name: self.name() }
    }

    fn unreadable(&self, error: io::Error) -> ContentError {
        Err::<(), _>(error)
            .at("read", self.name().as_ref())
            .expect_err("it is an error")
            .into()
    }

    /// All bytes.
    #[cfg(test)]
    pub(crate) fn read_all(&self) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        self.open()?
            .read_to_end(&mut bytes)
            .at("read", self.name().as_ref())?;
        Ok(bytes)
    }
}
