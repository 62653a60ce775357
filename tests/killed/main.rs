//! Builds that do not end well: killed at some moment, failed at the registry, or two at once on one cache. What they
//! leave must be nothing, or whole, and the next build must not notice.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

#[path = "../support/mod.rs"]
mod support;

mod downloads;
mod moments;
mod signals;
mod together;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flink_img::oci::Digest;
use support::outputs::with_all_outputs;
use support::registry::{Fault, Registry};
use support::workshop::{TAG, Workshop, succeed};

/// A build with every kind of output, below `out`.
fn build(workshop: &Workshop, registry: &Registry) -> Command {
    let mut build = with_all_outputs(workshop.build(), Path::new("out"), registry);
    build.stdout(Stdio::null()).stderr(Stdio::null());
    build
}

/// Every blob of the store must be what its name says. What a kill left that was only about to get its name is no blob.
fn assert_store_is_right(cache: &Path) {
    for entry in std::fs::read_dir(cache.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(flink_img::fs::PREFIX) {
            continue;
        }
        let digest = Digest::of(&std::fs::read(&path).unwrap());
        assert!(path.ends_with(digest.hex()), "{}", path.display());
    }
}

#[test]
fn a_registry_that_takes_no_blobs_leaves_no_output() {
    let workshop = Workshop::new();
    let registry = Registry::start();
    registry.on_request(|request| (request.method == "PUT").then(|| Fault::status(500)));
    let start = Instant::now();
    let out = workshop.path("out");
    std::fs::create_dir(&out).unwrap();
    let output = build(&workshop, &registry)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert_eq!(output.stdout, b"");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    assert_eq!(registry.manifest("acme/job", TAG), None);
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_store_is_right(&workshop.path("cache"));

    // What was made is not made again.
    registry.on_request(|_| None);
    let output = succeed(
        workshop
            .build()
            .arg("--push")
            .args(["-t", &format!("{}/acme/job:{TAG}", registry.address())]),
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains(": made"), "{stderr}");
}
