//! What `inspect` tells is what others find.

use serde_json::Value;

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::workshop::{TAG, Workshop, built, succeed};
use crate::{at, copy_exactly, inspect, json, skopeo};

/// `flink-img inspect --json` with more words.
fn ours(workshop: &Workshop, words: &[&str]) -> Value {
    let mut command = workshop.program();
    let output = succeed(command.args(["inspect", "--json"]).args(words));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `skopeo inspect`
fn theirs(source: &str) -> Value {
    let output = succeed(&mut skopeo(&["inspect", "--tls-verify=false", source]));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Digest, size and type of each layer.
fn layers(told: &Value) -> Vec<[Value; 3]> {
    let layers = told["layers"].as_array().unwrap().iter();
    layers
        .map(|layer| ["digest", "size", "mediaType"].map(|key| layer[key].clone()))
        .collect()
}

fn assert_same(ours: &Value, source: &str, what: &str) {
    let theirs = theirs(source);
    let manifest = json(&inspect(source, &[]));
    assert_eq!(layers(ours), layers(&manifest), "{what}");
    assert_eq!(ours["digest"], theirs["Digest"], "{what}");
    assert_eq!(ours["environment"], theirs["Env"], "{what}");
    assert_eq!(ours["labels"], theirs["Labels"], "{what}");
    assert_eq!(ours["created"], theirs["Created"], "{what}");
    let platform = format!(
        "{}/{}",
        theirs["Os"].as_str().unwrap(),
        theirs["Architecture"].as_str().unwrap()
    );
    assert_eq!(ours["platform"], platform, "{what}");
}

#[test]
fn skopeo_finds_the_layers_and_labels_that_inspect_tells() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    let name = format!("{}/acme/job:{TAG}", registry.address());
    built(
        workshop
            .build()
            .args(["-o", "oci:layout", "-o", "oci-archive:oci.tar"])
            .args(["-o", "docker-archive:docker.tar", "--push", "-t", &name]),
    );
    let file = |scheme: &str, file: &str| at(scheme, &workshop.path(file));
    for (image, source) in [
        (name.clone(), format!("docker://{name}")),
        ("oci:layout".to_owned(), file("oci", "layout")),
        (
            "oci-archive:oci.tar".to_owned(),
            file("oci-archive", "oci.tar"),
        ),
        // Beside what Docker reads, it is a layout.
        ("./docker.tar".to_owned(), file("oci-archive", "docker.tar")),
    ] {
        assert_same(&ours(&workshop, &[&image]), &source, &image);
    }

    // What skopeo writes has no layout beside it, and no manifest.
    let saved = format!("{}:acme/job:{TAG}", file("docker-archive", "saved.tar"));
    let layout = file("oci", "layout");
    succeed(&mut skopeo(&["copy", "--quiet", &layout, &saved]));
    let ours_saved = ours(&workshop, &["docker-archive:saved.tar"]);
    assert_eq!(ours_saved["digest"], Value::Null);
    assert_eq!(
        ours_saved["names"],
        serde_json::json!([format!("docker.io/acme/job:{TAG}")])
    );
    let theirs_saved = theirs(&file("docker-archive", "saved.tar"));
    let layers = ours_saved["layers"].as_array().unwrap().iter();
    let digests: Vec<_> = layers.map(|layer| layer["digest"].clone()).collect();
    assert_eq!(Value::Array(digests), theirs_saved["Layers"]);

    // And an image that went through its hands is still ours.
    let copied = file("dir", "copied");
    copy_exactly(&format!("docker://{name}"), &copied);
    let again = format!("{}/acme/copy:{TAG}", registry.address());
    copy_exactly(&copied, &format!("docker://{again}"));
    let copy = ours(&workshop, &[&again]);
    assert_eq!(copy["layers"], ours(&workshop, &[&name])["layers"]);
}

#[test]
fn tar_lists_the_files_that_inspect_lists() {
    let workshop = Workshop::new();
    built(workshop.build().args(["-o", "oci:layout"]));
    let image = ours(&workshop, &["oci:layout"]);
    for layer in image["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap();
        let tree = ours(&workshop, &["oci:layout", "--tree", digest]);
        let entries = tree["entries"].as_array().unwrap();
        let mut found: Vec<_> = entries
            .iter()
            .map(|entry| {
                let slash = if entry["kind"] == "directory" {
                    "/"
                } else {
                    ""
                };
                format!("{}{slash}", entry["path"].as_str().unwrap())
            })
            .collect();
        found.sort();
        let blob = workshop.path("layout/blobs/sha256").join(&digest[7..]);
        let mut tar = std::process::Command::new("tar");
        let output = succeed(tar.args(["-t", "-z", "-f"]).arg(blob));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut expected: Vec<_> = text
            .lines()
            .map(|line| line.trim_start_matches("./").to_owned())
            .collect();
        expected.sort();
        assert_eq!(found, expected, "{digest}");
    }
}
