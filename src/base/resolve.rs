//! From a base's name to its config, its layers and what is in them.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::facts::Student;
use super::{
    BaseError, BaseFacts, BaseSource, FetchError, JavaOverride, archived, docker_archive, rootfs,
};
use crate::archive::{Excess, Limits};
use crate::layer::Compression;
use crate::memory;
use crate::oci::{
    BlobSource, Config, Descriptor, Digest, HashingReader, Image, Layer, LayerCompression,
    MakeBlob, Platform, Reference,
};
use crate::progress::Reporter;
use crate::store::{self, Layout, Store};

/// Fetches blobs from registries, as far as the rest of the program has to know.
pub trait Fetch: std::fmt::Debug {
    /// The manifest for `platform` that a name leads to, with its config.
    fn image(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<(Vec<u8>, Vec<u8>), FetchError>;

    /// Brings those layers that are in a registry into the store.
    fn bring(&self, layers: &mut [Layer]) -> Result<(), FetchError>;

    /// What an image that was built upon the same base tells of it, if there is one; `key` stands for the base.
    fn facts(&self, key: Digest) -> Option<BaseFacts>;
}

/// What an image is put on.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its config, to be patched.
    pub config: Config,
    /// Its layers, byte for byte as they came, with OCI media types.
    pub layers: Vec<Layer>,
    /// The digest of its manifest; none for what has no manifest: a root file system, a docker-archive.
    pub digest: Option<Digest>,
    /// What is in it.
    pub facts: BaseFacts,
    /// What the facts are remembered under: it stands for everything that they are drawn from.
    pub facts_key: Digest,
    /// What makes its one layer again, where that was made here: from a tar that is not compressed as layers are.
    pub remake: Option<Arc<dyn MakeBlob>>,
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

/// Finds the base, checks that it is for `platform`, and learns what is in it.
pub fn resolve(
    source: &BaseSource,
    platform: &Platform,
    java: &JavaOverride,
    surroundings: &Surroundings<'_>,
) -> Result<Base, BaseError> {
    let name = source.to_string();
    let image = match source {
        BaseSource::RootFs(path) => return rootfs::open(path, platform, java, surroundings),
        other => open(other, platform, surroundings).map_err(|error| error.of_base(&name))?,
    };
    let config = parse_config(&name, &image.config)?;
    let found = config.platform().map_err(|source| BaseError::Config {
        base: name.clone(),
        source,
    })?;
    if !found.serves(platform) {
        return Err(BaseError::Platform {
            base: name,
            found: Box::new(found),
            wanted: Box::new(platform.clone()),
        });
    }
    // A docker-archive has no manifest; the one that was made for it is nobody's, so its digest tells nothing.
    let digest = match source {
        BaseSource::DockerArchive(..) => None,
        _ => Some(image.digest()),
    };
    let mut layers = image.layers;
    for layer in &mut layers {
        let media_type = layer.descriptor.media_type.clone();
        if media_type.layer_compression().is_none() {
            return Err(BaseError::LayerType {
                base: name,
                media_type,
            });
        }
        layer.descriptor.media_type = media_type.to_oci();
    }
    let (facts_key, facts) = learn(&name, &config, &mut layers, java, surroundings)?;
    Ok(Base {
        config,
        layers,
        digest,
        facts,
        facts_key,
        remake: None,
    })
}

/// Every blob of a layout is called by its digest.
const OCI_ARCHIVE: archived::Form = archived::Form {
    kind: "oci-archive",
    hash_files: false,
};

/// Opens a base that is an image.
fn open(
    source: &BaseSource,
    platform: &Platform,
    surroundings: &Surroundings<'_>,
) -> Result<Image, BaseError> {
    Ok(match source {
        BaseSource::Registry(reference) => from_registry(reference, platform, surroundings)?,
        BaseSource::Layout(folder, image) => {
            Layout::open(folder)?.select(image.as_deref(), platform)?
        }
        BaseSource::OciArchive(path, image) => {
            let choice = (image, platform);
            archived::open(path, OCI_ARCHIVE, &choice, surroundings, |archive| {
                let files = docker_archive::places(archive)
                    .into_iter()
                    .map(|(path, range)| (path, (range.offset, range.size)))
                    .collect();
                let name = path.display().to_string();
                let layout = Layout::in_archive(archive.tar(), &name, files)?;
                Ok(layout.select(image.as_deref(), platform)?)
            })?
        }
        BaseSource::DockerArchive(path, image) => {
            docker_archive::open(path, image.as_deref(), surroundings)?
        }
        BaseSource::RootFs(_) => unreachable!("a root file system is no image"),
    })
}

pub(super) fn parse_config(base: &str, bytes: &[u8]) -> Result<Config, BaseError> {
    Config::parse(bytes).map_err(|source| BaseError::Config {
        base: base.to_owned(),
        source,
    })
}

fn from_registry(
    reference: &Reference,
    platform: &Platform,
    surroundings: &Surroundings<'_>,
) -> Result<Image, BaseError> {
    let (manifest, config) = surroundings.fetch.image(reference, platform)?;
    // The blobs are asked for at the digest that was found, not at a tag that may have moved.
    let place = reference.at(Digest::of(&manifest));
    let find = |_: &Descriptor| Ok(BlobSource::Registry(place.clone()));
    Ok(store::assemble(manifest, config, find)?)
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
    surroundings.fetch.bring(layers)?;
    let mut student = Student::default();
    for layer in layers {
        let blob =
            store::open(&layer.descriptor, &layer.source)?.expect("it was brought into the store");
        let digest = layer.descriptor.digest;
        let fail = |source| BaseError::Layer {
            base: base.to_owned(),
            digest,
            source,
        };
        let mut blob = HashingReader::new(blob);
        let mut tar = HashingReader::new(uncompressed(&layer.descriptor, &mut blob).map_err(fail)?);
        student.read(&mut tar).map_err(fail)?;
        let (tar_digest, _) = tar.finish().map_err(fail)?;
        if tar_digest != layer.diff_id.0 {
            return Err(BaseError::DiffId {
                base: base.to_owned(),
                digest,
            });
        }
        if blob.finish().map_err(fail)? != (digest, layer.descriptor.size) {
            return Err(BaseError::LayerDigest {
                base: base.to_owned(),
                digest,
            });
        }
    }
    let facts = student.facts(config, java);
    memory::remember(store, KIND, key, &facts);
    Ok((key, facts))
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
            let excess = Excess::Ratio(self.ratio);
            let message = format!("it {excess}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        self.left = left;
        Ok(read)
    }
}
