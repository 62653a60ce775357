//! One download from one place.

use std::io::Write as _;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

use super::receive::{Received, WAITING, receive};
use super::{Fetched, Mirror, Problem, Release, Sha512, Sha512Error, Sources, beside, blocking};
use crate::archive;
use crate::error::{FileError, IoResultExt as _};
use crate::flink::address::is_trusted;
use crate::fs::{self, AtomicFile};
use crate::http::Advice;
use crate::progress::Progress;

/// A checksum file is one line.
pub(super) const CHECKSUM_LIMIT: usize = 64 << 10;

/// A signature has some hundred bytes.
const SIGNATURE_LIMIT: usize = 64 << 10;

/// A file with keys grows with each release manager; that of Flink has 300 KiB.
pub(super) const KEYS_LIMIT: usize = 16 << 20;

/// Nine times as large as any release so far.
const ARCHIVE_LIMIT: u64 = 4 << 30;

/// How long a checksum may take, and how long an archive may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why one place did not work: its own fault, or that of this machine, which no other place will mend.
pub(super) enum Failure {
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
#[derive(Debug, Clone, Copy)]
pub(super) struct Download<'a> {
    pub(super) release: &'a Release,
    pub(super) sources: &'a Sources,
}

impl Download<'_> {
    /// Downloads the archive, which must have the checksum that is known, or else the one that is published for `place`.
    pub(super) async fn from(
        &self,
        place: &Mirror,
        known: Option<Sha512>,
    ) -> Result<Fetched, Failure> {
        let Sources {
            cache,
            spool,
            memory,
            reporter,
            ..
        } = self.sources;
        let name = self.release.file_name();
        let path = cache.join(&name);
        let promised = match known {
            Some(known) => known,
            None => self.checksum(place).await?,
        };
        let response = self.get(place, self.url(place, &name), None, 0).await?;
        let total = response.content_length();
        if total.is_some_and(|total| total > ARCHIVE_LIMIT) {
            return Err(Problem::TooLarge.into());
        }
        let progress = reporter.start(&name, total);
        let (sender, pieces) = mpsc::channel(WAITING);
        let receiving = {
            let (path, spool) = (path.clone(), spool.clone());
            tokio::task::spawn_blocking(move || receive(&path, &spool, pieces))
        };
        let transfer = self.transfer(place, response, &sender, &*progress).await;
        drop(sender);
        let received = receiving.await.expect("receiving does not panic")?;
        transfer?;
        let Received {
            file,
            sha512,
            unpacked,
        } = received;
        if sha512 != promised {
            progress.finish("refused");
            return Err(Problem::Mismatch.into());
        }
        // First the archive: a checksum without it means nothing, an archive without a checksum is not used. What is
        // noted of an archive that was there before goes with it. Nothing has a name before there is room for both.
        let (note, line) = (beside(&path), super::note(sha512, &name, place));
        blocking(move || {
            let mut noted = AtomicFile::create_private(&note)?;
            noted.write_all(line.as_bytes()).at("write", &note)?;
            fs::remove(&note)?;
            file.commit()?;
            noted.commit()
        })
        .await?;
        progress.finish("downloaded");
        let tar = match &unpacked {
            Some(unpacked) => {
                unpacked.remember(sha512, &**memory);
                unpacked.tar()
            }
            None => archive::unpacked(&path, spool).into(),
        };
        Ok(Fetched {
            path,
            sha512,
            place: Some(place.to_string()),
            tar,
        })
    }

    /// Hands on what comes. A transfer that breaks goes on where it was, some times.
    async fn transfer(
        &self,
        place: &Mirror,
        mut response: Response,
        sender: &mpsc::Sender<Bytes>,
        progress: &dyn Progress,
    ) -> Result<(), Problem> {
        let mut received = 0;
        // What a server that starts anew sends a second time.
        let mut known = 0;
        let mut retries = self.sources.retry.start();
        loop {
            let mut piece = match next(&mut response).await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(()),
                Err(mut problem) => {
                    loop {
                        if !retries.wait(Advice::Retry).await {
                            return Err(problem);
                        }
                        match self.resume(place, received).await {
                            Ok(resumed) => {
                                (response, known) = resumed;
                                break;
                            }
                            Err(again) => problem = again,
                        }
                    }
                    continue;
                }
            };
            let skipped =
                usize::try_from(known).map_or(piece.len(), |known| known.min(piece.len()));
            drop(piece.split_to(skipped));
            known -= skipped as u64;
            let length = piece.len() as u64;
            received += length;
            if received > ARCHIVE_LIMIT {
                return Err(Problem::TooLarge);
            }
            // Nobody takes it any more when it could not be written; that is said by the other side.
            if sender.send(piece).await.is_err() {
                return Ok(());
            }
            progress.advance(length);
        }
    }

    /// Asks for what comes after the first `received` bytes; tells how many of them the answer has nevertheless.
    async fn resume(&self, place: &Mirror, received: u64) -> Result<(Response, u64), Problem> {
        let name = self.release.file_name();
        tracing::debug!("asking {place} for the rest of {name}, from byte {received}");
        let response = self
            .get(place, self.url(place, &name), None, received)
            .await?;
        if response.status() == StatusCode::OK {
            return Ok((response, received));
        }
        let range = response.headers().get(CONTENT_RANGE);
        let fits = range
            .and_then(|range| range.to_str().ok())
            .is_some_and(|range| range.starts_with(&format!("bytes {received}-")));
        if fits {
            Ok((response, 0))
        } else {
            Err(Problem::Status(response.status().as_u16()))
        }
    }

    /// The checksum for an archive from `place`: see the top of [`super`].
    pub(super) async fn checksum(&self, place: &Mirror) -> Result<Sha512, Problem> {
        let name = self.release.file_name();
        let mut problem = None;
        for source in self.sources.places.checksums(place) {
            let found = async {
                let url = self.url(source, &format!("{name}.sha512"));
                let bytes = self.small(source, url, CHECKSUM_LIMIT).await?;
                let bytes = bytes.ok_or(Problem::Checksum(Sha512Error::TooLong))?;
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

    /// The signature of the archive, as `place` has it: something in which one begins.
    pub(super) async fn signature(&self, place: &Mirror) -> Result<Vec<u8>, Problem> {
        let url = self.url(place, &format!("{}.asc", self.release.file_name()));
        let text = self.small(place, url, SIGNATURE_LIMIT).await?;
        let begins = |text: &Vec<u8>| contains(text, b"-----BEGIN PGP SIGNATURE-----");
        text.filter(begins).ok_or(Problem::Other("a signature"))
    }

    /// The file with the keys of those who sign releases, as `place` has it.
    pub(super) async fn keys(&self, place: &Mirror) -> Result<Vec<u8>, Problem> {
        let text = self.small(place, place.keys(), KEYS_LIMIT).await?;
        let begins = |text: &Vec<u8>| contains(text, b"-----BEGIN PGP PUBLIC KEY BLOCK-----");
        text.filter(begins).ok_or(Problem::Other("keys"))
    }

    /// A file of at most `limit` bytes; `None` if it has more.
    async fn small(
        &self,
        place: &Mirror,
        url: Url,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let mut response = self.get(place, url, Some(PATIENCE), 0).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Problem::transport(&error))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > limit {
                return Ok(None);
            }
        }
        Ok(Some(bytes))
    }

    fn url(&self, place: &Mirror, name: &str) -> Url {
        place.url(&self.release.version, name)
    }

    /// Asks for a file, from the byte `start` on if the server can do that.
    async fn get(
        &self,
        place: &Mirror,
        url: Url,
        timeout: Option<Duration>,
        start: u64,
    ) -> Result<Response, Problem> {
        let mut request = self.sources.client.get(url);
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        if start > 0 {
            request = request.header(RANGE, format!("bytes={start}-"));
        }
        let response = request
            .send()
            .await
            .map_err(|error| Problem::transport(&error))?;
        // A redirect must not lead from a place that can be trusted to one that cannot.
        if place.is_trusted() && !is_trusted(response.url()) {
            return Err(Problem::Downgrade);
        }
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if start > 0 => Ok(response),
            status => Err(Problem::Status(status.as_u16())),
        }
    }
}

async fn next(response: &mut Response) -> Result<Option<Bytes>, Problem> {
    tokio::time::timeout(PATIENCE, response.chunk())
        .await
        .map_err(|_| Problem::Stalled(PATIENCE))?
        .map_err(|error| Problem::transport(&error))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
