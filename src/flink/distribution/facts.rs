//! What is remembered of a distribution in an archive: all that a plan needs, and where the bytes are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::oci::Digest;

/// Raised whenever other things are learnt of a distribution, so that what was remembered before is asked again.
pub const RULES: &str = "1";

/// A file or link of a distribution.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FileFact {
    /// Relative to the Flink root.
    pub(super) path: String,
    pub(super) kind: KindFact,
}

/// What a [`FileFact`] is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindFact {
    File(InTar),
    Symlink(String),
}

/// A file in the uncompressed tar.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct InTar {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) executable: bool,
    /// The bytes of a configuration file.
    pub(super) text: Option<Text>,
}

/// Bytes that are mostly text, in a form that JSON can hold whatever they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Text(pub(super) Vec<u8>);

impl TryFrom<String> for Text {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        BASE64_STANDARD.encode(text.0)
    }
}
