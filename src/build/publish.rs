//! Where an image, or an index of several, goes: registries, files, and the local store. Each target gets what it lacks.

use std::collections::BTreeMap;

use super::context::Fetcher;
use super::last::LastImages;
use super::push::Push;
use super::run::Assembled;
use super::{BuildError, Context};
use crate::base::Fetch as _;
use crate::oci::{BlobSource, Descriptor, Digest, ImageSet, Layer, Platforms, Reference};
use crate::store::{Output, OutputError, Written};

/// Where an image is to go.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The image's names; never empty.
    pub names: Vec<Reference>,
    /// Whether it is pushed to the registries of its names.
    pub push: bool,
    /// Files and folders that it is written to.
    pub outputs: Vec<Output>,
    /// What may be known from before.
    pub cache: CacheUse,
}

/// What of earlier builds may be used.
#[derive(Debug, Clone)]
pub struct CacheUse {
    /// What the local store remembers of layers and repositories.
    pub local: bool,
    /// What the image tells that a name leads to now.
    pub remote: bool,
    /// Further images that tell something.
    pub from: Vec<Reference>,
}

impl Default for CacheUse {
    fn default() -> Self {
        Self {
            local: true,
            remote: true,
            from: Vec::new(),
        }
    }
}

/// What was done for a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The pinned names, one a repository: what a deployment should refer to.
    pub references: Vec<Reference>,
    /// Whether the image was kept in the local store.
    pub kept: bool,
}

impl Targets {
    /// Finds out whether an image for these platforms can be written to the files and folders, as far as that can be known
    /// before there is one.
    pub fn check_files(&self, platforms: &Platforms) -> Result<(), BuildError> {
        for output in &self.outputs {
            output.check(platforms)?;
        }
        Ok(())
    }

    /// Whether registries are asked or written to, for other things than a base.
    pub fn needs_registries(&self) -> bool {
        self.push || self.cache.remote && !self.cache.from.is_empty()
    }

    /// Whether all bytes of the image are wanted on this machine.
    pub(super) fn needs_bytes(&self) -> bool {
        !self.push || !self.outputs.is_empty()
    }
}

/// A target that could not be served.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Box<BuildError>,
    /// The blob whose bytes were not what they should be, if that was it.
    pub(super) blob: Option<Digest>,
}

impl<E: Into<BuildError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            error: Box::new(error.into()),
            blob: None,
        }
    }
}

/// Brings the images to all their targets; to the local store when there is no other.
pub(super) fn publish(
    assembled: &mut Assembled,
    targets: &Targets,
    push: Option<&mut Push<'_>>,
    last: &LastImages<'_>,
) -> Result<Published, Failure> {
    let context = last.context;
    let Assembled { images, offers, .. } = assembled;
    if targets.needs_bytes() {
        let fetcher = Fetcher::new(context, last, push.as_deref());
        bring(images, &fetcher)?;
        // What is here now need not travel a second time.
        for (offer, layer) in offers.iter_mut().zip(images.layers()) {
            if matches!(offer.source, BlobSource::Registry(_)) {
                offer.source.clone_from(&layer.source);
            }
        }
    }
    // A disk that is full keeps a tag from moving, and a push that fails leaves no file that says it did not.
    let mut written = Vec::new();
    for output in &targets.outputs {
        written.push(write(output, images, targets, context)?);
    }
    if let Some(push) = push {
        let pushed = push.finish(images, offers);
        pushed.map_err(|error| Failure {
            error: Box::new(error),
            blob: push.failed.take(),
        })?;
    }
    for output in written {
        output.commit()?;
    }
    let kept = !targets.push && targets.outputs.is_empty();
    if kept {
        for layer in distinct(images).values() {
            into_store(&layer.descriptor, &layer.source, context)?;
        }
        for name in &targets.names {
            context.store.keep(name, images)?;
        }
    }
    let mut references: Vec<Reference> = Vec::new();
    for name in &targets.names {
        let pinned = name.at(images.digest());
        if !references.contains(&pinned) {
            references.push(pinned);
        }
    }
    Ok(Published { references, kept })
}

/// The layers, each once however many images have it.
fn distinct(images: &ImageSet) -> BTreeMap<Digest, Layer> {
    let layers = images.layers();
    layers
        .map(|layer| (layer.descriptor.digest, layer.clone()))
        .collect()
}

/// Brings the layers that are in a registry to this machine.
fn bring(images: &mut ImageSet, fetcher: &Fetcher<'_>) -> Result<(), Failure> {
    let mut layers: Vec<_> = distinct(images).into_values().collect();
    fetcher.bring(&mut layers).map_err(|error| Failure {
        blob: error.blob(),
        error: Box::new(error.into()),
    })?;
    let layers: BTreeMap<_, _> = layers
        .into_iter()
        .map(|layer| (layer.descriptor.digest, layer.source))
        .collect();
    for layer in images.layers_mut() {
        layer.source.clone_from(&layers[&layer.descriptor.digest]);
    }
    Ok(())
}

fn write(
    output: &Output,
    images: &ImageSet,
    targets: &Targets,
    context: &Context,
) -> Result<Written, Failure> {
    let progress = context.reporter.start(&format!("Writing {output}"), None);
    match output.write(images, &targets.names) {
        Ok(written) => {
            progress.finish("written");
            Ok(written)
        }
        Err(error) => Err(Failure {
            blob: match error {
                OutputError::Damaged(digest) => Some(digest),
                _ => None,
            },
            error: Box::new(error.into()),
        }),
    }
}

/// Copies a blob that lies elsewhere on this machine, or is made anew, into the store.
fn into_store(
    descriptor: &Descriptor,
    source: &BlobSource,
    context: &Context,
) -> Result<(), Failure> {
    let stored = context.store.verified_blob(descriptor, &*context.reporter);
    if stored.is_none() {
        context
            .store
            .add(descriptor, source)
            .map_err(|error| Failure {
                error: Box::new(error.into()),
                blob: Some(descriptor.digest),
            })?;
    }
    Ok(())
}
