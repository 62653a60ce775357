//! A published release: what it is, as far as that can be known without its archive, and the archive when somebody wants it.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::context::Fetcher;
use super::plan::release_key;
use super::{BuildError, Context, Flink};
use crate::flink::release::{Fetched, Mirror, Places, Release, Sha512, Sources};
use crate::flink::{Distribution, Known};
use crate::http::{HttpSettings, Redirects, Route};
use crate::layer::CompressionChoice;
use crate::progress::Reporter;
use crate::store::Store;

/// Where a release is had from.
#[derive(Debug, Clone)]
pub(super) struct ReleaseSource {
    release: Release,
    mirrors: Vec<Mirror>,
    http: HttpSettings,
    store: Store,
    reporter: Arc<dyn Reporter>,
    network: Handle,
}

impl ReleaseSource {
    pub(super) fn new(release: Release, mirrors: Vec<Mirror>, context: &Context) -> Self {
        Self {
            release,
            mirrors,
            http: context.http.clone(),
            store: context.store.clone(),
            reporter: Arc::clone(&context.reporter),
            network: context.runtime.handle().clone(),
        }
    }

    /// What the release is: its checksum tells whether the store or an earlier image knows it; else it is read.
    pub(super) fn resolve(
        self,
        checksum: Sha512,
        line: Known,
        compression: CompressionChoice,
        fetcher: &Fetcher<'_>,
    ) -> Result<Flink, BuildError> {
        let version = self.release.version.clone();
        let archive = self.clone();
        let known =
            Distribution::of_release(checksum, &self.store, move || archive.fetch(checksum));
        if let Some(distribution) = known
            && distribution.version == version
        {
            return Ok(Flink::Listed {
                distribution,
                release: Some(checksum),
            });
        }
        let key = release_key(&checksum, line.line, compression);
        let known = fetcher.known.and_then(|lock| lock.recipes(&checksum));
        if let Some(found) = known.or_else(|| fetcher.last.release(key)) {
            return Ok(Flink::Known {
                key: Some(key),
                layers: found.recipes,
                scala: found.scala,
            });
        }
        fetcher.check_push()?;
        let fetched = self.fetch(checksum)?;
        let spool = self.store.temporary();
        let distribution = Distribution::from_release(&fetched, &spool, &self.store)?;
        distribution.expect_version(&fetched.path, &version)?;
        Ok(Flink::Listed {
            distribution,
            release: Some(checksum),
        })
    }

    /// The published checksum, asked for if it was not noted with the archive.
    pub(super) fn checksum(&self) -> Result<Sha512, BuildError> {
        let releases = self.store.releases();
        let places = Places::new(self.mirrors.clone());
        if let Some(noted) = self.release.noted(&releases, &places)? {
            self.store
                .use_release(&releases.join(self.release.file_name()));
            return Ok(noted);
        }
        let sources = self.sources()?;
        Ok(self.network.block_on(self.release.checksum(&sources))?)
    }

    /// The archive, from the cache or from the first place that has it.
    fn fetch(&self, checksum: Sha512) -> Result<Fetched, BuildError> {
        let sources = self.sources()?;
        let fetch = self.release.fetch(Some(checksum), &sources);
        let fetched = self.network.block_on(fetch)?;
        let version = &self.release.version;
        self.reporter.detail(&match &fetched.place {
            Some(place) => format!("Flink {version} was downloaded from {place}"),
            None => format!("Flink {version} is in the cache"),
        });
        Ok(fetched)
    }

    fn sources(&self) -> Result<Sources, BuildError> {
        Ok(Sources {
            client: self.http.client(Redirects::Follow, Route::System)?,
            retry: self.http.retry,
            places: Places::new(self.mirrors.clone()),
            cache: self.store.releases(),
            spool: self.store.temporary(),
            memory: Arc::new(self.store.clone()),
            reporter: Arc::clone(&self.reporter),
        })
    }
}
