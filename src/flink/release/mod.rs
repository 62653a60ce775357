//! A published release: where it is, and how it gets into the cache, checked.
//!
//! What a checksum proves depends on where it comes from. One from the same place as the archive finds
//! accidents; one that came over TLS also shows that the archive is what that host publishes. So a mirror that
//! is reached over TLS, or on this machine, may vouch for itself; for one over plain HTTP, and for a mirror
//! that has no checksum, it is taken from Apache's own hosts, over TLS. Whose signature counts is told in
//! [`signature`].

mod checksum;
mod download;
mod error;
mod mirror;
mod receive;
pub mod signature;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Client;

use crate::archive;
use crate::error::{FileError, IoResultExt};
use crate::fs;
use crate::http::RetryPolicy;
use crate::memory::{Memory, Sighting};
use crate::oci::LazyFile;
use crate::progress::Reporter;

use super::version::{FlinkVersion, HadoopVariant, ScalaVersion};
use download::{CHECKSUM_LIMIT, Download, Failure};

pub use checksum::{Sha512, Sha512Error};
pub use error::{Attempt, Problem, ReleaseError};
pub use mirror::{Mirror, MirrorError, Places};
pub use signature::{Checks, Demand, Outcome, Published, SignatureError, Signatures, Signer};

/// The kind under which the checksum of a file is remembered, and the version of what is remembered.
const CHECKSUM: (&str, &str) = ("sha512", "1");

/// What the line begins with that says where an archive came from.
const PLACE: &str = "# from ";

/// A release, by what its file name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version of Flink.
    pub version: FlinkVersion,
    /// The version of Scala.
    pub scala: ScalaVersion,
    /// The version of Hadoop that is in it, if one is; only in the first lines.
    pub hadoop: Option<HadoopVariant>,
}

/// Where releases are, and all else that fetching one needs of the rest of the program.
#[derive(Debug, Clone)]
pub struct Sources {
    /// How servers are asked.
    pub client: Client,
    /// How often a transfer that broke goes on.
    pub retry: RetryPolicy,
    /// Where releases and their checksums are looked for.
    pub places: Places,
    /// The folder that archives are kept in.
    pub cache: PathBuf,
    /// The folder for the unpacked bytes of an archive.
    pub spool: PathBuf,
    /// Where checksums and listings are remembered.
    pub memory: Arc<dyn Memory>,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}

/// A release that lies in the cache and has its checksum.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The archive.
    pub path: PathBuf,
    /// The checksum that it has.
    pub sha512: Sha512,
    /// From where it was downloaded; `None` when it was there already.
    pub place: Option<String>,
    tar: Arc<LazyFile>,
}

impl Fetched {
    /// The uncompressed tar: what was unpacked on the way in, or what the archive is unpacked to when somebody reads.
    pub fn tar(&self) -> Arc<LazyFile> {
        Arc::clone(&self.tar)
    }
}

impl Release {
    /// The name of the archive.
    ///
    /// ```
    /// use flink_img::flink::release::Release;
    ///
    /// let mut release = Release { version: "1.7.2".parse()?, scala: "2.11".parse()?, hadoop: None };
    /// assert_eq!(release.file_name(), "flink-1.7.2-bin-scala_2.11.tgz");
    /// release.hadoop = Some("2.8".parse()?);
    /// assert_eq!(release.file_name(), "flink-1.7.2-bin-hadoop28-scala_2.11.tgz");
    /// # Ok::<(), flink_img::flink::VersionError>(())
    /// ```
    pub fn file_name(&self) -> String {
        let hadoop = self
            .hadoop
            .map(|hadoop| format!("hadoop{}-", hadoop.digits()))
            .unwrap_or_default();
        format!(
            "flink-{}-bin-{hadoop}scala_{}.tgz",
            self.version, self.scala
        )
    }

    /// The checksum that was published when the release was fetched into the folder `cache`, if it came from one of the
    /// places that would be asked now: another may have published something else. Asks nobody.
    pub fn noted(&self, cache: &Path, places: &Places) -> Result<Option<Sha512>, FileError> {
        let path = cache.join(self.file_name());
        let bytes = match fs::read_limited(&beside(&path), CHECKSUM_LIMIT as u64) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let place = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.lines().find_map(|line| line.strip_prefix(PLACE)));
        let asked = place.is_some_and(|place| places.would_be_asked(place));
        let noted = Sha512::from_file(&bytes, &self.file_name()).ok();
        Ok(noted.filter(|_| asked))
    }

    /// The published checksum: the one that was noted in the cache, or else from whoever may vouch. Never asks for the
    /// archive.
    pub async fn checksum(&self, sources: &Sources) -> Result<Sha512, ReleaseError> {
        if let Some(noted) = self.noted(&sources.cache, &sources.places)? {
            return Ok(noted);
        }
        let download = Download {
            release: self,
            sources,
        };
        let mut attempts = Vec::new();
        for place in sources.places.archives() {
            match download.checksum(place).await {
                Ok(sha512) => return Ok(sha512),
                Err(problem) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
        }
        Err(self.nowhere(attempts))
    }

    /// The archive in the cache, if it is there and has its checksum: the one that is `known`, or else the one that was
    /// noted. Reads all of it, unless that was done before and it did not change since.
    pub fn cached(
        &self,
        known: Option<Sha512>,
        sources: &Sources,
    ) -> Result<Option<Fetched>, FileError> {
        let noted = || self.noted(&sources.cache, &sources.places);
        let Some(sha512) = known.map_or_else(noted, |known| Ok(Some(known)))? else {
            return Ok(None);
        };
        let path = sources.cache.join(self.file_name());
        let file = match fs::open(&path) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata().at("read", &path)?;
        let sighting = Sighting::new(&path, &metadata, fs::now());
        let (memory, (kind, rules)) = (&*sources.memory, CHECKSUM);
        let known: Option<String> = sighting.recall(memory, kind, rules);
        let found = if let Some(known) = known {
            known
        } else {
            let found = Sha512::of(file).at("read", &path)?.to_string();
            sighting.remember(memory, kind, rules, &fs::metadata(&path)?, &found);
            found
        };
        Ok((found == sha512.to_string()).then(|| Fetched {
            tar: archive::unpacked(&path, &sources.spool).into(),
            path,
            sha512,
            place: None,
        }))
    }

    /// Takes the archive from the cache, or downloads it into it from the first place that works.
    ///
    /// `known` is its checksum, if that was asked for before. While the archive comes in, it is hashed and unpacked; its
    /// listing is remembered once the checksum is right ([`Distribution::from_release`](super::Distribution::from_release)).
    /// Under its name there is only ever a whole archive that had the right checksum.
    pub async fn fetch(
        &self,
        known: Option<Sha512>,
        sources: &Sources,
    ) -> Result<Fetched, ReleaseError> {
        fs::create_dir_all(&sources.cache, None)?;
        let path = sources.cache.join(self.file_name());
        let cached = {
            let (release, sources) = (self.clone(), sources.clone());
            blocking(move || release.cached(known, &sources)).await?
        };
        if let Some(fetched) = cached {
            return Ok(fetched);
        }
        if fs::metadata(&path).is_ok() {
            sources.reporter.warn(&format!(
                "`{}` does not have its checksum any more; downloading it again",
                path.display()
            ));
        }
        let download = Download {
            release: self,
            sources,
        };
        let mut attempts = Vec::new();
        for place in sources.places.archives() {
            match download.from(place, known).await {
                Ok(fetched) => return Ok(fetched),
                Err(Failure::File(error)) => return Err(error.into()),
                Err(Failure::Place(problem)) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
        }
        Err(self.nowhere(attempts))
    }

    fn nowhere(&self, attempts: Vec<Attempt>) -> ReleaseError {
        ReleaseError::Nowhere {
            version: self.version.clone(),
            attempts,
        }
    }
}

/// What is noted beside an archive: its checksum as `sha512sum` writes it, and where it came from.
fn note(sha512: Sha512, name: &str, place: &Mirror) -> String {
    format!("{sha512}  {name}\n{PLACE}{place}\n")
}

/// The file that holds the checksum of `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha512");
    name.into()
}

/// Runs what reads or syncs a large file off the threads that wait for the network.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work)
        .await
        .expect("file work does not panic")
}

#[cfg(test)]
mod tests;
