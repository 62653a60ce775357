//! From a base's name to its config, its layers and what is in them.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::facts::Student;
use super::layer::{self, LayerFault};
use super::{
    BaseError, BaseFacts, BaseSource, FetchError, JavaOverride, archived, docker_archive, rootfs,
};
use crate::archive::Archive;
use crate::layer::Compression;
use crate::memory;
use crate::oci::{
    BlobSource, Config, Descriptor, Digest, Image, Layer, MakeBlob, Platform, Platforms, Reference,
};
use crate::progress::Reporter;
use crate::store::{self, Layout, Store};

/// The manifest of an image and its config, byte for byte.
#[derive(Debug, Clone)]
pub struct ImageDocuments {
    /// The digest of the index that lists it, if the name led to one.
    pub index: Option<Digest>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The config.
    pub config: Vec<u8>,
}

/// Fetches blobs from registries, as far as the rest of the program has to know.
pub trait Fetch: std::fmt::Debug {
    /// What a name leads to for each of these platforms, in their order. The name is asked for once.
    fn images(
        &self,
        reference: &Reference,
        platforms: &Platforms,
    ) -> Result<Vec<ImageDocuments>, FetchError>;

    /// Brings those layers that are in a registry into the store.
    fn bring(&self, layers: &mut [Layer]) -> Result<(), FetchError>;

    /// What an image that was built upon the same base tells of it, if there is one; `key` stands for the base.
    fn facts(&self, key: Digest) -> Option<BaseFacts>;
}

/// The digests of the documents of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseDigests {
    /// That of the index that its name led to, if it was one of a registry.
    pub index: Option<Digest>,
    /// That of its manifest.
    pub manifest: Digest,
    /// That of its config, as it came.
    pub config: Digest,
}

/// What an image is put on.
#[derive(Debug, Clone)]
pub struct Base {
    /// What it is for, as its config says; where that tells no variant, the one that was asked for.
    pub platform: Platform,
    /// Its config, to be patched.
    pub config: Config,
    /// Its layers, byte for byte as they came, with OCI media types.
    pub layers: Vec<Layer>,
    /// The digests of its documents; none for what has no manifest: a root file system, a docker-archive.
    pub digests: Option<BaseDigests>,
    /// What is in it.
    pub facts: BaseFacts,
    /// What the facts are remembered under: it stands for everything that they are drawn from.
    pub facts_key: Digest,
    /// What makes its one layer again, where that was made here: from a tar that is not compressed as layers are.
    pub remake: Option<Arc<dyn MakeBlob>>,
}

impl Base {
    /// The digest of its manifest, if it has one.
    pub fn manifest_digest(&self) -> Option<Digest> {
        self.digests.map(|digests| digests.manifest)
    }
}

/// What resolving a base needs of the rest of the program.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Registries.
    pub fetch: &'a dyn Fetch,
    /// The local store.
    pub store: &'a Store,
    /// How a layer is compressed that is made.
    pub compression: Compression,
    /// How many threads may compress.
    pub threads: NonZeroUsize,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// A base that is there for a platform. Nothing large was brought for that, and nothing in it was looked at.
#[derive(Debug)]
pub struct OpenedBase {
    name: String,
    platform: Platform,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Image {
        config: Config,
        layers: Vec<Layer>,
        digests: Option<BaseDigests>,
    },
    /// Nothing but its programs tells what it is for.
    RootFs(PathBuf),
}

/// Finds the base for each of these platforms, in their order, by its manifests and configs alone: a base that lacks one of
/// them is refused before anybody works for the others.
pub fn open(
    source: &BaseSource,
    platforms: &Platforms,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<OpenedBase>, BaseError> {
    let name = source.to_string();
    let is_for_one = matches!(
        source,
        BaseSource::RootFs(_) | BaseSource::DockerArchive(..)
    );
    if is_for_one && platforms.are_several() {
        return Err(BaseError::OnePlatform {
            base: name,
            wanted: platforms.clone(),
        });
    }
    if let BaseSource::RootFs(path) = source {
        let open = |platform: &Platform| OpenedBase {
            name: name.clone(),
            platform: platform.clone(),
            content: Content::RootFs(path.clone()),
        };
        return Ok(platforms.iter().map(open).collect());
    }
    let images = images(source, platforms, surroundings).map_err(|error| error.of_base(&name))?;
    let (indexes, images): (Vec<_>, Vec<_>) = images.into_iter().unzip();
    check_distinct(&name, platforms, &images)?;
    // A docker-archive has no manifest; the one that was made for it is nobody's, so its digest tells nothing.
    let has_manifest = !matches!(source, BaseSource::DockerArchive(..));
    platforms
        .iter()
        .zip(images)
        .zip(indexes)
        .map(|((platform, image), index)| {
            let digests = has_manifest.then(|| BaseDigests {
                index,
                manifest: image.digest(),
                config: Digest::of(&image.config),
            });
            let config = parse_config(&name, &image.config)?;
            OpenedBase::of_image(&name, platform, config, image.layers, digests)
        })
        .collect()
}

/// Refuses an image that is the best one there is for two platforms: an index that lists it twice says nothing more.
fn check_distinct(base: &str, platforms: &[Platform], images: &[Image]) -> Result<(), BaseError> {
    let digests: Vec<_> = images.iter().map(Image::digest).collect();
    for (place, digest) in digests.iter().enumerate() {
        let earlier = digests[..place].iter().position(|known| known == digest);
        // An image that is for one of them at most is told of as that.
        if let Some(earlier) = earlier
            && platforms[earlier].serves(&platforms[place])
        {
            return Err(BaseError::SameImage {
                base: base.to_owned(),
                one: Box::new(platforms[earlier].clone()),
                other: Box::new(platforms[place].clone()),
            });
        }
    }
    Ok(())
}

impl OpenedBase {
    /// A base that is an image, which must be for the platform `wanted`.
    pub fn of_image(
        name: &str,
        wanted: &Platform,
        config: Config,
        mut layers: Vec<Layer>,
        digests: Option<BaseDigests>,
    ) -> Result<Self, BaseError> {
        let mut platform = config.platform().map_err(|source| BaseError::Config {
            base: name.to_owned(),
            source,
        })?;
        if !platform.serves(wanted) {
            return Err(BaseError::Platform {
                base: name.to_owned(),
                found: Box::new(platform),
                wanted: Box::new(wanted.clone()),
            });
        }
        platform.variant = platform.variant.or_else(|| wanted.variant.clone());
        for layer in &mut layers {
            let media_type = layer.descriptor.media_type.clone();
            if media_type.layer_compression().is_none() {
                return Err(BaseError::LayerType {
                    base: name.to_owned(),
                    media_type,
                });
            }
            layer.descriptor.media_type = media_type.to_oci();
        }
        Ok(Self {
            name: name.to_owned(),
            platform,
            content: Content::Image {
                config,
                layers,
                digests,
            },
        })
    }

    /// What stands for the facts of the base, as far as its documents tell: not for a root file system.
    pub fn facts_key(&self, java: &JavaOverride) -> Option<Digest> {
        match &self.content {
            Content::Image { config, layers, .. } => Some(BaseFacts::key(config, layers, java)),
            Content::RootFs(_) => None,
        }
    }

    /// The base with facts that are known from elsewhere, under their key.
    pub fn known_as(&self, facts: BaseFacts, facts_key: Digest) -> Option<Base> {
        match &self.content {
            Content::Image {
                config,
                layers,
                digests,
            } => Some(Base {
                platform: self.platform.clone(),
                config: config.clone(),
                layers: layers.clone(),
                digests: *digests,
                facts,
                facts_key,
                remake: None,
            }),
            Content::RootFs(_) => None,
        }
    }

    /// Learns what is in the base; what nobody remembers is read in its layers, which are brought for that.
    pub fn look_into(
        self,
        java: &JavaOverride,
        surroundings: &Surroundings<'_>,
    ) -> Result<Base, BaseError> {
        let (config, mut layers, digests) = match self.content {
            Content::RootFs(path) => {
                return rootfs::open(&path, &self.platform, java, surroundings);
            }
            Content::Image {
                config,
                layers,
                digests,
            } => (config, layers, digests),
        };
        let (facts_key, facts) = learn(&self.name, &config, &mut layers, java, surroundings)?;
        Ok(Base {
            platform: self.platform,
            config,
            layers,
            digests,
            facts,
            facts_key,
            remake: None,
        })
    }
}

/// Every blob of a layout is called by its digest.
pub(super) const OCI_ARCHIVE: archived::Form = archived::Form {
    kind: "oci-archive",
    hash_files: false,
};

/// The images that a base is for these platforms, each with the index of a registry that it was found in.
fn images(
    source: &BaseSource,
    platforms: &Platforms,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<(Option<Digest>, Image)>, BaseError> {
    let alone = |image| (None, image);
    match source {
        BaseSource::Registry(reference) => from_registry(reference, platforms, surroundings),
        BaseSource::Layout(folder, image) => {
            let layout = Layout::open(folder)?;
            let select = |platform| Ok(alone(layout.select(image.as_deref(), platform)?));
            platforms.iter().map(select).collect()
        }
        BaseSource::OciArchive(path, image) => {
            let select = |platform| {
                let choice = (image, platform);
                let select = |archive: &Archive| {
                    let layout = docker_archive::layout(archive)?;
                    Ok((layout.select(image.as_deref(), platform)?, ()))
                };
                archived::open(path, OCI_ARCHIVE, &choice, surroundings.store, select)
            };
            platforms
                .iter()
                .map(|platform| select(platform).map(|(image, ())| alone(image)))
                .collect()
        }
        BaseSource::DockerArchive(path, image) => {
            let image = docker_archive::open(path, image.as_deref(), surroundings.store)?;
            Ok(vec![alone(image)])
        }
        BaseSource::RootFs(_) => unreachable!("a root file system is no image"),
    }
}

pub(super) fn parse_config(base: &str, bytes: &[u8]) -> Result<Config, BaseError> {
    Config::parse(bytes).map_err(|source| BaseError::Config {
        base: base.to_owned(),
        source,
    })
}

fn from_registry(
    reference: &Reference,
    platforms: &Platforms,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<(Option<Digest>, Image)>, BaseError> {
    let fetched = surroundings.fetch.images(reference, platforms)?;
    let image = |fetched: ImageDocuments| {
        let ImageDocuments {
            index,
            manifest,
            config,
        } = fetched;
        // The blobs are asked for at the digest that was found, not at a tag that may have moved.
        let place = reference.at(Digest::of(&manifest));
        let find = |_: &Descriptor| Ok(BlobSource::Registry(place.clone()));
        Ok((index, store::assemble(manifest, config, find)?))
    };
    fetched.into_iter().map(image).collect()
}

/// Recalls what is in the layers, or learns it. Layers in a registry are brought into the store for that, once.
pub(super) fn learn(
    base: &str,
    config: &Config,
    layers: &mut [Layer],
    java: &JavaOverride,
    surroundings: &Surroundings<'_>,
) -> Result<(Digest, BaseFacts), BaseError> {
    const KIND: &str = "base";
    let store = surroundings.store;
    let key = BaseFacts::key(config, layers, java);
    if let Some(facts) = memory::recall(store, KIND, key) {
        return Ok((key, facts));
    }
    if let Some(facts) = surroundings.fetch.facts(key) {
        return Ok((key, facts));
    }
    let mut student = Student::default();
    read_layers(base, layers, surroundings, |tar| student.read(tar))?;
    let facts = student.facts(config, java);
    memory::remember(store, KIND, key, &facts);
    Ok((key, facts))
}

/// Brings the layers that are in a registry into the store, and hands the tar of each to `read`, lowest first.
pub(super) fn read_layers(
    base: &str,
    layers: &mut [Layer],
    surroundings: &Surroundings<'_>,
    mut read: impl FnMut(&mut dyn Read) -> io::Result<()>,
) -> Result<(), BaseError> {
    surroundings.fetch.bring(layers)?;
    for layer in layers {
        let blob =
            store::open(&layer.descriptor, &layer.source)?.expect("it was brought into the store");
        layer::read(layer, blob, &mut read).map_err(|fault| {
            let (base, digest) = (base.to_owned(), layer.descriptor.digest);
            match fault {
                LayerFault::Unreadable(source) => BaseError::Layer {
                    base,
                    digest,
                    source,
                },
                LayerFault::DiffId => BaseError::DiffId { base, digest },
                LayerFault::Digest => BaseError::LayerDigest { base, digest },
            }
        })?;
    }
    Ok(())
}
