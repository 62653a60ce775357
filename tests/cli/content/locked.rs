//! What of it is locked, and what may change with every commit.

use super::context;
use crate::rebuild::World;
use crate::support::context::{Run, TestContext};

fn run(context: &TestContext, command: &[&str], words: &[&str]) -> Run {
    let usual = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    context.run([command, &usual, words].concat())
}

const LOCKED: [&str; 10] = [
    "--plugin",
    "flink-s3-fs-hadoop",
    "--flink-conf",
    "rest.port=9091",
    "--log4j",
    "log4j.properties",
    "--slim",
    "--user",
    "1234",
    "--lib=lib/metrics.jar",
];

#[test]
fn a_lock_holds_what_follows_from_flink_and_no_secret() {
    let context = context("1.20.5");
    run(&context, &["lock"], &LOCKED).ok();
    let lock = String::from_utf8(context.read("flink-img.lock")).unwrap();
    for part in [
        "plugins = [\"flink-s3-fs-hadoop\"]",
        "slim = true",
        "user = \"1234:0\"",
        "log4j = \"sha256:",
        "\"rest.port\" = \"9091\"",
        "title = \"plugins, configuration\"",
    ] {
        assert!(lock.contains(part), "{part} in {lock}");
    }
    assert!(!lock.contains("libraries"), "{lock}");
    // With other words it is told what is another.
    for (place, word, message) in [
        (
            1,
            "flink-s3-fs-presto",
            "The list of plugins was `flink-s3-fs-hadoop` and is `flink-s3-fs-presto`",
        ),
        (
            3,
            "rest.port=9092",
            "The setting `rest.port` was `9091` and is `9092`",
        ),
        (3, "x=z", "The setting `x` is new: `z`"),
        (
            5,
            "other.properties",
            "The configuration of logging was `sha256:",
        ),
        (
            6,
            "--python",
            "The leaving out of what is not chosen was `on` and is gone",
        ),
        (8, "1235", "The user was `1234:0` and is `1235:0`"),
    ] {
        context.write("other.properties", "rootLogger.level = OFF\n");
        let mut words = LOCKED;
        words[place] = word;
        let run = run(
            &context,
            &["build", "--locked", "--job-jar", "job.jar"],
            &words,
        );
        assert_eq!(run.code, 4, "{word}: {run}");
        assert!(run.stderr.contains(message), "{word}: {run}");
    }
}

#[test]
fn a_secret_is_neither_locked_nor_built_from_a_lock() {
    let context = context("1.20.5");
    for (setting, key) in [
        ("s3.secret-key=s3cret", "s3.secret-key"),
        ("a.b=jdbc:x://ada:s3cret@db/x", "a.b"),
        (
            "env.java.opts.all=-Djavax.net.ssl.keyStorePassword=s3cret",
            "env.java.opts.all",
        ),
    ] {
        let words = [&LOCKED[..], &["--flink-conf", setting]].concat();
        let message = format!("The setting `{key}` looks like a secret, and a lock has no secrets");
        let refused = run(&context, &["lock"], &words);
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stderr.contains(&message), "{refused}");
        assert!(refused.stderr.contains("`FLINK_PROPERTIES`"), "{refused}");
        assert!(!context.path("flink-img.lock").exists());
        // The same where there is a lock of the rest.
        run(&context, &["lock"], &LOCKED).ok();
        for command in [
            &["lock", "--check"][..],
            &["digest", "--job-jar", "job.jar"],
            &[
                "build",
                "--locked",
                "--allow=secret-value",
                "--job-jar",
                "job.jar",
            ],
        ] {
            let refused = run(&context, command, &words);
            assert_eq!(refused.code, 2, "{command:?}: {refused}");
            assert!(refused.stderr.contains(&message), "{refused}");
            let told = format!("{}{}", refused.stdout, refused.stderr);
            assert!(!told.contains("s3cret"), "{told}");
        }
        std::fs::remove_file(context.path("flink-img.lock")).unwrap();
    }
    let words = [&LOCKED[..], &["--flink-conf", "s3.secret-key=${KEY}"]].concat();
    run(&context, &["lock"], &words).ok();
}

#[test]
fn what_changes_with_every_commit_is_not_locked_and_counts_in_the_digest() {
    let context = context("1.20.5");
    run(&context, &["lock"], &LOCKED).ok();
    let mut found = Vec::new();
    for commit in ["a", "b"] {
        let label = format!("--label=com.acme.commit={commit}");
        context.write("data/rules.json", commit);
        let more = [
            &label,
            "--env=A=1",
            "--annotation=com.acme.x=y",
            "--add=data:/opt/data",
        ];
        let words = [&LOCKED[..], &more].concat();
        let digest = run(&context, &["digest", "--job-jar", "job.jar"], &words);
        let built = run(
            &context,
            &["build", "--locked", "--job-jar", "job.jar"],
            &words,
        );
        let digest = digest.ok().stdout;
        assert_eq!(built.digest(), digest.trim(), "{commit}");
        found.push(digest);
    }
    assert_ne!(found[0], found[1]);
    // What is not asked for is no change of the lock.
    let fresh = run(&context, &["lock", "--check"], &LOCKED);
    assert_eq!(fresh.code, 0, "{fresh}");
}

/// Of a release, which is known by its checksum and not by its files as an archive is.
fn run_of_release(world: &World, context: &TestContext, command: &[&str], words: &[&str]) -> Run {
    let (base, mirror) = (world.name("acme/base:1"), world.mirror.url());
    let mirror = format!("{mirror}/flink");
    let usual = ["--flink-version", "1.20.5", "--base", &base];
    let usual = [&usual[..], &["--release-mirror", &mirror]].concat();
    context.run([command, &usual, words].concat())
}

#[test]
fn one_lock_has_one_digest_however_its_words_are_said() {
    let (world, context) = (World::new(), TestContext::new());
    context.write("settings.yaml", "rest:\n  port: 9091\na: text\n");
    context.write("log4j.properties", "rootLogger.level = WARN\n");
    let locked = [
        "--plugin=flink-s3-fs-hadoop",
        "--flink-conf=a=text",
        "--flink-conf=rest.port=9091",
        "--log4j=log4j.properties",
        "--slim",
    ];
    run_of_release(&world, &context, &["lock"], &locked).ok();
    let lock = String::from_utf8(context.read("flink-img.lock")).unwrap();
    assert!(lock.contains("sha512 = ") && lock.contains("\ncontent = "));
    let mut found = Vec::new();
    for words in [
        &locked[..],
        &[
            "--slim",
            "--log4j=log4j.properties",
            "--flink-conf=rest.port=9091",
            "--flink-conf=a=text",
            "--plugin=flink-s3-fs-hadoop",
        ],
        &[
            "--plugin=flink-s3-fs-hadoop-1.20.5.jar",
            "--plugin=flink-s3-fs-hadoop-1.20.5",
            "--flink-conf=settings.yaml",
            "--log4j=log4j.properties",
            "--slim",
        ],
    ] {
        let job = ["--job-jar", "job.jar"];
        let digest = run_of_release(&world, &context, &[&["digest"], &job[..]].concat(), words);
        let build = [&["build", "--locked"], &job[..]].concat();
        let built = run_of_release(&world, &context, &build, words);
        let digest = digest.ok().stdout;
        assert_eq!(built.digest(), digest.trim(), "{words:?}");
        found.push(digest);
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}");
}

/// A command with words about content.
type Command<'a> = dyn Fn(&[&str], &[&str]) -> Run + 'a;

#[test]
fn no_digest_is_told_of_a_file_in_a_place_that_may_be_taken() {
    let (world, context) = (World::new(), context("1.20.5"));
    std::fs::create_dir(context.path("same")).unwrap();
    context.write("same/flink-dist-1.20.5.jar", "x");
    let locked = ["--lib=lib/metrics.jar"];
    let of_archive = |command: &[&str], words: &[&str]| run(&context, command, words);
    let of_release =
        |command: &[&str], words: &[&str]| run_of_release(&world, &context, command, words);
    let runs: [&Command<'_>; 2] = [&of_archive, &of_release];
    for run in runs {
        run(&["lock"], &locked).ok();
        let digest = |words: &[&str]| run(&["digest", "--job-jar", "job.jar"], words);
        digest(&locked).ok();
        // Fewer are no doubt.
        digest(&[]).ok();
        for (word, place) in [
            (
                "--lib=same/flink-dist-1.20.5.jar",
                "/opt/flink/lib/flink-dist-1.20.5.jar",
            ),
            (
                "--add=data/rules.json:/opt/flink/conf/rules.json",
                "/opt/flink/conf/rules.json",
            ),
        ] {
            let refused = digest(&[locked[0], word]);
            assert_eq!(refused.code, 4, "{refused}");
            let message = format!("`{place}` was not there when the image was locked");
            assert!(refused.stderr.contains(&message), "{refused}");
            assert!(refused.stderr.contains("lock anew"), "{refused}");
            assert_eq!(refused.stdout, "", "{refused}");
        }
        std::fs::remove_file(context.path("flink-img.lock")).unwrap();
    }
}
