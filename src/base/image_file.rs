//! Images in folders and archives, for whoever builds nothing on them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::archived::{self, Form};
use super::docker_archive::{self, DOCKER_MANIFEST};
use super::resolve::OCI_ARCHIVE;
use super::{BaseError, BaseSource};
use crate::error::FileError;
use crate::fs;
use crate::oci::Platform;
use crate::store::{FoundImage, Layout, LayoutError, Store};

/// Where images are on this machine, outside of the store; with the name of one where there are several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageFile {
    /// An OCI layout in a folder.
    Layout(PathBuf, Option<String>),
    /// An OCI layout in a tar.
    OciArchive(PathBuf, Option<String>),
    /// What `docker save` writes.
    DockerArchive(PathBuf, Option<String>),
    /// An archive of which nobody said what it is.
    Archive(PathBuf),
}

/// An archive that may be either.
const EITHER: Form = Form {
    kind: "image-archive",
    hash_files: false,
};

impl ImageFile {
    /// What is at a path: a folder is a layout, and all else an archive.
    pub fn at(path: &Path) -> Result<Self, FileError> {
        let path = path.to_owned();
        Ok(if fs::metadata(&path)?.is_dir() {
            Self::Layout(path, None)
        } else {
            Self::Archive(path)
        })
    }

    /// The file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Layout(path, _)
            | Self::OciArchive(path, _)
            | Self::DockerArchive(path, _)
            | Self::Archive(path) => path,
        }
    }

    /// Finds the image, with what it was chosen from. What is learnt of an archive is remembered in `store`.
    pub fn look_up(
        &self,
        asked: Option<&Platform>,
        store: &Store,
    ) -> Result<FoundImage, BaseError> {
        let (path, form, name) = match self {
            Self::Layout(folder, name) => {
                return Ok(Layout::open(folder)?.look_up(name.as_deref(), asked)?);
            }
            Self::OciArchive(path, name) => (path, OCI_ARCHIVE, name.as_deref()),
            Self::DockerArchive(path, name) => (path, docker_archive::FORM, name.as_deref()),
            Self::Archive(path) => (path, EITHER, None),
        };
        let choice = ("look up", name, asked);
        let (image, listing) = archived::open(path, form, &choice, store, |archive| {
            let layout = match self {
                Self::DockerArchive(..) => None,
                Self::Archive(_) => match docker_archive::layout(archive) {
                    Err(LayoutError::NotALayout(..)) => None,
                    layout => Some(layout?),
                },
                _ => Some(docker_archive::layout(archive)?),
            };
            let has_docker = || archive.members().contains_key(DOCKER_MANIFEST);
            let FoundImage { image, listing } = match layout {
                Some(layout) => layout.look_up(name, asked)?,
                None if matches!(self, Self::Archive(_)) && !has_docker() => {
                    return Err(BaseError::NoImage(path.clone()));
                }
                None => docker_archive::look_up(archive, name)?,
            };
            Ok((image, listing))
        })?;
        Ok(FoundImage { image, listing })
    }
}

impl TryFrom<BaseSource> for ImageFile {
    type Error = BaseSource;

    /// The file that a base is in. An image in a registry is none, and neither is a root file system.
    fn try_from(source: BaseSource) -> Result<Self, BaseSource> {
        match source {
            BaseSource::Layout(path, name) => Ok(Self::Layout(path, name)),
            BaseSource::OciArchive(path, name) => Ok(Self::OciArchive(path, name)),
            BaseSource::DockerArchive(path, name) => Ok(Self::DockerArchive(path, name)),
            other => Err(other),
        }
    }
}

impl fmt::Display for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path, name) = match self {
            Self::Layout(path, name) => ("oci:", path, name.as_ref()),
            Self::OciArchive(path, name) => ("oci-archive:", path, name.as_ref()),
            Self::DockerArchive(path, name) => ("docker-archive:", path, name.as_ref()),
            Self::Archive(path) => ("", path, None),
        };
        write!(f, "{scheme}{}", path.display())?;
        name.map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}
