//! Addresses of folders that files are downloaded from: mirrors of releases, and Maven repositories.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use crate::http::redacted;
use crate::oci::is_loopback_host;

/// The address of a folder; shown without user and password, which are for that place only.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FolderAddress(Url);

impl FolderAddress {
    /// The address of a file in the folder, by a path of characters that mean nothing in an address.
    pub(super) fn file(&self, path: &str) -> Url {
        let url = self.0.join(path);
        url.expect("a plain path is a relative address")
    }

    pub(super) fn is_trusted(&self) -> bool {
        is_trusted(&self.0)
    }
}

/// Whether nobody on the way can change what comes from there: TLS, or this machine itself.
pub(super) fn is_trusted(url: &Url) -> bool {
    url.scheme() == "https" || url.host_str().is_some_and(is_loopback_host)
}

impl FromStr for FolderAddress {
    /// What can be told of a text that is none: it may hold a password as well.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || text.rsplit('@').next().unwrap_or_default().to_owned();
        let mut url = Url::parse(text).map_err(|_| fail())?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host().is_none()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(fail());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for FolderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        redacted(&self.0).fmt(f)
    }
}

impl fmt::Debug for FolderAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
