//! The bytes of an upload, in a form that can be opened again for every try, from any byte on.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf, Take};
use tokio_util::io::ReaderStream;

use super::client::Client;
use super::pipe::{Feed, PIECE, Pipe};
use super::pulse::{Pulse, Watched};
use crate::oci::{Descriptor, MakeBlob, Reference};

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
    /// Nowhere: they are made anew for each try, on a thread of their own, and sent while they are made.
    Made {
        /// What makes them.
        blob: Arc<dyn MakeBlob>,
        /// How many there must be.
        size: u64,
    },
    /// In another registry. They are passed on while they come, and the last of them only when their digest is known to
    /// be right.
    Registry {
        /// Who gets them.
        client: Client,
        /// The repository that has them.
        repository: Reference,
        /// Which ones.
        descriptor: Box<Descriptor>,
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
            Self::File { size, .. } | Self::Made { size, .. } => *size,
            Self::Registry { descriptor, .. } => descriptor.size,
        }
    }

    /// Opens the bytes from `offset` on. Where they cannot be had from the middle, what comes before is made or fetched, and
    /// dropped.
    fn read_from(&self, offset: u64) -> Box<dyn AsyncRead + Send + Unpin> {
        let (whole, skip): (Box<dyn AsyncRead + Send + Unpin>, u64) = match self {
            Self::Bytes(bytes) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(offset);
                return Box::new(cursor);
            }
            Self::File {
                file,
                offset: begin,
                size,
            } => {
                let (file, begin, length) = (Arc::clone(file), begin + offset, size - offset);
                return Box::new(Pipe::from_thread(length, move |feed| {
                    copy(&file, begin, length, feed)
                }));
            }
            Self::Made { blob, size } => {
                let blob = Arc::clone(blob);
                let pipe = Pipe::from_thread(*size, move |feed| blob.make(feed));
                (Box::new(pipe), offset)
            }
            Self::Registry {
                client,
                repository,
                descriptor,
            } => (Box::new(client.relay(repository, descriptor)), offset),
        };
        Box::new(Rest { inner: whole, skip })
    }
}

/// What comes behind the first bytes, which are read and dropped.
struct Rest {
    inner: Box<dyn AsyncRead + Send + Unpin>,
    skip: u64,
}

impl AsyncRead for Rest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut dropped = [0; 8 * 1024];
        while self.skip > 0 {
            let length =
                usize::try_from(self.skip).map_or(dropped.len(), |skip| skip.min(dropped.len()));
            let mut some = ReadBuf::new(&mut dropped[..length]);
            ready!(Pin::new(&mut self.inner).poll_read(context, &mut some))?;
            if some.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.skip -= some.filled().len() as u64;
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

/// What one request sends of a blob: all of it, or a chunk. It can be opened again for every try.
#[derive(Debug, Clone)]
pub(super) struct Part {
    blob: BlobBody,
    start: u64,
    length: u64,
    /// Where the last request stopped reading, so that the next one need not begin from the start.
    stopped: Arc<Mutex<Option<Stopped>>>,
}

/// A blob that was read up to some byte.
struct Stopped {
    at: u64,
    reader: Box<dyn AsyncRead + Send + Unpin>,
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stopped({})", self.at)
    }
}

impl Part {
    /// All of a blob.
    pub(super) fn whole(blob: &BlobBody) -> Self {
        Self {
            blob: blob.clone(),
            start: 0,
            length: blob.size(),
            stopped: Arc::default(),
        }
    }

    /// Another part of the same blob.
    pub(super) fn at(&self, start: u64, length: u64) -> Self {
        Self {
            blob: self.blob.clone(),
            start,
            length,
            stopped: Arc::clone(&self.stopped),
        }
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Opens the bytes for one try. What is read counts as progress and feeds `pulse`.
    pub(super) fn open(&self, pulse: &Arc<Pulse>) -> reqwest::Body {
        reqwest::Body::wrap_stream(ReaderStream::with_capacity(self.read(pulse), PIECE))
    }

    fn read(&self, pulse: &Arc<Pulse>) -> Watched<PartReader> {
        let stopped = self.lock().take();
        let reader = match stopped.filter(|stopped| stopped.at == self.start) {
            Some(stopped) => stopped.reader,
            None => self.blob.read_from(self.start),
        };
        let inner = PartReader {
            reader: Some(reader.take(self.length)),
            part: self.clone(),
        };
        let pulse = Arc::clone(pulse);
        Watched { inner, pulse }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stopped>> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a part, and leaves the reader where the next part begins.
struct PartReader {
    /// None once it was left.
    reader: Option<Take<Box<dyn AsyncRead + Send + Unpin>>>,
    part: Part,
}

impl AsyncRead for PartReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(reader) = &mut self.reader else {
            return Poll::Ready(Ok(()));
        };
        ready!(Pin::new(&mut *reader).poll_read(context, buffer))?;
        if reader.limit() == 0 {
            let stopped = self.reader.take().map(|reader| Stopped {
                at: self.part.start + self.part.length,
                reader: reader.into_inner(),
            });
            *self.part.lock() = stopped;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads a part of a file by position, so that the file's own cursor is left alone.
fn copy(file: &File, mut offset: u64, size: u64, feed: &mut Feed) -> io::Result<()> {
    let end = offset + size;
    let mut buffer = vec![0; PIECE];
    while offset < end {
        let length = usize::try_from(end - offset).map_or(PIECE, |left| left.min(PIECE));
        file.read_exact_at(&mut buffer[..length], offset)?;
        feed.write_all(&buffer[..length])?;
        offset += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Reporter as _, Silent};

    fn content(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    fn file(content: &[u8], offset: u64, size: u64) -> BlobBody {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        BlobBody::File {
            file: Arc::new(file),
            offset,
            size,
        }
    }

    async fn read(body: &BlobBody, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        body.read_from(offset).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    #[derive(Debug)]
    struct Maker(Vec<u8>);

    impl MakeBlob for Maker {
        fn make(&self, sink: &mut dyn io::Write) -> io::Result<()> {
            sink.write_all(&self.0)
        }
    }

    #[tokio::test]
    async fn reads_a_part_of_a_file_and_notices_that_it_is_too_short() {
        let content = content(PIECE * 2 + 100);
        let length = content.len() - 30;
        let whole = file(&content, 10, length as u64);
        assert!(read(&whole, 0).await.unwrap() == content[10..10 + length]);
        let short = file(&content, 10, content.len() as u64);
        let error = read(&short, 0).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    fn bodies(content: &[u8]) -> [BlobBody; 3] {
        let made = BlobBody::Made {
            blob: Arc::new(Maker(content.to_vec())),
            size: content.len() as u64,
        };
        [content.into(), file(content, 0, content.len() as u64), made]
    }

    #[tokio::test]
    async fn every_body_can_be_read_from_any_byte_on() {
        let content = content(PIECE + 100);
        for body in bodies(&content) {
            for offset in [0, 1, PIECE - 1, PIECE, PIECE + 100] {
                let rest = read(&body, offset as u64).await.unwrap();
                assert!(rest == content[offset..], "{body:?} from {offset}");
            }
        }
    }

    #[tokio::test]
    async fn parts_are_the_whole_and_may_be_opened_twice() {
        let content = content(PIECE * 3 + 100);
        for body in bodies(&content) {
            let whole = Part::whole(&body);
            let pulse = Pulse::new(Silent.start("", None));
            let mut sent = Vec::new();
            let length = 300_000;
            while sent.len() < content.len() {
                let length = length.min(content.len() - sent.len());
                let part = whole.at(sent.len() as u64, length as u64);
                // A try that breaks somewhere, and one that does not.
                let mut broken = part.read(&pulse);
                broken.read_exact(&mut [0; 10]).await.unwrap();
                drop(broken);
                let before = sent.len();
                part.read(&pulse).read_to_end(&mut sent).await.unwrap();
                assert_eq!(sent.len() - before, length);
            }
            assert!(sent == content, "{body:?}");
        }
    }
}
