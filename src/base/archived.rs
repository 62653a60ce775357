//! Images in archives, as they are remembered: neither the archive nor its layers are read again while it does not change.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::BaseError;
use crate::archive::{self, Archive, Options, Question, Setup};
use crate::oci::{BlobSource, Descriptor, DiffId, Image, Layer, LazyFile};
use crate::store::Store;

/// Raised whenever other things are learnt of an image, so that what was remembered before is asked again.
const RULES: u32 = 2;

/// An image whose layers are in an archive.
#[derive(Debug, Serialize, Deserialize)]
struct Archived {
    /// JSON both, which is text.
    manifest: String,
    config: String,
    layers: Vec<(Descriptor, DiffId, u64)>,
}

/// A form that images in archives have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// The kind under which such images are remembered.
    pub(super) kind: &'static str,
    /// Whether nothing in the archive tells the digests of its layers.
    pub(super) hash_files: bool,
}

/// Opens the image that `open` finds in the archive at `path`, or recalls it, with what there is to say of it besides.
/// `choice` is all that decides which it is.
pub(super) fn open<T: Serialize + DeserializeOwned>(
    path: &Path,
    form: Form,
    choice: &impl std::fmt::Debug,
    store: &Store,
    open: impl FnOnce(&Archive) -> Result<(Image, T), BaseError>,
) -> Result<(Image, T), BaseError> {
    let options = Options {
        hash_files: form.hash_files,
        ..Options::default()
    };
    let setup = Setup {
        spool: &store.temporary(),
        options: &options,
        memory: store,
    };
    let rules = format!("{RULES} {choice:?}");
    let question = Question {
        kind: form.kind,
        rules: &rules,
    };
    let ((archived, more), tar) = archive::ask(path, &setup, &question, |archive| {
        let (image, more) = open(archive)?;
        Ok::<_, BaseError>((Archived::of(&image), more))
    })?;
    Ok((archived.into_image(path, &tar), more))
}

impl Archived {
    fn of(image: &Image) -> Self {
        // Both were read as JSON before.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let place = |layer: &Layer| match &layer.source {
            BlobSource::Range { offset, .. } => *offset,
            _ => unreachable!("the layers of an archive are in it"),
        };
        Self {
            manifest: text(&image.manifest),
            config: text(&image.config),
            layers: image
                .layers
                .iter()
                .map(|layer| (layer.descriptor.clone(), layer.diff_id, place(layer)))
                .collect(),
        }
    }

    fn into_image(self, path: &Path, tar: &Arc<LazyFile>) -> Image {
        let name: Arc<str> = path.display().to_string().into();
        let layer = |(descriptor, diff_id, offset)| Layer {
            descriptor,
            diff_id,
            source: BlobSource::Range {
                file: Arc::clone(tar),
                name: Arc::clone(&name),
                offset,
            },
        };
        Image {
            manifest: self.manifest.into_bytes(),
            config: self.config.into_bytes(),
            layers: self.layers.into_iter().map(layer).collect(),
        }
    }
}
