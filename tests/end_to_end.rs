//! Does it really run? Images are built from a real Flink, pushed to a real registry, pulled by podman and run: a job
//! manager and a task manager.
//!
//! Here: each line, once as the image says, once with a read-only root, once as a user nobody heard of; and a base whose
//! bash comes in a package. Such a run has succeeded if the job manager ends with 0 and the task manager printed exactly
//! the sums that the job must come to.
//!
//! In the modules: a job that is stopped with a savepoint and goes on, also of the last line that had a job image of its
//! own; what is put into an image on request; a job in Python; and what is rendered for Kubernetes. Needs what `make parts` gathers.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

#[path = "end_to_end/cluster.rs"]
mod cluster;
#[path = "end_to_end/content.rs"]
mod content;
#[path = "end_to_end/historic.rs"]
mod historic;
#[path = "end_to_end/image.rs"]
mod image;
#[path = "end_to_end/kube/mod.rs"]
mod kube;
#[path = "end_to_end/package.rs"]
mod package;
#[path = "end_to_end/python.rs"]
mod python;
#[path = "end_to_end/rest.rs"]
mod rest;
#[path = "end_to_end/savepoint.rs"]
mod savepoint;

use std::ffi::OsString;
use std::time::Duration;

use cluster::{Cluster, Start};
use image::{Built, Yard, of_archive};
use support::parts::{FlinkParts, jre_base};
use support::podman::Podman;

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
fn an_image_of_flink_2_0_runs_its_job() {
    let yard = Yard::new();
    let image = yard.build(&jre_base(), &words_for("2.0.2"));
    run_job(yard.podman(), &image, &MODES[0]);
}

#[test]
fn an_image_of_flink_2_3_runs_its_job_in_every_mode() {
    runs_its_job_in_every_mode("2.3.0");
}

/// A package brings bash, without which Flink's scripts do not start.
#[test]
fn an_image_whose_bash_comes_in_a_package_runs_its_job() {
    let yard = Yard::new();
    package::take_bash_out(&jre_base(), yard.folder());
    let base = yard.folder().join("base.tar");
    let mut words = words_for("1.20.5");

    let refused = yard.try_build(&base, &words);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("has no `bash`"), "{stderr}");

    words.extend(["--package", "bash", "--package-repository"].map(OsString::from));
    words.push(yard.folder().join("packages").into());
    let image = yard.build(&base, &words);
    run_job(yard.podman(), &image, &MODES[0]);
}

fn runs_its_job_in_every_mode(version: &str) {
    let yard = Yard::new();
    let image = yard.build(&jre_base(), &words_for(version));
    for mode in MODES {
        run_job(yard.podman(), &image, mode);
    }
}

/// What an image of a version with the job that adds up is built from.
fn words_for(version: &str) -> Vec<OsString> {
    let parts = FlinkParts::of(version);
    of_archive(&parts.bounded_sum, &parts.archive)
}

fn run_job(podman: &Podman, image: &Built, mode: &Mode) {
    let start = Start {
        options: mode.options,
        ..Start::of(podman, image)
    };
    let class = ["--job-classname", "com.example.BoundedSum"];
    let (count, keys) = (COUNT.to_string(), KEYS.to_string());
    let cluster = Cluster::start(&start, &class, &["--count", &count, "--keys", &keys]);
    cluster.finish(mode.name);

    let expected = expected_sums();
    let stdout = cluster
        .task_manager
        .stdout_when(Duration::from_secs(20), |text| {
            sums_in(text).len() >= expected.len()
        });
    assert_eq!(
        sums_in(&stdout),
        expected,
        "The sums are wrong {}\n{}",
        mode.name,
        cluster.logs()
    );

    // The task manager outlives the job, so it can still be asked who it is.
    assert_eq!(
        cluster.task_manager.user_ids(),
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
