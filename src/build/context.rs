//! What a build uses of the world: the store, the network, threads, and somebody who is told.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;

use crate::base::{Fetch, FetchError, Surroundings};
use crate::error::IoResultExt as _;
use crate::http::HttpSettings;
use crate::oci::{BlobSource, Descriptor, MANIFEST_LIMIT, Platform, Reference};
use crate::progress::Reporter;
use crate::registry::Client;
use crate::store::{Store, StoreError};

/// What a build uses of the world.
#[derive(Debug)]
pub struct Context {
    /// The local store.
    pub store: Store,
    /// Registries; none for a command that asks none.
    pub registries: Option<Client>,
    /// How other servers are spoken to.
    pub http: HttpSettings,
    /// How many threads may compress.
    pub threads: NonZeroUsize,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
    /// Where the network code runs; everything else is ordinary functions.
    pub runtime: tokio::runtime::Runtime,
}

impl Context {
    /// Registries, of a command that asks some.
    pub(super) fn registries(&self) -> &Client {
        self.registries
            .as_ref()
            .expect("a build that pushes, or whose base is in a registry, has a client")
    }

    /// What resolving a base needs.
    pub(super) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            fetch: self,
            store: &self.store,
            threads: self.threads,
            reporter: &*self.reporter,
        }
    }
}

impl Fetch for Context {
    fn image(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<(Vec<u8>, Vec<u8>), FetchError> {
        self.runtime.block_on(async {
            let resolved = self.registries().resolve(reference, platform).await?;
            let config = self
                .registries()
                .get_blob_bytes(reference, &resolved.manifest.config, MANIFEST_LIMIT)
                .await?;
            Ok((resolved.raw.bytes, config))
        })
    }

    fn blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<BlobSource, FetchError> {
        if let Some(source) = self.store.verified_blob(descriptor, &*self.reporter) {
            return Ok(source);
        }
        self.runtime.block_on(async {
            let blob = self.store.writer()?;
            let file = blob.file().try_clone().at("write", &self.store.temporary());
            let mut file = tokio::fs::File::from_std(file.map_err(StoreError::from)?);
            self.registries()
                .pull_blob(reference, descriptor, &mut file)
                .await?;
            let flushed = file.flush().await.at("write", &self.store.temporary());
            flushed.map_err(StoreError::from)?;
            Ok(self.store.commit(blob, descriptor.digest)?)
        })
    }
}
