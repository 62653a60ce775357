//! Every form of output, read by others.

use std::time::Duration;

use flink_img::oci::Digest;
use serde_json::Value;

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::fixtures::{Raw, tar};
use crate::support::parts::jre_base;
use crate::support::podman::Podman;
use crate::support::workshop::{Files, TAG, Workshop, built, digest_of, small_root};
use crate::{at, copy_exactly, inspect, json};

/// An image in all forms.
struct Image {
    workshop: Workshop,
    registry: DockerRegistry,
    metadata: Value,
}

impl Image {
    fn build() -> Self {
        let workshop = Workshop::new();
        let registry = DockerRegistry::start(&Kind::Plain);
        let metadata = built(
            workshop
                .build()
                .args(["-o", "oci:layout", "-o", "oci-archive:oci.tar"])
                .args(["-o", "docker-archive:docker.tar", "--push", "-t"])
                .arg(format!("{}/acme/job:{TAG}", registry.address())),
        );
        Self {
            workshop,
            registry,
            metadata,
        }
    }

    /// The forms in which the manifest is ours, as skopeo names them.
    fn exact(&self) -> Vec<String> {
        let file = |scheme, name| format!("{}:{TAG}", at(scheme, &self.workshop.path(name)));
        vec![
            file("oci", "layout"),
            file("oci-archive", "oci.tar"),
            // Beside what Docker reads, it is a layout.
            file("oci-archive", "docker.tar"),
            format!("docker://{}/acme/job:{TAG}", self.registry.address()),
        ]
    }

    fn docker(&self) -> String {
        at("docker-archive", &self.workshop.path("docker.tar"))
    }
}

#[test]
fn skopeo_copies_every_form_without_changing_the_digest() {
    let image = Image::build();
    for (number, source) in image.exact().iter().enumerate() {
        let folder = image.workshop.path(&format!("dir-{number}"));
        copy_exactly(source, &at("dir", &folder));
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        let digest = Digest::of(&manifest).to_string();
        assert_eq!(image.metadata["digest"], digest, "{source}");

        let layout = image.workshop.path(&format!("copy-{number}"));
        copy_exactly(source, &format!("{}:{TAG}", at("oci", &layout)));
        assert_eq!(image.metadata["digest"], Files::in_folder(&layout).digest());
    }
}

#[test]
fn skopeo_inspects_the_bytes_that_were_written() {
    let image = Image::build();
    for source in image.exact() {
        let manifest = inspect(&source, &[]);
        assert_eq!(image.metadata["digest"], Digest::of(&manifest).to_string());
        let config = inspect(&source, &["--config"]);
        let digest = Digest::of(&config).to_string();
        assert_eq!(image.metadata["configDigest"], digest, "{source}");
    }
}

/// A docker-archive has no manifest of its own, so every reader makes one up. What identifies the image to Docker is the
/// config, and the layers' diff ids in it.
#[test]
fn a_docker_archive_keeps_the_image_id_and_the_layers() {
    let image = Image::build();
    let config = inspect(&image.docker(), &["--config"]);
    let digest = Digest::of(&config).to_string();
    assert_eq!(image.metadata["configDigest"], digest);

    let folder = image.workshop.path("dir");
    copy_exactly(&image.docker(), &at("dir", &folder));
    let manifest = json(&std::fs::read(folder.join("manifest.json")).unwrap());
    assert_eq!(image.metadata["configDigest"], manifest["config"]["digest"]);
    let diff_ids = json(&config)["rootfs"]["diff_ids"].clone();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), diff_ids.as_array().unwrap().len());
    for (layer, diff_id) in layers.iter().zip(diff_ids.as_array().unwrap()) {
        let hex = digest_of(layer).strip_prefix("sha256:").unwrap();
        let blob = std::fs::read(folder.join(hex)).unwrap();
        let tar = if blob.starts_with(&[0x1f, 0x8b]) {
            let mut tar = Vec::new();
            let mut reader = flate2::read::MultiGzDecoder::new(&blob[..]);
            std::io::Read::read_to_end(&mut reader, &mut tar).unwrap();
            tar
        } else {
            blob
        };
        assert_eq!(*diff_id, Digest::of(&tar).to_string());
    }
}

#[test]
fn all_forms_hold_the_same_blobs() {
    let image = Image::build();
    let layout = Files::in_folder(&image.workshop.path("layout"));
    assert_eq!(layout, Files::in_archive(&image.workshop.path("oci.tar")));
    let docker = Files::in_archive(&image.workshop.path("docker.tar"));
    let names: Vec<_> = docker.names();
    let others = names.into_iter().filter(|name| *name != "manifest.json");
    assert_eq!(others.collect::<Vec<_>>(), layout.names());
    assert_eq!(
        layout.names().len(),
        2 + 2 + image.metadata["layers"].as_array().unwrap().len()
    );
}

/// The smallest base that can run: all programs of BusyBox, and a `bash` that is its shell.
pub(crate) fn busybox_root() -> Vec<u8> {
    let path = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("install the Debian package `busybox-static`");
    let program = |path: &str, bytes: &[u8]| Raw {
        mode: 0o755,
        ..Raw::file(path, bytes)
    };
    let mut entries = small_root();
    entries.retain(|entry| !entry.name.starts_with(b"bin/"));
    entries.push(program("bin/busybox", &std::fs::read(path).unwrap()));
    entries.push(program("bin/bash", b"#!/bin/sh\nexec sh \"$@\"\n"));
    for applet in [
        "sh", "awk", "cat", "echo", "find", "grep", "id", "printf", "sed",
    ] {
        entries.push(Raw::symlink(&format!("bin/{applet}"), "busybox"));
    }
    tar(&entries)
}

#[test]
fn podman_loads_both_archives_under_the_right_name_and_runs_them() {
    let workshop = Workshop::with_base(&busybox_root());
    let name = format!("registry.example/acme/job:{TAG}");
    built(
        workshop
            .build()
            .args([
                "-o",
                "oci-archive:oci.tar",
                "-o",
                "docker-archive:docker.tar",
            ])
            .args(["-t", &name]),
    );
    for archive in ["oci.tar", "docker.tar"] {
        let podman = Podman::new();
        assert_eq!(podman.load(&workshop.path(archive)), name, "{archive}");
        let run = |words: &[&str]| {
            let container = podman.start(&name, &[], words);
            let code = container.exit_code(Duration::from_secs(60));
            assert_eq!(code, Some(0), "{words:?}: {}", container.last_words());
            container.stdout()
        };
        let help = run(&["help"]);
        for word in ["job-cluster", "task-manager"] {
            assert!(help.contains(word), "{help}");
        }
        assert_eq!(run(&[]), help);
        let words = ["two  blanks", "", "$HOME", "*", "quote\"s'"];
        let shown: String = words.map(|word| format!("[{word}]")).concat() + "\n";
        let mut printf = vec!["printf", "[%s][%s][%s][%s][%s]\\n"];
        printf.extend(words);
        assert_eq!(run(&printf), shown);
        let mut bash = vec!["bash", "-c", "printf '[%s]' \"$@\"; echo", "bash"];
        bash.extend(words);
        assert_eq!(run(&bash), shown);
        assert_eq!(run(&["id", "-u"]), "9999\n");
    }
}

/// The shells and tools of the small base are BusyBox's; those of a real one are not.
#[test]
fn podman_runs_an_image_on_the_real_base() {
    let workshop = Workshop::new();
    let base = at("rootfs", &jre_base());
    let name = format!("registry.example/acme/job:{TAG}");
    built(
        workshop
            .build_on(&base)
            .args(["-o", "docker-archive:docker.tar", "-t", &name]),
    );
    let podman = Podman::new();
    assert_eq!(podman.load(&workshop.path("docker.tar")), name);
    let run = |words: &[&str]| {
        let container = podman.start(&name, &[], words);
        let code = container.exit_code(Duration::from_secs(60));
        assert_eq!(code, Some(0), "{words:?}: {}", container.last_words());
        container.stdout()
    };
    let help = run(&["help"]);
    assert!(
        help.contains("job-cluster") && help.contains("task-manager"),
        "{help}"
    );
    let echo = run(&["echo", "two  blanks", "", "$HOME", "*"]);
    assert_eq!(echo, "two  blanks  $HOME *\n");
    let bash = [
        "bash",
        "-c",
        "printf '[%s]' \"$@\"; echo",
        "bash",
        "two  blanks",
        "",
        "$HOME",
    ];
    assert_eq!(run(&bash), "[two  blanks][][$HOME]\n");
    let java = run(&["sh", "-c", "\"$JAVA_HOME/bin/java\" -version 2>&1"]);
    assert!(java.contains("17."), "{java}");
}
