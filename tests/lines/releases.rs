//! Releases of old lines through the whole program: what an earlier image tells of them, and names that collide.

use std::collections::BTreeMap;
use std::path::Path;

use insta::assert_snapshot;
use sha2::{Digest as _, Sha512};

use crate::layouts::context;
use crate::support::context::{Run, TestContext};
use crate::support::files::FileServer;
use crate::support::fixtures::{jar, job_jar};
use crate::support::lines::{line_of, mini_release, mini_release_archive, mini_scala};
use crate::support::registry::Registry;

/// A mirror with the miniature release of this version.
fn mirror(version: &str) -> FileServer {
    let name = format!("flink-{version}-bin-scala_{}.tgz", mini_scala(version));
    let place = format!("/flink/flink-{version}/{name}");
    let archive = mini_release_archive(version);
    let hex: Vec<_> = Sha512::digest(&archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sum = format!("{}  {name}\n", hex.concat());
    FileServer::start(BTreeMap::from([
        (format!("{place}.sha512"), sum.into_bytes()),
        (place, archive),
    ]))
}

fn push(
    context: &TestContext,
    version: &str,
    servers: (&FileServer, &Registry),
    words: &[&str],
) -> Run {
    let (mirror, registry) = servers;
    let mirror = format!("{}/flink", mirror.url());
    let name = format!("{}/acme/job:1", registry.address());
    let usual = [
        "build",
        "--base",
        "rootfs:base.tar",
        "--flink-version",
        version,
        "--release-mirror",
        &mirror,
        "--push",
        "-t",
        &name,
    ];
    context.run([&usual[..], words].concat())
}

#[test]
fn a_release_that_an_earlier_image_has_is_not_downloaded_again() {
    for version in ["1.6.4", "1.8.3", "1.9.3", "1.10.3", "1.14.6"] {
        let servers = (&mirror(version), &Registry::start());
        let archives = || {
            let asked = servers.0.asked();
            let is_archive =
                |path: &&String| Path::new(path).extension().is_some_and(|end| end == "tgz");
            asked.iter().filter(is_archive).count()
        };
        let made = context(version, &mini_release(version));
        let words = ["--job-jar", "app.jar"];
        let first = push(&made, version, servers, &words).digest();
        assert_eq!(archives(), 1, "{version}");
        // A machine that has seen nothing, and another job.
        let fresh = context(version, &mini_release(version));
        assert_eq!(push(&fresh, version, servers, &words).digest(), first);
        // The jar has the name of no file of a release, or is in a folder of its own; else the release must tell its names.
        let must_look = line_of(version) == (1, 9);
        assert_eq!(archives(), 1 + usize::from(must_look), "{version}");
        let other = context(version, &mini_release(version));
        job_jar(&other.path("job.jar"), "org.example.Other");
        let words = ["--job-jar", "job.jar"];
        assert_ne!(push(&other, version, servers, &words).digest(), first);
        assert_eq!(archives(), 1 + usize::from(must_look), "{version}");
    }
}

#[test]
fn a_name_of_a_file_of_flink_is_refused_where_links_lie_beside_it() {
    let version = "1.8.3";
    let context = context(version, &mini_release(version));
    context.write("log4j-1.2.17.jar", jar(&[]));
    let build = |source: &[&str]| {
        let usual = ["build", "--base", "rootfs:base.tar", "--job-jar", "app.jar"];
        let artifact = ["--job-artifacts", "log4j-1.2.17.jar"];
        context.run([&usual[..], &artifact, source].concat())
    };
    assert_snapshot!(build(&["--from-archive", "flink.tgz"]), @"
    exit code: 3
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: Flink 1.8.3 has `lib/log4j-1.2.17.jar` already, and `log4j-1.2.17.jar` needs that name for a link
    hint: rename one of the two
    ");
    assert_snapshot!(build(&["--from-local-dist", "flink-1.8.3"]), @"
    exit code: 3
    ----- stderr -----
    error: Flink 1.8.3 has `lib/log4j-1.2.17.jar` already, and `log4j-1.2.17.jar` needs that name for a link
    hint: rename one of the two
    ");
    let server = mirror(version);
    let mirror = format!("{}/flink", server.url());
    let release = ["--flink-version", version, "--release-mirror", &mirror];
    let run = build(&release);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("has `lib/log4j-1.2.17.jar` already"),
        "{run}"
    );
    context.assert_nothing_kept();
    // An image that was made of the same release tells no names.
    let servers = (&server, &Registry::start());
    push(&context, version, servers, &["--job-jar", "app.jar"]).ok();
    std::fs::remove_dir_all(context.store()).unwrap();
    let words = [
        "--job-jar",
        "app.jar",
        "--job-artifacts",
        "log4j-1.2.17.jar",
    ];
    let run = push(&context, version, servers, &words);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("has `lib/log4j-1.2.17.jar` already"),
        "{run}"
    );
}

#[test]
fn a_lock_of_an_old_line_gives_the_same_image() {
    for version in ["1.6.4", "1.9.3", "1.10.3"] {
        let context = context(version, &mini_release(version));
        let server = mirror(version);
        let mirror = format!("{}/flink", server.url());
        let run = |words: &[&str]| {
            let (command, words) = words.split_first().unwrap();
            let usual = [
                *command,
                "--base",
                "rootfs:base.tar",
                "--flink-version",
                version,
                "--release-mirror",
                &mirror,
            ];
            context.run([&usual[..], words].concat())
        };
        run(&["lock"]).ok();
        std::fs::remove_dir_all(context.store()).unwrap();
        let told = run(&["digest", "--job-jar", "app.jar"]).ok();
        let built = run(&["build", "--locked", "--job-jar", "app.jar"]);
        assert_eq!(built.digest(), told.stdout.trim(), "{version}");
        std::fs::remove_file(context.path("flink-img.lock")).unwrap();
        let unlocked = run(&["build", "--job-jar", "app.jar"]);
        assert_eq!(unlocked.digest(), built.digest(), "{version}");
    }
}
