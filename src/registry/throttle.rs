//! How many blobs travel to and from one registry at a time, and when none may: less when it complains, more again when it
//! is content.
//!
//! Additive increase, multiplicative decrease, as TCP does it. A registry that answers 429 means all of our requests, so
//! the pause that it asks for holds for all of them; and the complaints about requests that were under way together
//! are one complaint.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How many blobs travel at a time at most; what most registries take from one client without complaint.
const MOST: f64 = 4.0;
/// However much a registry complains, one blob at a time goes on.
const FEWEST: f64 = 1.0;
/// How long the complaints about requests that were under way together may come in after the first one.
const EPOCH: Duration = Duration::from_secs(1);

/// The traffic with one registry.
#[derive(Debug)]
pub(super) struct Throttle {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    /// How many may travel; the fraction is what was earned towards the next one.
    window: f64,
    travelling: u32,
    /// Nothing is sent before this moment.
    quiet_until: Option<Instant>,
    /// Until this moment, a complaint is about what was under way when the last one came.
    epoch_until: Option<Instant>,
}

/// The right to transfer a blob, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Throttle>);

impl Default for Throttle {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                window: MOST,
                travelling: 0,
                quiet_until: None,
                epoch_until: None,
            }),
            freed: Notify::new(),
        }
    }
}

impl Throttle {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the right to transfer a blob.
    pub(super) async fn turn(self: &Arc<Self>) -> Turn {
        loop {
            // Registered before the look, so that nothing is missed in between.
            let freed = self.freed.notified();
            {
                let mut state = self.state();
                // One is always let through: the window never closes.
                if state.travelling == 0 || f64::from(state.travelling) + 1.0 <= state.window {
                    state.travelling += 1;
                    return Turn(Arc::clone(self));
                }
            }
            freed.await;
        }
    }

    /// Whether the registry does not want to hear of us now.
    pub(super) fn is_quiet(&self) -> bool {
        self.state()
            .quiet_until
            .is_some_and(|until| until > Instant::now())
    }

    /// Waits until the registry wants to hear of us again.
    pub(super) async fn quiet(&self) {
        loop {
            let until = self.state().quiet_until;
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Takes in that the registry wants less, and nothing at all before `pause` has passed.
    pub(super) fn complaint(&self, pause: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        // A pause that no clock can express is refused by who counts the tries; nobody else has to wait for it.
        if let Some(until) = now.checked_add(pause) {
            state.quiet_until = Some(state.quiet_until.map_or(until, |known| known.max(until)));
        }
        if state.epoch_until.is_some_and(|until| now < until) {
            return;
        }
        state.window = (state.window / 2.0).max(FEWEST);
        state.epoch_until = now.checked_add(pause.saturating_add(EPOCH));
        tracing::debug!(window = state.window, ?pause, "the registry wants less");
    }

    /// Takes in that a blob went to or came from the registry without a complaint.
    pub(super) fn content(&self) {
        let mut state = self.state();
        if state.window < MOST {
            // One more for each window that went well.
            state.window = (state.window + 1.0 / state.window).min(MOST);
            drop(state);
            self.freed.notify_waiters();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state().travelling -= 1;
        self.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many turns can be had at once.
    async fn room(throttle: &Arc<Throttle>) -> usize {
        let mut turns = Vec::new();
        while let Ok(turn) = tokio::time::timeout(Duration::from_millis(1), throttle.turn()).await {
            turns.push(turn);
        }
        turns.len()
    }

    #[tokio::test(start_paused = true)]
    async fn complaints_halve_what_travels_and_contentment_brings_it_back() {
        let throttle = Arc::new(Throttle::default());
        assert_eq!(room(&throttle).await, 4);
        for expected in [2, 1, 1] {
            throttle.complaint(Duration::ZERO);
            assert_eq!(room(&throttle).await, expected);
            tokio::time::sleep(EPOCH).await;
        }
        let mut rooms = Vec::new();
        for _ in 0..12 {
            throttle.content();
            rooms.push(room(&throttle).await);
        }
        assert!(rooms.is_sorted(), "{rooms:?}");
        assert_eq!((rooms[0], rooms[11]), (2, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn complaints_about_what_was_under_way_together_are_one() {
        let throttle = Arc::new(Throttle::default());
        for _ in 0..4 {
            throttle.complaint(Duration::ZERO);
        }
        assert_eq!(room(&throttle).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_pause_holds_for_all() {
        let throttle = Throttle::default();
        let before = Instant::now();
        throttle.quiet().await;
        assert_eq!(before.elapsed(), Duration::ZERO);
        throttle.complaint(Duration::from_secs(20));
        throttle.complaint(Duration::from_secs(5));
        throttle.complaint(Duration::from_secs(u64::MAX));
        throttle.quiet().await;
        assert!(before.elapsed() >= Duration::from_secs(20));
        assert!(before.elapsed() < Duration::from_secs(21));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_turn_that_becomes_free() {
        let throttle = Arc::new(Throttle::default());
        let mut turns = Vec::new();
        for _ in 0..4 {
            turns.push(throttle.turn().await);
        }
        let waiting = tokio::spawn({
            let throttle = Arc::clone(&throttle);
            async move { drop(throttle.turn().await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(turns.pop());
        waiting.await.unwrap();
    }
}
