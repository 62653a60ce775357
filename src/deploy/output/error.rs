//! Why a folder is not written to.

use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};

/// What was rendered is not put into a folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error("`{}` is no folder", .0.display())]
    NoFolder(PathBuf),
    /// There is something in it that was not rendered.
    #[error("`{}` has `{}`, which was not rendered by flink-img", folder.display(), path.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// What is in it.
        path: PathBuf,
    },
    /// What was rendered into it is a chart, and objects go there now; or the other way round.
    #[error("`{}` has {is} that flink-img rendered, and {wanted} cannot take the place", folder.display())]
    Form {
        /// The folder.
        folder: PathBuf,
        /// What is there.
        is: &'static str,
        /// What is rendered.
        wanted: &'static str,
    },
    /// There is in it what was rendered for somebody else.
    #[error("`{}` has what was rendered for `{owner}`", folder.display())]
    Other {
        /// The folder.
        folder: PathBuf,
        /// The name of the deployment.
        owner: String,
    },
}

impl Explain for FolderError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::NoFolder(_) | Self::Foreign { .. } | Self::Form { .. } | Self::Other { .. } => {
                Kind::Usage
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Form { .. } => Some("name a folder that is new or empty".to_owned()),
            Self::NoFolder(_) | Self::Foreign { .. } | Self::Other { .. } => Some(
                "name a folder that is new or empty, or one with what was rendered for the same name".to_owned(),
            ),
        }
    }
}
