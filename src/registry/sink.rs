//! Where the bytes of a download go, and how they come back when they were the wrong ones.

use std::io;

use tokio::io::{AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};

use super::pipe::Feed;

/// Where the bytes of a blob can go: they are written from the start, and all over again when they were the wrong ones.
pub trait BlobSink: AsyncWrite + Unpin + Send {
    /// Undoes the last `count` bytes that were written.
    fn take_back(&mut self, count: u64) -> impl Future<Output = io::Result<()>> + Send;
}

impl BlobSink for Vec<u8> {
    async fn take_back(&mut self, count: u64) -> io::Result<()> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.truncate(self.len().saturating_sub(count));
        Ok(())
    }
}

/// The file is not cut: a blob has one length, so the right bytes cover all of the wrong ones.
impl BlobSink for tokio::fs::File {
    async fn take_back(&mut self, count: u64) -> io::Result<()> {
        let back = i64::try_from(count).map_err(io::Error::other)?;
        self.flush().await?;
        self.seek(io::SeekFrom::Current(-back)).await.map(drop)
    }
}

/// Where a download goes.
pub(super) trait Sink: Send {
    /// Whether the bytes go on into an upload.
    const IS_RELAY: bool;

    /// Takes all of `bytes`.
    fn take(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Undoes the last `count` bytes that were taken; an error if that cannot be.
    fn take_back(&mut self, count: u64) -> impl Future<Output = io::Result<()>> + Send;
}

/// A sink of the caller's.
pub(super) struct Writer<'a, W>(pub(super) &'a mut W);

impl<W: BlobSink> Sink for Writer<'_, W> {
    const IS_RELAY: bool = false;

    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    async fn take_back(&mut self, count: u64) -> io::Result<()> {
        self.0.take_back(count).await
    }
}

impl Sink for Feed {
    const IS_RELAY: bool = true;

    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        Self::take(self, bytes).await
    }

    /// What went into an upload is on its way.
    async fn take_back(&mut self, count: u64) -> io::Result<()> {
        if count == 0 {
            Ok(())
        } else {
            Err(io::ErrorKind::NotSeekable.into())
        }
    }
}
