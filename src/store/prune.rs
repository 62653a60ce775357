//! Taking from the store what no image needs that was kept: what is old, or what is too much.

use std::time::{Duration, SystemTime};

use super::contents::{Amount, Holding, Item};
use super::sharing::Alone;
use super::{Store, StoreError};
use crate::fs;

/// Where nobody can be kept out, what was used so recently may be in use now.
pub(super) const CAREFUL: Duration = Duration::from_secs(24 * 60 * 60);

/// What is to be taken from a store.
///
/// With neither an age nor a size it is everything that can be fetched or made again: all blobs and releases. Facts are
/// small and save much work, also without the blobs that they tell of; they go by age and size only.
#[derive(Debug, Clone, Copy)]
pub struct Pruning {
    /// The time that ages count from.
    pub now: SystemTime,
    /// Take what was not used for so long.
    pub older_than: Option<Duration>,
    /// Then take what was used least recently, until the rest is at most so many bytes.
    pub max_size: Option<u64>,
    /// Take nothing, and tell what would be taken.
    pub dry_run: bool,
}

/// What was taken from a store, or would be.
#[derive(Debug)]
pub struct Pruned {
    /// What went, least recently used first.
    pub removed: Vec<Item>,
    /// What is left of all.
    pub left: Amount,
    /// What is left because images need it that were kept.
    pub kept: Amount,
    /// Whether others could be kept out of the store. If not, what was used within a day stayed.
    pub alone: bool,
}

impl Store {
    /// Takes from the store what no image needs that was kept.
    ///
    /// Nobody else may use the store. Who holds a clone of this one in the same process is not noticed.
    pub fn prune(&self, pruning: &Pruning) -> Result<Pruned, StoreError> {
        let (_exclusive, is_alone) = match self.in_use().try_alone() {
            Alone::Yes(exclusive) => (Some(exclusive), true),
            // Nothing is taken, so nobody is disturbed.
            Alone::No if pruning.dry_run => (None, true),
            Alone::No => return Err(StoreError::InUse(self.root().to_owned())),
            Alone::Unknown => (None, false),
        };
        let (removed, left) = choose(self.contents()?, pruning, is_alone);
        if !pruning.dry_run {
            for path in removed.iter().flat_map(|item| &item.paths) {
                fs::remove(path)?;
            }
        }
        let kept = left.iter().filter(|item| item.holding == Holding::Kept);
        Ok(Pruned {
            kept: Amount::of(kept),
            left: Amount::of(&left),
            removed,
            alone: is_alone,
        })
    }
}

/// What goes, least recently used first, and what stays.
fn choose(mut items: Vec<Item>, pruning: &Pruning, is_alone: bool) -> (Vec<Item>, Vec<Item>) {
    items.sort_by(|a, b| (a.used, &a.paths).cmp(&(b.used, &b.paths)));
    let age = |item: &Item| pruning.now.duration_since(item.used).unwrap_or_default();
    let may_go = |item: &Item| item.holding != Holding::Kept && (is_alone || age(item) >= CAREFUL);
    let is_old = |item: &Item| match (&item.holding, pruning.older_than) {
        (Holding::Unfinished, _) => true,
        (_, Some(limit)) => age(item) >= limit,
        (Holding::Fact(_), None) => false,
        (_, None) => pruning.max_size.is_none(),
    };
    let (mut removed, mut left): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| may_go(item) && is_old(item));
    if let Some(limit) = pruning.max_size {
        let mut total = Amount::of(&left).bytes;
        let kept = left.iter().filter(|item| item.holding == Holding::Kept);
        // No fact is given up for a size that cannot be reached.
        let spare_facts = Amount::of(kept).bytes > limit;
        let (more, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|item| {
            let is_spared = spare_facts && matches!(item.holding, Holding::Fact(_));
            let goes = total > limit && may_go(item) && !is_spared;
            if goes {
                total -= item.bytes;
            }
            goes
        });
        removed.extend(more);
        left = rest;
    }
    (removed, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// Each item is as long as it is old in hours, so that lengths tell items.
    fn store() -> (SystemTime, Vec<Item>) {
        let now = SystemTime::UNIX_EPOCH + 1000 * HOUR;
        let fact = Holding::Fact("layer".to_owned());
        let items = [
            (Holding::Kept, 900),
            (Holding::Blob, 40),
            (Holding::Blob, 2),
            (Holding::Release, 30),
            (fact.clone(), 50),
            (fact, 1),
            (Holding::Unfinished, 3),
            (Holding::Unfinished, 60),
        ];
        let item = |(holding, hours): (Holding, u32)| Item {
            holding,
            paths: Vec::new(),
            bytes: hours.into(),
            used: now - hours * HOUR,
        };
        (now, items.map(item).into())
    }

    fn removed(older_than: Option<u32>, max_size: Option<u64>, is_alone: bool) -> Vec<u64> {
        let (now, items) = store();
        let all = Amount::of(&items);
        let pruning = Pruning {
            now,
            older_than: older_than.map(|hours| hours * HOUR),
            max_size,
            dry_run: false,
        };
        let (removed, left) = choose(items, &pruning, is_alone);
        let both = Amount::of(removed.iter().chain(&left));
        assert_eq!(both, all);
        removed.iter().map(|item| item.bytes).collect()
    }

    #[test]
    fn without_a_limit_all_goes_that_can_be_made_again() {
        assert_eq!(removed(None, None, true), [60, 40, 30, 3, 2]);
    }

    #[test]
    fn an_age_takes_facts_too() {
        assert_eq!(removed(Some(30), None, true), [60, 50, 40, 30, 3]);
        assert_eq!(removed(Some(0), None, true), [60, 50, 40, 30, 3, 2, 1]);
    }

    #[test]
    fn a_size_takes_the_least_recently_used_first() {
        assert_eq!(removed(None, Some(5000), true), [60, 3]);
        assert_eq!(removed(None, Some(900 + 33), true), [60, 3, 50, 40]);
        assert_eq!(removed(None, Some(900 + 32), true), [60, 3, 50, 40, 30]);
        // What was kept stays, though it alone is too much; and then facts would go for nothing.
        assert_eq!(removed(None, Some(900), true), [60, 3, 50, 40, 30, 2, 1]);
        assert_eq!(removed(None, Some(899), true), [60, 3, 40, 30, 2]);
        assert_eq!(removed(Some(50), Some(933), true), [60, 50, 3, 40]);
    }

    #[test]
    fn where_nobody_can_be_kept_out_what_is_recent_stays() {
        assert_eq!(removed(None, None, false), [60, 40, 30]);
        assert_eq!(removed(Some(0), Some(900), false), [60, 50, 40, 30]);
    }
}
