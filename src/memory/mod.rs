//! What was learnt before, as far as those who learn it have to know: facts by kind and key, which may be forgotten.
//!
//! A fact is something that can be found out again at some cost: the digest of a file, what is in an archive. Nobody may
//! depend on one being there.

mod stat;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::oci::{Digest, canonical};

pub use stat::{FolderFacts, Sighting};

/// Remembers facts, for as long as it likes.
pub trait Memory: Debug + Send + Sync {
    /// What is remembered under a key.
    fn recall_bytes(&self, kind: &str, key: Digest) -> Option<Vec<u8>>;

    /// Remembers something under a key. It only costs time if that fails, so it never does.
    fn remember_bytes(&self, kind: &str, key: Digest, bytes: &[u8]);
}

/// The fact of a key; `None` too when it is written in a form that is not known any more.
pub fn recall<T: DeserializeOwned>(memory: &dyn Memory, kind: &str, key: Digest) -> Option<T> {
    serde_json::from_slice(&memory.recall_bytes(kind, key)?).ok()
}

/// Remembers the fact of a key.
pub fn remember(memory: &dyn Memory, kind: &str, key: Digest, fact: &impl Serialize) {
    memory.remember_bytes(kind, key, &canonical(fact));
}

/// The memory that remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn recall_bytes(&self, _kind: &str, _key: Digest) -> Option<Vec<u8>> {
        None
    }

    fn remember_bytes(&self, _kind: &str, _key: Digest, _bytes: &[u8]) {}
}
