//! The bytes of an upload, in a form that can be opened again for every try.

use std::fs::File;
use std::future::Future as _;
use std::io::{self, Cursor};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::JoinHandle;
use tokio_util::io::ReaderStream;

use crate::progress::Progress;

/// How much is read from a file at once: enough to keep a fast line busy, little enough for many uploads at a time.
const CHUNK: usize = 256 * 1024;

/// Where the bytes of a blob are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BlobBody {
    /// In memory; for configs and other small things.
    Bytes(Arc<[u8]>),
    /// A part of an open file. Several uploads may read from the same file at once.
    File {
        /// The file.
        file: Arc<File>,
        /// Where the blob starts.
        offset: u64,
        /// How long it is.
        size: u64,
    },
}

impl From<&[u8]> for BlobBody {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl BlobBody {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// Opens the bytes for one try. What is read counts as progress and feeds `pulse`.
    pub(super) fn open(&self, pulse: &Arc<Pulse>) -> reqwest::Body {
        let inner: Box<dyn AsyncRead + Send + Unpin> = match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            Self::File { file, offset, size } => Box::new(FileReader {
                file: Arc::clone(file),
                offset: *offset,
                remaining: *size,
                chunk: Cursor::default(),
                pending: None,
            }),
        };
        let pulse = Arc::clone(pulse);
        let reader = Watched { inner, pulse };
        reqwest::Body::wrap_stream(ReaderStream::with_capacity(reader, CHUNK))
    }
}

/// Tells a slow upload from one that is stuck, and why a body ended early.
#[derive(Debug)]
pub(super) struct Pulse {
    started: Instant,
    last_beat: AtomicU64,
    error: Mutex<Option<io::Error>>,
    progress: Box<dyn Progress>,
}

impl Pulse {
    pub(super) fn new(progress: Box<dyn Progress>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            last_beat: AtomicU64::new(0),
            error: Mutex::default(),
            progress,
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn beat(&self, bytes: usize) {
        self.last_beat.store(self.now(), Ordering::Relaxed);
        self.progress.advance(bytes as u64);
    }

    /// For how long nothing has been taken from the body.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_millis(
            self.now()
                .saturating_sub(self.last_beat.load(Ordering::Relaxed)),
        )
    }

    /// Why the body ended early, if reading it failed.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().ok()?.take()
    }

    pub(super) fn finish(&self, outcome: &str) {
        self.progress.finish(outcome);
    }
}

struct Watched {
    inner: Box<dyn AsyncRead + Send + Unpin>,
    pulse: Arc<Pulse>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        self.pulse.beat(buffer.filled().len() - before);
        Poll::Ready(result.map_err(|error| {
            // The client wraps this error until nobody knows it again, so the original is kept aside.
            let copy = io::Error::new(error.kind(), error.to_string());
            if let Ok(mut kept) = self.pulse.error.lock() {
                *kept = Some(error);
            }
            copy
        }))
    }
}

/// Reads a part of a file by position, so that the file's own cursor is left alone.
struct FileReader {
    file: Arc<File>,
    offset: u64,
    remaining: u64,
    chunk: Cursor<Vec<u8>>,
    pending: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl AsyncRead for FileReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let left = (self.chunk.get_ref().len() as u64).saturating_sub(self.chunk.position());
            if left > 0 || buffer.remaining() == 0 {
                return Pin::new(&mut self.chunk).poll_read(context, buffer);
            }
            if let Some(task) = &mut self.pending {
                let read = ready!(Pin::new(task).poll(context));
                self.pending = None;
                let bytes = read.map_err(io::Error::other)??;
                self.offset += bytes.len() as u64;
                self.remaining -= bytes.len() as u64;
                self.chunk = Cursor::new(bytes);
            } else if self.remaining == 0 {
                return Poll::Ready(Ok(()));
            } else {
                let length =
                    usize::try_from(self.remaining).map_or(CHUNK, |remaining| remaining.min(CHUNK));
                let (file, offset) = (Arc::clone(&self.file), self.offset);
                self.pending = Some(tokio::task::spawn_blocking(move || {
                    let mut bytes = vec![0; length];
                    file.read_exact_at(&mut bytes, offset)?;
                    Ok(bytes)
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn reader(file: &Arc<File>, offset: u64, remaining: u64) -> FileReader {
        FileReader {
            file: Arc::clone(file),
            offset,
            remaining,
            chunk: Cursor::default(),
            pending: None,
        }
    }

    #[tokio::test]
    async fn reads_a_part_of_a_file_and_notices_that_it_is_too_short() {
        let content: Vec<u8> = (0..=250).cycle().take(CHUNK * 2 + 100).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let mut part = Vec::new();
        let length = content.len() - 30;
        let mut first = reader(&file, 10, length as u64);
        first.read_to_end(&mut part).await.unwrap();
        assert!(part == content[10..10 + length]);
        let error = reader(&file, 10, content.len() as u64)
            .read_to_end(&mut part)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
