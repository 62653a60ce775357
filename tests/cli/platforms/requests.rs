//! How many requests images for several platforms cost, and how few those that are known.

use flink_img::oci::Digest;
use insta::assert_snapshot;

use super::{BOTH, index, push, told, world};
use crate::rebuild::{LARGE, RECEIVED_LIMIT, facts, next_commit};
use crate::support::context::{TestContext, forge_fact, names};

#[test]
fn a_first_build_asks_for_the_index_of_the_base_once() {
    let (world, context) = (world(), TestContext::new());
    let run = push(&world, &context, &[]).ok();
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /v2/acme/base/blobs/sha256:[1] 200
    GET /v2/acme/base/blobs/sha256:[2] 200
    GET /v2/acme/base/blobs/sha256:[3] 200
    GET /v2/acme/base/blobs/sha256:[4] 200
    GET /v2/acme/base/manifests/all 200
    GET /v2/acme/base/manifests/sha256:[5] 200
    GET /v2/acme/base/manifests/sha256:[6] 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 404
    GET /v2/acme/job/manifests/sha256:[7] 200
    GET /v2/acme/job/manifests/sha256:[8] 200
    GET /v2/acme/job/manifests/sha256:[9] 200
    HEAD /v2/acme/job/blobs/sha256:[1] 404
    HEAD /v2/acme/job/blobs/sha256:[3] 404
    POST /v2/acme/job/blobs/uploads/ 202
    POST /v2/acme/job/blobs/uploads/?from=acme/base 201
    POST /v2/acme/job/blobs/uploads/?from=acme/base 201
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/manifests/1 201
    PUT /v2/acme/job/manifests/sha256:[8] 201
    PUT /v2/acme/job/manifests/sha256:[9] 201
    ");
    assert!(world.received() > 3 * LARGE, "{}", world.received());
}

#[test]
fn nothing_is_made_or_sent_twice_without_a_memory_either() {
    let (world, context) = (world(), TestContext::new());
    let first = push(&world, &context, &[]).ok();
    let sent = world.sent();
    for words in [&["--no-cache"][..], &["--no-cache", "-o", "oci:out"]] {
        world.registry.forget("acme/job");
        let run = push(&world, &context, words).ok();
        assert_eq!(run.digest(), first.digest());
        assert_eq!(told(&run, "plugins: made"), 1, "{run}");
        assert_eq!(told(&run, "plugins: pushed"), 1, "{run}");
        assert_eq!(world.sent(), sent, "{words:?}");
    }
}

#[test]
fn a_machine_that_has_seen_nothing_makes_and_sends_the_job_alone() {
    let world = world();
    push(&world, &TestContext::new(), &[]).ok();
    let runner = TestContext::new();
    next_commit(&runner, "org.example.Next");
    let run = push(&world, &runner, &[]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: already in the registry
    Flink 1.20.5: lib, bin, conf, plugins: known from the last image
    Flink 1.20.5: opt, examples: already in the registry
    Flink 1.20.5: opt, examples: known from the last image
    base, sha256:[2] (linux/amd64): already in the registry
    base, sha256:[3] (linux/arm64): already in the registry
    config (linux/amd64): pushed, [SIZE]
    config (linux/arm64): pushed, [SIZE]
    job: made, [SIZE]
    job: pushed, [SIZE]
    sha256:[4]: pulled, [SIZE]
    sha256:[5]: pulled, [SIZE]
    sha256:[6]: pulled, [SIZE]
    sha256:[7]: pulled, [SIZE]
    user flink, entrypoint (linux/amd64): already in the registry
    user flink, entrypoint (linux/amd64): known from the last image
    user flink, entrypoint (linux/arm64): known from the last image
    ");
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /v2/acme/base/blobs/sha256:[1] 200
    GET /v2/acme/base/blobs/sha256:[2] 200
    GET /v2/acme/base/manifests/all 200
    GET /v2/acme/base/manifests/sha256:[3] 200
    GET /v2/acme/base/manifests/sha256:[4] 200
    GET /v2/acme/job/blobs/sha256:[5] 200
    GET /v2/acme/job/blobs/sha256:[6] 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/sha256:[7] 200
    GET /v2/acme/job/manifests/sha256:[8] 200
    GET /v2/acme/job/manifests/sha256:[9] 200
    GET /v2/acme/job/manifests/sha256:[10] 200
    GET /v2/acme/job/manifests/sha256:[11] 200
    POST /v2/acme/job/blobs/uploads/ 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/manifests/1 201
    PUT /v2/acme/job/manifests/sha256:[8] 201
    PUT /v2/acme/job/manifests/sha256:[10] 201
    ");
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());
    let jar = runner.read("job.jar").len();
    assert!(world.sent() < jar + 50_000, "{}", world.sent());
    assert_eq!(names(&runner.store().join("blobs/sha256")), [""; 0]);
}

#[test]
fn an_index_that_is_there_already_costs_one_request() {
    let (world, context) = (world(), TestContext::new());
    push(&world, &context, &[]).ok();
    let run = push(&world, &context, &[]).ok();
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /v2/acme/base/manifests/all 200
    GET /v2/acme/job/manifests/1 200
    ");
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    `127.0.0.1:[PORT]/acme/job:1` is this image already
    job: known from an earlier build
    user flink, entrypoint (linux/amd64): known from an earlier build
    user flink, entrypoint (linux/arm64): known from an earlier build
    ");
}

#[test]
fn an_image_for_one_platform_tells_of_its_layers_and_so_does_an_index() {
    let world = world();
    let (base, name) = (world.name("acme/base:all"), world.name("acme/job:1"));
    let one: &[&str] = &["--platform", "linux/arm64"];
    for (earlier, now, made) in [
        // Of the other platform, the user is made, and the base is looked into for that.
        (one, &BOTH[..], 1),
        (&BOTH, one, 0),
    ] {
        world.registry.forget("acme/job");
        world
            .push_on(&TestContext::new(), &base, &name, earlier)
            .ok();
        let run = world.push_on(&TestContext::new(), &base, &name, now).ok();
        assert_eq!(told(&run, "plugins: known from the last image"), 1, "{run}");
        assert_eq!(
            told(&run, ": made"),
            made,
            "{earlier:?}, then {now:?}: {run}"
        );
        let expected = world.name("truth/job:1");
        let words = [now, &["--no-cache"]].concat();
        let truth = world.push_on(&TestContext::new(), &base, &expected, &words);
        assert_eq!(run.digest(), truth.digest());
    }
}

#[test]
fn several_names_share_the_manifests_of_their_repository() {
    let (world, context) = (world(), TestContext::new());
    let base = world.name("acme/base:all");
    let all = ["acme/job:1", "acme/job:2", "copies/job:1"].map(|name| world.name(name));
    let run = world.push_on(&context, &base, &all.join(","), &BOTH).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    for repository in ["acme/job", "copies/job"] {
        let by_digest = format!("PUT /v2/{repository}/manifests/sha256:");
        assert_eq!(world.registry.count(&by_digest), 2);
        assert_eq!(index(&world.registry, repository, "1").manifests.len(), 2);
    }
    assert_eq!(world.registry.count("PUT /v2/acme/job/manifests/"), 4);
    assert_eq!(world.registry.count("PUT /v2/copies/job/blobs/"), 0);
}

#[test]
fn a_registry_that_lost_its_blobs_gets_those_of_all_images_again() {
    let (world, context) = (world(), TestContext::new());
    let first = push(&world, &context, &[]).ok();
    world.registry.forget("acme/job");
    let again = push(&world, &context, &["-v"]).ok();
    assert_eq!(again.digest(), first.digest());
    assert_eq!(told(&again, "believed to have"), 1, "{again}");
    assert_eq!(index(&world.registry, "acme/job", "1").manifests.len(), 2);
}

#[test]
fn an_earlier_index_whose_blobs_are_gone_is_in_nobodys_way() {
    let world = world();
    let first = push(&world, &TestContext::new(), &[]).ok();
    let pushed = index(&world.registry, "acme/job", "1");
    let arm = pushed.manifests[1].digest.to_string();
    let (_, manifest) = world.registry.manifest("acme/job", &arm).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    // Flink, which both images have.
    let gone = manifest["layers"][2]["digest"].as_str().unwrap();
    world
        .registry
        .forget_blob("acme/job", gone.parse().unwrap());
    let runner = TestContext::new();
    let run = push(&world, &runner, &["-o", "oci:out"]).ok();
    assert_eq!(
        told(&run, "nothing is taken from earlier images"),
        1,
        "{run}"
    );
    assert_eq!(told(&run, "plugins: made"), 1, "{run}");
    assert_eq!(run.digest(), first.digest());
}

#[test]
fn a_memory_that_is_wrong_is_corrected_for_all_images() {
    let (world, context) = (world(), TestContext::new());
    let first = push(&world, &context, &[]).ok();
    let facts = facts(&context, "layer");
    // The user of each platform, Flink in two layers, the job.
    assert_eq!(facts.len(), 5);
    for path in &facts {
        let nowhere = Digest::of(path.as_os_str().as_encoded_bytes());
        forge_fact(path, |fact| {
            let mut fact: serde_json::Value = serde_json::from_str(fact).unwrap();
            fact["descriptor"]["digest"] = nowhere.to_string().into();
            fact.to_string()
        });
    }
    let (base, other) = (world.name("acme/base:all"), world.name("other/job:1"));
    let run = world.push_on(&context, &base, &other, &BOTH).ok();
    assert_eq!(run.digest(), first.digest());
    assert_eq!(told(&run, "the memory was wrong"), facts.len(), "{run}");
}
