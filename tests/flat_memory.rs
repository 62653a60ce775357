//! Peak memory does not grow with what is built: measured of the program as a process, by the kernel.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "this is a test, on real files"
)]

#[path = "support/mod.rs"]
mod support;

use std::fs::File;
use std::process::{Command, Stdio};

use support::context::{BASE, TestContext};

const MIB: u64 = 1024 * 1024;
/// What a larger input may cost: blocks of it are on their way between the threads.
const TOLERANCE: u64 = 6 * MIB;

/// Runs the program and prints the most memory that it ever had, in KiB (getrusage(2), `ru_maxrss`).
const MEASURE: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// The peak of a build with an artifact of this size, in bytes.
fn peak(size: u64, words: &[&str]) -> u64 {
    let context = TestContext::new();
    // A file without blocks: it is read as zeros, through the same code as any other.
    let artifact = File::create(context.path("large.bin")).unwrap();
    artifact.set_len(size).unwrap();
    let usual = [
        "build",
        "-q",
        "--jobs",
        "2",
        "--base",
        BASE,
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
        "--job-artifacts",
        "large.bin",
    ];
    let build = context.command(usual.iter().chain(words));
    let mut python = Command::new("python3");
    python.args(["-c", MEASURE]).arg(build.get_program());
    python.args(build.get_args()).env_clear();
    for (name, value) in build.get_envs() {
        python.env(name, value.unwrap());
    }
    let folder = build.get_current_dir().unwrap();
    let output = python
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let kib: u64 = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    kib * 1024
}

#[test]
fn a_large_artifact_costs_no_more_memory_than_a_small_one() {
    for words in [
        &["-o", "oci-archive:out.tar"][..],
        &["-o", "oci:out", "--compression", "stored"],
        &["-o", "oci:out", "--compression", "zstd"],
        // Kept in the store.
        &[],
    ] {
        let small = peak(32 * MIB, words);
        let large = peak(640 * MIB, words);
        assert!(
            large < small + TOLERANCE,
            "{words:?}: {} MiB for a large one, {} MiB for a small one",
            large / MIB,
            small / MIB
        );
    }
}
