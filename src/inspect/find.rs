//! From a name to a manifest and a config: in the local store, in a registry, in a file. Layers stay where they are.

use super::InspectError;
use crate::base::ImageFile;
use crate::build::Context;
use crate::oci::{
    BlobSource, Config, Digest, Document, Image, Index, MANIFEST_LIMIT, MediaType, Platform,
    Reference,
};
use crate::registry::RawManifest;
use crate::store::{self, FoundImage, Layout, LayoutError, Listing, NamedImage, Store};

/// Where an image was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the local store, under this name.
    Store(Reference),
    /// In the registry of this name.
    Registry(Reference),
    /// In a folder or an archive.
    File(ImageFile),
}

/// An image that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is called, for people.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// The image.
    pub image: Image,
    /// What it was chosen from.
    pub listing: Listing,
}

impl Found {
    /// What was found. One that stands alone must be for the platform that is asked for, if one is.
    fn new(
        name: String,
        origin: Origin,
        FoundImage { image, listing }: FoundImage,
        asked: Option<&Platform>,
    ) -> Result<Self, InspectError> {
        if let Some(wanted) = asked.filter(|_| listing.index.is_none()) {
            let config = Config::parse(&image.config);
            let platform = config.and_then(|config| config.platform());
            let platform =
                platform.map_err(|error| InspectError::of_layout(&name, error.into()))?;
            if !platform.serves(wanted) {
                return Err(InspectError::Platform {
                    name,
                    wanted: Box::new(wanted.clone()),
                    found: platform.to_string(),
                });
            }
        }
        Ok(Self {
            name,
            origin,
            image,
            listing,
        })
    }
}

/// Finds an image that was kept under this name, or in the repository of this name with its digest.
pub fn in_store(
    name: &Reference,
    asked: Option<&Platform>,
    store: &Store,
) -> Result<Option<Found>, InspectError> {
    let is_it = |image: &NamedImage| match name.digest() {
        Some(digest) => image.name.name() == name.name() && image.descriptor.digest == digest,
        None => Reference::same(&image.name.to_string(), &name.to_string()),
    };
    let Some(kept) = store.images()?.into_iter().find(is_it) else {
        return Ok(None);
    };
    let full_name = kept.name.to_string();
    let fail = |error| InspectError::of_layout(&full_name, error);
    let layout = Layout::open(store.root()).map_err(fail)?;
    let found = layout.look_up(Some(&full_name), asked).map_err(fail)?;
    Found::new(full_name, Origin::Store(kept.name), found, asked).map(Some)
}

/// Finds an image in a folder or an archive.
pub fn in_file(
    file: ImageFile,
    asked: Option<&Platform>,
    store: &Store,
) -> Result<Found, InspectError> {
    let name = file.to_string();
    let found = file
        .look_up(asked, store)
        .map_err(|error| InspectError::of_base(&name, error))?;
    Found::new(name, Origin::File(file), found, asked)
}

/// Finds an image in the registry of its name: with two requests, or with three through an index.
pub fn in_registry(
    name: &Reference,
    asked: Option<&Platform>,
    context: &Context,
) -> Result<Found, InspectError> {
    let client = context
        .registries
        .as_ref()
        .expect("a command that asks a registry has a client");
    let get = |reference: &Reference| context.runtime.block_on(client.get_manifest(reference));
    let unusable = |error: LayoutError| InspectError::of_layout(&name.to_string(), error);
    let document = |raw: &RawManifest| raw.document().map_err(|error| unusable(error.into()));
    let top = get(name)?;
    let (raw, manifest, listing) = match document(&top)? {
        Document::Manifest(manifest) => (top, manifest, Listing::default()),
        Document::Index(index) => {
            let chosen = choose(name, &index, asked)?;
            let raw = get(&name.at(chosen))?;
            let Document::Manifest(manifest) = document(&raw)? else {
                return Err(unusable(LayoutError::Nested));
            };
            let listing = Listing {
                index: Some(index),
                index_digest: Some(top.digest),
                ..Listing::default()
            };
            (raw, manifest, listing)
        }
    };
    let full_name = name.to_string();
    let media_type = &manifest.config.media_type;
    if media_type.clone().to_oci() != MediaType::Config {
        return Err(InspectError::NoImage {
            name: full_name,
            media_type: media_type.clone(),
        });
    }
    let config = client.get_blob_bytes(name, &manifest.config, MANIFEST_LIMIT);
    let config = context.runtime.block_on(config)?;
    // What a tag leads to may change meanwhile.
    let place = name.at(raw.digest);
    let image = store::assemble(raw.bytes, config, |_| {
        Ok(BlobSource::Registry(place.clone()))
    })
    .map_err(unusable)?;
    Found::new(
        full_name,
        Origin::Registry(name.clone()),
        FoundImage { image, listing },
        asked,
    )
}

/// The image of an index that is for the platform.
fn choose(
    name: &Reference,
    index: &Index,
    asked: Option<&Platform>,
) -> Result<Digest, InspectError> {
    let chosen = index
        .choose(asked)
        .map_err(|found| InspectError::Platform {
            name: name.to_string(),
            wanted: Box::new(asked.cloned().unwrap_or_else(Platform::linux_amd64)),
            found,
        })?;
    Ok(chosen.digest)
}
