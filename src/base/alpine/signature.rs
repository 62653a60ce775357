//! Keys that are trusted, and what they have signed.
//!
//! A signature is a file `.SIGN.ALGORITHM.KEY` before what it signs: RSA, PKCS #1 v1.5, over SHA-1 (`RSA`), SHA-256
//! (`RSA256`) or SHA-512 (`RSA512`). The name tells which of the trusted keys to try, and is never used as a path.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;

use super::AlpineError;
use super::error::shown;

/// Public keys that are trusted, by the names of their files. Several may have one name: each of them counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, BTreeSet<Vec<u8>>>);

/// A signature, as it stands before what it signs.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    /// `.SIGN.ALGORITHM.KEY`
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

const ALGORITHMS: [(&str, &RsaParameters); 3] = [
    ("RSA", &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    ("RSA256", &RSA_PKCS1_2048_8192_SHA256),
    ("RSA512", &RSA_PKCS1_2048_8192_SHA512),
];

/// What the name of a signature begins with.
pub(super) const SIGNATURE: &str = ".SIGN.";

impl Keys {
    /// Trusts the key in a PEM file; signatures name it by the file's own name (`you@example.com-4a6a0840.rsa.pub`).
    pub fn insert(&mut self, file_name: &str, pem: &[u8]) -> Result<(), AlpineError> {
        let key = SubjectPublicKeyInfoDer::from_pem_slice(pem)
            .map_err(|_| AlpineError::Key(shown(file_name)))?;
        let named = self.0.entry(file_name.to_owned()).or_default();
        named.insert(key.as_ref().to_vec());
        Ok(())
    }

    /// Trusts what `other` trusts as well.
    pub fn extend(&mut self, other: Self) {
        for (name, keys) in other.0 {
            self.0.entry(name).or_default().extend(keys);
        }
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that one of the signatures is by a trusted key, and is right. `what` is signed, for messages.
    pub(super) fn verify(
        &self,
        what: &str,
        signatures: &[Signature],
        message: &[u8],
    ) -> Result<(), AlpineError> {
        let what = what.to_owned();
        let mut unknown = Vec::new();
        for signature in signatures {
            let name = signature.name.strip_prefix(SIGNATURE);
            let Some((algorithm, key)) = name.and_then(|name| name.split_once('.')) else {
                continue;
            };
            let algorithm = ALGORITHMS.iter().find(|(name, _)| *name == algorithm);
            let (Some((_, algorithm)), Some(keys)) = (algorithm, self.0.get(key)) else {
                unknown.push(shown(key));
                continue;
            };
            // The first one by a key of a known name decides, as with apk.
            let is_by = |bytes: &Vec<u8>| {
                let key = UnparsedPublicKey::new(*algorithm, bytes);
                key.verify(message, &signature.bytes).is_ok()
            };
            return if keys.iter().any(is_by) {
                Ok(())
            } else {
                let key = shown(key);
                Err(AlpineError::Signature { what, key })
            };
        }
        Err(if unknown.is_empty() {
            AlpineError::Unsigned { what }
        } else {
            AlpineError::UnknownKey {
                what,
                keys: unknown,
            }
        })
    }
}
