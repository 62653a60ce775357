//! What jobs in Python need: an interpreter under the name that Flink calls, and Flink's jar for it.

use super::{build, context, see};
use crate::support::alpine::{self, File, KEY, Package};
use crate::support::context::{JAVA_17, TestContext, base_entries};
use crate::support::files::FileServer;
use crate::support::fixtures::{self, Raw};

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
    }
}

#[test]
fn alpine_gets_the_package_by_itself() {
    let context = context("1.20.5");
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
    context.write("base.tar", tar);
    let package = Package::new("python3", "3.12.1-r0")
        .file("usr/", File::folder())
        .file("usr/bin/", File::folder())
        .file("usr/bin/python3", File::link("python3.12"))
        .file("usr/bin/python3.12", File::program(b"python"))
        .make(&KEY);
    let packages = FileServer::start(alpine::repository(&[package], &KEY));
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
