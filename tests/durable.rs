//! What a power cut may take: the order in which a build asks the kernel to bring things to the disk, as strace sees it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::workshop::{Workshop, settle, succeed, tool};

/// What decides what is on the disk, and under which name.
const CALLS: &str = "trace=fsync,fdatasync,rename,renameat,renameat2";

/// Runs a build with more words under strace; what it asked the kernel for, in order.
fn calls(workshop: &Workshop, words: &[&str]) -> Vec<String> {
    let build = workshop.build();
    let log = workshop.path("calls");
    let mut command = tool("strace", "strace");
    command.args(["-f", "-y", "-qq", "-e", CALLS, "-s", "4096", "-o"]);
    command.arg(&log).arg(build.get_program());
    command.args(build.get_args()).args(words);
    // What it is told by the environment; the rest is not there.
    command.env_clear().env("PATH", "/usr/bin:/bin");
    for (name, value) in build.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    succeed(command.current_dir(workshop.folder()));
    whole(&std::fs::read_to_string(&log).unwrap())
}

/// The calls of a log, each on one line where it ended: one that another thread came into is on two.
fn whole(log: &str) -> Vec<String> {
    let mut begun = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let thread = line.split(' ').next().unwrap();
        if let Some((begin, _)) = line.split_once(" <unfinished ...>") {
            begun.insert(thread, begin);
        } else if let Some((_, end)) = line.split_once(" resumed>") {
            let begin = begun.remove(thread).expect("what is resumed was begun");
            calls.push(format!("{begin}{end}"));
        } else {
            calls.push(line.to_owned());
        }
    }
    calls
}

#[test]
fn a_call_that_another_came_into_is_one_call() {
    let log = "1 fsync(3</a> <unfinished ...>\n2 rename(\"b\", \"c\") = 0\n1 <... fsync resumed>)     = 0\n";
    let calls = ["2 rename(\"b\", \"c\") = 0", "1 fsync(3</a>)     = 0"];
    assert_eq!(whole(log), calls);
}

fn is_sync_of(call: &str, path: &Path) -> bool {
    call.contains("sync(") && call.contains(&format!("<{}>)", path.display()))
}

/// Whether a file gets a name that begins so.
fn is_naming(call: &str, path: &str) -> bool {
    let target = call.rsplit('"').nth(1).unwrap_or_default();
    call.contains("rename") && target.starts_with(path)
}

/// Asserts that all blobs in a layout came to the disk, with their names, before the index that names them did.
fn assert_blobs_come_first(calls: &[String], layout: &Path) {
    let blobs = layout.join("blobs/sha256");
    let index = layout.join("index.json").display().to_string();
    let blob = format!("{}/", blobs.display());
    let named = calls.iter().rposition(|call| is_naming(call, &blob));
    let synced = calls.iter().rposition(|call| is_sync_of(call, &blobs));
    let indexed = calls.iter().rposition(|call| is_naming(call, &index));
    let order = [named, synced, indexed].map(|place| place.expect("it happened"));
    assert!(order.is_sorted(), "{order:?} in {calls:#?}");
}

/// Each file that gets a name is synced before: there are no more names than syncs of files at any time.
fn assert_files_are_synced_before_they_are_named(calls: &[String]) {
    let mut synced = 0;
    for call in calls {
        if call.contains("sync(") && call.contains("/#") {
            synced += 1;
        }
        if call.contains("rename") {
            synced -= 1;
        }
        assert!(synced >= 0, "{call} in {calls:#?}");
    }
}

#[test]
fn an_image_that_is_kept_is_on_the_disk_and_one_that_was_is_not_written_again() {
    let workshop = Workshop::new();
    settle(workshop.folder());
    let first = calls(&workshop, &[]);
    let store = workshop.path("cache");
    assert_blobs_come_first(&first, &store);
    assert_files_are_synced_before_they_are_named(&first);
    assert!(is_sync_of(first.last().unwrap(), &store), "{first:#?}");
    // Some facts are learnt when their files are old enough; then there is nothing left to be written.
    calls(&workshop, &[]);
    assert_eq!(calls(&workshop, &[]), Vec::<String>::new());
}

#[test]
fn a_layout_that_others_read_has_its_blobs_before_its_index() {
    let workshop = Workshop::new();
    let layout = workshop.path("layout");
    let output = format!("oci:{}", layout.display());
    calls(&workshop, &["-o", &output]);
    let added = calls(
        &workshop,
        &[
            "-t",
            "acme/other:2",
            "-o",
            &output,
            "--java-version",
            "17.0.1",
        ],
    );
    assert_blobs_come_first(&added, &layout);
    assert_files_are_synced_before_they_are_named(&added);
}
