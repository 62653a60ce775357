//! A published release: where it is, and how it gets into the cache, checked.
//!
//! What a checksum proves depends on where it comes from. One from the same place as the archive finds
//! accidents; one that came over TLS also shows that the archive is what that host publishes. So a mirror that
//! is reached over TLS, or on this machine, may vouch for itself; for one over plain HTTP, and for a mirror
//! that has no checksum, it is taken from Apache's own hosts, over TLS. Signatures are not looked at here.

mod checksum;
mod error;
mod mirror;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};

use crate::error::{FileError, IoResultExt};
use crate::fs::{self, AtomicFile};
use crate::progress::Reporter;

use super::version::{FlinkVersion, ScalaVersion};

pub use checksum::{Sha512, Sha512Error};
pub use error::{Attempt, Problem, ReleaseError};
pub use mirror::{Mirror, MirrorError, Places};

/// A checksum file is one line.
const CHECKSUM_LIMIT: usize = 64 << 10;

/// Nine times as large as any release so far.
const ARCHIVE_LIMIT: u64 = 4 << 30;

/// How long a checksum may take, and how long an archive may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// A release, by its version and the Scala version in its file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version of Flink.
    pub version: FlinkVersion,
    /// The version of Scala.
    pub scala: ScalaVersion,
}

/// A release that lies in the cache and has its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The archive.
    pub path: PathBuf,
    /// The checksum that it has.
    pub sha512: Sha512,
    /// From where it was downloaded; `None` when it was there already.
    pub place: Option<String>,
}

impl Release {
    /// The name of the archive, the same for every line since 1.8.
    ///
    /// ```
    /// use flink_img::flink::release::Release;
    ///
    /// let release = Release { version: "2.3.0".parse()?, scala: "2.12".parse()? };
    /// assert_eq!(release.file_name(), "flink-2.3.0-bin-scala_2.12.tgz");
    /// # Ok::<(), flink_img::flink::VersionError>(())
    /// ```
    pub fn file_name(&self) -> String {
        format!("flink-{}-bin-scala_{}.tgz", self.version, self.scala)
    }

    /// The archive in the folder `cache`, if it is there and still has its checksum. Reads all of it.
    pub fn cached(&self, cache: &Path) -> Result<Option<Fetched>, FileError> {
        let path = cache.join(self.file_name());
        let noted = match fs::read_limited(&beside(&path), CHECKSUM_LIMIT as u64) {
            Ok(bytes) => Sha512::from_file(&bytes, &self.file_name()).ok(),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let Some(sha512) = noted else { return Ok(None) };
        let file = match fs::open(&path) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = Sha512::of(file).at("read", &path)?;
        Ok((found == sha512).then_some(Fetched {
            path,
            sha512,
            place: None,
        }))
    }

    /// Takes the archive from the folder `cache`, or downloads it into it from the first of `places` that works.
    ///
    /// Under its name there is only ever a whole archive that had the right checksum.
    pub async fn fetch(
        &self,
        client: &Client,
        places: &Places,
        cache: &Path,
        reporter: &dyn Reporter,
    ) -> Result<Fetched, ReleaseError> {
        fs::create_dir_all(cache, None)?;
        let path = cache.join(self.file_name());
        let (release, folder) = (self.clone(), cache.to_owned());
        if let Some(fetched) = blocking(move || release.cached(&folder)).await? {
            return Ok(fetched);
        }
        if fs::metadata(&path).is_ok() {
            reporter.warn(&format!(
                "`{}` does not have its checksum any more; downloading it again",
                path.display()
            ));
        }
        let mut attempts = Vec::new();
        for place in places.archives() {
            let download = Download {
                release: self,
                client,
                places,
                path: &path,
                reporter,
            };
            match download.from(place).await {
                Ok(fetched) => return Ok(fetched),
                Err(Failure::File(error)) => return Err(error.into()),
                Err(Failure::Place(problem)) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
        }
        Err(ReleaseError::Nowhere {
            version: self.version.clone(),
            attempts,
        })
    }
}

/// Why one place did not work: its own fault, or that of this machine, which no other place will mend.
enum Failure {
    Place(Problem),
    File(FileError),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Place(problem)
    }
}

/// One download and what it needs.
struct Download<'a> {
    release: &'a Release,
    client: &'a Client,
    places: &'a Places,
    path: &'a Path,
    reporter: &'a dyn Reporter,
}

impl Download<'_> {
    async fn from(&self, place: &Mirror) -> Result<Fetched, Failure> {
        let name = self.release.file_name();
        let promised = self.checksum(place).await?;
        let mut response = self.get(place, &name, None).await?;
        let total = response.content_length();
        if total.is_some_and(|total| total > ARCHIVE_LIMIT) {
            return Err(Problem::TooLarge.into());
        }
        let progress = self.reporter.start(&name, total);
        let mut file = AtomicFile::create(self.path)?;
        let mut hash = checksum::Hasher::default();
        let mut size = 0;
        loop {
            let chunk = tokio::time::timeout(PATIENCE, response.chunk())
                .await
                .map_err(|_| Problem::Stalled(PATIENCE))?
                .map_err(|error| Problem::transport(&error))?;
            let Some(chunk) = chunk else { break };
            size += chunk.len() as u64;
            if size > ARCHIVE_LIMIT {
                return Err(Problem::TooLarge.into());
            }
            hash.update(&chunk);
            file.write_all(&chunk).at("write", self.path)?;
            progress.advance(chunk.len() as u64);
        }
        let found = hash.finish();
        if found != promised {
            progress.finish("refused");
            return Err(Problem::Mismatch.into());
        }
        // First the archive: a checksum without it means nothing, an archive without a checksum is not used.
        let (path, line) = (self.path.to_owned(), format!("{found}  {name}\n"));
        blocking(move || {
            file.commit()?;
            fs::write_atomic(&beside(&path), line.as_bytes())
        })
        .await?;
        progress.finish("downloaded");
        Ok(Fetched {
            path: self.path.to_owned(),
            sha512: found,
            place: Some(place.to_string()),
        })
    }

    /// The checksum for an archive from `place`: see the top of this module.
    async fn checksum(&self, place: &Mirror) -> Result<Sha512, Problem> {
        let name = self.release.file_name();
        let mut problem = None;
        for source in self.places.checksums(place) {
            let found = async {
                let mut response = self
                    .get(source, &format!("{name}.sha512"), Some(PATIENCE))
                    .await?;
                let mut bytes = Vec::new();
                while let Some(chunk) = response
                    .chunk()
                    .await
                    .map_err(|error| Problem::transport(&error))?
                {
                    bytes.extend_from_slice(&chunk);
                    if bytes.len() > CHECKSUM_LIMIT {
                        return Err(Problem::Checksum(Sha512Error::TooLong));
                    }
                }
                Sha512::from_file(&bytes, &name).map_err(Problem::Checksum)
            };
            match found.await {
                Ok(sha512) => return Ok(sha512),
                // What the nearest source said is what helps.
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        Err(Problem::NoChecksum(problem.map(Box::new)))
    }

    async fn get(
        &self,
        place: &Mirror,
        name: &str,
        timeout: Option<Duration>,
    ) -> Result<Response, Problem> {
        let mut request = self.client.get(place.url(&self.release.version, name));
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let response = request
            .send()
            .await
            .map_err(|error| Problem::transport(&error))?;
        // A redirect must not lead from a place that can be trusted to one that cannot.
        if place.is_trusted() && !mirror::is_trusted(response.url()) {
            return Err(Problem::Downgrade);
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Problem::Status(status.as_u16())),
        }
    }
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
