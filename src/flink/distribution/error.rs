//! What can be wrong with a distribution.

use std::path::PathBuf;

use crate::archive::ArchiveError;
use crate::error::{Explain, FileError, Kind};
use crate::flink::version::FlinkVersion;

/// A distribution that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say")]
pub enum DistributionError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The archive could not be read, or was refused.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file where a folder is wanted.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    /// An archive without a single file.
    #[error("`{}` is an empty archive", path.display())]
    EmptyArchive { path: PathBuf },
    /// An archive whose files are not in one top folder.
    #[error("`{}` has no top folder: `{entry}` lies at its top", path.display())]
    NoTopFolder { path: PathBuf, entry: String },
    /// An archive with several top folders.
    #[error("`{}` has several top folders, among them `{first}` and `{second}`", path.display())]
    SeveralTopFolders {
        path: PathBuf,
        first: String,
        second: String,
    },
    /// A folder that is no distribution and holds none.
    #[error("`{}` is not a Flink distribution: it has neither `lib` nor a folder `flink-*`", path.display())]
    NotADistribution { path: PathBuf },
    /// A folder that holds several distributions.
    #[error("`{}` holds several Flink folders, among them `{first}` and `{second}`", path.display())]
    SeveralDistributions {
        path: PathBuf,
        first: String,
        second: String,
    },
    /// No `lib/flink-dist*.jar`.
    #[error("`{}` is not a Flink distribution: it has no `lib/flink-dist*.jar`", path.display())]
    NoDist { path: PathBuf },
    /// Several of them.
    #[error("`{}` has both `lib/{first}` and `lib/{second}`, and Flink can have only one of them", path.display())]
    SeveralDists {
        path: PathBuf,
        first: String,
        second: String,
    },
    /// One whose name tells no version.
    #[error("`{}` has `lib/{name}`, a name that tells no Flink version", path.display())]
    DistName { path: PathBuf, name: String },
    /// A distribution that cannot be started.
    #[error("`{}` is not a whole Flink distribution: it has no `{script}`", path.display())]
    NoScript { path: PathBuf, script: &'static str },
    /// A file that no distribution may have.
    #[error("`{}` has `{entry}`, which is refused: {why}", path.display())]
    Refused {
        path: PathBuf,
        entry: String,
        why: String,
    },
    /// A name, or the target of a link, that no image can hold.
    #[error("`{}` has the file `{entry}`, whose name or target is not UTF-8", path.display())]
    NotUtf8 { path: PathBuf, entry: String },
    /// Not the version that was asked for.
    #[error("`{}` holds Flink {found}, not {asked} as asked for", path.display())]
    OtherVersion {
        path: PathBuf,
        found: FlinkVersion,
        asked: FlinkVersion,
    },
}

impl Explain for DistributionError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Archive(error) => error.kind(),
            Self::Refused { .. } => Kind::Hostile,
            Self::OtherVersion { .. } => Kind::Incompatible,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Archive(error) => return error.hint(),
            Self::NotAFolder { .. } => "give an archive with `--from-archive`",
            Self::EmptyArchive { .. }
            | Self::NoTopFolder { .. }
            | Self::SeveralTopFolders { .. } => {
                "give the archive as Apache publishes it, with everything in one folder `flink-VERSION`"
            }
            Self::NotADistribution { .. } | Self::NoDist { .. } | Self::NoScript { .. } => {
                "give the folder that has `bin`, `conf` and `lib`, or the one that was made by `mvn package` in `flink-dist/target`"
            }
            Self::SeveralDistributions { .. } => "name one of them",
            Self::SeveralDists { .. } => "remove the one that does not belong there",
            Self::DistName { .. } => "name it like `flink-dist-1.20.5.jar`",
            Self::Refused { .. } => "remove it, or get the distribution again",
            Self::NotUtf8 { .. } => "rename the file, or remove it",
            Self::OtherVersion { .. } => {
                "leave `--flink-version` out to take the version that is there"
            }
        };
        Some(hint.to_owned())
    }
}
