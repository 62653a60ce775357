//! `lock` and `lock --check`: what is told of inputs that are others than they were.

use insta::assert_snapshot;

use super::{Wanted, forget, move_base, repository, with_package};
use crate::rebuild::{LARGE, World, mirrored};
use crate::support::context::{Run, TestContext};
use crate::support::files::FileServer;
use crate::support::workshop::noise;

/// What is told of what changed.
fn told(run: &Run) -> String {
    assert_eq!(run.code, 4, "{run}");
    run.plain(&run.stdout)
}

#[test]
fn a_lock_that_is_right_costs_no_layer_and_no_archive() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    wanted.lock().ok();
    forget(&context);
    let before = world.registry.traffic().sent + world.mirror.sent();
    let run = wanted.run(&["lock", "--check"]).sorted();
    assert_snapshot!(run, @"
    exit code: 0
    ----- stderr -----
    `flink-img.lock` is as everything is now
    sha256:[1]: pulled, [SIZE]
    ");
    let received = world.registry.traffic().sent + world.mirror.sent() - before;
    assert!(received < 10_000, "{received}");
}

#[test]
fn every_change_is_a_line() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1");
    let usual = wanted.with(&["--flink-version", "1.20.5"]);
    usual.lock().ok();
    let mut lines = Vec::new();
    for words in [
        &["--compression", "zstd:3"][..],
        &["--java-home", "/usr/lib/jvm/java-17"],
        &["--java-version", "17.0.99"],
    ] {
        lines.push(told(&usual.with(words).run(&["lock", "--check"])));
    }
    assert_snapshot!(lines.concat(), @"
    The compression was `auto` and is `zstd:3`
    The given home of Java is new: `/usr/lib/jvm/java-17`
    The given version of Java is new: `17.0.99`
    ");
    move_base(&world);
    assert_snapshot!(told(&usual.run(&["lock", "--check"])), @"
    The base's manifest for linux/amd64 was `sha256:[1]` and is `sha256:[2]`
    The base's config for linux/amd64 was `sha256:[3]` and is `sha256:[4]`
    The content of the base's config for linux/amd64 was `sha256:[3]` and is `sha256:[4]`
    The base's layer 1 for linux/amd64 was `sha256:[5], 317079 bytes of application/vnd.oci.image.layer.v1.tar+gzip, of sha256:[6]` and is `sha256:[7], 763 bytes of application/vnd.oci.image.layer.v1.tar+gzip, of sha256:[8]`
    ");
}

#[test]
fn another_checksum_at_the_mirror_is_told() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    wanted.lock().ok();
    world.mirror.replace(mirrored(&noise(LARGE / 2)));
    forget(&context);
    let told = told(&wanted.run(&["lock", "--check"]));
    let shortened: String = told
        .split(' ')
        .map(|word| if word.len() > 128 { "[SUM]" } else { word })
        .collect::<Vec<_>>()
        .join(" ");
    assert_snapshot!(shortened, @"The SHA-512 checksum of Flink was [SUM] and is [SUM]");
}

#[test]
fn a_newer_package_is_told() {
    let (world, context) = (World::new(), TestContext::new());
    let packages = FileServer::start(repository(&["1.0-r0"]));
    let wanted = with_package(&world, &context, &packages);
    wanted.lock().ok();
    packages.replace(repository(&["1.0-r0", "1.1-r0"]));
    let told = told(&wanted.run(&["lock", "--check"]));
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.starts_with("The package `extra` for linux/amd64 was `1.0-r0 Q1"),
        "{told}"
    );
    assert!(told.contains("and is `1.1-r0 Q1"), "{told}");
}

#[test]
fn a_changed_artifact_is_told_where_artifacts_are_locked() {
    let context = TestContext::new();
    context.write("udf.jar", b"one");
    let words = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    let wanted = Wanted::new(&context, &words).with(&["--job-artifacts", "udf.jar"]);
    wanted.run(&["lock", "--artifacts"]).ok();
    wanted.run(&["lock", "--check"]).ok();
    context.write("udf.jar", b"another");
    assert_snapshot!(told(&wanted.run(&["lock", "--check"])), @"The artifact `udf.jar` was `sha256:[1]` and is `sha256:[2]`");
    let run = wanted.build(&["-o", "oci:a"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(!context.has("a"));
}

#[test]
fn a_lock_is_the_same_everywhere_and_left_alone_when_nothing_changed() {
    let world = World::new();
    let lock = |context: &TestContext| {
        let wanted = Wanted::on(&world, context, "acme/base:1");
        let wanted = wanted.with(&["--flink-version", "1.20.5"]);
        // The jar need not be there yet.
        (
            wanted.run(&["lock", "--job-jar", "none.jar"]),
            context.read("flink-img.lock"),
        )
    };
    let (one, other) = (TestContext::new(), TestContext::new());
    assert_eq!(lock(&one).1, lock(&other).1);
    let modified = || {
        std::fs::metadata(one.path("flink-img.lock"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = modified();
    assert_snapshot!(lock(&one).0.sorted(), @"
    exit code: 0
    ----- stdout -----
    flink-img.lock
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    Nothing changed
    user flink, entrypoint: known from an earlier build
    ");
    assert_eq!(modified(), before);
    move_base(&world);
    let (run, changed) = lock(&one);
    assert!(
        run.stderr
            .contains("The base's manifest for linux/amd64 was `sha256:"),
        "{run}"
    );
    assert_ne!(changed, other.read("flink-img.lock"));
}
