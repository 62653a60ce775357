//! The ways to name what is looked at.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::base::{BaseSource, BaseSourceError, ImageFile};
use crate::error::{Explain, Kind};
use crate::fs;
use crate::oci::Reference;

/// What a path begins with that nobody takes for the name of an image.
const PATHS: [&str; 3] = ["/", "./", "../"];

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An image that was kept, or else one in a registry.
    Name {
        /// The name.
        name: Reference,
        /// The path of a file or folder that is called just so, and may have been meant.
        file: Option<String>,
    },
    /// An image in a folder or an archive of a known form.
    File(ImageFile),
    /// A folder or an archive of whatever form. The path begins with `/`, `./` or `../`, which no name does.
    Path(PathBuf),
}

/// A text that names nothing that can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// No name, and no file either.
    #[error("{source}")]
    Name {
        /// What is wrong with it as a name.
        source: BaseSourceError,
        /// The path of the file that may have been meant.
        file: Option<String>,
    },
    /// A scheme without a path.
    #[error("`{0}` has no path behind the colon")]
    NoPath(String),
    /// A root file system has no manifest and no config.
    #[error("`{0}` is a root file system, and no image")]
    RootFs(String),
}

impl Explain for SubjectError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Name { file, .. } => file.as_deref().map(file_hint),
            Self::NoPath(_) => None,
            Self::RootFs(_) => Some("`tar tvf` lists what is in it".to_owned()),
        }
    }
}

/// How a file is named that has the name of an image.
pub(super) fn file_hint(path: &str) -> String {
    format!("the file of that name is `./{path}`")
}

/// The text, if it is the path of something that is there.
fn as_file(text: &str) -> Option<String> {
    fs::metadata(text.as_ref()).is_ok().then(|| text.to_owned())
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if PATHS.iter().any(|start| text.starts_with(start)) {
            return Ok(Self::Path(text.into()));
        }
        match text.parse::<BaseSource>() {
            Ok(BaseSource::Registry(name)) => Ok(Self::Name {
                name,
                file: as_file(text),
            }),
            Ok(source) => match ImageFile::try_from(source) {
                Ok(file) => Ok(Self::File(file)),
                Err(_) => Err(SubjectError::RootFs(text.to_owned())),
            },
            Err(BaseSourceError::NoPath(_)) => Err(SubjectError::NoPath(text.to_owned())),
            Err(source) => Err(SubjectError::Name {
                source,
                file: as_file(text),
            }),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, .. } => name.fmt(f),
            Self::File(file) => file.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_what_is_looked_at() {
        let name = |text: &str| Subject::Name {
            name: text.parse().unwrap(),
            file: None,
        };
        for (text, expected) in [
            ("job:1", name("job:1")),
            ("localhost:5000/a/b", name("localhost:5000/a/b")),
            (
                "oci:a:b",
                Subject::File(ImageFile::Layout("a".into(), Some("b".to_owned()))),
            ),
            (
                "oci-archive:a.tar",
                Subject::File(ImageFile::OciArchive("a.tar".into(), None)),
            ),
            (
                "docker-archive:a.tar",
                Subject::File(ImageFile::DockerArchive("a.tar".into(), None)),
            ),
            ("./job", Subject::Path("./job".into())),
            ("../a:b", Subject::Path("../a:b".into())),
            ("/a/job.tar", Subject::Path("/a/job.tar".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected.clone()), "{text}");
            assert_eq!(expected.to_string().parse(), Ok(expected), "{text}");
        }
        for (text, said) in [
            ("rootfs:base.tar", "is a root file system"),
            ("oci:", "has no path behind"),
            ("Upper", "must be in lower case"),
        ] {
            let error = text.parse::<Subject>().unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
