//! Why packages do not go together.

use crate::error::{Explain, Kind};

/// Packages that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Something that is no package can be asked for this way.
    #[error("`{0}` cannot be asked for: it says what must not be there")]
    Negative(String),
    /// A tag of a repository.
    #[error("`{0}` cannot be asked for: repositories with tags are not supported")]
    Tag(String),
    /// There are too many ways to try.
    #[error("No packages that go together were found before the search for them got too long")]
    Effort,
    /// Nobody has it.
    #[error("No repository has `{name}`, which {by} needs")]
    Missing {
        /// What is missing.
        name: String,
        /// Who needs it.
        by: String,
    },
    /// Nobody has it in a version that fits.
    #[error("No repository has `{wanted}`, which {by} needs; there is `{}`", found.join("`, `"))]
    Version {
        /// What is missing.
        wanted: String,
        /// Who needs it.
        by: String,
        /// What there is.
        found: Vec<String>,
    },
    /// The base has it in a version that does not fit.
    #[error("The base has `{installed}`, and {by} needs `{wanted}`")]
    Installed {
        /// The package of the base.
        installed: String,
        /// What is needed.
        wanted: String,
        /// Who needs it.
        by: String,
    },
    /// Those who have it do not say which version, and are not chosen by themselves.
    #[error(
        "`{name}`, which {by} needs, is only in packages that have to be asked for by name: `{}`",
        providers.join("`, `")
    )]
    Virtual {
        /// What is needed.
        name: String,
        /// Who needs it.
        by: String,
        /// Who has it.
        providers: Vec<String>,
    },
    /// Two that cannot be there together.
    #[error("`{package}`, which {by} needs, cannot be there together with `{other}`")]
    Conflict {
        /// The one.
        package: String,
        /// Who needs it.
        by: String,
        /// The other.
        other: String,
    },
}

impl Explain for ResolveError {
    fn kind(&self) -> Kind {
        match self {
            Self::Negative(_) | Self::Tag(_) => Kind::Usage,
            Self::Missing { .. } | Self::Version { .. } => Kind::NotFound,
            Self::Installed { .. } | Self::Conflict { .. } => Kind::Incompatible,
            Self::Virtual { .. } | Self::Effort => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } | Self::Version { .. } => {
                "check the name, or add a repository that has it with `--package-repository`"
            }
            Self::Installed { .. } => {
                "choose a base with newer packages, or a repository of the base's own release"
            }
            Self::Effort => {
                "ask for fewer packages, or for versions that leave less to choose from"
            }
            Self::Virtual { .. } => "ask for one of them by name",
            Self::Negative(_) | Self::Tag(_) | Self::Conflict { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
