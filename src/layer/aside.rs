//! Work on a stream that is done beside the stream: in order, on a thread of its own, once there is enough of it.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// How many things wait for the thread, at most: enough that neither side waits for the other at every step.
const WAITING: usize = 2;

/// A state that is changed by one thing after the other: a running hash, by blocks.
#[derive(Debug)]
pub(super) struct Aside<S, T> {
    step: fn(&mut S, &T),
    place: Place<S, T>,
}

#[derive(Debug)]
enum Place<S, T> {
    /// No thread yet: it costs more than a short stream is worth.
    Here(S),
    /// On its thread, which gives the state back when nothing more can come.
    There(SyncSender<T>, JoinHandle<S>),
    /// The thread could not be started.
    Nowhere,
}

impl<S: Send + 'static, T: Send + 'static> Aside<S, T> {
    /// Nothing happens as yet.
    pub(super) fn new(state: S, step: fn(&mut S, &T)) -> Self {
        Self {
            step,
            place: Place::Here(state),
        }
    }

    /// Does the step for `item`: on the thread, which is started for it if this is a `long` stream.
    pub(super) fn take(&mut self, item: T, long: bool) -> io::Result<()> {
        if long && let Place::Here(_) = self.place {
            self.start()?;
        }
        match &mut self.place {
            Place::Here(state) => (self.step)(state, &item),
            // It only ends early in a panic, which `finish` tells.
            Place::There(items, _) => drop(items.send(item)),
            Place::Nowhere => {}
        }
        Ok(())
    }

    fn start(&mut self) -> io::Result<()> {
        if let Place::Here(mut state) = std::mem::replace(&mut self.place, Place::Nowhere) {
            let (items, queue) = sync_channel(WAITING);
            let step = self.step;
            let thread = Builder::new().spawn(move || {
                for item in queue {
                    step(&mut state, &item);
                }
                state
            })?;
            self.place = Place::There(items, thread);
        }
        Ok(())
    }

    /// The state, when all steps are done.
    pub(super) fn finish(self) -> io::Result<S> {
        match self.place {
            Place::Here(state) => Ok(state),
            Place::There(items, thread) => {
                drop(items);
                thread
                    .join()
                    .map_err(|_| io::Error::other("a hashing thread panicked"))
            }
            Place::Nowhere => Err(io::Error::other("a hashing thread could not be started")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_done_in_order_here_or_there() {
        for long_from in [0, 3, 100] {
            let mut aside = Aside::new(Vec::new(), |seen: &mut Vec<u32>, item: &u32| {
                seen.push(*item);
            });
            for item in 0..10 {
                aside.take(item, item >= long_from).unwrap();
                let started = matches!(aside.place, Place::There(..));
                assert_eq!(started, item >= long_from);
            }
            assert_eq!(aside.finish().unwrap(), (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_an_error_in_the_end_and_nobody_waits_for_it() {
        let mut aside = Aside::new((), |(), item: &u32| assert_ne!(*item, 1));
        for item in 0..10 {
            aside.take(item, true).unwrap();
        }
        let error = aside.finish().unwrap_err();
        assert_eq!(error.to_string(), "a hashing thread panicked");
    }
}
