//! The local store: blobs by digest, images by name, facts by key.
//!
//! ```text
//! oci-layout  index.json      an OCI layout; the index names the images that were kept
//! blobs/sha256/HEX            layers, configs, manifests
//! facts/NAME/HEX.json         small facts that are expensive to learn, by the digest of what they are about
//! releases/                   Flink releases
//! tmp/                        work in progress; nothing in it has a meaning after the process that made it
//! lock                        held while the index is changed
//! ```

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::blob;
use super::layout::{BLOBS, ensure_layout, read_index, write_index};
use super::{Layout, LayoutError};
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs::{self, AtomicFile};
use crate::memory::Memory;
use crate::oci::{
    BlobSource, Config, Descriptor, Digest, Document, HashingReader, Image, Index, Layer, Reference,
};
use crate::progress::Reporter;

/// The annotation that carries an image's full name, as containerd and Docker read it.
pub(super) const NAME_ANNOTATION: &str = "io.containerd.image.name";
/// Facts are a few kilobytes.
const FACTS_LIMIT: u64 = 16 * 1024 * 1024;

/// A content-addressed store in a folder of its own.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// An image that the store keeps under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// Its name.
    pub name: Reference,
    /// Its manifest.
    pub manifest: Descriptor,
}

/// The store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file of the store cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something in the store is not what it should be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Bytes that were to be stored are not those that were promised.
    #[error("Expected `{expected}` ({expected_size} bytes) and got `{found}` ({found_size} bytes)")]
    Mismatch {
        /// The promised digest.
        expected: Digest,
        /// The promised size.
        expected_size: u64,
        /// The digest of what came.
        found: Digest,
        /// The size of what came.
        found_size: u64,
    },
    /// No image of this name was kept.
    #[error("The local store has no image `{0}`")]
    Unknown(Reference),
}

impl Explain for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Mismatch { .. } => Kind::Integrity,
            Self::Unknown(_) => Kind::NotFound,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Mismatch { .. } => None,
            Self::Unknown(_) => Some("`flink-img images` lists what is there".to_owned()),
        }
    }
}

impl Store {
    /// Opens the store in `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        // Others have no business in it: what it holds may come from a private registry.
        for folder in [BLOBS, "tmp", "facts", "releases"] {
            fs::create_dir_all(&root.join(folder), Some(0o700))?;
        }
        ensure_layout(root)?;
        // A store that is complete and cannot be written to would be noticed only in the middle of a build.
        for folder in [BLOBS, "tmp"] {
            AtomicFile::create_in(&root.join(folder))?;
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Where work in progress goes.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where Flink releases are kept.
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    fn fact_path(&self, kind: &str, key: Digest) -> PathBuf {
        let folder = self.root.join("facts").join(kind);
        folder.join(format!("{}.json", key.hex()))
    }

    /// The blob, if the store has one of that digest and size.
    pub fn blob(&self, descriptor: &Descriptor) -> Option<BlobSource> {
        let path = self.blob_path(descriptor.digest);
        let metadata = fs::metadata(&path).ok()?;
        (metadata.len() == descriptor.size).then_some(BlobSource::File(path))
    }

    /// The blob, if the store has it and its bytes are still those of its digest.
    ///
    /// One that is damaged stays where it is until it is made or fetched again, which takes its place in one step:
    /// somebody else may just have done so, and a descriptor that is wrong must not cost anybody a blob.
    pub fn verified_blob(
        &self,
        descriptor: &Descriptor,
        reporter: &dyn Reporter,
    ) -> Option<BlobSource> {
        let source = self.blob(descriptor)?;
        let path = self.blob_path(descriptor.digest);
        match blob::is_intact(&path, descriptor) {
            Ok(true) => return Some(source),
            Ok(false) => reporter.warn(&format!("`{}` is damaged", path.display())),
            Err(error) => reporter.warn(&error.to_string()),
        }
        None
    }

    /// Starts a blob whose digest is known only once it is written.
    pub fn writer(&self) -> Result<AtomicFile, StoreError> {
        Ok(AtomicFile::create_in(&self.temporary())?)
    }

    /// Keeps what was written as the blob `digest`, which the caller has computed from the very bytes.
    pub fn commit(&self, blob: AtomicFile, digest: Digest) -> Result<BlobSource, StoreError> {
        let path = self.blob_path(digest);
        blob.commit_as(&path)?;
        Ok(BlobSource::File(path))
    }

    /// Copies a blob that is elsewhere on this machine into the store, and checks it.
    pub fn add(
        &self,
        descriptor: &Descriptor,
        source: &BlobSource,
    ) -> Result<BlobSource, StoreError> {
        let mut blob = self.writer()?;
        let (digest, size) = blob::copy(descriptor, source, &mut blob, &self.temporary())?;
        if (digest, size) != (descriptor.digest, descriptor.size) {
            return Err(StoreError::Mismatch {
                expected: descriptor.digest,
                expected_size: descriptor.size,
                found: digest,
                found_size: size,
            });
        }
        self.commit(blob, digest)
    }

    /// Keeps `image` under `name`; an image that had the name before loses it.
    ///
    /// All layers must be in the store already.
    pub fn keep(&self, name: &Reference, image: &Image) -> Result<(), StoreError> {
        for bytes in [&image.config, &image.manifest] {
            let mut blob = self.writer()?;
            blob.write_all(bytes).at("write", &self.temporary())?;
            self.commit(blob, Digest::of(bytes))?;
        }
        let _lock = self.lock()?;
        let mut index = read_index(&self.root)?;
        let full_name = name.to_string();
        index.manifests.retain(|manifest| {
            let old = manifest.annotations.get(NAME_ANNOTATION);
            !old.is_some_and(|old| Reference::same(old, &full_name))
        });
        let mut descriptor = image.descriptor();
        descriptor
            .annotations
            .insert(NAME_ANNOTATION.to_owned(), full_name);
        index.manifests.push(descriptor);
        sort(&mut index);
        Ok(write_index(&self.root, &index)?)
    }

    /// The images that were kept, by name.
    pub fn images(&self) -> Result<Vec<NamedImage>, StoreError> {
        let index = read_index(&self.root)?;
        Ok(index
            .manifests
            .into_iter()
            .filter_map(|manifest| {
                let name = manifest.annotations.get(NAME_ANNOTATION)?.parse().ok()?;
                Some(NamedImage { name, manifest })
            })
            .collect())
    }

    /// The image that was kept under `name`, checked down to its layers' presence.
    pub fn image(&self, name: &Reference) -> Result<Image, StoreError> {
        let named = self
            .images()?
            .into_iter()
            .find(|image| Reference::same(&image.name.to_string(), &name.to_string()))
            .ok_or_else(|| StoreError::Unknown(name.clone()))?;
        Ok(Layout::open(&self.root)?.image(&named.manifest)?)
    }

    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join("lock");
        let file = fs::open_lock(&path)?;
        file.lock().at("lock", &path)?;
        Ok(file)
    }
}

impl Memory for Store {
    fn recall_bytes(&self, kind: &str, key: Digest) -> Option<Vec<u8>> {
        fs::read_limited(&self.fact_path(kind, key), FACTS_LIMIT).ok()
    }

    fn remember_bytes(&self, kind: &str, key: Digest, bytes: &[u8]) {
        let path = self.fact_path(kind, key);
        let written = fs::create_dir_all(fs::folder_of(&path), Some(0o700))
            .and_then(|()| fs::write_atomic(&path, bytes));
        if let Err(error) = written {
            tracing::debug!("{error}");
        }
    }
}

/// The order of the index says nothing; sorted, it does not tell when things were kept.
fn sort(index: &mut Index) {
    index
        .manifests
        .sort_by(|a, b| (&a.annotations, a.digest).cmp(&(&b.annotations, b.digest)));
}

/// Checks `bytes` against `descriptor` and reads them as manifest and config of an image whose blobs `find` finds.
pub(crate) fn assemble(
    manifest: Vec<u8>,
    config: Vec<u8>,
    find: impl Fn(&Descriptor) -> Result<BlobSource, LayoutError>,
) -> Result<Image, LayoutError> {
    let Document::Manifest(document) = Document::parse(&manifest, None)? else {
        return Err(LayoutError::Nested);
    };
    let diff_ids = Config::parse(&config)?.diff_ids()?;
    if diff_ids.len() != document.layers.len() {
        return Err(LayoutError::Layers {
            manifest: document.layers.len(),
            config: diff_ids.len(),
        });
    }
    let layers = document
        .layers
        .into_iter()
        .zip(diff_ids)
        .map(|(descriptor, diff_id)| {
            let source = find(&descriptor)?;
            Ok(Layer {
                descriptor,
                diff_id,
                source,
            })
        })
        .collect::<Result<_, LayoutError>>()?;
    Ok(Image {
        manifest,
        config,
        layers,
    })
}

/// Reads all of `reader`, which must have the digest and size of `descriptor`.
pub(super) fn read_checked(
    descriptor: &Descriptor,
    reader: impl Read,
) -> io::Result<Option<Vec<u8>>> {
    let mut reader = HashingReader::new(reader.take(descriptor.size.saturating_add(1)));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let (digest, size) = reader.finish()?;
    Ok(((digest, size) == (descriptor.digest, descriptor.size)).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;
    use crate::oci::{MediaType, Platform};
    use crate::progress::Silent;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        (folder, store)
    }

    fn files(store: &Store, folder: &str) -> usize {
        fs::list(&store.root.join(folder)).unwrap().len()
    }

    #[test]
    fn takes_what_was_promised_and_nothing_else() {
        let (_folder, store) = store();
        let descriptor = Descriptor::of(MediaType::Config, b"promised");
        for wrong in [&b"promiseX"[..], b"promised and more", b"short"] {
            let error = store
                .add(&descriptor, &BlobSource::Bytes(wrong.into()))
                .unwrap_err();
            assert!(matches!(error, StoreError::Mismatch { .. }));
            assert!(store.blob(&descriptor).is_none());
        }
        assert_eq!((files(&store, BLOBS), files(&store, "tmp")), (0, 0));
        store
            .add(&descriptor, &BlobSource::Bytes(b"promised"[..].into()))
            .unwrap();
        assert!(store.blob(&descriptor).is_some());
    }

    #[test]
    fn keeps_images_by_name() {
        let (_folder, store) = store();
        let name: Reference = "flink-job:1".parse().unwrap();
        assert!(matches!(store.image(&name), Err(StoreError::Unknown(_))));
        let platform = Platform::linux_amd64();
        let mut config = Config::empty(&platform);
        let one = Image::new(&config, vec![], &[]);
        config.set_label("a", "b");
        let two = Image::new(&config, vec![], &[]);
        store.keep(&name, &one).unwrap();
        store.keep(&name, &two).unwrap();
        store.keep(&"other".parse().unwrap(), &one).unwrap();
        let names: Vec<_> = store
            .images()
            .unwrap()
            .into_iter()
            .map(|image| image.name.to_string())
            .collect();
        assert_eq!(
            names,
            ["docker.io/library/flink-job:1", "docker.io/library/other"]
        );
        assert_eq!(store.image(&name).unwrap().digest(), two.digest());
    }

    #[test]
    fn a_name_without_a_tag_is_the_one_of_latest() {
        let (_folder, store) = store();
        let image = Image::new(&Config::empty(&Platform::linux_amd64()), vec![], &[]);
        store.keep(&"job".parse().unwrap(), &image).unwrap();
        store.image(&"job:latest".parse().unwrap()).unwrap();
        store.keep(&"job:latest".parse().unwrap(), &image).unwrap();
        assert_eq!(store.images().unwrap().len(), 1);
        store.image(&"job".parse().unwrap()).unwrap();
    }

    #[test]
    fn a_damaged_blob_is_not_used_and_is_replaced() {
        let (_folder, store) = store();
        let descriptor = Descriptor::of(MediaType::Config, b"promised");
        assert!(store.verified_blob(&descriptor, &Silent).is_none());
        store
            .add(&descriptor, &BlobSource::Bytes(b"promised"[..].into()))
            .unwrap();
        assert!(store.verified_blob(&descriptor, &Silent).is_some());
        fs::write_atomic(&store.blob_path(descriptor.digest), b"promiseX").unwrap();
        assert!(store.blob(&descriptor).is_some());
        assert!(store.verified_blob(&descriptor, &Silent).is_none());
        store
            .add(&descriptor, &BlobSource::Bytes(b"promised"[..].into()))
            .unwrap();
        assert!(store.verified_blob(&descriptor, &Silent).is_some());
        // A descriptor that lies about the size gets nothing, and takes nothing away.
        let lie = Descriptor::new(MediaType::Config, descriptor.digest, 99);
        assert!(store.verified_blob(&lie, &Silent).is_none());
        assert!(store.verified_blob(&descriptor, &Silent).is_some());
    }

    #[test]
    fn forgets_facts_that_it_cannot_read() {
        let (_folder, store) = store();
        let key = Digest::of(b"x");
        assert_eq!(memory::recall::<Vec<u8>>(&store, "test", key), None);
        memory::remember(&store, "test", key, &vec![1, 2]);
        assert_eq!(memory::recall(&store, "test", key), Some(vec![1, 2]));
        let path = store.root.join(format!("facts/test/{}.json", key.hex()));
        fs::write_atomic(&path, b"[1, ").unwrap();
        assert_eq!(memory::recall::<Vec<u8>>(&store, "test", key), None);
    }
}
