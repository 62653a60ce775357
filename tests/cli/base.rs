//! Every way to name a base, and every form that one may have.

use insta::assert_snapshot;
use serde_json::{Value, json};

use flink_img::oci::{BlobSource, Config, Descriptor, DiffId, Digest, Image, Layer};
use flink_img::store::Output;

use crate::support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use crate::support::fixtures::Compress;
use crate::support::registry::{Fault, Registry};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Puts the usual base into the registry, as `acme/base:TAG`.
fn put_base(registry: &Registry, tag: &str, architecture: &str, how: Compress) -> String {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, how);
    let config = base_config(architecture, &tar);
    let digest = registry.put_image("acme/base", tag, &config, &[(media_type, &bytes)]);
    digest.to_string()
}

fn build(context: &TestContext, base: &str, words: &[&str]) -> Run {
    let usual = [
        "build",
        "--base",
        base,
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
    ];
    context.run([&usual, words].concat())
}

/// The manifest of an image that was pushed.
fn manifest(registry: &Registry, repository: &str, tag: &str) -> Value {
    let (_, bytes) = registry.manifest(repository, tag).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn an_image_of_a_registry_goes_through_byte_for_byte() {
    let registry = Registry::start();
    for (how, ending) in [
        (Compress::None, "tar"),
        (Compress::Gzip, "tar+gzip"),
        (Compress::Zstd, "tar+zstd"),
    ] {
        let context = TestContext::new();
        let digest = put_base(
            &registry,
            ending.split('+').next_back().unwrap(),
            "amd64",
            how,
        );
        let from = format!("{}/acme/base@{digest}", registry.address());
        let to = format!("{}/acme/job:1", registry.address());
        registry.clear_requests();
        build(&context, &from, &["--push", "-t", &to]).ok();
        let own = manifest(&registry, "acme/job", "1");
        let theirs = manifest(&registry, "acme/base", &digest);
        assert_eq!(own["layers"][0], theirs["layers"][0]);
        let media_type = own["layers"][0]["mediaType"].as_str().unwrap();
        assert!(media_type.ends_with(ending), "{media_type}");
        assert_eq!(
            own["annotations"]["org.opencontainers.image.base.digest"],
            digest
        );
        // The base's layer was in the same registry, so it was taken from there.
        let mounts = |request: &&crate::support::registry::RequestInfo| {
            !request.query_all("mount").is_empty() && request.status == 201
        };
        assert_eq!(registry.requests().iter().filter(mounts).count(), 1);
        // And the second time nothing of it is downloaded but what it is.
        registry.clear_requests();
        build(&context, &from, &["-t", "again"]).ok();
        let lines = registry.lines();
        assert!(
            !lines.iter().any(|line| line.contains("uploads")),
            "{lines:?}"
        );
        assert!(registry.requests().len() <= 2, "{lines:?}");
    }
}

#[test]
fn what_a_base_says_of_itself_is_kept_and_its_entrypoint_is_not() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put_base(&registry, "1", "amd64", Compress::Gzip);
    let from = format!("{}/acme/base:1", registry.address());
    let run = build(&context, &from, &["-o", "oci:out"]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    sha256:[2]: pulled, [SIZE]
    sha256:[3]: pulled, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Writing oci:out: written
    ");
    let config = run_config(&context, &run);
    assert_snapshot!(serde_json::to_string_pretty(&config["config"]).unwrap(), @r#"
    {
      "Cmd": [
        "help"
      ],
      "Entrypoint": [
        "/docker-entrypoint.sh"
      ],
      "Env": [
        "PATH=/opt/flink/bin:/usr/bin:/bin",
        "LANG=C.UTF-8",
        "JAVA_HOME=/usr/lib/jvm/java-17",
        "FLINK_HOME=/opt/flink",
        "FLINK_INSTALL_PATH=/opt",
        "FLINK_LIB_DIR=/opt/flink/lib",
        "FLINK_PLUGINS_DIR=/opt/flink/plugins",
        "FLINK_OPT_DIR=/opt/flink/opt",
        "FLINK_JOB_ARTIFACTS_DIR=/opt/artifacts",
        "FLINK_USR_LIB_DIR=/opt/flink/usrlib"
      ],
      "ExposedPorts": {
        "6123/tcp": {},
        "8081/tcp": {}
      },
      "Labels": {
        "flink-img.flink.scala": "2.12",
        "flink-img.flink.version": "1.20.5",
        "flink-img.java.version": "17.0.15",
        "flink-img.job.class": "org.example.Job",
        "flink-img.job.jar": "/opt/artifacts/job.jar"
      },
      "User": "9999:9999",
      "WorkingDir": "/opt/flink"
    }
    "#);
    assert_eq!(config["history"][0]["created_by"], "the base's own");
}

/// The config of the image in `out`.
fn run_config(context: &TestContext, run: &Run) -> Value {
    let blob = |digest: &str| {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let bytes = context.read(&format!("out/blobs/sha256/{hex}"));
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    let manifest = blob(&run.digest());
    blob(manifest["config"]["digest"].as_str().unwrap())
}

#[test]
fn types_of_docker_become_those_of_oci() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let tar = base(JAVA_17);
    let (_, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    let document = json!({
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": registry.put_blob("acme/base", &config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": DOCKER_LAYER,
            "digest": registry.put_blob("acme/base", &bytes),
            "size": bytes.len(),
        }],
    });
    registry.put_manifest(
        "acme/base",
        "docker",
        DOCKER_MANIFEST,
        document.to_string().as_bytes(),
    );
    let to = format!("{}/acme/job:1", registry.address());
    let from = format!("{}/acme/base:docker", registry.address());
    build(&context, &from, &["--push", "-t", &to]).ok();
    let own = manifest(&registry, "acme/job", "1");
    assert_eq!(own["mediaType"], MANIFEST);
    assert_eq!(own["layers"][0]["digest"], document["layers"][0]["digest"]);
    for layer in own["layers"].as_array().unwrap() {
        assert_eq!(
            layer["mediaType"],
            "application/vnd.oci.image.layer.v1.tar+gzip"
        );
    }
}

/// An index of a base for two platforms, as `acme/base:both`.
fn put_index(registry: &Registry) {
    let entry = |architecture: &str| {
        let digest = put_base(registry, architecture, architecture, Compress::Gzip);
        let (_, bytes) = registry.manifest("acme/base", &digest).unwrap();
        json!({
            "mediaType": MANIFEST, "digest": digest, "size": bytes.len(),
            "platform": {"os": "linux", "architecture": architecture},
        })
    };
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry("amd64"), entry("arm64")],
    });
    registry.put_manifest("acme/base", "both", INDEX, index.to_string().as_bytes());
}

#[test]
fn an_index_is_resolved_by_platform() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put_index(&registry);
    let from = format!("{}/acme/base:both", registry.address());
    for architecture in ["amd64", "arm64"] {
        let platform = format!("linux/{architecture}");
        let run = build(&context, &from, &["--platform", &platform, "--dry-run"]);
        let (_, manifest) = registry.manifest("acme/base", architecture).unwrap();
        let digest = flink_img::oci::Digest::of(&manifest).to_string();
        assert_eq!(run.json()["base"]["digest"], digest);
        assert_eq!(run.json()["platform"]["architecture"], architecture);
    }
    assert_snapshot!(build(&context, &from, &["--platform", "linux/s390x"]), @"
    exit code: 4
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:both`
      caused by: There is no image for `linux/s390x`, only for `linux/amd64`, `linux/arm64`
    hint: choose one of these with `--platform`
    ");
    context.assert_nothing_kept();
}

#[test]
fn documents_that_prove_nothing_are_refused() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let put = |tag: &str, media_type: &str, document: &Value| {
        registry.put_manifest(
            "acme/base",
            tag,
            media_type,
            document.to_string().as_bytes(),
        );
        format!("{}/acme/base:{tag}", registry.address())
    };
    let old = put(
        "old",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        &json!({"schemaVersion": 1, "name": "acme/base", "fsLayers": [], "signatures": []}),
    );
    assert_snapshot!(build(&context, &old, &[]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:old`
      caused by: The manifest has Docker's schema 1, which proves nothing about its layers
    hint: push the image again with a current builder, or choose another
    ");
    put_base(&registry, "1", "amd64", Compress::Gzip);
    let mut both = manifest(&registry, "acme/base", "1");
    both["manifests"] = json!([]);
    let both = put("ambiguous", MANIFEST, &both);
    assert_snapshot!(build(&context, &both, &[]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:ambiguous`
      caused by: The manifest has both `layers` and `manifests`, so that two readers would see two images
    hint: push the image again with a current builder, or choose another
    ");
    context.assert_nothing_kept();
}

/// Writes the usual base as `acme/lower:1` to files and folders in the context's folder.
fn write_base(context: &TestContext, outputs: &[&str]) {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let layers = vec![Layer {
        descriptor: Descriptor::of(media_type, &bytes),
        diff_id: DiffId(Digest::of(&tar)),
        source: BlobSource::Bytes(bytes.into()),
    }];
    let config = Config::parse(&base_config("amd64", &tar)).unwrap();
    let image = Image::new(&config, layers, &[]).into();
    for output in outputs {
        let (kind, path) = output.split_once(':').unwrap();
        let output: Output = format!("{kind}:{}", context.path(path).display())
            .parse()
            .unwrap();
        output
            .write(&image, &["acme/lower:1".parse().unwrap()])
            .unwrap()
            .commit()
            .unwrap();
    }
}

#[test]
fn a_base_may_be_in_a_file_that_we_wrote_ourselves() {
    let context = TestContext::new();
    let outputs = ["oci:layout", "oci-archive:a.tar", "docker-archive:b.tar"];
    write_base(&context, &outputs);
    let mut digests = Vec::new();
    for (place, output) in outputs.iter().enumerate() {
        let run = build(&context, output, &["-t", &format!("upper:{place}")]);
        digests.push(run.digest());
        for name in ["1", "docker.io/acme/lower:1"] {
            if *output == "docker-archive:b.tar" && name == "1" {
                continue;
            }
            let named = build(&context, &format!("{output}:{name}"), &["-q"]);
            assert_eq!(named.digest(), run.digest(), "{output}:{name}");
        }
    }
    assert_eq!(digests[0], digests[1]);
    // A docker-archive has no manifest, so there is no digest of the base to write down.
    assert_ne!(digests[0], digests[2]);
    assert_snapshot!(build(&context, "oci:layout:other", &[]), @"
    exit code: 3
    ----- stderr -----
    error: `layout` has no image `other`, only `docker.io/acme/lower:1`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
    assert_snapshot!(build(&context, "docker-archive:b.tar:other", &[]), @"
    exit code: 3
    ----- stderr -----
    error: `b.tar` has no image `other`, only `docker.io/acme/lower:1`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
    assert_snapshot!(build(&context, "oci:flink-1.20.5", &[]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-1.20.5` is not an OCI layout: it has no `oci-layout`
    hint: write one with `skopeo copy` or `-o oci:DIR`; the tar of a root file system is named with `rootfs:FILE`
    ");
    assert_snapshot!(build(&context, "docker-archive:base.tar", &[]), @"
    exit code: 3
    ----- stderr -----
    error: `base.tar` is not a docker-archive: it has no `manifest.json`
    hint: write one with `docker save` or `skopeo copy`
    ");
}

#[test]
fn a_base_that_is_not_what_it_promises_is_refused() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put_base(&registry, "1", "amd64", Compress::Gzip);
    let from = format!("{}/acme/base:1", registry.address());
    let blob = manifest(&registry, "acme/base", "1")["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    registry.on_request(move |request| {
        let is_layer = request.path.ends_with(&blob);
        is_layer.then(|| Fault::WrongBytes(vec![b'x'; 366]))
    });
    let run = build(&context, &from, &["-o", "oci:out"]);
    assert_eq!(run.code, 8, "{run}");
    assert_snapshot!(run.stderr.lines().count(), @"4");
    assert!(!context.has("out"));
    context.assert_nothing_kept();
    assert_eq!(
        crate::support::context::names(&context.store().join("blobs/sha256")),
        [""; 0]
    );
}
