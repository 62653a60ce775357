//! Hadoop that is refused: nothing of it is kept, and no image is made.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use crate::scene::{Scene, jar_path, maven};
use crate::support::context::Run;
use crate::support::fixtures::jar;
use crate::support::lines::{
    mini_hadoop_release_archive, mini_release, mini_release_folder, packed,
};

const BUILD: &str = "build --job-jar job.jar --flink-version 1.9.3 --hadoop-version 2.8";

/// A build with the repository after a change of it.
fn build_with(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>, &str)) -> (Scene, Run) {
    let mut files = maven();
    change(
        &mut files,
        &jar_path("flink-shaded-hadoop-2-uber", "2.8.3-7.0"),
    );
    let scene = Scene::with_maven(files);
    let run = scene.program(BUILD);
    scene.context.assert_nothing_kept();
    (scene, run)
}

#[test]
fn a_jar_with_a_changed_byte() {
    let (_, run) = build_with(|files, jar| *files.get_mut(jar).unwrap().last_mut().unwrap() ^= 1);
    assert_snapshot!(run, @"
    exit code: 8
    ----- stderr -----
    Compressing the base: done, [SIZE]
    flink-shaded-hadoop-2-uber-2.8.3-7.0.jar: refused, [SIZE]
    error: The `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar` of http://127.0.0.1:[PORT]/maven/ does not match its checksum
    hint: do not use these bytes; try again later, or name another repository with `--maven-repository`
    ");
}

#[test]
fn a_jar_without_a_checksum() {
    let (scene, run) = build_with(|files, jar| {
        files.remove(&format!("{jar}.sha256"));
    });
    assert_snapshot!(run, @"
    exit code: 6
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: http://127.0.0.1:[PORT]/maven/ has no checksum for `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar`
    hint: check the version, and name a repository that has the jar with its `.sha512`, `.sha256` or `.sha1`
    ");
    // Without one the jar is not even asked for.
    let jar = jar_path("flink-shaded-hadoop-2-uber", "2.8.3-7.0");
    assert!(!scene.maven.asked().contains(&jar));
}

#[test]
fn a_checksum_that_is_none() {
    let (_, run) = build_with(|files, jar| {
        files.insert(format!("{jar}.sha256"), b"<html>Sign in</html>".to_vec());
    });
    assert_snapshot!(run, @"
    exit code: 8
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: http://127.0.0.1:[PORT]/maven/ has a `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar.sha256` that is of no use
      caused by: it is not a checksum
    hint: name another repository with `--maven-repository`
    ");
}

#[test]
fn a_jar_that_is_not_there() {
    let (_, run) = build_with(|files, jar| {
        files.remove(jar);
    });
    assert_snapshot!(run, @"
    exit code: 6
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: Failed to download `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar` from http://127.0.0.1:[PORT]/maven/
      caused by: the server answers 404
    hint: check the version, or name the repository that has it with `--maven-repository`
    ");
}

#[test]
fn a_jar_that_is_not_the_locked_one() {
    let scene = Scene::new();
    scene
        .program("lock --flink-version 1.9.3 --hadoop-version 2.8")
        .ok();
    let mut files = maven();
    let jar = jar_path("flink-shaded-hadoop-2-uber", "2.8.3-7.0");
    *files.get_mut(&jar).unwrap().last_mut().unwrap() ^= 1;
    scene.maven.replace(files);
    std::fs::remove_dir_all(scene.context.store()).unwrap();
    let run = scene.program(&format!("{BUILD} --locked"));
    assert_snapshot!(run, @"
    exit code: 8
    ----- stderr -----
    Compressing the base: done, [SIZE]
    flink-1.9.3-bin-scala_2.12.tgz: downloaded, [SIZE]
    flink-shaded-hadoop-2-uber-2.8.3-7.0.jar: refused, [SIZE]
    error: Failed to read `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar`
      caused by: The `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar` of http://127.0.0.1:[PORT]/maven/ is not the one that is locked
    hint: do not use these bytes; try again later, or name another repository with `--maven-repository`
    ");
    scene.context.assert_nothing_kept();
}

#[test]
fn another_hadoop_than_the_locked_one() {
    let scene = Scene::new();
    scene
        .program("lock --flink-version 1.9.3 --hadoop-version 2.8")
        .ok();
    let asked = scene.maven.asked().len();
    let other = BUILD.replace("2.8", "2.7");
    assert_snapshot!(scene.program(&format!("{other} --locked")), @"
    exit code: 4
    ----- stderr -----
    error: The image is not the one that is locked: The jar with Hadoop was `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar` and is `flink-shaded-hadoop-2-uber-2.7.5-7.0.jar`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    ");
    let without = BUILD.replace(" --hadoop-version 2.8", "");
    assert_snapshot!(scene.program(&format!("{without} --locked")), @"
    exit code: 4
    ----- stderr -----
    error: The image is not the one that is locked: The jar with Hadoop was `flink-shaded-hadoop-2-uber-2.8.3-7.0.jar` and is gone
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    ");
    assert_eq!(scene.maven.asked().len(), asked);
}

#[test]
fn what_cannot_be_is_refused_before_anybody_is_asked() {
    let scene = Scene::new();
    scene
        .context
        .write("1.7.tgz", mini_hadoop_release_archive("1.7.2"));
    scene.write_release("1.20.tgz", "1.20.5");
    let mut files = mini_release("1.10.3");
    files[0].path = "lib/flink-shaded-hadoop-2-uber-2.7.5-10.0.jar".to_owned();
    scene.context.write("own.tgz", packed("1.10.3", &files));
    for (words, code, says, hint) in [
        (
            "--from-archive 1.20.tgz --hadoop-version 2.8",
            4,
            "Flink 1.20.5 takes Hadoop from outside, and there is none to be put in for it",
            "--lib",
        ),
        (
            "--flink-version 1.11.6 --hadoop-version 2.8",
            4,
            "Flink 1.11.6 takes Hadoop from outside",
            "HADOOP_CLASSPATH",
        ),
        (
            "--hadoop-version 2.8",
            4,
            "Flink 2.3.0 takes Hadoop from outside",
            "--lib",
        ),
        (
            "--from-archive 1.7.tgz --hadoop-version 2.8",
            4,
            "Flink 1.7.2 has Hadoop in its releases, and takes none besides",
            "leave `--hadoop-version` out",
        ),
        (
            "--from-archive own.tgz --hadoop-version 2.8",
            4,
            "`flink-shaded-hadoop-2-uber-2.8.3-10.0.jar` was asked for, and this Flink has `lib/flink-shaded-hadoop-2-uber-2.7.5-10.0.jar` already",
            "leave `--hadoop-version` out",
        ),
        (
            "--flink-version 1.9.3 --hadoop-version 2.9",
            4,
            "There is no Hadoop 2.9 for Flink 1.9.3, only 2.4.1-7.0, 2.6.5-7.0, 2.7.5-7.0 or 2.8.3-7.0",
            "name one of these",
        ),
        (
            "--flink-version 1.9.3 --hadoop-version ../x",
            2,
            "`../x` is not a version of Hadoop",
            "write it like `2.8`",
        ),
        (
            "--flink-version 1.7.2 --hadoop-version 2.8.3",
            2,
            "`2.8.3` is not a version of Hadoop in the name of a release",
            "hint",
        ),
        (
            "--flink-version 1.9.3 --hadoop-version 2.8 --maven-repository http://user:hunter2@maven.example.org/maven2",
            2,
            "`http://maven.example.org/maven2/` is reached without TLS, so anybody on the way could change what comes from it",
            "write its `https` address",
        ),
        (
            "--flink-version 1.9.3 --maven-repository ftp://user:hunter2@maven.example.org/",
            2,
            "`maven.example.org/` is not the address of a Maven repository",
            "https://repo.maven.apache.org/maven2/",
        ),
    ] {
        let run = scene.program(&format!("build --job-jar job.jar {words}"));
        assert_eq!(run.code, code, "{words}: {run}");
        assert!(run.stderr.contains(says), "{words}: {run}");
        assert!(run.stderr.contains(hint), "{words}: {run}");
        assert!(!run.stderr.contains("hunter2"), "{run}");
        scene.assert_untouched(words);
    }
}

#[test]
fn files_of_the_user_in_the_place_of_hadoop() {
    let scene = Scene::new();
    let name = "flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar";
    std::fs::create_dir(scene.context.path("mine")).unwrap();
    scene.context.write(&format!("mine/{name}"), jar(&[]));
    mini_release_folder(&scene.context.path("flink-1.8.3"), "1.8.3");
    let add = format!("--add mine/{name}:/opt/{name}");
    let (artifact, lib) = (
        format!("--job-artifacts mine/{name}"),
        format!("--lib mine/{name}"),
    );
    for source in ["--from-local-dist flink-1.8.3", "--flink-version 1.8.3"] {
        for (words, says) in [
            (
                &artifact,
                format!("Hadoop 2.8.3-1.8.3 has `lib/{name}` already, and `mine/{name}` needs"),
            ),
            (
                &lib,
                format!(
                    "`mine/{name}` cannot be `opt/flink-1.8.3/lib/{name}` in the image: Hadoop"
                ),
            ),
            (
                &add,
                format!("`mine/{name}` cannot be `opt/{name}` in the image: Hadoop"),
            ),
        ] {
            let run = scene.program(&format!("build --hadoop-version 2.8 {source} {words}"));
            assert_eq!(run.code, 3, "{run}");
            assert!(run.stderr.replace("`/opt", "`opt").contains(&says), "{run}");
            scene.assert_untouched(words);
        }
    }
}
