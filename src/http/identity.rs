//! The certificate that we show to a registry that wants to see one.
//!
//! Whom it is shown to is decided by who makes the request: [`HttpSettings::identified_client`] makes a client that shows
//! it to everybody who asks, so that client must not be used for any host but the registry's own.
//!
//! [`HttpSettings::identified_client`]: super::HttpSettings::identified_client

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Identity;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::HttpError;

/// A chain of a few certificates and a key have a hundredth of this.
const FILE_LIMIT: u64 = 1024 * 1024;

/// Where the certificate is that a client shows of itself, and the key to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A PEM file with the certificate, followed by those that lead to the authority, if there are some.
    pub certificate: PathBuf,
    /// A PEM file with the private key; without one the key is in the file of the certificate.
    pub key: Option<PathBuf>,
}

impl ClientCertificate {
    /// The file that the key should be in.
    pub(super) fn key_file(&self) -> &Path {
        self.key.as_ref().unwrap_or(&self.certificate)
    }

    /// Reads both. Whether they belong together is found out when a client is made of them.
    pub(super) fn read(&self) -> Result<Identity, HttpError> {
        let path = &self.certificate;
        let certificates = read(path)?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&certificates)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if certificates.is_empty() {
            return Err(HttpError::NoClientCertificate { path: path.clone() });
        }
        let path = self.key_file();
        let bytes = read(path)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
            let path = path.to_owned();
            if is_encrypted(&bytes) {
                HttpError::EncryptedClientKey { path }
            } else {
                HttpError::NoClientKey { path }
            }
        })?;
        let label = match &key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        // Put together anew, as the library stumbles over whatever else there is in the files, and over a second key.
        let mut both = block(label, key.secret_der());
        both.extend(
            certificates
                .iter()
                .map(|certificate| block("CERTIFICATE", certificate)),
        );
        Identity::from_pem(both.as_bytes()).map_err(HttpError::Client)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HttpError> {
    crate::fs::read_limited(path, FILE_LIMIT).map_err(HttpError::ClientCertificate)
}

/// Whether a key is there and cannot be read without its passphrase, in the newer form or in the older one.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}

fn block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
