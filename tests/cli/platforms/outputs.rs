//! Where an index goes besides a registry: files, folders, and the local store; and bases that come from there.

use insta::assert_snapshot;
use serde_json::Value;

use super::{BASES, BOTH, index, push, world};
use crate::support::context::{Run, TestContext};
use crate::support::platforms::{bases, write};
use crate::support::registry::Registry;
use crate::support::workshop::{Files, digest_of};

/// Builds the usual job for two platforms, on a base that is an index in a folder.
fn build(context: &TestContext, words: &[&str]) -> Run {
    let base = bases(&BASES, 0);
    write(&base, &context.work(), "oci:base", "acme/base:1");
    let usual = [
        "build",
        "--job-jar",
        "job.jar",
        "--from-archive",
        "flink.tgz",
        "--base",
        "oci:base",
    ];
    context.run([&usual[..], &BOTH, words].concat())
}

/// The digests of all that an index needs, itself among them, each once.
fn needed(files: &Files) -> Vec<String> {
    let json =
        |descriptor: &Value| -> Value { serde_json::from_slice(files.blob(descriptor)).unwrap() };
    let top = files.json("index.json")["manifests"][0].clone();
    let mut digests = vec![digest_of(&top).to_owned()];
    for manifest in json(&top)["manifests"].as_array().unwrap() {
        let image = json(manifest);
        let layers = image["layers"].as_array().unwrap();
        let blobs = layers.iter().chain([manifest, &image["config"]]);
        digests.extend(blobs.map(|blob| digest_of(blob).to_owned()));
    }
    digests.sort();
    digests.dedup();
    digests
}

#[test]
fn folder_and_archive_hold_each_blob_of_the_index_once() {
    let context = TestContext::new();
    let run = build(
        &context,
        &[
            "-o",
            "oci:out",
            "-o",
            "oci-archive:out.tar",
            "-t",
            "acme/job:1",
        ],
    );
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    docker.io/acme/job@sha256:[1]
    ----- stderr -----
    job: made, [SIZE]
    user flink, entrypoint (linux/amd64): made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    user flink, entrypoint (linux/arm64): made, [SIZE]
    Writing oci:out: written
    Writing oci-archive:out.tar: written
    ");
    let folder = Files::in_folder(&context.path("out"));
    assert_eq!(folder, Files::in_archive(&context.path("out.tar")));
    assert_eq!(folder.digest(), run.digest());
    let blobs = folder
        .names()
        .into_iter()
        .filter_map(|name| name.strip_prefix("blobs/sha256/"));
    let blobs: Vec<_> = blobs.map(|hex| format!("sha256:{hex}")).collect();
    assert_eq!(blobs, needed(&folder));
    // Two bases, the user, Flink in two layers, the job; two configs, two manifests, the index.
    assert_eq!(blobs.len(), 11);
    // The second time it is replaced, and nothing is left beside it.
    let again = build(&context, &["-o", "oci:out", "-t", "acme/job:1", "-q"]);
    assert_eq!(again.digest(), run.digest());
    assert_eq!(Files::in_folder(&context.path("out")), folder);
}

#[test]
fn a_base_may_be_an_index_in_a_file() {
    let context = TestContext::new();
    let expected = build(&context, &["-q"]).digest();
    write(
        &bases(&BASES, 0),
        &context.work(),
        "oci-archive:base.oci",
        "acme/base:1",
    );
    for base in [
        "oci-archive:base.oci",
        "oci-archive:base.oci:1",
        "oci:base:1",
    ] {
        let words = [
            "build",
            "-q",
            "--job-jar",
            "job.jar",
            "--from-archive",
            "flink.tgz",
            "--base",
            base,
        ];
        let run = context.run([&words[..], &BOTH].concat());
        assert_eq!(run.digest(), expected, "{base}");
    }
}

#[test]
fn an_index_is_kept_listed_and_pushed_later() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let run = build(&context, &["-t", "acme/job:1"]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    docker.io/acme/job@sha256:[1]
    ----- stderr -----
    job: made, [SIZE]
    user flink, entrypoint (linux/amd64): made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    user flink, entrypoint (linux/arm64): made, [SIZE]
    Kept on this machine; `flink-img push docker.io/acme/job:1` sends it to its registry
    ");
    assert_snapshot!(context.run(["images"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/acme/job:1 sha256:[1]
    ");
    let name = format!("{}/acme/job:1", registry.address());
    let pushed = context.run(["push", "acme/job:1", &name]).sorted();
    assert_snapshot!(pushed, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    config (linux/amd64): pushed, [SIZE]
    config (linux/arm64): pushed, [SIZE]
    sha256:[2]: pushed, [SIZE]
    sha256:[3]: pushed, [SIZE]
    sha256:[4]: pushed, [SIZE]
    sha256:[5]: pushed, [SIZE]
    sha256:[6]: pushed, [SIZE]
    sha256:[7]: pushed, [SIZE]
    ");
    assert_eq!(pushed.digest(), run.digest());
    assert_eq!(index(&registry, "acme/job", "1").manifests.len(), 2);
    registry.clear_requests();
    context.run(["push", "acme/job:1", &name]).ok();
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn a_folder_and_a_push_get_the_same_index() {
    let (world, context) = (world(), TestContext::new());
    let run = push(&world, &context, &["-o", "oci:out"]).ok();
    assert_eq!(
        Files::in_folder(&context.path("out")).digest(),
        run.digest()
    );
    // On a machine that has nothing, layers that both images have come once.
    let runner = TestContext::new();
    let again = push(&world, &runner, &["-o", "oci:out"]).ok();
    assert_eq!(again.digest(), run.digest());
    let mut asked = world.registry.lines();
    asked.retain(|line| line.starts_with("GET /v2/acme/job/blobs/"));
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all, "{asked:?}");
}
