//! `flink-img check`: words, findings, JSON, exit codes.

use insta::assert_snapshot;

use crate::made::{JAVA_8, JAVA_21, class, fat, jar, job, manifest};
use crate::support::context::{Run, TestContext};

fn check(context: &TestContext, words: &[&str]) -> Run {
    context.run(["check"].iter().chain(words))
}

#[test]
fn a_good_job_is_told_to_be_one_and_nothing_is_kept() {
    let context = TestContext::new();
    context.write("good.jar", job(JAVA_8));
    assert_snapshot!(check(&context, &["good.jar"]), @"
    exit code: 0
    ----- stderr -----
    No Flink is given, so it is the default release 2.3.0
    No Java is given, so it is Java 17 of `ubuntu-jre17`
    The checks found nothing
    ");
    assert!(!context.store().exists(), "a check needs no cache");
}

#[test]
fn what_is_wrong_is_told_with_the_way_out() {
    let context = TestContext::new();
    context.write("new.jar", job(JAVA_21));
    assert_snapshot!(check(&context, &["new.jar", "--flink-version", "1.20.5", "--java-version", "17.0.15"]), @"
    exit code: 4
    ----- stdout -----
    error[class-version]: `new.jar` has a class for Java 21, as `org/example/Job.class`, and the base has Java 17
    hint: compile for `--release 17`, or choose a base with Java 21
    ----- stderr -----
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    context.write("fat.jar", fat("1.18.1"));
    assert_snapshot!(check(&context, &["fat.jar", "--flink-version", "1.20.5"]), @"
    exit code: 4
    ----- stdout -----
    error[flink-bundled-version]: `fat.jar` bundles `flink-core` and `flink-runtime` of Flink 1.18.1, and the image has Flink 1.20.5
    hint: give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar
    ----- stderr -----
    No Java is given, so it is Java 11 of `ubuntu-jre11`
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    context.write(
        "tool.jar",
        jar(&[
            ("META-INF/MANIFEST.MF", &manifest("org.tool.Main")),
            ("org/tool/Main.class", &class(JAVA_8)),
        ]),
    );
    context.write("good.jar", job(JAVA_8));
    assert_snapshot!(check(&context, &["good.jar", "tool.jar", "--flink-version", "1.20.5"]), @"
    exit code: 4
    ----- stdout -----
    error[entry-class-ambiguous]: `good.jar` names the entry class `org.example.Job`, and `tool.jar` names `org.tool.Main`: Flink 1.20.5 does not choose between them
    hint: take `Main-Class` out of the manifest of all jars but one; or allow it, if each start says `--job-classname`
    ----- stderr -----
    No Java is given, so it is Java 11 of `ubuntu-jre11`
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    context.write("broken.jar", &job(JAVA_8)[..100]);
    context.write("text.jar", b"no jar");
    assert_snapshot!(check(&context, &["broken.jar", "text.jar", "-q"]), @"
    exit code: 4
    ----- stdout -----
    error[jar-damaged]: `broken.jar` is a damaged jar: its end is missing
    hint: build or download it again; the copy may not be complete
    error[jar-damaged]: `text.jar` is not a jar: it is not a zip file
    hint: name the jar that your build makes, as `target/job.jar`
    ----- stderr -----
    error: The checks found 2 errors
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    assert_snapshot!(check(&context, &["good.jar", "--flink-version", "2.3.0", "--java-version", "8"]), @"
    exit code: 4
    ----- stdout -----
    error[java-unsupported]: Flink 2.3.0 does not work with Java 8: it needs Java 11, 17 or 21
    hint: choose a base with another Java, or another release
    ----- stderr -----
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
}

#[test]
fn findings_are_allowed_and_warnings_denied() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.20.5"));
    let words = ["fat.jar", "--flink-version", "1.20.5"];
    let code = |more: &[&str]| check(&context, &[&words, more].concat()).code;
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--deny-warnings"]), 4);
    assert_eq!(code(&["--deny-warnings", "--allow", "flink-bundled"]), 0);
    context.write("fat.jar", fat("1.18.1"));
    assert_eq!(code(&[]), 4);
    assert_eq!(code(&["--allow", "rocksdb-musl,flink-bundled-version"]), 0);
    assert_eq!(
        code(&[
            "--allow",
            "rocksdb-musl",
            "--allow",
            "flink-bundled-version"
        ]),
        0
    );
    assert_snapshot!(check(&context, &[&words[..], &["--deny-warnings"]].concat()), @"
    exit code: 4
    ----- stdout -----
    error[flink-bundled-version]: `fat.jar` bundles `flink-core` and `flink-runtime` of Flink 1.18.1, and the image has Flink 1.20.5
    hint: give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar
    ----- stderr -----
    No Java is given, so it is Java 11 of `ubuntu-jre11`
    error: The checks found 1 error
    hint: what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code
    ");
    assert_snapshot!(check(&context, &[&words[..], &["--allow", "flink-bundled-versions"]].concat()), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'flink-bundled-versions' for '--allow <CODE,...>': `flink-bundled-versions` is no code of a check
    hint: did you mean `flink-bundled-version`; `docs/checks.md` lists all

    For more information, try '--help'.
    ");
    assert_snapshot!(check(&context, &[&words[..], &["--allow", "x"]].concat()), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'x' for '--allow <CODE,...>': `x` is no code of a check
    hint: it stands in brackets before each finding; `docs/checks.md` lists all

    For more information, try '--help'.
    ");
}

#[test]
fn the_object_has_all_that_was_found_and_what_it_was_checked_for() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.18.1"));
    let run = check(
        &context,
        &[
            "fat.jar",
            "--flink-version",
            "1.20.5",
            "--platform",
            "linux/arm64",
            "--json",
        ],
    );
    assert_eq!(run.code, 4, "{run}");
    let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let pretty = serde_json::to_string_pretty(&object).unwrap();
    assert_snapshot!(pretty, @r#"
    {
      "allowed": 0,
      "errors": 1,
      "findings": [
        {
          "code": "flink-bundled-version",
          "message": "`fat.jar` bundles `flink-core` and `flink-runtime` of Flink 1.18.1, and the image has Flink 1.20.5",
          "severity": "error",
          "subject": "fat.jar",
          "wayOut": "give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar"
        }
      ],
      "flink": "1.20.5",
      "jars": [
        "fat.jar"
      ],
      "java": 11,
      "libc": "glibc",
      "platforms": [
        "linux/arm64"
      ],
      "warnings": 0
    }
    "#);
    let allow = ["--allow", "flink-bundled-version", "--json"];
    let object = check(
        &context,
        &[&["fat.jar", "--flink-version", "1.20.5"], &allow[..]].concat(),
    )
    .json();
    assert_eq!(
        (&object["allowed"], &object["errors"]),
        (&1.into(), &0.into())
    );
    assert_eq!(object["findings"], serde_json::json!([]));
}

#[test]
fn java_and_libc_are_those_of_the_base_unless_said_otherwise() {
    let context = TestContext::new();
    context.write("new.jar", job(JAVA_21));
    for (words, java, libc, code) in [
        (&[][..], 17, "glibc", 4),
        (&["--base", "alpine-jre21"], 21, "musl", 0),
        (
            &["--base", "alpine-jre21", "--libc", "glibc"],
            21,
            "glibc",
            0,
        ),
        (
            &["--base", "alpine-jre21", "--java-version", "17"],
            17,
            "musl",
            4,
        ),
        (
            &["--flink-version", "1.14.6", "--libc", "musl"],
            11,
            "musl",
            4,
        ),
    ] {
        let run = check(&context, &[&["new.jar", "--json"], words].concat());
        let object: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let found = (&object["java"], &object["libc"], run.code);
        assert_eq!(found, (&java.into(), &libc.into(), code), "{words:?}");
    }
    assert_snapshot!(check(&context, &["new.jar", "--base", "alpine-jre12"]), @"
    exit code: 2
    ----- stderr -----
    No Flink is given, so it is the default release 2.3.0
    error: The catalogue has no base `alpine-jre12`, and no other base is looked into here
    hint: did you mean `--base alpine-jre21`; `flink-img bases` lists all
    ");
    assert_snapshot!(check(&context, &["new.jar", "--base", "example.com/own:1"]), @"
    exit code: 2
    ----- stderr -----
    No Flink is given, so it is the default release 2.3.0
    error: The catalogue has no base `example.com/own:1`, and no other base is looked into here
    hint: say what it has with `--java-version` and `--libc`; `flink-img build` looks into every base
    ");
}

#[test]
fn the_file_says_what_is_not_said() {
    let context = TestContext::new();
    context.write("fat.jar", fat("1.18.1"));
    context.write(
        "flink-img.toml",
        "[flink]\nversion = '1.20.5'\n[base]\nname = 'ubuntu-jre17'\n[checks]\nallow = 'flink-bundled-version'\n",
    );
    assert_snapshot!(check(&context, &["fat.jar"]), @"
    exit code: 0
    ----- stderr -----
    No Java is given, so it is Java 17 of `ubuntu-jre17`
    The checks found nothing
    ");
    assert_eq!(check(&context, &["fat.jar", "--no-config"]).code, 4);
    // A list that is said takes the place of that in the file.
    assert_eq!(
        check(&context, &["fat.jar", "--allow", "rocksdb-musl"]).code,
        4
    );
}

#[test]
fn a_base_of_the_file_that_is_not_in_the_catalogue_is_told_to_count_for_nothing() {
    let context = TestContext::new();
    context.write("good.jar", job(JAVA_8));
    context.write(
        "flink-img.toml",
        "[flink]\nversion = '1.20.5'\n[base]\nname = 'example.com/own:1'\n",
    );
    assert_snapshot!(check(&context, &["good.jar"]), @"
    exit code: 0
    ----- stderr -----
    The base `example.com/own:1` of the file is not looked into here: what it has is said with `--java-version` and `--libc`
    No Java is given, so it is Java 11
    The checks found nothing
    ");
    let said = ["good.jar", "--java-version", "17", "--libc", "musl"];
    assert_snapshot!(check(&context, &said), @"
    exit code: 0
    ----- stderr -----
    The checks found nothing
    ");
}

#[test]
fn what_is_no_jar_at_all_is_a_bad_input() {
    let context = TestContext::new();
    assert_snapshot!(check(&context, &["nowhere.jar", "--flink-version", "1.20.5"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `nowhere.jar`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(check(&context, &["flink-1.20.5", "--flink-version", "1.20.5"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-1.20.5` is a folder, not a file
    hint: name each jar by itself
    ");
    assert_eq!(check(&context, &[]).code, 2);
}
