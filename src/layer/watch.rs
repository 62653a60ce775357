//! What is learnt of a layer while it streams by: its digests, and whether its files are those that were planned with.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::aside::Aside;
use crate::oci::{Digest, Sha256};

/// A block of the tar, and which parts of it are the bytes of files.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) parts: Vec<Part>,
}

/// Bytes of one file in a block.
#[derive(Debug)]
pub(super) struct Part {
    /// Where they are in the block.
    pub(super) range: Range<usize>,
    /// The file, as its place among the entries.
    pub(super) entry: usize,
    /// At the end of the file: the digest that it must have.
    pub(super) expected: Option<Digest>,
}

/// Looks at what streams by, on threads of its own.
#[derive(Debug, Default)]
pub(super) struct Watch {
    tar: Option<Aside<Sha256, Arc<Block>>>,
    blob: Option<Aside<Sha256, Arc<Vec<u8>>>>,
    files: Option<Aside<Files, Arc<Block>>>,
}

/// The file that is being hashed, and the first one that was not what it should be.
#[derive(Debug, Default)]
struct Files {
    hash: Sha256,
    changed: Option<usize>,
}

/// What was learnt.
#[derive(Debug)]
pub(super) struct Seen {
    /// The digest of the tar, if it was asked for.
    pub(super) tar: Option<Digest>,
    /// The digest of the blob, if it was asked for.
    pub(super) blob: Option<Digest>,
    /// The first entry whose bytes are not those of the plan.
    pub(super) changed: Option<usize>,
}

impl Watch {
    /// Compares the files with their digests.
    pub(super) fn files() -> Self {
        Self {
            files: Some(Aside::new(Files::default(), Files::compare)),
            ..Self::default()
        }
    }

    /// Compares the files with their digests, and hashes both the tar and the blob.
    pub(super) fn everything() -> Self {
        Self {
            tar: Some(Aside::new(Sha256::default(), |hash, block| {
                hash.update(&block.bytes);
            })),
            blob: Some(Aside::new(Sha256::default(), |hash, bytes| {
                hash.update(bytes);
            })),
            ..Self::files()
        }
    }

    /// A block of the tar; more than one make a `long` stream.
    pub(super) fn block(&mut self, block: &Arc<Block>, long: bool) -> io::Result<()> {
        if let Some(tar) = &mut self.tar {
            tar.take(Arc::clone(block), long)?;
        }
        if let Some(files) = &mut self.files {
            files.take(Arc::clone(block), long)?;
        }
        Ok(())
    }

    /// Some bytes of the blob.
    pub(super) fn output(&mut self, bytes: &Arc<Vec<u8>>, long: bool) -> io::Result<()> {
        match &mut self.blob {
            Some(blob) => blob.take(Arc::clone(bytes), long),
            None => Ok(()),
        }
    }

    /// Waits until everything was looked at.
    pub(super) fn finish(self) -> io::Result<Seen> {
        let digest = |hash: Sha256| hash.finish();
        let files = self.files.map(Aside::finish).transpose()?;
        Ok(Seen {
            tar: self.tar.map(Aside::finish).transpose()?.map(digest),
            blob: self.blob.map(Aside::finish).transpose()?.map(digest),
            changed: files.and_then(|files| files.changed),
        })
    }
}

impl Files {
    fn compare(&mut self, block: &Arc<Block>) {
        if self.changed.is_some() {
            return;
        }
        for part in &block.parts {
            self.hash.update(&block.bytes[part.range.clone()]);
            if let Some(expected) = part.expected
                && std::mem::take(&mut self.hash).finish() != expected
            {
                self.changed = Some(part.entry);
                return;
            }
        }
    }
}
