//! An image from the bytes of its manifest and config.

use super::LayoutError;
use crate::oci::{BlobSource, Config, Descriptor, Document, Image, Layer};

/// Reads the bytes as manifest and config of an image whose blobs `find` finds. They must speak of the same layers.
pub(crate) fn assemble(
    manifest: Vec<u8>,
    config: Vec<u8>,
    find: impl Fn(&Descriptor) -> Result<BlobSource, LayoutError>,
) -> Result<Image, LayoutError> {
    let Document::Manifest(document) = Document::parse(&manifest, None)? else {
        return Err(LayoutError::Nested);
    };
    let diff_ids = Config::parse(&config)?.diff_ids()?;
    if diff_ids.len() != document.layers.len() {
        return Err(LayoutError::Layers {
            manifest: document.layers.len(),
            config: diff_ids.len(),
        });
    }
    let layers = document
        .layers
        .into_iter()
        .zip(diff_ids)
        .map(|(descriptor, diff_id)| {
            let source = find(&descriptor)?;
            Ok(Layer {
                descriptor,
                diff_id,
                source,
            })
        })
        .collect::<Result<_, LayoutError>>()?;
    Ok(Image {
        manifest,
        config,
        layers,
    })
}
