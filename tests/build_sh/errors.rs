//! What is wrong with a call of the script, and what is done about it.
//!
//! The three generations of the script are one program here, which takes the words of all and is not told which is meant. So
//! every row is tried once; its second column only says which generations the row comes from, and is told when it fails.
//! Where the script went on with what could not become an image, this is stricter: it stops before anything is asked for or made.

use insta::assert_snapshot;

use crate::scene::Scene;
use crate::support::lines::mini_release_folder;

/// A way to get it wrong.
#[derive(Clone, Copy)]
struct Row {
    /// What is wrong.
    what: &'static str,
    /// The generations whose row it is, for people.
    generations: &'static str,
    line: &'static str,
    code: i32,
    /// What is said of it.
    says: &'static str,
    /// Whether the script went on, to fail later or not at all.
    stricter: bool,
}

const fn row(
    what: &'static str,
    generations: &'static str,
    line: &'static str,
    code: i32,
    says: &'static str,
) -> Row {
    Row {
        what,
        generations,
        line,
        code,
        says,
        stricter: false,
    }
}

const fn stricter(row: Row) -> Row {
    Row {
        stricter: true,
        ..row
    }
}

const RELEASE_A: &str = "--job-jar job.jar --from-release";

const ROWS: &[Row] = &[
    row(
        "no source",
        "A",
        "--job-jar job.jar",
        1,
        "Nothing says where Flink comes from",
    ),
    row(
        "no source",
        "BC",
        "--job-artifacts job.jar --image-name x",
        1,
        "Nothing says where Flink comes from",
    ),
    row(
        "no word at all",
        "ABC",
        "",
        1,
        "Nothing says where Flink comes from",
    ),
    row(
        "a release without its version",
        "ABC",
        "--job-jar job.jar --from-release --scala-version 2.11 --hadoop-version 2.8",
        1,
        "`--from-release` needs `--flink-version`",
    ),
    row(
        "a release without Scala",
        "ABC",
        "--job-jar job.jar --from-release --flink-version 1.6.0 --hadoop-version 2.8",
        1,
        "`--from-release` needs `--scala-version`",
    ),
    row(
        "a release of the first lines without Hadoop",
        "ABC",
        "--job-jar job.jar --from-release --flink-version 1.7.2 --scala-version 2.11",
        1,
        "`--from-release` needs `--hadoop-version` for Flink 1.7.2",
    ),
    stricter(row(
        "a jar that is not there",
        "AB",
        "--job-jar no.jar --from-archive flink.tgz",
        3,
        "Failed to find `no.jar`",
    )),
    stricter(row(
        "an artifact that is not there",
        "C",
        "--job-artifacts job.jar,no.jar --from-archive flink.tgz",
        3,
        "Failed to find `no.jar`",
    )),
    stricter(row(
        "an artifact that is a folder",
        "C",
        "--job-artifacts job.jar,folder --from-archive flink.tgz",
        3,
        "`folder` is a folder, not a file",
    )),
    stricter(row(
        "a jar that is none",
        "AB",
        "--job-jar text.txt --from-archive flink.tgz",
        3,
        "`text.txt` is not a jar",
    )),
    stricter(row(
        "an archive that is not there",
        "ABC",
        "--job-jar job.jar --from-archive no.tgz",
        3,
        "Failed to find `no.tgz`",
    )),
    stricter(row(
        "an archive that is none",
        "ABC",
        "--job-jar job.jar --from-archive text.txt",
        3,
        "`text.txt`",
    )),
    stricter(row(
        "no distribution that was compiled",
        "ABC",
        "--job-jar job.jar --from-local-dist",
        3,
        "There is no folder `./../../flink-dist/target/flink-*-bin`",
    )),
    stricter(row(
        "a value that is missing at the end",
        "ABC",
        "--from-archive flink.tgz --job-jar",
        1,
        "`--job-jar` needs a value",
    )),
    stricter(row(
        "a value that is missing before a flag",
        "ABC",
        "--job-jar --from-archive flink.tgz",
        1,
        "`--job-jar` needs a value",
    )),
    stricter(row(
        "a version that is none",
        "ABC",
        "--job-jar job.jar --from-release --flink-version 1.9 --scala-version 2.12",
        1,
        "`1.9` is a line of Flink, not a release",
    )),
    stricter(row(
        "a name that is none",
        "ABC",
        "--job-jar job.jar --from-archive flink.tgz --image-name Job:1",
        1,
        "Job:1",
    )),
    stricter(row(
        "a Scala that was not published",
        "BC",
        "--job-jar job.jar --from-release --flink-version 1.9.3 --scala-version 2.10",
        4,
        "Flink 1.9.3 is not published for Scala 2.10, only for 2.11 or 2.12",
    )),
    stricter(row(
        "a Hadoop that was not published",
        "A",
        "--job-jar job.jar --from-release --flink-version 1.6.0 --hadoop-version 3.1 --scala-version 2.11",
        4,
        "Flink 1.6.0 is not published with Hadoop 3.1, only with 2.4, 2.6, 2.7 or 2.8",
    )),
    stricter(row(
        "a Hadoop without a jar",
        "BC",
        "--job-jar job.jar --from-release --flink-version 1.8.3 --hadoop-version 3.1 --scala-version 2.12",
        4,
        "There is no Hadoop 3.1 for Flink 1.8.3, only 2.4.1-1.8.1, 2.7.5-1.8.3 or 2.8.3-1.8.3",
    )),
    stricter(row(
        "a Hadoop for a later line",
        "C",
        "--job-jar job.jar --from-release --flink-version 1.20.5 --hadoop-version 2.8 --scala-version 2.12",
        4,
        "Flink 1.20.5 takes Hadoop from outside",
    )),
    stricter(row(
        "a Flink before the first job image",
        "ABC",
        "--job-jar job.jar --from-release --flink-version 1.5.6 --hadoop-version 2.8 --scala-version 2.11",
        3,
        "Flink 1.5.6 is older than 1.6",
    )),
    stricter(row(
        "a word of a build that is misused",
        "ABC",
        "--job-jar job.jar --from-archive flink.tgz --jobs many",
        1,
        "many",
    )),
];

#[test]
fn what_is_wrong_is_told_before_anything_is_asked_for_or_made() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.9.3");
    scene.context.write("text.txt", "text");
    std::fs::create_dir(scene.context.path("folder")).unwrap();
    for row in ROWS {
        let run = scene.script(row.line);
        let what = format!("{} ({}): {run}", row.what, row.generations);
        assert_eq!(run.code, row.code, "{what}");
        assert!(run.stderr.contains(row.says), "{what}");
        assert_eq!(run.stdout, "", "{what}");
        scene.assert_untouched(&what);
        // What the script refused is told with how it is used, as there, and with its exit code.
        if !row.stricter {
            assert_eq!(run.code, 1, "{what}");
            assert!(run.stderr.contains("Usage:\n  build.sh"), "{what}");
        }
    }
}

#[test]
fn what_a_build_refuses_is_told_without_words_that_nobody_typed() {
    let scene = Scene::new();
    let line = "--job-jar job.jar --from-archive flink.tgz";
    assert_snapshot!(scene.script(&format!("{line} --push --no-push")), @"
    exit code: 1
    ----- stderr -----
    error: the argument '--push' cannot be used with '--no-push'

    For more information, try '--help'.
    ");
    assert_snapshot!(scene.script(&format!("{line} --base -x --jobs many")), @"
    exit code: 1
    ----- stderr -----
    error: invalid value 'many' for '--jobs <N>': invalid digit found in string

    For more information, try '--help'.
    ");
    scene.assert_untouched("misuse");
}

#[test]
fn a_folder_is_named_as_the_hint_says() {
    let scene = Scene::new();
    assert_snapshot!(scene.script("--job-jar job.jar --from-local-dist dist/x"), @"
    exit code: 3
    ----- stderr -----
    warning: What follows `--from-local-dist` is ignored: a folder is named with `--from-local-dist=DIR`
    error: There is no folder `./../../flink-dist/target/flink-*-bin`
    hint: compile Flink first, or name the folder with `--from-local-dist=DIR`
    ");
    mini_release_folder(&scene.context.path("dist/x"), "1.9.3");
    let line = "--job-jar job.jar --from-local-dist=dist/x";
    let script = scene.script(line).ok();
    assert!(!script.stderr.contains("warning"), "{script}");
    let build = scene.program(&format!("build {line}"));
    assert_eq!(build.digest(), script.digest());
}

#[test]
fn a_word_that_begins_like_another_is_ignored_and_the_image_is_built() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.9.3");
    let line = "-hadoop-version 2.8 -test -verbose -quiet -output=foo --job-jar job.jar --from-archive flink.tgz";
    assert_snapshot!(scene.script(line), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    warning: `-h...` is ignored: there is no such flag
    warning: What follows `-h...` is ignored too
    warning: `-t...` is ignored: there is no such flag
    warning: What follows `-t...` is ignored too
    warning: A word that is not known is ignored
    warning: A word that is not known is ignored
    Compressing the base: done, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.9.3: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.9.3: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    scene.image("flink-job");
    assert!(!scene.context.has("foo"));
}

#[test]
fn of_a_word_that_is_said_again_the_last_counts() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.9.3");
    let line = "--job-jar job.jar --from-archive flink.tgz --base rootfs:no.tar --base rootfs:base.tar --no-config --no-config \
        --with-python2 --python --normalize-jar --normalize-jar --dry-run --dry-run";
    let run = scene.script(line);
    // The base has no Python, which only a build that got so far can know.
    assert!(run.stderr.contains("python3"), "{run}");
    assert!(!run.stderr.contains("python2"), "{run}");
    let run = scene.script(&line.replace("--with-python2 --python", "--python --with-python2"));
    assert!(run.stderr.contains("python2"), "{run}");
}

#[test]
fn help_is_no_failure() {
    let scene = Scene::new();
    // The script exited with 1.
    assert_snapshot!(scene.script("--help"), @"
    exit code: 0
    ----- stdout -----
    Usage:
      build.sh JOB --from-local-dist[=DIR] [--image-name NAME]
      build.sh JOB --from-archive FILE [--image-name NAME]
      build.sh JOB --from-release --flink-version X.Y.Z --scala-version X.YY [--hadoop-version X.Y] [--image-name NAME]
      build.sh --help

    JOB is --job-jar FILE, or --job-artifacts FILE,... with what the job needs, and --with-python2 or --with-python3 for a job
    in Python. The image is called flink-job unless it gets another name. --hadoop-version is needed for Flink 1.6 and 1.7,
    and puts Hadoop into images of Flink 1.8 to 1.10.

    This is flink-img under the name of Flink's historic script: nothing is run, and no Docker is needed. The image is kept on
    this machine; --push sends it to its registry. Every word of `flink-img build` is taken too, and all others are ignored.
    ");
    for line in ["--job-jar job.jar --help", "-h"] {
        let run = scene.script(line).ok();
        assert!(run.stdout.starts_with("Usage:"), "{run}");
    }
    scene.assert_untouched("help");
}

#[test]
fn misuse_is_told_with_how_the_script_is_used() {
    let scene = Scene::new();
    assert_snapshot!(scene.script("--job-jar job.jar"), @"
    exit code: 1
    ----- stderr -----
    error: Nothing says where Flink comes from
    Usage:
      build.sh JOB --from-local-dist[=DIR] [--image-name NAME]
      build.sh JOB --from-archive FILE [--image-name NAME]
      build.sh JOB --from-release --flink-version X.Y.Z --scala-version X.YY [--hadoop-version X.Y] [--image-name NAME]
      build.sh --help

    JOB is --job-jar FILE, or --job-artifacts FILE,... with what the job needs, and --with-python2 or --with-python3 for a job
    in Python. The image is called flink-job unless it gets another name. --hadoop-version is needed for Flink 1.6 and 1.7,
    and puts Hadoop into images of Flink 1.8 to 1.10.

    This is flink-img under the name of Flink's historic script: nothing is run, and no Docker is needed. The image is kept on
    this machine; --push sends it to its registry. Every word of `flink-img build` is taken too, and all others are ignored.
    ");
}

#[test]
fn a_release_that_is_not_there_is_no_archive() {
    // A took the error page for the archive; B and C asked first, and exited with 1.
    let scene = Scene::new();
    let line = format!("{RELEASE_A} --flink-version 1.9.0 --scala-version 2.12");
    let run = scene.script(&line);
    assert_eq!(run.code, 7, "{run}");
    let path = "/flink/ gives no checksum: does not have it (404)";
    assert!(run.plain(&run.stderr).contains(path), "{run}");
    scene.context.assert_nothing_kept();
}

#[test]
fn paths_with_blanks_are_paths() {
    // A and C split them into words, each of which failed.
    let scene = Scene::new();
    scene.write_release("my flink.tgz", "1.10.3");
    for name in ["my job.jar", "my model.bin", "one.bin", "two.bin"] {
        std::fs::copy(scene.context.path("job.jar"), scene.context.path(name)).unwrap();
    }
    let build = |words: &[&str]| {
        let archive = ["--from-archive", "my flink.tgz"];
        let run = scene.script_with(&[&archive, words].concat()).ok();
        let image = scene.image("flink-job");
        (run.stderr, image)
    };
    let (told, image) = build(&["--job-jar", "my job.jar"]);
    assert!(!told.contains("warning"), "{told}");
    image.assert_has("/opt/artifacts/my job.jar");
    let (told, image) = build(&["--job-artifacts", "my job.jar, my model.bin"]);
    assert!(!told.contains("warning"), "{told}");
    image.assert_has("/opt/artifacts/my job.jar");
    image.assert_has("/opt/artifacts/my model.bin");
    // A list with blanks was one for C.
    let (told, image) = build(&["--job-artifacts", "one.bin two.bin"]);
    assert!(
        told.contains("warning: `one.bin two.bin` is taken as 2 files; separate them with commas"),
        "{told}"
    );
    image.assert_has("/opt/artifacts/one.bin");
    image.assert_has("/opt/artifacts/two.bin");
}

#[test]
fn what_was_ignored_without_a_word_is_warned_of() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.9.3");
    let line = "--job-jar job.jar --from-archive flink.tgz --flink-version 1.6.0 --scala-version 2.11 --hadoop-version 2.8 \
        --kubernetes-certificates certificates --verbosity 3 --image-name a:1 --image-name b:2";
    assert_snapshot!(scene.script(line), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/b@sha256:[1]
    ----- stderr -----
    warning: `--verbosity` is ignored: there is no such flag
    warning: What follows `--verbosity` is ignored too
    warning: `--flink-version` is ignored, as only `--from-release` reads it
    warning: `--scala-version` is ignored, as only `--from-release` reads it
    warning: `--hadoop-version` is ignored, as only `--from-release` reads it
    warning: `--kubernetes-certificates` is ignored: nothing was ever done with `certificates`
    Compressing the base: done, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.9.3: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.9.3: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/b:2` sends it to its registry
    ");
    assert_eq!(scene.releases_asked(), [""; 0]);
    assert_eq!(scene.maven.asked(), [""; 0]);
}

#[test]
fn a_secret_in_a_word_that_nobody_knows_is_not_told() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.9.3");
    for words in [
        "--password hunter2",
        "--password=hunter2",
        "hunter2",
        "-Phunter2",
        "-hunter2",
        "--password -Xhunter2",
        "--pasword --hunter2",
        "--job-jar job.jar hunter2",
        "--pasword --pin --hunter2",
    ] {
        let run = scene.script(&format!(
            "{words} --job-jar job.jar --from-archive flink.tgz"
        ));
        let run = run.ok();
        assert!(run.stderr.contains("warning: "), "{run}");
        assert!(!run.stderr.contains("hunter2"), "{run}");
    }
}
