//! Why nothing is rendered, as far as the command line knows.

use crate::error::{Explain, Kind};
use crate::inspect::InspectError;
use crate::oci::Reference;

/// Nothing is rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RenderError {
    #[error("There is no image to run")]
    NoImage,
    #[error("A chart is a folder, and `-o` says of none")]
    NoFolder,
    #[error("`FLINK_JOB_ARGUMENTS` has a quote that is not closed")]
    Arguments,
    #[error("The registry of `{name}` does not give it, so it is not known what it is")]
    Missing {
        name: Box<Reference>,
        is_kept: bool,
        source: Box<InspectError>,
    },
    #[error("The digest of `{name}` is not known, as its registry does not tell it")]
    Unreachable {
        name: Box<Reference>,
        source: Box<InspectError>,
    },
    #[error("The digest of `{0}` is not known, as it is not kept on this machine")]
    NotKept(Box<Reference>),
}

impl Explain for RenderError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoImage | Self::NoFolder | Self::Arguments => Kind::Usage,
            Self::NotKept(_) => Kind::Input,
            Self::Missing { source, .. } | Self::Unreachable { source, .. } => source.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoImage => {
                "name it with `--image REF`, with `FLINK_IMAGE_NAME`, or with `image.repository` in the file of `-f`".to_owned()
            }
            Self::NoFolder => "name it with `-o DIR`".to_owned(),
            Self::Arguments => {
                "write it as for a shell, `--input 'a b'`, or as texts of JSON, `\"--input\", \"a b\"`".to_owned()
            }
            Self::Missing { name, is_kept: true, .. } => {
                format!("push it with `flink-img push {name}`, or take what is kept on this machine with `--offline`")
            }
            Self::Missing { source, .. } if source.kind() == Kind::NotFound => {
                "push it first, or ask no registry, with `--offline`".to_owned()
            }
            Self::Missing { source, .. } | Self::Unreachable { source, .. } => return source.hint(),
            Self::NotKept(_) => {
                "name the image with its digest, or let its registry be asked, without `--offline`".to_owned()
            }
        })
    }
}
