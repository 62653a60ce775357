//! The local store: blobs by digest, images by name, facts by key.
//!
//! ```text
//! oci-layout  index.json      an OCI layout; the index names the images that were kept
//! blobs/sha256/HEX            layers, configs, manifests
//! facts/NAME/HEX.fact         small facts that are expensive to learn, by the digest of what they are about
//! releases/                   Flink releases
//! tmp/                        work in progress; nothing in it has a meaning after the process that made it
//! lock                        held while the index is changed
//! in-use                      held by all who use the store, and alone by who takes something away
//! ```
//!
//! The time of change of a file tells when it was used last, to the hour.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::blob;
use super::layout::{BLOBS, INDEX, ensure_layout, is_layout, read_index};
use super::sharing::Use;
use super::{Layout, StoreError};
use crate::fs::{self, AtomicFile};
use crate::oci::{BlobSource, Descriptor, Digest, ImageSet, Index, Reference};
use crate::progress::{Reporter, Silent};

/// The annotation that carries an image's full name, as containerd and Docker read it.
pub(super) const NAME_ANNOTATION: &str = "io.containerd.image.name";
pub(super) const FACTS: &str = "facts";
pub(super) const RELEASES: &str = "releases";
pub(super) const TEMPORARY: &str = "tmp";
/// Locked while the index is changed.
pub(super) const LOCK: &str = "lock";
/// What is used all the time is marked as used this often.
pub(super) const USE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A content-addressed store in a folder of its own.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    in_use: Arc<Use>,
}

/// An image that the store keeps under a name, or an index of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedImage {
    /// Its name.
    pub name: Reference,
    /// Its manifest, or the index.
    pub descriptor: Descriptor,
}

impl Store {
    /// Opens the store in `root`, which is made if it is not there.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Self::open_with(root, &Silent)
    }

    /// The same; `reporter` is told what is waited for, when somebody else is alone in the store.
    ///
    /// Until the store and its clones are dropped, nothing is taken away from it.
    pub fn open_with(root: &Path, reporter: &dyn Reporter) -> Result<Self, StoreError> {
        // Others have no business in it: what it holds may come from a private registry.
        for folder in [BLOBS, TEMPORARY, FACTS, RELEASES] {
            fs::create_dir_all(&root.join(folder), Some(fs::PRIVATE_FOLDER_MODE))?;
        }
        let store = Self {
            root: root.to_owned(),
            in_use: Arc::new(Use::begin(root, reporter)),
        };
        if !is_layout(root) {
            // Somebody else may just have made it one, and have kept an image in it.
            let _lock = store.lock()?;
            ensure_layout(root, fs::write_private)?;
            fs::sync_folder(fs::folder_of(&root.join(BLOBS)))?;
            fs::sync_folder(root)?;
        }
        // A store that is complete and cannot be written to would be noticed only in the middle of a build.
        for folder in [BLOBS, TEMPORARY] {
            AtomicFile::create_in(&root.join(folder))?;
        }
        Ok(store)
    }

    /// Where the store is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn in_use(&self) -> &Use {
        &self.in_use
    }

    /// Where work in progress goes.
    pub fn temporary(&self) -> PathBuf {
        self.root.join(TEMPORARY)
    }

    /// Where Flink releases are kept; see [`Store::use_release`].
    pub fn releases(&self) -> PathBuf {
        self.root.join(RELEASES)
    }

    /// Marks a release as used; `path` below [`Store::releases`] is its archive.
    pub fn use_release(&self, path: &Path) {
        if let Ok(metadata) = fs::metadata(path) {
            fs::touch(path, &metadata, USE_INTERVAL);
        }
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.root.join(BLOBS).join(digest.hex())
    }

    /// The blob, if the store has one of that digest and size; whoever reads it checks its bytes.
    ///
    /// One that is damaged stays where it is until it is made or fetched again, which takes its place in one step:
    /// somebody else may just have done so, and a descriptor that is wrong must not cost anybody a blob.
    pub fn blob(&self, descriptor: &Descriptor, reporter: &dyn Reporter) -> Option<BlobSource> {
        let path = self.blob_path(descriptor.digest);
        let metadata = fs::symlink_metadata(&path).ok()?;
        if !metadata.is_file() || metadata.len() != descriptor.size {
            reporter.warn(&format!(
                "`{}` is not the file of {} bytes that it should be",
                path.display(),
                descriptor.size
            ));
            return None;
        }
        fs::touch(&path, &metadata, USE_INTERVAL);
        Some(BlobSource::File(path))
    }

    /// The blob, if the store has it and its bytes are still those of its digest.
    pub fn verified_blob(
        &self,
        descriptor: &Descriptor,
        reporter: &dyn Reporter,
    ) -> Option<BlobSource> {
        self.blob(descriptor, reporter)?;
        let path = self.blob_path(descriptor.digest);
        match blob::is_intact(&path, descriptor) {
            Ok(true) => return Some(BlobSource::Checked(path)),
            Ok(false) => reporter.warn(&format!("`{}` is damaged", path.display())),
            Err(error) => reporter.warn(&error.to_string()),
        }
        None
    }

    /// Starts a blob whose digest is known only once it is written.
    pub fn writer(&self) -> Result<AtomicFile, StoreError> {
        Ok(AtomicFile::create_private_in(&self.temporary())?)
    }

    /// Keeps what was written as the blob `digest`, which the caller has computed from the very bytes.
    pub fn commit(&self, blob: AtomicFile, digest: Digest) -> Result<BlobSource, StoreError> {
        let path = self.blob_path(digest);
        // No file takes the place of a folder, and what else is called like a blob is none.
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            fs::remove(&path)?;
        }
        blob.commit_as(&path)?;
        Ok(BlobSource::Checked(path))
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

    /// Keeps `images` under `name`; what had the name before loses it.
    ///
    /// All layers must be in the store already.
    pub fn keep(&self, name: &Reference, images: &ImageSet) -> Result<(), StoreError> {
        for (descriptor, bytes) in images.documents() {
            if self.verified_blob(&descriptor, &Silent).is_none() {
                self.add(&descriptor, &BlobSource::Bytes(bytes.into()))?;
            }
        }
        let _lock = self.lock()?;
        let before = self.index()?;
        let mut index = before.clone();
        let full_name = name.to_string();
        index.manifests.retain(|manifest| {
            let old = manifest.annotations.get(NAME_ANNOTATION);
            !old.is_some_and(|old| Reference::same(old, &full_name))
        });
        let mut descriptor = images.descriptor();
        descriptor
            .annotations
            .insert(NAME_ANNOTATION.to_owned(), full_name);
        index.manifests.push(descriptor);
        sort(&mut index);
        if index != before {
            // A power cut must not leave an index that names blobs whose own names never came to the disk.
            fs::sync_folder(&self.root.join(BLOBS))?;
            fs::write_private(&self.root.join(INDEX), &index.to_bytes())?;
            fs::sync_folder(&self.root)?;
        }
        Ok(())
    }

    /// The images that were kept, by name.
    pub fn images(&self) -> Result<Vec<NamedImage>, StoreError> {
        let index = self.index()?;
        Ok(index
            .manifests
            .into_iter()
            .filter_map(|descriptor| {
                let name = descriptor.annotations.get(NAME_ANNOTATION)?.parse().ok()?;
                Some(NamedImage { name, descriptor })
            })
            .collect())
    }

    /// What was kept under `name`, checked down to the presence of all layers.
    pub fn image(&self, name: &Reference) -> Result<ImageSet, StoreError> {
        let named = self
            .images()?
            .into_iter()
            .find(|image| Reference::same(&image.name.to_string(), &name.to_string()))
            .ok_or_else(|| StoreError::Unknown(name.clone()))?;
        Ok(Layout::open(&self.root)?.images(&named.descriptor)?)
    }

    /// The images that were kept, as they are written down.
    pub(super) fn index(&self) -> Result<Index, StoreError> {
        read_index(&self.root).map_err(|source| StoreError::Index {
            path: self.root.join(INDEX),
            source: Box::new(source),
        })
    }

    /// Keeps others from the index until it is dropped; where there are no locks, nobody is kept from it.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let file = fs::open_lock(&path)?;
        if let Err(error) = file.lock() {
            tracing::debug!("`{}` cannot be locked: {error}", path.display());
        }
        Ok(file)
    }
}

/// The order of the index says nothing; sorted, it does not tell when things were kept.
fn sort(index: &mut Index) {
    index
        .manifests
        .sort_by(|a, b| (&a.annotations, a.digest).cmp(&(&b.annotations, b.digest)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Config, Image, MediaType, Platform};
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
            assert!(store.blob(&descriptor, &Silent).is_none());
        }
        assert_eq!((files(&store, BLOBS), files(&store, "tmp")), (0, 0));
        store
            .add(&descriptor, &BlobSource::Bytes(b"promised"[..].into()))
            .unwrap();
        assert!(store.blob(&descriptor, &Silent).is_some());
    }

    #[test]
    fn keeps_images_by_name() {
        let (_folder, store) = store();
        let name: Reference = "flink-job:1".parse().unwrap();
        assert!(matches!(store.image(&name), Err(StoreError::Unknown(_))));
        let platform = Platform::linux_amd64();
        let mut config = Config::empty(&platform);
        let one = Image::new(&config, vec![], &[]).into();
        config.set_label("a", "b");
        let two = Image::new(&config, vec![], &[]).into();
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
        let image = Image::new(&Config::empty(&Platform::linux_amd64()), vec![], &[]).into();
        store.keep(&"job".parse().unwrap(), &image).unwrap();
        store.image(&"job:latest".parse().unwrap()).unwrap();
        store.keep(&"job:latest".parse().unwrap(), &image).unwrap();
        assert_eq!(store.images().unwrap().len(), 1);
        store.image(&"job".parse().unwrap()).unwrap();
    }

    #[test]
    fn an_index_is_kept_with_all_its_images() {
        let (_folder, store) = store();
        let image = |text: &str| {
            let platform: Platform = text.parse().unwrap();
            (
                platform.clone(),
                Image::new(&Config::empty(&platform), vec![], &[]),
            )
        };
        let images = ImageSet::new(vec![image("linux/amd64"), image("linux/arm64")]);
        let name: Reference = "job".parse().unwrap();
        store.keep(&name, &images).unwrap();
        let found = store.image(&name).unwrap();
        assert_eq!(found.digest(), images.digest());
        assert_eq!(found.document(), images.document());
        assert_eq!(found.images().len(), 2);
        assert_eq!(files(&store, BLOBS), 5);
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
        assert!(store.blob(&descriptor, &Silent).is_some());
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
}
