//! Places that have releases.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

use super::Demand;
use crate::error::{Explain, Kind};
use crate::flink::address::FolderAddress;
use crate::flink::version::FlinkVersion;

/// Apache's own hosts: the fast one with the current releases and no checksums, the one with both, and the one
/// with everything that ever was.
const DELIVERY: &str = "https://dlcdn.apache.org/flink/";
const DOWNLOADS: &str = "https://downloads.apache.org/flink/";
const ARCHIVE: &str = "https://archive.apache.org/dist/flink/";

/// An address below which `flink-VERSION/flink-VERSION-bin-scala_SCALA.tgz` lies.
///
/// ```
/// use flink_img::flink::release::Mirror;
///
/// let mirror: Mirror = "https://mirror.example.org/apache/flink".parse()?;
/// assert_eq!(mirror.to_string(), "https://mirror.example.org/apache/flink/");
/// # Ok::<(), flink_img::flink::release::MirrorError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Mirror(FolderAddress);

/// A text that is no address of a mirror.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a mirror")]
pub struct MirrorError(String);

impl Explain for MirrorError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "write the `http` or `https` address of the folder that has the folders `flink-VERSION`"
                .to_owned(),
        )
    }
}

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        text.parse().map(Self).map_err(MirrorError)
    }
}

impl Mirror {
    fn apache(address: &'static str) -> Self {
        address.parse().expect("an address in the source is valid")
    }

    pub(super) fn url(&self, version: &FlinkVersion, name: &str) -> Url {
        self.0.file(&format!("flink-{version}/{name}"))
    }

    /// Where the keys of all who sign releases are.
    pub(super) fn keys(&self) -> Url {
        self.0.file("KEYS")
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.0.is_trusted()
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Where releases and their checksums are looked for, in this order.
#[derive(Debug, Clone)]
pub struct Places {
    mirrors: Vec<Mirror>,
    apache: Vec<Mirror>,
    checksums: Vec<Mirror>,
}

impl Places {
    /// The given mirrors first, then Apache's own hosts.
    pub fn new(mirrors: Vec<Mirror>) -> Self {
        Self {
            mirrors,
            apache: [DELIVERY, DOWNLOADS, ARCHIVE].map(Mirror::apache).into(),
            checksums: [DOWNLOADS, ARCHIVE].map(Mirror::apache).into(),
        }
    }

    /// Other hosts in the place of Apache's: `checksums` must be among those that can be trusted.
    pub fn with_hosts(mirrors: Vec<Mirror>, checksums: Vec<Mirror>) -> Self {
        Self {
            mirrors,
            apache: checksums.clone(),
            checksums,
        }
    }

    /// Whether an archive from there is as good as one that would be downloaded now: from one of the user's own mirrors,
    /// where there are any, else from Apache.
    pub(super) fn would_be_asked(&self, place: &str) -> bool {
        let places = if self.mirrors.is_empty() {
            &self.apache
        } else {
            &self.mirrors
        };
        places.iter().any(|known| known.to_string() == place)
    }

    /// Where archives are.
    pub(super) fn archives(&self) -> impl Iterator<Item = &Mirror> {
        self.mirrors.iter().chain(&self.apache)
    }

    /// Who may vouch for an archive from `place`.
    pub(super) fn checksums<'a>(&'a self, place: &'a Mirror) -> impl Iterator<Item = &'a Mirror> {
        let own = place.is_trusted() && self.mirrors.contains(place);
        own.then_some(place).into_iter().chain(&self.checksums)
    }

    /// Where signatures are looked for, when the archive came from the place `from`. They need nobody to vouch for them.
    ///
    /// Unless one is demanded, the user's own mirrors are enough: who has no signatures there is not made to wait for hosts
    /// that may be out of reach.
    pub(super) fn signatures(
        &self,
        from: Option<&str>,
        demand: Demand,
    ) -> impl Iterator<Item = &Mirror> {
        let is_own = |from: &str| self.mirrors.iter().any(|own| own.to_string() == from);
        let own = !self.mirrors.is_empty() && from.is_none_or(is_own);
        let apache = demand == Demand::Required || !own;
        let mirrors = self
            .mirrors
            .iter()
            .filter(move |_| own || demand == Demand::Required);
        mirrors.chain(self.checksums.iter().filter(move |_| apache))
    }

    /// Where the file with the keys is looked for, and whether that is one of the user's own mirrors: at Apache's hosts first,
    /// as a mirror could leave out that a key was revoked, and nowhere where somebody on the way could.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Mirror, bool)> {
        let apache = self.checksums.iter().map(|host| (host, false));
        apache.chain(self.own_keys().map(|mirror| (mirror, true)))
    }

    /// Whether one of the user's own mirrors may have keys too.
    pub(super) fn has_own_keys(&self) -> bool {
        self.own_keys().next().is_some()
    }

    fn own_keys(&self) -> impl Iterator<Item = &Mirror> {
        self.mirrors.iter().filter(|mirror| mirror.is_trusted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_the_release() {
        let version = "1.20.5".parse().unwrap();
        let mirror: Mirror = "https://user:secret@m.example.org/a".parse().unwrap();
        assert_eq!(
            mirror.url(&version, "x.tgz").as_str(),
            "https://user:secret@m.example.org/a/flink-1.20.5/x.tgz"
        );
        assert_eq!(mirror.to_string(), "https://m.example.org/a/");
        assert_eq!(format!("{mirror:?}"), "https://m.example.org/a/");
        for text in [
            "",
            "mirror",
            "file:///tmp",
            "https://",
            "https://m/?q",
            "ftp://u:secret@m/",
        ] {
            let error = text.parse::<Mirror>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_tls_and_this_machine_vouch_for_themselves() {
        for (address, trusted) in [
            ("https://m.example.org", true),
            ("http://m.example.org", false),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            let mirror: Mirror = address.parse().unwrap();
            assert_eq!(mirror.is_trusted(), trusted, "{address}");
            let places = Places::new(vec![mirror.clone()]);
            let first = places.checksums(&mirror).next().unwrap();
            assert_eq!(*first == mirror, trusted);
            assert_eq!(places.archives().count(), 4);
        }
    }

    #[test]
    fn a_mirror_is_asked_for_keys_after_the_hosts_of_apache() {
        for (address, is_asked) in [
            ("https://m.example.org/flink/", true),
            ("http://m.example.org/flink/", false),
        ] {
            let places = Places::new(vec![address.parse().unwrap()]);
            let found: Vec<_> = places
                .keys()
                .map(|(place, is_own)| (place.to_string(), is_own))
                .collect();
            let mut expected = vec![(DOWNLOADS.to_owned(), false), (ARCHIVE.to_owned(), false)];
            if is_asked {
                expected.push((address.to_owned(), true));
            }
            assert_eq!(found, expected);
            assert_eq!(places.has_own_keys(), is_asked);
        }
    }
}
