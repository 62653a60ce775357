//! From whoever makes, reads or receives bytes to the request that sends them: a pipe of bounded length.
//!
//! Its end comes last and only on purpose: the last piece waits until all is known to be right, so that nobody takes a
//! body that broke for a whole one.

use std::io::{self, Cursor, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

/// How much travels at once: enough to keep a fast line busy, little enough for many uploads at a time.
pub(super) const PIECE: usize = 256 * 1024;
/// How many pieces may wait.
const DEPTH: usize = 2;

/// Where the bytes go in.
#[derive(Debug)]
pub(super) struct Feed {
    sender: Sender<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    size: u64,
    left: u64,
}

/// Where the bytes come out. Who drops it ends the work behind it, too.
#[derive(Debug)]
pub(super) struct Pipe {
    receiver: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    left: u64,
    work: JoinHandle<()>,
}

impl Pipe {
    /// Starts ordinary code that writes exactly `size` bytes, on a thread where it may block.
    pub(super) fn from_thread(
        size: u64,
        write: impl FnOnce(&mut Feed) -> io::Result<()> + Send + 'static,
    ) -> Self {
        let (mut feed, receiver) = Feed::new(size);
        let work = tokio::task::spawn_blocking(move || {
            let result = write(&mut feed);
            if let Some(last) = feed.last(result) {
                // Nobody may be there any more to whom it matters.
                let _ = feed.sender.blocking_send(last);
            }
        });
        Self::new(receiver, size, work)
    }

    /// Starts a task that writes exactly `size` bytes.
    pub(super) fn from_task<F>(size: u64, write: impl FnOnce(Feed) -> F) -> Self
    where
        F: Future<Output = (Feed, io::Result<()>)> + Send + 'static,
    {
        let (feed, receiver) = Feed::new(size);
        let writing = write(feed);
        let work = tokio::spawn(async move {
            let (mut feed, result) = writing.await;
            if let Some(last) = feed.last(result) {
                let _ = feed.sender.send(last).await;
            }
        });
        Self::new(receiver, size, work)
    }

    fn new(receiver: Receiver<io::Result<Vec<u8>>>, size: u64, work: JoinHandle<()>) -> Self {
        Self {
            receiver,
            piece: Cursor::default(),
            left: size,
            work,
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Ends a task at once. A thread goes on until it writes, and is told then.
        self.work.abort();
    }
}

impl Feed {
    fn new(size: u64) -> (Self, Receiver<io::Result<Vec<u8>>>) {
        let (sender, receiver) = mpsc::channel(DEPTH);
        let feed = Self {
            sender,
            piece: Vec::new(),
            size,
            left: size,
        };
        (feed, receiver)
    }

    /// Writes all of `bytes`.
    pub(super) async fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (taken, full) = self.fill(bytes)?;
            if let Some(full) = full {
                self.sender.send(Ok(full)).await.map_err(|_| gone())?;
            }
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Takes in as many bytes as fit. A piece comes back, to be sent, when there is one and it is not the last.
    fn fill(&mut self, bytes: &[u8]) -> io::Result<(usize, Option<Vec<u8>>)> {
        if bytes.len() as u64 > self.left {
            return Err(wrong_size(self.size, "more"));
        }
        let full = (self.piece.len() == PIECE).then(|| std::mem::take(&mut self.piece));
        if self.piece.capacity() == 0 {
            let length = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
            self.piece.reserve_exact(length);
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        self.left -= taken as u64;
        Ok((taken, full))
    }

    /// What the pipe ends with: its last piece if all went well, else the reason.
    fn last(&mut self, result: io::Result<()>) -> Option<io::Result<Vec<u8>>> {
        let piece = std::mem::take(&mut self.piece);
        match result {
            Err(error) => Some(Err(error)),
            Ok(()) if self.left > 0 => Some(Err(wrong_size(self.size, "fewer"))),
            Ok(()) => (!piece.is_empty()).then_some(Ok(piece)),
        }
    }
}

impl Write for Feed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let (taken, full) = self.fill(bytes)?;
        if let Some(full) = full {
            self.sender.blocking_send(Ok(full)).map_err(|_| gone())?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if self.piece.position() == self.piece.get_ref().len() as u64 {
            match ready!(self.receiver.poll_recv(context)) {
                Some(piece) => self.piece = Cursor::new(piece?),
                None if self.left == 0 => return Poll::Ready(Ok(())),
                // The work ended without a word, which only a panic or the end of the run time does.
                None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
        let before = self.piece.position();
        ready!(Pin::new(&mut self.piece).poll_read(context, buffer))?;
        self.left -= self.piece.position() - before;
        Poll::Ready(Ok(()))
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "Nobody wants the bytes any more")
}

fn wrong_size(expected: u64, what: &str) -> io::Error {
    let text = format!("There are {what} than the expected {expected} bytes");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn read(mut pipe: Pipe) -> (Vec<u8>, io::Result<()>) {
        let mut bytes = Vec::new();
        let result = pipe.read_to_end(&mut bytes).await.map(|_| ());
        (bytes, result)
    }

    fn from_thread(size: usize, written: usize) -> Pipe {
        Pipe::from_thread(size as u64, move |feed| {
            let bytes: Vec<u8> = (0..=250).cycle().take(written).collect();
            // Writes of an odd length, so that pieces end within them.
            bytes.chunks(1000).try_for_each(|part| feed.write_all(part))
        })
    }

    #[tokio::test]
    async fn all_bytes_arrive_in_order() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE] {
            let expected: Vec<u8> = (0..=250).cycle().take(size).collect();
            let (bytes, result) = read(from_thread(size, size)).await;
            assert!(result.is_ok() && bytes == expected, "{size}");
            let sent = expected.clone();
            let task = Pipe::from_task(size as u64, |mut feed| async move {
                let result = feed.take(&sent).await;
                (feed, result)
            });
            let (bytes, result) = read(task).await;
            assert!(result.is_ok() && bytes == expected, "{size}");
        }
    }

    #[tokio::test]
    async fn a_wrong_size_keeps_the_last_piece_back() {
        let size = 2 * PIECE;
        for (written, word) in [(size - 1, "fewer"), (PIECE, "fewer"), (size + 1, "more")] {
            let (bytes, result) = read(from_thread(size, written)).await;
            assert!(bytes.len() < size, "{written}");
            let text = result.unwrap_err().to_string();
            assert_eq!(
                text,
                format!("There are {word} than the expected {size} bytes")
            );
        }
    }

    #[tokio::test]
    async fn an_error_keeps_the_last_piece_back_and_is_told() {
        let pipe = Pipe::from_thread(10, |feed| {
            feed.write_all(&[7; 10])?;
            Err(io::Error::other("The hash is wrong"))
        });
        let (bytes, result) = read(pipe).await;
        assert!(bytes.is_empty());
        assert_eq!(result.unwrap_err().to_string(), "The hash is wrong");
    }

    #[tokio::test]
    async fn work_that_ends_without_a_word_is_no_end() {
        let pipe = Pipe::from_thread(10, |_| panic!("a panic that the test wants"));
        let (_, result) = read(pipe).await;
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn the_work_is_told_that_nobody_reads_and_cannot_run_ahead() {
        let (report, reported) = tokio::sync::oneshot::channel();
        let mut pipe = Pipe::from_thread(u64::MAX, move |feed| {
            let mut written = 0;
            let piece = vec![0; PIECE];
            while written < 100 {
                if let Err(error) = feed.write_all(&piece) {
                    let _ = report.send((written, error.kind()));
                    return Err(error);
                }
                written += 1;
            }
            Ok(())
        });
        let mut first = [0; 1];
        pipe.read_exact(&mut first).await.unwrap();
        drop(pipe);
        let (written, kind) = reported.await.unwrap();
        assert_eq!(kind, io::ErrorKind::BrokenPipe);
        // One was read, some wait, one is held back.
        assert!(written <= DEPTH + 2, "{written} pieces");
    }
}
