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

mod moments;
mod signals;
mod together;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flink_img::oci::Digest;
use support::registry::{Fault, Registry};
use support::workshop::{Files, TAG, Workshop, succeed};

/// A build with every kind of output, below `out`.
fn build(workshop: &Workshop, registry: &Registry) -> Command {
    let mut build = workshop.build();
    build
        .args(["-o", "oci:out/layout"])
        .args(["-o", "oci-archive:out/oci.tar"])
        .args(["-o", "docker-archive:out/docker.tar"])
        .args(["--metadata-file", "out/metadata.json", "--push", "-t"])
        .arg(format!("{}/acme/job:{TAG}", registry.address()))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    build
}

/// What has a name below `out`; each of it must be whole, and the image `digest`.
fn whole_outputs(out: &Path, digest: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // What was under way when the kill came; it looks like what it is, and like nothing else.
        .filter(|name| !name.starts_with(".flink-img-"))
        .collect();
    names.sort();
    for name in &names {
        let path = out.join(name);
        let found = match name.as_str() {
            "layout" => Files::in_folder(&path).digest(),
            "oci.tar" | "docker.tar" => Files::in_archive(&path).digest(),
            "metadata.json" => {
                let bytes = std::fs::read(&path).unwrap();
                let metadata: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                metadata["digest"].as_str().unwrap().to_owned()
            }
            other => panic!("a build left `{other}`"),
        };
        assert_eq!(found, digest, "{name}");
    }
    names
}

/// Every blob of the store must be what its name says.
fn assert_store_is_right(cache: &Path) {
    for entry in std::fs::read_dir(cache.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
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
