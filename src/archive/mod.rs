//! Reads tar archives, plain or compressed, whoever made them.
//!
//! An archive is read once from start to end. A compressed one is unpacked into a file without a name in that
//! same pass, so that afterwards every entry can be read at random and in any order; a plain tar is used where
//! it is. What was learnt that way is remembered ([`ask`]), so that an archive that did not change is not read again;
//! a compressed one is then unpacked only if somebody wants its bytes. Nothing is ever extracted under its own path, so that nothing can be written where it should not be.
//! What no honest archive has is refused by name: see [`Trick`] and [`Excess`].

mod error;
mod index;
mod known;
mod member;
mod members;
mod opened;
mod stream;

use serde::{Deserialize, Serialize};

pub use error::{ArchiveError, Excess, Trick};
pub use index::{leaves, resolve};
pub use known::{Question, Setup, ask, unpacked};
pub use member::{FileRange, Member, MemberKind};
pub use opened::Archive;

/// How an archive is compressed; known by its first bytes, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// Gzip (RFC 1952), one member or several.
    Gzip,
    /// XZ.
    Xz,
    /// Zstandard (RFC 8878).
    Zstd,
}

/// How much of everything an archive may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of the uncompressed tar.
    pub bytes: u64,
    /// Bytes of one path.
    pub path: usize,
    /// Bytes of all paths together, and of all extended headers: what is held in memory.
    pub names: usize,
    /// How many times larger than the file the tar may be.
    pub ratio: u64,
    /// From how many bytes of the tar on `ratio` is looked at.
    pub ratio_from: u64,
}

impl Default for Limits {
    /// Far above any Flink distribution or root file system.
    fn default() -> Self {
        Self {
            entries: 500_000,
            bytes: 64 << 30,
            path: 4096,
            names: 128 << 20,
            ratio: 200,
            ratio_from: 256 << 20,
        }
    }
}

/// What an archive of one kind may legitimately have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// A set of files that belong together: links stay inside, everything is there once, nothing is special.
    #[default]
    Files,
    /// A root file system: its absolute links are meant for another root, it may have devices and pipes, and
    /// programs that join trees write a folder twice or an entry below a link.
    RootFileSystem,
}

/// What to do while an archive is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What is allowed.
    pub policy: Policy,
    /// How much is allowed.
    pub limits: Limits,
    /// Whether every file is hashed, so that [`Archive::content`] need not read it again.
    pub hash_files: bool,
    /// Whether the tar and the file as it is stored are hashed: [`Archive::diff_id`], [`Archive::digest`].
    pub hash_archive: bool,
}

/// How a stream is compressed, by its first bytes: 8 are enough, and fewer are only taken for what they surely are.
///
/// ```
/// use flink_img::archive::{Compression, compression_of};
///
/// assert_eq!(compression_of(&[0x1f, 0x8b, 8, 0]), Compression::Gzip);
/// assert_eq!(compression_of(b"etc/passwd"), Compression::None);
/// ```
pub fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_compressions_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\x1f\x8b\x08"[..], Compression::Gzip),
            (b"\xfd7zXZ\0", Compression::Xz),
            (b"\xfd7zX", Compression::None),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
            (b"\x28\xb5", Compression::None),
            (b"manifest.json", Compression::None),
            (b"", Compression::None),
        ] {
            assert_eq!(compression_of(head), expected, "{head:?}");
        }
    }
}
