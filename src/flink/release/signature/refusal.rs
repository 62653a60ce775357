//! Why a signature does not count.

use std::fmt;

use jiff::Timestamp;

/// A moment, told as the day that it is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub(super) pgp::types::Timestamp);

impl Day {
    pub(super) fn from_seconds(seconds: u32) -> Self {
        Self(pgp::types::Timestamp::from_secs(seconds))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = Timestamp::from_second(self.0.as_secs().into())
            .expect("32 bits of seconds since 1970 are a time");
        write!(f, "{}", day.strftime("%Y-%m-%d"))
    }
}

/// Why a signature by a key that is trusted does not count; told behind "the signature".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file is another one than was signed, or the signature is none of this key.
    #[error("does not match the archive")]
    Mismatch,
    /// A hash for which another file may have been made.
    #[error("is over a hash that can be forged ({0})")]
    Hash(String),
    /// A signature of something else than a file.
    #[error("is none over a file")]
    Form,
    /// No time, so that nobody knows what the key was then.
    #[error("does not tell when it was made")]
    Undated,
    /// It was not meant to hold for so long.
    #[error("expired on {0}")]
    Expired(Day),
    /// The key was over.
    #[error("was made on {made}, and the key expired on {on}")]
    KeyExpired {
        /// When it was made.
        made: Day,
        /// When the key expired.
        on: Day,
    },
    /// The key was not there yet.
    #[error("was made on {made}, and the key on {on}")]
    BeforeKey {
        /// When it was made.
        made: Day,
        /// When the key was made.
        on: Day,
    },
    /// The key was retired or superseded.
    #[error("was made on {made}, and the key was retired on {on}")]
    Retired {
        /// When it was made.
        made: Day,
        /// When the key was retired.
        on: Day,
    },
    /// The key was taken back, as others may have it.
    #[error("is by a key that was revoked, so that anybody may have made it")]
    Revoked,
    /// A key that can be computed.
    #[error("is by a key of {0} bits, which is too short")]
    Weak(u16),
    /// A key for encryption or certificates.
    #[error("is by a key that is not for signing")]
    NotForSigning,
    /// The owner did not say that the key is his, or not in a way that holds.
    #[error("is by a key that nothing valid binds to its owner")]
    Unbound,
}
