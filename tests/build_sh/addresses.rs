//! Which file is asked for, for each release that the script could be asked for, and that it is in the image.

use crate::scene::Scene;

/// Words, the file that is asked for, and a path that only a release of it has.
const ROWS: [(&str, &str, &str); 10] = [
    (
        "--flink-version 1.6.0 --hadoop-version 2.8 --scala-version 2.11",
        "flink-1.6.0/flink-1.6.0-bin-hadoop28-scala_2.11.tgz",
        "/opt/flink-1.6.0/lib/flink-shaded-hadoop2-uber-1.6.0.jar",
    ),
    (
        "--flink-version 1.7.2 --hadoop-version 2.8 --scala-version 2.11",
        "flink-1.7.2/flink-1.7.2-bin-hadoop28-scala_2.11.tgz",
        "/opt/flink-1.7.2/lib/flink-shaded-hadoop2-uber-1.7.2.jar",
    ),
    // Generation A came with 1.8.0, and asked for a file with Hadoop that was never published (FLINK-12416).
    (
        "--flink-version 1.8.0 --scala-version 2.12",
        "flink-1.8.0/flink-1.8.0-bin-scala_2.12.tgz",
        "/opt/flink-1.8.0/lib/flink-dist_2.12-1.8.0.jar",
    ),
    (
        "--flink-version 1.8.3 --scala-version 2.12",
        "flink-1.8.3/flink-1.8.3-bin-scala_2.12.tgz",
        "/opt/flink-1.8.3/lib/flink-dist_2.12-1.8.3.jar",
    ),
    (
        "--flink-version 1.8.3 --hadoop-version 2.8 --scala-version 2.12",
        "flink-1.8.3/flink-1.8.3-bin-scala_2.12.tgz",
        "/opt/flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar",
    ),
    (
        "--flink-version 1.9.3 --hadoop-version 2.8 --scala-version 2.12",
        "flink-1.9.3/flink-1.9.3-bin-scala_2.12.tgz",
        "/opt/flink-shaded-hadoop-2-uber-2.8.3-7.0.jar",
    ),
    // Generation C came with 1.10, took it for older than 1.8, and could not have it.
    (
        "--flink-version 1.10.3 --scala-version 2.12",
        "flink-1.10.3/flink-1.10.3-bin-scala_2.12.tgz",
        "/opt/flink-1.10.3/lib/flink-dist_2.12-1.10.3.jar",
    ),
    (
        "--flink-version 1.10.3 --hadoop-version 2.7.5 --scala-version 2.12",
        "flink-1.10.3/flink-1.10.3-bin-scala_2.12.tgz",
        "/opt/flink-1.10.3/lib/flink-shaded-hadoop-2-uber-2.7.5-10.0.jar -> /opt/flink-shaded-hadoop-2-uber-2.7.5-10.0.jar",
    ),
    (
        "--flink-version 1.20.5 --scala-version 2.12",
        "flink-1.20.5/flink-1.20.5-bin-scala_2.12.tgz",
        "/opt/flink/lib/flink-dist-1.20.5.jar",
    ),
    (
        "--flink-version 2.3.0 --scala-version 2.12",
        "flink-2.3.0/flink-2.3.0-bin-scala_2.12.tgz",
        "/opt/flink/lib/flink-dist-2.3.0.jar",
    ),
];

#[test]
fn each_release_is_asked_for_under_the_name_that_it_was_published_under() {
    for (words, file, path) in ROWS {
        let scene = Scene::new();
        let base = if words.contains("2.3.0") {
            "--base rootfs:java11.tar"
        } else {
            ""
        };
        let line = format!("--job-jar job.jar --from-release {words} {base}");
        let run = scene.script(&line).ok();
        assert!(!run.stderr.contains("warning"), "{run}");
        assert_eq!(
            scene.releases_asked(),
            [format!("/flink/{file}")],
            "{words}"
        );
        scene.image("flink-job").assert_has(path);
        // `build` means the same by these words.
        let asked = scene.mirror.asked().len();
        let built = scene.program(&format!("build {line}")).digest();
        assert_eq!(built, run.digest(), "{words}");
        assert!(scene.mirror.asked().len() <= asked + 1, "{words}");
    }
}

#[test]
fn a_build_takes_the_release_without_hadoop_where_none_is_named() {
    for version in ["1.6.0", "1.7.2"] {
        let scene = Scene::new();
        let line = format!("build --job-jar job.jar --flink-version {version}");
        scene.program(&line).ok();
        let file = format!("/flink/flink-{version}/flink-{version}-bin-scala_2.11.tgz");
        assert_eq!(scene.releases_asked(), [file]);
        assert_eq!(scene.image("flink-job").with("hadoop2"), [""; 0]);
    }
}
