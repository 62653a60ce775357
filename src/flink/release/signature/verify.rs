//! Whether a detached signature holds: its own form and time here, its key in [`super::certificate`].

use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pgp::composed::{Deserializable as _, DetachedSignature};
use pgp::packet::{Signature, SignatureType};
use pgp::types::Timestamp;

use super::armor::{Block, blocks};
use super::certificate::{Certificate, Component, end, hex};
use super::refusal::{Day, Refusal};
use super::{Keyring, Signer, is_strong};
use crate::error::{FileError, IoResultExt as _};
use crate::fs;

/// Releases have one signature, sometimes one of a second person.
const SIGNATURE_LIMIT: usize = 16;

/// A user id is a name and an address.
const USER_ID_LIMIT: usize = 200;

/// What was found out about the signatures of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// One holds.
    Good(Signer),
    /// None holds, and this is what is wrong with the first by a known key.
    Refused {
        /// The fingerprint of its primary key.
        key: String,
        /// What is wrong.
        refusal: Refusal,
    },
    /// They are by others.
    Unknown {
        /// The fingerprints or ids of the keys that they name, which may be subkeys.
        keys: Vec<String>,
    },
    /// There is none that could be read.
    Nothing,
}

/// Verifies that one of the signatures in `text` is over the file at `archive`, by a key of the `keyring` whose primary
/// fingerprint `may_sign`. The file is read in pieces, and only for signatures that would count; `now` is for those that
/// expire.
pub fn verify(
    text: &[u8],
    keyring: &Keyring,
    may_sign: &dyn Fn(&str) -> bool,
    archive: &Path,
    now: SystemTime,
) -> Result<Verdict, FileError> {
    let signatures = signatures(text);
    let mut refused = None;
    let mut unknown = Vec::new();
    for signature in &signatures {
        let mut certificates = keyring.certificates();
        let by = certificates.find_map(|(fingerprint, certificate)| {
            let component = certificate.component(signature)?;
            may_sign(fingerprint).then_some((fingerprint, certificate, component))
        });
        let Some((fingerprint, certificate, component)) = by else {
            unknown.extend(issuer(signature));
            continue;
        };
        let made = match check(signature, certificate, component, now) {
            Ok(made) if matches(signature, component, archive)? => made,
            Ok(_) => {
                refused = refused.or(Some((fingerprint, Refusal::Mismatch)));
                continue;
            }
            Err(refusal) => {
                refused = refused.or(Some((fingerprint, refusal)));
                continue;
            }
        };
        return Ok(Verdict::Good(Signer {
            fingerprint: fingerprint.to_owned(),
            user_id: printable(&certificate.user_id(made)),
            signed_at: made.as_secs(),
        }));
    }
    Ok(match refused {
        Some((key, refusal)) => Verdict::Refused {
            key: key.to_owned(),
            refusal,
        },
        None if signatures.is_empty() => Verdict::Nothing,
        None => Verdict::Unknown { keys: unknown },
    })
}

/// All signatures in a text. One that breaks off, or is followed by what is none, does not count.
fn signatures(text: &[u8]) -> Vec<Signature> {
    let (blocks, _) = blocks(text, Block::Signature);
    let mut found = Vec::new();
    for block in blocks {
        let Ok((signatures, _)) = DetachedSignature::from_string_many(&block) else {
            continue;
        };
        let read = signatures.take(SIGNATURE_LIMIT).map_while(Result::ok);
        found.extend(read.map(|read| read.signature));
    }
    found.truncate(SIGNATURE_LIMIT);
    found
}

/// The key that a signature says it is by.
fn issuer(signature: &Signature) -> Option<String> {
    let fingerprint = signature
        .issuer_fingerprint()
        .first()
        .map(|found| hex(found));
    let id = || {
        let ids = signature.issuer_key_id();
        ids.first().map(|id| id.to_string().to_uppercase())
    };
    fingerprint.or_else(id)
}

/// All that can be wrong without the file; the time that the signature was made.
fn check(
    signature: &Signature,
    certificate: &Certificate,
    component: Component<'_>,
    now: SystemTime,
) -> Result<Timestamp, Refusal> {
    if signature.typ() != Some(SignatureType::Binary) {
        return Err(Refusal::Form);
    }
    match signature.hash_alg() {
        Some(hash) if is_strong(hash) => {}
        Some(hash) => return Err(Refusal::Hash(hash.to_string())),
        None => return Err(Refusal::Form),
    }
    let made = signature.created().ok_or(Refusal::Undated)?;
    let is_over = |end: &Timestamp| now >= UNIX_EPOCH + Duration::from_secs(end.as_secs().into());
    if let Some(end) = end(signature).filter(is_over) {
        return Err(Refusal::Expired(Day(end)));
    }
    certificate.check(component, made)?;
    Ok(made)
}

/// Whether the signature is over the file. A file that cannot be read is another matter than one that was changed.
fn matches(
    signature: &Signature,
    component: Component<'_>,
    archive: &Path,
) -> Result<bool, FileError> {
    let mut file = Watched {
        file: fs::open(archive)?,
        failure: None,
    };
    let made = component.made(signature, &mut file);
    file.failure.map_or(Ok(made), Err).at("read", archive)
}

/// Keeps the failure to read that would be taken for a signature that does not match.
struct Watched {
    file: std::fs::File,
    failure: Option<io::Error>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failure = Some(error);
            }
            kind.into()
        })
    }
}

/// A name without what would move the cursor of a terminal, or fill it.
fn printable(name: &str) -> String {
    let visible = name.chars().filter(|c| !c.is_control());
    visible.take(USER_ID_LIMIT).collect()
}
