//! A `registries.conf` that cannot be used.

use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};

/// A file of mirrors that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// It is no TOML, or TOML of another shape.
    #[error("`{}` cannot be read", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// One `[[registry]]` makes no sense.
    #[error("The registry `{entry}` in `{}` {reason}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The prefix, as far as there is one.
        entry: String,
        /// What is wrong with it, as a predicate.
        reason: &'static str,
    },
}

impl Explain for MirrorError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            Self::Toml { .. } | Self::Entry { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read(error) => return error.hint(),
            Self::Toml { .. } | Self::Entry { .. } => {
                "repair the file, or name another with `CONTAINERS_REGISTRIES_CONF`; containers-registries.conf(5) \
                 describes it"
                    .to_owned()
            }
        })
    }
}
