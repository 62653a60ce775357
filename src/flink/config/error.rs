//! Settings that cannot be used. No message has the value of one: it may be a secret.

use std::path::PathBuf;

use crate::error::{Explain, FileError, Kind};

/// A setting, or a file of settings, that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A word that is no setting.
    #[error("`{told}` is no setting as `KEY=VALUE`, and there is no such file")]
    NoSetting {
        /// What of the word can be told.
        told: String,
    },
    /// A key that Flink could not read back.
    #[error("`{key}` is no key of a setting: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why not. Reads as the end of the sentence.
        why: &'static str,
    },
    /// A value that the form of the file has no way to write.
    #[error("The value of `{key}` cannot stand in a `flink-conf.yaml`: {why}")]
    Legacy {
        /// The key.
        key: String,
        /// Why not. Reads as the end of the sentence.
        why: &'static str,
    },
    /// A file of settings that is none.
    #[error("`{}` is no file of settings: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why not. Reads as the end of the sentence.
        why: String,
    },
    /// A file that sets a key twice.
    #[error("`{}` sets `{key}` twice", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A key that other keys of the file are below.
    #[error("`{key}` is a group of settings in the `{file}` of this Flink, as `{below}`")]
    Group {
        /// The key.
        key: String,
        /// One of the group.
        below: String,
        /// The file of the distribution.
        file: String,
    },
    /// A file of the distribution that cannot be changed.
    #[error("`{key}` cannot be set in the `{file}` of this Flink: {why}")]
    Unchangeable {
        /// The key.
        key: String,
        /// The file of the distribution.
        file: String,
        /// Why not. Reads as the end of the sentence.
        why: String,
    },
}

impl ConfigError {
    /// A word that is no setting, told as far as a key can reach in it: what comes behind may be a secret. No key begins as a
    /// path does, which may have blanks.
    pub fn no_setting(word: &str) -> Self {
        let is_path = word.starts_with(['/', '.']);
        let is_end = |c: char| matches!(c, ':' | '=') || !is_path && c.is_whitespace();
        let end = word.find(is_end).unwrap_or(word.len());
        Self::NoSetting {
            told: word[..end].to_owned(),
        }
    }
}

impl Explain for ConfigError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::NoSetting { .. } | Self::Key { .. } | Self::Group { .. } => Kind::Usage,
            Self::Syntax { .. } | Self::Twice { .. } | Self::Unchangeable { .. } => Kind::Input,
            Self::Legacy { .. } => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::NoSetting { .. } => "write it as `KEY=VALUE`, or name a file with settings",
            Self::Key { .. } => "write it as the documentation of Flink does: `state.backend.type`",
            Self::Legacy { .. } => {
                "set it when the container starts, with `-D` behind its first word"
            }
            Self::Syntax { .. } => {
                "write one `key: value` on each line, or mappings as `config.yaml` of Flink has them"
            }
            Self::Twice { .. } => "remove one of the two",
            Self::Group { below, .. } => return Some(format!("set its parts, as `{below}`")),
            Self::Unchangeable { .. } => {
                "change the file in the distribution, and name that with `--from-local-dist`"
            }
        };
        Some(hint.to_owned())
    }
}
