//! What can go wrong with the local store.

use std::path::PathBuf;

use super::LayoutError;
use crate::error::{Explain, FileError, Kind};
use crate::oci::{Digest, Reference};

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
    /// The list of the images that were kept is damaged.
    #[error("`{}` cannot be read, so it is not known which images were kept", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// An image that was kept is damaged so badly that it is not known what it needs.
    #[error("The image `{name}` was kept and is damaged, so it is not known what it needs")]
    Kept {
        /// Its name.
        name: String,
        /// Why.
        source: Box<LayoutError>,
    },
    /// What wants to be alone in the store is not.
    #[error("Another flink-img uses the cache in `{}`", .0.display())]
    InUse(PathBuf),
    /// Not everything in the store is what it should be.
    #[error("The cache in `{}` has {count} fault{}{}", path.display(), if *count == 1 { "" } else { "s" }, if *mended { " that cannot be mended" } else { "" })]
    Unsound {
        /// The store.
        path: PathBuf,
        /// How many faults are in it.
        count: usize,
        /// Whether these are what mending left.
        mended: bool,
    },
}

impl Explain for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Mismatch { .. } | Self::Kept { .. } | Self::Unsound { .. } => Kind::Integrity,
            Self::Unknown(_) => Kind::NotFound,
            Self::Index { .. } => Kind::Input,
            Self::InUse(_) => Kind::Storage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Mismatch { .. } => None,
            Self::Unknown(_) => Some("`flink-img images` lists what is there".to_owned()),
            Self::Index { .. } => Some(
                "bring it back from a copy, or remove it: the names of the images that were kept are lost then, and all \
                 else stays"
                    .to_owned(),
            ),
            Self::Kept { .. } => Some("build it again under this name".to_owned()),
            Self::InUse(_) => Some("try again when it has ended".to_owned()),
            Self::Unsound { mended: false, .. } => Some(
                "`flink-img cache verify --repair` takes away what is damaged; the next build that needs it makes or \
                 fetches it again"
                    .to_owned(),
            ),
            Self::Unsound { mended: true, .. } => Some(
                "build images that are not whole again, under their names; an index can only be brought back from a copy"
                    .to_owned(),
            ),
        }
    }
}
