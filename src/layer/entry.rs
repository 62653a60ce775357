//! What a layer holds: paths, kinds, modes and owners, with no trace of the machine that they come from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::oci::{Digest, LazyFile};

/// A path inside an image: relative to its root, `/` between parts, no `.`, `..`, empty part, NUL or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImagePath(String);

/// A text that is no path inside an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path inside an image: {reason}")]
pub struct ImagePathError {
    path: String,
    reason: &'static str,
}

/// Longest path, in bytes (`PATH_MAX` of Linux).
const PATH_LIMIT: usize = 4096;

impl ImagePath {
    /// Takes a path as archives and people write it: leading `/` or `./` and trailing `/` are dropped.
    ///
    /// Absolute paths of *archives* must be refused by their reader before; here `/opt/flink` is a way to write
    /// `opt/flink`.
    pub fn new(path: &str) -> Result<Self, ImagePathError> {
        let fail = |reason| ImagePathError {
            path: path.to_owned(),
            reason,
        };
        let mut parts = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(fail("it has a `..`")),
                part => parts.push(part),
            }
        }
        let joined = parts.join("/");
        if joined.is_empty() {
            return Err(fail("it names the root"));
        }
        if joined.contains('\0') {
            return Err(fail("it has a NUL byte"));
        }
        if joined.len() > PATH_LIMIT {
            return Err(fail("it is longer than 4096 bytes"));
        }
        Ok(Self(joined))
    }

    /// A path that is written in this program.
    pub fn fixed(path: &'static str) -> Self {
        Self::new(path).expect("a path in the source is valid")
    }

    /// The path below `self`.
    pub fn join(&self, path: &str) -> Result<Self, ImagePathError> {
        Self::new(&format!("{}/{path}", self.0))
    }

    /// The path without a leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds it; `None` directly below the root.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('/')
            .map(|(parent, _)| Self(parent.to_owned()))
    }

    /// Whether `self` is `prefix` or lies below it.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0
            .strip_prefix(&prefix.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

/// User and group by number; names are never written, as the base decides what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}

impl Owner {
    /// `0:0`
    pub const ROOT: Self = Self { user: 0, group: 0 };
    /// The user `flink`, with group 0: what is group-writable works under any uid in group 0 as well.
    pub const FLINK: Self = Self {
        user: 9999,
        group: 0,
    };
}

/// One file, folder or link of a layer.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Where.
    pub path: ImagePath,
    /// What.
    #[serde(flatten)]
    pub kind: EntryKind,
    /// Permission bits.
    #[serde(serialize_with = "octal")]
    pub mode: u32,
    /// Whose.
    pub owner: Owner,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link, with its target as it is written into the link.
    Symlink(String),
    /// Another name of a file of the same layer, which comes before it.
    HardLink(ImagePath),
}

/// The bytes of a file: known by digest and size, read only when a layer is made.
#[derive(Debug, Clone, Serialize)]
pub struct Content {
    /// The digest of the bytes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Where they are.
    #[serde(skip)]
    pub source: ContentSource,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub enum ContentSource {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// A file of its own.
    Path(PathBuf),
    /// A part of a file (an uncompressed archive), from `offset`.
    Range {
        /// The file; read with `pread`, so that many readers can share it.
        file: Arc<LazyFile>,
        /// What the file is called in messages.
        name: Arc<str>,
        /// Where the bytes start.
        offset: u64,
    },
}

impl Content {
    /// Bytes that are known here and now.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
            source: ContentSource::Bytes(bytes),
        }
    }
}

impl Entry {
    /// A folder; `0755`, or `0775` when the group may write to it.
    pub fn directory(path: ImagePath, group_writable: bool, owner: Owner) -> Self {
        Self {
            path,
            kind: EntryKind::Directory,
            mode: if group_writable { 0o775 } else { 0o755 },
            owner,
        }
    }

    /// A file; `0755` when it can be executed, else `0644`.
    pub fn file(path: ImagePath, content: Content, executable: bool, owner: Owner) -> Self {
        Self {
            path,
            kind: EntryKind::File(content),
            mode: if executable { 0o755 } else { 0o644 },
            owner,
        }
    }

    /// A symbolic link. Links have no mode of their own; `0777` is what Linux shows.
    pub fn symlink(path: ImagePath, target: impl Into<String>, owner: Owner) -> Self {
        Self {
            path,
            kind: EntryKind::Symlink(target.into()),
            mode: 0o777,
            owner,
        }
    }

    /// Another name of the file `target`, whose mode and owner it has.
    pub fn hard_link(path: ImagePath, target: &Self) -> Self {
        Self {
            path,
            kind: EntryKind::HardLink(target.path.clone()),
            mode: target.mode,
            owner: target.owner,
        }
    }

    /// How many bytes the file has; 0 for folders and links.
    pub fn size(&self) -> u64 {
        match &self.kind {
            EntryKind::File(content) => content.size,
            EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::HardLink(_) => 0,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn octal<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{mode:04o}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain() {
        for (text, path) in [
            ("opt/flink", "/opt/flink"),
            ("/opt//flink/", "/opt/flink"),
            ("./a/./b", "/a/b"),
        ] {
            assert_eq!(ImagePath::new(text).unwrap().to_string(), path);
        }
        for text in ["", "/", ".", "a/../b", "..", "a\0b", &"x".repeat(5000)] {
            assert!(ImagePath::new(text).is_err(), "{text:?}");
        }
        let path = ImagePath::fixed("opt/flink");
        assert!(path.join("lib").unwrap().starts_with(&path));
        assert!(!ImagePath::fixed("opt/flinkx").starts_with(&path));
        assert_eq!(path.parent(), Some(ImagePath::fixed("opt")));
        assert_eq!(path.file_name(), "flink");
    }
}
