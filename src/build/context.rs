//! What a build uses of the world: the store, the network, threads, and somebody who is told.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use super::BuildRequest;
use super::annotations::KnownContent;
use super::content::{FoundPython, Python};
use super::last::{LastImages, LastRelease};
use super::lock::Lock;
use super::push::Push;
use crate::base::{BaseFacts, Fetch, FetchError, ImageDocuments, JavaOverride, Surroundings};
use crate::error::IoResultExt as _;
use crate::http::HttpSettings;
use crate::layer::LayerKind;
use crate::memory;
use crate::oci::{
    BlobSource, Descriptor, Digest, Layer, MANIFEST_LIMIT, Platform, Platforms, Reference,
    canonical,
};
use crate::progress::Reporter;
use crate::registry::{self, Client, RawManifest};
use crate::store::{Store, StoreError};

/// What a build uses of the world.
#[derive(Debug)]
pub struct Context {
    /// The local store.
    pub store: Store,
    /// Registries; none for a command that asks none.
    pub registries: Option<Client>,
    /// How other servers are spoken to.
    pub http: HttpSettings,
    /// How many threads may compress.
    pub threads: NonZeroUsize,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Where the network code runs; everything else is ordinary functions.
    pub runtime: tokio::runtime::Runtime,
}

impl Context {
    /// Registries, of a command that asks some.
    pub(super) fn registries(&self) -> &Client {
        self.registries
            .as_ref()
            .expect("a build that pushes, or whose base is in a registry, has a client")
    }
}

/// Fetches what a base is made of. Before anything large is, it is found out whether the image may be pushed at all.
#[derive(Debug)]
pub(super) struct Fetcher<'a> {
    pub(super) context: &'a Context,
    pub(super) last: &'a LastImages<'a>,
    pub(super) push: Option<&'a Push<'a>>,
    /// A lock whose facts are known, for somebody who needs no bytes.
    pub(super) known: Option<Known<'a>>,
}

/// What a lock tells, if it is about the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) lock: &'a Lock,
    pub(super) java: &'a JavaOverride,
}

impl Known<'_> {
    /// What the release of this key became.
    pub(super) fn recipes(&self, key: Digest) -> Option<LastRelease> {
        let flink = &self.lock.flink;
        (flink.key == Some(key)).then(|| LastRelease {
            recipes: flink.layers.clone(),
            scala: flink.scala.clone(),
        })
    }

    /// What the content of this key became.
    pub(super) fn content(&self, key: Digest) -> Option<KnownContent> {
        let flink = &self.lock.flink;
        let recipe = flink.configuration;
        (flink.content == Some(key)).then_some(KnownContent { recipe })
    }
}

/// The kind under which the store remembers the documents of images that are known by digest.
const KIND: &str = "image";

/// The manifest of an image with its config, as the store remembers them.
#[derive(Debug, Serialize, Deserialize)]
struct Documents {
    manifest: String,
    config: String,
}

impl Documents {
    fn key(name: Digest, platform: &Platform) -> Digest {
        Digest::of(&canonical(&(name, platform)))
    }

    /// What is remembered of the image or index with the digest `name`.
    fn recall(name: Digest, platform: &Platform, context: &Context) -> Option<ImageDocuments> {
        let found: Self = memory::recall(&context.store, KIND, Self::key(name, platform))?;
        let manifest = found.manifest.into_bytes();
        Some(ImageDocuments {
            index: (Digest::of(&manifest) != name).then_some(name),
            manifest,
            config: found.config.into_bytes(),
        })
    }

    /// Remembers an image under its own digest and under that of the index that lists it.
    fn remember(image: &ImageDocuments, platform: &Platform, context: &Context) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let (Some(manifest), Some(config)) = (text(&image.manifest), text(&image.config)) else {
            return;
        };
        let documents = Self { manifest, config };
        for name in image.index.into_iter().chain([Digest::of(&image.manifest)]) {
            let key = Self::key(name, platform);
            memory::remember(&context.store, KIND, key, &documents);
        }
    }
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        context: &'a Context,
        last: &'a LastImages<'a>,
        push: Option<&'a Push<'a>>,
    ) -> Self {
        Self {
            context,
            last,
            push,
            known: None,
        }
    }

    /// The same, knowing what a lock tells.
    pub(super) fn knowing(self, known: Known<'a>) -> Self {
        Self {
            known: Some(known),
            ..self
        }
    }

    /// Finds out, once, whether the image may be pushed.
    pub(super) fn check_push(&self) -> Result<(), registry::Error> {
        self.push.map_or(Ok(()), Push::check)
    }

    /// The manifest and config of an image for each platform, as the store remembers them or else as the registry has them.
    fn documents(
        &self,
        reference: &Reference,
        platforms: &Platforms,
    ) -> Result<Vec<ImageDocuments>, FetchError> {
        let context = self.context;
        let recall = |name| -> Option<Vec<_>> {
            let recall = |platform| Documents::recall(name, platform, context);
            platforms.iter().map(recall).collect()
        };
        // What a digest stands for never changes; what a tag stands for may.
        if let Some(documents) = reference.digest().and_then(recall) {
            return Ok(documents);
        }
        let client = context.registries();
        let top = context.runtime.block_on(client.get_manifest(reference))?;
        // One that is missing is told of before anything is asked for the others.
        let chosen = platforms
            .iter()
            .map(|platform| Ok((platform, top.image_for(reference, platform)?)));
        let chosen: Vec<_> = chosen.collect::<Result<_, registry::Error>>()?;
        // Each image is asked for once, and all before the first answer is waited for.
        let mut found = BTreeMap::new();
        let mut asked = BTreeMap::new();
        for (platform, image) in &chosen {
            if let Some(documents) = Documents::recall(top.digest, platform, context) {
                found.insert(*image, documents);
                continue;
            }
            asked.entry(*image).or_insert_with(|| {
                let pull = pull_documents(
                    client.clone(),
                    reference.clone(),
                    top.clone(),
                    (*platform).clone(),
                );
                (*platform, context.runtime.spawn(pull))
            });
        }
        for (image, (platform, answer)) in asked {
            let answer = context.runtime.block_on(answer);
            let documents = answer.expect("a request does not panic")?;
            Documents::remember(&documents, platform, context);
            found.insert(image, documents);
        }
        let documents = chosen.iter().map(|(_, image)| found[image].clone());
        Ok(documents.collect())
    }

    /// What an earlier image tells of Python in the base of this key. A lock tells it of what is locked only, which the base of a
    /// tag may not be any more.
    pub(super) fn python(
        &self,
        base: Digest,
        python: Python,
    ) -> Result<Option<FoundPython>, registry::Error> {
        self.last.wait()?;
        Ok(self.last.python(base, python))
    }

    /// What resolving a base needs.
    pub(super) fn surroundings(&self, request: &BuildRequest) -> Surroundings<'_> {
        Surroundings {
            fetch: self,
            store: &self.context.store,
            compression: request.compression.of(LayerKind::Files),
            threads: self.context.threads,
            reporter: &*self.context.reporter,
        }
    }
}

impl Fetch for Fetcher<'_> {
    fn images(
        &self,
        reference: &Reference,
        platforms: &Platforms,
    ) -> Result<Vec<ImageDocuments>, FetchError> {
        let images = self.documents(reference, platforms)?;
        // Asked at the same time, and needed from here on.
        self.last.wait()?;
        Ok(images)
    }

    fn bring(&self, layers: &mut [Layer]) -> Result<(), FetchError> {
        let context = self.context;
        let mut transfers = JoinSet::new();
        for (place, layer) in layers.iter_mut().enumerate() {
            let BlobSource::Registry(reference) = &layer.source else {
                continue;
            };
            let (store, descriptor) = (&context.store, &layer.descriptor);
            if let Some(source) = store.verified_blob(descriptor, &*context.reporter) {
                layer.source = source;
                continue;
            }
            self.check_push()?;
            let pull = pull(
                self.last.client_for(reference),
                store.clone(),
                reference.clone(),
                descriptor.clone(),
            );
            let transfer = async move { (place, pull.await) };
            transfers.spawn_on(transfer, context.runtime.handle());
        }
        while let Some(done) = context.runtime.block_on(transfers.join_next()) {
            let (place, source) = done.expect("a transfer does not panic");
            layers[place].source = source?;
        }
        Ok(())
    }

    fn facts(&self, key: Digest) -> Option<BaseFacts> {
        let known = self.known;
        known
            .and_then(|known| known.lock.base_facts(key, known.java))
            .or_else(|| self.last.base_facts(key))
    }
}

/// Gets the manifest and config of an image for a platform; `top` is what its name leads to.
async fn pull_documents(
    client: Client,
    reference: Reference,
    top: RawManifest,
    platform: Platform,
) -> Result<ImageDocuments, registry::Error> {
    let resolved = client.resolve_in(&reference, top, &platform).await?;
    let config = client
        .get_blob_bytes(&reference, &resolved.manifest.config, MANIFEST_LIMIT)
        .await?;
    Ok(ImageDocuments {
        index: resolved.index,
        manifest: resolved.raw.bytes,
        config,
    })
}

/// Brings a blob from a registry into the store.
async fn pull(
    client: Client,
    store: Store,
    reference: Reference,
    descriptor: Descriptor,
) -> Result<BlobSource, FetchError> {
    let blob = store.writer()?;
    let file = blob.file().try_clone().at("write", &store.temporary());
    let mut file = tokio::fs::File::from_std(file.map_err(StoreError::from)?);
    client.pull_blob(&reference, &descriptor, &mut file).await?;
    let flushed = file.flush().await.at("write", &store.temporary());
    flushed.map_err(StoreError::from)?;
    // It waits for the disk.
    let commit = tokio::task::spawn_blocking(move || store.commit(blob, descriptor.digest));
    Ok(commit.await.expect("a commit does not panic")?)
}
