//! Images as files for others: an OCI layout in a folder, and the two archive formats.
//!
//! A `docker-archive` is written as today's `docker save` does: an OCI layout with a `manifest.json` on top, so that
//! old and new readers find the same blobs, and the digest survives. That file knows of no platforms, so such an archive
//! holds one image; the other two hold an index as well, which their `index.json` names. An archive appears under its name
//! when it is whole; a folder that is there already keeps its other images.

mod archive;
mod folder;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use oci_spec::image::ANNOTATION_REF_NAME;

use super::blob;
use super::layout::LayoutError;
use super::local::NAME_ANNOTATION;
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs::{self, AtomicFile};
use crate::oci::{BlobSource, Descriptor, Digest, ImageSet, Platforms, Reference};

/// A file or folder that an image is written to: `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// An OCI layout in a folder; an image of the same name in it is replaced.
    Layout(PathBuf),
    /// The same as a tar.
    OciArchive(PathBuf),
    /// A tar that `docker load` and `podman load` take.
    DockerArchive(PathBuf),
}

/// A text that names no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an output: expected `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`")]
pub struct OutputParseError(String);

/// An output could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder holds something else than a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The layout that is there has an index that cannot be added to.
    #[error("`{}` cannot be read", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// The folder is there, and is neither empty nor a layout.
    #[error("`{}` is neither empty nor an OCI layout", .0.display())]
    Occupied(PathBuf),
    /// A pipe, a device or a socket, which a file would take the place of.
    #[error("`{}` is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// A blob is not what its descriptor says.
    #[error("A layer does not match its digest `{0}`")]
    Damaged(Digest),
    /// The form knows of no platforms.
    #[error("`docker-archive:{}` can hold one image, and not one for each of several platforms", .0.display())]
    OneImage(PathBuf),
}

impl Explain for OutputError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Index { .. } | Self::Occupied(_) | Self::NotRegular(_) => Kind::Input,
            Self::Damaged(_) => Kind::Integrity,
            Self::OneImage(_) => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Index { .. } | Self::Occupied(_) => Some("name a new or empty folder".to_owned()),
            Self::NotRegular(_) => Some("name a new file".to_owned()),
            Self::OneImage(path) => Some(format!(
                "write `oci-archive:{}`, or build for one `--platform` at a time",
                path.display()
            )),
            Self::Damaged(_) => Some(
                "get the base again if it has this layer, else remove the cache folder, and build again"
                    .to_owned(),
            ),
        }
    }
}

impl FromStr for Output {
    type Err = OutputParseError;

    fn from_str(text: &str) -> Result<Self, OutputParseError> {
        match text.split_once(':') {
            Some((_, "")) | None => Err(OutputParseError(text.to_owned())),
            Some(("oci", path)) => Ok(Self::Layout(path.into())),
            Some(("oci-archive", path)) => Ok(Self::OciArchive(path.into())),
            Some(("docker-archive", path)) => Ok(Self::DockerArchive(path.into())),
            Some(_) => Err(OutputParseError(text.to_owned())),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path) = match self {
            Self::Layout(path) => ("oci", path),
            Self::OciArchive(path) => ("oci-archive", path),
            Self::DockerArchive(path) => ("docker-archive", path),
        };
        write!(f, "{kind}:{}", path.display())
    }
}

impl Output {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Layout(path) | Self::OciArchive(path) | Self::DockerArchive(path) => path,
        }
    }

    /// Whether an image for these platforms could be written, as far as that can be known before there is one.
    pub fn check(&self, platforms: &Platforms) -> Result<(), OutputError> {
        match self {
            Self::DockerArchive(path) if platforms.are_several() => {
                Err(OutputError::OneImage(path.clone()))
            }
            Self::Layout(path) => folder::check(path),
            // Not committed, so nothing is left.
            Self::OciArchive(path) | Self::DockerArchive(path) => {
                Ok(AtomicFile::create(&replaced(path)?).map(drop)?)
            }
        }
    }

    /// Writes `images` under `names`, all but the last step. All layers must be on this machine.
    pub fn write(&self, images: &ImageSet, names: &[Reference]) -> Result<Written, OutputError> {
        Ok(Written(match self {
            Self::Layout(path) => LastStep::Layout(folder::write(path, images, names)?),
            Self::OciArchive(path) => {
                LastStep::File(archive::write(&replaced(path)?, images, names, None)?)
            }
            Self::DockerArchive(path) => {
                let [image] = images.images() else {
                    return Err(OutputError::OneImage(path.clone()));
                };
                LastStep::File(archive::write(
                    &replaced(path)?,
                    images,
                    names,
                    Some(image),
                )?)
            }
        }))
    }
}

/// An output that is whole, and not yet to be seen under its name; dropped, it never will be.
#[derive(Debug)]
#[must_use]
pub struct Written(LastStep);

#[derive(Debug)]
enum LastStep {
    File(AtomicFile),
    Layout(folder::Filled),
}

impl Written {
    /// Shows the output under its name.
    pub fn commit(self) -> Result<(), OutputError> {
        match self.0 {
            LastStep::File(file) => Ok(file.commit()?),
            LastStep::Layout(filled) => filled.commit(),
        }
    }
}

/// The file that is replaced when `path` is written: where a link leads, and nothing but a regular file.
pub fn replaced(path: &Path) -> Result<PathBuf, OutputError> {
    let Ok(link) = fs::symlink_metadata(path) else {
        return Ok(path.to_owned());
    };
    let metadata = fs::metadata(path).map_err(|error| error.doing("create", path))?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory)).at("write", path)?;
    }
    if !metadata.is_file() {
        return Err(OutputError::NotRegular(path.to_owned()));
    }
    Ok(if link.is_symlink() {
        fs::canonicalize(path)?
    } else {
        path.to_owned()
    })
}

/// The entries of an image in the index of a layout, one a name.
fn index_entries(images: &ImageSet, names: &[Reference]) -> Vec<Descriptor> {
    names
        .iter()
        .map(|name| {
            let mut descriptor = images.descriptor();
            let tag = name.tag().unwrap_or("latest");
            let full = if name.tag().is_some() {
                name.to_string()
            } else {
                format!("{name}:{tag}")
            };
            descriptor.annotations = BTreeMap::from([
                (ANNOTATION_REF_NAME.to_owned(), tag.to_owned()),
                (NAME_ANNOTATION.to_owned(), full),
            ]);
            descriptor
        })
        .collect()
}

/// Layers, configs, manifests and the index, each digest once.
fn all_blobs(images: &ImageSet) -> BTreeMap<Digest, (Descriptor, BlobSource)> {
    images
        .blobs()
        .map(|(descriptor, source)| (descriptor.digest, (descriptor, source)))
        .collect()
}

/// Copies a blob and checks it on the way.
fn copy_blob(
    descriptor: &Descriptor,
    source: &BlobSource,
    output: &mut impl Write,
    path: &Path,
) -> Result<(), OutputError> {
    let found = blob::copy(descriptor, source, output, path)?;
    if found != (descriptor.digest, descriptor.size) {
        return Err(OutputError::Damaged(descriptor.digest));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Platform;

    #[test]
    fn an_archive_replaces_regular_files_only() {
        let platforms = Platform::linux_amd64().into();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        Output::OciArchive(file.clone()).check(&platforms).unwrap();
        assert!(Output::OciArchive(link.clone()).check(&platforms).is_err());
        fs::write_atomic(&file, b"").unwrap();
        Output::OciArchive(link.clone()).check(&platforms).unwrap();
        assert_eq!(replaced(&link).unwrap(), fs::canonicalize(&file).unwrap());
        let device = Output::OciArchive("/dev/null".into()).check(&platforms);
        assert!(matches!(device, Err(OutputError::NotRegular(_))));
        let missing = Output::OciArchive(folder.path().join("no/file")).check(&platforms);
        assert!(matches!(missing, Err(OutputError::File(_))));
        Output::OciArchive(folder.path().to_owned())
            .check(&platforms)
            .unwrap_err();
    }
}
