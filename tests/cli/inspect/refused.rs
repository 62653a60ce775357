//! What cannot be looked at.

use flink_img::oci::{Descriptor, Digest, LayerCompression, Manifest, MediaType};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{inspect, put_foreign};
use crate::support::context::{TestContext, base_config};
use crate::support::fixtures::{Raw, tar};
use crate::support::platforms::{bases, put, write};
use crate::support::registry::Registry;

#[test]
fn words_that_make_no_sense() {
    let context = TestContext::new();
    let last_word = |words: &[&str]| inspect(&context, words);
    assert_snapshot!(last_word(&["Upper/Case"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'Upper/Case' for '<IMAGE>': `Upper/Case` is not an image name: the repository must be in lower case

    For more information, try '--help'.
    ");
    assert_snapshot!(last_word(&["oci:"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'oci:' for '<IMAGE>': `oci:` has no path behind the colon

    For more information, try '--help'.
    ");
    assert_snapshot!(last_word(&["rootfs:base.tar"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'rootfs:base.tar' for '<IMAGE>': `rootfs:base.tar` is a root file system, and no image
    hint: `tar tvf` lists what is in it

    For more information, try '--help'.
    ");
    context.write("Job.tar", "");
    assert_snapshot!(last_word(&["Job.tar"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'Job.tar' for '<IMAGE>': `Job.tar` is not an image name: the repository must be in lower case
    hint: the file of that name is `./Job.tar`

    For more information, try '--help'.
    ");
    assert_snapshot!(last_word(&["oci:out", "--remote"]), @"
    exit code: 2
    ----- stderr -----
    error: `--remote` asks a registry, and `oci:out` is on this machine
    hint: leave `--remote` out, or give the name of an image
    ");
    assert_snapshot!(last_word(&["job", "--tree", "top"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'top' for '--tree <LAYER>': expected the number of a layer, or the first digits of its digest

    For more information, try '--help'.
    ");
    assert_snapshot!(last_word(&["job", "--platform", "windows/amd64"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'windows/amd64' for '--platform <OS/ARCH>': `windows/amd64` is not a platform: expected `linux/ARCHITECTURE[/VARIANT]`, for example `linux/amd64` or `linux/arm64`

    For more information, try '--help'.
    ");
}

#[test]
fn what_is_nowhere() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    assert_snapshot!(inspect(&context, &[&name]), @"
    exit code: 6
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/job:1` is not kept on this machine, and its registry does not give it
      caused by: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: check the name, the tag and the registry
    ");
    assert_snapshot!(inspect(&context, &[&name, "--remote"]), @"
    exit code: 6
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: check the name, the tag and the registry
    ");
    // It is a file that was meant.
    let name = format!("{}/job.tar", registry.address());
    std::fs::create_dir(context.path(&registry.address())).unwrap();
    context.write(&name, "");
    assert_snapshot!(inspect(&context, &[&name]), @"
    exit code: 6
    ----- stderr -----
    error: `127.0.0.1:[PORT]/job.tar` is not kept on this machine, and its registry does not give it
      caused by: Failed to pull `127.0.0.1:[PORT]/job.tar`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: the file of that name is `./127.0.0.1:[PORT]/job.tar`
    ");
    for file in [
        "oci:missing",
        "oci-archive:missing",
        "docker-archive:missing",
        "./missing",
    ] {
        let run = inspect(&context, &[file]);
        assert_eq!(run.code, 3);
        assert!(run.stderr.contains("Failed to find `"), "{run}");
    }
}

#[test]
fn files_that_have_no_image() {
    let context = TestContext::new();
    std::fs::create_dir(context.path("empty")).unwrap();
    assert_snapshot!(inspect(&context, &["oci:empty"]), @"
    exit code: 3
    ----- stderr -----
    error: `empty` is not an OCI layout: it has no `oci-layout`
    hint: name a folder or an archive that `-o`, `skopeo copy` or `docker save` wrote
    ");
    assert_snapshot!(inspect(&context, &["./base.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `./base.tar` has no image: it has neither `oci-layout` nor `manifest.json`
    hint: write one with `docker save` or `skopeo copy`
    ");
    assert_snapshot!(inspect(&context, &["oci-archive:base.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `base.tar` is not an OCI layout: it has no `oci-layout`
    hint: name a folder or an archive that `-o`, `skopeo copy` or `docker save` wrote
    ");
    assert_snapshot!(inspect(&context, &["docker-archive:base.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `base.tar` is not a docker-archive: it has no `manifest.json`
    hint: write one with `docker save` or `skopeo copy`
    ");
    assert_snapshot!(inspect(&context, &["./job.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: `./job.jar` is not a tar archive: it is a zip or jar file
    hint: give a tar archive: plain, or compressed with gzip, xz or zstd
    ");
    let manifest = br#"[{"Config":"c","Layers":[],"RepoTags":null},{"Config":"d","Layers":[],"RepoTags":["acme/job:2"]}]"#;
    context.write("two.tar", tar(&[Raw::file("manifest.json", manifest)]));
    assert_snapshot!(inspect(&context, &["./two.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `./two.tar` holds 2 images, and none is chosen: `acme/job:2`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
    assert_snapshot!(inspect(&context, &["docker-archive:two.tar:other"]), @"
    exit code: 3
    ----- stderr -----
    error: `two.tar` has no image `other`, only `acme/job:2`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
}

#[test]
fn several_images_and_none_is_chosen() {
    let context = TestContext::new();
    context.digest(&["-o", "oci:out", "-t", "acme/job:1"]);
    context
        .build(&["-o", "oci:out", "-t", "acme/session:1"])
        .ok();
    assert_snapshot!(inspect(&context, &["oci:out"]), @"
    exit code: 3
    ----- stderr -----
    error: `out` holds 2 images, and none is chosen: `docker.io/acme/job:1` `docker.io/acme/session:1`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
    assert_snapshot!(inspect(&context, &["oci:out:acme/other"]), @"
    exit code: 3
    ----- stderr -----
    error: `out` has no image `acme/other`, only `docker.io/acme/job:1` `docker.io/acme/session:1`
    hint: choose one by its name behind another colon, as `oci:DIR:NAME` or `docker-archive:FILE:NAME`
    ");
    inspect(&context, &["oci:out:acme/job:1"]).ok();
}

#[test]
fn platforms_that_are_not_there() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let images = bases(&["linux/arm64", "linux/s390x"], 0);
    put(&registry, "acme/base", "all", &images);
    write(&images, &context.work(), "oci:base", "acme/base:1");
    let name = format!("{}/acme/base:all", registry.address());
    assert_snapshot!(inspect(&context, &[&name]), @"
    exit code: 4
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/base:all` has no image for linux/amd64; it has linux/arm64, linux/s390x
    hint: choose one of these with `--platform`
    ");
    assert_snapshot!(inspect(&context, &["oci:base"]), @"
    exit code: 4
    ----- stderr -----
    error: `oci:base` has no image for linux/amd64; it has linux/arm64, linux/s390x
    hint: choose one of these with `--platform`
    ");
    assert_snapshot!(inspect(&context, &["oci:base", "--platform", "linux/riscv64"]), @"
    exit code: 4
    ----- stderr -----
    error: `oci:base` has no image for linux/riscv64; it has linux/arm64, linux/s390x
    hint: choose one of these with `--platform`
    ");
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    assert_snapshot!(inspect(&context, &[&name, "-q", "--platform", "linux/arm64"]), @"
    exit code: 4
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/other:1` has no image for linux/arm64; it has linux/amd64
    hint: choose one of these with `--platform`
    ");
}

#[test]
fn layers_that_are_not_there() {
    let context = TestContext::new();
    context.digest(&[]);
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "0"]), @"
    exit code: 2
    ----- stderr -----
    error: `docker.io/library/flink-job` has no layer `0`
    hint: name it by its number, from 1 to 5, or by the first digits of its digest
    ");
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "6"]), @"
    exit code: 2
    ----- stderr -----
    error: `docker.io/library/flink-job` has no layer `6`
    hint: name it by its number, from 1 to 5, or by the first digits of its digest
    ");
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "sha256:00000000"]), @"
    exit code: 2
    ----- stderr -----
    error: `docker.io/library/flink-job` has no layer `00000000`
    hint: name it by its number, from 1 to 5, or by the first digits of its digest
    ");
    // Of seventeen digests, two begin with the same digit; the last layer is there twice, which is no choice.
    let registry = Registry::start();
    let mut tars: Vec<_> = (0..17)
        .map(|number: u8| tar(&[Raw::file("number", &[number])]))
        .collect();
    tars.push(tars[16].clone());
    let digests: Vec<_> = tars.iter().map(|tar| Digest::of(tar)).collect();
    let mut config: Value = serde_json::from_slice(&base_config("amd64", b"")).unwrap();
    config["rootfs"]["diff_ids"] = json!(digests);
    let plain = MediaType::Layer(LayerCompression::None);
    let layers: Vec<_> = tars.iter().map(|tar| (plain.clone(), &tar[..])).collect();
    registry.put_image("acme/many", "1", config.to_string().as_bytes(), &layers);
    let name = format!("{}/acme/many:1", registry.address());
    let tree = |layer: &str| inspect(&context, &[&name, "-q", "--tree", layer]);
    let digit = |digest: &Digest| digest.hex()[..1].to_owned();
    let digits: Vec<_> = digests[..17].iter().map(digit).collect();
    let shared = (0..17).find(|place| digits[..*place].contains(&digits[*place]));
    let shared = &digits[shared.unwrap()];
    let run = tree(&format!("sha256:{shared}"));
    assert_eq!(run.code, 2);
    let expected = format!("has several layers whose digest begins with `{shared}`: ");
    assert!(run.stderr.contains(&expected), "{run}");
    tree(&digests[17].hex()).ok();
}

#[test]
fn what_registries_keep_besides_images() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let show = |tag: &str| {
        let name = format!("{}/acme/chart:{tag}", registry.address());
        inspect(&context, &[&name, "-q"])
    };
    let put = |tag: &str, media_type: MediaType, bytes: &[u8]| {
        registry.put_manifest("acme/chart", tag, media_type.as_str(), bytes);
    };
    let config = br#"{"name":"job","version":"1.0.0"}"#;
    let helm = MediaType::from("application/vnd.cncf.helm.config.v1+json".to_owned());
    let chart = Manifest::new(Descriptor::of(helm, config), vec![]).to_bytes();
    put("helm", MediaType::Manifest, &chart);
    assert_snapshot!(show("helm"), @"
    exit code: 3
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/chart:helm` is no image: its config is of the type `application/vnd.cncf.helm.config.v1+json`
    ");
    // The config was not asked for.
    assert_eq!(registry.requests().len(), 1);
    let config = Descriptor::of(MediaType::Config, config);
    registry.put_blob("acme/chart", br#"{"name":"job","version":"1.0.0"}"#);
    put(
        "liar",
        MediaType::Manifest,
        &Manifest::new(config, vec![]).to_bytes(),
    );
    assert_snapshot!(show("liar"), @"
    exit code: 3
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/chart:liar` cannot be read as an image
      caused by: The image config has no usable `rootfs.diff_ids`
    ");
    put("page", MediaType::from("text/html".to_owned()), b"<html>");
    assert_snapshot!(show("page"), @"
    exit code: 3
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/chart:page` cannot be read as an image
      caused by: The manifest cannot be read
      caused by: expected value at line 1 column 1
    ");
    put(
        "json",
        MediaType::from("application/json".to_owned()),
        b"{}",
    );
    assert_snapshot!(show("json"), @"
    exit code: 3
    ----- stderr -----
    error: `127.0.0.1:[PORT]/acme/chart:json` cannot be read as an image
      caused by: The document is neither an image manifest nor an index (media type `application/json`)
    ");

    // In a folder just so.
    write(
        &bases(&["linux/amd64"], 0),
        &context.work(),
        "oci:chart",
        "acme/chart:1",
    );
    let blobs = context.path("chart/blobs/sha256");
    let descriptor = Descriptor::of(MediaType::Manifest, &chart);
    std::fs::write(blobs.join(descriptor.digest.hex()), &chart).unwrap();
    let index = flink_img::oci::Index::new(vec![descriptor]).to_bytes();
    context.write("chart/index.json", index);
    assert_snapshot!(inspect(&context, &["oci:chart"]), @"
    exit code: 3
    ----- stderr -----
    error: `oci:chart` is no image: its config is of the type `application/vnd.cncf.helm.config.v1+json`
    ");
}
