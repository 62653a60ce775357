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

use super::{HttpError, TransferError};
use crate::error::{Explain, FileError, Kind};

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

/// A certificate that cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientCertificateError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(FileError),
    /// The file with the certificate has something else.
    #[error("`{}` has no certificate in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file with the key has something else.
    #[error("`{}` has no private key in PEM form", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key wants a passphrase.
    #[error("The private key in `{}` is encrypted", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is none that TLS knows, or another certificate's.
    #[error("The private key in `{}` does not belong to the certificate in `{}`", key.display(), certificate.display())]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What the TLS library says.
        source: TransferError,
    },
}

impl Explain for ClientCertificateError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read(error) => return error.hint(),
            Self::NoCertificate { .. } => {
                "name a file with a `-----BEGIN CERTIFICATE-----` block with `--client-cert`"
                    .to_owned()
            }
            Self::NoKey { .. } => {
                "name the file with the `-----BEGIN PRIVATE KEY-----` block with `--client-key`"
                    .to_owned()
            }
            Self::EncryptedKey { path } => format!(
                "take the passphrase away with `openssl pkey -in {}`, into a file that only you may read",
                path.display()
            ),
            Self::Mismatch { .. } => {
                "name the key that the certificate was made for with `--client-key`".to_owned()
            }
        })
    }
}

impl ClientCertificate {
    /// What to say when TLS takes the certificate only with another key.
    pub(super) fn mismatch(&self, source: TransferError) -> ClientCertificateError {
        ClientCertificateError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key_file().to_owned(),
            source,
        }
    }

    /// The file that the key should be in.
    fn key_file(&self) -> &Path {
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
            return Err(ClientCertificateError::NoCertificate { path: path.clone() }.into());
        }
        let path = self.key_file();
        let bytes = read(path)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
            let path = path.to_owned();
            if is_encrypted(&bytes) {
                ClientCertificateError::EncryptedKey { path }
            } else {
                ClientCertificateError::NoKey { path }
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

fn read(path: &Path) -> Result<Vec<u8>, ClientCertificateError> {
    crate::fs::read_limited(path, FILE_LIMIT).map_err(ClientCertificateError::Read)
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
