//! The sign of life of an upload.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};

use crate::progress::Progress;

/// Tells a slow upload from one that is stuck, and why a body ended early.
#[derive(Debug)]
pub(super) struct Pulse {
    started: Instant,
    last_beat: AtomicU64,
    /// How many bytes were taken, by all requests.
    taken: AtomicU64,
    /// How many will have been taken when the request that is under way has got all of its bytes.
    due: AtomicU64,
    /// Whether the other side has taken all that there is, and it is our turn.
    hungry: AtomicBool,
    error: Mutex<Option<io::Error>>,
    progress: Box<dyn Progress>,
}

impl Pulse {
    pub(super) fn new(progress: Box<dyn Progress>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            last_beat: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            due: AtomicU64::new(0),
            hungry: AtomicBool::new(false),
            error: Mutex::default(),
            progress,
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn beat(&self, bytes: usize) {
        self.last_beat.store(self.now(), Ordering::Relaxed);
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        self.progress.advance(bytes as u64);
    }

    /// Begins another request for the same blob, with so many bytes; the silence before it was not the other side's.
    pub(super) fn begin(&self, length: u64) {
        self.due.store(self.taken() + length, Ordering::Relaxed);
        self.last_beat.store(self.now(), Ordering::Relaxed);
        self.hungry.store(false, Ordering::Relaxed);
    }

    /// Counts what need not be sent, because it arrived with an earlier request.
    pub(super) fn skip(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    /// Whether all bytes of the request were taken, so that what is waited for is the other side's work with them.
    pub(super) fn is_given(&self) -> bool {
        self.taken() >= self.due.load(Ordering::Relaxed)
    }

    /// For how long nothing has been taken from the body. A body that has nothing to give as yet is not the fault of
    /// the other side.
    pub(super) fn silence(&self) -> Duration {
        if self.hungry.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        Duration::from_millis(
            self.now()
                .saturating_sub(self.last_beat.load(Ordering::Relaxed)),
        )
    }

    /// Why the body ended early, if reading it failed.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.error.lock().ok()?.take()
    }

    /// How many bytes were taken, by all requests.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn finish(&self, outcome: &str) {
        self.progress.finish(outcome);
    }
}

/// Feeds a pulse with what is read.
pub(super) struct Watched<R> {
    pub(super) inner: R,
    pub(super) pulse: Arc<Pulse>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let hungry = polled.is_pending();
        self.pulse.hungry.store(hungry, Ordering::Relaxed);
        let result = ready!(polled);
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::progress::{Reporter as _, Silent};

    #[tokio::test]
    async fn a_body_that_has_nothing_to_give_does_not_count_as_silence() {
        const MINUTE: Duration = Duration::from_secs(60);
        let mut pulse = Pulse::new(Silent.start("", None));
        let earlier = Instant::now().checked_sub(MINUTE).unwrap();
        Arc::get_mut(&mut pulse).unwrap().started = earlier;
        assert!(pulse.silence() >= MINUTE, "nothing was taken");

        let (mut source, inner) = tokio::io::duplex(10);
        let mut body = Watched {
            inner,
            pulse: Arc::clone(&pulse),
        };
        let mut buffer = [0; 10];
        {
            let read = std::pin::pin!(body.read(&mut buffer));
            let waker = std::task::Waker::noop();
            assert!(read.poll(&mut Context::from_waker(waker)).is_pending());
        }
        assert_eq!(pulse.silence(), Duration::ZERO, "somebody waits for us");

        pulse.begin(7);
        source.write_all(b"bytes").await.unwrap();
        assert_eq!(body.read(&mut buffer).await.unwrap(), 5);
        assert!(!pulse.is_given());
        source.write_all(b"..").await.unwrap();
        assert_eq!(body.read(&mut buffer).await.unwrap(), 2);
        assert!(pulse.is_given());
        assert!(!pulse.hungry.load(Ordering::Relaxed));
        assert!(pulse.silence() < MINUTE, "some were taken just now");
    }
}
