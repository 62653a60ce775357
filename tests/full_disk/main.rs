//! Builds on a disk that is full at some moment: a small file system in memory, of many sizes. Each ends with one sentence
//! and a way out, leaves nothing half, and ends well once there is room.
//!
//! The whole program runs in a mount namespace of its own, so that nobody sees what it mounts. Where neither root nor a
//! user namespace may mount, all of it is told as ignored.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod outcome;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use disk::{Disk, where_one_may_mount};
use flink_img::oci::Digest;
use libtest_mimic::{Arguments, Trial};
use outcome::{Outcome, outcome, try_sizes};
use support::context::names;
use support::downloads::{Downloads, RELEASE};
use support::outputs::{OUTPUTS, REPOSITORY, whole_outputs, with_all_outputs};
use support::registry::Registry;
use support::workshop::{Files, TAG, Workshop, built, settle, succeed};

/// Set for the program once it is where it may mount.
const INSIDE: &str = "FLINK_IMG_TEST_MAY_MOUNT";
/// Enough for everything.
const ROOM: u64 = 64 << 20;
/// What a file takes up at least, and the unit of sizes.
const PAGE: u64 = 4096;

const TESTS: [(&str, fn()); 5] = [
    (
        "a_cache_without_room_refuses_a_build_and_stays_sound",
        a_cache_without_room_refuses_a_build_and_stays_sound,
    ),
    (
        "downloads_without_room_are_whole_or_not_there",
        downloads_without_room_are_whole_or_not_there,
    ),
    (
        "outputs_without_room_are_whole_or_not_there",
        outputs_without_room_are_whole_or_not_there,
    ),
    (
        "a_disk_without_inodes_is_full_as_well",
        a_disk_without_inodes_is_full_as_well,
    ),
    (
        "facts_without_room_cost_time_and_not_the_build",
        facts_without_room_cost_time_and_not_the_build,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let inside = std::env::var_os(INSIDE).is_some();
    let way = if inside { None } else { where_one_may_mount() };
    let is_ignored = !inside && way.is_none();
    if is_ignored {
        eprintln!(
            "IGNORED: neither root nor a user namespace may mount here, so no disk can be filled"
        );
    }
    if let Some(mut command) = way
        && !arguments.list
    {
        let error = command
            .arg(std::env::current_exe().unwrap())
            .args(std::env::args_os().skip(1))
            .env(INSIDE, "yes")
            .exec();
        panic!("unshare: {error}");
    }
    let trials = TESTS.map(|(name, test)| {
        let test = move || {
            test();
            Ok(())
        };
        Trial::test(name, test).with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

/// A build of the image with the digest.
struct Scene {
    workshop: Workshop,
    digest: String,
}

impl Scene {
    fn new() -> Self {
        let workshop = Workshop::new();
        // What is younger is read again, and noted then.
        settle(workshop.folder());
        let digest = built(&mut workshop.build())["digest"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { workshop, digest }
    }

    /// The build, with this cache.
    fn build(&self, cache: &Path) -> Command {
        let mut build = self.workshop.build();
        build.env("FLINK_IMG_CACHE_DIR", cache);
        build
    }

    /// The same, into a registry and every kind of output.
    fn publish(&self, cache: &Path, out: &Path, registry: &Registry) -> Command {
        with_all_outputs(self.build(cache), out, registry)
    }

    /// Nothing is wrong with a cache, nor unfinished in it.
    fn verify(&self, cache: &Path) {
        let mut command = self.workshop.program();
        command.env("FLINK_IMG_CACHE_DIR", cache);
        let output = succeed(command.args(["cache", "verify", "--json"]));
        let verified: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(verified["findings"], serde_json::json!([]));
    }

    /// Builds with all on one disk of this limit, then makes room and builds again.
    fn all_on(&self, limit: &str, room: &str) -> Outcome {
        let disk = Disk::new(limit);
        let (cache, out) = (disk.path("cache"), disk.path("out"));
        // Where not even the folder fits, there is nothing to be tried.
        if std::fs::create_dir(&out).is_err() {
            return Outcome::Refused("no folder".to_owned());
        }
        let registry = Registry::start();
        let outcome = outcome(&mut self.publish(&cache, &out, &registry));
        self.examine(&outcome, &disk, &registry);
        disk.resize(room);
        self.verify(&cache);
        succeed(&mut self.publish(&cache, &out, &registry));
        self.examine(&Outcome::Built, &disk, &registry);
        self.verify(&cache);
        outcome
    }

    /// What is on the disk and in the registry after a build that came to `outcome`.
    fn examine(&self, outcome: &Outcome, disk: &Disk, registry: &Registry) {
        let there = whole_outputs(&disk.path("out"), &self.digest).len();
        assert_eq!(disk.unfinished(), Vec::<PathBuf>::new(), "{outcome:?}");
        let tag = registry.manifest(REPOSITORY, TAG);
        let tag = tag.map(|(_, manifest)| Digest::of(&manifest).to_string());
        match outcome {
            Outcome::Built => assert_eq!((there, tag.as_ref()), (OUTPUTS, Some(&self.digest))),
            // No file says that there is an image before the registry has it.
            Outcome::Refused(_) => {
                assert!(there < OUTPUTS);
                assert!(there == 0 || tag.is_some(), "{outcome:?}");
                assert!(tag.is_none_or(|tag| tag == self.digest), "{outcome:?}");
            }
        }
    }
}

fn a_cache_without_room_refuses_a_build_and_stays_sound() {
    let scene = Scene::new();
    let outcomes = try_sizes(ROOM / PAGE, |pages| {
        let disk = Disk::new(&format!("size={}", pages * PAGE));
        let cache = disk.path("cache");
        let outcome = outcome(&mut scene.build(&cache));
        assert_eq!(disk.unfinished(), Vec::<PathBuf>::new(), "{outcome:?}");
        disk.resize(&format!("size={ROOM}"));
        scene.verify(&cache);
        let image = built(&mut scene.build(&cache));
        assert_eq!(image["digest"], scene.digest);
        scene.verify(&cache);
        outcome
    });
    outcomes.assert_met(&["`tmp`", "write a layer in", "index.json"]);
}

/// A release from a mirror, on a base from a registry.
fn downloads_without_room_are_whole_or_not_there() {
    let scene = Scene::new();
    let downloads = Downloads::new(&scene.workshop, 16 << 10);
    let build = |cache: &Path| downloads.build(&scene.workshop, cache);
    let right = built(&mut build(&scene.workshop.path("cache")))["digest"].clone();
    let outcomes = try_sizes(ROOM / PAGE, |pages| {
        let disk = Disk::new(&format!("size={}", pages * PAGE));
        let cache = disk.path("cache");
        let outcome = outcome(&mut build(&cache));
        assert_eq!(disk.unfinished(), Vec::<PathBuf>::new(), "{outcome:?}");
        disk.resize(&format!("size={ROOM}"));
        scene.verify(&cache);
        assert_eq!(built(&mut build(&cache))["digest"], right);
        scene.verify(&cache);
        outcome
    });
    outcomes.assert_met(&[RELEASE, "pull `sha256:", "`tmp`"]);
}

fn outputs_without_room_are_whole_or_not_there() {
    let scene = Scene::new();
    let outcomes = try_sizes(ROOM / PAGE, |pages| {
        let disk = Disk::new(&format!("size={}", pages * PAGE));
        let out = disk.path("out");
        std::fs::create_dir(&out).unwrap();
        let cache = scene.workshop.path("cache");
        let registry = Registry::start();
        let outcome = outcome(&mut scene.publish(&cache, &out, &registry));
        scene.examine(&outcome, &disk, &registry);
        disk.resize(&format!("size={ROOM}"));
        succeed(&mut scene.publish(&cache, &out, &registry));
        scene.examine(&Outcome::Built, &disk, &registry);
        outcome
    });
    outcomes.assert_met(&["BLOB", "oci.tar", "docker.tar", "metadata.json"]);
}

fn a_disk_without_inodes_is_full_as_well() {
    let scene = Scene::new();
    let outcomes = try_sizes(256, |inodes| {
        scene.all_on(&format!("nr_inodes={inodes}"), "nr_inodes=4096")
    });
    outcomes.assert_met(&[
        "lock",
        "a file in `tmp`",
        "a temporary file in `tmp`",
        "BLOB",
        "index.json",
        "oci-layout",
        "docker.tar",
    ]);
}

fn facts_without_room_cost_time_and_not_the_build() {
    let scene = Scene::new();
    let disk = Disk::new(&format!("size={ROOM}"));
    let cache = disk.path("cache");
    built(&mut scene.build(&cache));
    let mut slower = Vec::new();
    for kind in names(&cache.join("facts")) {
        let folder = cache.join("facts").join(&kind);
        let right = names(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        disk.fill();
        let mut build = scene.build(&cache);
        let outcome = outcome(build.args(["-o", "oci-archive:image.tar"]));
        assert_eq!(disk.unfinished(), Vec::<PathBuf>::new());
        assert_eq!(names(&folder), Vec::<String>::new(), "{kind}");
        if outcome == Outcome::Built {
            let image = Files::in_archive(&scene.workshop.path("image.tar"));
            assert_eq!(image.digest(), scene.digest, "{kind}");
            slower.push(kind);
        }
        std::fs::remove_file(disk.path("ballast")).unwrap();
        scene.verify(&cache);
        // They are learnt again once there is room.
        built(&mut scene.build(&cache));
        assert_eq!(names(&folder), right);
    }
    // The others tell of what has to be made or unpacked again, for which there is no room either.
    assert_eq!(
        slower,
        ["artifact", "base", "checks", "jar", "rootfs-archive"]
    );
}
