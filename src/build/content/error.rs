//! Content that cannot be put into an image. No message has a value of a variable, a label or a setting: it may be a secret.

use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};
use crate::flink::{ConfigError, FlinkVersion, JobError, SelectionError};
use crate::layer::ImagePathError;

/// Content that cannot be put into an image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say")]
pub enum ContentError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A library cannot be used.
    #[error(transparent)]
    Library(#[from] JobError),
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The distribution does not have what was chosen.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// A path cannot be in an image.
    #[error(transparent)]
    Path(#[from] ImagePathError),
    /// A library that is no jar.
    #[error("`{}` is not called `*.jar`, and Flink loads nothing else from `lib/`", .0.display())]
    NoJar(PathBuf),
    /// A word without `=`.
    #[error("Value {place} of `{flag}` has no `=`")]
    NoPair { flag: &'static str, place: usize },
    /// A key that cannot be one.
    #[error("`{key}` cannot be a key of `{flag}`: {why}")]
    Key {
        flag: &'static str,
        key: String,
        why: &'static str,
    },
    /// A key with two values.
    #[error("`{flag}` sets `{key}` twice, to different values")]
    TwoValues { flag: &'static str, key: String },
    /// A key that is not the user's to set.
    #[error("`{flag}` cannot set `{key}`, which flink-img decides")]
    Reserved {
        flag: &'static str,
        key: String,
        hint: &'static str,
    },
    /// A word of `--add` that is none.
    #[error("`{0}` names no file and place, as `SRC:/opt/DEST`")]
    Add(String),
    /// A place that is not for files of users.
    #[error("`{path}` is no place for a file: {why}")]
    Place { path: String, why: &'static str },
    /// A file that is neither a file, a folder nor a link.
    #[error("`{}` cannot be added: {why}", path.display())]
    Added { path: PathBuf, why: String },
    /// Two things want one place.
    #[error("`{}` cannot be `{path}` in the image: {why}", source_path.display())]
    Taken {
        source_path: PathBuf,
        path: String,
        why: String,
    },
    /// A file that Flink would read its settings from.
    #[error("`{}` cannot be `{path}` in the image: {why}", source_path.display())]
    Configuration {
        source_path: PathBuf,
        path: String,
        why: String,
    },
    /// No configuration of logging.
    #[error("`{}` is no configuration of log4j in the form of properties", .0.display())]
    NoLog4j(PathBuf),
    /// A configuration of another log4j.
    #[error("`{}` is written for log4j {found}, and Flink {version} has log4j {needed}", path.display())]
    OtherLog4j {
        path: PathBuf,
        found: u8,
        needed: u8,
        version: FlinkVersion,
    },
    /// A Python that the line has no use for.
    #[error("Flink {0} does not run Python 2")]
    Python2(FlinkVersion),
    /// No Python in a base that is to be locked.
    #[error("The base `{base}` has no `{program}`, which jobs in Python need")]
    NoPython { base: String, program: &'static str },
}

impl Explain for ContentError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Library(error) => error.kind(),
            Self::Config(error) => error.kind(),
            Self::Selection(error) => error.kind(),
            Self::NoPair { .. }
            | Self::Key { .. }
            | Self::TwoValues { .. }
            | Self::Reserved { .. }
            | Self::Add(_)
            | Self::Place { .. } => Kind::Usage,
            Self::Path(_)
            | Self::NoJar(_)
            | Self::Added { .. }
            | Self::Taken { .. }
            | Self::Configuration { .. }
            | Self::NoLog4j(_) => Kind::Input,
            Self::OtherLog4j { .. } | Self::Python2(_) | Self::NoPython { .. } => {
                Kind::Incompatible
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Library(error) => return error.hint(),
            Self::Config(error) => return error.hint(),
            Self::Selection(error) => return error.hint(),
            Self::NoJar(_) => "put other files where you want them with `--add`",
            Self::NoPair { .. } | Self::Key { .. } => "write it as `KEY=VALUE`",
            Self::TwoValues { .. } => "say it once",
            Self::Reserved { hint, .. } => hint,
            Self::Add(_) => {
                "write it as `SRC:/opt/DEST`: what is here, and where it is to be in the image"
            }
            Self::Place { .. } => "name a place below `/opt`, as `/opt/data/rules.json`",
            Self::Added { .. } => "leave it out, or put a copy of what it stands for there",
            Self::Taken { .. } => "give it another name",
            Self::Configuration { .. } => {
                "put its settings into the configuration with `--flink-conf FILE`"
            }
            Self::NoLog4j(_) => {
                "take `conf/log4j-console.properties` of the distribution, and change that"
            }
            Self::OtherLog4j { needed: 1, .. } => {
                "write it with `log4j.rootLogger` and `log4j.appender`"
            }
            Self::OtherLog4j { .. } => {
                "write it with `rootLogger` and `appender`, without `log4j.` before them"
            }
            Self::Python2(_) => "use `--python`",
            Self::NoPython { .. } => {
                "choose a base that has it, or one of Alpine, into which it is put"
            }
            Self::Path(_) => return None,
        };
        Some(hint.to_owned())
    }
}
