//! Does it really run? Images are built from a real Flink, pushed to a real registry, pulled by podman and run: a job
//! manager and a task manager, once as the image says, once with a read-only root, once as a user nobody heard of.
//!
//! A base whose bash comes in a package runs its job as well, once as the image says.
//!
//! A run has succeeded if the job manager ends with 0 and the task manager printed exactly the sums that the job must
//! come to. Needs what `make parts` gathers.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

#[path = "end_to_end/package.rs"]
mod package;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use support::docker_registry::{DockerRegistry, Kind};
use support::parts::{FlinkParts, jre_base};
use support::podman::{Container, Podman, free_ports};

/// A run takes 10 to 30 seconds on two cores; a machine that is busy with other things gets ten times as long.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many numbers the job adds up, and into how many sums.
const COUNT: u64 = 1000;
const KEYS: u64 = 8;

/// One way to run an image.
struct Mode {
    name: &'static str,
    options: &'static [&'static str],
    user: u32,
}

const MODES: &[Mode] = &[
    Mode {
        name: "as the image says",
        options: &[],
        user: 9999,
    },
    Mode {
        name: "with a read-only root",
        // podman would otherwise put writable file systems over /run and /var/tmp as well, which Kubernetes does not.
        options: &["--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp"],
        user: 9999,
    },
    Mode {
        name: "as any user of group 0",
        options: &["--user", "12345:0"],
        user: 12345,
    },
];

#[test]
fn an_image_of_flink_1_20_runs_its_job_in_every_mode() {
    runs_its_job_in_every_mode("1.20.5");
}

#[test]
fn an_image_of_flink_2_3_runs_its_job_in_every_mode() {
    runs_its_job_in_every_mode("2.3.0");
}

/// A package brings bash, without which Flink's scripts do not start.
#[test]
fn an_image_whose_bash_comes_in_a_package_runs_its_job() {
    let _turn = take_turn();
    let registry = DockerRegistry::start(&Kind::Plain);
    let folder = temporary();
    package::take_bash_out(&jre_base(), folder.path());
    let base = folder.path().join("base.tar");
    let build = |words: &[&str]| build(&registry, "1.20.5", (&base, folder.path()), words);

    let refused = build(&[]);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("has no `bash`"), "{stderr}");

    let packages = folder.path().join("packages");
    let packages = packages.to_str().expect("the path is text");
    let output = build(&["--package", "bash", "--package-repository", packages]);
    let image = pushed(&registry, &output);
    let podman = Podman::new();
    podman.pull(&image);
    run_job(&podman, &image, &MODES[0]);
}

fn runs_its_job_in_every_mode(version: &str) {
    let _turn = take_turn();
    let registry = DockerRegistry::start(&Kind::Plain);
    let cache = temporary();
    let output = build(&registry, version, (&jre_base(), cache.path()), &[]);
    let image = pushed(&registry, &output);
    let podman = Podman::new();
    podman.pull(&image);
    for mode in MODES {
        run_job(&podman, &image, mode);
    }
}

/// Two Java processes are enough for a small machine, so the tests of this file take turns.
fn take_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder for what is large.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes files")
}

/// What images are called.
fn name(registry: &DockerRegistry) -> String {
    format!("{}/end-to-end/bounded-sum", registry.address())
}

/// Builds an image on a root file system, with a cache below `folder`, and pushes it.
fn build(
    registry: &DockerRegistry,
    version: &str,
    (base, folder): (&Path, &Path),
    words: &[&str],
) -> Output {
    let parts = FlinkParts::of(version);
    Command::new("timeout")
        .args(["--kill-after=10", "600", env!("CARGO_BIN_EXE_flink-img")])
        .arg("build")
        .arg("--job-jar")
        .arg(&parts.bounded_sum)
        .arg("--from-archive")
        .arg(&parts.archive)
        .arg("--base")
        .arg(format!("rootfs:{}", base.display()))
        .args(["--push", "-t", &format!("{}:{version}", name(registry))])
        .args(words)
        .env("FLINK_IMG_CACHE_DIR", folder.join("cache"))
        .output()
        .expect("timeout is part of every Debian")
}

/// The name by digest of an image that was built and pushed.
fn pushed(registry: &DockerRegistry, output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "flink-img ended with {}:\n{stderr}",
        output.status
    );

    let stdout = std::str::from_utf8(&output.stdout).expect("the name of an image is ASCII");
    let reference = stdout.trim_end();
    let digest = reference.strip_prefix(&format!("{}@sha256:", name(registry)));
    assert!(
        digest.is_some_and(|digits| digits.len() == 64),
        "Standard output is not the image by its digest: {stdout:?}\n{stderr}"
    );
    reference.to_owned()
}

fn run_job(podman: &Podman, image: &str, mode: &Mode) {
    // The host's network is shared by all that runs on this machine: every port is one that was free.
    let [rpc, rest, blobs] = free_ports();
    let rpc = format!("-Djobmanager.rpc.port={rpc}");
    let rest = format!("-Drest.port={rest}");
    let blobs = format!("-Dblob.server.port={blobs}");
    let count = COUNT.to_string();
    let keys = KEYS.to_string();

    let job_manager = podman.start(
        image,
        mode.options,
        &[
            "job-cluster",
            "--job-classname",
            "com.example.BoundedSum",
            "-Djobmanager.rpc.address=127.0.0.1",
            &rpc,
            &rest,
            &blobs,
            "-Djobmanager.memory.process.size=900m",
            "-Dparallelism.default=2",
            "--count",
            &count,
            "--keys",
            &keys,
        ],
    );
    let task_manager = podman.start(
        image,
        mode.options,
        &[
            "task-manager",
            "-Djobmanager.rpc.address=127.0.0.1",
            &rpc,
            "-Dtaskmanager.host=127.0.0.1",
            "-Dtaskmanager.numberOfTaskSlots=2",
            "-Dtaskmanager.memory.process.size=1000m",
        ],
    );

    let exit_code = job_manager.exit_code(PATIENCE);
    assert_eq!(
        exit_code,
        Some(0),
        "The job manager did not end well {}\n{}",
        mode.name,
        logs(&job_manager, &task_manager)
    );

    let expected = expected_sums();
    let stdout = task_manager.stdout_when(Duration::from_secs(20), |text| {
        sums_in(text).len() >= expected.len()
    });
    assert_eq!(
        sums_in(&stdout),
        expected,
        "The sums are wrong {}\n{}",
        mode.name,
        logs(&job_manager, &task_manager)
    );

    // The task manager outlives the job, so it can still be asked who it is.
    assert_eq!(
        task_manager.user_ids(),
        [mode.user; 4],
        "The user is wrong {}",
        mode.name
    );
}

/// The lines of the job, without the number of the subtask that Flink puts before each, in order.
fn sums_in(stdout: &str) -> Vec<String> {
    let mut sums: Vec<String> = stdout
        .lines()
        .filter_map(|line| {
            line.find("bounded-sum key=")
                .map(|start| line[start..].to_owned())
        })
        .collect();
    sums.sort();
    sums
}

/// What the job must come to, in order.
fn expected_sums() -> Vec<String> {
    let mut sums: Vec<String> = (0..KEYS)
        .map(|key| {
            let numbers: Vec<u64> = (1..=COUNT).filter(|number| number % KEYS == key).collect();
            let sum: u64 = numbers.iter().sum();
            format!("bounded-sum key={key} count={} sum={sum}", numbers.len())
        })
        .collect();
    sums.sort();
    sums
}

fn logs(job_manager: &Container<'_>, task_manager: &Container<'_>) -> String {
    format!(
        "--- job manager\n{}\n--- task manager\n{}",
        job_manager.last_words(),
        task_manager.last_words()
    )
}
