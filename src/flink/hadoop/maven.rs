//! Maven repositories.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use super::HadoopJar;
use crate::error::{Explain, Kind};
use crate::flink::address::FolderAddress;

/// Where Apache publishes.
const CENTRAL: &str = "https://repo.maven.apache.org/maven2/";

/// A Maven repository that nobody on the way can change: it is reached over TLS, or on this machine.
///
/// Its checksums come from the same place as its files, so that is what they depend on.
///
/// ```
/// use flink_img::flink::hadoop::MavenRepository;
///
/// let repository: MavenRepository = "https://user:secret@maven.example.org/releases".parse()?;
/// assert_eq!(repository.to_string(), "https://maven.example.org/releases/");
/// # Ok::<(), flink_img::flink::hadoop::MavenRepositoryError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MavenRepository(FolderAddress);

/// A text that is no address of a repository that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MavenRepositoryError {
    /// No address.
    #[error("`{0}` is not the address of a Maven repository")]
    Malformed(String),
    /// An address without TLS on another machine.
    #[error("`{0}` is reached without TLS, so anybody on the way could change what comes from it")]
    NoTls(String),
}

impl Explain for MavenRepositoryError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Malformed(_) => {
                format!("write the address of the folder that has `org/`, as `{CENTRAL}`")
            }
            Self::NoTls(_) => "write its `https` address".to_owned(),
        })
    }
}

impl MavenRepository {
    /// The address of a file of the jar: the jar itself, or what is beside it under the same name with an `extension`.
    pub fn url(&self, jar: &HadoopJar, extension: &str) -> Url {
        self.0.file(&format!("{}{extension}", jar.path()))
    }
}

impl Default for MavenRepository {
    /// Maven Central.
    fn default() -> Self {
        CENTRAL.parse().expect("an address in the source is valid")
    }
}

impl FromStr for MavenRepository {
    type Err = MavenRepositoryError;

    fn from_str(text: &str) -> Result<Self, MavenRepositoryError> {
        let address: FolderAddress = text.parse().map_err(MavenRepositoryError::Malformed)?;
        if !address.is_trusted() {
            return Err(MavenRepositoryError::NoTls(address.to_string()));
        }
        Ok(Self(address))
    }
}

impl fmt::Display for MavenRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MavenRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_on_the_way_can_change_is_a_repository() {
        for (text, expected) in [
            (CENTRAL, Ok(CENTRAL)),
            (
                "http://127.0.0.1:8081/maven",
                Ok("http://127.0.0.1:8081/maven/"),
            ),
            ("http://[::1]/", Ok("http://[::1]/")),
            ("http://u:secret@localhost", Ok("http://localhost/")),
            (
                "http://u:secret@maven.example.org",
                Err("is reached without TLS"),
            ),
            (
                "http://127.0.0.1.example.org/",
                Err("is reached without TLS"),
            ),
            ("", Err("is not the address")),
            ("maven.example.org", Err("is not the address")),
            ("file:///srv/maven", Err("is not the address")),
            (
                "https://maven.example.org/?secret",
                Err("is not the address"),
            ),
            (
                "ftp://u:secret@maven.example.org",
                Err("is not the address"),
            ),
        ] {
            let found = text.parse::<MavenRepository>();
            match expected {
                Ok(expected) => assert_eq!(found.unwrap().to_string(), expected),
                Err(expected) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains(expected), "{text}: {error}");
                    assert!(!error.contains(":secret"), "{error}");
                }
            }
        }
    }
}
