//! The bytes of an upload, in a form that can be opened again for every try.

use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use tokio::io::AsyncRead;
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

    /// Opens the bytes for one try. What is read counts as progress and feeds `pulse`.
    pub(super) fn open(&self, pulse: &Arc<Pulse>) -> reqwest::Body {
        let inner: Box<dyn AsyncRead + Send + Unpin> = match self {
            Self::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
            Self::File { file, offset, size } => {
                let (file, offset, size) = (Arc::clone(file), *offset, *size);
                Box::new(Pipe::from_thread(size, move |feed| {
                    copy(&file, offset, size, feed)
                }))
            }
            Self::Made { blob, size } => {
                let blob = Arc::clone(blob);
                Box::new(Pipe::from_thread(*size, move |feed| blob.make(feed)))
            }
            Self::Registry {
                client,
                repository,
                descriptor,
            } => Box::new(client.relay(repository, descriptor)),
        };
        let pulse = Arc::clone(pulse);
        let reader = Watched { inner, pulse };
        reqwest::Body::wrap_stream(ReaderStream::with_capacity(reader, PIECE))
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
    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn reader(file: &Arc<File>, offset: u64, size: u64) -> Pipe {
        let file = Arc::clone(file);
        Pipe::from_thread(size, move |feed| copy(&file, offset, size, feed))
    }

    #[tokio::test]
    async fn reads_a_part_of_a_file_and_notices_that_it_is_too_short() {
        let content: Vec<u8> = (0..=250).cycle().take(PIECE * 2 + 100).collect();
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
