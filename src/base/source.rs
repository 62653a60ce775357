//! The ways to name a base.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::fs;
use crate::oci::{Reference, ReferenceError};

/// Where a base comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseSource {
    /// An image in a registry.
    Registry(Reference),
    /// An OCI layout in a folder, and the name of an image in it where there are several.
    Layout(PathBuf, Option<String>),
    /// An OCI layout in a tar, and the name of an image in it where there are several.
    OciArchive(PathBuf, Option<String>),
    /// What `docker save` writes, and the name of an image in it where there are several.
    DockerArchive(PathBuf, Option<String>),
    /// A tar of a plain root file system, which becomes the one layer of a base without config.
    RootFs(PathBuf),
}

/// A text that names no base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseSourceError {
    /// A scheme without a path.
    #[error("`{0}` names no base: a path is missing behind the colon")]
    NoPath(String),
    /// Not a scheme, so an image name; and not that either.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl FromStr for BaseSource {
    type Err = BaseSourceError;

    fn from_str(text: &str) -> Result<Self, BaseSourceError> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let source = match scheme {
            "oci" => with_name(rest, Self::Layout),
            "oci-archive" => with_name(rest, Self::OciArchive),
            "docker-archive" => with_name(rest, Self::DockerArchive),
            "rootfs" => Self::RootFs(rest.into()),
            _ => return Ok(Self::Registry(text.parse()?)),
        };
        if rest.is_empty() {
            return Err(BaseSourceError::NoPath(text.to_owned()));
        }
        Ok(source)
    }
}

/// Splits `PATH[:NAME]`; a path that has a colon itself is preferred when it exists.
fn with_name(text: &str, source: fn(PathBuf, Option<String>) -> BaseSource) -> BaseSource {
    match text.split_once(':') {
        Some((path, name))
            if !path.is_empty() && !name.is_empty() && fs::metadata(text.as_ref()).is_err() =>
        {
            source(path.into(), Some(name.to_owned()))
        }
        _ => source(text.into(), None),
    }
}

impl fmt::Display for BaseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, path, name) = match self {
            Self::Registry(reference) => return reference.fmt(f),
            Self::Layout(path, name) => ("oci", path, name.as_ref()),
            Self::OciArchive(path, name) => ("oci-archive", path, name.as_ref()),
            Self::DockerArchive(path, name) => ("docker-archive", path, name.as_ref()),
            Self::RootFs(path) => ("rootfs", path, None),
        };
        write!(f, "{scheme}:{}", path.display())?;
        name.map_or(Ok(()), |name| write!(f, ":{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_base() {
        for (text, expected) in [
            ("oci:a/b", BaseSource::Layout("a/b".into(), None)),
            (
                "oci:a/b:c:1",
                BaseSource::Layout("a/b".into(), Some("c:1".to_owned())),
            ),
            (
                "oci-archive:x.tar:y",
                BaseSource::OciArchive("x.tar".into(), Some("y".to_owned())),
            ),
            (
                "docker-archive:x.tar",
                BaseSource::DockerArchive("x.tar".into(), None),
            ),
            ("rootfs:r:1.tar.gz", BaseSource::RootFs("r:1.tar.gz".into())),
            (
                "eclipse-temurin:17-jre",
                BaseSource::Registry("eclipse-temurin:17-jre".parse().unwrap()),
            ),
            (
                "localhost:5000/a/b",
                BaseSource::Registry("localhost:5000/a/b".parse().unwrap()),
            ),
        ] {
            assert_eq!(text.parse::<BaseSource>().unwrap(), expected, "{text}");
        }
        assert!(matches!(
            "rootfs:".parse::<BaseSource>(),
            Err(BaseSourceError::NoPath(_))
        ));
        assert!(matches!(
            "Nope".parse::<BaseSource>(),
            Err(BaseSourceError::Reference(_))
        ));
    }

    #[test]
    fn a_path_with_a_colon_that_is_there_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b");
        fs::create_dir_all(&path, None).unwrap();
        assert_eq!(
            format!("oci:{}", path.display()).parse(),
            Ok(BaseSource::Layout(path, None))
        );
    }
}
