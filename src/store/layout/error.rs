//! Why a layout cannot be used.

use crate::error::{Explain, FileError, Kind};
use crate::oci::{ConfigError, Descriptor, ManifestError, MediaType, Platform};

/// A layout is damaged, or lacks what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder or archive is something else.
    #[error("`{0}` is not an OCI layout: it has no `{1}`")]
    NotALayout(String, &'static str),
    /// A blob that is referred to is not there.
    #[error("`{layout}` lacks the blob `{digest}`", digest = descriptor.digest)]
    Missing {
        /// The layout.
        layout: String,
        /// The blob.
        descriptor: Box<Descriptor>,
    },
    /// A blob does not have the digest that it is filed under.
    #[error("A blob in `{layout}` does not match its digest `{digest}`", digest = descriptor.digest)]
    Damaged {
        /// The layout.
        layout: String,
        /// The blob.
        descriptor: Box<Descriptor>,
    },
    /// A blob is a link.
    #[error("The blob `{digest}` in `{layout}` is a link, which may lead to any file", digest = descriptor.digest)]
    Link {
        /// The layout.
        layout: String,
        /// The blob.
        descriptor: Box<Descriptor>,
    },
    /// A manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A config cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An index where an image was expected.
    #[error("Expected an image and found an index")]
    Nested,
    /// An index without images.
    #[error("The index `{digest}` in `{layout}` lists no image", digest = descriptor.digest)]
    EmptyIndex {
        /// The layout.
        layout: String,
        /// The index.
        descriptor: Box<Descriptor>,
    },
    /// The manifest of something that is kept as images are: a chart, a signature.
    #[error("It is no image: its config is of the type `{0}`")]
    NoImage(MediaType),
    /// Manifest and config speak of different layers.
    #[error("The manifest has {manifest} layers and the config {config}")]
    Layers {
        /// Layers in the manifest.
        manifest: usize,
        /// Layers in the config.
        config: usize,
    },
    /// There are several images, or none, and no name that chooses.
    #[error("`{layout}` holds {count} images, and none is chosen:{names}")]
    Choice {
        /// The layout.
        layout: String,
        /// How many images could be meant.
        count: usize,
        /// Their names, ready to be printed.
        names: String,
    },
    /// No image of the name.
    #[error("`{layout}` has no image `{name}`, only{names}")]
    NoSuchName {
        /// The layout.
        layout: String,
        /// The name that was asked for.
        name: String,
        /// The names that are there, ready to be printed.
        names: String,
    },
    /// No image for the platform.
    #[error("`{layout}` has no image for {wanted}; it has {found}")]
    Platform {
        /// The layout.
        layout: String,
        /// The platform that was asked for.
        wanted: Platform,
        /// Those that are there.
        found: String,
    },
}

impl LayoutError {
    /// The error for a name, or none, that chooses `count` images of all those with `names` instead of one.
    pub(crate) fn not_one<'a>(
        layout: &str,
        count: usize,
        asked: Option<&str>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let layout = layout.to_owned();
        let mut names = names.fold(String::new(), |names, name| names + " `" + name + "`");
        if names.is_empty() {
            names.push_str(" images without a name");
        }
        match asked {
            Some(name) if count == 0 => Self::NoSuchName {
                layout,
                name: name.to_owned(),
                names,
            },
            _ => Self::Choice {
                layout,
                count,
                names,
            },
        }
    }
}

impl Explain for LayoutError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Damaged { .. } => Kind::Integrity,
            Self::Link { .. } => Kind::Hostile,
            Self::Platform { .. } => Kind::Incompatible,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Choice { .. } | Self::NoSuchName { .. } => {
                Some("choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`".to_owned())
            }
            Self::NotALayout(..) => Some(
                "write one with `skopeo copy` or `-o oci:DIR`; the tar of a root file system is named with `rootfs:FILE`"
                    .to_owned(),
            ),
            Self::Link { .. } => Some(
                "if you know where the layout comes from, copy it with `cp -rL`, and use the copy"
                    .to_owned(),
            ),
            Self::Damaged { .. } | Self::Missing { .. } => Some("get or build it again".to_owned()),
            Self::Platform { .. } => {
                Some("choose another base, or another `--platform`".to_owned())
            }
            _ => None,
        }
    }
}
