//! Maven repositories.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use super::HadoopJar;
use crate::error::{Explain, Kind};
use crate::flink::release::is_trusted;
use crate::http::redacted;

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
pub struct MavenRepository(Url);

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
        // It is made of characters that mean nothing in an address.
        self.0
            .join(&format!("{}{extension}", jar.path()))
            .expect("a plain path is a relative address")
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
        // A text that is refused may hold a password as well.
        let shown = || text.rsplit('@').next().unwrap_or_default().to_owned();
        let fail = || MavenRepositoryError::Malformed(shown());
        let mut url = Url::parse(text).map_err(|_| fail())?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host().is_none()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(fail());
        }
        if !is_trusted(&url) {
            return Err(MavenRepositoryError::NoTls(redacted(&url).to_string()));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for MavenRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redacted(&self.0).fmt(f)
    }
}

impl fmt::Debug for MavenRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
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
