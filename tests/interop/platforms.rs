//! An index, read by others for each of its platforms: from Debian's docker-registry, from a folder and from an archive.

use flink_img::oci::Digest;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::ImageIndexEntry;
use oci_client::secrets::RegistryAuth;
use serde_json::Value;

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::platforms::{bases, write};
use crate::support::podman::Podman;
use crate::support::workshop::{Files, TAG, Workshop, built, digest_of, succeed};
use crate::{at, inspect, json, skopeo};

const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// An index in all forms.
struct Index {
    workshop: Workshop,
    registry: DockerRegistry,
    metadata: Value,
}

impl Index {
    /// Builds it on a base that skopeo brought to the registry, for each of its platforms.
    fn build() -> Self {
        let workshop = Workshop::new();
        let registry = DockerRegistry::start(&Kind::Plain);
        let base = format!("{}/acme/base:1", registry.address());
        let images = bases(&["linux/amd64", "linux/arm64/v8", "linux/s390x"], 0);
        write(&images, workshop.folder(), "oci:bases", "acme/base:1");
        let theirs = at("oci", &workshop.path("bases")) + ":1";
        copy_all(&theirs, &format!("docker://{base}"));
        let metadata = built(
            workshop
                .build_on(&base)
                .args(["--platform", "linux/amd64,linux/arm64"])
                .args(["-o", "oci:layout", "-o", "oci-archive:oci.tar"])
                .args(["--push", "-t"])
                .arg(format!("{}/acme/job:{TAG}", registry.address())),
        );
        Self {
            workshop,
            registry,
            metadata,
        }
    }

    /// Its forms, as skopeo names them.
    fn forms(&self) -> Vec<String> {
        let file = |scheme, name| format!("{}:{TAG}", at(scheme, &self.workshop.path(name)));
        vec![
            file("oci", "layout"),
            file("oci-archive", "oci.tar"),
            format!("docker://{}", self.name()),
        ]
    }

    fn name(&self) -> String {
        format!("{}/acme/job:{TAG}", self.registry.address())
    }

    /// What `--json` says of each image, with its architecture.
    fn images(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let images = self.metadata["images"].as_array().unwrap();
        assert_eq!(images.len(), ARCHITECTURES.len());
        ARCHITECTURES.into_iter().zip(images)
    }
}

/// Copies an index with all its images, and lets skopeo check each digest on the way.
fn copy_all(from: &str, to: &str) {
    let mut command = skopeo(&["copy", "--quiet", "--all", "--preserve-digests"]);
    command.args(["--src-tls-verify=false", "--dest-tls-verify=false"]);
    succeed(command.args([from, to]));
}

#[test]
fn skopeo_finds_the_image_for_each_architecture_in_every_form() {
    let index = Index::build();
    for (number, source) in index.forms().iter().enumerate() {
        let manifest = inspect(source, &[]);
        assert_eq!(index.metadata["digest"], Digest::of(&manifest).to_string());
        for (architecture, image) in index.images() {
            let chosen = ["--override-os", "linux", "--override-arch", architecture];
            let words = [
                &chosen[..],
                &["inspect", "--raw", "--config", "--tls-verify=false"],
            ];
            let config = succeed(skopeo(&words.concat()).arg(source)).stdout;
            let digest = Digest::of(&config).to_string();
            assert_eq!(image["configDigest"], digest, "{source}");
            assert_eq!(json(&config)["architecture"], architecture);

            let folder = index.workshop.path(&format!("{architecture}-{number}"));
            let words = [&chosen[..], &["copy", "--quiet", "--preserve-digests"]].concat();
            let mut copy = skopeo(&words);
            copy.arg("--src-tls-verify=false");
            succeed(copy.args([source, &at("dir", &folder)]));
            let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
            let digest = Digest::of(&manifest).to_string();
            assert_eq!(image["digest"], digest, "{source}");
        }
    }
}

#[test]
fn skopeo_copies_all_of_an_index_and_changes_nothing() {
    let index = Index::build();
    let ours = Files::in_folder(&index.workshop.path("layout"));
    assert_eq!(ours, Files::in_archive(&index.workshop.path("oci.tar")));
    let blobs = |files: &Files| -> Vec<String> {
        let names = files.names().into_iter();
        let blobs = names.filter(|name| name.starts_with("blobs/"));
        blobs.map(ToOwned::to_owned).collect()
    };
    for (number, source) in index.forms().iter().enumerate() {
        let layout = index.workshop.path(&format!("copy-{number}"));
        copy_all(source, &(at("oci", &layout) + ":1"));
        let theirs = Files::in_folder(&layout);
        assert_eq!(theirs.digest(), ours.digest(), "{source}");
        assert_eq!(blobs(&theirs), blobs(&ours), "{source}");
    }
}

#[test]
fn an_index_that_was_kept_is_pushed_as_it_is() {
    let index = Index::build();
    let base = at("oci", &index.workshop.path("bases"));
    let mut build = index.workshop.build_on(&base);
    let kept = built(build.args(["--platform", "linux/amd64,linux/arm64", "-t", "kept"]));
    assert_eq!(kept["digest"], index.metadata["digest"]);
    let later = format!("{}/acme/later:2", index.registry.address());
    succeed(index.workshop.program().args(["push", "kept", &later]));
    let pushed = inspect(&format!("docker://{later}"), &[]);
    assert_eq!(kept["digest"], Digest::of(&pushed).to_string());
    // Who asks for another platform is told of those that there are.
    let words = ["build", "--base", &later, "--from-archive", "flink.tgz"];
    let mut refused = index.workshop.program();
    let refused = refused.args(words).args(["--platform", "linux/s390x"]);
    let refused = String::from_utf8(refused.output().unwrap().stderr).unwrap();
    assert!(
        refused.contains("only for `linux/amd64`, `linux/arm64"),
        "{refused}"
    );
}

#[tokio::test]
async fn oci_client_pulls_the_image_for_each_architecture() {
    let index = Index::build();
    let files = Files::in_folder(&index.workshop.path("layout"));
    let reference: oci_client::Reference = index.name().parse().unwrap();
    let accepted = vec!["application/vnd.oci.image.layer.v1.tar+gzip"];
    for (architecture, image) in index.images() {
        let choose = move |entries: &[ImageIndexEntry]| {
            let is_it = |entry: &&ImageIndexEntry| {
                let platform = entry.platform.as_ref();
                platform.is_some_and(|platform| platform.architecture.to_string() == architecture)
            };
            entries.iter().find(is_it).map(|entry| entry.digest.clone())
        };
        let reader = oci_client::Client::new(ClientConfig {
            protocol: ClientProtocol::Http,
            platform_resolver: Some(Box::new(choose)),
            ..ClientConfig::default()
        });
        let auth = RegistryAuth::Anonymous;
        let pulled = reader
            .pull(&reference, &auth, accepted.clone())
            .await
            .unwrap();
        let digest = Digest::of(&pulled.config.data).to_string();
        assert_eq!(image["configDigest"], digest);
        let layers = image["layers"].as_array().unwrap();
        assert_eq!(pulled.layers.len(), layers.len());
        for layer in layers {
            let is_it = |found: &&oci_client::client::ImageLayer| found.data == files.blob(layer);
            assert!(
                pulled.layers.iter().any(|found| is_it(&found)),
                "{}",
                digest_of(layer)
            );
        }
    }
}

#[test]
fn oci_spec_reads_the_index() {
    use oci_spec::image::{Arch, ImageIndex, MediaType};

    let index = Index::build();
    let bytes = inspect(&index.forms()[2], &[]);
    let read = ImageIndex::from_reader(&bytes[..]).unwrap();
    assert_eq!(*read.media_type(), Some(MediaType::ImageIndex));
    let platforms = read.manifests().iter().map(|entry| {
        assert_eq!(*entry.media_type(), MediaType::ImageManifest);
        let platform = entry.platform().as_ref().unwrap();
        (platform.architecture().clone(), platform.variant().clone())
    });
    let expected = [(Arch::Amd64, None), (Arch::ARM64, Some("v8".to_owned()))];
    assert_eq!(platforms.collect::<Vec<_>>(), expected);
}

#[test]
fn podman_pulls_the_image_for_each_architecture() {
    let (index, podman) = (Index::build(), Podman::new());
    for architecture in ARCHITECTURES {
        assert_eq!(podman.pull_for(architecture, &index.name()), architecture);
    }
}
