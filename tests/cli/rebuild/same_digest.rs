//! Whatever is known, on this machine or from an earlier image, the image is the one that somebody gets who knows nothing.

use std::os::unix::fs::PermissionsExt as _;

use super::{World, facts, mirrored, next_commit};
use crate::support::context::{
    JAVA_17, Run, TestContext, base_config, base_entries, forge_fact, layer,
};
use crate::support::files::FileServer;
use crate::support::fixtures::{self, Compress};

/// What somebody gets who knows nothing and believes nothing.
fn truth(world: &World, base: &str, words: &[&str]) -> Run {
    let context = TestContext::new();
    let name = world.name("truth/job:1");
    let words = [words, &["--no-cache"]].concat();
    world.push_on(&context, base, &name, &words).ok()
}

#[test]
fn other_options_than_the_earlier_image_had() {
    let world = World::new();
    let (name, base) = (world.name("acme/job:1"), world.name("acme/base:1"));
    let none: &[&str] = &[];
    for (earlier, now) in [
        (none, &["--compression", "zstd"][..]),
        (&["--compression", "stored"], none),
        (none, &["--java-version", "17.0.1"]),
        (&["--java-version", "17.0.1"], none),
        (&["--java-home", "/usr/lib/jvm/java-17"], none),
        (none, &["--job-artifacts", "base.tar"]),
        (&["--job-artifacts", "base.tar"], none),
    ] {
        let expected = truth(&world, &base, now).digest();
        let context = TestContext::new();
        world.push(&context, &name, earlier).ok();
        // On a machine that has seen nothing, and on the one that made the earlier image.
        let runner = TestContext::new();
        let run = world.push(&runner, &name, now).ok();
        assert_eq!(run.digest(), expected, "{earlier:?}, then {now:?}: {run}");
        world.push(&context, &name, earlier).ok();
        let run = world.push(&context, &name, now).ok();
        assert_eq!(run.digest(), expected, "{earlier:?}, then {now:?}: {run}");
    }
}

#[test]
fn another_release_than_the_earlier_image_had() {
    let mut world = World::new();
    let (name, base) = (world.name("acme/job:1"), world.name("acme/base:1"));
    let context = TestContext::new();
    let before = world.push(&context, &name, &[]).ok();
    // The same version, from somebody who made something else of it.
    world.mirror = FileServer::start(mirrored(b"patched"));
    let expected = truth(&world, &base, &[]).digest();
    assert_ne!(before.digest(), expected);
    let runner = TestContext::new();
    assert_eq!(world.push(&runner, &name, &[]).digest(), expected);
    // And where the other one is in the cache.
    assert_eq!(world.push(&context, &name, &[]).digest(), expected);
}

#[test]
fn a_base_whose_platform_has_a_variant() {
    let world = World::new();
    let tar = fixtures::tar(&base_entries(JAVA_17));
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let mut config: serde_json::Value =
        serde_json::from_slice(&base_config("arm64", &tar)).unwrap();
    config["variant"] = "v8".into();
    let config = config.to_string();
    let layers = [(media_type, &bytes[..])];
    world
        .registry
        .put_image("acme/base", "arm", config.as_bytes(), &layers);
    let (name, base) = (world.name("acme/job:1"), world.name("acme/base:arm"));
    let words = ["--platform", "linux/arm64"];
    world
        .push_on(&TestContext::new(), &base, &name, &words)
        .ok();
    let runner = TestContext::new();
    next_commit(&runner, "org.example.Next");
    let run = world.push_on(&runner, &base, &name, &words).ok();
    assert!(
        run.stderr.contains("plugins: known from the last image"),
        "{run}"
    );
}

#[test]
fn an_earlier_image_whose_blobs_are_gone() {
    let world = World::new();
    let (name, base) = (world.name("acme/job:1"), world.name("acme/base:1"));
    let first = world.push(&TestContext::new(), &name, &[]).ok();
    assert_eq!(truth(&world, &base, &[]).digest(), first.digest());
    let (_, manifest) = world.registry.manifest("acme/job", "1").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    // Its layers but for the base, lowest first: the user, Flink, what is optional of it, the job.
    for gone in [1, 2] {
        let digest = manifest["layers"][gone]["digest"].as_str().unwrap();
        world
            .registry
            .forget_blob("acme/job", digest.parse().unwrap());
        for (to, words) in [
            ("acme/job:1", &["-o", "oci:out"][..]),
            ("copies/job:1", &["--cache-from", &name]),
        ] {
            let runner = TestContext::new();
            next_commit(&runner, "org.example.Next");
            let expected = {
                let context = TestContext::new();
                next_commit(&context, "org.example.Next");
                let name = world.name("truth/next:1");
                world.push(&context, &name, &["--no-cache"]).digest()
            };
            let run = world.push(&runner, &world.name(to), words).ok();
            assert!(
                run.stderr.contains("nothing is taken from earlier images"),
                "{run}"
            );
            assert_eq!(run.digest(), expected);
            world.registry.forget("copies/job");
            world.registry.forget("acme/job");
            world.push(&TestContext::new(), &name, &["--no-cache"]).ok();
            world
                .registry
                .forget_blob("acme/job", digest.parse().unwrap());
        }
        world.registry.forget("acme/job");
        world.push(&TestContext::new(), &name, &["--no-cache"]).ok();
    }
}

#[test]
fn of_two_names_one_leads_to_the_image_already() {
    let world = World::new();
    let (one, two) = (world.name("acme/job:1"), world.name("acme/job:2"));
    let first = world.push(&TestContext::new(), &one, &[]).ok();
    let both = format!("{one},{two}");
    let run = world.push(&TestContext::new(), &both, &[]).ok();
    assert_eq!(run.digest(), first.digest());
    assert_eq!(world.registry.count("PUT /v2/acme/job/manifests/1"), 0);
    assert_eq!(
        world.registry.manifest("acme/job", "1"),
        world.registry.manifest("acme/job", "2")
    );
}

#[test]
fn a_wrong_memory_that_cannot_be_corrected() {
    let world = World::new();
    let mut context = TestContext::new();
    context.become_nobody();
    let first = world.push(&context, &world.name("acme/job:1"), &[]).ok();
    for path in facts(&context, "layer") {
        forge_fact(&path, |fact| {
            let mut fact: serde_json::Value = serde_json::from_str(fact).unwrap();
            fact["descriptor"]["digest"] = format!("sha256:{}", "7".repeat(64)).into();
            fact.to_string()
        });
    }
    let folder = context.store().join("facts/layer");
    let allow = |mode| {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(0o555);
    let run = world.push(&context, &world.name("elsewhere/job:1"), &[]);
    allow(0o700);
    assert_eq!(run.digest(), first.digest());
}
