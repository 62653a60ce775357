//! Signatures of releases: whose count, and when.
//!
//! A checksum shows that an archive is what a host publishes, a signature that it is what a release manager made. The key
//! must come from elsewhere than the archive, so there are two ways to trust one, and no key server is ever asked:
//!
//! - the user's own file with keys: any of them may sign;
//! - else the fingerprints that are shipped (`fingerprints.rs`). Their certificates are taken from a `KEYS` file, which may
//!   come from anywhere: what is in it and has another fingerprint is not looked at. But whoever has the file can leave out
//!   that a key was revoked, so Apache's own hosts are asked first, for some seconds, and a mirror where they do not answer.
//!
//! Who signed an archive is found out once and remembered with its checksum and those who are trusted, so that a build can
//! be repeated without a network. What is revoked later is not seen then: the signature held when it was looked at. Other
//! keys, or an empty cache folder, make it looked at again. That there was no signature is never taken for an answer when
//! an archive is had again.
//!
//! A signature holds if it is over the whole file, with SHA-256, SHA-384 or SHA-512, and by a key that was good when it was
//! made: bound to its owner in both directions, meant for signing, neither expired nor retired then, never revoked for
//! another reason, and of at least 2048 bits where that is what counts. A key may have expired since.

mod armor;
mod certificate;
mod checks;
mod error;
mod fingerprints;
mod keyring;
mod refusal;
mod verify;

use std::path::PathBuf;

use pgp::crypto::hash::HashAlgorithm;
use serde::{Deserialize, Serialize};

pub use checks::{Checks, Outcome, Published};
pub use error::SignatureError;
pub use keyring::Keyring;
pub use refusal::{Day, Refusal};
pub use verify::{Verdict, verify};

/// Who signed a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// The fingerprint of the primary key, in upper case.
    pub fingerprint: String,
    /// The name that the owner gave himself last; empty if there is none.
    pub user_id: String,
    /// When the signature was made, in seconds since 1970.
    pub signed_at: u32,
}

/// Whether a release must be signed. A signature that does not hold is never accepted, unless none is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Demand {
    /// It must be, by a key that is trusted.
    Required,
    /// If there is a signature where the archive comes from, and a key for it, it must hold.
    #[default]
    IfPresent,
    /// Nobody is asked for signatures.
    Off,
}

/// What the user wants of signatures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signatures {
    /// Whether there must be one.
    pub demand: Demand,
    /// The file with the keys that may sign; `None` for the fingerprints that are shipped.
    pub keys: Option<PathBuf>,
}

impl Signatures {
    /// Whether something was asked for that a Flink without a signature cannot give.
    pub fn is_strict(&self) -> bool {
        match self.demand {
            Demand::Required => true,
            Demand::IfPresent => self.keys.is_some(),
            Demand::Off => false,
        }
    }
}

/// Whether nobody can make another file for a signature over this hash.
fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512
    )
}
