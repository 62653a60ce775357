//! The certificates of a file with keys, as projects publish them.

use std::collections::{BTreeMap, BTreeSet};

use pgp::composed::{Deserializable as _, SignedPublicKey};
use pgp::types::KeyDetails as _;

use super::armor::{Block, blocks};
use super::certificate::{Certificate, hex};

/// A file that release managers add their keys to has some dozen.
const CERTIFICATE_LIMIT: usize = 10_000;

/// Certificates, by the fingerprint of their primary key. They are what the file says, and vouch for nothing by themselves.
///
/// ```
/// use flink_img::flink::release::signature::Keyring;
///
/// assert!(Keyring::parse(b"pub   rsa4096 2021-03-04").is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    certificates: BTreeMap<String, Certificate>,
    dropped: BTreeSet<String>,
    skipped: usize,
}

impl Keyring {
    /// Reads all armored blocks of a text. What cannot be read, as a certificate of another time, is skipped: it stands
    /// beside those that count.
    pub fn parse(text: &[u8]) -> Self {
        let (blocks, unfinished) = blocks(text, Block::Keys);
        let mut keyring = Self {
            skipped: unfinished,
            ..Self::default()
        };
        for block in blocks {
            let Ok((certificates, _)) = SignedPublicKey::from_string_many(&block) else {
                keyring.skipped += 1;
                continue;
            };
            let mut is_empty = true;
            for certificate in certificates.take(CERTIFICATE_LIMIT) {
                match certificate {
                    Ok(certificate) => {
                        keyring.add(certificate);
                        is_empty = false;
                    }
                    Err(error) => tracing::debug!("a certificate is skipped: {error}"),
                }
            }
            keyring.skipped += usize::from(is_empty);
        }
        keyring
    }

    /// A certificate that is there twice was added again when it had changed: both tell of the same key. Of one that is
    /// excessive no copy counts, as each may lack what another says.
    fn add(&mut self, certificate: SignedPublicKey) {
        let fingerprint = hex(&certificate.fingerprint());
        if self.dropped.contains(&fingerprint) {
            return;
        }
        let new = Certificate::new(certificate);
        let is_excessive = match self.certificates.get_mut(&fingerprint) {
            _ if new.is_excessive() => true,
            Some(known) => {
                known.merge(new.into_inner());
                known.is_excessive()
            }
            None => {
                self.certificates.insert(fingerprint.clone(), new);
                false
            }
        };
        if is_excessive {
            self.drop_excessive(fingerprint);
        }
    }

    fn drop_excessive(&mut self, fingerprint: String) {
        tracing::debug!("the certificate `{fingerprint}` has too many parts, and is not used");
        self.certificates.remove(&fingerprint);
        self.dropped.insert(fingerprint);
    }

    /// Takes what another file tells.
    pub(super) fn merge(&mut self, other: Self) {
        self.skipped += other.skipped;
        for fingerprint in other.dropped {
            self.drop_excessive(fingerprint);
        }
        for (_, certificate) in other.certificates {
            self.add(certificate.into_inner());
        }
    }

    /// Whether there is no certificate.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    /// The fingerprints of the primary keys, in upper case.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.certificates.keys().map(String::as_str)
    }

    /// How many blocks gave no certificate.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    pub(super) fn certificates(&self) -> impl Iterator<Item = (&str, &Certificate)> {
        let certificates = self.certificates.iter();
        certificates.map(|(fingerprint, certificate)| (fingerprint.as_str(), certificate))
    }
}
