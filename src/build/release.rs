//! A published release: what it is, as far as that can be known without its archive, and the archive when somebody wants it.
//!
//! No byte of an archive is used before its signature was looked at, as far as one is wanted. Where a signature is demanded,
//! the layers of an earlier image do not stand for it: nobody knows whether somebody looked when they were made, so the archive
//! is fetched, unless its signer is remembered.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::annotations::KnownContent;
use super::content::ContentKeys;
use super::context::Fetcher;
use super::{BuildError, Context, Flink};
use crate::flink::Distribution;
use crate::flink::release::{
    Checks, Demand, Fetched, Mirror, Outcome, Places, Published, Release, Sha512, Signer, Sources,
};
use crate::http::{HttpSettings, Redirects, Route};
use crate::progress::Reporter;
use crate::store::Store;

/// Where a release is had from.
#[derive(Debug, Clone)]
pub(super) struct ReleaseSource {
    release: Release,
    mirrors: Vec<Mirror>,
    checks: Checks,
    http: HttpSettings,
    store: Store,
    reporter: Arc<dyn Reporter>,
    network: Handle,
}

/// What a release is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReleaseUse {
    /// What stands for its layers, and for the content that follows from it.
    pub(super) keys: ContentKeys,
    /// Whether the names of its files must be known, which neither a lock nor an earlier image tells.
    pub(super) needs_names: bool,
}

/// Who signed a release, as far as this build knows.
#[derive(Debug, Default)]
struct Sight {
    signer: Option<Signer>,
    /// Whether this build looked at the archive or knows the signer, so that nobody need be asked again.
    is_final: bool,
}

impl ReleaseSource {
    pub(super) fn new(
        release: Release,
        mirrors: Vec<Mirror>,
        checks: Checks,
        context: &Context,
    ) -> Self {
        Self {
            release,
            mirrors,
            checks,
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
        wanted: ReleaseUse,
        fetcher: &Fetcher<'_>,
    ) -> Result<Flink, BuildError> {
        let sight = Arc::new(self.sight(checksum, fetcher)?);
        let signer = sight.signer.clone();
        let version = self.release.version.clone();
        let (archive, seen) = (self.clone(), Arc::clone(&sight));
        let known = Distribution::of_release(checksum, &self.store, move || {
            archive.fetch(checksum, &seen).map(|(fetched, _)| fetched)
        });
        if let Some(distribution) = known
            && distribution.version == version
        {
            return Ok(Flink::Listed {
                distribution,
                signer,
            });
        }
        let key = wanted.keys.flink;
        let known = || {
            let locked = fetcher.known.and_then(|lock| lock.recipes(key));
            locked.or_else(|| fetcher.last.release(key))
        };
        // The recipe of the layer of content, if there is such a layer.
        let content = || {
            let Some(key) = wanted.keys.content else {
                return Some(KnownContent { recipe: None });
            };
            let locked = fetcher.known.and_then(|lock| lock.content(key));
            locked.or_else(|| fetcher.last.content(key))
        };
        if !wanted.needs_names
            && let Some(KnownContent { recipe }) = content()
            && let Some(found) = known()
        {
            return Ok(Flink::Known {
                layers: found.recipes,
                scala: found.scala,
                signer,
                configuration: recipe,
            });
        }
        fetcher.check_push()?;
        let (fetched, signer) = self.fetch(checksum, &sight)?;
        let spool = self.store.temporary();
        let distribution = Distribution::from_release(&fetched, &spool, &self.store)?;
        distribution.expect_version(&fetched.path, &version)?;
        Ok(Flink::Listed {
            distribution,
            signer,
        })
    }

    /// Who signed the release, as far as that can be told without an archive that is not there; where a signature is
    /// demanded, the archive is fetched for it.
    fn sight(&self, checksum: Sha512, fetcher: &Fetcher<'_>) -> Result<Sight, BuildError> {
        if self.checks.demand() == Demand::Off {
            return Ok(Sight::default());
        }
        let sources = self.sources()?;
        let signer = match self.checks.recall(checksum, &sources) {
            Some(Outcome::Signed(signer)) => self.told(Some(signer)),
            Some(Outcome::Unchecked { told, .. }) => {
                self.reporter.detail(&told);
                return Ok(Sight::default());
            }
            None if self.checks.demand() == Demand::Required => {
                fetcher.check_push()?;
                self.fetch(checksum, &Sight::default())?.1
            }
            None => match self.release.cached(Some(checksum), &sources)? {
                Some(fetched) => self.check(&fetched, None, &sources)?,
                None => return Ok(Sight::default()),
            },
        };
        Ok(Sight {
            signer,
            is_final: true,
        })
    }

    fn check(
        &self,
        fetched: &Fetched,
        signature: Option<Published>,
        sources: &Sources,
    ) -> Result<Option<Signer>, BuildError> {
        let check = self
            .checks
            .check(&self.release, fetched, signature, sources);
        Ok(self.told(self.network.block_on(check)?))
    }

    fn told(&self, signer: Option<Signer>) -> Option<Signer> {
        if let Some(signer) = &signer {
            let version = &self.release.version;
            self.reporter
                .detail(&format!("Flink {version} is {}", signer.told()));
        }
        signer
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

    /// The archive, from the cache or from the first place that has it, and who signed it.
    fn fetch(
        &self,
        checksum: Sha512,
        sight: &Sight,
    ) -> Result<(Fetched, Option<Signer>), BuildError> {
        let sources = self.sources()?;
        let (release, checks) = (&self.release, &self.checks);
        let known = sight.is_final.then(|| sight.signer.clone());
        // Where there must be a signature, there is no need for an archive that has none.
        let signature = if checks.demand() == Demand::Required && known.is_none() {
            let signature = checks.signature(release, checksum, None, &sources);
            self.network.block_on(signature)?
        } else {
            None
        };
        let fetch = release.fetch(Some(checksum), &sources);
        let fetched = self.network.block_on(fetch)?;
        let version = &release.version;
        self.reporter.detail(&match &fetched.place {
            Some(place) => format!("Flink {version} was downloaded from {place}"),
            None => format!("Flink {version} is in the cache"),
        });
        let signer = match known {
            Some(known) => known,
            None => self.check(&fetched, signature, &sources)?,
        };
        Ok((fetched, signer))
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
