//! Images as `docker save` and `podman save` write them: a tar with a `manifest.json`, in the old form (a folder a layer)
//! and in today's (an OCI layout beside it).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::BaseError;
use super::archived::{self, Form};
use super::resolve::parse_config;
use crate::archive::{self, Archive, FileRange, MemberKind};
use crate::error::IoResultExt as _;
use crate::oci::{
    BlobSource, Descriptor, Image, Layer, LayerCompression, MANIFEST_LIMIT, Manifest, MediaType,
    Reference,
};
use crate::store::{FoundImage, Layout, LayoutError, Listing, Store};

/// Where each file of an archive is; links inside it are followed, as `docker save` makes some.
pub(super) fn places(archive: &Archive) -> BTreeMap<String, FileRange> {
    let place = |path: &str| {
        let mut path = path.to_owned();
        // Links were checked to stay inside; a chain of them is never long.
        for _ in 0..8 {
            match &archive.members().get(&path)?.kind {
                MemberKind::File(range) => return Some(*range),
                MemberKind::HardLink { target } => path.clone_from(target),
                MemberKind::Symlink { target } => path = archive::resolve(&path, target)?,
                _ => return None,
            }
        }
        None
    };
    archive
        .members()
        .keys()
        .filter_map(|path| Some((path.clone(), place(path)?)))
        .collect()
}

/// `manifest.json` of a docker-archive.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The manifests of a docker-archive, one an image.
pub(super) const DOCKER_MANIFEST: &str = "manifest.json";

/// What is said of the layers are their diff ids only.
pub(super) const FORM: Form = Form {
    kind: "docker-archive",
    hash_files: true,
};

/// Opens the image called `image`, or the only one, of the docker-archive at `path`.
pub(super) fn open(path: &Path, image: Option<&str>, store: &Store) -> Result<Image, BaseError> {
    let find = |archive: &Archive| Ok((find(archive, image)?.image, ()));
    let (image, ()) = archived::open(path, FORM, &image, store, find)?;
    Ok(image)
}

/// The layout that is in an archive.
pub(super) fn layout(archive: &Archive) -> Result<Layout, LayoutError> {
    let files = places(archive)
        .into_iter()
        .map(|(path, range)| (path, (range.offset, range.size)))
        .collect();
    let name = archive.path().display().to_string();
    Layout::in_archive(archive.tar(), &name, files)
}

/// The image called `image`, or the only one. It has a manifest of its own only if there is a layout beside what Docker reads.
pub(super) fn look_up(archive: &Archive, image: Option<&str>) -> Result<FoundImage, BaseError> {
    let found = find(archive, image)?;
    let beside = layout(archive).and_then(|layout| layout.look_up(image, None));
    Ok(match beside {
        // What Docker reads decides which image it is.
        Ok(beside) if beside.image.config == found.image.config => beside,
        _ => found,
    })
}

fn find(archive: &Archive, image: Option<&str>) -> Result<FoundImage, BaseError> {
    let path = archive.path();
    let fail = |reason: String| BaseError::DockerArchive {
        path: path.to_owned(),
        reason,
    };
    let files = places(archive);
    let find = |name: &str| {
        let range = files.get(name).copied();
        range.ok_or_else(|| fail(format!("it has no `{name}`")))
    };
    let read = |name: &str| {
        let range = find(name)?;
        if range.size > MANIFEST_LIMIT {
            return Err(fail(format!("its `{name}` is too large")));
        }
        let mut bytes = Vec::new();
        archive
            .reader(&range)?
            .read_to_end(&mut bytes)
            .at("read", path)?;
        Ok::<_, BaseError>(bytes)
    };
    let images: Vec<DockerImage> = serde_json::from_slice(&read(DOCKER_MANIFEST)?)
        .map_err(|error| fail(format!("its `{DOCKER_MANIFEST}` cannot be read ({error})")))?;
    let entry = choose(&path.display().to_string(), &images, image)?;
    let config = read(&entry.config)?;
    let name = path.display().to_string();
    let diff_ids =
        parse_config(&name, &config)?
            .diff_ids()
            .map_err(|source| BaseError::Config {
                base: name.clone(),
                source,
            })?;
    if diff_ids.len() != entry.layers.len() {
        return Err(LayoutError::Layers {
            manifest: entry.layers.len(),
            config: diff_ids.len(),
        }
        .into());
    }
    let layers = entry
        .layers
        .iter()
        .zip(diff_ids)
        .map(|(name, diff_id)| {
            let range = find(name)?;
            let compression = compression(archive.reader(&range)?).at("read", path)?;
            let digest = archive.content(name, &range)?.digest;
            Ok(Layer {
                descriptor: Descriptor::new(MediaType::Layer(compression), digest, range.size),
                diff_id,
                source: BlobSource::Range {
                    file: archive.tar(),
                    name: path.display().to_string().into(),
                    offset: range.offset,
                },
            })
        })
        .collect::<Result<Vec<_>, BaseError>>()?;
    let descriptors = layers
        .iter()
        .map(|layer| layer.descriptor.clone())
        .collect();
    let manifest = Manifest::new(Descriptor::of(MediaType::Config, &config), descriptors);
    let image = Image {
        manifest: manifest.to_bytes(),
        config,
        layers,
    };
    let listing = Listing {
        names: entry.repo_tags.clone().unwrap_or_default(),
        lacks_manifest: true,
        ..Listing::default()
    };
    Ok(FoundImage { image, listing })
}

/// The image that `name` means, or the only one.
fn choose<'a>(
    archive: &str,
    images: &'a [DockerImage],
    name: Option<&str>,
) -> Result<&'a DockerImage, LayoutError> {
    let is_meant = |image: &&DockerImage| {
        let mut tags = image.repo_tags.iter().flatten();
        name.is_none_or(|name| tags.any(|tag| Reference::same(tag, name)))
    };
    let candidates: Vec<_> = images.iter().filter(is_meant).collect();
    if let [image] = candidates[..] {
        return Ok(image);
    }
    let tags = images
        .iter()
        .flat_map(|image| image.repo_tags.iter().flatten());
    Err(LayoutError::not_one(
        archive,
        candidates.len(),
        name,
        tags.map(String::as_str),
    ))
}

/// How a layer is compressed, by its first bytes.
fn compression(layer: impl Read) -> std::io::Result<LayerCompression> {
    let mut head = Vec::new();
    layer.take(8).read_to_end(&mut head)?;
    Ok(match archive::compression_of(&head) {
        archive::Compression::Gzip => LayerCompression::Gzip,
        archive::Compression::Zstd => LayerCompression::Zstd,
        _ => LayerCompression::None,
    })
}
