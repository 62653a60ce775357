//! What jobs in Python need: an interpreter under the name that Flink calls, and Flink's jar for it.

use super::{build, context, see};
use crate::rebuild::{LARGE, World};
use crate::support::alpine::{self, File, KEY, Package};
use crate::support::context::{JAVA_17, TestContext, base_config, base_entries, layer};
use crate::support::files::FileServer;
use crate::support::fixtures::{self, Compress, Packing, Raw};
use crate::support::workshop::noise;

/// A base with these programs besides.
fn put_base(context: &TestContext, programs: &[&str]) {
    let mut entries = base_entries(JAVA_17);
    entries.extend(programs.iter().map(|name| Raw {
        mode: 0o755,
        ..Raw::file(name, b"#!/nowhere\n")
    }));
    context.write("base.tar", fixtures::tar(&entries));
}

#[test]
fn a_base_with_python3_gets_the_name_that_flink_calls() {
    let context = context("1.20.5");
    put_base(&context, &["usr/bin/python3"]);
    let seen = see(&context, &["--python", "--slim"]);
    assert_eq!(
        seen.layer("python"),
        "l 0777 0:0 /usr/bin/python -> python3\n"
    );
    let optional = seen.layer("Flink 1.20.5: opt, examples");
    assert!(
        optional.contains("/opt/flink/opt/flink-python-1.20.5.jar"),
        "{optional}"
    );
    assert!(!optional.contains("s3"), "{optional}");
    // It is found in `opt/` by Flink itself.
    assert!(!seen.titles().contains(&"plugins, configuration"));

    put_base(&context, &["usr/bin/python3", "usr/bin/python"]);
    let seen = see(&context, &["--python"]);
    assert!(!seen.titles().contains(&"python"), "{:?}", seen.titles());
}

#[test]
fn a_base_of_which_nobody_wants_python_is_what_it_was() {
    let context = context("1.20.5");
    put_base(&context, &["usr/bin/python3"]);
    let seen = see(&context, &[]);
    assert!(!seen.titles().contains(&"python"));
    let annotations = seen.manifest["annotations"].as_object().unwrap();
    assert!(
        !annotations.contains_key("flink-img.python"),
        "{annotations:?}"
    );
}

#[test]
fn what_an_earlier_image_tells_of_python_is_not_looked_for_again() {
    let (world, user) = (World::new(), TestContext::new());
    let mut root = base_entries(JAVA_17);
    root.push(Raw {
        mode: 0o755,
        ..Raw::file("usr/bin/python3", b"#!/nowhere\n")
    });
    root.push(Raw::file("usr/share/bulk", &noise(LARGE)));
    let tar = fixtures::tar(&root);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    world
        .registry
        .put_image("acme/python", "1", &config, &[(media_type, &bytes)]);
    let (base, name) = (world.name("acme/python:1"), world.name("acme/job:1"));
    let mut files = fixtures::mini_entries("flink-1.20.5", &Packing::default());
    files.push(Raw::file("flink-1.20.5/opt/flink-python-1.20.5.jar", b"x"));
    user.write(
        "python.tgz",
        fixtures::compress(&fixtures::tar(&files), Compress::Gzip),
    );
    let push = |context: &TestContext| {
        let words = [
            "build",
            "--base",
            &base,
            "--from-archive",
            "python.tgz",
            "--job-jar",
            "job.jar",
        ];
        let words = [&words[..], &["--python", "--push", "-t", &name]].concat();
        context.run(words)
    };
    let first = push(&user).ok().digest();
    let clean = TestContext::new();
    clean.write("python.tgz", user.read("python.tgz"));
    let before = world.registry.traffic().sent;
    assert_eq!(push(&clean).ok().digest(), first);
    let received = world.registry.traffic().sent - before;
    assert!(received < LARGE, "{received}");
}

#[test]
fn a_lock_tells_the_link_and_the_digest() {
    let context = context("1.20.5");
    put_base(&context, &["usr/bin/python3"]);
    let run = |command: &[&str]| {
        let usual = [
            "--base",
            "rootfs:base.tar",
            "--from-archive",
            "flink.tgz",
            "--python",
            "--slim",
        ];
        context.run([command, &usual].concat())
    };
    run(&["lock"]).ok();
    let lock = String::from_utf8(context.read("flink-img.lock")).unwrap();
    assert!(
        lock.contains("python = \"python3\"") && lock.contains("python-link = \"usr/bin/python\""),
        "{lock}"
    );
    let digest = run(&["digest", "--job-jar", "job.jar"]).ok().stdout;
    let built = run(&["build", "--locked", "--job-jar", "job.jar"]).digest();
    assert_eq!(digest.trim(), built);
}

#[test]
fn old_lines_have_the_jar_of_python_in_lib() {
    for version in ["1.9.3", "1.10.3"] {
        let context = context(version);
        let mut entries = base_entries("JAVA_VERSION=\"1.8.0_292\"\n");
        entries.push(Raw {
            mode: 0o755,
            ..Raw::file("usr/bin/python3", b"#!/nowhere\n")
        });
        context.write("base.tar", fixtures::tar(&entries));
        let seen = see(&context, &["--python"]);
        let link = format!(
            "l 0777 9999:0 /opt/flink-{version}/lib/flink-python_2.12-{version}.jar -> ../opt/flink-python_2.12-{version}.jar\n"
        );
        let layer = seen.layer("plugins, configuration");
        assert!(layer.contains(&link), "{layer}");
        // Of what has that name, there can be one.
        let name = format!("flink-python_2.12-{version}.jar");
        context.write(&name, fixtures::jar(&[]));
        let library = build(&context, &["--python", "--lib", &name]);
        assert_eq!(library.code, 3, "{library}");
        assert!(library.stderr.contains(&name), "{library}");
        let artifact = build(&context, &["--python", "--job-artifacts", &name]);
        if version == "1.9.3" {
            assert_eq!(artifact.code, 3, "{artifact}");
            let says = format!(
                "Flink {version} has `lib/{name}` already, and `{name}` needs that name for a link"
            );
            assert!(artifact.stderr.contains(&says), "{artifact}");
        } else {
            artifact.ok();
        }
    }
}

/// The tar of an Alpine without Python, and the repository with it.
fn alpine_without_python() -> (Vec<u8>, FileServer) {
    let program = || File::program(b"a program");
    let tar = alpine::base(&[
        ("bin/bash", program()),
        ("bin/awk", program()),
        ("bin/find", program()),
        ("bin/sed", program()),
        ("etc/group", File::plain(b"root:x:0:\n")),
        ("usr/lib/jvm/java-17/bin/java", program()),
        (
            "usr/lib/jvm/java-17/release",
            File::plain(JAVA_17.as_bytes()),
        ),
        ("usr/bin/java", File::link("../lib/jvm/java-17/bin/java")),
    ]);
    let package = Package::new("python3", "3.12.1-r0")
        .file("usr/", File::folder())
        .file("usr/bin/", File::folder())
        .file("usr/bin/python3", File::link("python3.12"))
        .file("usr/bin/python3.12", File::program(b"python"))
        .make(&KEY);
    let packages = FileServer::start(alpine::repository(&[package], &KEY));
    (tar, packages)
}

#[test]
fn alpine_gets_the_package_by_itself() {
    let context = context("1.20.5");
    let (tar, packages) = alpine_without_python();
    context.write("base.tar", tar);
    let words = ["--python", "--package-repository", &packages.url()];
    let seen = see(&context, &words);
    assert!(
        seen.layer("Alpine packages")
            .contains("/usr/bin/python3 -> python3.12")
    );
    assert_eq!(
        seen.layer("python"),
        "l 0777 0:0 /usr/bin/python -> python3\n"
    );
    let run = build(&context, &[]);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_lock_tells_the_python_of_packages_whose_layer_an_earlier_image_has() {
    let (world, user) = (World::new(), TestContext::new());
    let (tar, packages) = alpine_without_python();
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    world
        .registry
        .put_image("acme/alpine", "1", &config, &[(media_type, &bytes)]);
    let (base, name) = (world.name("acme/alpine:1"), world.name("acme/job:1"));
    let mut files = fixtures::mini_entries("flink-1.20.5", &Packing::default());
    files.push(Raw::file("flink-1.20.5/opt/flink-python-1.20.5.jar", b"x"));
    let archive = fixtures::compress(&fixtures::tar(&files), Compress::Gzip);
    user.write("python.tgz", &archive);
    let repository = packages.url();
    let run = |context: &TestContext, command: &[&str]| {
        let usual = ["--base", &base, "--from-archive", "python.tgz"];
        let packages = ["--package", "python3", "--package-repository", &repository];
        context.run([command, &usual, &packages].concat())
    };
    let push = ["build", "--job-jar", "job.jar", "--push", "-t", &name];
    // An image that has the packages, and of which nobody wanted to know about Python.
    run(&user, &push).ok();
    run(&user, &["lock", "--python"]).ok();
    let clean = TestContext::new();
    clean.write("python.tgz", &archive);
    clean.write("flink-img.lock", user.read("flink-img.lock"));
    let words = [&push[..], &["--locked", "--python"]].concat();
    let built = run(&clean, &words).ok().digest();
    let digest = run(&clean, &["digest", "--job-jar", "job.jar", "--python"]).ok();
    assert_eq!(digest.stdout.trim(), built);
}
