//! Manifests, indexes and configs that lie.

use serde_json::{Value, json};

use super::*;

const AWAY: &str = "sha256:../../../../../../../../pwned";

/// The manifest of the base, changed.
pub(super) fn changed(registry: &Registry, change: impl FnOnce(&mut Value)) {
    let (media_type, bytes) = registry.manifest("acme/base", "1").unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut manifest);
    let bytes = manifest.to_string().into_bytes();
    registry.put_manifest("acme/base", "1", &media_type, &bytes);
}

/// The base with another config, of which it says the truth.
fn with_config(registry: &Registry, config: &[u8]) {
    registry.put_blob("acme/base", config);
    let descriptor = Descriptor::of(MediaType::Config, config);
    changed(registry, |manifest| manifest["config"] = json!(descriptor));
}

/// Asserts that nothing of this name is anywhere below or beside the folder of the test.
fn assert_no_file(context: &TestContext, name: &str) {
    let mut folders = vec![context.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            assert_ne!(entry.file_name(), name, "{}", folder.display());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    for folder in context.root().ancestors() {
        assert!(!folder.join(name).exists(), "{}", folder.display());
    }
}

#[test]
fn cve_2024_3727_a_digest_is_no_path() {
    type Change = fn(&mut Value);
    let changes: [Change; 4] = [
        |manifest| manifest["layers"][0]["digest"] = json!(AWAY),
        |manifest| manifest["config"]["digest"] = json!(AWAY),
        |manifest| manifest["config"]["digest"] = json!("sha256:/etc/passwd"),
        |manifest| {
            let own = json!({"os": "linux", "architecture": "amd64"});
            let one = json!({"mediaType": MediaType::Manifest.as_str(), "size": 1, "digest": AWAY, "platform": own});
            *manifest = json!({"schemaVersion": 2, "mediaType": MediaType::Index.as_str(), "manifests": [one]});
        },
    ];
    for change in changes {
        let registry = registry(Auth::Open);
        changed(&registry, change);
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 3, &["The manifest cannot be read"]);
        assert_no_file(&context, "pwned");
        assert!(registry.lines().iter().all(|line| !line.contains("..")));
    }
    // The header is only compared, and this one cannot be.
    let registry = registry(Auth::Open);
    let away = Some(AWAY.to_owned());
    registry.fail("GET", 99, Fault::Header("Docker-Content-Digest", away));
    let context = TestContext::new();
    build_on(
        &context,
        &format!("{}/acme/base:1", registry.address()),
        &[],
    )
    .ok();
    assert_no_file(&context, "pwned");
    // A layout has the same documents.
    put_layout(&context, |manifest| manifest["digest"] = json!(AWAY));
    let run = build_on(&context, "oci:base", &["-o", "oci:other"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("The manifest cannot be read"), "{run}");
    assert!(!context.has("other"));
    // And so has a name.
    let run = build_on(
        &context,
        &format!("{}/acme/base@{AWAY}", registry.address()),
        &[],
    );
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("is not an image name"), "{run}");
    assert_no_file(&context, "pwned");
}

#[test]
fn ghsa_qv35_3gw6_8q4j_a_manifest_that_was_asked_for_by_digest_is_hashed() {
    let registry = registry(Auth::Open);
    let (_, good) = registry.manifest("acme/base", "1").unwrap();
    let digest = Digest::of(&good);
    // A good manifest, of another image.
    let evil = registry.put_image("acme/base", "evil", &base_config("amd64", b""), &[]);
    let (_, bytes) = registry.manifest("acme/base", "evil").unwrap();
    // The header still states the digest that was asked for.
    registry.fail("GET /v2/acme/base/manifests/", 99, Fault::WrongBytes(bytes));
    for name in [
        format!("@{digest}"),
        ":1".to_owned(),
        format!(":1@{digest}"),
    ] {
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base{name}", registry.address()),
            &[],
        );
        let words = [format!(
            "The bytes have the digest `{evil}`, not `{digest}`"
        )];
        assert_refused(&context, &run, 8, &words.each_ref().map(String::as_str));
        assert_eq!(registry.count("GET /v2/acme/base/blobs/"), 0);
    }
}

/// The first format of Docker names its layers by what it says itself.
#[test]
fn cve_2014_8178_schema_1_is_refused() {
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/json",
    ] {
        let registry = Registry::start();
        let old =
            json!({"schemaVersion": 1, "fsLayers": [{"blobSum": Digest::of(b"x")}], "history": []});
        registry.put_manifest("acme/base", "1", media_type, old.to_string().as_bytes());
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(
            &context,
            &run,
            3,
            &["Docker's schema 1, which proves nothing"],
        );
        assert_eq!(registry.count("GET /v2/acme/base/blobs/"), 0);
    }
}

#[test]
fn cve_2021_41190_a_document_that_is_manifest_and_index_is_refused() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 3] = [
        (
            |manifest| manifest["manifests"] = json!([]),
            "both `layers` and `manifests`",
        ),
        (
            |manifest| manifest["mediaType"] = json!(MediaType::Index.as_str()),
            "neither an image manifest nor an index",
        ),
        (
            |manifest| {
                manifest["manifests"] = manifest["layers"].take();
                manifest.as_object_mut().unwrap().remove("layers");
            },
            "neither an image manifest nor an index",
        ),
    ];
    for (change, words) in changes {
        let registry = registry(Auth::Open);
        changed(&registry, change);
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 3, &[words]);
        assert_eq!(registry.count("GET /v2/acme/base/blobs/"), 0);
    }
}

/// Docker Compose wrote files where annotations said.
#[test]
fn cve_2025_62725_annotations_are_no_paths() {
    let registry = registry(Auth::Open);
    let context = TestContext::new();
    let absolute = context.root().join("pwned").display().to_string();
    changed(&registry, |manifest| {
        let evil = json!({
            "org.opencontainers.image.title": "../../pwned",
            "org.opencontainers.image.ref.name": absolute,
            "com.docker.compose.file": "../pwned",
            "com.docker.compose.envfile": "../pwned",
            "io.containerd.image.name": "../../../pwned",
        });
        manifest["annotations"] = evil.clone();
        manifest["layers"][0]["annotations"] = evil.clone();
        manifest["config"]["annotations"] = evil;
    });
    let base = format!("{}/acme/base:1", registry.address());
    let outputs = [
        "-o",
        "docker-archive:image.tar",
        "-o",
        "oci-archive:oci.tar",
    ];
    build_on(&context, &base, &outputs).ok();
    assert_no_file(&context, "pwned");
    // And when they come with a layout.
    for name in ["../../pwned", &absolute] {
        put_layout(&context, |manifest| {
            manifest["annotations"] = json!({
                "org.opencontainers.image.ref.name": name,
                "io.containerd.image.name": name,
            });
        });
        build_on(&context, "oci:base", &["-o", "oci:other"]).ok();
        assert_no_file(&context, "pwned");
    }
}

/// go-containerregistry 2304, 2370 and 2371: configs that made it panic.
#[test]
fn ggcr_2304_configs_of_any_shape_are_refused_with_a_sentence() {
    for config in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{}",
        r#"{"os":"linux","architecture":"amd64"}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":null}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[1]}}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]}}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:x"]}}"#,
        r#"{"os":1,"architecture":"amd64","rootfs":{"diff_ids":[]}}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":[],"config":[]}"#,
        r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]},"history":{}}"#,
    ] {
        let registry = registry(Auth::Open);
        with_config(&registry, config.as_bytes());
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 3, &["error: "]);
    }
    // What is odd and harms nobody is passed on.
    let registry = registry(Auth::Open);
    let tar = base(JAVA_17);
    let mut config: Value = serde_json::from_slice(&base_config("amd64", &tar)).unwrap();
    config["config"] = json!({"Env": {"a": 1}, "Labels": [1], "ExposedPorts": "x", "User": 7});
    config["history"] = json!([1, null]);
    with_config(&registry, config.to_string().as_bytes());
    let context = TestContext::new();
    let run = build_on(
        &context,
        &format!("{}/acme/base:1", registry.address()),
        &[],
    );
    assert!(matches!(run.code, 0 | 3 | 4), "{run}");
}

/// What a registry says is shown, and does not clear the screen on which the refusal stands.
#[test]
fn what_a_registry_says_does_not_move_the_cursor() {
    for field in ["os", "architecture"] {
        let registry = registry(Auth::Open);
        changed(&registry, |manifest| {
            let mut platform = json!({"os": "linux", "architecture": "s390x"});
            platform[field] = json!("\u{1b}[2J\u{1b}]0;owned\u{7}");
            let digest = Digest::of(b"x");
            let one = json!({
                "mediaType": MediaType::Manifest.as_str(),
                "size": 1,
                "digest": digest,
                "platform": platform,
            });
            let index = MediaType::Index.as_str();
            *manifest = json!({"schemaVersion": 2, "mediaType": index, "manifests": [one]});
        });
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(
            &context,
            &run,
            4,
            &["There is no image for `linux/amd64`", "\\u{1b}[2J"],
        );
        assert!(!run.stderr.contains(['\u{1b}', '\u{7}']), "{run}");
    }
}
