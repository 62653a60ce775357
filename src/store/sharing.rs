//! Who uses a store at the same time: many that read and add, or one that takes away.
//!
//! Whatever is added appears whole under the digest of its bytes, so those who add need not know of each other. Only
//! what takes away (see `prune`) must be alone: a blob that was found must stay until it is read.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::fs;
use crate::progress::Reporter;

/// The file that is locked as long as the store is used.
pub(super) const IN_USE: &str = "in-use";
/// How long somebody waits before it is said what for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The use of a store, until it is dropped.
#[derive(Debug)]
pub(super) struct Use {
    /// None where there are no locks, as on some network file systems.
    file: Option<File>,
}

/// Whether somebody is alone in a store.
#[derive(Debug)]
pub(super) enum Alone<'a> {
    /// Nobody else uses the store until this is dropped.
    Yes(Exclusive<'a>),
    /// Somebody else uses it.
    No,
    /// There are no locks here.
    Unknown,
}

/// The sole use of a store; dropped, others may use it too.
#[derive(Debug)]
pub(super) struct Exclusive<'a>(&'a File);

impl Use {
    /// Begins to use the store in `root`, as many may at the same time. Waits until nobody is alone in it.
    pub(super) fn begin(root: &Path, reporter: &dyn Reporter) -> Self {
        let path = root.join(IN_USE);
        let file = fs::open_lock(&path).map_err(|error| tracing::debug!("{error}"));
        let file = file.ok().and_then(|file| match file.try_lock_shared() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => wait(file, root, reporter),
            Err(TryLockError::Error(error)) => {
                tracing::debug!("`{}` cannot be locked: {error}", path.display());
                None
            }
        });
        Self { file }
    }

    /// Keeps all others out, if there are none in it now.
    pub(super) fn try_alone(&self) -> Alone<'_> {
        let Some(file) = &self.file else {
            return Alone::Unknown;
        };
        match file.try_lock() {
            Ok(()) => Alone::Yes(Exclusive(file)),
            Err(TryLockError::WouldBlock) => {
                // To ask for more than one has gives up what one has.
                share(file);
                Alone::No
            }
            Err(TryLockError::Error(error)) => {
                tracing::debug!("The cache cannot be locked: {error}");
                Alone::Unknown
            }
        }
    }
}

/// Waits in a thread of its own, so that it can be said what for.
fn wait(file: File, root: &Path, reporter: &dyn Reporter) -> Option<File> {
    let (done, waited) = mpsc::channel();
    std::thread::spawn(move || {
        let locked = file.lock_shared().map(|()| file);
        // Who asked is there until it has the answer.
        let _ = done.send(locked);
    });
    let locked = waited.recv_timeout(PATIENCE).or_else(|_| {
        let place = root.display();
        reporter.note(&format!(
            "Waiting for `flink-img cache prune` or `cache verify --repair`, which is at work in `{place}`"
        ));
        waited.recv()
    });
    locked.ok()?.ok()
}

fn share(file: &File) {
    if let Err(error) = file.lock_shared() {
        tracing::debug!("The cache cannot be locked: {error}");
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        share(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Progress, Silent};

    /// Passes on what it is told.
    #[derive(Debug)]
    struct Told(mpsc::Sender<String>);

    impl Reporter for Told {
        fn note(&self, message: &str) {
            self.0.send(message.to_owned()).unwrap();
        }
        fn detail(&self, _message: &str) {}
        fn warn(&self, _message: &str) {}
        fn start(&self, label: &str, total: Option<u64>) -> Box<dyn Progress> {
            Silent.start(label, total)
        }
    }

    #[test]
    fn many_use_a_store_and_one_may_be_alone() {
        let folder = tempfile::tempdir().unwrap();
        let one = Use::begin(folder.path(), &Silent);
        let two = Use::begin(folder.path(), &Silent);
        assert!(matches!(one.try_alone(), Alone::No));
        // Who was refused still uses it.
        assert!(matches!(two.try_alone(), Alone::No));
        drop(two);
        assert!(matches!(one.try_alone(), Alone::Yes(_)));
        let three = Use::begin(folder.path(), &Silent);
        assert!(matches!(one.try_alone(), Alone::No));
        drop(three);
    }

    #[test]
    fn who_comes_while_somebody_is_alone_waits_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let first = Use::begin(folder.path(), &Silent);
        let Alone::Yes(alone) = first.try_alone() else {
            panic!("Nobody else is there");
        };
        let (sender, told) = mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Use::begin(folder.path(), &Told(sender)));
            let message = told.recv_timeout(Duration::from_secs(60)).unwrap();
            assert!(message.starts_with("Waiting for"), "{message}");
            assert!(!second.is_finished());
            drop(alone);
            assert!(second.join().unwrap().file.is_some());
        });
    }

    #[test]
    fn without_locks_nobody_knows() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(&folder.path().join(IN_USE), None).unwrap();
        let blind = Use::begin(folder.path(), &Silent);
        assert!(matches!(blind.try_alone(), Alone::Unknown));
    }
}
