//! The blob of a layer, read once as a stream and held to its digest and its diff id.

use std::error::Error;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::entries::{self, LayerEntry};
use crate::archive::{Excess, Limits};
use crate::oci::{Descriptor, HashingReader, Layer, LayerCompression};

/// Why a layer cannot be used.
#[derive(Debug)]
pub enum LayerFault {
    /// It cannot be read as what it is said to be.
    Unreadable(io::Error),
    /// Its tar is another one than the config says.
    DiffId,
    /// It is not the one that the manifest says.
    Digest,
}

impl From<io::Error> for LayerFault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Hands the tar of a layer to `read`; `blob` are the bytes of the layer. What was read is the layer if and only if this
/// returns `Ok`.
pub(super) fn read(
    layer: &Layer,
    blob: impl Read,
    read: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerFault> {
    let mut blob = HashingReader::new(blob);
    read_tar(layer, &mut blob, read)?;
    check(layer, blob)
}

/// Hands every entry of a layer to `visit`, as it comes and as it is written there. A blob that is another one than it
/// should be is told of as that, also when it cannot be read.
pub fn each_entry(
    layer: &Layer,
    blob: impl Read,
    visit: impl FnMut(LayerEntry<'_>) -> io::Result<()>,
) -> Result<(), LayerFault> {
    let mut blob = HashingReader::new(blob);
    let read = read_tar(layer, &mut blob, |tar| entries::each_entry(tar, visit));
    check(layer, blob)?;
    read
}

fn read_tar(
    layer: &Layer,
    blob: &mut impl Read,
    read: impl FnOnce(&mut dyn Read) -> io::Result<()>,
) -> Result<(), LayerFault> {
    let mut tar = HashingReader::new(uncompressed(&layer.descriptor, blob)?);
    read(&mut tar)?;
    let (tar_digest, _) = tar.finish()?;
    if tar_digest != layer.diff_id.0 {
        return Err(LayerFault::DiffId);
    }
    Ok(())
}

fn check<R: Read>(layer: &Layer, blob: HashingReader<R>) -> Result<(), LayerFault> {
    if blob.finish()? != (layer.descriptor.digest, layer.descriptor.size) {
        return Err(LayerFault::Digest);
    }
    Ok(())
}

/// The tar inside a layer. One that unpacks to more than any honest layer does is an error.
fn uncompressed<'a>(
    descriptor: &Descriptor,
    blob: impl Read + 'a,
) -> io::Result<Box<dyn Read + 'a>> {
    let compression = descriptor.media_type.layer_compression();
    let inner: Box<dyn Read + 'a> = match compression {
        // Layers of several members are common; the reader for one would stop after the first without a word.
        Some(LayerCompression::Gzip) => Box::new(MultiGzDecoder::new(blob)),
        Some(LayerCompression::Zstd) => Box::new(zstd::Decoder::new(blob)?),
        Some(LayerCompression::None) | None => return Ok(Box::new(blob)),
    };
    let Limits {
        ratio, ratio_from, ..
    } = Limits::default();
    let left = ratio_from.max(descriptor.size.saturating_mul(ratio));
    Ok(Box::new(Unpacked { inner, left, ratio }))
}

/// A layer that unpacks to more than any honest one does.
#[derive(Debug, thiserror::Error)]
#[error("it {0}")]
struct Bomb(Excess);

/// Whether an error says that a layer unpacks to more than any honest one does.
pub fn is_bomb(error: &io::Error) -> bool {
    let inner = error.get_ref();
    inner.is_some_and(<dyn Error + Send + Sync>::is::<Bomb>)
}

/// Unpacked bytes, up to a limit.
struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    left: u64,
    ratio: u64,
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            let bomb = Bomb(Excess::Ratio(self.ratio));
            return Err(io::Error::new(io::ErrorKind::InvalidData, bomb));
        };
        self.left = left;
        Ok(read)
    }
}
