//! What a registry turned out to take, remembered for as long as the session lasts.
//!
//! It begins with what is known of the registry ([`super::quirks`]), and every refusal teaches more: a proxy that limits
//! bodies, a registry without chunks, one that has no memory of uploads that broke.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::quirks::{Form, Quirks};

/// The largest chunk that is tried: few requests, and what most proxies in front of a registry let through.
const LARGEST_CHUNK: u64 = 64 * 1024 * 1024;
/// A registry that does not even take this much at once is of no use.
const SMALLEST_CHUNK: u64 = 64 * 1024;
/// A request that breaks with less than this does not break because it is long.
const LONG: u64 = 1024 * 1024;
/// How much smaller the next try is.
const STEP: u64 = 4;
/// A blob that breaks so often as a whole goes in chunks: something on the way may cut what is long.
const BREAKS: u32 = 2;

/// What one registry takes.
#[derive(Debug)]
pub(super) struct Abilities(Mutex<State>);

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct State {
    /// Whether a blob may come in one request.
    whole: bool,
    /// Whether it may come in chunks.
    chunks: bool,
    /// How much may come at once, if there is a limit.
    limit: Option<u64>,
    /// How much came through without breaking, where what is longer breaks. It grows again with each blob that arrives.
    unbroken: Option<u64>,
    /// Whether an upload that broke can go on.
    resumes: bool,
    /// Whether the wish to mount a blob from the repository that it is to go to is understood.
    own_mounts: bool,
    /// How often a long request broke since a blob arrived.
    breaks: u32,
}

impl Abilities {
    pub(super) fn new(quirks: &Quirks) -> Self {
        Self(Mutex::new(State {
            whole: true,
            chunks: quirks.form != Form::Whole,
            limit: match quirks.form {
                Form::Chunks(size) => Some(size),
                Form::Any | Form::Whole => None,
            },
            unbroken: None,
            resumes: quirks.resumes,
            own_mounts: true,
            breaks: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of what is left of a blob goes with the next request: all of it, or a chunk.
    pub(super) fn next(&self, left: u64) -> u64 {
        let state = self.state();
        if !state.chunks {
            return left;
        }
        let limits = [state.limit, state.unbroken].into_iter().flatten();
        limits.fold(left, u64::min)
    }

    /// Whether a blob may go in one request.
    pub(super) fn takes_whole(&self) -> bool {
        self.state().whole
    }

    /// Whether an upload that broke can go on.
    pub(super) fn resumes(&self) -> bool {
        let state = self.state();
        state.resumes && state.chunks
    }

    /// Whether the wish to mount a blob from its own repository is understood.
    pub(super) fn knows_own_mounts(&self) -> bool {
        self.state().own_mounts
    }

    /// Takes in that such a wish was turned down.
    pub(super) fn refused_own_mount(&self) {
        self.state().own_mounts = false;
    }

    /// Takes in that so many bytes were too many at once. `false` when there is no smaller number to try.
    pub(super) fn too_large(&self, tried: u64) -> bool {
        let mut state = self.state();
        if !state.chunks {
            return false;
        }
        // Somebody else may have learnt more in the meantime.
        let known = state.limit.unwrap_or(u64::MAX);
        let smaller = (tried / STEP).clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
        if smaller >= tried {
            return false;
        }
        state.limit = Some(known.min(smaller));
        true
    }

    /// Takes in that a blob may not go in one request. `false` when that is the only way.
    pub(super) fn not_whole(&self) -> bool {
        let mut state = self.state();
        state.whole = false;
        if state.chunks && state.limit.is_none() {
            state.limit = Some(LARGEST_CHUNK);
        }
        state.chunks
    }

    /// Takes in that a blob may not go in chunks. `false` when that is the only way.
    pub(super) fn not_in_chunks(&self) -> bool {
        let mut state = self.state();
        state.chunks = false;
        state.whole
    }

    /// Takes in that a request with so many bytes broke off. A long one may have broken because it is long.
    pub(super) fn broke(&self, tried: u64) {
        let mut state = self.state();
        if tried <= LONG {
            return;
        }
        state.breaks += 1;
        if state.unbroken.is_some() || state.breaks >= BREAKS {
            let shorter = (tried / STEP).clamp(LONG, LARGEST_CHUNK);
            state.unbroken = Some(state.unbroken.map_or(shorter, |known| known.min(shorter)));
        }
    }

    /// Takes in that a blob arrived.
    pub(super) fn arrived(&self) {
        let mut state = self.state();
        state.breaks = 0;
        state.unbroken = state
            .unbroken
            .map(|length| length * 2)
            .filter(|length| *length <= LARGEST_CHUNK);
    }

    /// Takes in that what was sent piece by piece was not put together rightly.
    pub(super) fn mixes_up(&self) {
        let mut state = self.state();
        state.resumes = false;
        if state.whole {
            state.chunks = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::quirks::{self, PLAIN};
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_limit_is_found_in_few_steps() {
        let abilities = Abilities::new(&PLAIN);
        let mut tried = 300 * MIB;
        assert_eq!(abilities.next(tried), tried);
        let mut steps = Vec::new();
        while abilities.too_large(tried) {
            tried = abilities.next(300 * MIB);
            steps.push(tried);
        }
        let expected = [64 * MIB, 16 * MIB, 4 * MIB, MIB, MIB / 4, MIB / 16];
        assert_eq!(steps, expected);
        assert!(!abilities.too_large(1));
    }

    #[test]
    fn one_way_is_left_or_none() {
        let abilities = Abilities::new(&PLAIN);
        assert!(abilities.not_whole());
        assert_eq!(abilities.next(300 * MIB), LARGEST_CHUNK);
        assert!(!abilities.not_in_chunks());
        let abilities = Abilities::new(&PLAIN);
        assert!(abilities.not_in_chunks());
        assert!(!abilities.too_large(300 * MIB));
        assert!(!abilities.resumes());
    }

    #[test]
    fn what_breaks_twice_as_a_whole_goes_in_ever_smaller_chunks_until_blobs_arrive() {
        let abilities = Abilities::new(&PLAIN);
        let size = 40 * MIB;
        let mut tried = Vec::new();
        for _ in 0..6 {
            let next = abilities.next(size);
            tried.push(next / 1024);
            abilities.broke(next);
        }
        assert_eq!(tried, [40960, 40960, 10240, 2560, 1024, 1024]);
        tried.clear();
        for _ in 0..7 {
            abilities.arrived();
            tried.push(abilities.next(size) / MIB);
        }
        assert_eq!(tried, [2, 4, 8, 16, 32, 40, 40]);
    }

    #[test]
    fn what_is_short_or_breaks_now_and_then_teaches_nothing() {
        let abilities = Abilities::new(&PLAIN);
        for _ in 0..5 {
            abilities.broke(300 * 1024);
        }
        for _ in 0..5 {
            abilities.broke(40 * MIB);
            abilities.arrived();
        }
        assert_eq!(abilities.next(300 * MIB), 300 * MIB);
    }

    #[test]
    fn begins_with_what_is_known() {
        let of = |host| Abilities::new(quirks::of(host, None));
        assert_eq!(of("a.azurecr.io").next(300 * MIB), 16 * MIB);
        assert!(!of("a.azurecr.io").resumes());
        assert!(!of("ghcr.io").too_large(300 * MIB));
        assert!(of("docker.io").resumes());
    }
}
