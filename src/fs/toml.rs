//! Files that people write in TOML: what is wrong with one is told with its line.
//!
//! The line itself is not repeated, as the parser would by itself: it may hold an address with a password.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::read_limited;
use crate::error::{Explain, FileError, IoResultExt as _, Kind, closest};

/// How serde begins to say that a key is not known; the key and those that are follow in backticks.
const UNKNOWN_KEY: &str = "unknown field ";

/// A file that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TomlError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It can be read, and makes no sense.
    #[error("`{}` cannot be used", path.display())]
    Content {
        /// Where it is.
        path: PathBuf,
        /// What makes no sense in it.
        source: TomlFault,
    },
}

/// What makes no sense in a TOML file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TomlFault {
    line: usize,
    column: usize,
    message: String,
}

impl TomlFault {
    fn new(text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map_or(0, |Range { start, .. }| start);
        let before = text.get(..place).unwrap_or(text);
        let start_of_line = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[start_of_line..].chars().count() + 1,
            message: error.message().trim_end().replace('\n', ", "),
        }
    }

    /// The known key that an unknown one looks like.
    fn meant(&self) -> Option<&str> {
        let names = self.message.strip_prefix(UNKNOWN_KEY)?;
        let mut names = names.split('`').skip(1).step_by(2);
        let unknown = names.next()?;
        closest(unknown, names)
    }
}

impl Explain for TomlError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Content { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Content { source, .. } => {
                let meant = source.meant()?;
                Some(format!("did you mean `{meant}`"))
            }
        }
    }
}

/// Reads a file of at most `limit` bytes.
pub fn read<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<T, TomlError> {
    parse(path, &text(path, limit)?)
}

/// The text of a file of at most `limit` bytes.
pub fn text(path: &Path, limit: u64) -> Result<String, FileError> {
    String::from_utf8(read_limited(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
        .at("read", path)
}

/// Reads a text that was in the file at `path`.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| TomlError::Content {
        path: path.to_owned(),
        source: TomlFault::new(text, &error),
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only whether it can be read counts")]
    struct Form {
        name: Option<String>,
        java_version: Option<u16>,
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_was_meant() {
        for (text, expected, hint) in [
            (
                "# ä\n\nnmae = 'x'",
                "line 3, column 1: unknown field `nmae`, expected `name` or `java-version`",
                Some("did you mean `name`"),
            ),
            (
                "java_version = 8",
                "line 1, column 1: unknown field `java_version`, expected `name` or `java-version`",
                Some("did you mean `java-version`"),
            ),
            (
                "wholly-other = 8",
                "line 1, column 1: unknown field `wholly-other`, expected `name` or `java-version`",
                None,
            ),
            (
                "name = 'ö'\njava-version = '8'",
                "line 2, column 16: invalid type: string \"8\", expected u16",
                None,
            ),
            (
                "name = 'a'\nname = 'b'",
                "line 2, column 1: duplicate key",
                None,
            ),
        ] {
            let error = parse::<Form>("x.toml".as_ref(), text).unwrap_err();
            let TomlError::Content { source, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(source.to_string(), expected);
            assert_eq!(error.hint().as_deref(), hint, "{text}");
        }
    }

    #[test]
    fn the_line_with_a_password_is_not_repeated() {
        let text = "mirror = 'https://ada:hunter2@example.org'";
        let error = parse::<Form>("x.toml".as_ref(), text).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
