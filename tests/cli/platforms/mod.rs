//! Images for several platforms: an index, and what its images have in common made, kept and sent once.

mod outputs;
mod refused;
mod requests;

use flink_img::oci::{Digest, Document, Index};
use flink_img::store::Layout;
use insta::assert_snapshot;
use serde_json::Value;

use crate::rebuild::{LARGE, World};
use crate::support::context::{Run, TestContext};
use crate::support::platforms::{bases, put};
use crate::support::registry::Registry;

/// What the base of [`world`] is for, as its index says it.
const BASES: [&str; 3] = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7"];
/// Two of these.
const BOTH: [&str; 2] = ["--platform", "linux/amd64,linux/arm64"];

/// A registry that has a base for several platforms as `acme/base:all`, and a mirror with Flink.
fn world() -> World {
    let world = World::new();
    put(&world.registry, "acme/base", "all", &bases(&BASES, LARGE));
    world
}

/// Builds for two platforms on the base of [`world`], and pushes as `acme/job:1`.
fn push(world: &World, context: &TestContext, words: &[&str]) -> Run {
    let (base, name) = (world.name("acme/base:all"), world.name("acme/job:1"));
    world.push_on(context, &base, &name, &[&BOTH, words].concat())
}

/// What a name leads to, which must be an index.
fn index(registry: &Registry, repository: &str, tag: &str) -> Index {
    let (media_type, bytes) = registry.manifest(repository, tag).unwrap();
    match Document::parse(&bytes, Some(&media_type)).unwrap() {
        Document::Index(index) => index,
        Document::Manifest(_) => panic!("`{repository}:{tag}` is no index"),
    }
}

/// How many lines of stderr have this in them.
fn told(run: &Run, text: &str) -> usize {
    run.stderr
        .lines()
        .filter(|line| line.contains(text))
        .count()
}

#[test]
fn what_images_have_in_common_is_told_made_and_sent_once() {
    let (world, context) = (world(), TestContext::new());
    let run = push(&world, &context, &[]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: pushed, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Flink 1.20.5: opt, examples: pushed, [SIZE]
    base, sha256:[2] (linux/amd64): mounted
    base, sha256:[3] (linux/arm64): mounted
    config (linux/amd64): pushed, [SIZE]
    config (linux/arm64): pushed, [SIZE]
    flink-1.20.5-bin-scala_2.12.tgz: downloaded, [SIZE]
    job: made, [SIZE]
    job: pushed, [SIZE]
    sha256:[2]: pulled, [SIZE]
    sha256:[4]: pulled, [SIZE]
    sha256:[3]: pulled, [SIZE]
    sha256:[5]: pulled, [SIZE]
    user flink, entrypoint (linux/amd64): made, [SIZE]
    user flink, entrypoint (linux/amd64): pushed, [SIZE]
    user flink, entrypoint (linux/arm64): made, [SIZE]
    ");
    let pushed = index(&world.registry, "acme/job", "1");
    assert_eq!(run.digest(), Digest::of(&pushed.to_bytes()).to_string());
    assert_snapshot!(run.plain(&serde_json::to_string_pretty(&pushed).unwrap()), @r#"
    {
      "schemaVersion": 2,
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "manifests": [
        {
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "digest": "sha256:[1]",
          "size": 2047,
          "platform": {
            "os": "linux",
            "architecture": "amd64"
          }
        },
        {
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "digest": "sha256:[2]",
          "size": 2047,
          "platform": {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8"
          }
        }
      ]
    }
    "#);
    // Nothing of it is another image than that of the platform alone.
    for (manifest, platform) in pushed.manifests.iter().zip(["linux/amd64", "linux/arm64"]) {
        let context = TestContext::new();
        let (base, name) = (world.name("acme/base:all"), world.name("alone/job:1"));
        let alone = world.push_on(&context, &base, &name, &["--platform", platform]);
        assert_eq!(alone.digest(), manifest.digest.to_string());
    }
}

#[test]
fn neither_order_nor_repetition_changes_the_digest() {
    let (world, context) = (world(), TestContext::new());
    let first = push(&world, &context, &[]).digest();
    for words in [
        &["--platform", "linux/arm64,linux/amd64"][..],
        &["--platform", "linux/arm64", "--platform", "linux/amd64"],
        &["--platform", "linux/arm64/v8,linux/amd64,linux/arm64"],
    ] {
        let (base, name) = (world.name("acme/base:all"), world.name("acme/other:1"));
        let run = world.push_on(&context, &base, &name, words);
        assert_eq!(run.digest(), first, "{words:?}");
    }
}

#[test]
fn one_platform_that_is_given_twice_makes_no_index() {
    let (world, context) = (world(), TestContext::new());
    let build = |words: &[&str]| {
        let (base, name) = (world.name("acme/base:all"), world.name("acme/one:1"));
        world.push_on(&context, &base, &name, words).digest()
    };
    let once = build(&["--platform", "linux/arm64"]);
    assert_eq!(build(&["--platform", "linux/arm64,linux/arm64/v8"]), once);
    let (media_type, _) = world.registry.manifest("acme/one", "1").unwrap();
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
}

#[test]
fn json_lists_the_images() {
    let (world, context) = (world(), TestContext::new());
    let run = push(&world, &context, &["--json"]);
    let metadata = run.json();
    let images = metadata["images"].as_array().unwrap();
    assert_snapshot!(keys(&metadata), @"digest flink images job kept names outputs pushed references");
    assert_snapshot!(keys(&images[0]), @"base configDigest digest layers platform");
    let pushed = index(&world.registry, "acme/job", "1");
    assert_eq!(
        metadata["digest"],
        Digest::of(&pushed.to_bytes()).to_string()
    );
    for (image, manifest) in images.iter().zip(&pushed.manifests) {
        let architecture = image["platform"]["architecture"].as_str().unwrap();
        assert_eq!(
            architecture,
            manifest.platform.as_ref().unwrap().architecture
        );
        assert_eq!(image["digest"], manifest.digest.to_string());
        assert_eq!(
            image["base"]["javaHome"],
            format!("/usr/lib/jvm/java-17-{architecture}")
        );
    }
    assert_eq!(images.len(), pushed.manifests.len());
    assert_eq!(images[0]["layers"][2], images[1]["layers"][2]);
    assert_ne!(images[0]["layers"][0], images[1]["layers"][0]);
}

fn keys(object: &Value) -> String {
    let keys: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
    keys.join(" ")
}

#[test]
fn a_dry_run_tells_a_plan_for_each() {
    let (world, context) = (world(), TestContext::new());
    let base = world.name("acme/base:all");
    let words = [
        "build",
        "--from-archive",
        "flink.tgz",
        "--dry-run",
        "--base",
    ];
    let run = context.run([&words[..], &[&base], &BOTH].concat());
    let plans = run.json();
    let plans = plans["images"].as_array().unwrap();
    for (plan, platform) in plans.iter().zip(["linux/amd64", "linux/arm64"]) {
        let alone = context.run([&words[..], &[&base, "--platform", platform]].concat());
        assert_eq!(*plan, alone.json());
    }
    assert_eq!(plans.len(), 2);
}

#[test]
fn each_platform_of_a_layout_is_read_back_with_its_own_java() {
    let (world, context) = (world(), TestContext::new());
    push(&world, &context, &["-o", "oci:out"]).ok();
    let layout = Layout::open(&context.path("out")).unwrap();
    for platform in ["linux/amd64", "linux/arm64"] {
        let platform = platform.parse().unwrap();
        let image = layout.select(Some("1"), &platform).unwrap();
        let config: Value = serde_json::from_slice(&image.config).unwrap();
        assert_eq!(config["architecture"], platform.architecture);
        let home = format!("JAVA_HOME=/usr/lib/jvm/java-17-{}", platform.architecture);
        let variables = config["config"]["Env"].as_array().unwrap();
        assert!(variables.contains(&home.as_str().into()), "{variables:?}");
    }
}
