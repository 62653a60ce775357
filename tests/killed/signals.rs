//! Builds that are asked to end, as from the keyboard or by a CI system, and what they had begun to replace.

use std::time::Instant;

use flink_img::oci::Digest;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::outputs::whole_outputs;
use crate::support::registry::Registry;
use crate::support::workshop::{Files, Random, TAG, Workshop, succeed};
use crate::{assert_store_is_right, build};

/// How often each signal is sent; that of all kills is in `moments`.
const ROUNDS: [(Signal, usize); 2] = [(Signal::TERM, 10), (Signal::INT, 10)];

#[test]
fn a_build_that_is_told_to_end_leaves_nothing_that_looks_finished() {
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
        killed >= 8,
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
