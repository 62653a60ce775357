//! `flink-img resolve`: names of images become names with digests, in files of all kinds.

mod files;
mod refused;
mod registries;

use std::fs::File;

use flink_img::oci::Digest;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::context::{Run, TestContext};

/// A pod of a job.
const POD: &str = "\
kind: Pod
metadata: {name: flink-job} # not an image
spec:
  containers:
  - name: job
    image:  \"ghcr.io/acme/job:1\"  # the job
  - {name: other, image: 'busybox:1'}
";

/// `resolve` with more words.
fn resolve(context: &TestContext, words: &[&str]) -> Run {
    context.run(["resolve"].iter().chain(words))
}

/// Writes the metadata of a build, and returns its digest.
fn write_metadata(context: &TestContext, file: &str, names: &[&str]) -> Digest {
    let digest = Digest::of(file.as_bytes());
    let metadata = json!({"digest": digest, "names": names, "pushed": true});
    context.write(file, metadata.to_string());
    digest
}

#[test]
fn its_words() {
    let context = TestContext::new();
    let help = context.run(["resolve", "--help"]).ok().stdout;
    let (help, _) = help.split_once("Global options:").unwrap();
    assert_snapshot!(help, @"
    Turn the names of images in Kubernetes manifests, Helm values and other YAML into names with digests

    Usage: flink-img resolve [OPTIONS] --file <FILE|DIR|->

    Options:
      -f, --file <FILE|DIR|->     A file; a folder, with all *.yaml, *.yml and *.json below it; or - for
                                  stdin. May be repeated
          --metadata-file <FILE>  Look for the images of this build, as `build --metadata-file` wrote it
                                  down; may be repeated [default: the images that `flink-img images`
                                  lists]
          --all                   Also ask registries for all other images: under keys `image`, with a
                                  registry and a tag, or in parts (`repository`, `tag`)
          --in-place              Change the files, instead of printing them
          --require-match         Fail if no image is found, instead of warning
      -h, --help                  Print help
    ");
}

#[test]
fn what_was_built_is_pinned_from_its_metadata_and_from_the_store() {
    let context = TestContext::new();
    let words = ["-t", "ghcr.io/acme/job:1", "--metadata-file", "build.json"];
    context.digest(&words);
    let metadata: serde_json::Value = serde_json::from_slice(&context.read("build.json")).unwrap();
    let digest = metadata["digest"].as_str().unwrap();
    context.write("pod.yaml", POD);
    let run = resolve(
        &context,
        &["-f", "pod.yaml", "--metadata-file", "build.json"],
    )
    .ok();
    assert_eq!(
        run.stdout,
        POD.replace("job:1\"", &format!("job@{digest}\""))
    );
    assert_snapshot!(run, @r#"
    exit code: 0
    ----- stdout -----
    kind: Pod
    metadata: {name: flink-job} # not an image
    spec:
      containers:
      - name: job
        image:  "ghcr.io/acme/job@sha256:[1]"  # the job
      - {name: other, image: 'busybox:1'}
    ----- stderr -----
    1 image in 1 file became a digest
    "#);
    assert_eq!(context.read("pod.yaml"), POD.as_bytes());
    let kept = resolve(&context, &["-f", "pod.yaml", "-v"]).ok();
    assert_eq!(kept.stdout, run.stdout);
    assert_snapshot!(kept, @r#"
    exit code: 0
    ----- stdout -----
    kind: Pod
    metadata: {name: flink-job} # not an image
    spec:
      containers:
      - name: job
        image:  "ghcr.io/acme/job@sha256:[1]"  # the job
      - {name: other, image: 'busybox:1'}
    ----- stderr -----
    `pod.yaml` line 6: `ghcr.io/acme/job:1` is now `ghcr.io/acme/job@sha256:[1]`
    1 image in 1 file became a digest
    "#);
    // Another image of the same name is another digest.
    context.build(&["-t", "ghcr.io/acme/job:1"]).ok();
    let other = resolve(&context, &["-f", "pod.yaml"]).ok();
    assert!(other.stdout.contains("ghcr.io/acme/job@sha256:"));
    assert_ne!(other.stdout, run.stdout);
}

#[test]
fn stdin_is_read_and_each_build_counts() {
    let context = TestContext::new();
    let job = write_metadata(&context, "job.json", &["ghcr.io/acme/job:1"]);
    let other = write_metadata(&context, "other.json", &["other:2", "busybox:1"]);
    context.write("pod.yaml", POD.replace('\n', "\r\n"));
    let words = [
        "resolve",
        "-f",
        "-",
        "--metadata-file",
        "job.json",
        "--metadata-file",
        "other.json",
    ];
    let mut command = context.command(words);
    command.stdin(File::open(context.path("pod.yaml")).unwrap());
    let run = context.finish(command).ok();
    let expected = POD
        .replace("job:1\"", &format!("job@{job}\""))
        .replace("busybox:1", &format!("busybox@{other}"))
        .replace('\n', "\r\n");
    assert_eq!(run.stdout, expected);
    assert_eq!(run.stderr, "2 images in 1 file became digests\n");
}

#[test]
fn a_file_without_the_image_is_a_warning_or_an_error() {
    let context = TestContext::new();
    context.write("pod.yaml", "image: busybox:1\n");
    assert_snapshot!(resolve(&context, &["-f", "pod.yaml"]), @"
    exit code: 0
    ----- stdout -----
    image: busybox:1
    ----- stderr -----
    warning: No image was kept on this machine that could be looked for; name a build with `--metadata-file`, or ask registries with `--all`
    ");
    write_metadata(&context, "build.json", &["a", "b", "c:1", "d", "e"]);
    let words = ["-f", "pod.yaml", "--metadata-file", "build.json"];
    assert_snapshot!(resolve(&context, &words), @"
    exit code: 0
    ----- stdout -----
    image: busybox:1
    ----- stderr -----
    warning: Nothing in `pod.yaml` names what was built: `docker.io/library/a`, `docker.io/library/b`, `docker.io/library/c:1`, 2 more
    ");
    let strict = [&words[..], &["--require-match"]].concat();
    assert_snapshot!(resolve(&context, &strict), @"
    exit code: 3
    ----- stderr -----
    error: Nothing in `pod.yaml` names what was built: `docker.io/library/a`, `docker.io/library/b`, `docker.io/library/c:1`, 2 more
    hint: name the image in a file as it was built, or leave `--require-match` out
    ");
    // An image that has its digest is found.
    let digest = write_metadata(&context, "build.json", &["busybox:1"]);
    context.write("pod.yaml", format!("image: busybox@{digest}\n"));
    assert_snapshot!(resolve(&context, &strict), @"
    exit code: 0
    ----- stdout -----
    image: busybox@sha256:[1]
    ----- stderr -----
    Nothing to change: 1 image by digest already
    ");
    context.write(
        "pod.yaml",
        format!("a: {{image: busybox@{digest}}}\nimage: busybox:1\n"),
    );
    assert_eq!(
        resolve(&context, &strict).ok().stderr,
        "1 image in 1 file became a digest, and 1 had it already\n"
    );
}
