//! Builds that do not end well: killed at some moment, failed at the registry, or two at once on one cache. What they
//! leave must be nothing, or whole, and the next build must not notice.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flink_img::oci::Digest;
use rustix::process::{Pid, Signal, kill_process};
use support::registry::{Fault, Registry};
use support::workshop::{Files, Random, TAG, Workshop, built, succeed};

/// How often each signal is sent.
const ROUNDS: [(Signal, usize); 3] = [(Signal::KILL, 20), (Signal::TERM, 5), (Signal::INT, 5)];

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
fn a_killed_build_leaves_nothing_that_looks_finished() {
    let workshop = Workshop::new();
    let out = workshop.path("out");
    let cache = workshop.path("cache");
    let registry = Registry::start();
    std::fs::create_dir(&out).unwrap();
    let start = Instant::now();
    succeed(&mut build(&workshop, &registry));
    let whole = start.elapsed();
    let digest = Files::in_folder(&out.join("layout")).digest();
    assert_eq!(whole_outputs(&out, &digest).len(), 4);

    let mut random = Random::new(20);
    let mut killed = 0;
    for (signal, rounds) in ROUNDS {
        for round in 0..rounds {
            let registry = Registry::start();
            std::fs::remove_dir_all(&out).unwrap();
            std::fs::create_dir(&out).unwrap();
            // Every second time the cache goes on from what the kill before left.
            if round % 2 == 0 {
                std::fs::remove_dir_all(&cache).unwrap();
            }
            let mut child = build(&workshop, &registry).spawn().unwrap();
            let thousandths = u32::try_from(random.next() % 1000).unwrap();
            std::thread::sleep(whole * thousandths / 1000);
            let _ = kill_process(Pid::from_child(&child), signal);
            let status = child.wait().unwrap();
            killed += usize::from(!status.success());
            let left = whole_outputs(&out, &digest);
            if status.success() {
                assert_eq!(left.len(), 4);
            }
            if let Some((_, manifest)) = registry.manifest("acme/job", TAG) {
                assert_eq!(Digest::of(&manifest).to_string(), digest);
            }

            // The store opens, and the next build is the right one, whatever it finds.
            succeed(workshop.program().arg("images"));
            if round % 4 == 1 {
                succeed(&mut build(&workshop, &registry));
                assert_eq!(whole_outputs(&out, &digest).len(), 4);
                assert_store_is_right(&cache);
            }
        }
    }
    // What the kills left in the cache goes with a prune.
    succeed(workshop.program().args(["cache", "prune"]));
    assert_store_is_right(&cache);
    assert_eq!(std::fs::read_dir(cache.join("tmp")).unwrap().count(), 0);
    assert!(
        killed >= 10,
        "Only {killed} of the builds were killed in time"
    );
}

#[test]
fn a_killed_build_leaves_the_image_that_was_there_before() {
    let workshop = Workshop::new();
    let out = workshop.path("out");
    let registry = Registry::start();
    std::fs::create_dir(&out).unwrap();
    let start = Instant::now();
    let mut first = build(&workshop, &registry);
    succeed(first.env("SOURCE_DATE_EPOCH", "1000000000"));
    let whole = start.elapsed();
    let archive = out.join("docker.tar");
    let layout = out.join("layout");
    let old = Files::in_folder(&layout).digest();

    let mut random = Random::new(21);
    for _ in 0..6 {
        let mut child = build(&workshop, &registry).spawn().unwrap();
        let thousandths = u32::try_from(random.next() % 1000).unwrap();
        std::thread::sleep(whole * thousandths / 1000);
        let _ = kill_process(Pid::from_child(&child), Signal::KILL);
        child.wait().unwrap();
        // Whole, and one of the two; a layout has the old image's blobs besides.
        let (manifest, _) = Files::in_folder(&layout).image();
        for layer in manifest["layers"].as_array().unwrap() {
            Files::in_folder(&layout).blob(layer);
        }
        Files::in_archive(&archive).image();
    }
    succeed(&mut build(&workshop, &registry));
    let new = Files::in_folder(&layout).digest();
    assert_ne!(new, old);
    assert_eq!(Files::in_archive(&archive).digest(), new);
}

#[test]
fn two_builds_at_once_in_one_cache_are_both_right() {
    let workshop = Workshop::new();
    let registry = Registry::start();
    let alone = built(workshop.build().args(["-o", "oci-archive:alone.tar"]));
    for round in 0..5 {
        std::fs::remove_dir_all(workshop.path("cache")).unwrap();
        let children: Vec<_> = (0..2)
            .map(|number| {
                let mut build = workshop.build();
                build
                    .args(["--push", "-t"])
                    .arg(format!("{}/acme/job-{number}:{round}", registry.address()))
                    .args(["-o", &format!("oci-archive:{number}-{round}.tar")])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for (number, child) in children.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let stdout = String::from_utf8(output.stdout).unwrap();
            let digest = alone["digest"].as_str().unwrap();
            assert!(stdout.trim_end().ends_with(digest), "{stdout} {digest}");
            let archive = workshop.path(&format!("{number}-{round}.tar"));
            assert_eq!(Files::in_archive(&archive).digest(), digest);
        }
        assert_store_is_right(&workshop.path("cache"));
    }
}

#[test]
fn builds_that_write_into_one_layout_at_once_all_keep_their_names() {
    let workshop = Workshop::new();
    for round in 0..4 {
        let layout = workshop.path(&format!("layout-{}", round / 2));
        // The first round makes the layout, the second adds to it.
        let children: Vec<_> = (0..4)
            .map(|number| {
                let mut build = workshop.build();
                build
                    // So that each image has a config and a manifest of its own.
                    .env("SOURCE_DATE_EPOCH", format!("{round}{number}"))
                    .args(["--quiet", "-t", &format!("acme/job:{round}-{number}")])
                    .args(["-o", &format!("oci:{}", layout.display())])
                    .stdout(Stdio::null())
                    .stderr(Stdio::inherit());
                build.spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let files = Files::in_folder(&layout);
        let index = files.json("index.json");
        let images = index["manifests"].as_array().unwrap();
        assert_eq!(images.len(), 4 + 4 * (round % 2), "{index}");
        for image in images {
            let manifest = files.blob(image);
            let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
            let layers = manifest["layers"].as_array().unwrap();
            for descriptor in layers.iter().chain([&manifest["config"]]) {
                files.blob(descriptor);
            }
        }
    }
}

#[test]
fn two_builds_that_are_kept_at_once_are_both_kept() {
    let workshop = Workshop::new();
    let children: Vec<_> = (0..4)
        .map(|number| {
            let mut build = workshop.build();
            build
                .args(["-t", &format!("acme/job:{number}")])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            build.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let output = succeed(workshop.program().arg("images"));
    let images = String::from_utf8(output.stdout).unwrap();
    assert_eq!(images.lines().count(), 4, "{images}");
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
