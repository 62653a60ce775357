//! The forms in which the guides of the three generations call the script, word by word.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use crate::scene::Scene;
use crate::support::context::Run;
use crate::support::fixtures::jar;
use crate::support::lines::mini_release_folder;

/// A checkout of Flink, from whose `flink-container/docker` the script is called.
struct Checkout<'a> {
    scene: &'a Scene,
    folder: PathBuf,
}

impl<'a> Checkout<'a> {
    /// One in which these versions were compiled.
    fn new(scene: &'a Scene, versions: &[&str]) -> Self {
        let folder = scene.context.path("flink/flink-container/docker");
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(scene.context.work()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            }
        }
        let checkout = Self { scene, folder };
        for version in versions {
            checkout.compile(version);
        }
        checkout
    }

    fn compile(&self, version: &str) {
        let target = format!("../../flink-dist/target/flink-{version}-bin");
        mini_release_folder(&self.folder.join(target), version);
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.scene.context.command(line.split_ascii_whitespace());
        command.current_dir(&self.folder);
        command
    }

    fn script(&self, line: &str) -> Run {
        let mut command = self.command(line);
        command.arg0("./build.sh");
        self.scene.context.finish(command)
    }
}

#[test]
fn generation_a_with_a_job_jar() {
    let scene = Scene::new();
    scene.write_release("flink-1.6.0.tgz", "1.6.0");
    let docker = Checkout::new(&scene, &["1.6.0"]);
    let forms = [
        "--from-local-dist --job-jar job.jar --image-name job:local",
        "--from-archive flink-1.6.0.tgz --job-jar job.jar --image-name job:archive",
        "--from-release --flink-version 1.6.0 --hadoop-version 2.8 --scala-version 2.11 --job-jar job.jar --image-name job:release",
    ];
    for line in forms {
        let run = docker.script(line).ok();
        assert!(!run.stderr.contains("warning"), "{run}");
        let image = scene.image(line.rsplit(' ').next().unwrap());
        image.assert_has("/opt/job.jar");
        image.assert_has("/opt/flink-1.6.0/lib/job.jar -> /opt/job.jar");
    }
    // What was compiled and what was packed of it are the same image.
    let [local, archive] = ["job:local", "job:archive"].map(|name| scene.image(name));
    assert_eq!(local.digest, archive.digest);
    assert_eq!(archive.with("hadoop2"), [""; 0]);
    scene
        .image("job:release")
        .assert_has("/opt/flink-1.6.0/lib/flink-shaded-hadoop2-uber-1.6.0.jar");
}

#[test]
fn generation_b_with_a_job_jar() {
    let scene = Scene::new();
    scene.write_release("flink-1.8.3.tgz", "1.8.3");
    for line in [
        "--job-jar job.jar --from-archive flink-1.8.3.tgz --image-name job:archive",
        "--job-jar job.jar --from-release --flink-version 1.8.3 --scala-version 2.12 --image-name job:release",
        "--job-jar job.jar --from-release --flink-version 1.8.3 --hadoop-version 2.8 --scala-version 2.12 --image-name job:hadoop",
    ] {
        let run = scene.script(line).ok();
        assert!(!run.stderr.contains("warning"), "{run}");
        let image = scene.image(line.rsplit(' ').next().unwrap());
        image.assert_has("/opt/flink-1.8.3/lib/job.jar -> /opt/job.jar");
    }
    assert_eq!(scene.image("job:release").with("hadoop2"), [""; 0]);
    let image = scene.image("job:hadoop");
    image.assert_has("/opt/flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar");
    image.assert_has(
        "/opt/flink-1.8.3/lib/flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar -> /opt/flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar",
    );
}

#[test]
fn generation_c_with_artifacts() {
    let scene = Scene::new();
    scene.context.write("model.bin", "model");
    scene.write_release("flink-1.10.3.tgz", "1.10.3");
    for line in [
        "--job-artifacts job.jar,model.bin --from-archive flink-1.10.3.tgz --image-name job:archive",
        "--job-artifacts job.jar,model.bin --from-release --flink-version 1.10.3 --scala-version 2.12 --image-name job:release",
        "--job-artifacts job.jar,model.bin --from-release --flink-version 1.10.3 --hadoop-version 2.8 --scala-version 2.12 --image-name job:hadoop",
    ] {
        let run = scene.script(line).ok();
        assert!(!run.stderr.contains("warning"), "{run}");
        let image = scene.image(line.rsplit(' ').next().unwrap());
        for path in [
            "/opt/artifacts/job.jar",
            "/opt/artifacts/model.bin",
            "/opt/flink-1.10.3/usrlib -> /opt/artifacts",
        ] {
            image.assert_has(path);
        }
        assert_eq!(image.labels["flink-img.job.jar"], "/opt/artifacts/job.jar");
        assert_eq!(image.labels["flink-img.job.class"], "org.example.Job");
    }
    scene
        .image("job:hadoop")
        .assert_has("/opt/flink-shaded-hadoop-2-uber-2.8.3-10.0.jar");
    // It is the job in all that is told, and where no jar names a class, that is told as well.
    let line = "build --from-archive flink-1.10.3.tgz --job-artifacts";
    let built = scene.program(&format!("{line} job.jar,model.bin --json -q"));
    let job = &built.json()["job"];
    assert_eq!(job["jar"], "/opt/artifacts/job.jar");
    assert_eq!(job["entryClass"], "org.example.Job");
    scene.context.write("connector.jar", jar(&[]));
    let run = scene.program(&format!("{line} connector.jar,model.bin"));
    assert!(run.ok().stderr.contains("entry-class-missing"));
}

#[test]
fn without_a_name_the_image_is_called_flink_job_and_is_not_pushed() {
    let scene = Scene::new();
    scene.write_release("flink-1.9.3.tgz", "1.9.3");
    assert_snapshot!(scene.script("--job-jar job.jar --from-archive flink-1.9.3.tgz"), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.9.3: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.9.3: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    scene.image("flink-job");
    assert!(!scene.context.has("_TMP_"));
}

#[test]
fn the_form_without_a_job_is_built_and_warned_of() {
    let scene = Scene::new();
    let run = scene.script("--from-release --flink-version 1.6.0 --hadoop-version 2.8 --scala-version 2.11 --image-name flink");
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink@sha256:[1]
    ----- stderr -----
    warning: Neither `--job-jar` nor `--job-artifacts` is given; the script made no such image
    Compressing the base: done, [SIZE]
    No job is given, so the image is one for session clusters
    flink-1.6.0-bin-hadoop28-scala_2.11.tgz: downloaded, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.6.0: lib, bin, conf: made, [SIZE]
    Flink 1.6.0: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink` sends it to its registry
    ");
}

#[test]
fn the_script_is_a_link_or_a_copy_and_lies_anywhere() {
    let scene = Scene::new();
    let docker = Checkout::new(&scene, &["1.9.3"]);
    let program = env!("CARGO_BIN_EXE_flink-img");
    let link = docker.folder.join("build.sh");
    std::os::unix::fs::symlink(program, &link).unwrap();
    std::fs::create_dir(scene.context.path("bin")).unwrap();
    let copy = scene.context.path("bin/build.sh");
    std::fs::copy(program, &copy).unwrap();
    let run = |path: &Path| {
        let words = ["--job-jar", "job.jar", "--from-local-dist"];
        let usual = scene.context.command(words);
        let mut command = Command::new(path);
        command.args(words).env_clear();
        for (name, value) in usual.get_envs() {
            command.env(name, value.unwrap());
        }
        command.current_dir(scene.context.work());
        scene.context.finish(command)
    };
    // The folder of the script counts, not that in which it is called.
    let found = run(&link).digest();
    let lost = run(&copy);
    assert_eq!(lost.code, 3, "{lost}");
    let place = copy.with_file_name("../../flink-dist/target/flink-*-bin");
    let place = format!("`{}`", place.display());
    assert!(lost.stderr.contains(&place), "{lost}");
    // Found in the search path, it says nothing of its folder, and that in which it is called counts.
    let mut command = docker.command("--job-jar job.jar --from-local-dist");
    command.arg0("build.sh");
    assert_eq!(scene.context.finish(command).digest(), found);
}

#[test]
fn the_distribution_that_was_compiled_may_be_named_on_a_build() {
    let scene = Scene::new();
    let docker = Checkout::new(&scene, &["1.9.3"]);
    let line = "--job-jar job.jar --from-local-dist";
    let script = docker.script(line).digest();
    let build = |words: &str| {
        let command = docker.command(&format!("build {words}"));
        scene.context.finish(command)
    };
    assert_eq!(build(line).digest(), script);
    let named = format!("{line} ../../flink-dist/target/flink-1.9.3-bin -q");
    assert_eq!(build(&named).digest(), script);
    // Of two nobody knows which is meant.
    docker.compile("1.10.3");
    for run in [docker.script(line), build(line)] {
        assert_eq!(run.code, 3, "{run}");
        for name in ["flink-1.9.3-bin", "flink-1.10.3-bin"] {
            assert!(run.stderr.contains(name), "{run}");
        }
    }
}

#[test]
fn a_file_that_nobody_named_changes_nothing() {
    let scene = Scene::new();
    scene.write_release("flink-1.9.3.tgz", "1.9.3");
    scene
        .context
        .write("flink-img.toml", "image = 'acme/other:1'\npush = true\n");
    let line = "--job-jar job.jar --from-archive flink-1.9.3.tgz";
    let run = scene.script(line).ok();
    assert!(run.stdout.contains("/flink-job@"), "{run}");
    // One that is named is read, as by a build.
    scene
        .context
        .write("other.toml", "image = 'acme/other:1'\n");
    let run = scene.script(&format!("{line} --config other.toml")).ok();
    assert!(run.stdout.contains("/acme/other@"), "{run}");
}
