//! Images of every compression, read by others: skopeo, podman, and the programs that made the formats.

use std::process::Command;
use std::time::Duration;

use flink_img::oci::Digest;
use serde_json::Value;

use crate::outputs::busybox_root;
use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::podman::{Container, Podman};
use crate::support::workshop::{Files, TAG, Workshop, built, digest_of, succeed, tool};
use crate::{at, copy_exactly, inspect, json, skopeo};

const CHOICES: [(&str, &str); 5] = [
    ("zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
    ("zstd:19", "application/vnd.oci.image.layer.v1.tar+zstd"),
    ("stored", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ("gzip:1", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ("auto", "application/vnd.oci.image.layer.v1.tar+gzip"),
];

/// An image with a layer of several megabytes, in the layout `layout`.
fn image(choice: &str) -> (Workshop, Value, Files) {
    let workshop = Workshop::new();
    let name = format!("job:{TAG}");
    let words = ["--compression", choice, "-o", "oci:layout", "-t", &name];
    let metadata = built(workshop.build().args(words));
    let files = Files::in_folder(&workshop.path("layout"));
    (workshop, metadata, files)
}

#[test]
fn skopeo_reads_every_compression_whole() {
    for (choice, media_type) in CHOICES {
        let (workshop, metadata, files) = image(choice);
        let source = format!("{}:{TAG}", at("oci", &workshop.path("layout")));
        let folder = workshop.path("dir");
        copy_exactly(&source, &at("dir", &folder));
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        assert_eq!(metadata["digest"], Digest::of(&manifest).to_string());
        let config = inspect(&source, &["--config"]);
        assert_eq!(metadata["configDigest"], Digest::of(&config).to_string());

        let summary = json(&succeed(&mut skopeo(&["inspect", &source])).stdout);
        assert_eq!(summary["Digest"], metadata["digest"], "{choice}");
        let (manifest, _) = files.image();
        let layers = manifest["layers"].as_array().unwrap();
        let told = summary["Layers"].as_array().unwrap();
        assert_eq!(layers.len(), told.len());
        for (layer, told) in layers.iter().zip(told) {
            assert_eq!(*told, layer["digest"], "{choice}");
            assert_eq!(layer["mediaType"], media_type, "{choice}");
            let hex = digest_of(layer).strip_prefix("sha256:").unwrap();
            let copy = std::fs::read(folder.join(hex)).unwrap();
            assert!(copy == files.blob(layer), "{choice}");
        }
    }
}

#[test]
fn the_programs_of_the_formats_unpack_the_layers() {
    for (choice, media_type) in CHOICES {
        let (workshop, _, files) = image(choice);
        let (manifest, config) = files.image();
        let layers = manifest["layers"].as_array().unwrap();
        let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
        assert_eq!(layers.len(), diff_ids.len());
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let hex = digest_of(layer).strip_prefix("sha256:").unwrap();
            let blob = workshop.path("layout/blobs/sha256").join(hex);
            let program = || -> Command {
                if media_type.ends_with("+zstd") {
                    tool("zstd", "zstd")
                } else {
                    tool("gzip", "gzip")
                }
            };
            // gzip wants the name that it gives to its own files, unless it reads its input.
            let open = || std::fs::File::open(&blob).unwrap();
            succeed(program().args(["-q", "-t"]).stdin(open()));
            let tar = succeed(program().args(["-q", "-d", "-c"]).stdin(open())).stdout;
            assert_eq!(*diff_id, Digest::of(&tar).to_string(), "{choice}");
        }
    }
}

/// Runs what was made, and has it tell what it finds in its largest layer.
fn assert_runs(podman: &Podman, name: &str, workshop: &Workshop) {
    let run = |words: &[&str]| {
        let container: Container<'_> = podman.start(name, &[], words);
        let code = container.exit_code(Duration::from_secs(60));
        assert_eq!(code, Some(0), "{words:?}: {}", container.last_words());
        container.stdout()
    };
    let help = run(&["help"]);
    for word in ["job-cluster", "task-manager"] {
        assert!(help.contains(word), "{help}");
    }
    for file in ["data.bin", "job.jar"] {
        let place = format!("/opt/artifacts/{file}");
        let sum = run(&["busybox", "sha256sum", &place]);
        let bytes = std::fs::read(workshop.path(file)).unwrap();
        assert_eq!(sum, format!("{}  {place}\n", Digest::of(&bytes).hex()));
    }
}

#[test]
fn podman_runs_what_it_loads_and_what_it_pulls() {
    let registry = DockerRegistry::start(&Kind::Plain);
    for choice in ["zstd", "stored"] {
        let workshop = Workshop::with_base(&busybox_root());
        let name = format!("{}/acme/{choice}:{TAG}", registry.address());
        let words = ["--compression", choice, "-o", "oci-archive:oci.tar"];
        built(workshop.build().args(words).args(["--push", "-t", &name]));
        let loading = Podman::new();
        assert_eq!(loading.load(&workshop.path("oci.tar")), name);
        assert_runs(&loading, &name, &workshop);
        let pulling = Podman::new();
        pulling.pull(&name);
        assert_runs(&pulling, &name, &workshop);
    }
}
