//! `--from-release`: downloaded once, from the places that are named.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use sha2::{Digest as _, Sha512};

use crate::support::context::{BASE, Run, TestContext, names};
use crate::support::files::FileServer;

const NAME: &str = "flink-1.20.5-bin-scala_2.12.tgz";

/// A mirror with one release: the miniature one.
fn mirror(context: &TestContext, sum_of: &[u8]) -> FileServer {
    let digest = Sha512::digest(sum_of);
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    FileServer::start(BTreeMap::from([
        (
            format!("/flink/flink-1.20.5/{NAME}"),
            context.read("flink.tgz"),
        ),
        (
            format!("/flink/flink-1.20.5/{NAME}.sha512"),
            format!("{hex}  {NAME}\n").into_bytes(),
        ),
    ]))
}

/// A run without what `-v` says of digests, which depends on how old the files are.
fn told(mut run: Run) -> Run {
    let lines = run.stderr.lines().filter(|line| !line.contains("DEBUG"));
    run.stderr = lines.collect::<Vec<_>>().join("\n");
    run
}

fn build(context: &TestContext, server: &FileServer, words: &[&str]) -> Run {
    let mirror = format!("{}/flink", server.url());
    let usual = [
        "build",
        "--base",
        BASE,
        "--job-jar",
        "job.jar",
        "--release-mirror",
        &mirror,
    ];
    context.run([&usual, words].concat())
}

#[test]
fn a_release_is_downloaded_once() {
    let context = TestContext::new();
    let server = mirror(&context, &context.read("flink.tgz"));
    let words = ["--from-release", "--flink-version", "1.20.5", "--verbose"];
    let first = told(build(&context, &server, &words));
    assert_snapshot!(first, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    flink-1.20.5-bin-scala_2.12.tgz: downloaded, [SIZE]
    Flink 1.20.5 was downloaded from http://127.0.0.1:[PORT]/flink/
    The signature of Flink 1.20.5 is not checked: http://127.0.0.1:[PORT]/flink/ does not have it (404)
    job: made, [SIZE]
    job: sha256:[2] by the recipe sha256:[3], made now
    user flink, entrypoint: made, [SIZE]
    user flink, entrypoint: sha256:[4] by the recipe sha256:[5], made now
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: sha256:[6] by the recipe sha256:[7], made now
    Flink 1.20.5: opt, examples: made, [SIZE]
    Flink 1.20.5: opt, examples: sha256:[8] by the recipe sha256:[9], made now
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    assert_eq!(server.asked().len(), 3, "{:?}", server.asked());
    let second = told(build(&context, &server, &words));
    assert_snapshot!(second, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    The signature of Flink 1.20.5 is not checked: http://127.0.0.1:[PORT]/flink/ does not have it (404)
    user flink, entrypoint: known from an earlier build
    user flink, entrypoint: sha256:[2] by the recipe sha256:[3], from the cache
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: lib, bin, conf, plugins: sha256:[4] by the recipe sha256:[5], from the cache
    Flink 1.20.5: opt, examples: known from an earlier build
    Flink 1.20.5: opt, examples: sha256:[6] by the recipe sha256:[7], from the cache
    job: known from an earlier build
    job: sha256:[8] by the recipe sha256:[9], from the cache
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    assert_eq!(server.asked().len(), 3, "{:?}", server.asked());
    // From the archive itself come the same layers and the same config; but only a release is noted as one.
    let layers =
        |words: &[&str]| context.build(&[&["--job-jar", "job.jar", "--json"], words].concat());
    let archive = layers(&["-q"]).json();
    let release = build(
        &context,
        &server,
        &[&words[..3], &["-q", "--json"]].concat(),
    )
    .json();
    for key in ["configDigest", "layers", "flink"] {
        assert_eq!(archive[key], release[key], "{key}");
    }
    assert_ne!(archive["digest"], release["digest"]);
    assert_eq!(
        names(&context.store().join("releases")),
        [NAME, &format!("{NAME}.sha512")]
    );
}

#[test]
fn the_mirror_may_be_in_the_environment() {
    let mut context = TestContext::new();
    let server = mirror(&context, &context.read("flink.tgz"));
    context.set(
        "FLINK_IMG_RELEASE_MIRROR",
        format!("{}/flink/", server.url()),
    );
    context
        .run(["build", "--base", BASE, "--flink-version", "1.20.5"])
        .ok();
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn without_a_source_it_is_the_default_release_and_every_place_is_named() {
    let context = TestContext::new();
    let server = mirror(&context, b"");
    assert_snapshot!(build(&context, &server, &[]), @"
    exit code: 7
    ----- stderr -----
    No Flink is given, so it is the default release 2.3.0
    Compressing the base: done, [SIZE]
    error: Failed to download Flink 2.3.0
      http://127.0.0.1:[PORT]/flink/ gives no checksum: does not have it (404)
      https://dlcdn.apache.org/flink/ gives no checksum: could not be reached: Connection refused (os error 111)
      https://downloads.apache.org/flink/ gives no checksum: could not be reached: Connection refused (os error 111)
      https://archive.apache.org/dist/flink/ gives no checksum: could not be reached: Connection refused (os error 111)
    hint: check the connection and proxy, name a mirror that can be reached, or give the archive itself
    ");
    context.assert_nothing_kept();
    assert_eq!(names(&context.store().join("releases")), [""; 0]);
}

#[test]
fn a_release_with_a_wrong_checksum_is_not_used() {
    let context = TestContext::new();
    let server = mirror(&context, b"other bytes");
    assert_snapshot!(build(&context, &server, &["--flink-version", "1.20.5"]), @"
    exit code: 8
    ----- stderr -----
    Compressing the base: done, [SIZE]
    flink-1.20.5-bin-scala_2.12.tgz: refused, [SIZE]
    error: Failed to download Flink 1.20.5
      http://127.0.0.1:[PORT]/flink/ sent bytes that do not match the checksum
      https://dlcdn.apache.org/flink/ could not be reached: Connection refused (os error 111)
      https://downloads.apache.org/flink/ could not be reached: Connection refused (os error 111)
      https://archive.apache.org/dist/flink/ could not be reached: Connection refused (os error 111)
    hint: do not use these bytes; try again later or from another mirror
    ");
    context.assert_nothing_kept();
    assert_eq!(names(&context.store().join("releases")), [""; 0]);
}

#[test]
fn versions_and_mirrors_that_cannot_be_are_refused_before_any_request() {
    let context = TestContext::new();
    let server = mirror(&context, b"");
    assert_snapshot!(build(&context, &server, &["--flink-version", "1.5.6"]), @"
    exit code: 3
    ----- stderr -----
    error: Flink 1.5.6 is older than 1.6, the first line that runs a job in an image of its own
    hint: use a newer release, as 2.3.0
    ");
    assert_snapshot!(build(&context, &server, &["--flink-version", "newest"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'newest' for '--flink-version <VERSION>': `newest` is not a Flink version
    hint: write it like `2.3.0`

    For more information, try '--help'.
    ");
    let scala = ["--flink-version", "1.20.5", "--scala-version", "2.11"];
    assert_snapshot!(build(&context, &server, &scala), @"
    exit code: 4
    ----- stderr -----
    error: Flink 1.20.5 is not published for Scala 2.11, only for 2.12
    hint: leave `--scala-version` out to take what is there
    ");
    assert_snapshot!(build(&context, &server, &["--release-mirror", "ftp://mirror"]), @"
    exit code: 2
    ----- stderr -----
    error: `ftp://mirror` is not the address of a mirror
    hint: write the `http` or `https` address of the folder that has the folders `flink-VERSION`
    ");
    assert_eq!(server.asked(), [""; 0]);
    context.assert_nothing_kept();
}
