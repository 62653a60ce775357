//! How fast a server must send at the least.

use std::time::Duration;

/// What has to come in the time for which a server may be silent. One that sends less would keep us for days.
const LEAST: u64 = 64 * 1024;

/// Watches that a server sends at least [`LEAST`] in the time for which it may be silent. Only the time in which it is waited
/// for counts: where the bytes go may be slow, too.
#[derive(Debug)]
pub(crate) struct Pace {
    patience: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Takes in that so many bytes came after such a time; `false` when they come too slowly.
    pub(crate) fn keeps(&mut self, waited: Duration, bytes: usize) -> bool {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.bytes >= LEAST {
            *self = Self::new(self.patience);
        }
        self.waited <= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_trickles_is_told_from_one_that_is_slow() {
        let patience = Duration::from_secs(60);
        let mut trickle = Pace::new(patience);
        let second = Duration::from_secs(1);
        let kept = (0..1000).take_while(|_| trickle.keeps(second, 1)).count();
        assert_eq!(kept, 60);
        let mut slow = Pace::new(patience);
        let bytes = usize::try_from(LEAST / 60).unwrap() + 1;
        assert!((0..1000).all(|_| slow.keeps(second, bytes)));
    }
}
