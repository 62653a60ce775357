//! Why an image cannot be looked at.

use std::io;

use super::subject::file_hint;
use crate::archive::ArchiveError;
use crate::base::{BaseError, is_bomb};
use crate::error::{Explain, FileError, Kind};
use crate::oci::{Digest, MediaType, Platform, Reference};
use crate::registry;
use crate::store::{LayoutError, StoreError};

/// What to do with an image that has what no honest one has.
const HOSTILE_HINT: &str = "do not run this image, and tell whoever published it";

/// An image cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// A folder or an archive does not give it.
    #[error(transparent)]
    Base(Box<BaseError>),
    /// The local store does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A layout does not give it.
    #[error(transparent)]
    Layout(LayoutError),
    /// Its registry does not give it.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// Neither does the store have it, nor does its registry give it.
    #[error("`{name}` is not kept on this machine, and its registry does not give it")]
    Nowhere {
        /// What was asked for.
        name: Box<Reference>,
        /// The path of the file that may have been meant.
        file: Option<String>,
        /// Why its registry does not.
        source: Box<registry::Error>,
    },
    /// It is something else that is kept as images are.
    #[error("`{name}` is no image: its config is of the type `{media_type}`")]
    NoImage {
        /// What was asked for.
        name: String,
        /// The type of its config.
        media_type: MediaType,
    },
    /// Its documents cannot be read.
    #[error("`{name}` cannot be read as an image")]
    Unusable {
        /// What was asked for.
        name: String,
        /// Why.
        source: Box<LayoutError>,
    },
    /// There are images for other platforms.
    #[error("`{name}` has no image for {wanted}; it has {found}")]
    Platform {
        /// What was asked for.
        name: String,
        /// The platform that was asked for, or the usual one.
        wanted: Box<Platform>,
        /// Those that there are, as a list.
        found: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such layer.
    #[error("`{name}` has no layer `{asked}`")]
    NoSuchLayer {
        /// The image.
        name: String,
        /// What was asked for.
        asked: String,
        /// How many layers there are.
        count: usize,
    },
    /// Several layers have a digest that begins so.
    #[error("`{name}` has several layers whose digest begins with `{asked}`:{found}")]
    Ambiguous {
        /// The image.
        name: String,
        /// What was asked for.
        asked: String,
        /// Their numbers, as a list.
        found: String,
    },
    /// A layer that is no archive.
    #[error("The layer `{digest}` is of the type `{media_type}`, which cannot be listed")]
    LayerType {
        /// The layer.
        digest: Digest,
        /// Its type.
        media_type: MediaType,
    },
    /// A layer cannot be read as what it is said to be.
    #[error("The layer `{digest}` of `{name}` cannot be read")]
    Layer {
        /// The image.
        name: String,
        /// The layer.
        digest: Digest,
        /// What went wrong.
        source: io::Error,
    },
    /// A layer is not the one that the manifest says.
    #[error("The layer `{digest}` of `{name}` does not match its digest")]
    LayerDigest {
        /// The image.
        name: String,
        /// The layer.
        digest: Digest,
    },
    /// A layer's tar is another one than the config says.
    #[error("The layer `{digest}` of `{name}` does not have the diff id that the config lists")]
    DiffId {
        /// The image.
        name: String,
        /// The layer.
        digest: Digest,
    },
    /// A layer has what no honest one has.
    #[error(transparent)]
    Hostile(ArchiveError),
}

impl InspectError {
    /// What a registry said of an image that was looked for in the store before; `file` is there, and called like it.
    #[must_use]
    pub fn of_what_is_not_kept(self, name: &Reference, file: Option<&str>) -> Self {
        match self {
            Self::Registry(error) => Self::Nowhere {
                name: Box::new(name.clone()),
                file: file.map(ToOwned::to_owned),
                source: Box::new(error),
            },
            other => other,
        }
    }

    /// What a layout said of the image called `name`.
    pub(super) fn of_layout(name: &str, error: LayoutError) -> Self {
        let name = name.to_owned();
        match error {
            LayoutError::NoImage(media_type) => Self::NoImage { name, media_type },
            LayoutError::Platform { wanted, found, .. } => Self::Platform {
                name,
                wanted: Box::new(wanted),
                found,
            },
            source @ (LayoutError::Manifest(_)
            | LayoutError::Config(_)
            | LayoutError::Nested
            | LayoutError::Layers { .. }) => Self::Unusable {
                name,
                source: Box::new(source),
            },
            error => Self::Layout(error),
        }
    }

    /// What a reader of bases said of the image called `name`, which is none.
    pub(super) fn of_base(name: &str, error: BaseError) -> Self {
        match error {
            BaseError::Layout(error) => Self::of_layout(name, error),
            BaseError::Config { source, .. } => Self::of_layout(name, source.into()),
            BaseError::Manifest { source, .. } => Self::of_layout(name, source.into()),
            error => Self::Base(Box::new(error)),
        }
    }
}

impl Explain for InspectError {
    fn kind(&self) -> Kind {
        match self {
            Self::Base(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Registry(error) => error.kind(),
            Self::Nowhere { source, .. } => source.kind(),
            Self::File(error) => error.kind(),
            Self::Hostile(error) => error.kind(),
            Self::Layer { source, .. } if is_bomb(source) => Kind::Hostile,
            Self::Platform { .. } => Kind::Incompatible,
            Self::NoSuchLayer { .. } | Self::Ambiguous { .. } => Kind::Usage,
            Self::LayerDigest { .. } | Self::DiffId { .. } => Kind::Integrity,
            Self::NoImage { .. }
            | Self::Unusable { .. }
            | Self::LayerType { .. }
            | Self::Layer { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Base(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Layout(LayoutError::NotALayout(..)) => {
                "name a folder or an archive that `-o`, `skopeo copy` or `docker save` wrote"
                    .to_owned()
            }
            Self::Layout(error) => return error.hint(),
            Self::Registry(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Layer { source, .. } if is_bomb(source) => HOSTILE_HINT.to_owned(),
            Self::Hostile(_) => HOSTILE_HINT.to_owned(),
            Self::Nowhere { file, source, .. } => match file {
                Some(path) => file_hint(path),
                None => return source.hint(),
            },
            Self::Platform { .. } => "choose one of these with `--platform`".to_owned(),
            Self::NoSuchLayer { count, .. } if *count > 0 => format!(
                "name it by its number, from 1 to {count}, or by the first digits of its digest"
            ),
            Self::Ambiguous { .. } => "give more digits, or its number".to_owned(),
            Self::LayerDigest { .. } | Self::DiffId { .. } | Self::Layer { .. } => {
                "get or build the image again".to_owned()
            }
            Self::NoSuchLayer { .. }
            | Self::NoImage { .. }
            | Self::Unusable { .. }
            | Self::LayerType { .. } => return None,
        })
    }
}
