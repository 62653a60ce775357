//! Builds that are killed while their inputs come in: a base from a registry, a release from a mirror.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Instant;

use crate::assert_store_is_right;
use crate::support::downloads::Downloads;
use crate::support::workshop::{Random, Workshop, built, succeed};

/// How often a build is killed by what the registry has sent, and how often by the clock.
const KILLS: [(bool, usize); 2] = [(true, 20), (false, 20)];
/// Much more than what a connection holds.
const BASE: usize = 24 << 20;

#[test]
fn a_download_that_is_killed_leaves_a_cache_in_which_nothing_is_wrong() {
    let workshop = Workshop::new();
    let downloads = Downloads::new(&workshop, BASE);
    let cache = workshop.path("cache");
    let begin = Instant::now();
    let digest = built(&mut downloads.build(&workshop, &cache))["digest"].clone();
    let whole = begin.elapsed();
    let mut random = Random::new(30);
    let mut killed = [0, 0];
    for (by_bytes, count) in KILLS {
        for round in 0..count {
            std::fs::remove_dir_all(&cache).unwrap();
            let mut build = downloads.build(&workshop, &cache);
            build.stdout(Stdio::null()).stderr(Stdio::null());
            let before = downloads.registry.traffic().sent;
            let mut child = build.spawn().unwrap();
            if by_bytes {
                let wanted = usize::try_from(random.next()).unwrap() % BASE;
                downloads
                    .registry
                    .meter()
                    .wait(|now| now.sent >= before + wanted);
            } else {
                let thousandths = u32::try_from(random.next() % 1000).unwrap();
                std::thread::sleep(whole * thousandths / 1000);
            }
            child.kill().unwrap();
            let was_killed = child.wait().unwrap().signal().is_some();
            killed[usize::from(by_bytes)] += usize::from(was_killed);
            succeed(workshop.program().args(["cache", "verify", "-q"]));
            assert_store_is_right(&cache);
            // Every one would take its time, and differs in nothing.
            if round % 4 == 0 {
                let image = built(&mut downloads.build(&workshop, &cache));
                assert_eq!(image["digest"], digest);
                succeed(workshop.program().args(["cache", "verify", "-q"]));
            }
        }
    }
    eprintln!(
        "by the clock and by bytes: {killed:?}, {:?}",
        begin.elapsed()
    );
    assert!(killed[0] >= 5 && killed[1] >= 18, "{killed:?}");
}
