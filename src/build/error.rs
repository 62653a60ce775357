//! What can go wrong with a build: the errors of the rooms below, and the few of the build itself.

use super::content::ContentError;
use super::lock::LockError;
use crate::base::alpine::{AlpineError, DependencyError, RepositoryError};
use crate::base::{BaseError, BaseSourceError, CatalogueError, FetchError};
use crate::error::{Explain, FileError, Kind};
use crate::flink::hadoop::HadoopError;
use crate::flink::release::ReleaseError;
use crate::flink::{DistributionError, FlinkVersion, JavaVersionError, JobError, LineError};
use crate::http::HttpError;
use crate::jar::JarError;
use crate::layer::{ImagePathError, LayerError, PlanError};
use crate::oci::{Platforms, Reference};
use crate::preflight::Refused;
use crate::registry;
use crate::store::{OutputError, StoreError};

/// A build that cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base cannot be used.
    #[error(transparent)]
    Base(Box<BaseError>),
    /// The base's name makes no sense.
    #[error(transparent)]
    BaseSource(#[from] BaseSourceError),
    /// The base is in the catalogue, and not for the platform.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The base's name is not in the catalogue, and there is no such image either.
    #[error("The catalogue has no base `{name}`, and the image of that name cannot be had")]
    NoSuchBase {
        /// What was asked for.
        name: String,
        /// The base of the catalogue that may have been meant.
        meant: Option<String>,
        /// Why the image cannot be had.
        source: Box<Self>,
    },
    /// Flink cannot be used.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    /// The release cannot be had.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// Hadoop cannot be put in.
    #[error(transparent)]
    Hadoop(#[from] HadoopError),
    /// HTTP cannot be spoken.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The line of Flink does not allow it.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The job cannot be used.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The version of Java makes no sense.
    #[error(transparent)]
    Java(#[from] JavaVersionError),
    /// A jar cannot be written anew.
    #[error(transparent)]
    Jar(JarError),
    /// The checks found what would fail in the cluster.
    #[error(transparent)]
    Checks(#[from] Refused),
    /// Two things want the same place in the image.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Packages cannot be put into the base.
    #[error(transparent)]
    Alpine(Box<AlpineError>),
    /// A package's name makes no sense.
    #[error(transparent)]
    Package(#[from] DependencyError),
    /// A repository's name makes no sense.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Nobody says where packages are.
    #[error("The base `{base}` names no repository of packages that can be reached from here")]
    NoRepository {
        /// The base.
        base: String,
    },
    /// What is asked for besides cannot be put into the image.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The lock cannot be used, or what is built is not what it says.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A path cannot be in an image.
    #[error(transparent)]
    Path(#[from] ImagePathError),
    /// A layer cannot be made.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A registry does not take the image.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The base has no Java.
    #[error("The base `{base}` has no Java{}", home.as_ref().map(|home| format!(" in `{home}`")).unwrap_or_default())]
    NoJava {
        /// The base.
        base: String,
        /// Where it should be, if the user said so.
        home: Option<String>,
    },
    /// The base lacks programs.
    #[error("The base `{base}` has no `{programs}`, which Flink's scripts call")]
    MissingPrograms {
        /// The base.
        base: String,
        /// Their names.
        programs: String,
    },
    /// The base has a Flink of its own.
    #[error(
        "The base `{base}` has files in `/opt/flink` or `/opt/flink-VERSION`, which would mix with those of this Flink"
    )]
    BaseHasFlink {
        /// The base.
        base: String,
    },
    /// The catalogue has nothing for the line.
    #[error("There is no default base for Flink {version} on {platforms}, which wants Java {java}")]
    NoDefaultBase {
        /// The version of Flink.
        version: FlinkVersion,
        /// The major version of Java.
        java: u16,
        /// What the image is for.
        platforms: Platforms,
    },
    /// A time that cannot be written down.
    #[error("`{0}` seconds since 1970 are no date")]
    Created(i64),
    /// An earlier image promised a layer.
    #[error("The earlier image cannot give its layer `{title}` any more")]
    LostLayer {
        /// What the layer is.
        title: String,
    },
    /// A registry that knows of no indexes.
    #[error("The registry took the images of `{name}`, and refuses the index that lists them")]
    IndexRefused {
        /// The name that the index was to have.
        name: Reference,
        /// How it was refused.
        source: Box<registry::Error>,
    },
    /// A name that cannot be pushed to.
    #[error("`{0}` names a digest, and an image can only be pushed to a tag")]
    PushByDigest(Reference),
}

impl From<AlpineError> for BuildError {
    fn from(error: AlpineError) -> Self {
        Self::Alpine(Box::new(error))
    }
}

impl From<BaseError> for BuildError {
    fn from(error: BaseError) -> Self {
        Self::Base(Box::new(error))
    }
}

impl BuildError {
    /// The error of the room below, if it is one.
    fn inner(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Base(error) => &**error,
            Self::NoSuchBase { source, .. } => &**source,
            Self::Catalogue(error) => error,
            Self::Distribution(error) => error,
            Self::Release(error) => error,
            Self::Hadoop(error) => error,
            Self::Http(error) => error,
            Self::Line(error) => error,
            Self::Job(error) => error,
            Self::Jar(error) => error,
            Self::Checks(error) => error,
            Self::Java(error) => error,
            Self::Plan(error) => error,
            Self::Alpine(error) => &**error,
            Self::Repository(error) => error,
            Self::Content(error) => error,
            Self::Lock(error) => error,
            Self::Layer(error) => error,
            Self::Store(error) => error,
            Self::Fetch(error) => error,
            Self::Registry(error) => error,
            Self::IndexRefused { source, .. } => &**source,
            Self::Output(error) => error,
            Self::File(error) => error,
            Self::BaseSource(_)
            | Self::Path(_)
            | Self::Package(_)
            | Self::NoRepository { .. }
            | Self::NoJava { .. }
            | Self::MissingPrograms { .. }
            | Self::BaseHasFlink { .. }
            | Self::NoDefaultBase { .. }
            | Self::Created(_)
            | Self::LostLayer { .. }
            | Self::PushByDigest(_) => return None,
        })
    }
}

impl Explain for BuildError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoJava { .. }
            | Self::MissingPrograms { .. }
            | Self::BaseHasFlink { .. }
            | Self::NoDefaultBase { .. } => Kind::Incompatible,
            Self::BaseSource(_)
            | Self::Package(_)
            | Self::NoRepository { .. }
            | Self::Created(_)
            | Self::PushByDigest(_) => Kind::Usage,
            Self::Path(_) => Kind::Input,
            Self::LostLayer { .. } => Kind::NotFound,
            _ => self.inner().map_or(Kind::Internal, Explain::kind),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoJava { home: Some(_), .. } => {
                "name the folder that has `bin/java`, or leave `--java-home` out to have it looked for".to_owned()
            }
            Self::NoJava { .. } => {
                "choose a base with a Java run time, or say where it is with `--java-home`".to_owned()
            }
            Self::Package(_) => {
                "name it as `apk add` takes it: `NAME`, `NAME=VERSION`, `NAME>VERSION`".to_owned()
            }
            Self::NoRepository { .. } => {
                "name one with `--package-repository`: what comes before `ARCH/APKINDEX.tar.gz`".to_owned()
            }
            Self::MissingPrograms { .. } => {
                "choose a base that has them, as those of Debian and Ubuntu do".to_owned()
            }
            Self::BaseHasFlink { .. } => "choose a base with Java and without Flink".to_owned(),
            Self::NoSuchBase { meant, .. } => match meant {
                Some(meant) => format!("did you mean `--base {meant}`; `flink-img bases` lists all"),
                None => "`flink-img bases` lists what the catalogue has; name any other image in full".to_owned(),
            },
            Self::NoDefaultBase { java, .. } => format!("name one that has Java {java} with `--base`"),
            Self::IndexRefused { .. } => {
                "push to a registry that takes OCI indexes, or build for one `--platform` at a time, each with a name of its own".to_owned()
            }
            Self::BaseSource(_) => {
                "name an image, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE` or `rootfs:FILE`".to_owned()
            }
            _ => return self.inner()?.hint(),
        })
    }
}
