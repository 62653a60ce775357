//! From a lock comes the same image everywhere, whatever became of tags, mirrors and repositories.

use super::{Wanted, forget, move_base, put_alpine, repository, with_package};
use crate::rebuild::{LARGE, World, mirrored, next_commit};
use crate::support::context::{BASE, TestContext};
use crate::support::files::FileServer;
use crate::support::platforms::{bases, put};
use crate::support::workshop::{Files, noise};

/// Locks, builds twice from the lock with nothing kept, and returns the digest, which is that of `digest` too; `after` happens
/// once the lock is written.
fn round_trip(world: &World, wanted: &Wanted<'_>, after: impl FnOnce()) -> String {
    let context = wanted.context;
    wanted.lock().ok();
    after();
    forget(context);
    world.registry.clear_requests();
    let asked = world.mirror.asked().len();
    let told = wanted.digest().ok().stdout.trim().to_owned();
    assert_eq!(world.registry.lines(), [""; 0]);
    assert_eq!(world.mirror.asked().len(), asked);
    let built = wanted.build(&["-o", "oci:a", "--json"]).json();
    forget(context);
    let name = world.name("acme/job:1");
    let pushed = wanted.build(&["-o", "oci:b", "--push", "-t", &name]);
    let layouts = ["a", "b"].map(|name| Files::in_folder(&context.path(name)).digest());
    assert_eq!(layouts[0], layouts[1]);
    assert_eq!(built["digest"], *told);
    assert_eq!(pushed.digest(), told);
    told
}

#[test]
fn a_tag_that_moved_is_what_it_was() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    let locked = round_trip(&world, &wanted, || move_base(&world));
    let words = ["build", "--job-jar", "job.jar", "-o", "oci:c", "--json"];
    assert_ne!(wanted.run(&words).json()["digest"], *locked);
}

#[test]
fn every_kind_of_input_and_compression_comes_back() {
    for words in [
        &["--base", BASE, "--from-archive", "flink.tgz"][..],
        &["--base", BASE, "--from-local-dist", "flink-1.20.5"],
        &[
            "--base",
            BASE,
            "--from-archive",
            "flink.tgz",
            "--compression",
            "zstd",
        ],
    ] {
        let (world, context) = (World::new(), TestContext::new());
        round_trip(&world, &Wanted::new(&context, words), || ());
    }
}

#[test]
fn all_images_of_an_index_come_back() {
    let (world, context) = (World::new(), TestContext::new());
    let platforms = ["linux/amd64", "linux/arm64/v8"];
    put(
        &world.registry,
        "acme/base",
        "all",
        &bases(&platforms, LARGE),
    );
    let wanted = Wanted::on(&world, &context, "acme/base:all");
    let both = [
        "--flink-version",
        "1.20.5",
        "--platform",
        "linux/amd64,linux/arm64",
    ];
    round_trip(&world, &wanted.with(&both), || ());
}

#[test]
fn a_newer_package_is_not_taken_and_one_that_is_gone_is_named() {
    let (world, context) = (World::new(), TestContext::new());
    let packages = FileServer::start(repository(&["1.0-r0"]));
    let wanted = with_package(&world, &context, &packages);
    round_trip(&world, &wanted, || {
        packages.replace(repository(&["1.0-r0", "1.1-r0"]));
    });
    packages.replace(repository(&["1.1-r0"]));
    forget(&context);
    let run = wanted.build(&["-o", "oci:c"]);
    insta::assert_snapshot!(run, @"
    exit code: 6
    ----- stderr -----
      caused by: the server does not have it
    error: Failed to get `extra-1.0-r0.apk` from the repository `http://127.0.0.1:[PORT]`
    extra-1.0-r0.apk: refused
    hint: name what comes before `ARCH/APKINDEX.tar.gz`; a package that is gone was replaced by a newer one: write the lock anew, if it is in one
    sha256:[1]: pulled, [SIZE]
    sha256:[2]: pulled, [SIZE]
    ");
    assert!(!context.has("c"));
}

#[test]
fn what_is_known_is_asked_of_nobody() {
    let (world, context) = (World::new(), TestContext::new());
    let packages = FileServer::start(repository(&["1.0-r0"]));
    let wanted = with_package(&world, &context, &packages);
    wanted.lock().ok();
    wanted.build(&["-o", "oci:a"]).ok();
    next_commit(&context, "org.example.Next");
    world.registry.clear_requests();
    let asked = (world.mirror.asked().len(), packages.asked().len());
    wanted.build(&["-o", "oci:b"]).ok();
    assert_eq!(world.registry.lines(), [""; 0]);
    assert_eq!((world.mirror.asked().len(), packages.asked().len()), asked);
}

#[test]
fn a_machine_that_has_seen_nothing_brings_no_input() {
    let world = World::new();
    let packages = FileServer::start(repository(&["1.0-r0"]));
    put_alpine(&world);
    for is_alpine in [false, true] {
        let context = TestContext::new();
        let wanted = if is_alpine {
            with_package(&world, &context, &packages)
        } else {
            Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"])
        };
        let name = world.name(&format!("acme/job-{is_alpine}:1"));
        wanted.lock().ok();
        wanted.build(&["--push", "-t", &name]).ok();
        forget(&context);
        next_commit(&context, "org.example.Next");
        world.registry.clear_requests();
        let asked = (world.mirror.asked().len(), packages.asked().len());
        let told = wanted.digest().ok().stdout.trim().to_owned();
        let run = wanted.build(&["--push", "-t", &name]);
        assert_eq!(run.digest(), told);
        // Only the two documents of the base are asked for, by their digests.
        let of_base = |line: &&String| {
            line.starts_with("GET /v2/acme/base/") || line.starts_with("GET /v2/acme/alpine/")
        };
        let lines = world.registry.lines();
        let asked_of_base: Vec<_> = lines.iter().filter(of_base).collect();
        assert_eq!(asked_of_base.len(), 2, "{lines:#?}");
        assert!(
            asked_of_base[0].contains("/manifests/sha256:"),
            "{lines:#?}"
        );
        assert_eq!((world.mirror.asked().len(), packages.asked().len()), asked);
    }
}

#[test]
fn a_release_that_was_published_anew_is_not_taken_for_the_locked_one() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    wanted.lock().ok();
    world.mirror.replace(mirrored(&noise(LARGE / 2)));
    forget(&context);
    let run = wanted.build(&["-o", "oci:a"]);
    assert_eq!(run.code, 8, "{run}");
    assert!(!context.has("a"));
}
