//! What an index of an archive consists of.

use super::Trick;
use crate::oci::Digest;

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: MemberKind,
    /// Its permission bits.
    pub mode: u32,
}

/// What a [`Member`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A folder.
    Directory,
    /// A file.
    File(FileRange),
    /// A symbolic link, with its target as written.
    Symlink {
        /// The target.
        target: String,
    },
    /// Another name of a file that comes before it.
    HardLink {
        /// The path of that file, in the form of the index.
        target: String,
    },
    /// A device or named pipe; only where the policy allows them.
    Special(Trick),
}

/// Where the bytes of a file are in the uncompressed tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRange {
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub size: u64,
    /// Their digest, if it was asked for.
    pub digest: Option<Digest>,
}
