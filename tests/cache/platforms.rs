//! A kept index: all its images count as kept, and what is damaged in one of them is found.

use std::path::PathBuf;

use flink_img::oci::{ImageSet, Reference};
use flink_img::store::Store;
use insta::assert_snapshot;

use crate::support::context::{Run, TestContext};
use crate::support::platforms::{bases, write};
use crate::{assert_sound, blobs, build_unkept, total};

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64/v8"];

/// Builds for two platforms, and keeps the index as `acme/job:1`.
fn keep(context: &TestContext) -> Run {
    write(
        &bases(&PLATFORMS, 0),
        &context.work(),
        "oci:base",
        "acme/base:1",
    );
    let words = [
        "build",
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
    ];
    let more = ["--base", "oci:base", "-t", "acme/job:1", "--platform"];
    let all = PLATFORMS.join(",");
    context.run([&words[..], &more, &[&all]].concat()).ok()
}

/// What is kept as `acme/job:1`.
fn kept(context: &TestContext) -> ImageSet {
    let name: Reference = "acme/job:1".parse().unwrap();
    let store = Store::open(&context.store()).unwrap();
    store.image(&name).unwrap()
}

#[test]
fn shared_layers_are_in_the_store_once_and_pruning_leaves_all_that_an_index_needs() {
    let context = TestContext::new();
    let digest = keep(&context).digest();
    let needed = blobs(&context);
    // Two bases, the user, Flink in two layers, the job; two configs, two manifests, the index.
    assert_eq!(needed.len(), 11);
    build_unkept(&context).ok();
    assert!(blobs(&context).len() > needed.len());
    let info = context.run(["cache", "info", "--json"]).json();
    assert_eq!(info["kept"]["count"], needed.len(), "{info}");
    let pruned = context.run(["cache", "prune", "--json"]).json();
    assert_eq!(pruned["kept"], total(&needed));
    assert_eq!(blobs(&context), needed);
    assert_sound(&context);
    assert_eq!(kept(&context).digest().to_string(), digest);
    assert_eq!(keep(&context).digest(), digest);
}

#[test]
fn damage_in_any_image_of_an_index_is_found() {
    let context = TestContext::new();
    keep(&context);
    let images = kept(&context);
    let second = &images.images()[1];
    let documents = [
        images.digest(),
        second.digest(),
        flink_img::oci::Digest::of(&second.config),
        second.layers[0].descriptor.digest,
        second.layers[3].descriptor.digest,
    ];
    for digest in documents {
        let path: PathBuf = context.store().join("blobs/sha256").join(digest.hex());
        let right = std::fs::read(&path).unwrap();
        let mut wrong = right.clone();
        wrong[right.len() / 2] ^= 1;
        std::fs::write(&path, &wrong).unwrap();
        let run = context.run(["cache", "verify", "--json"]);
        assert_eq!(run.code, 8, "{run}");
        let verified: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let mut found: Vec<_> = verified["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["what"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, ["blob", "image"], "{digest}");
        std::fs::write(&path, &right).unwrap();
    }
    context.run(["cache", "verify"]).ok();
    // What is not known to be needed is not taken either.
    let manifest = context
        .store()
        .join("blobs/sha256")
        .join(second.digest().hex());
    std::fs::remove_file(manifest).unwrap();
    assert_snapshot!(context.run(["cache", "prune"]), @"
    exit code: 8
    ----- stderr -----
    error: The image `docker.io/acme/job:1` was kept and is damaged, so it is not known what it needs
      caused by: `[TEMP]/home/.cache/flink-img` lacks the blob `sha256:[1]`
    hint: build it again under this name
    ");
    assert_snapshot!(context.run(["push", "acme/job:1", "127.0.0.1:1/acme/job"]), @"
    exit code: 3
    ----- stderr -----
    error: `[TEMP]/home/.cache/flink-img` lacks the blob `sha256:[1]`
    hint: get or build it again
    ");
}
