//! Bases that others made, in every form: all are accepted, and their layers and history come through as they are.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::podman::Podman;
use crate::support::workshop::{Files, Workshop, built, succeed};
use crate::{at, copy_exactly, inspect, json, skopeo, umoci};

/// Has umoci make an image of several layers from the files of `base.tar`, as `NAME:base` in the layout `theirs`.
fn make_with_umoci(workshop: &Workshop) -> String {
    let root = workshop.path("root");
    std::fs::create_dir(&root).unwrap();
    tar::Archive::new(std::fs::File::open(workshop.path("base.tar")).unwrap())
        .unpack(&root)
        .unwrap();
    let layout = workshop.path("theirs");
    let image = format!("{}:base", layout.display());
    succeed(umoci(&["init", "--layout"]).arg(&layout));
    succeed(&mut umoci(&["new", "--image", &image]));
    for folder in ["bin", "etc", "usr"] {
        let place = format!("/{folder}");
        succeed(
            umoci(&["insert", "--rootless", "--image", &image])
                .arg(root.join(folder))
                .arg(place),
        );
    }
    succeed(
        umoci(&["config", "--image", &image])
            .args(["--author", "somebody else", "--config.env", "THEIRS=kept"])
            .args([
                "--config.label",
                "theirs=kept",
                "--config.stopsignal",
                "SIGINT",
            ])
            .args(["--config.volume", "/data", "--config.entrypoint", "/theirs"]),
    );
    at("oci", &layout) + ":base"
}

fn convert(from: &str, to: &str, options: &[&str]) {
    let mut command = skopeo(&["copy", "--quiet", "--dest-tls-verify=false"]);
    succeed(command.args(options).args([from, to]));
}

/// Builds on `base`, which skopeo finds at `source`, and compares.
fn assert_kept(workshop: &Workshop, base: &str, source: &str) -> Value {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let out = workshop.path(&format!("out-{count}"));
    built(
        workshop
            .build_on(base)
            .args(["-o", &at("oci", &out), "-t", "job:1"]),
    );
    let files = Files::in_folder(&out);
    let (manifest, config) = files.image();
    let (their_manifest, their_config) = (
        json(&inspect(source, &[])),
        json(&inspect(source, &["--config"])),
    );

    let mut theirs = their_manifest["layers"].as_array().unwrap().clone();
    for layer in &mut theirs {
        // skopeo says of every layer of a docker-archive that it is gzip, even where it is not; ours is looked at below.
        if !source.starts_with("docker-archive:") {
            layer["mediaType"] = oci_type(layer).to_owned().into();
        }
    }
    assert!(!theirs.is_empty());
    let layers = manifest["layers"].as_array().unwrap();
    assert!(layers.len() > theirs.len(), "{base}");
    for (ours, theirs) in layers.iter().zip(&mut theirs) {
        if source.starts_with("docker-archive:") {
            theirs["mediaType"] = ours["mediaType"].clone();
        }
        assert_eq!(ours, theirs, "{base}");
    }
    for layer in layers {
        let start = &files.blob(layer)[..2];
        let media_type = layer["mediaType"].as_str().unwrap();
        assert_eq!(
            start == [0x1f, 0x8b],
            media_type.ends_with("+gzip"),
            "{base}: {layer}"
        );
        assert_eq!(
            start == [0x28, 0xb5],
            media_type.ends_with("+zstd"),
            "{base}: {layer}"
        );
    }
    for list in ["/history", "/rootfs/diff_ids"] {
        let list = |config: &Value| config.pointer(list).unwrap().as_array().unwrap().clone();
        let (ours, theirs) = (list(&config), list(&their_config));
        assert_eq!(ours[..theirs.len()], theirs, "{base}");
        assert!(ours.len() > theirs.len(), "{base}");
    }

    // And skopeo finds all of it to be what it is said to be.
    let copy = workshop.path(&format!("copy-{count}"));
    copy_exactly(&(at("oci", &out) + ":1"), &(at("oci", &copy) + ":1"));
    assert_eq!(Files::in_folder(&copy).digest(), files.digest());
    config
}

/// The OCI name of a layer's media type.
fn oci_type(layer: &Value) -> &str {
    match layer["mediaType"].as_str().unwrap() {
        "application/vnd.docker.image.rootfs.diff.tar" => "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.v1.tar+gzip"
        }
        oci => oci,
    }
}

#[test]
fn an_image_by_umoci_is_a_base_in_every_form() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    let theirs = make_with_umoci(&workshop);
    let file = |scheme: &str, name: &str| at(scheme, &workshop.path(name));
    let config = assert_kept(&workshop, &theirs, &theirs);
    // The only image of a layout needs no name.
    assert_kept(&workshop, &file("oci", "theirs"), &theirs);

    let archive = file("oci-archive", "theirs.tar") + ":base";
    convert(&theirs, &archive, &[]);
    assert_eq!(assert_kept(&workshop, &archive, &archive), config);

    // The old form: uncompressed layers, a folder each, and links between them.
    let docker = file("docker-archive", "docker.tar");
    convert(&theirs, &format!("{docker}:acme/base:1"), &[]);
    assert_kept(&workshop, &docker, &docker);
    assert_kept(&workshop, &format!("{docker}:acme/base:1"), &docker);

    for (tag, options) in [
        ("oci", &["--format", "oci"]),
        ("docker", &["--format", "v2s2"]),
    ] {
        let name = format!("{}/theirs/base:{tag}", registry.address());
        let source = format!("docker://{name}");
        convert(&theirs, &source, options);
        assert_kept(&workshop, &name, &source);
    }

    let zstd = file("oci", "zstd") + ":base";
    convert(&theirs, &zstd, &["--dest-compress-format", "zstd"]);
    let manifest = json(&inspect(&zstd, &[]));
    let media_type = oci_type(&manifest["layers"][0]);
    assert_eq!(media_type, "application/vnd.oci.image.layer.v1.tar+zstd");
    assert_kept(&workshop, &zstd, &zstd);

    // What is not ours to change stays.
    assert_eq!(config["author"], "somebody else");
    let own = &config["config"];
    assert_eq!(own["StopSignal"], "SIGINT");
    assert_eq!(own["Volumes"], json!({"/data": {}}));
    assert_eq!(own["Labels"]["theirs"], "kept");
    let variables = own["Env"].as_array().unwrap();
    assert!(variables.contains(&json!("THEIRS=kept")), "{variables:?}");
    assert_eq!(own["Entrypoint"], json!(["/docker-entrypoint.sh"]));
}

#[test]
fn an_image_by_podman_is_a_base_in_both_archives() {
    let workshop = Workshop::new();
    let podman = Podman::new();
    let name = "localhost/theirs/base:1";
    podman.import(&workshop.path("base.tar"), name);
    let save = |format: &str, file: &str| {
        let path = workshop.path(file);
        podman.save(name, format, &path);
        at(format, &path)
    };
    let docker = save("docker-archive", "docker.tar");
    assert_kept(&workshop, &docker, &docker);
    assert_kept(&workshop, &format!("{docker}:{name}"), &docker);
    let oci = save("oci-archive", "oci.tar");
    assert_kept(&workshop, &oci, &oci);
}

#[test]
fn an_image_with_a_flink_of_its_own_is_no_base() {
    let workshop = Workshop::new();
    built(
        workshop
            .build()
            .args(["-o", "oci-archive:ours.tar", "-t", "job:1"]),
    );
    let ours = at("oci-archive", &workshop.path("ours.tar"));
    let output = workshop.build_on(&ours).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("has files in `/opt/flink` or `/opt/flink-VERSION`"),
        "{stderr}"
    );
}

#[test]
fn a_base_of_schema_1_is_refused() {
    let workshop = Workshop::new();
    let theirs = make_with_umoci(&workshop);
    let folder = workshop.path("schema1");
    convert(&theirs, &at("dir", &folder), &["--format", "v2s1"]);
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
    assert_eq!(json(&manifest)["schemaVersion"], 1);
    let registry = crate::support::registry::Registry::start();
    let media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    registry.put_manifest("theirs/base", "1", media_type, &manifest);
    let name = format!("{}/theirs/base:1", registry.address());
    let output = workshop.build_on(&name).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("schema"), "{stderr}");
    assert!(
        !Path::new(&workshop.path("cache/blobs/sha256"))
            .read_dir()
            .unwrap()
            .any(|_| true)
    );
}
