//! Why a base cannot be used.

use std::io;
use std::path::PathBuf;

use crate::archive::ArchiveError;
use crate::error::{Explain, FileError, Kind};
use crate::oci::{ConfigError, Digest, ManifestError, MediaType, Platform, Platforms};
use crate::registry::{self, Task};
use crate::store::{LayoutError, StoreError};

/// A blob could not be brought into the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The registry did not give it.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FetchError {
    /// The blob that could not be had, if it was one.
    pub fn blob(&self) -> Option<Digest> {
        match self {
            Self::Registry(error) => match error.task() {
                Task::PullBlob { digest, .. } => Some(*digest),
                _ => None,
            },
            Self::Store(_) => None,
        }
    }
}

impl Explain for FetchError {
    fn kind(&self) -> Kind {
        match self {
            Self::Registry(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// A base cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// A registry did not give it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A layout did not give it.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An archive did not give it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The base's manifest cannot be used.
    #[error("The base `{base}` cannot be used")]
    Manifest {
        /// The base.
        base: String,
        /// Why.
        source: ManifestError,
    },
    /// The base's config cannot be used.
    #[error("The base `{base}` cannot be used")]
    Config {
        /// The base.
        base: String,
        /// Why.
        source: ConfigError,
    },
    /// The base has a layer that no run time unpacks.
    #[error("The base `{base}` has a layer of the type `{media_type}`, which cannot be used")]
    LayerType {
        /// The base.
        base: String,
        /// The type.
        media_type: MediaType,
    },
    /// The base is for another platform.
    #[error("The base `{base}` is for {found}, and the image is to be for {wanted}")]
    Platform {
        /// The base.
        base: String,
        /// Its platform.
        found: Box<Platform>,
        /// The platform that was asked for.
        wanted: Box<Platform>,
    },
    /// The base has one image at most, and one for each of several platforms is wanted.
    #[error("The base `{base}` is for one platform, and the image is to be for {wanted}")]
    OnePlatform {
        /// The base.
        base: String,
        /// The platforms that were asked for.
        wanted: Platforms,
    },
    /// The base has the same image for two platforms.
    #[error("The base `{base}` has one image for both {one} and {other}")]
    SameImage {
        /// The base.
        base: String,
        /// One platform that was asked for.
        one: Box<Platform>,
        /// The other one.
        other: Box<Platform>,
    },
    /// A layer cannot be read as what it is said to be.
    #[error("The layer `{digest}` of the base `{base}` cannot be read")]
    Layer {
        /// The base.
        base: String,
        /// The layer.
        digest: Digest,
        /// What went wrong.
        source: io::Error,
    },
    /// A layer's tar is another one than the config says.
    #[error(
        "The layer `{digest}` of the base `{base}` does not have the diff id that the base's config lists"
    )]
    DiffId {
        /// The base.
        base: String,
        /// The layer.
        digest: Digest,
    },
    /// A layer is not the one that the manifest says.
    #[error("The layer `{digest}` of the base `{base}` does not match its digest")]
    LayerDigest {
        /// The base.
        base: String,
        /// The layer.
        digest: Digest,
    },
    /// A root file system with a name that means a removal.
    #[error("`{}` has the entry `{entry}`, whose name means a removal in an image", path.display())]
    Whiteout {
        /// The archive.
        path: PathBuf,
        /// The entry.
        entry: String,
    },
    /// An archive that has no image in it.
    #[error("`{}` has no image: it has neither `oci-layout` nor `manifest.json`", .0.display())]
    NoImage(PathBuf),
    /// A docker-archive without what makes it one.
    #[error("`{}` is not a docker-archive: {reason}", path.display())]
    DockerArchive {
        /// The archive.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
}

impl BaseError {
    /// Names the base in an error about a document of it.
    pub(super) fn of_base(self, base: &str) -> Self {
        let base = base.to_owned();
        match self {
            Self::Layout(LayoutError::Manifest(source)) => Self::Manifest { base, source },
            Self::Layout(LayoutError::Config(source)) => Self::Config { base, source },
            other => other,
        }
    }
}

impl Explain for BaseError {
    fn kind(&self) -> Kind {
        match self {
            Self::Fetch(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Archive(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Platform { .. } | Self::OnePlatform { .. } | Self::SameImage { .. } => {
                Kind::Incompatible
            }
            Self::DiffId { .. } | Self::LayerDigest { .. } => Kind::Integrity,
            Self::Manifest { .. }
            | Self::Config { .. }
            | Self::LayerType { .. }
            | Self::Layer { .. }
            | Self::Whiteout { .. }
            | Self::NoImage(_)
            | Self::DockerArchive { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Fetch(error) => return error.hint(),
            Self::Layout(error) => return error.hint(),
            Self::Archive(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Platform { found, .. } => format!("choose another base, or `--platform {found}`"),
            Self::OnePlatform { .. } => {
                "choose a base that is an index of images, or build for one `--platform` at a time"
                    .to_owned()
            }
            Self::SameImage { one, .. } => format!("leave {one} out of `--platform`"),
            Self::Manifest { .. } => {
                "push the base again with a current tool, or choose another".to_owned()
            }
            Self::Whiteout { .. } => "make the archive again without that file".to_owned(),
            Self::NoImage(_) | Self::DockerArchive { .. } => {
                "write one with `docker save` or `skopeo copy`".to_owned()
            }
            Self::Layer { .. } | Self::LayerDigest { .. } => {
                "get the base again, or choose another".to_owned()
            }
            Self::Config { .. } | Self::LayerType { .. } | Self::DiffId { .. } => {
                "choose another base".to_owned()
            }
        })
    }
}
