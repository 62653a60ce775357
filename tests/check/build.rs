//! The checks within a build: what stops it and when, what is told, and that nothing is read again.

use std::time::{Duration, SystemTime};

use insta::assert_snapshot;

use crate::made::{JAVA_8, JAVA_21, class, fat, jar, job, manifest, timed_jar};
use crate::support::context::{TestContext, names};

#[test]
fn an_error_stops_the_build_before_anything_is_made() {
    let context = TestContext::new();
    context.write(
        "twice.jar",
        jar(&[
            ("META-INF/MANIFEST.MF", &manifest("org.example.Gone")),
            ("org/example/Job.class", &class(JAVA_8)),
        ]),
    );
    let run = context.build(&["--job-jar", "twice.jar"]);
    assert_snapshot!(run, @"
    exit code: 4
    ----- stderr -----
    error[entry-class-not-found]: `twice.jar` names the entry class `org.example.Gone`, which is in no jar of the job
    hint: correct `Main-Class` in the manifest, or add the jar that has the class
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    context.assert_nothing_kept();
    assert_eq!(names(&context.store().join("blobs/sha256")), [""; 0]);
}

#[test]
fn nothing_is_downloaded_for_a_job_that_fails() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.18.1"));
    // Neither the mirror nor the registry of the base is there.
    let words = [
        "build",
        "--job-jar",
        "fat.jar",
        "--flink-version",
        "1.20.5",
        "--release-mirror",
        "http://127.0.0.1:1/",
    ];
    assert_snapshot!(context.run(words), @"
    exit code: 4
    ----- stderr -----
    error[flink-bundled-version]: `fat.jar` bundles `flink-core` and `flink-runtime` of Flink 1.18.1, and the image has Flink 1.20.5
    hint: give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
}

#[test]
fn what_depends_on_the_base_is_told_when_that_is_known() {
    let context = TestContext::new();
    context.write("new.jar", job(JAVA_21));
    assert_snapshot!(context.build(&["--job-jar", "new.jar"]), @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error[class-version]: `new.jar` has a class for Java 21, as `org/example/Job.class`, and the base has Java 17
    hint: compile for `--release 17`, or choose a base with Java 21
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    let allowed = context
        .build(&["--job-jar", "new.jar", "--allow", "class-version", "-q"])
        .ok();
    assert_eq!(allowed.stderr, "");
}

#[test]
fn a_warning_is_told_once_and_changes_nothing() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.20.5"));
    let first = context.build(&["--job-jar", "fat.jar"]).ok();
    assert_snapshot!(first, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    warning[flink-bundled]: `fat.jar` bundles `flink-core` and `flink-runtime`, which the image has already
    hint: give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    let again = context.build(&["--job-jar", "fat.jar"]).ok();
    assert_eq!(
        again.stderr.matches("warning[flink-bundled]").count(),
        1,
        "{again}"
    );
    assert_eq!(first.digest(), again.digest());
    let allowed = context
        .build(&["--job-jar", "fat.jar", "--allow", "flink-bundled"])
        .ok();
    assert!(!allowed.stderr.contains("warning"), "{allowed}");
    assert_eq!(allowed.digest(), first.digest());
    let denied = context.build(&["--job-jar", "fat.jar", "--deny-warnings"]);
    assert_eq!(denied.code, 4, "{denied}");
    // Nothing but errors are told.
    let quiet = context.build(&["--job-jar", "fat.jar", "--quiet"]).ok();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn files_that_are_no_jars_are_left_alone_and_broken_jars_are_not() {
    let context = TestContext::new();
    context.write("table.csv", b"1,2\n");
    context.write("broken.jar", b"no jar");
    context
        .build(&["--job-jar", "job.jar", "--job-artifacts", "table.csv"])
        .ok();
    assert_snapshot!(context.build(&["--job-jar", "job.jar", "--job-artifacts", "table.csv,broken.jar"]), @"
    exit code: 4
    ----- stderr -----
    error[jar-damaged]: `broken.jar` is not a jar: it is not a zip file
    hint: name the jar that your build makes, as `target/job.jar`
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    // Who knows better may.
    let allowed = [
        "--job-jar",
        "job.jar",
        "--job-artifacts",
        "broken.jar",
        "--allow",
        "jar-damaged",
    ];
    context.build(&allowed).ok();
}

#[test]
fn a_dry_run_checks_too() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.18.1"));
    let run = context.build(&["--job-jar", "fat.jar", "--dry-run"]);
    assert_eq!((run.code, &*run.stdout), (4, ""), "{run}");
    let file = "[checks]\nallow = ['flink-bundled-version']\n";
    context.write("flink-img.toml", file);
    context.build(&["--job-jar", "fat.jar", "--dry-run"]).ok();
}

#[test]
fn what_was_found_is_remembered_for_the_same_jars() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.20.5"));
    context.build(&["--job-jar", "fat.jar"]).ok();
    let facts = context.store().join("facts/checks");
    // One for what needs the jars alone, and one for all.
    let first = names(&facts);
    assert_eq!(first.len(), 2);
    context.build(&["--job-jar", "fat.jar"]).ok();
    assert_eq!(names(&facts), first);
    // With another jar other things are found.
    context.write("fat.jar", job(JAVA_8));
    let run = context.build(&["--job-jar", "fat.jar"]).ok();
    assert!(!run.stderr.contains("flink-bundled"), "{run}");
    assert_eq!(names(&facts).len(), 4);
}

#[test]
fn the_time_of_the_file_is_part_of_what_is_remembered() {
    let context = TestContext::new();
    let (manifest, job) = (manifest("org.example.Job"), class(JAVA_8));
    let entry = |name, bytes, minute| (name, bytes, (2026, 5, 2), minute);
    let bytes = timed_jar(&[
        entry("META-INF/MANIFEST.MF", &manifest[..], 1),
        entry("org/example/Job.class", &job, 0),
    ]);
    context.write("job.jar", bytes);
    let file = std::fs::File::options()
        .write(true)
        .open(context.path("job.jar"))
        .unwrap();
    // The second of May in 2026, and a month later.
    let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_680_060);
    let later = built + Duration::from_secs(30 * 24 * 60 * 60);
    for (modified, expected) in [(later, 0), (built, 1), (later, 0), (built, 1)] {
        file.set_modified(modified).unwrap();
        let run = context.build(&["--job-jar", "job.jar"]).ok();
        let found = run.stderr.matches("warning[jar-not-reproducible]").count();
        assert_eq!(found, expected, "{modified:?} {run}");
    }
}

#[test]
fn libraries_and_jars_that_are_added_to_a_class_path_are_checked_too() {
    let context = TestContext::new();
    context.write("page.jar", "<html>404</html>");
    context.write("new.jar", named("org/acme/New", JAVA_21));
    context.write(
        "binding.jar",
        named("org/slf4j/impl/StaticLoggerBinder", JAVA_8),
    );
    context.write("flink.jar", fat("1.18.1"));
    // A tool: no harm in `lib/`, where no entry class is looked for.
    let tool = jar(&[
        ("META-INF/MANIFEST.MF", &manifest("org.tool.Main")),
        ("org/tool/Main.class", &class(JAVA_8)),
    ]);
    context.write("tool.jar", &tool);
    std::fs::create_dir_all(context.path("more/deep")).unwrap();
    context.write("more/deep/tool.jar", &tool);
    for (words, code, expected) in [
        (&["--lib", "page.jar"][..], 4, "jar-damaged"),
        (&["--lib", "new.jar"], 4, "class-version"),
        (&["--lib", "binding.jar"], 0, "logging-binding"),
        (&["--lib", "flink.jar"], 4, "flink-bundled-version"),
        (&["--lib", "tool.jar"], 0, ""),
        (
            &["--add", "tool.jar:/opt/flink/usrlib/tool.jar"],
            4,
            "entry-class-ambiguous",
        ),
        (
            &["--add", "more:/opt/flink/usrlib"],
            4,
            "entry-class-ambiguous",
        ),
        (
            &["--add", "page.jar:/opt/flink/lib/page.jar"],
            4,
            "jar-damaged",
        ),
        // Nobody loads what lies elsewhere.
        (&["--add", "page.jar:/opt/data/page.jar"], 0, ""),
        (&["--add", "page.jar:/opt/flink/lib/deep/page.jar"], 0, ""),
    ] {
        let words = [&["--job-jar", "job.jar", "--dry-run"], words].concat();
        // What is remembered is the same.
        for _ in 0..2 {
            let run = context.build(&words);
            let found: Vec<_> = run
                .stderr
                .lines()
                .filter_map(|line| Some(line.split_once('[')?.1.split_once("]:")?.0))
                .collect();
            assert_eq!(
                (run.code, found.concat().as_str()),
                (code, expected),
                "{run}"
            );
        }
    }
}

/// A library with this class.
fn named(name: &str, major: u16) -> Vec<u8> {
    let path = format!("{name}.class");
    jar(&[
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"),
        (&path, &class(major)),
    ])
}
