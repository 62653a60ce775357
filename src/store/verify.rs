//! Looking at everything in a store: whether it is what it should be, and taking away what is not.
//!
//! Builds may be at work at the same time. What they write appears whole, so nothing of theirs is taken for damaged. What
//! is taken away is made or fetched again by the next build that needs it; only the index, which tells which images were
//! kept, is never touched.

mod check;
mod finding;
mod modes;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::SystemTime;

use super::contents::{Amount, Holding, Item, digest};
use super::layout::{INDEX, Layout, LayoutError, MARKER, MARKER_TEXT};
use super::local::{NAME_ANNOTATION, Store};
use super::prune::CAREFUL;
use super::sharing::Alone;
use super::{StoreError, layout};
use crate::fs;
use crate::oci::{Descriptor, Digest};
use crate::parallel::on_all_cores;
use crate::progress::{Reporter, Silent};
pub use finding::{Finding, Trouble};

/// A marker is one line.
const MARKER_LIMIT: u64 = 4 << 10;

/// What was found in a store.
#[derive(Debug)]
pub struct Verified {
    /// All that is worth a line, by path.
    pub findings: Vec<Finding>,
    /// How many images the index names.
    pub images: usize,
    /// The blobs that were read.
    pub blobs: Amount,
    /// The releases that were read.
    pub releases: Amount,
    /// The facts that were read.
    pub facts: Amount,
    /// What is no damage: work that was never finished, or is under way.
    pub unfinished: Amount,
    /// Whether others could be kept out while things were taken away. If not, what was changed within a day stayed.
    pub alone: bool,
}

impl Verified {
    /// How many faults there are, and how many of them were mended.
    pub fn faults(&self) -> (usize, usize) {
        let faults = self.findings.iter().filter(|found| found.is_fault());
        let mended = faults.clone().filter(|found| found.mended);
        (faults.count(), mended.count())
    }
}

/// How things are mended, if they are.
#[derive(Debug, Clone, Copy)]
enum Mending {
    /// Not at all.
    No,
    /// Nobody else uses the store.
    Alone,
    /// Nobody can be kept out of it; this is the time.
    Careful(SystemTime),
}

impl Mending {
    /// Whether something goes that was changed at that time.
    fn takes(self, changed: SystemTime) -> bool {
        match self {
            Self::No => false,
            Self::Alone => true,
            Self::Careful(now) => now.duration_since(changed).is_ok_and(|age| age >= CAREFUL),
        }
    }
}

impl Store {
    /// Reads everything in the store and tells what is not as it should be. Changes nothing.
    pub fn verify(&self, reporter: &dyn Reporter) -> Result<Verified, StoreError> {
        self.examine(Mending::No, reporter)
    }

    /// The same, and takes away what is damaged, and closes to others what is open to them.
    ///
    /// Nobody else may use the store. Who holds a clone of this one in the same process is not noticed.
    pub fn repair(&self, now: SystemTime, reporter: &dyn Reporter) -> Result<Verified, StoreError> {
        let (_exclusive, mending) = match self.in_use().try_alone() {
            Alone::Yes(exclusive) => (Some(exclusive), Mending::Alone),
            Alone::No => return Err(StoreError::InUse(self.root().to_owned())),
            Alone::Unknown => (None, Mending::Careful(now)),
        };
        self.examine(mending, reporter)
    }

    fn examine(&self, mending: Mending, reporter: &dyn Reporter) -> Result<Verified, StoreError> {
        let mut items = self.contents_beside(&BTreeSet::new())?;
        // The largest first, so that no core is left alone with it at the end.
        items.sort_by_key(|item| Reverse(item.bytes));
        // Before anything is read, since what cannot be opened cannot be.
        let mut findings = modes::check(self, &items, mending)?;
        let read = items
            .iter()
            .filter(|item| item.holding != Holding::Unfinished);
        let total = Amount::of(read).bytes;
        let progress = reporter.start("Checking the cache", Some(total));
        let troubles = on_all_cores(&items, |item| {
            check::trouble(item, &*progress)?;
            // Once more, as in `surely`; what is read again does not count twice.
            check::trouble(item, &Silent)
        });
        progress.finish("checked");

        let damaged: BTreeSet<Digest> = items
            .iter()
            .zip(&troubles)
            .filter(|(_, trouble)| trouble.as_ref().is_some_and(Trouble::is_fault))
            .filter_map(|(item, _)| digest(&item.paths[0]))
            .collect();
        let (images, incomplete) = self.check_images(&damaged);
        findings.extend(incomplete);
        findings.extend(self.check_marker(mending));
        for (item, trouble) in items.iter().zip(troubles) {
            let Some(trouble) = trouble else { continue };
            let mended = trouble.is_fault() && mending.takes(item.used) && take_away(item);
            findings.push(Finding {
                path: item.paths[0].clone(),
                trouble,
                mended,
            });
        }
        findings.sort_by(|a, b| a.path.cmp(&b.path));
        let amount = |wanted: fn(&Holding) -> bool| {
            Amount::of(items.iter().filter(|item| wanted(&item.holding)))
        };
        Ok(Verified {
            findings,
            images,
            blobs: amount(|holding| matches!(holding, Holding::Blob | Holding::Kept)),
            releases: amount(|holding| *holding == Holding::Release),
            facts: amount(|holding| matches!(holding, Holding::Fact(_))),
            unfinished: amount(|holding| *holding == Holding::Unfinished),
            alone: !matches!(mending, Mending::Careful(_)),
        })
    }

    /// How many images the index names, and which of them lack something, or need a blob that is `damaged`.
    fn check_images(&self, damaged: &BTreeSet<Digest>) -> (usize, Vec<Finding>) {
        let finding = |trouble| Finding {
            path: self.root().join(INDEX),
            trouble,
            mended: false,
        };
        let opened = Layout::open(self.root());
        let read = opened.and_then(|layout| Ok((layout, layout::read_index(self.root())?)));
        let (layout, index) = match read {
            Ok(read) => read,
            Err(error) => return (0, vec![finding(Trouble::Index(Box::new(error)))]),
        };
        let findings = index.manifests.iter().filter_map(|image| {
            let source = surely(|| self.lacking(&layout, image, damaged))?;
            let name = image.annotations.get(NAME_ANNOTATION);
            Some(finding(Trouble::Image {
                name: name.cloned().unwrap_or_else(|| image.digest.to_string()),
                source: Box::new(source),
            }))
        });
        (index.manifests.len(), findings.collect())
    }

    /// What is the matter with an image, or with one of an index.
    fn lacking(
        &self,
        layout: &Layout,
        image: &Descriptor,
        damaged: &BTreeSet<Digest>,
    ) -> Option<LayoutError> {
        let images = match layout.images(image) {
            Ok(images) => images,
            Err(error) => return Some(error),
        };
        let mut blobs = images.blobs().map(|(descriptor, _)| descriptor);
        let blob = blobs.find(|blob| damaged.contains(&blob.digest))?;
        Some(LayoutError::Damaged {
            layout: self.root().display().to_string(),
            descriptor: Box::new(blob),
        })
    }

    /// Whether the file that makes the folder a layout says so.
    fn check_marker(&self, mending: Mending) -> Option<Finding> {
        let path = self.root().join(MARKER);
        let read = || fs::read_limited(&path, MARKER_LIMIT);
        let is_right = || read().is_ok_and(|bytes| layout::is_marker(&bytes));
        surely(|| (!is_right()).then_some(()))?;
        let may = !matches!(mending, Mending::No);
        let mended = may && fs::write_private(&path, MARKER_TEXT).is_ok();
        Some(Finding {
            path,
            trouble: Trouble::Marker,
            mended,
        })
    }
}

/// What is found twice. Whoever makes something good does so in one step, and it may have been at the first look.
fn surely<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    look().and_then(|_| look())
}

/// Whether something is gone.
fn take_away(item: &Item) -> bool {
    item.paths.iter().all(|path| match fs::remove(path) {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!("{error}");
            false
        }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;
    use crate::fs::now;

    #[test]
    fn what_is_made_good_between_two_looks_is_no_fault() {
        for (looks, expected) in [([true, true], Some(2)), ([true, false], None)] {
            let count = Cell::new(0);
            let look = || {
                count.set(count.get() + 1);
                looks[count.get() - 1].then(|| count.get())
            };
            assert_eq!(surely(look), expected);
            assert_eq!(count.get(), 2);
        }
    }

    #[test]
    fn where_nobody_can_be_kept_out_only_what_is_old_goes() {
        let now = now();
        let hours = |hours: u64| now - Duration::from_secs(hours * 3600);
        for (mending, of_an_hour, of_two_days) in [
            (Mending::No, false, false),
            (Mending::Alone, true, true),
            (Mending::Careful(now), false, true),
        ] {
            assert_eq!(mending.takes(hours(1)), of_an_hour, "{mending:?}");
            assert_eq!(mending.takes(hours(48)), of_two_days, "{mending:?}");
        }
    }

    #[test]
    fn a_repair_is_refused_while_somebody_else_has_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let other = Store::open(folder.path()).unwrap();
        let blob = folder
            .path()
            .join(format!("blobs/sha256/{}", "0".repeat(64)));
        fs::write_private(&blob, b"not the bytes of that digest").unwrap();
        let refused = store.repair(now(), &Silent).unwrap_err();
        assert!(matches!(refused, StoreError::InUse(_)), "{refused}");
        assert_eq!(store.verify(&Silent).unwrap().faults(), (1, 0));
        drop(other);
        assert_eq!(store.repair(now(), &Silent).unwrap().faults(), (1, 1));
        assert_eq!(store.verify(&Silent).unwrap().faults(), (0, 0));
    }
}
