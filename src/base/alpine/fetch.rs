//! Packages, from the store or from their repository.
//!
//! A package is kept in the store as a blob among others, so that it is checked and pruned like them. Which blob it is, is
//! a fact about its identity that is remembered once the package was found right.

use std::io::BufReader;
use std::sync::Arc;

use super::AlpineError;
use super::package::Package;
use super::repository::{Download, Repository};
use super::signature::Keys;
use super::unpack::{Spool, Unpacked, unpack};
use crate::error::IoResultExt as _;
use crate::fs::RangeReader;
use crate::memory;
use crate::oci::{Descriptor, Digest, HashingWriter, MediaType, canonical};
use crate::progress::Reporter;
use crate::store::{self, Store};

/// The kind under which blobs of packages are remembered.
const KIND: &str = "apk";
/// The media type that blobs of packages have in the store's own notes.
const MEDIA_TYPE: &str = "application/vnd.alpine.apk";

/// How packages are had.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The keys that are trusted.
    pub keys: &'a Keys,
    /// The repositories that were given, which may have users and passwords that a lock file does not.
    pub repositories: &'a [Repository],
    /// Brings what is not on this machine.
    pub download: &'a dyn Download,
    /// Keeps packages.
    pub store: &'a Store,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

impl Source<'_> {
    /// Unpacks a package into the spool. It is downloaded unless the store has it and it is right.
    pub(super) fn unpack(
        &self,
        package: &Package,
        spool: &mut Spool,
    ) -> Result<Unpacked, AlpineError> {
        let key = Digest::of(&canonical(&(
            package.label(),
            package.checksum,
            package.size,
        )));
        if let Some(descriptor) = memory::recall::<Descriptor>(self.store, KIND, key)
            && let Some(source) = self.store.verified_blob(&descriptor, self.reporter)
            && let Some(blob) =
                store::open(&descriptor, &source).map_err(crate::base::BaseError::from)?
        {
            // The bytes are those that were found right before; the keys may be others today.
            return unpack(package, BufReader::new(blob), self.keys, spool);
        }
        let repository = match package.repository.among(self.repositories) {
            Some(repository) => repository,
            None if package.repository.is_folder_by_name() => {
                return Err(AlpineError::NotGiven {
                    package: package.label(),
                    folder: package.repository.to_string(),
                });
            }
            None => &package.repository,
        };
        let name = package.file_name();
        let progress = self.reporter.start(&name, Some(package.size));
        let downloaded = self.download(package, repository, key, spool);
        if downloaded.is_ok() {
            progress.advance(package.size);
        }
        progress.finish(if downloaded.is_ok() {
            "downloaded"
        } else {
            "refused"
        });
        downloaded
    }

    /// Gets a package from its repository, and keeps it in the store once it was found right.
    fn download(
        &self,
        package: &Package,
        repository: &Repository,
        key: Digest,
        spool: &mut Spool,
    ) -> Result<Unpacked, AlpineError> {
        let name = package.file_name();
        let mut blob = HashingWriter::new(self.store.writer()?);
        let place = (package.arch.as_str(), name.as_str());
        repository.get(place, package.size, &mut blob, self.download)?;
        let (blob, digest, size) = blob.finish();
        if size != package.size {
            return Err(AlpineError::Mismatch {
                package: package.label(),
                of: "size",
                says: "the index says",
            });
        }
        let file = blob
            .file()
            .try_clone()
            .at("read", &self.store.temporary())?;
        let input = BufReader::new(RangeReader::new(Arc::new(file), 0, size));
        let unpacked = unpack(package, input, self.keys, spool)?;
        self.store.commit(blob, digest)?;
        let descriptor = Descriptor::new(MediaType::Other(MEDIA_TYPE.to_owned()), digest, size);
        memory::remember(self.store, KIND, key, &descriptor);
        Ok(unpacked)
    }
}
