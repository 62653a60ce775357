//! The rule as a function of numbers, and what it makes of real files.

use std::fs::{File, FileTimes};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use super::*;

/// A memory whose facts can be looked at and changed.
#[derive(Debug, Default)]
struct Notes(Mutex<BTreeMap<Digest, Vec<u8>>>);

impl Memory for Notes {
    fn recall_bytes(&self, _kind: &str, key: Digest) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(&key).cloned()
    }

    fn remember_bytes(&self, _kind: &str, key: Digest, bytes: &[u8]) {
        self.0.lock().unwrap().insert(key, bytes.to_vec());
    }
}

impl Notes {
    fn damage(&self) {
        for bytes in self.0.lock().unwrap().values_mut() {
            bytes.truncate(bytes.len() / 2);
        }
    }
}

fn stat(modified: Time, changed: Time) -> Stat {
    Stat {
        device: 1,
        inode: 2,
        size: 3,
        modified,
        changed,
    }
}

#[test]
fn a_file_is_settled_when_both_times_lie_a_margin_back() {
    const MS: i64 = 1_000_000;
    let began = (100, 10 * MS);
    for (modified, changed, settled) in [
        // Fractions in either: 20 ms, and not a nanosecond less.
        ((99, 989 * MS), (99, 989 * MS), true),
        ((99, 990 * MS), (1, 1), false),
        ((1, 1), (99, 990 * MS), false),
        ((99, 990 * MS - 1), (99, 990 * MS - 1), true),
        ((50, 0), (99, 989 * MS), true),
        ((50, 0), (99, 995 * MS), false),
        // Whole seconds in both: two of them.
        ((98, 0), (98, 0), true),
        ((99, 0), (98, 0), false),
        ((50, 0), (99, 0), false),
        // The future.
        ((101, 1), (1, 1), false),
        ((1, 1), (4_000_000_000, 0), false),
        // Before 1970.
        ((-5, 1), (90, 1), true),
    ] {
        assert_eq!(
            stat(modified, changed).is_settled(began),
            settled,
            "{modified:?} {changed:?}"
        );
    }
    // Exactly two seconds back is one tick of FAT too few.
    assert!(!stat((98, 0), (98, 0)).is_settled((100, 0)));
    // A clock that stands before 1970 settles nothing.
    assert!(!stat((0, 0), (0, 0)).is_settled(time(UNIX_EPOCH - Duration::from_secs(9))));
}

/// So late that every file of a test is settled.
fn later() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(40_000_000_000)
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

fn look(path: &Path) -> Sighting {
    Sighting::new(path, &path.metadata().unwrap(), later())
}

fn learn(path: &Path, notes: &Notes, fact: &str) {
    look(path).remember(notes, "test", "1", &path.metadata().unwrap(), &fact);
}

fn known(path: &Path, notes: &Notes) -> Option<String> {
    look(path).recall(notes, "test", "1")
}

#[test]
fn an_unchanged_file_is_known_and_any_change_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("job.jar"), folder.path().join("other"));
    let notes = Notes::default();
    write(&path, b"one");
    assert_eq!(known(&path, &notes), None);
    learn(&path, &notes, "one");
    assert_eq!(known(&path, &notes).as_deref(), Some("one"));
    let in_other_words = folder.path().join("./job.jar");
    assert_eq!(known(&in_other_words, &notes).as_deref(), Some("one"));
    assert_eq!(look(&path).recall::<String>(&notes, "test", "2"), None);

    // As many bytes, and the old time put back: only ctime tells.
    let modified = path.metadata().unwrap().modified().unwrap();
    let changed = |path: &Path| {
        let metadata = path.metadata().unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let before = changed(&path);
    let times = FileTimes::new().set_modified(modified);
    // The clock of the file system has to tick once, which it does within ten milliseconds.
    let ticked = (0..1_000_000).any(|_| {
        write(&path, b"two");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_times(times).unwrap();
        changed(&path) != before
    });
    assert!(ticked, "the file system has no clock");
    assert_eq!(path.metadata().unwrap().modified().unwrap(), modified);
    assert_eq!(known(&path, &notes), None);

    // Another file under the same name, with the same size and time.
    learn(&path, &notes, "two");
    assert_eq!(known(&path, &notes).as_deref(), Some("two"));
    write(&other, b"six");
    let file = File::options().write(true).open(&other).unwrap();
    file.set_times(times).unwrap();
    let other = tempfile::TempPath::try_from_path(other).unwrap();
    other.persist(&path).unwrap();
    assert_eq!(known(&path, &notes), None);
}

#[test]
fn what_is_too_young_or_changes_meanwhile_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let notes = Notes::default();
    write(&path, b"one");
    let metadata = path.metadata().unwrap();
    let young = Sighting::new(&path, &metadata, metadata.modified().unwrap());
    young.remember(&notes, "test", "1", &metadata, &"one");
    assert_eq!(known(&path, &notes), None);
    let sighting = look(&path);
    write(&path, b"longer");
    let now = path.metadata().unwrap();
    assert!(!sighting.is_of(&now));
    sighting.remember(&notes, "test", "1", &now, &"one");
    assert_eq!(known(&path, &notes), None);
}

#[test]
fn a_damaged_note_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let notes = Notes::default();
    write(&path, b"one");
    learn(&path, &notes, "one");
    notes.damage();
    assert_eq!(known(&path, &notes), None);
    learn(&path, &notes, "one");
    assert_eq!(known(&path, &notes).as_deref(), Some("one"));
}

#[test]
fn one_changed_file_of_a_folder_is_the_only_one_that_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let names = ["a", "b", "c"];
    let visit = || {
        let facts = FolderFacts::<String>::recall(&notes, "test", "1", folder.path(), later());
        let metadata = names.map(|name| folder.path().join(name).metadata().unwrap());
        let unknown: Vec<_> = names
            .iter()
            .zip(&metadata)
            .filter(|(name, metadata)| facts.get(name, metadata).is_none())
            .map(|(name, _)| *name)
            .collect();
        let found = names.iter().zip(&metadata);
        let before = notes.0.lock().unwrap().clone();
        facts.remember(
            &notes,
            found.map(|(name, metadata)| (*name, metadata, metadata, (*name).to_owned())),
        );
        let wrote = before != *notes.0.lock().unwrap();
        (unknown, wrote)
    };
    for name in names {
        write(&folder.path().join(name), b"one");
    }
    assert_eq!(visit(), (names.to_vec(), true));
    assert_eq!(visit(), (vec![], false));
    write(&folder.path().join("b"), b"longer");
    assert_eq!(visit(), (vec!["b"], true));
    notes.damage();
    assert_eq!(visit(), (names.to_vec(), true));
    assert_eq!(notes.0.lock().unwrap().len(), 1);
}
