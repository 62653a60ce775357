//! A file of an ordinary web server: asked for again when that may help, within a limit, into a file.
//!
//! Whether the bytes are the right ones is for whoever knows what they should be.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::time::{Duration, Instant};

use reqwest::{Client, Response, Url};

use super::{Advice, HttpSettings, Redirects, Route, TransferError, advice_for_error};
use super::{HttpError, Pace, advice_for_status};
use crate::error::{Explain, Kind};

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// HTTP cannot be spoken.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The exchange broke.
    #[error("the server cannot be reached, or broke off")]
    Transfer(#[source] TransferError),
    /// The server was silent for too long, or sent next to nothing.
    #[error("the server said next to nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// The server refuses, or does not have it.
    #[error("the server answers {0}")]
    Status(u16),
    /// There is more of it than there should be.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// It cannot be written down.
    #[error("it cannot be written down")]
    Write(#[source] io::Error),
}

impl Explain for GetError {
    fn kind(&self) -> Kind {
        match self {
            Self::Http(error) => error.kind(),
            Self::Status(401 | 403) => Kind::Unauthorized,
            Self::Status(404 | 410) => Kind::NotFound,
            Self::Transfer(_) | Self::Silent(_) | Self::Status(_) => Kind::Network,
            Self::TooLarge(_) => Kind::Hostile,
            Self::Write(_) => Kind::Storage,
        }
    }
}

/// Gets files.
#[derive(Debug, Clone)]
pub struct Getter {
    client: Client,
    settings: HttpSettings,
}

impl Getter {
    /// Sets up a client that follows redirects, but for those that give up encryption.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        Ok(Self {
            client: settings.client(Redirects::Follow, Route::System)?,
            settings: settings.clone(),
        })
    }

    /// Brings what is at `url`, of at most `limit` bytes, into `file`, which has nothing else afterwards; tells how many
    /// bytes that are.
    pub async fn get(&self, url: &Url, limit: u64, file: &mut File) -> Result<u64, GetError> {
        let mut retries = self.settings.retry.start();
        loop {
            let (error, advice) = match self.try_once(url, limit, file).await {
                Ok(size) => return Ok(size),
                Err(failure) => failure,
            };
            if !retries.wait(advice).await {
                return Err(error);
            }
        }
    }

    async fn try_once(
        &self,
        url: &Url,
        limit: u64,
        file: &mut File,
    ) -> Result<u64, (GetError, Advice)> {
        let write = |error| (GetError::Write(error), Advice::GiveUp);
        file.set_len(0).map_err(write)?;
        file.rewind().map_err(write)?;
        let transfer = |error: reqwest::Error| {
            let advice = advice_for_error(&error);
            (GetError::Transfer(TransferError::new(error)), advice)
        };
        let request = self.client.get(url.clone()).send();
        let mut response = self.in_time(request).await?.map_err(transfer)?;
        let status = response.status();
        if !status.is_success() {
            let advice = advice_for_status(status, response.headers());
            return Err((GetError::Status(status.as_u16()), advice));
        }
        let mut size = 0;
        let mut pace = Pace::new(self.settings.read_timeout);
        loop {
            let asked = Instant::now();
            let answer = self.in_time(Response::chunk(&mut response)).await?;
            let Some(piece) = answer.map_err(transfer)? else {
                break;
            };
            if !pace.keeps(asked.elapsed(), piece.len()) {
                let after = self.settings.read_timeout;
                return Err((GetError::Silent(after), Advice::Retry));
            }
            size += piece.len() as u64;
            if size > limit {
                return Err((GetError::TooLarge(limit), Advice::GiveUp));
            }
            file.write_all(&piece).map_err(write)?;
        }
        Ok(size)
    }

    /// Waits for a server that may be silent for some time only.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, (GetError, Advice)> {
        let limit = self.settings.read_timeout;
        tokio::time::timeout(limit, answer)
            .await
            .map_err(|_| (GetError::Silent(limit), Advice::Retry))
    }
}
