//! Images in folders and archives.

use flink_img::oci::Digest;
use insta::assert_snapshot;
use serde_json::json;

use super::{inspect, masked};
use crate::support::context::{TestContext, base, base_config};
use crate::support::fixtures::{Compress, Raw, compress, tar};
use crate::support::platforms::{bases, write};

const FORMS: [&str; 3] = [
    "oci:out",
    "oci-archive:out.oci",
    "docker-archive:out.docker",
];

#[test]
fn every_form_shows_the_same_image() {
    let context = TestContext::new();
    let outputs = FORMS.iter().flat_map(|form| ["-o", form]);
    let words: Vec<_> = outputs.chain(["-t", "acme/job:1"]).collect();
    let digest = context.digest(&words);
    for (image, kind) in [
        ("oci:out", "oci"),
        ("oci:out:acme/job:1", "oci"),
        ("./out", "oci"),
        ("oci-archive:out.oci", "oci-archive"),
        ("oci-archive:out.oci:1", "oci-archive"),
        ("./out.oci", "archive"),
        ("docker-archive:out.docker", "docker-archive"),
        (
            "docker-archive:out.docker:docker.io/acme/job:1",
            "docker-archive",
        ),
        ("./out.docker", "archive"),
    ] {
        // The second time it is remembered.
        for _ in 0..2 {
            let json = inspect(&context, &[image, "--json"]).json();
            assert_eq!(json["digest"], digest, "{image}");
            assert_eq!(json["source"]["kind"], kind, "{image}");
            assert_eq!(json["names"], json!(["docker.io/acme/job:1"]), "{image}");
            assert_eq!(json["flink"]["version"], "1.20.5");
        }
    }
    assert_snapshot!(masked(&inspect(&context, &["oci:out"])), @"
    exit code: 0
    ----- stdout -----
    name         oci:out
    names in it  docker.io/acme/job:1
    digest       sha256:[1]
    [THE USUAL IMAGE]
    ");
    context.assert_nothing_unfinished();
}

/// What `docker save` wrote for many years: no layout, and layers that are not compressed.
fn docker_archive(names: &[&str]) -> Vec<u8> {
    let layer = base("");
    let config = base_config("arm64", &layer);
    let manifest = json!([{"Config": "config.json", "RepoTags": names, "Layers": ["1/layer.tar"]}]);
    tar(&[
        Raw::file("manifest.json", manifest.to_string().as_bytes()),
        Raw::file("config.json", &config),
        Raw::file("1/layer.tar", &layer),
    ])
}

#[test]
fn an_archive_without_a_manifest_has_no_digest() {
    let context = TestContext::new();
    context.write(
        "saved.tar",
        docker_archive(&["acme/other:1", "acme/other:2"]),
    );
    let run = inspect(&context, &["docker-archive:saved.tar"]);
    assert_snapshot!(masked(&run), @"
    exit code: 0
    ----- stdout -----
    name         docker-archive:saved.tar
    names in it  acme/other:1, acme/other:2
    digest       none, as such an archive has no manifest
    platform     linux/arm64
    flink        unknown, as the image has no labels of flink-img
    user         root, as none is set
    entrypoint   /own.sh

    #  LAYER                SIZE    SHARE  DIGEST        FROM
    1  the base's own # B # % [DIGEST] -
       total # B # %
    ");
    let json = inspect(&context, &["docker-archive:saved.tar", "--json"]).json();
    assert!(json["digest"].is_null());
    let layer = &json["layers"][0];
    assert_eq!(layer["digest"], layer["diffId"]);
    assert_eq!(layer["digest"], Digest::of(&base("")).to_string());
    // Compressed as a whole, and by its path alone.
    let zipped = compress(&docker_archive(&["acme/other:1"]), Compress::Gzip);
    context.write("saved.tar.gz", zipped);
    let same = inspect(&context, &["./saved.tar.gz", "--json"]).json();
    assert_eq!(same["layers"], json["layers"]);
    let tree = |image: &str| inspect(&context, &[image, "--tree", "1"]).ok().stdout;
    assert_eq!(tree("./saved.tar.gz"), tree("docker-archive:saved.tar"));
}

#[test]
fn an_image_of_an_index_in_a_file_is_chosen_by_its_platform() {
    let context = TestContext::new();
    let images = bases(&["linux/amd64", "linux/arm64"], 0);
    for output in ["oci:base", "oci-archive:base.oci"] {
        write(&images, &context.work(), output, "acme/base:1");
    }
    for image in ["oci:base", "./base", "oci-archive:base.oci:1", "./base.oci"] {
        let platform = |words: &[&str]| {
            let json = inspect(&context, &[&[image, "--json"], words].concat()).json();
            assert_eq!(json["index"]["digest"], images.digest().to_string());
            assert_eq!(json["names"], json!(["docker.io/acme/base:1"]));
            json["platform"].clone()
        };
        assert_eq!(platform(&[]), "linux/amd64", "{image}");
        assert_eq!(platform(&["--platform", "linux/arm64"]), "linux/arm64");
    }
}
