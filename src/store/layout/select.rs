//! Which image of a layout is meant: by its name, and by its platform.

use oci_spec::image::ANNOTATION_REF_NAME;
use serde::{Deserialize, Serialize};

use super::{DEPTH_LIMIT, Layout, LayoutError, NAME_ANNOTATION};
use crate::oci::{Descriptor, Digest, Document, Image, Index, MediaType, Platform, Reference};

/// An image that was looked for, with what it was found in.
#[derive(Debug, Clone)]
pub struct FoundImage {
    /// The image.
    pub image: Image,
    /// What lists it.
    pub listing: Listing,
}

/// What a place says of an image that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The names that it has there.
    pub names: Vec<String>,
    /// The index that it was chosen from, if there was something to choose.
    pub index: Option<Index>,
    /// The digest of that index; none where the place itself lists the images.
    pub index_digest: Option<Digest>,
    /// Whether the place has no manifest of the image, so that the one that it comes with is nobody's.
    #[serde(default)]
    pub lacks_manifest: bool,
}

/// What could be meant.
struct Candidates<'a> {
    manifests: Vec<&'a Descriptor>,
    /// How many these are, however often each is listed.
    count: usize,
}

impl Candidates<'_> {
    /// Whether the platform chooses one: several images for different platforms are no choice of names.
    fn differ_in_platform(&self, platform: &Platform) -> bool {
        let all_have_one = self
            .manifests
            .iter()
            .all(|manifest| manifest.platform.is_some());
        all_have_one && !rivals(&self.manifests, platform)
    }

    fn as_index(&self) -> Index {
        let manifests = self.manifests.iter().copied().cloned();
        Index::new(manifests.collect())
    }
}

impl Layout {
    /// The image called `name`, or the only one, for `platform`.
    pub fn select(&self, name: Option<&str>, platform: &Platform) -> Result<Image, LayoutError> {
        let candidates = self.candidates(name);
        match candidates.manifests.first() {
            Some(first) if candidates.count == 1 => {
                let manifest = self.resolve(first, platform, DEPTH_LIMIT)?;
                self.image(&manifest)
            }
            Some(_) if candidates.differ_in_platform(platform) => {
                let manifest = self.for_platform(&candidates.as_index(), platform, DEPTH_LIMIT)?;
                self.image(&manifest)
            }
            _ => Err(self.not_one(&candidates, name)),
        }
    }

    /// The image called `name`, or the only one, for the platform that is asked for, or else as [`Index::choose`] has it.
    ///
    /// What is no image is told of as that. Whether the layers are there is left to who reads them, with
    /// [`blob_in`](super::blob_in), unless it is an archive.
    pub fn look_up(
        &self,
        name: Option<&str>,
        asked: Option<&Platform>,
    ) -> Result<FoundImage, LayoutError> {
        let candidates = self.candidates(name);
        let (index, index_digest) = match candidates.manifests.first() {
            Some(first) if candidates.count == 1 => match self.read_document(first)?.0 {
                Document::Manifest(_) => {
                    let listing = Listing {
                        names: names_of(&candidates.manifests, first.digest),
                        ..Listing::default()
                    };
                    return self.found(first, listing);
                }
                Document::Index(index) => (index, Some(first.digest)),
            },
            Some(_) => (candidates.as_index(), None),
            None => return Err(self.not_one(&candidates, name)),
        };
        let chosen = index.choose(asked).map_err(|found| {
            if index_digest.is_none() && candidates.manifests.iter().any(|m| m.platform.is_none()) {
                return self.not_one(&candidates, name);
            }
            LayoutError::Platform {
                layout: self.name.clone(),
                wanted: asked.cloned().unwrap_or_else(Platform::linux_amd64),
                found,
            }
        })?;
        let platform = chosen.platform.clone();
        let platform = platform.expect("it was chosen by its platform");
        if index_digest.is_none() && !candidates.differ_in_platform(&platform) {
            return Err(self.not_one(&candidates, name));
        }
        let manifest = self.resolve(chosen, &platform, DEPTH_LIMIT)?;
        let named = index_digest.unwrap_or(chosen.digest);
        let listing = Listing {
            names: names_of(&candidates.manifests, named),
            index_digest,
            index: Some(index),
            lacks_manifest: false,
        };
        self.found(&manifest, listing)
    }

    /// The image of a manifest that may be of something else.
    fn found(&self, manifest: &Descriptor, listing: Listing) -> Result<FoundImage, LayoutError> {
        let (document, bytes) = self.read_document(manifest)?;
        let Document::Manifest(document) = document else {
            return Err(LayoutError::Nested);
        };
        let media_type = &document.config.media_type;
        if media_type.clone().to_oci() != MediaType::Config {
            return Err(LayoutError::NoImage(media_type.clone()));
        }
        let image = self.complete_with(&document, bytes, Self::place_of)?;
        Ok(FoundImage { image, listing })
    }

    fn candidates(&self, name: Option<&str>) -> Candidates<'_> {
        let mut manifests: Vec<&Descriptor> = self.index.manifests.iter().collect();
        if let Some(name) = name {
            manifests.retain(|manifest| names(manifest).any(|found| Reference::same(found, name)));
        }
        let mut digests: Vec<_> = manifests.iter().map(|manifest| manifest.digest).collect();
        digests.sort_unstable();
        digests.dedup();
        Candidates {
            count: digests.len(),
            manifests,
        }
    }

    fn not_one(&self, candidates: &Candidates<'_>, name: Option<&str>) -> LayoutError {
        let all = self.index.manifests.iter();
        let found = all.filter_map(|manifest| names(manifest).last());
        LayoutError::not_one(&self.name, candidates.count, name, found)
    }

    /// The manifest that a descriptor leads to.
    fn resolve(
        &self,
        descriptor: &Descriptor,
        platform: &Platform,
        depth: usize,
    ) -> Result<Descriptor, LayoutError> {
        if descriptor.media_type.clone().to_oci() != MediaType::Index {
            return Ok(descriptor.clone());
        }
        match self.read_document(descriptor)?.0 {
            Document::Index(index) if depth > 0 => self.for_platform(&index, platform, depth - 1),
            _ => Err(LayoutError::Nested),
        }
    }

    fn for_platform(
        &self,
        index: &Index,
        platform: &Platform,
        depth: usize,
    ) -> Result<Descriptor, LayoutError> {
        match index.for_platform(platform) {
            Ok(manifest) => self.resolve(manifest, platform, depth),
            Err(found) => Err(LayoutError::Platform {
                layout: self.name.clone(),
                wanted: platform.clone(),
                found,
            }),
        }
    }
}

/// Whether different images are for the same platform, so that the platform does not choose.
fn rivals(manifests: &[&Descriptor], platform: &Platform) -> bool {
    let mut fitting = manifests
        .iter()
        .filter(|manifest| {
            let found = manifest.platform.as_ref();
            found.is_some_and(|found| found.is_same(platform))
        })
        .map(|manifest| manifest.digest);
    let first = fitting.next();
    fitting.any(|digest| Some(digest) != first)
}

/// The names of an image in a layout: the short one of the specification, and the full one of containerd and Docker.
fn names(manifest: &Descriptor) -> impl Iterator<Item = &str> {
    [ANNOTATION_REF_NAME, NAME_ANNOTATION]
        .into_iter()
        .filter_map(|key| manifest.annotations.get(key).map(String::as_str))
}

/// The names of the image with this digest, the fullest of each entry, sorted and each once.
fn names_of(manifests: &[&Descriptor], digest: Digest) -> Vec<String> {
    let own = manifests
        .iter()
        .filter(|manifest| manifest.digest == digest);
    let mut found: Vec<_> = own
        .filter_map(|manifest| names(manifest).last())
        .map(ToOwned::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}
