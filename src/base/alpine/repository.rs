//! Where packages come from: addresses and folders that hold `ARCH/APKINDEX.tar.gz` and the packages beside it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize, Serializer};

use super::AlpineError;
use super::error::shown;
use super::index::{self, Index};
use super::signature::Keys;
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs;

/// Brings a file from an address; who asks checks what comes.
pub trait Download: fmt::Debug {
    /// Writes the file at `address` to `output`; one of more than `limit` bytes is an error.
    fn get(&self, address: &str, limit: u64, output: &mut dyn Write) -> Result<(), DownloadError>;
}

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// There is no such file.
    #[error("the server does not have it")]
    NotFound,
    /// The server wants to know who asks, or does not let them.
    #[error("the server refuses it (HTTP {0})")]
    Unauthorized(u16),
    /// The server answered with something else.
    #[error("the server answered with HTTP {0}")]
    Status(u16),
    /// The file is larger than it may be.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// The server could not be reached, or the transfer broke.
    #[error(transparent)]
    Transport(Box<dyn std::error::Error + Send + Sync>),
    /// What came could not be written.
    #[error(transparent)]
    Write(io::Error),
}

/// A repository of packages: what stands in `/etc/apk/repositories`.
///
/// ```
/// use flink_img::base::alpine::Repository;
///
/// let repository: Repository = "https://user:secret@example.com/alpine/v3.22/main/".parse()?;
/// assert_eq!(repository.to_string(), "https://example.com/alpine/v3.22/main");
/// # Ok::<(), flink_img::base::alpine::RepositoryError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Repository {
    /// An address, without the slash at its end. It may have a user and a password, which are never printed or written.
    Url(String),
    /// A folder on this machine.
    Folder(PathBuf),
}

/// A text that names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// Nothing at all.
    #[error("An empty text names no repository of packages")]
    Empty,
    /// Another protocol.
    #[error(
        "The repository of packages has the protocol `{0}`; there are `http`, `https` and `file`"
    )]
    Protocol(String),
    /// A repository that not every package is to come from.
    #[error("A repository has the tag `{0}`, and tags are not supported")]
    Tag(String),
    /// An address that nothing can be put behind.
    #[error(
        "The address of a repository of packages has a `?` or `#`, behind which no file can be named"
    )]
    Query,
    /// No address.
    #[error("The address of a repository of packages cannot be read: {0}")]
    Address(String),
    /// A folder that is not named from the root on.
    #[error(
        "A repository with the protocol `file` is not named from the root on, as in `file:///srv/packages`"
    )]
    Relative,
}

impl Explain for RepositoryError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "name what comes before `ARCH/APKINDEX.tar.gz`: `https://mirror.example.com/alpine/v3.22/main`, or a \
             folder"
                .to_owned(),
        )
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RepositoryError::Empty);
        }
        if text.starts_with('@') {
            let tag = text.split_ascii_whitespace().next().unwrap_or(text);
            return Err(RepositoryError::Tag(tag.to_owned()));
        }
        match text.split_once("://") {
            None => return Ok(Self::Folder(text.into())),
            Some(("file", path)) if path.starts_with('/') => return Ok(Self::Folder(path.into())),
            Some(("file", _)) => return Err(RepositoryError::Relative),
            Some(("http" | "https", _)) => {}
            Some((protocol, _)) => {
                let protocol = protocol.rsplit('@').next().unwrap_or_default();
                return Err(RepositoryError::Protocol(shown(protocol)));
            }
        }
        // What is refused is not quoted: a password may be anywhere in it.
        let url = Url::parse(text).map_err(|error| RepositoryError::Address(error.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RepositoryError::Query);
        }
        Ok(Self::Url(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for Repository {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Url(text) => {
                let Ok(mut url) = Url::parse(text) else {
                    // Only one that nobody has parsed.
                    return f.write_str("an address that cannot be read");
                };
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.set_fragment(None);
                f.write_str(url.as_str().trim_end_matches('/'))
            }
        }
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Repository {
    /// Of a folder its name only: where it lies differs from machine to machine.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.folder_name() {
            Some(name) => serializer.collect_str(&name),
            None => serializer.collect_str(self),
        }
    }
}

impl TryFrom<String> for Repository {
    type Error = RepositoryError;

    fn try_from(text: String) -> Result<Self, RepositoryError> {
        text.parse()
    }
}

impl Repository {
    /// The repositories that a base's `/etc/apk/repositories` names by an address.
    ///
    /// Passed over are comments, folders (they would be folders of the image), repositories with a tag (whose packages
    /// nobody gets without asking for the tag), and the lines of apk 3 that set or use variables.
    pub fn of_base(text: &str) -> Vec<Self> {
        text.lines()
            .map(str::trim)
            .filter(|line| line.starts_with("http://") || line.starts_with("https://"))
            .filter(|line| !line.contains(|c: char| c.is_whitespace() || c == '$'))
            .filter_map(|line| line.parse().ok())
            .collect()
    }

    /// The last part of a folder's path.
    pub(super) fn folder_name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Url(_) => None,
            Self::Folder(path) => path.file_name().map(OsStr::to_string_lossy),
        }
    }

    /// Whether it is a folder of which nothing but its name is known.
    pub(super) fn is_folder_by_name(&self) -> bool {
        matches!(self, Self::Folder(path) if path.components().count() == 1)
    }

    /// The one of `given` that is this place, whoever asks; a folder that was written down is found by its name.
    pub(super) fn among<'a>(&'a self, given: &'a [Self]) -> Option<&'a Self> {
        let is_same = |it: &&Self| it.to_string() == self.to_string();
        let name = self.folder_name().filter(|_| self.is_folder_by_name());
        given.iter().find(is_same).or_else(|| {
            let mut given = given.iter();
            name.and_then(|name| given.find(|it| it.folder_name().as_ref() == Some(&name)))
        })
    }

    /// Reads the index for `arch`, and checks that a trusted key has signed it.
    pub fn index(
        &self,
        arch: &str,
        keys: &Keys,
        download: &dyn Download,
    ) -> Result<Index, AlpineError> {
        let mut bytes = Vec::new();
        self.get(
            (arch, index::FILE_NAME),
            index::STORED_LIMIT,
            &mut bytes,
            download,
        )?;
        Index::read(self, arch, &bytes, keys)
    }

    /// Copies the file of this name for `arch`.
    pub(super) fn get(
        &self,
        (arch, name): (&str, &str),
        limit: u64,
        output: &mut dyn Write,
        download: &dyn Download,
    ) -> Result<(), AlpineError> {
        let got = match self {
            Self::Url(url) => download.get(&format!("{url}/{arch}/{name}"), limit, output),
            Self::Folder(folder) => copy(&folder.join(arch).join(name), limit, output)?,
        };
        got.map_err(|source| AlpineError::Download {
            name: name.to_owned(),
            repository: self.to_string(),
            source,
        })
    }
}

/// Copies a file of at most `limit` bytes.
fn copy(
    path: &Path,
    limit: u64,
    output: &mut dyn Write,
) -> Result<Result<(), DownloadError>, FileError> {
    let mut file = fs::open(path)?.take(limit + 1);
    let mut piece = vec![0; 128 << 10];
    let mut copied = 0;
    loop {
        let read = file.read(&mut piece).at("read", path)?;
        copied += read as u64;
        if copied > limit {
            return Ok(Err(DownloadError::TooLarge(limit)));
        }
        if read == 0 {
            return Ok(Ok(()));
        }
        if let Err(error) = output.write_all(&piece[..read]) {
            return Ok(Err(DownloadError::Write(error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_addresses_and_folders_and_keep_secrets() {
        for (text, shown) in [
            (
                "https://example.com/v3.22/main/",
                "https://example.com/v3.22/main",
            ),
            (
                "http://user:secret@example.com:8080/a@b",
                "http://example.com:8080/a@b",
            ),
            ("https://token@example.com", "https://example.com"),
            ("file:///srv/apk", "/srv/apk"),
            ("packages", "packages"),
        ] {
            let repository: Repository = text.parse().unwrap();
            assert_eq!(repository.to_string(), shown);
            assert_eq!(format!("{repository:?}"), shown);
            let written = serde_json::to_value(&repository).unwrap();
            if let Repository::Url(_) = repository {
                assert_eq!(written, shown);
            }
            let again: Repository = serde_json::from_value(written).unwrap();
            let given = ["other".parse().unwrap(), repository.clone()];
            assert_eq!(again.among(&given), Some(&repository));
            assert_eq!(again.among(&given[..1]), None);
        }
        for (text, expected) in [
            (" ", "An empty text names no repository of packages"),
            (
                "ftp://example.com",
                "The repository of packages has the protocol `ftp`; there are `http`, `https` and `file`",
            ),
            (
                "@edge https://me:secret@example.com",
                "A repository has the tag `@edge`, and tags are not supported",
            ),
            (
                "https://me:secret@example.com/?token=secret",
                "The address of a repository of packages has a `?` or `#`, behind which no file can be named",
            ),
            (
                "https://me:s3/cret@example.com/x",
                "The address of a repository of packages cannot be read: invalid port number",
            ),
            (
                "me:secret@ftp://example.com",
                "The repository of packages has the protocol `ftp`; there are `http`, `https` and `file`",
            ),
            (
                "file://./packages",
                "A repository with the protocol `file` is not named from the root on, as in `file:///srv/packages`",
            ),
        ] {
            assert_eq!(
                text.parse::<Repository>().unwrap_err().to_string(),
                expected
            );
        }
    }

    #[test]
    fn a_folder_is_written_without_the_path_of_this_machine() {
        let here = Repository::Folder("/home/me/packages".into());
        assert_eq!(serde_json::to_value(&here).unwrap(), "packages");
        let written: Repository = "packages".parse().unwrap();
        let there = Repository::Folder("/builds/packages".into());
        let given = [
            "https://example.com/packages".parse().unwrap(),
            there.clone(),
        ];
        assert_eq!(written.among(&given), Some(&there));
        assert_eq!(here.among(&given), None);
        assert_eq!(written.among(&given[..1]), None);
    }

    #[test]
    fn a_base_names_repositories_that_can_be_reached_from_here() {
        let text = "# comment\n\n/media/cdrom/apks\nhttps://example.com/main\n@edge https://example.com/edge\n\
                    set mirror=https://x\n${mirror}/main\nhttps://${mirror}/main\nv3 https://example.com/v3\n";
        assert_eq!(
            Repository::of_base(text),
            [Repository::Url("https://example.com/main".to_owned())]
        );
    }
}
