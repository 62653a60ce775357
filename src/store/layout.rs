//! An OCI layout (image-spec, `image-layout.md`): a folder or the index of an archive, read with distrust. Which of its
//! images is meant is decided in `select`.

mod error;
mod select;

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::assemble::assemble;
use super::blob;
use super::local::NAME_ANNOTATION;
use crate::error::{FileError, IoResultExt as _};
use crate::fs::{self, RangeReader};
use crate::oci::{
    BlobSource, Descriptor, Digest, Document, Image, ImageSet, Index, LazyFile, MANIFEST_LIMIT,
    Manifest, ManifestError, MediaType,
};

pub use error::LayoutError;
pub use select::{FoundImage, Listing};

pub(super) const BLOBS: &str = "blobs/sha256";
pub(super) const MARKER: &str = "oci-layout";
pub(super) const MARKER_TEXT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(super) const INDEX: &str = "index.json";
/// How deep indexes may be nested: an index in the index of a layout is how one multi-platform image looks.
const DEPTH_LIMIT: usize = 3;

/// A layout whose blobs can be found.
#[derive(Debug)]
pub struct Layout {
    name: String,
    index: Index,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Archive {
        file: Arc<LazyFile>,
        name: Arc<str>,
        /// Offset and size of each file in the archive, by path.
        files: BTreeMap<String, (u64, u64)>,
    },
}

impl Layout {
    /// Opens the layout in a folder.
    pub fn open(folder: &Path) -> Result<Self, LayoutError> {
        let name = folder.display().to_string();
        if let Err(error) = fs::metadata(&folder.join(MARKER)) {
            fs::metadata(folder)?;
            return Err(if error.is_not_found() {
                LayoutError::NotALayout(name, MARKER)
            } else {
                error.into()
            });
        }
        Ok(Self {
            name,
            index: read_index(folder)?,
            place: Place::Folder(folder.to_owned()),
        })
    }

    /// Opens the layout in an uncompressed archive, of which `files` tells where each file is.
    pub fn in_archive(
        file: Arc<LazyFile>,
        name: &str,
        files: BTreeMap<String, (u64, u64)>,
    ) -> Result<Self, LayoutError> {
        let not_a_layout = |file| LayoutError::NotALayout(name.to_owned(), file);
        files.get(MARKER).ok_or_else(|| not_a_layout(MARKER))?;
        let &(offset, size) = files.get(INDEX).ok_or_else(|| not_a_layout(INDEX))?;
        let mut bytes = Vec::new();
        let opened = file.file().at("read", name.as_ref())?;
        RangeReader::new(opened, offset, size.min(MANIFEST_LIMIT + 1))
            .read_to_end(&mut bytes)
            .at("read", name.as_ref())?;
        Ok(Self {
            name: name.to_owned(),
            index: parse_index(&bytes)?,
            place: Place::Archive {
                file,
                name: name.into(),
                files,
            },
        })
    }

    /// Where a blob is; its size must be as promised.
    fn find(&self, descriptor: &Descriptor) -> Result<BlobSource, LayoutError> {
        match &self.place {
            Place::Folder(folder) => blob_in(folder, descriptor),
            Place::Archive { file, name, files } => {
                let path = format!("{BLOBS}/{}", descriptor.digest.hex());
                let place = files.get(&path).copied();
                let source = BlobSource::Range {
                    file: Arc::clone(file),
                    name: Arc::clone(name),
                    offset: place.map_or(0, |(offset, _)| offset),
                };
                hold(&self.name, descriptor, place.map(|(_, size)| size))?;
                Ok(source)
            }
        }
    }

    /// Where a layer is if it is there. In a folder that is seen when it is read, with [`blob_in`]; an archive knows it all.
    fn place_of(&self, layer: &Descriptor) -> Result<BlobSource, LayoutError> {
        match &self.place {
            Place::Folder(folder) => Ok(BlobSource::File(blob_path(folder, layer))),
            Place::Archive { .. } => self.find(layer),
        }
    }

    /// Reads a manifest, index or config and checks its digest.
    fn read(&self, descriptor: &Descriptor) -> Result<Vec<u8>, LayoutError> {
        if descriptor.size > MANIFEST_LIMIT {
            return Err(damaged(&self.name, descriptor));
        }
        let source = self.find(descriptor)?;
        let reader = blob::open(descriptor, &source)?.expect("a layout is on this machine");
        blob::read_checked(descriptor, reader)
            .at("read", self.name.as_ref())?
            .ok_or_else(|| damaged(&self.name, descriptor))
    }

    /// Reads a manifest or an index; tells its bytes too.
    fn read_document(&self, descriptor: &Descriptor) -> Result<(Document, Vec<u8>), LayoutError> {
        let bytes = self.read(descriptor)?;
        let document = Document::parse(&bytes, Some(descriptor.media_type.as_str()))?;
        Ok((document, bytes))
    }

    /// The blobs that are needed of what a descriptor leads to, itself among them, whatever is left of them.
    pub(super) fn needed(&self, descriptor: &Descriptor) -> Result<Vec<Digest>, LayoutError> {
        let mut needed = Vec::new();
        self.add_needed(descriptor, DEPTH_LIMIT, &mut needed)?;
        Ok(needed)
    }

    fn add_needed(
        &self,
        descriptor: &Descriptor,
        depth: usize,
        needed: &mut Vec<Digest>,
    ) -> Result<(), LayoutError> {
        needed.push(descriptor.digest);
        match self.read_document(descriptor)?.0 {
            Document::Manifest(Manifest { config, layers, .. }) => {
                let blobs = layers.iter().chain([&config]);
                needed.extend(blobs.map(|blob| blob.digest));
                Ok(())
            }
            Document::Index(index) if depth > 0 => index
                .manifests
                .iter()
                .try_for_each(|manifest| self.add_needed(manifest, depth - 1, needed)),
            Document::Index(_) => Err(LayoutError::Nested),
        }
    }

    /// The image that a descriptor leads to, or all images of an index.
    pub fn images(&self, descriptor: &Descriptor) -> Result<ImageSet, LayoutError> {
        match self.read_document(descriptor)? {
            (Document::Manifest(manifest), bytes) => Ok(self.complete(&manifest, bytes)?.into()),
            (Document::Index(index), _) if index.manifests.is_empty() => {
                Err(LayoutError::EmptyIndex {
                    layout: self.name.clone(),
                    descriptor: Box::new(descriptor.clone()),
                })
            }
            (Document::Index(index), bytes) => {
                let images = index.manifests.iter().map(|manifest| self.image(manifest));
                Ok(ImageSet::with_index(
                    bytes,
                    images.collect::<Result<_, _>>()?,
                ))
            }
        }
    }

    /// The image that a manifest describes.
    fn image(&self, manifest: &Descriptor) -> Result<Image, LayoutError> {
        match self.read_document(manifest)? {
            (Document::Manifest(manifest), bytes) => self.complete(&manifest, bytes),
            (Document::Index(_), _) => Err(LayoutError::Nested),
        }
    }

    /// The image of a manifest, which was read from these bytes.
    fn complete(&self, manifest: &Manifest, bytes: Vec<u8>) -> Result<Image, LayoutError> {
        self.complete_with(manifest, bytes, Self::find)
    }

    /// The same, whose layers are where `place` says.
    fn complete_with(
        &self,
        manifest: &Manifest,
        bytes: Vec<u8>,
        place: impl Fn(&Self, &Descriptor) -> Result<BlobSource, LayoutError>,
    ) -> Result<Image, LayoutError> {
        let config = self.read(&manifest.config)?;
        assemble(bytes, config, |layer| place(self, layer))
    }
}

/// Where a blob is in the layout in `folder`; its size must be as promised.
pub fn blob_in(folder: &Path, descriptor: &Descriptor) -> Result<BlobSource, LayoutError> {
    let layout = folder.display().to_string();
    let path = blob_path(folder, descriptor);
    let metadata = fs::symlink_metadata(&path).ok();
    // Somebody else's layout must not have our files taken for its blobs.
    if metadata.as_ref().is_some_and(Metadata::is_symlink) {
        return Err(LayoutError::Link {
            layout,
            descriptor: Box::new(descriptor.clone()),
        });
    }
    hold(&layout, descriptor, metadata.map(|found| found.len()))?;
    Ok(BlobSource::File(path))
}

fn blob_path(folder: &Path, descriptor: &Descriptor) -> PathBuf {
    folder.join(BLOBS).join(descriptor.digest.hex())
}

/// Holds a blob of a layout, which has this size if it is there, to the size that was promised.
fn hold(layout: &str, descriptor: &Descriptor, size: Option<u64>) -> Result<(), LayoutError> {
    match size {
        Some(size) if size == descriptor.size => Ok(()),
        Some(_) => Err(damaged(layout, descriptor)),
        None => Err(LayoutError::Missing {
            layout: layout.to_owned(),
            descriptor: Box::new(descriptor.clone()),
        }),
    }
}

fn damaged(layout: &str, descriptor: &Descriptor) -> LayoutError {
    LayoutError::Damaged {
        layout: layout.to_owned(),
        descriptor: Box::new(descriptor.clone()),
    }
}

/// How a file of a layout is written: for all to read, or for its owner only.
pub(super) type Write = fn(&Path, &[u8]) -> Result<(), FileError>;

/// Makes `folder` a layout if it is none yet.
pub(super) fn ensure_layout(folder: &Path, write: Write) -> Result<(), FileError> {
    let index = folder.join(INDEX);
    if fs::metadata(&index).is_err() {
        write(&index, &Index::new(Vec::new()).to_bytes())?;
    }
    let marker = folder.join(MARKER);
    if fs::metadata(&marker).is_err() {
        write(&marker, MARKER_TEXT)?;
    }
    Ok(())
}

/// Whether `folder` has what [`ensure_layout`] would make.
pub(super) fn is_layout(folder: &Path) -> bool {
    [INDEX, MARKER]
        .iter()
        .all(|name| fs::metadata(&folder.join(name)).is_ok())
}

/// Whether these bytes make a folder a layout.
pub(super) fn is_marker(bytes: &[u8]) -> bool {
    let found = serde_json::from_slice::<BTreeMap<String, String>>(bytes);
    let expected = serde_json::from_slice(MARKER_TEXT);
    matches!((found, expected), (Ok(found), Ok(expected)) if found == expected)
}

pub(super) fn read_index(folder: &Path) -> Result<Index, LayoutError> {
    parse_index(&fs::read_limited(&folder.join(INDEX), MANIFEST_LIMIT)?)
}

fn parse_index(bytes: &[u8]) -> Result<Index, LayoutError> {
    match Document::parse(bytes, Some(MediaType::Index.as_str()))? {
        Document::Index(index) => Ok(index),
        Document::Manifest(_) => Err(LayoutError::Manifest(ManifestError::Unknown(
            MediaType::Manifest.to_string(),
        ))),
    }
}

pub(super) fn write_index(folder: &Path, index: &Index) -> Result<(), FileError> {
    fs::write_atomic(&folder.join(INDEX), &index.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Config, Platform};

    #[test]
    fn two_images_for_one_platform_are_a_choice() {
        let platform = Platform::linux_amd64();
        let manifest = |label: &str| {
            let mut config = Config::empty(&platform);
            config.set_label("label", label);
            let mut manifest = Image::new(&config, vec![], &[]).descriptor();
            manifest.platform = Some(platform.clone());
            manifest
        };
        let folder = tempfile::tempdir().unwrap();
        ensure_layout(folder.path(), fs::write_atomic).unwrap();
        let index = Index::new(vec![manifest("a"), manifest("b")]);
        write_index(folder.path(), &index).unwrap();
        let error = Layout::open(folder.path())
            .unwrap()
            .select(None, &platform)
            .unwrap_err();
        assert!(
            matches!(error, LayoutError::Choice { count: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn an_index_in_the_index_has_images_and_no_index() {
        let folder = tempfile::tempdir().unwrap();
        ensure_layout(folder.path(), fs::write_atomic).unwrap();
        fs::create_dir_all(&folder.path().join(BLOBS), None).unwrap();
        let store = |index: &Index| {
            let bytes = index.to_bytes();
            let descriptor = Descriptor::of(MediaType::Index, &bytes);
            let path = folder.path().join(BLOBS).join(descriptor.digest.hex());
            fs::write_atomic(&path, &bytes).unwrap();
            descriptor
        };
        let empty = store(&Index::new(vec![]));
        let nested = store(&Index::new(vec![empty.clone()]));
        let layout = Layout::open(folder.path()).unwrap();
        let error = layout.images(&empty).unwrap_err();
        assert!(matches!(error, LayoutError::EmptyIndex { .. }), "{error}");
        let error = layout.images(&nested).unwrap_err();
        assert!(matches!(error, LayoutError::Nested), "{error}");
        // What is needed of them is known all the same.
        let needed = layout.needed(&nested).unwrap();
        assert_eq!(needed, [nested.digest, empty.digest]);
    }
}
