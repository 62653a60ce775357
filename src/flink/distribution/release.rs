//! A distribution in a published release: what is in it is known by its checksum, wherever the archive is.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::flink::release::{Fetched, Sha512};
use crate::memory::{Memory, recall, remember};
use crate::oci::{Digest, LazyFile, canonical};

use super::archive::{distribution, learn, options};
use super::facts::{FileFact, RULES};
use super::{Distribution, DistributionError};

/// The kind under which the files of releases are remembered.
const KIND: &str = "release";

/// What is remembered of a release.
#[derive(Debug, Serialize, Deserialize)]
struct Listing {
    /// What its archive is called in messages.
    name: String,
    files: Vec<FileFact>,
}

fn key(sha512: Sha512) -> Digest {
    Digest::of(&canonical(&(RULES, sha512.to_string())))
}

/// The archive of a release that was read on its way in. Nothing of it may be believed before its checksum is known.
#[derive(Debug)]
pub(in crate::flink) struct Unpacked {
    listing: Listing,
    tar: Arc<LazyFile>,
}

impl Unpacked {
    /// Reads what will be the file `path`.
    pub(in crate::flink) fn from_stream(
        path: &Path,
        source: impl Read + 'static,
        spool: &Path,
    ) -> Result<Self, DistributionError> {
        Self::of(&Archive::from_stream(path, source, spool, &options())?)
    }

    fn of(archive: &Archive) -> Result<Self, DistributionError> {
        let name = archive.path().file_name().unwrap_or_default();
        Ok(Self {
            listing: Listing {
                name: name.to_string_lossy().into_owned(),
                files: learn(archive)?,
            },
            tar: archive.tar(),
        })
    }

    /// The uncompressed tar.
    pub(in crate::flink) fn tar(&self) -> Arc<LazyFile> {
        Arc::clone(&self.tar)
    }

    /// Remembers the listing of the archive, which has this checksum, unless it is no distribution.
    pub(in crate::flink) fn remember(&self, sha512: Sha512, memory: &dyn Memory) {
        if distribution(
            Path::new(&self.listing.name),
            &self.listing.files,
            &self.tar,
        )
        .is_ok()
        {
            remember(memory, KIND, key(sha512), &self.listing);
        }
    }
}

impl Distribution {
    /// The distribution in the release with a checksum, if its listing is known: enough to plan with.
    ///
    /// `fetch` gets the archive as soon as somebody wants bytes of it, from a thread that may wait, and never before.
    pub fn of_release<E: Error + Send + Sync + 'static>(
        sha512: Sha512,
        memory: &dyn Memory,
        fetch: impl Fn() -> Result<Fetched, E> + Send + Sync + 'static,
    ) -> Option<Self> {
        let listing: Listing = recall(memory, KIND, key(sha512))?;
        let tar = LazyFile::new(move || fetch().map_err(io::Error::other)?.tar().file());
        let found = distribution(Path::new(&listing.name), &listing.files, &Arc::new(tar)).ok()?;
        tracing::debug!("the files of `{}` are known by its checksum", listing.name);
        Some(found)
    }

    /// The distribution in a release that was fetched, which is read only if its listing is not known.
    pub fn from_release(
        fetched: &Fetched,
        spool: &Path,
        memory: &dyn Memory,
    ) -> Result<Self, DistributionError> {
        let known: Option<Listing> = recall(memory, KIND, key(fetched.sha512));
        if let Some(known) = known {
            return distribution(&fetched.path, &known.files, &fetched.tar());
        }
        let unpacked = Unpacked::of(&Archive::open(&fetched.path, spool, &options())?)?;
        unpacked.remember(fetched.sha512, memory);
        distribution(&fetched.path, &unpacked.listing.files, &unpacked.tar)
    }
}
