//! Lines that break, and a registry that is killed, in the middle of what goes over them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::pushes::{push, pushed, put_base};
use crate::support::cutting_proxy::{CuttingProxy, Way};
use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::workshop::{Files, Workshop, built};

const KIB: u64 = 1024;

/// Cuts a line when so many bytes went one way, each time once.
fn cuts(way: Way, places: &[u64]) -> impl Fn(Way, u64) -> bool + Send + Sync + 'static {
    let left = Mutex::new(places.to_vec());
    move |found, sum| {
        let mut left = left.lock().unwrap();
        let due = found == way && left.first().is_some_and(|place| sum >= *place);
        if due {
            left.remove(0);
        }
        due
    }
}

#[test]
fn a_push_over_a_line_that_breaks_arrives() {
    // In the first request, in the large layer, and in it again and again.
    for places in [
        &[1][..],
        &[1500 * KIB],
        &[700 * KIB, 1400 * KIB, 2100 * KIB],
    ] {
        for way in [Way::Up, Way::Down] {
            let workshop = Workshop::new();
            let registry = DockerRegistry::start(&Kind::Plain);
            // Answers are short.
            let scaled: Vec<_> = match way {
                Way::Up => places.to_vec(),
                Way::Down => places.iter().map(|place| place / KIB).collect(),
            };
            let line = CuttingProxy::start(registry.address(), cuts(way, &scaled));
            pushed(&mut push(&workshop, &line.address()), &registry);
        }
    }
}

#[test]
fn a_pull_over_a_line_that_breaks_arrives() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    let digest = put_base(&registry, None);
    let places = [1, 700 * KIB, 1400 * KIB, 2000 * KIB];
    let line = CuttingProxy::start(registry.address(), cuts(Way::Down, &places));
    let mut build = workshop.build_on(&format!("{}/acme/base:1", line.address()));
    let metadata = built(build.args(["-o", "oci:out"]));
    assert_eq!(metadata["base"]["digest"], digest);
    // Reading them checks that every blob is what it is called.
    assert_eq!(
        Files::in_folder(&workshop.path("out")).digest(),
        metadata["digest"]
    );
}

#[test]
fn a_registry_that_is_killed_in_the_middle_of_a_push_and_comes_back_has_the_image() {
    for place in [1, 1500 * KIB, 2800 * KIB] {
        // Killed while it writes down where a blob is, this registry answers 500 for that blob ever after, to everybody.
        let came_back = (0..3).any(|_| push_over_a_kill(place));
        assert!(came_back, "three registries in a row were broken");
    }
}

/// Pushes to a registry that is killed once so much was sent, and comes back. `false` if the kill broke the registry itself.
fn push_over_a_kill(place: u64) -> bool {
    let workshop = Workshop::new();
    let registry = Arc::new(Mutex::new(DockerRegistry::start(&Kind::Plain)));
    let killed = Arc::new(AtomicU64::new(0));
    let cut = cuts(Way::Up, &[place]);
    let address = registry.lock().unwrap().address();
    let line = {
        let (registry, killed) = (Arc::clone(&registry), Arc::clone(&killed));
        CuttingProxy::start(address, move |way, sum| {
            let due = cut(way, sum);
            if due {
                registry.lock().unwrap().kill_and_restart();
                killed.fetch_add(1, Ordering::SeqCst);
            }
            due
        })
    };
    let mut build = push(&workshop, &line.address());
    let output = build.output().unwrap();
    let registry = registry.lock().unwrap();
    assert_eq!(killed.load(Ordering::SeqCst), 1, "{output:?}");
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            stderr.contains("answered 500 Internal Server Error"),
            "{stderr}"
        );
        return false;
    }
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (_, digest) = stdout.trim_end().split_once('@').unwrap();
    assert_eq!(registry.digest("acme/job", "1").as_deref(), Some(digest));
    true
}
