//! What users ask to be put into an image besides Flink and the job: plugins, settings, libraries, files, variables, labels.
//!
//! `Content` is what was asked. `open` finds and checks it, `arrange` is what it becomes in the home of Flink, which follows
//! from the distribution, and `layers` puts both into layers above those of Flink, which stay what they are. `keys` stands
//! for what follows from a distribution that this machine need not have.

mod arrange;
mod error;
mod files;
mod keys;
mod layers;
mod log4j;
mod open;
mod pairs;
mod python;
mod user;

use std::path::{Path, PathBuf};

pub use error::ContentError;
pub use files::AddedFile;
pub use open::OpenedContent;
pub use pairs::Pairs;
pub use python::{FoundPython, Python};
pub use user::{User, UserError};

pub(super) use arrange::{Arrangement, check};
pub(super) use keys::ContentKeys;
pub(super) use layers::{LayoutPlaces, arranged, layers, names_in_home};
pub(super) use open::open;
pub(super) use python::{check as check_python, find as find_python, layer as python_layer};

use crate::flink::Choice;

/// What is put into an image on request.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// Jars of `opt/` that are plugins.
    pub plugins: Vec<String>,
    /// Whether what is not chosen of `opt/` is left out, and `examples/`.
    pub slim: bool,
    /// Jars for `lib/`.
    pub libraries: Vec<PathBuf>,
    /// Settings for Flink's configuration; what comes later counts.
    pub settings: Vec<SettingWord>,
    /// The configuration of logging.
    pub log4j: Option<PathBuf>,
    /// Files and folders for places below `/opt`.
    pub files: Vec<AddedFile>,
    /// Variables of the environment.
    pub env: Pairs,
    /// Labels.
    pub labels: Pairs,
    /// Annotations of the manifests and of the index.
    pub annotations: Pairs,
    /// Whom the container runs as.
    pub user: User,
    /// The Python that jobs need.
    pub python: Option<Python>,
}

/// A setting, or a file with some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingWord {
    /// A key and its value.
    Pair(String, String),
    /// A file.
    File(PathBuf),
}

impl From<&str> for SettingWord {
    /// Reads `KEY=VALUE`, or a path; one with a `=` is told by how it begins, as no key begins with `/` or `.`.
    fn from(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) if !key.starts_with(['/', '.']) => {
                Self::Pair(key.to_owned(), value.to_owned())
            }
            _ => Self::File(text.into()),
        }
    }
}

impl Content {
    /// The files and folders that are read.
    pub fn inputs(&self) -> impl Iterator<Item = &Path> {
        let settings = self.settings.iter().filter_map(|word| match word {
            SettingWord::File(path) => Some(path.as_path()),
            SettingWord::Pair(..) => None,
        });
        let libraries = self.libraries.iter().map(PathBuf::as_path);
        let files = self.files.iter().map(|file| file.source.as_path());
        libraries
            .chain(settings)
            .chain(self.log4j.as_deref())
            .chain(files)
    }

    /// What of the optional parts of a distribution is chosen.
    pub(super) fn choice(&self) -> Choice<'_> {
        Choice {
            plugins: &self.plugins,
            slim: self.slim,
            python: self.python.is_some(),
        }
    }
}
