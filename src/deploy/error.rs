//! What can be wrong with a configuration, or with what it asks for.

use crate::error::{Explain, FileError, Kind};

/// Nothing can be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration is no YAML, or no mapping.
    #[error("`{file}` cannot be read as a configuration: {why}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong, with the line, as the end of a sentence.
        why: String,
    },
    /// Something that was said is not right.
    #[error("{place}{problem}")]
    Invalid {
        /// Where it was said: "`config.yaml` line 3: ", "`--image`: ", or nothing.
        place: String,
        /// A sentence that names the key.
        problem: String,
        /// What to do, as a sentence without a period.
        way_out: Option<String>,
    },
    /// What was said and what the image says do not go together.
    #[error("{place}{problem}")]
    Contradiction {
        /// Where it was said.
        place: String,
        /// A sentence that names the key and what the image says.
        problem: String,
        /// What to do.
        way_out: String,
    },
}

impl Explain for DeployError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Syntax { .. } | Self::Invalid { .. } => Kind::Input,
            Self::Contradiction { .. } => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Syntax { .. } => None,
            Self::Invalid { way_out, .. } => way_out.clone(),
            Self::Contradiction { way_out, .. } => Some(way_out.clone()),
        }
    }
}
