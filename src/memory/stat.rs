//! What was learnt of files, and is believed as long as nothing shows that they changed.
//!
//! A file is known by its absolute path, device, inode, size and both of its times: that of its bytes (mtime), which
//! everybody can set, and that of everything about it (ctime), which nobody can. All of them must be the same.
//!
//! That alone is not enough. A file system's clock ticks, and a file that was read and then changed within one tick, with
//! as many bytes as before, looks as if it had not been touched. Git calls such a file *racily clean*
//! (<https://git-scm.com/docs/racy-git>, `Documentation/technical/racy-git.adoc` in its sources), and so do we: what was
//! learnt is only remembered when both times lay a margin before the moment at which the reading *began*. Later changes
//! then have a later time. The margin is larger than any tick: Linux stamps files from a clock that ticks every 1 to
//! 10 milliseconds; file systems that keep whole seconds, or every second one as FAT does, show no fractions. A time in
//! the future, as a clock that was set back leaves behind, is younger than any margin and not believed either.
//!
//! A file that is too young is simply read again the next time.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Memory, recall, remember};
use crate::oci::{Digest, canonical};

/// A point in time: seconds since 1970, and nanoseconds.
type Time = (i64, i64);

/// The margin where times have fractions of a second: twice the slowest clock tick.
const MARGIN: Time = (0, 20_000_000);
/// The margin where they have none.
const COARSE_MARGIN: Time = (2, 0);
const SECOND: i64 = 1_000_000_000;

/// All that tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: Time,
    changed: Time,
}

impl Stat {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after `began` would surely show: see the top of this module.
    fn is_settled(&self, began: Time) -> bool {
        let settled = |time: Time| {
            let margin = if time.1 == 0 { COARSE_MARGIN } else { MARGIN };
            time < before(began, margin)
        };
        settled(self.modified) && settled(self.changed)
    }
}

fn before(time: Time, margin: Time) -> Time {
    let (seconds, fraction) = (time.0.saturating_sub(margin.0), time.1 - margin.1);
    match fraction {
        0.. => (seconds, fraction),
        _ => (seconds.saturating_sub(1), fraction + SECOND),
    }
}

fn time(moment: SystemTime) -> Time {
    // A clock that stands before 1970 makes everything too young, which is right.
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    (seconds, since.subsec_nanos().into())
}

/// What is remembered of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known<T> {
    stat: Stat,
    fact: T,
}

/// Where a fact about `path` is kept; `rules` say by which rules it was found.
fn key(path: &Path, rules: &str) -> Digest {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Digest::of(&canonical(&(rules, absolute.as_os_str().as_bytes())))
}

/// A file as it was found, before it is read.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use flink_img::memory::{Forgetful, Sighting};
///
/// let file = tempfile::NamedTempFile::new()?;
/// let metadata = file.as_file().metadata()?;
/// # #[allow(clippy::disallowed_methods)]
/// let sighting = Sighting::new(file.path(), &metadata, SystemTime::now());
/// let length: u64 = match sighting.recall(&Forgetful, "length", "1") {
///     Some(length) => length,
///     None => metadata.len(),
/// };
/// sighting.remember(&Forgetful, "length", "1", &file.as_file().metadata()?, &length);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sighting {
    path: PathBuf,
    stat: Stat,
    began: Time,
}

impl Sighting {
    /// Takes down what is seen of the file at `path` at the moment `began`, before the first byte is read.
    pub fn new(path: &Path, metadata: &Metadata, began: SystemTime) -> Self {
        Self {
            path: path.to_owned(),
            stat: Stat::of(metadata),
            began: time(began),
        }
    }

    /// Whether this is the same file, and unchanged.
    pub fn is_of(&self, metadata: &Metadata) -> bool {
        self.stat == Stat::of(metadata)
    }

    /// What was learnt of the file by the same `rules`, if it did not change since.
    pub fn recall<T: DeserializeOwned>(
        &self,
        memory: &dyn Memory,
        kind: &str,
        rules: &str,
    ) -> Option<T> {
        let known: Known<T> = recall(memory, kind, key(&self.path, rules))?;
        if known.stat != self.stat {
            return None;
        }
        tracing::debug!("`{}` is unchanged since it was hashed", self.path.display());
        Some(known.fact)
    }

    /// Remembers what was learnt of the file, if it can be told from what it may become. `now` is what is seen of it after
    /// it was read.
    pub fn remember<T: Serialize>(
        &self,
        memory: &dyn Memory,
        kind: &str,
        rules: &str,
        now: &Metadata,
        fact: &T,
    ) {
        let path = self.path.display();
        if !self.is_of(now) {
            tracing::debug!("hashed `{path}`, which was changed meanwhile");
        } else if !self.stat.is_settled(self.began) {
            tracing::debug!("hashed `{path}`, which is too young to be remembered");
        } else {
            tracing::debug!("hashed `{path}`");
            let stat = self.stat;
            remember(memory, kind, key(&self.path, rules), &Known { stat, fact });
        }
    }
}

/// What is remembered of the files of a folder: one fact for all of them.
#[derive(Debug)]
pub struct FolderFacts<T> {
    key: Digest,
    kind: &'static str,
    folder: PathBuf,
    began: Time,
    known: BTreeMap<String, Known<T>>,
}

impl<T: Clone + Serialize + DeserializeOwned> FolderFacts<T> {
    /// Recalls what was learnt of the files below `folder`; `began` is a moment before any of them is looked at.
    pub fn recall(
        memory: &dyn Memory,
        kind: &'static str,
        rules: &str,
        folder: &Path,
        began: SystemTime,
    ) -> Self {
        let key = key(folder, rules);
        Self {
            key,
            kind,
            folder: folder.to_owned(),
            began: time(began),
            known: recall(memory, kind, key).unwrap_or_default(),
        }
    }

    /// What was learnt of the file `name`, if it did not change since.
    pub fn get(&self, name: &str, metadata: &Metadata) -> Option<&T> {
        let known = self.known.get(name)?;
        (known.stat == Stat::of(metadata)).then_some(&known.fact)
    }

    /// Remembers what there is now: all files by name, as they were seen before they were read and after, with what is
    /// known of them. Writes nothing when nothing is new.
    pub fn remember<'a>(
        self,
        memory: &dyn Memory,
        files: impl IntoIterator<Item = (&'a str, &'a Metadata, &'a Metadata, T)>,
    ) {
        let (mut total, mut hashed) = (0, 0);
        let mut now = BTreeMap::new();
        for (name, before, after, fact) in files {
            let stat = Stat::of(before);
            total += 1;
            hashed += usize::from(self.get(name, before).is_none());
            if stat == Stat::of(after) && stat.is_settled(self.began) {
                now.insert(name.to_owned(), Known { stat, fact });
            }
        }
        let folder = self.folder.display();
        if hashed == 0 {
            tracing::debug!("`{folder}` is unchanged since it was hashed");
        } else {
            tracing::debug!("hashed {hashed} of {total} files in `{folder}`");
        }
        let stats = |files: &BTreeMap<String, Known<T>>| -> Vec<(String, Stat)> {
            let stat = |(name, known): (&String, &Known<T>)| (name.clone(), known.stat);
            files.iter().map(stat).collect()
        };
        if stats(&now) != stats(&self.known) {
            remember(memory, self.kind, self.key, &now);
        }
    }
}

#[cfg(test)]
mod tests;
