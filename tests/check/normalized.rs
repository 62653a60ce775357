//! `--normalize-jar`: the same entries, the same image.

use std::time::{Duration, SystemTime};

use insta::assert_snapshot;

use crate::made::{Dated, JAVA_8, class, dated_jar, manifest, timed_jar};
use crate::support::context::{TestContext, names};

/// The jar of a job, built on this day and in this order.
fn built(day: u8, reversed: bool) -> Vec<u8> {
    let (manifest, job, other) = (manifest("org.example.Job"), class(JAVA_8), class(JAVA_8));
    let mut entries: Vec<Dated<'_>> = vec![
        ("META-INF/MANIFEST.MF", &manifest, (2026, 5, day)),
        ("org/example/Job.class", &job, (2026, 5, day)),
        ("org/example/Other.class", &other, (2026, 5, 1)),
    ];
    if reversed {
        entries.reverse();
    }
    dated_jar(&entries)
}

#[test]
fn jars_that_differ_in_times_and_order_give_one_image() {
    let context = TestContext::new();
    context.write("job.jar", built(2, false));
    let plain = context.digest(&[]);
    let first = context.digest(&["--normalize-jar"]);
    assert_ne!(first, plain);
    context.write("job.jar", built(3, true));
    assert_ne!(context.digest(&[]), plain);
    assert_eq!(context.digest(&["--normalize-jar"]), first);
    // In a build that remembers nothing as well, and by the file.
    let other = TestContext::new();
    other.write("job.jar", built(4, true));
    other.write("flink-img.toml", "[job]\nnormalize-jar = true\n");
    assert_eq!(other.digest(&["--no-cache"]), first);
}

#[test]
fn the_copy_is_kept_and_made_again_when_it_is_gone() {
    let context = TestContext::new();
    context.write("job.jar", built(2, false));
    let digest = context.digest(&["--normalize-jar", "-o", "oci:image"]);
    assert_eq!(names(&context.store().join("facts/normalized")).len(), 1);
    let run = context
        .build(&["--job-jar", "job.jar", "--normalize-jar"])
        .ok();
    assert!(
        run.stderr.contains("job: known from an earlier build"),
        "{run}"
    );
    context.run(["cache", "prune"]).ok();
    assert_eq!(context.digest(&["--normalize-jar", "--no-cache"]), digest);
    context.assert_nothing_unfinished();
    context.run(["cache", "verify"]).ok();
}

#[test]
fn what_cannot_be_normalised_is_taken_as_it_is() {
    let context = TestContext::new();
    let (manifest, job) = (manifest("org.example.Job"), class(JAVA_8));
    let twice = dated_jar(&[
        ("META-INF/MANIFEST.MF", &manifest, (2026, 5, 1)),
        ("org/example/Job.class", &job, (2026, 5, 1)),
        ("a.txt", b"1", (2026, 5, 1)),
        ("b.txt", b"2", (2026, 5, 1)),
    ]);
    // No writer makes two entries of one name.
    let twice = replaced(&twice, b"b.txt", b"a.txt");
    context.write("job.jar", twice);
    let run = context.build(&["--job-jar", "job.jar", "--normalize-jar"]);
    assert_snapshot!(run.sorted(), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    warning: `job.jar` cannot be normalised: it has more than one entry `a.txt`, so it is taken as it is
    ");
    // The same bytes under another name: what is remembered names no file.
    let bytes = std::fs::read(context.path("job.jar")).unwrap();
    context.write("other.jar", bytes);
    let run = context
        .build(&["--job-jar", "other.jar", "--normalize-jar"])
        .ok();
    assert!(
        run.stderr.contains("`other.jar` cannot be normalised"),
        "{run}"
    );
}

#[test]
fn a_jar_that_was_to_be_normalised_and_is_not_is_told_to_change() {
    let context = TestContext::new();
    let (manifest, job) = (manifest("org.example.Job"), class(JAVA_8));
    let day = (2026, 5, 2);
    let bytes = timed_jar(&[
        ("META-INF/MANIFEST.MF", &manifest, day, 0),
        ("org/example/Job.class", &job, day, 1),
        ("a.txt", b"1", day, 2),
        ("b.txt", b"2", day, 3),
    ]);
    let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_680_180);
    let words = ["--normalize-jar", "--deny-warnings", "--dry-run"];
    for (bytes, code) in [
        (bytes.clone(), 0),
        (replaced(&bytes, b"b.txt", b"a.txt"), 4),
    ] {
        context.write("job.jar", bytes);
        let file = std::fs::File::options()
            .write(true)
            .open(context.path("job.jar"))
            .unwrap();
        file.set_modified(built).unwrap();
        let run = context.build(&[&["--job-jar", "job.jar"], &words[..]].concat());
        assert_eq!(run.code, code, "{run}");
        let found = "warning[jar-not-reproducible]";
        assert_eq!(run.stderr.contains(found), code != 0, "{run}");
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for place in 0..bytes.len() - from.len() {
        if bytes[place..].starts_with(from) {
            bytes[place..place + from.len()].copy_from_slice(to);
        }
    }
    bytes
}
