//! What every error of this crate can say about itself: which kind it is, and what its reader can do.
//!
//! The errors themselves live in their modules. This module only holds the two questions that a caller
//! (the command line, mostly) asks of any of them, and the error for a file that could not be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Who has to act on an error; decides the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Something that should not happen: a fault of this program.
    Internal,
    /// The request itself makes no sense: contradicting or missing options.
    Usage,
    /// An input (jar, archive, distribution, base, configuration file) is missing, unreadable or not what it should be.
    Input,
    /// The inputs are fine by themselves and do not go together: Java, platform, Flink version.
    Incompatible,
    /// A registry or mirror refused the credentials, or wants some (401, 403).
    Unauthorized,
    /// A registry or mirror does not have what was asked for (404).
    NotFound,
    /// A server could not be reached, gave up, or answered with nonsense.
    Network,
    /// Bytes do not match the digest or checksum that they were promised with.
    Integrity,
    /// A local file or folder could not be written: disk full, no permission.
    Storage,
    /// An archive tries something that no honest archive does.
    Hostile,
}

/// The questions that every error of this crate answers.
pub trait Explain: std::error::Error {
    /// Who has to act.
    fn kind(&self) -> Kind;

    /// What the user can do about it, as one sentence without a final period; `None` when the message says it all.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// How much a word must look like another, from 0 to 1, to be taken for a misspelling of it.
const LIKENESS: f64 = 0.85;

/// The known word that `word` looks like, if it looks like one; for hints.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    for candidate in known {
        let likeness = strsim::jaro_winkler(word, candidate);
        // The first of those that are equally like it.
        if likeness >= LIKENESS && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// An error on its way through an [`io::Error`]: of a file that had to be brought before it could be read.
#[derive(Debug)]
struct Carried(Box<dyn Carry>);

trait Carry: Explain + Send + Sync {}

impl<E: Explain + Send + Sync> Carry for E {}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Wraps an error for a reader. The [`FileError`] that it becomes there answers as the error does.
pub fn carried(error: impl Explain + Send + Sync + 'static) -> io::Error {
    io::Error::other(Carried(Box::new(error)))
}

/// A file or folder that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("Failed to {} `{}`", self.told(), path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The actions that concern an input; all others concern a place that is written to.
const READING: [&str; 4] = ["open", "read", "list", "find"];

impl FileError {
    /// The same failure, told as what it prevents.
    #[must_use]
    pub fn doing(self, action: &'static str, path: &Path) -> Self {
        Self {
            action,
            path: path.to_owned(),
            ..self
        }
    }

    /// The action, as the user sees it: a file that is not there was looked for.
    fn told(&self) -> &'static str {
        if self.is_not_found() && READING.contains(&self.action) {
            return "find";
        }
        self.action
    }

    /// What kept the file from being brought, if it had to be.
    fn carried(&self) -> Option<&dyn Carry> {
        let carried = self.source.get_ref()?.downcast_ref::<Carried>()?;
        Some(&*carried.0)
    }

    /// Whether the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

impl Explain for FileError {
    fn kind(&self) -> Kind {
        if let Some(carried) = self.carried() {
            return carried.kind();
        }
        match self.source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::FileTooLarge => Kind::Storage,
            _ if READING.contains(&self.action) => Kind::Input,
            _ => Kind::Storage,
        }
    }

    fn hint(&self) -> Option<String> {
        if let Some(carried) = self.carried() {
            return carried.hint();
        }
        let reading = self.kind() == Kind::Input;
        let hint = match self.source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space, or name a folder on a larger disk with `--cache-dir` or `-o`"
            }
            io::ErrorKind::FileTooLarge => {
                "raise the limit on the size of files (`ulimit -f`), or name a folder on another file system with \
                 `--cache-dir` or `-o`"
            }
            io::ErrorKind::NotFound if reading => {
                "check the path; unless it is absolute, it starts in the folder that the command runs in"
            }
            io::ErrorKind::NotFound => "make the folder first, or name another",
            io::ErrorKind::PermissionDenied if reading => {
                "let the user who runs this command read it"
            }
            io::ErrorKind::IsADirectory if !reading => "name a file in it",
            io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists
                if !reading =>
            {
                "name a folder that can be written with `--cache-dir` or `-o`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Adds what was attempted, and on which file, to an [`io::Error`].
pub trait IoResultExt<T> {
    /// Turns the error into a [`FileError`]; `action` is a verb in the infinitive ("read", "write").
    fn at(self, action: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> IoResultExt<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, FileError> {
        // A failure on the way to the file, as of another that it is unpacked from, says more than this could.
        self.map_err(|source| match source.downcast() {
            Ok(error) => error,
            Err(source) => FileError {
                action,
                path: path.to_owned(),
                source,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_brought_answers_for_the_file() {
        let there = FileError {
            action: "write",
            path: "disk".into(),
            source: io::ErrorKind::StorageFull.into(),
        };
        let (kind, hint) = (there.kind(), there.hint());
        let brought: io::Result<()> = Err(carried(there));
        // A failure of a file is told as that of the file.
        let error = brought.at("read", Path::new("jar")).unwrap_err();
        assert_eq!(error.to_string(), "Failed to read `jar`");
        assert_eq!((error.kind(), error.hint()), (kind, hint));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "Failed to write `disk`");
    }

    #[test]
    fn a_misspelt_word_finds_what_was_meant_and_another_word_does_not() {
        let known = ["alpine-jre11", "alpine-jre17", "ubuntu-jre17", "image"];
        for (word, expected) in [
            ("alpine-jre71", Some("alpine-jre17")),
            ("alpine17", Some("alpine-jre17")),
            ("ubuntu_jre17", Some("ubuntu-jre17")),
            ("imago", Some("image")),
            ("postgres", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), expected, "{word}");
        }
    }
}
