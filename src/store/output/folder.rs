//! An image in a folder that is an OCI layout, new or with other images in it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use oci_spec::image::ANNOTATION_REF_NAME;
use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::{OutputError, all_blobs, copy_blob, index_entries};
use crate::error::IoResultExt as _;
use crate::fs::{self, AtomicFile};
use crate::oci::{BlobSource, Descriptor, ImageSet, Index, Reference};
use crate::parallel::on_all_cores;
use crate::store::blob;
use crate::store::layout::{
    BLOBS, INDEX, MARKER, MARKER_TEXT, ensure_layout, read_index, write_index,
};
use crate::store::local::NAME_ANNOTATION;

/// Whether the layout could be written, as far as that can be known before there is an image.
pub(super) fn check(folder: &Path) -> Result<(), OutputError> {
    match fs::metadata(folder) {
        Ok(metadata) => {
            if !metadata.is_dir() || !is_layout(folder) && !is_vacant(folder)? {
                return Err(OutputError::Occupied(folder.to_owned()));
            }
            check_index(folder)?;
            AtomicFile::create_in(folder)?;
            let blobs = folder.join(BLOBS);
            if fs::metadata(&blobs).is_ok() {
                AtomicFile::create_in(&blobs)?;
            }
            Ok(())
        }
        // A link to nothing would be replaced by the folder.
        Err(error) if fs::symlink_metadata(folder).is_ok() => Err(error.doing("create", folder))?,
        Err(_) => Ok(AtomicFile::create(folder).map(drop)?),
    }
}

fn is_layout(folder: &Path) -> bool {
    fs::metadata(&folder.join(MARKER)).is_ok()
}

/// Whether the image can be added to the index that is there; nothing may be found out of it only after a push.
fn check_index(folder: &Path) -> Result<(), OutputError> {
    if !is_layout(folder) {
        return Ok(());
    }
    read_index(folder)
        .map(drop)
        .map_err(|source| OutputError::Index {
            path: folder.join(INDEX),
            source: Box::new(source),
        })
}

/// Whether nothing is in the folder, or only what a build that was killed left there.
fn is_vacant(folder: &Path) -> Result<bool, OutputError> {
    Ok(fs::list(folder)?
        .iter()
        .all(|path| path.file_name().is_some_and(|name| name == "blobs")))
}

/// A layout that has all blobs of an image, and lacks but its names.
#[derive(Debug)]
pub(super) struct Filled {
    folder: PathBuf,
    /// The names, as entries of the index.
    entries: Vec<Descriptor>,
    /// Where a new layout is until it gets its name.
    growing: Option<TempDir>,
}

/// Writes the blobs of `images` into the layout; nobody sees the images yet.
///
/// A new layout grows under another name, so that a build that is killed leaves nothing that looks like one.
pub(super) fn write(
    folder: &Path,
    images: &ImageSet,
    names: &[Reference],
) -> Result<Filled, OutputError> {
    let entries = index_entries(images, names);
    let growing = if fs::metadata(folder).is_ok() {
        if !is_layout(folder) && !is_vacant(folder)? {
            return Err(OutputError::Occupied(folder.to_owned()));
        }
        check_index(folder)?;
        fill(folder, images)?;
        None
    } else {
        let growing = tempfile::Builder::new()
            .prefix(".flink-img-")
            .tempdir_in(fs::folder_of(folder))
            .at("create", folder)?;
        let inside = inside(&growing);
        fill(&inside, images)?;
        ensure_layout(&inside, fs::write_atomic)?;
        write_index(&inside, &Index::new(entries.clone()))?;
        fs::sync_folder(&inside)?;
        Some(growing)
    };
    Ok(Filled {
        folder: folder.to_owned(),
        entries,
        growing,
    })
}

/// A layout's place in the temporary folder that it grows in.
fn inside(growing: &TempDir) -> PathBuf {
    growing.path().join("layout")
}

impl Filled {
    /// Gives the image its names; images of the same names lose them.
    pub(super) fn commit(self) -> Result<(), OutputError> {
        if let Some(growing) = &self.growing {
            let new = inside(growing);
            match fs::rename(&new, &self.folder) {
                Ok(()) => return Ok(()),
                // Somebody else made one of that name in the meantime, so this one goes into that.
                Err(_) if is_layout(&self.folder) => {
                    let blobs = self.folder.join(BLOBS);
                    fs::create_dir_all(&blobs, None)?;
                    for blob in fs::list(&new.join(BLOBS))? {
                        let name = blob.file_name().expect("an entry of a folder has a name");
                        fs::rename(&blob, &blobs.join(name))?;
                    }
                    fs::sync_folder(&blobs)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.add_to_index()
    }

    fn add_to_index(self) -> Result<(), OutputError> {
        let Self {
            folder, entries, ..
        } = self;
        let _lock = lock(&folder)?;
        let exists = is_layout(&folder);
        let mut index = if exists {
            read_index(&folder)?
        } else {
            Index::new(Vec::new())
        };
        index
            .manifests
            .retain(|old| !entries.iter().any(|new| replaces(new, old)));
        index.manifests.extend(entries);
        write_index(&folder, &index)?;
        if !exists {
            // Last, so that a build that is killed leaves nothing that looks like a layout.
            fs::write_atomic(&folder.join(MARKER), MARKER_TEXT)?;
        }
        Ok(())
    }
}

/// Keeps other builds out until it is dropped. It is the folder itself that is locked, so nothing is left in it.
fn lock(folder: &Path) -> Result<Option<File>, OutputError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::empty())
        .map_err(std::io::Error::from)
        .at("lock", folder)?;
    let file = File::from(file);
    match file.lock() {
        Ok(()) => Ok(Some(file)),
        // Not every network file system has locks.
        Err(error) => {
            tracing::debug!("`{}` cannot be locked: {error}", folder.display());
            Ok(None)
        }
    }
}

/// Whether an image of the index has the name of a new one.
///
/// Tags say little: images of many repositories are called `latest`.
fn replaces(new: &Descriptor, old: &Descriptor) -> bool {
    let short = |manifest: &Descriptor| manifest.annotations.get(ANNOTATION_REF_NAME).cloned();
    let full = |manifest: &Descriptor| manifest.annotations.get(NAME_ANNOTATION).cloned();
    match (full(new), full(old), short(old)) {
        (Some(new), Some(old), _) => Reference::same(&new, &old),
        (Some(full), None, Some(old)) => {
            short(new).as_ref() == Some(&old) || Reference::same(&full, &old)
        }
        _ => false,
    }
}

fn fill(folder: &Path, images: &ImageSet) -> Result<(), OutputError> {
    fs::create_dir_all(&folder.join(BLOBS), None)?;
    let blobs: Vec<_> = all_blobs(images).into_values().collect();
    on_all_cores(&blobs, |(descriptor, source)| {
        let path = folder.join(BLOBS).join(descriptor.digest.hex());
        if fs::metadata(&path).is_ok() && blob::is_intact(&path, descriptor)? {
            return Ok(());
        }
        let mut file = AtomicFile::create(&path)?;
        match source {
            // Nothing looks at the bytes, so the kernel may copy them by itself.
            BlobSource::Checked(from) => {
                io::copy(&mut fs::open(from)?, &mut file.file()).at("write", &path)?;
            }
            _ => copy_blob(descriptor, source, &mut file, &path)?,
        }
        Ok(file.commit()?)
    })
    .into_iter()
    .collect::<Result<(), OutputError>>()?;
    // A power cut must not leave an index that names blobs whose own names never came to the disk.
    Ok(fs::sync_folder(&folder.join(BLOBS))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Config, Image, Platform};

    fn image(label: &str) -> ImageSet {
        let mut config = Config::empty(&Platform::linux_amd64());
        config.set_label("label", label);
        Image::new(&config, vec![], &[]).into()
    }

    fn write(folder: &Path, images: &ImageSet, names: &[Reference]) -> Result<(), OutputError> {
        super::write(folder, images, names)?.commit()
    }

    fn names(text: &str) -> Vec<Reference> {
        vec![text.parse().unwrap()]
    }

    #[test]
    fn a_layout_keeps_the_images_of_other_repositories() {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        write(&layout, &image("a"), &names("acme/one")).unwrap();
        write(&layout, &image("b"), &names("acme/two:latest")).unwrap();
        assert_eq!(read_index(&layout).unwrap().manifests.len(), 2);
        write(&layout, &image("c"), &names("acme/one:latest")).unwrap();
        let digests: Vec<_> = read_index(&layout)
            .unwrap()
            .manifests
            .iter()
            .map(|manifest| manifest.digest)
            .collect();
        assert_eq!(digests, [image("b").digest(), image("c").digest()]);
    }

    #[test]
    fn an_entry_without_a_full_name_is_known_by_its_tag() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &image("a"), &names("acme/one:1")).unwrap();
        let mut index = read_index(folder.path()).unwrap();
        index.manifests[0].annotations.remove(NAME_ANNOTATION);
        write_index(folder.path(), &index).unwrap();
        write(folder.path(), &image("b"), &names("acme/two:1")).unwrap();
        assert_eq!(read_index(folder.path()).unwrap().manifests.len(), 1);
    }

    #[test]
    fn an_empty_folder_is_filled_and_a_damaged_blob_made_good() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path()).unwrap();
        write(folder.path(), &image("a"), &names("one")).unwrap();
        let path = folder.path().join(BLOBS).join(image("a").digest().hex());
        let right = fs::read_limited(&path, 1 << 20).unwrap();
        fs::write_atomic(&path, &vec![b'x'; right.len()]).unwrap();
        write(folder.path(), &image("a"), &names("one")).unwrap();
        assert_eq!(fs::read_limited(&path, 1 << 20).unwrap(), right);
    }

    #[test]
    fn builds_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("layout");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let layout = &layout;
                scope.spawn(move || {
                    let name = names(&format!("job-{number}"));
                    write(layout, &image(&number.to_string()), &name).unwrap();
                });
            }
        });
        assert_eq!(read_index(&layout).unwrap().manifests.len(), 8);
    }

    #[test]
    fn an_index_that_cannot_be_read_is_found_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &image("a"), &names("one")).unwrap();
        fs::write_atomic(&folder.path().join(INDEX), b"garbage").unwrap();
        let error = check(folder.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("index.json` cannot be read"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_with_other_things_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write_atomic(&folder.path().join("file"), b"").unwrap();
        for error in [
            check(folder.path()).unwrap_err(),
            write(folder.path(), &image("a"), &names("one")).unwrap_err(),
        ] {
            assert!(matches!(error, OutputError::Occupied(_)), "{error}");
        }
    }
}
