//! Many users of one cache at once.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use insta::assert_snapshot;

use crate::support::context::{BASE, TestContext, names};
use crate::support::workshop::Files;
use crate::{assert_sound, build_unkept};

/// Opens the file that is locked by who uses the store.
fn in_use(context: &TestContext) -> File {
    let path = context.store().join("in-use");
    File::options().write(true).open(path).unwrap()
}

/// Starts a build of the usual image as `NAME.tar`.
fn start(context: &TestContext, name: &str) -> Child {
    let output = format!("oci-archive:{name}.tar");
    let usual = ["build", "--base", BASE, "--from-archive", "flink.tgz"];
    let more = ["--job-jar", "job.jar", "-o", &output];
    context
        .command(usual.iter().chain(&more))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn eight_builds_at_once_in_an_empty_cache() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    for round in 0..3 {
        std::fs::remove_dir_all(context.store()).unwrap();
        // Half of them keep what they build.
        let builds: Vec<_> = (0..8)
            .map(|number| {
                let output = format!("oci-archive:{round}-{number}.tar");
                let name = format!("acme/job:{number}");
                let usual = ["build", "--base", BASE, "--from-archive", "flink.tgz"];
                let mut words = [&usual[..], &["--job-jar", "job.jar", "-t", &name]].concat();
                if number % 2 == 0 {
                    words.extend(["-o", &output]);
                }
                let mut command = context.command(words);
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for build in builds {
            let output = build.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let stdout = String::from_utf8(output.stdout).unwrap();
            assert!(stdout.trim_end().ends_with(&digest), "{stdout} {digest}");
        }
        assert_sound(&context);
        context.run(["cache", "verify"]).ok();
        let images = context.run(["images"]).ok().stdout;
        assert_eq!(images.lines().count(), 4, "{images}");
        for number in [0, 2, 4, 6] {
            let archive = context.path(&format!("{round}-{number}.tar"));
            assert_eq!(Files::in_archive(&archive).digest(), digest);
        }
    }
}

#[test]
fn builds_and_prunes_at_once() {
    const BUILDERS: usize = 2;
    const BUILDS: usize = 6;
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    let running = AtomicUsize::new(BUILDERS);
    let (mut worked, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        for builder in 0..BUILDERS {
            let (context, digest, running) = (&context, &digest, &running);
            scope.spawn(move || {
                let outputs: Vec<_> = (0..BUILDS)
                    .map(|_| {
                        start(context, &builder.to_string())
                            .wait_with_output()
                            .unwrap()
                    })
                    .collect();
                running.fetch_sub(1, Ordering::SeqCst);
                for output in outputs {
                    assert!(output.status.success(), "{output:?}");
                    let stdout = String::from_utf8(output.stdout).unwrap();
                    assert!(stdout.trim_end().ends_with(digest.as_str()), "{stdout}");
                }
            });
        }
        for round in 0..2000 {
            // Once more when nobody else is there.
            let last = running.load(Ordering::SeqCst) == 0;
            let limits = [["--older-than", "0s"], ["--max-size", "10kB"]];
            let run = context.run(["cache", "prune"].iter().chain(&limits[round % 2]));
            if run.code == 0 {
                worked += 1;
            } else {
                assert_eq!(run.code, 9, "{run}");
                let expected = "Another flink-img uses the cache";
                assert!(run.stderr.contains(expected), "{run}");
                assert!(!last, "{run}");
                refused += 1;
            }
            if last {
                break;
            }
        }
    });
    assert!(worked > 0 && refused > 0, "{worked} {refused}");
    assert_sound(&context);
    assert_eq!(build_unkept(&context).digest(), digest);
}

#[test]
fn a_prune_refuses_while_the_cache_is_used() {
    let context = TestContext::new();
    build_unkept(&context).ok();
    let build = in_use(&context);
    build.lock_shared().unwrap();
    assert_snapshot!(context.run(["cache", "prune"]), @"
    exit code: 9
    ----- stderr -----
    error: Another flink-img uses the cache in `[TEMP]/home/.cache/flink-img`
    hint: try again when it has ended
    ");
    // Nobody else is in anybody's way.
    context.run(["cache", "prune", "--dry-run"]).ok();
    context.run(["cache", "info"]).ok();
    build_unkept(&context).ok();
    drop(build);
    context.run(["cache", "prune"]).ok();
}

#[test]
fn a_build_waits_for_a_prune_and_says_so() {
    let context = TestContext::new();
    build_unkept(&context).ok();
    let prune = in_use(&context);
    prune.lock().unwrap();
    let mut build = start(&context, "waiting");
    let mut lines = BufReader::new(build.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(
        first.starts_with("Waiting for `flink-img cache prune`"),
        "{first}"
    );
    assert!(!context.has("waiting.tar"));
    drop(prune);
    assert!(lines.all(|line| line.is_ok()));
    assert!(build.wait().unwrap().success());
    assert!(context.has("waiting.tar"));
}

#[test]
fn a_cache_without_locks_works_and_is_pruned_with_care() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    // What can be locked is not there, as on a file system without locks.
    let path = context.store().join("in-use");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(build_unkept(&context).digest(), digest);
    let blobs = names(&context.store().join("blobs/sha256"));
    let old = crate::largest_blob(&context);
    crate::age(&old, 2 * crate::DAY);
    let run = context.run(["cache", "prune"]).ok();
    assert!(
        run.stderr.contains("what was used within a day stays"),
        "{run}"
    );
    assert_eq!(
        names(&context.store().join("blobs/sha256")).len(),
        blobs.len() - 1
    );
    assert!(!old.exists());
}
