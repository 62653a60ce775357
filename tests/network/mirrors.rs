//! Bases that come from mirrors, and what never does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::context::{Run, TestContext, names};
use crate::support::registry::{Auth, Fault, Registry};
use crate::{build_on, put_base};

/// A registry that has the base and is known by a name that leads nowhere.
const NAME: &str = "registry.example.com/acme/base:1";

/// One `[[registry]]` for `prefix`, with its location and its mirrors.
fn entry(prefix: &str, location: &str, mirrors: &[&str]) -> String {
    let mirrors: Vec<_> = mirrors
        .iter()
        .map(|mirror| format!("[[registry.mirror]]\nlocation = \"{mirror}\"\n"))
        .collect();
    let mirrors = mirrors.concat();
    format!("[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{location}\"\n{mirrors}")
}

/// Says where images are.
fn configure(context: &mut TestContext, text: &str) {
    context.write("mirrors.conf", text);
    context.set("CONTAINERS_REGISTRIES_CONF", "mirrors.conf");
}

/// Name and digest of the base, as a build with `--json` tells them.
fn told_base(run: &Run) -> (String, String) {
    let base = &run.json()["base"];
    let read = |key: &str| base[key].as_str().unwrap().to_owned();
    (read("name"), read("digest"))
}

#[test]
fn a_base_comes_from_the_first_mirror_that_has_it_and_keeps_its_name() {
    let (empty, full, unused) = (Registry::start(), Registry::start(), Registry::start());
    let digest = put_base(&full);
    put_base(&unused);
    let mut context = TestContext::new();
    let text = entry(
        "registry.example.com",
        &unused.address(),
        &[&empty.address(), &full.address()],
    );
    configure(&mut context, &text);
    let first = build_on(&context, NAME, &["--json"]).ok();
    assert_eq!(told_base(&first), (NAME.to_owned(), digest.clone()));
    // The one that does not have it is asked once, not for each blob.
    assert_eq!(empty.lines(), ["GET /v2/acme/base/manifests/1 404"]);
    assert_eq!(full.count("GET /v2/acme/base/manifests/"), 1);
    assert_eq!(full.count("GET /v2/acme/base/blobs/"), 2);
    assert_eq!(unused.lines(), [""; 0]);

    // The same image as without mirrors.
    let mut other = TestContext::new();
    configure(
        &mut other,
        &entry("registry.example.com", &full.address(), &[]),
    );
    let second = build_on(&other, NAME, &["--json"]).ok();
    assert_eq!(first.json()["digest"], second.json()["digest"]);
    assert_eq!(told_base(&second), (NAME.to_owned(), digest));
}

#[test]
fn a_mirror_that_fails_in_any_way_is_passed_over() {
    let (is_blob, is_manifest) = ("/blobs/", "/manifests/");
    let page = b"<html>Welcome to your new mirror</html>".to_vec();
    let cases = [
        ("no such manifest", is_manifest, Fault::status(404)),
        ("no entry", is_manifest, Fault::status(401)),
        ("forbidden", is_manifest, Fault::status(403)),
        ("broken", is_manifest, Fault::status(500)),
        (
            "throttled",
            is_manifest,
            Fault::Status(429, vec![("Retry-After".into(), "60".into())], vec![]),
        ),
        ("cut", is_manifest, Fault::DropConnection),
        ("half a manifest", is_manifest, Fault::TruncateBody(20)),
        (
            "another manifest",
            is_manifest,
            Fault::WrongBytes(b"{}".to_vec()),
        ),
        ("a page", is_manifest, Fault::Status(200, vec![], page)),
        ("no such blob", is_blob, Fault::status(404)),
        (
            "another blob",
            is_blob,
            Fault::WrongBytes(b"something else".to_vec()),
        ),
        (
            "half a blob, again and again",
            is_blob,
            Fault::TruncateBody(20),
        ),
    ];
    let mut digests = BTreeSet::new();
    for (what, about, fault) in cases {
        let (broken, right) = (Registry::start(), Registry::start());
        put_base(&broken);
        put_base(&right);
        broken.on_request(move |request| request.path.contains(about).then(|| fault.clone()));
        let mut context = TestContext::new();
        let text = entry(
            "registry.example.com",
            &right.address(),
            &[&broken.address()],
        );
        configure(&mut context, &text);
        let run = build_on(&context, NAME, &["-v"]).ok();
        let told = format!(
            "The mirror `{}/acme/base` is passed over: ",
            broken.address()
        );
        assert!(run.stderr.contains(&told), "{what}: {run}");
        assert!(!broken.lines().is_empty(), "{what}");
        digests.insert(run.digest());
        context.assert_nothing_unfinished();
    }
    // The name of the base is part of the image, and where it came from is not.
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[test]
fn bytes_that_only_look_right_are_replaced_by_the_right_ones() {
    let (liar, right) = (Registry::start(), Registry::start());
    put_base(&liar);
    let digest = put_base(&right);
    // As long as the right ones, so that nothing but their digest gives them away.
    let (_, manifest) = right.manifest("acme/base", &digest).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = &manifest["layers"][0];
    let (layer, size) = (
        layer["digest"].as_str().unwrap().to_owned(),
        layer["size"].as_u64(),
    );
    let size = usize::try_from(size.unwrap()).unwrap();
    let asked = layer.clone();
    liar.on_request(move |request| {
        let is_layer = request.path.ends_with(&asked);
        is_layer.then(|| Fault::WrongBytes(vec![b'x'; size]))
    });
    let mut context = TestContext::new();
    let text = entry("registry.example.com", &right.address(), &[&liar.address()]);
    configure(&mut context, &text);
    build_on(&context, NAME, &["-o", "oci:out"]).ok();
    let bytes = context.read(&format!("out/blobs/{}", layer.replace(':', "/")));
    assert_eq!(flink_img::oci::Digest::of(&bytes).to_string(), layer);
    assert_eq!(liar.count(&format!("GET /v2/acme/base/blobs/{layer}")), 1);
}

#[test]
fn a_layer_that_is_passed_on_is_asked_for_elsewhere_when_the_mirror_sends_another() {
    let (liar, right, target) = (Registry::start(), Registry::start(), Registry::start());
    put_base(&liar);
    let digest = put_base(&right);
    let name = format!("{}/acme/job:1", target.address());
    let mut context = TestContext::new();
    let text = entry("registry.example.com", &right.address(), &[&liar.address()]);
    configure(&mut context, &text);
    // What is in the base is known after the first build, so the second passes its layers on without keeping them.
    let first = build_on(&context, NAME, &[]).ok();
    context.run(["cache", "prune"]).ok();
    for blob in names(&context.store().join("blobs/sha256")) {
        std::fs::remove_file(context.store().join("blobs/sha256").join(blob)).unwrap();
    }
    let (_, manifest) = right.manifest("acme/base", &digest).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().to_owned();
    let size = usize::try_from(manifest["layers"][0]["size"].as_u64().unwrap()).unwrap();
    let (asked, lies) = (layer.clone(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&lies);
    liar.on_request(move |request| {
        let is_layer = request.path.ends_with(&asked);
        is_layer.then(|| {
            count.fetch_add(1, Ordering::SeqCst);
            Fault::WrongBytes(vec![b'x'; size])
        })
    });
    let run = build_on(&context, NAME, &["--push", "-t", &name, "-v"]).ok();
    assert_eq!(run.digest(), first.digest());
    assert!(lies.load(Ordering::SeqCst) > 0, "{run}");
    let pushed = target.blob("acme/job", layer.parse().unwrap()).unwrap();
    assert_eq!(flink_img::oci::Digest::of(&pushed).to_string(), layer);
}

#[test]
fn the_last_error_is_that_of_the_place_itself_and_names_the_mirrors() {
    let (empty, closed, none) = (
        Registry::start(),
        Registry::with_auth(Auth::Basic {
            user: "ada".to_owned(),
            password: "secret".to_owned(),
        }),
        Registry::start(),
    );
    let mut context = TestContext::new();
    let text = entry(
        "registry.example.com",
        &none.address(),
        &[&format!("{}/proxy", empty.address()), &closed.address()],
    );
    configure(&mut context, &text);
    let run = build_on(&context, NAME, &[]);
    assert_snapshot!(run, @"
    exit code: 6
    ----- stderr -----
    error: Failed to pull `registry.example.com/acme/base:1`, also from the mirrors: `127.0.0.1:[PORT]/proxy/acme/base`, `127.0.0.1:[PORT]/acme/base`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: check the name, the tag and the registry
    ");
}

#[test]
fn a_push_and_what_is_asked_for_it_goes_to_the_registry_itself() {
    // The base is where the entry says; the registry of that name is only pushed to.
    let (registry, moved, mirror) = (Registry::start(), Registry::start(), Registry::start());
    put_base(&moved);
    put_base(&mirror);
    let text = entry(&registry.address(), &moved.address(), &[&mirror.address()]);
    let base = format!("{}/acme/base:1", registry.address());
    let name = format!("{}/acme/job:1", registry.address());
    let push = |context: &mut TestContext, words: &[&str]| {
        configure(context, &text);
        build_on(context, &base, &[&["--push", "-t", &name], words].concat())
    };
    let mut context = TestContext::new();
    let first = push(&mut context, &[]).digest();
    // A mirror that lags behind: it has the name, and another image.
    let (media_type, bytes) = mirror.manifest("acme/base", "1").unwrap();
    mirror.put_manifest("acme/job", "1", &media_type, &bytes);
    assert_eq!(push(&mut context, &[]).digest(), first);
    let changed = push(&mut context, &["--job-artifacts", "base.tar"]).digest();
    assert_ne!(changed, first);
    let (_, pushed) = registry.manifest("acme/job", "1").unwrap();
    assert_eq!(flink_img::oci::Digest::of(&pushed).to_string(), changed);
    // What an earlier image is made of is asked of its registry as well, where nothing is known on this machine.
    registry.clear_requests();
    let words = ["--job-artifacts", "base.tar", "-o", "oci:out"];
    let elsewhere = push(&mut TestContext::new(), &words);
    assert_eq!(elsewhere.digest(), changed);
    assert!(
        !elsewhere.stderr.contains("nothing is taken"),
        "{elsewhere}"
    );
    assert!(registry.count("GET /v2/acme/job/blobs/") > 1, "{elsewhere}");
    for other in [&moved, &mirror] {
        assert_eq!(other.count("GET /v2/acme/job/"), 0, "{:?}", other.lines());
        assert_eq!(other.count("POST"), 0, "{:?}", other.lines());
    }
    assert!(mirror.count("GET /v2/acme/base/") > 0);
}

#[test]
fn what_is_blocked_is_not_pulled_and_may_be_pushed() {
    let registry = Registry::start();
    put_base(&registry);
    let mut context = TestContext::new();
    let prefix = format!("{}/acme", registry.address());
    configure(
        &mut context,
        &format!("[[registry]]\nprefix = \"{prefix}\"\nblocked = true\n"),
    );
    let run = build_on(&context, &format!("{prefix}/base:1"), &[]);
    assert_snapshot!(run, @"
    exit code: 3
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:1`
      caused by: `mirrors.conf` blocks `127.0.0.1:[PORT]/acme`
    hint: choose another base with `--base`, or take `blocked` out of the entry of `127.0.0.1:[PORT]/acme`
    ");
    assert_eq!(registry.lines(), [""; 0]);
    let name = format!("{prefix}/job:1");
    context
        .build(&["--job-jar", "job.jar", "--push", "-t", &name])
        .ok();
    assert!(registry.manifest("acme/job", "1").is_some());
}

#[test]
fn mirrors_are_asked_for_tags_or_digests_as_they_are_meant_to_be() {
    // Setting of the mirror, and whether it is asked for a tag, for a digest, and for blobs after either.
    for (setting, by_tag, by_digest, blobs) in [
        ("pull-from-mirror = \"all\"", true, true, (true, true)),
        // It gave the manifest, so it is asked for what belongs to that.
        (
            "pull-from-mirror = \"tag-only\"",
            true,
            false,
            (true, false),
        ),
        // A blob has a digest, and comes from where such things are asked for.
        (
            "pull-from-mirror = \"digest-only\"",
            false,
            true,
            (true, true),
        ),
    ] {
        let (registry, mirror) = (Registry::start(), Registry::start());
        let digest = put_base(&registry);
        put_base(&mirror);
        let text = format!(
            "{}{setting}\n",
            entry(
                "registry.example.com",
                &registry.address(),
                &[&mirror.address()]
            )
        );
        for (name, manifests, blobs) in [
            (NAME.to_owned(), by_tag, blobs.0),
            (
                format!("registry.example.com/acme/base@{digest}"),
                by_digest,
                blobs.1,
            ),
        ] {
            mirror.clear_requests();
            let mut context = TestContext::new();
            configure(&mut context, &text);
            let run = build_on(&context, &name, &["--json"]).ok();
            assert_eq!(told_base(&run), (name.clone(), digest.clone()));
            let asked = |what: &str| mirror.count(&format!("GET /v2/acme/base/{what}/")) > 0;
            assert_eq!(asked("manifests"), manifests, "{setting} {name}");
            assert_eq!(asked("blobs"), blobs, "{setting} {name}");
        }
    }
}

#[test]
fn credentials_go_to_the_mirror_that_they_are_for() {
    let with_user = |password: &str| {
        Registry::with_auth(Auth::Basic {
            user: "ada".to_owned(),
            password: password.to_owned(),
        })
    };
    let (registry, mirror) = (with_user("for the registry"), with_user("for the mirror"));
    put_base(&registry);
    put_base(&mirror);
    let mut context = TestContext::new();
    configure(
        &mut context,
        &entry(
            "registry.example.com",
            &registry.address(),
            &[&mirror.address()],
        ),
    );
    // A login for the name is none for the mirror, nor for the place that the name was moved to.
    context.log_in("registry.example.com", "for the registry");
    let run = build_on(&context, NAME, &[]);
    assert_eq!(run.code, 5, "{run}");
    for request in registry.requests().iter().chain(&mirror.requests()) {
        assert!(!request.is_authorized(), "{request:?}");
    }
    mirror.clear_requests();
    context.log_in(&mirror.address(), "for the mirror");
    build_on(&context, NAME, &[]).ok();
    assert!(
        mirror
            .requests()
            .iter()
            .any(|request| request.status == 200)
    );
    // Now the mirror refuses, and the registry itself does not.
    context.log_in(&registry.address(), "for the registry");
    let run = build_on(&context, NAME, &["--no-cache"]).ok();
    assert!(run.stdout.contains("sha256:"));
    assert!(
        registry
            .requests()
            .iter()
            .any(|request| request.status == 200)
    );
}
