//! A job is stopped with a savepoint and goes on in a new cluster, all in the words of the historic job image.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cluster::{Cluster, PATIENCE, Start};
use crate::image::{Yard, of_archive};
use crate::support::parts::{FlinkParts, jre_base};

/// How far the job counts. With [`SLOWLY`] that takes longer than any test has patience, so that a job which is to be
/// stopped never ends before.
pub(crate) const UNTIL: u64 = 20_000;
pub(crate) const SLOWLY: &str = "50";

/// By how many remainders the job counts.
pub(crate) const KEYS: u64 = 4;

/// Where the containers see the folder that they share.
const SHARED: &str = "/savepoints";

/// What one line of the job says: the count of a key that a number brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) key: u64,
    pub(crate) count: u64,
    pub(crate) number: u64,
}

/// What a job counted before it was stopped, and when it went on.
pub(crate) struct Halves {
    pub(crate) before: Vec<Counted>,
    pub(crate) after: Vec<Counted>,
}

#[test]
fn a_job_of_flink_1_20_goes_on_counting_where_a_savepoint_stopped_it() {
    let parts = FlinkParts::of("1.20.5");
    let halves = stop_and_go_on(&jre_base(), &parts.counting, &parts.archive);

    // No number is missing and none comes twice, over both clusters.
    let lines = halves.before.iter().chain(&halves.after);
    let mut numbers: Vec<u64> = lines.map(|line| line.number).collect();
    numbers.sort_unstable();
    assert!(
        numbers.into_iter().eq(1..=UNTIL),
        "{} numbers before, {} after",
        halves.before.len(),
        halves.after.len()
    );
    // Each key counts on from what it had.
    let mut counts = last_counts(&halves.before);
    for line in &halves.after {
        let count = counts.get_mut(&line.key).expect("every key was counted");
        *count += 1;
        assert_eq!(line.count, *count, "{line:?}");
    }
    assert!(counts.values().all(|&count| count == UNTIL / KEYS));
}

/// Stops a counting job and lets it go on, also without its counts. The numbers are for the caller to judge.
pub(crate) fn stop_and_go_on(base: &Path, job: &Path, archive: &Path) -> Halves {
    let yard = Yard::new();
    let image = yard.build(base, &of_archive(job, archive));
    let folder = yard.folder().join("savepoints");
    fs::create_dir(&folder).unwrap();
    // For the user of the image, who is nobody on this machine.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let volume = format!("{}:{SHARED}", folder.display());
    let start = Start {
        options: &["--volume", &volume],
        ..Start::of(yard.podman(), &image)
    };

    let (savepoint, before) = stop_while_counting(&start);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        1,
        "There is more than the savepoint {savepoint}"
    );
    let counts = last_counts(&before);
    assert!(counts.keys().copied().eq(0..KEYS), "{counts:?}");
    let after = finish_counting(&start, &["--fromSavepoint", &savepoint], "counts");

    // Under another name the operator does not find its counts. Flink starts such a job only with the word for it, and
    // then it counts from the beginning, while the source still goes on where it was.
    is_refused(&start, &savepoint);
    let words = ["--fromSavepoint", &savepoint, "--allowNonRestoredState"];
    let renamed = finish_counting(&start, &words, "other-counts");
    assert_eq!(renamed.len(), after.len(), "the source started elsewhere");
    for key in 0..KEYS {
        let lines = renamed.iter().filter(|line| line.key == key);
        let counts: Vec<u64> = lines.map(|line| line.count).collect();
        assert!(
            counts.iter().copied().eq(1..=counts.len() as u64),
            "key {key}: {counts:?}"
        );
    }
    Halves { before, after }
}

/// Starts the job, stops it after a few numbers, and tells where its savepoint is and what it had counted.
fn stop_while_counting(start: &Start<'_>) -> (String, Vec<Counted>) {
    let cluster = count(start, &[], &["--pause", SLOWLY]);
    let job = cluster.rest.running_job();
    cluster.task_manager.stdout_when(PATIENCE, |text| {
        let counts = last_counts(&counted(text));
        (0..KEYS).all(|key| counts.get(&key).is_some_and(|&count| count >= 3))
    });
    let savepoint = cluster.rest.stop(&job, &format!("file://{SHARED}"));
    cluster.finish("after it was stopped");
    (savepoint, all_counted(&cluster))
}

/// Starts the job as fast as it can be, to its end.
fn finish_counting(start: &Start<'_>, options: &[&str], state: &str) -> Vec<Counted> {
    let cluster = count(start, options, &["--state", state]);
    cluster.finish("from the savepoint");
    all_counted(&cluster)
}

/// Starts the job under another name of its state, without the word that allows it.
fn is_refused(start: &Start<'_>, savepoint: &str) {
    let cluster = count(
        start,
        &["--fromSavepoint", savepoint],
        &["--state", "other-counts"],
    );
    let exit_code = cluster.job_manager.exit_code(PATIENCE);
    let log = cluster.job_manager.stdout();
    assert!(
        exit_code.is_some_and(|code| code != 0),
        "{exit_code:?}\n{}",
        cluster.logs()
    );
    assert!(log.contains("allowNonRestoredState"), "{}", cluster.logs());
}

fn count<'podman>(
    start: &Start<'podman>,
    options: &[&str],
    arguments: &[&str],
) -> Cluster<'podman> {
    let until = UNTIL.to_string();
    let class = ["--job-classname", "com.example.Counting"];
    let until = ["--until", &*until];
    Cluster::start(
        start,
        &[&class, options].concat(),
        &[&until, arguments].concat(),
    )
}

/// All that a cluster has counted whose job is over. Its task manager ends as well: then all it said is in the log.
fn all_counted(cluster: &Cluster<'_>) -> Vec<Counted> {
    cluster.task_manager.stop();
    counted(&cluster.task_manager.stdout())
}

pub(crate) fn counted(stdout: &str) -> Vec<Counted> {
    stdout.lines().filter_map(read).collect()
}

/// Reads `2> counting key=3 count=17 number=67`.
fn read(line: &str) -> Option<Counted> {
    let (_, line) = line.split_once("counting key=")?;
    let (key, line) = line.split_once(" count=")?;
    let (count, number) = line.split_once(" number=")?;
    Some(Counted {
        key: key.parse().ok()?,
        count: count.parse().ok()?,
        number: number.parse().ok()?,
    })
}

impl Counted {
    /// The count of a number when all before it were counted once, in order.
    pub(crate) fn is_in_order(&self) -> bool {
        self.count == self.number.div_ceil(KEYS)
    }
}

/// The count of each key, at last.
pub(crate) fn last_counts(lines: &[Counted]) -> BTreeMap<u64, u64> {
    lines.iter().map(|line| (line.key, line.count)).collect()
}
