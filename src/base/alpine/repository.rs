//! Where packages come from: addresses and folders that hold `ARCH/APKINDEX.tar.gz` and the packages beside it.

use std::fmt;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

use super::AlpineError;
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
    #[error("The repository `{0}` has a `?` or `#`, behind which no file can be named")]
    Query(String),
}

impl Explain for RepositoryError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "name what comes before `ARCH/APKINDEX.tar.gz`: `https://dl-cdn.alpinelinux.org/alpine/v3.22/main`, or a \
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
        let repository = match text.split_once("://") {
            None => return Ok(Self::Folder(text.into())),
            Some(("file", path)) => return Ok(Self::Folder(path.into())),
            Some(("http" | "https", _)) => Self::Url(text.trim_end_matches('/').to_owned()),
            Some((protocol, _)) => return Err(RepositoryError::Protocol(protocol.to_owned())),
        };
        if text.contains(['?', '#']) {
            return Err(RepositoryError::Query(repository.to_string()));
        }
        Ok(repository)
    }
}

impl fmt::Display for Repository {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Url(url) => {
                let (protocol, rest) = url.split_once("://").unwrap_or(("", url));
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let host = host.rsplit('@').next().unwrap_or(host);
                let path = path.split(['?', '#']).next().unwrap_or(path);
                write!(f, "{protocol}://{host}{path}")
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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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

    /// Whether both are the same place, whoever asks.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
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
            assert_eq!(serde_json::to_value(&repository).unwrap(), shown);
            let again: Repository = shown.parse().unwrap();
            assert!(again.is(&repository));
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
                "The repository `https://example.com/` has a `?` or `#`, behind which no file can be named",
            ),
        ] {
            assert_eq!(
                text.parse::<Repository>().unwrap_err().to_string(),
                expected
            );
        }
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
