//! What cannot be looked at.

use flink_img::oci::{Descriptor, Manifest, MediaType};
use insta::assert_snapshot;

use super::{inspect, put_foreign};
use crate::support::context::TestContext;
use crate::support::fixtures::{Raw, tar};
use crate::support::platforms::{bases, put, write};
use crate::support::registry::Registry;

#[test]
fn words_that_make_no_sense() {
    let context = TestContext::new();
    let last_word = |words: &[&str]| inspect(&context, words);
    assert_snapshot!(last_word(&["Upper/Case"]), @"");
    assert_snapshot!(last_word(&["oci:"]), @"");
    assert_snapshot!(last_word(&["rootfs:base.tar"]), @"");
    context.write("Job.tar", "");
    assert_snapshot!(last_word(&["Job.tar"]), @"");
    assert_snapshot!(last_word(&["oci:out", "--remote"]), @"");
    assert_snapshot!(last_word(&["job", "--tree", "top"]), @"");
    assert_snapshot!(last_word(&["job", "--platform", "windows/amd64"]), @"");
}

#[test]
fn what_is_nowhere() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    assert_snapshot!(inspect(&context, &[&name]), @"");
    assert_snapshot!(inspect(&context, &[&name, "--remote"]), @"");
    // It is a file that was meant.
    let name = format!("{}/job.tar", registry.address());
    std::fs::create_dir(context.path(&registry.address())).unwrap();
    context.write(&name, "");
    assert_snapshot!(inspect(&context, &[&name]), @"");
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
    assert_snapshot!(inspect(&context, &["oci:empty"]), @"");
    assert_snapshot!(inspect(&context, &["./base.tar"]), @"");
    assert_snapshot!(inspect(&context, &["oci-archive:base.tar"]), @"");
    assert_snapshot!(inspect(&context, &["docker-archive:base.tar"]), @"");
    assert_snapshot!(inspect(&context, &["./job.jar"]), @"");
    let manifest = br#"[{"Config":"c","Layers":[],"RepoTags":null},{"Config":"d","Layers":[],"RepoTags":["acme/job:2"]}]"#;
    context.write("two.tar", tar(&[Raw::file("manifest.json", manifest)]));
    assert_snapshot!(inspect(&context, &["./two.tar"]), @"");
    assert_snapshot!(inspect(&context, &["docker-archive:two.tar:other"]), @"");
}

#[test]
fn several_images_and_none_is_chosen() {
    let context = TestContext::new();
    context.digest(&["-o", "oci:out", "-t", "acme/job:1"]);
    context
        .build(&["-o", "oci:out", "-t", "acme/session:1"])
        .ok();
    assert_snapshot!(inspect(&context, &["oci:out"]), @"");
    assert_snapshot!(inspect(&context, &["oci:out:acme/other"]), @"");
    inspect(&context, &["oci:out:acme/job:1"]).ok();
}

#[test]
fn platforms_that_are_not_there() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let images = bases(&["linux/arm64", "linux/s390x"], 0);
    put(&registry, "acme/base", "all", &images);
    write(&images, &context.work(), "oci:base", "acme/base:1");
    let name = format!("{}/acme/base:all", registry.address());
    assert_snapshot!(inspect(&context, &[&name]), @"");
    assert_snapshot!(inspect(&context, &["oci:base"]), @"");
    assert_snapshot!(inspect(&context, &["oci:base", "--platform", "linux/riscv64"]), @"");
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    assert_snapshot!(inspect(&context, &[&name, "-q", "--platform", "linux/arm64"]), @"");
}

#[test]
fn layers_that_are_not_there() {
    let context = TestContext::new();
    context.digest(&[]);
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "0"]), @"");
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "6"]), @"");
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "sha256:00000000"]), @"");
    // Five layers and ten digests: two begin with the same digit, or else a digit of none would be refused.
    let json = inspect(&context, &["flink-job", "--json"]).json();
    let layers = json["layers"].as_array().unwrap();
    let first = |key: &str, place: usize| layers[place][key].as_str().unwrap()[7..8].to_owned();
    let digits: Vec<_> = (0..layers.len())
        .flat_map(|place| {
            [
                (first("digest", place), place),
                (first("diffId", place), place),
            ]
        })
        .collect();
    let shared = digits.iter().find(|(digit, place)| {
        digits
            .iter()
            .any(|(other, elsewhere)| other == digit && elsewhere != place)
    });
    if let Some((digit, _)) = shared {
        let run = inspect(
            &context,
            &["flink-job", "--tree", &format!("sha256:{digit}")],
        );
        assert_eq!(run.code, 2);
        assert!(
            run.stderr
                .contains("several layers whose digest begins with"),
            "{run}"
        );
    }
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
    assert_snapshot!(show("helm"), @"");
    // The config was not asked for.
    assert_eq!(registry.requests().len(), 1);
    let config = Descriptor::of(MediaType::Config, config);
    registry.put_blob("acme/chart", br#"{"name":"job","version":"1.0.0"}"#);
    put(
        "liar",
        MediaType::Manifest,
        &Manifest::new(config, vec![]).to_bytes(),
    );
    assert_snapshot!(show("liar"), @"");
    put("page", MediaType::from("text/html".to_owned()), b"<html>");
    assert_snapshot!(show("page"), @"");
    put(
        "json",
        MediaType::from("application/json".to_owned()),
        b"{}",
    );
    assert_snapshot!(show("json"), @"");

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
    assert_snapshot!(inspect(&context, &["oci:chart"]), @"");
}
