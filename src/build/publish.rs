//! Where an image goes: registries, files, and the local store. Each target gets what it lacks.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{BuildError, Context};
use crate::base::{Fetch as _, FetchError};
use crate::error::IoResultExt as _;
use crate::fs;
use crate::oci::{BlobSource, Descriptor, Image, MediaType, Reference};
use crate::registry::{BlobBody, BlobOutcome, BlobPush};
use crate::store::Output;

/// How many blobs are sent at a time; what most registries take from one client without complaint.
const PARALLEL_UPLOADS: usize = 4;

/// Where an image is to go.
#[derive(Debug, Clone)]
pub struct Targets {
    /// The image's names; never empty.
    pub names: Vec<Reference>,
    /// Whether it is pushed to the registries of its names.
    pub push: bool,
    /// Files and folders that it is written to.
    pub outputs: Vec<Output>,
    /// The image that was built upon, when it came from a registry: its layers may be mounted from there.
    pub base: Option<Reference>,
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
    /// Finds out whether the files and folders can be written, as far as that can be known before there is an image.
    pub fn check_files(&self) -> Result<(), BuildError> {
        for output in &self.outputs {
            output.check()?;
        }
        Ok(())
    }

    /// Finds out whether the registries can be reached and take what we push: an upload is opened and cancelled in each
    /// repository.
    pub fn check_registries(&self, context: &Context) -> Result<(), BuildError> {
        let pushed_to = if self.push {
            repositories(&self.names)
        } else {
            Vec::new()
        };
        for repository in pushed_to {
            let registries = context.registries();
            context.runtime.block_on(async {
                let upload = registries.open_upload(repository).await?;
                registries.cancel_upload(upload).await;
                Ok::<_, BuildError>(())
            })?;
        }
        Ok(())
    }
}

/// The names, one a repository.
fn repositories(names: &[Reference]) -> Vec<&Reference> {
    let mut repositories: Vec<&Reference> = Vec::new();
    for name in names {
        if !repositories.iter().any(|known| known.name() == name.name()) {
            repositories.push(name);
        }
    }
    repositories
}

/// Brings `image` to all its targets; to the local store when there is no other.
pub fn publish(
    image: &mut Image,
    targets: &Targets,
    context: &Context,
) -> Result<Published, BuildError> {
    let kept = !targets.push && targets.outputs.is_empty();
    if kept || !targets.outputs.is_empty() {
        for layer in &mut image.layers {
            layer.source = local(&layer.descriptor, &layer.source, context)?;
        }
    }
    // A disk that is full keeps a tag from moving, and a push that fails leaves no file that says it did not.
    let mut written = Vec::new();
    for output in &targets.outputs {
        let progress = context.reporter.start(&format!("Writing {output}"), None);
        written.push(output.write(image, &targets.names)?);
        progress.finish("written");
    }
    if targets.push {
        push(image, targets, context)?;
    }
    for output in written {
        output.commit()?;
    }
    if kept {
        for layer in &image.layers {
            into_store(&layer.descriptor, &layer.source, context)?;
        }
        for name in &targets.names {
            context.store.keep(name, image)?;
        }
    }
    let mut references: Vec<Reference> = Vec::new();
    for name in &targets.names {
        let pinned = name.at(image.digest());
        if !references.contains(&pinned) {
            references.push(pinned);
        }
    }
    Ok(Published { references, kept })
}

/// The bytes of a blob on this machine, fetched if they are not.
fn local(
    descriptor: &Descriptor,
    source: &BlobSource,
    context: &Context,
) -> Result<BlobSource, FetchError> {
    match source {
        BlobSource::Registry(reference) => context.blob(reference, descriptor),
        here => Ok(here.clone()),
    }
}

/// Copies a blob that lies elsewhere on this machine into the store.
fn into_store(
    descriptor: &Descriptor,
    source: &BlobSource,
    context: &Context,
) -> Result<(), BuildError> {
    let stored = context.store.verified_blob(descriptor, &*context.reporter);
    if stored.is_none() {
        context.store.add(descriptor, source)?;
    }
    Ok(())
}

fn push(image: &Image, targets: &Targets, context: &Context) -> Result<(), BuildError> {
    if let Some(name) = targets.names.iter().find(|name| name.digest().is_some()) {
        return Err(BuildError::PushByDigest(name.clone()));
    }
    let repositories = repositories(&targets.names);
    for (place, repository) in repositories.iter().enumerate() {
        // What another repository of the same registry just got has all that this one needs.
        let pushed = repositories[..place]
            .iter()
            .find(|pushed| pushed.registry() == repository.registry());
        let source = pushed.copied().or(targets.base.as_ref());
        push_blobs(image, repository, source, context)?;
        // Only now: a manifest must never be there before what it speaks of.
        for name in targets
            .names
            .iter()
            .filter(|name| name.name() == repository.name())
        {
            let selector = name.selector();
            let push = context.registries().push_manifest(
                name,
                &MediaType::Manifest,
                &image.manifest,
                &selector,
            );
            context.runtime.block_on(push)?;
        }
    }
    Ok(())
}

fn push_blobs(
    image: &Image,
    repository: &Reference,
    mount_from: Option<&Reference>,
    context: &Context,
) -> Result<(), BuildError> {
    let mut bodies = Vec::new();
    for (descriptor, source) in image.blobs() {
        if bodies
            .iter()
            .any(|(known, _): &(Descriptor, _)| known.digest == descriptor.digest)
        {
            continue;
        }
        bodies.push((descriptor.clone(), body(&descriptor, &source, context)?));
    }
    let mount_from = mount_from
        .filter(|from| from.registry() == repository.registry() && from.name() != repository.name())
        .cloned();
    context.runtime.block_on(async {
        let mut uploads: JoinSet<Result<BlobOutcome, crate::registry::Error>> = JoinSet::new();
        for (descriptor, body) in bodies {
            if uploads.len() >= PARALLEL_UPLOADS
                && let Some(done) = uploads.join_next().await
            {
                done.expect("uploads do not panic")?;
            }
            let client = context.registries().clone();
            let (repository, mount_from) = (repository.clone(), mount_from.clone());
            uploads.spawn(async move {
                let push = BlobPush {
                    mount_from,
                    ..BlobPush::new(descriptor)
                };
                client.push_blob(&repository, push, &body).await
            });
        }
        while let Some(done) = uploads.join_next().await {
            done.expect("uploads do not panic")?;
        }
        Ok(())
    })
}

fn body(
    descriptor: &Descriptor,
    source: &BlobSource,
    context: &Context,
) -> Result<BlobBody, BuildError> {
    Ok(match source {
        BlobSource::Bytes(bytes) => BlobBody::Bytes(Arc::clone(bytes)),
        BlobSource::File(path) => BlobBody::File {
            file: Arc::new(fs::open(path)?),
            offset: 0,
            size: descriptor.size,
        },
        BlobSource::Range { file, name, offset } => BlobBody::File {
            file: file.file().at("read", name.as_ref().as_ref())?,
            offset: *offset,
            size: descriptor.size,
        },
        BlobSource::Registry(repository) => BlobBody::Registry {
            client: context.registries().clone(),
            repository: repository.clone(),
            descriptor: Box::new(descriptor.clone()),
        },
        BlobSource::Made(blob) => BlobBody::Made {
            blob: Arc::clone(blob),
            size: descriptor.size,
        },
    })
}
