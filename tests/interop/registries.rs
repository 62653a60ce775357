//! Debian's docker-registry: open, with a user, with TLS of its own authority; and oci-client, which pulls what we push.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flink_img::oci::Digest;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::workshop::{Files, Workshop, built, digest_of, succeed};

const USER: &str = "ada";
const PASSWORD: &str = "s3cret: ä";

fn with_user() -> DockerRegistry {
    DockerRegistry::start(&Kind::Htpasswd {
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
    })
}

/// Writes a file of logins as `docker login` and `podman login` do.
fn write_logins(path: &Path, registry: &DockerRegistry, password: &str) {
    let login = STANDARD.encode(format!("{USER}:{password}"));
    let logins = json!({"auths": {registry.address(): {"auth": login}}});
    std::fs::write(path, logins.to_string()).unwrap();
}

/// A build that is pushed to a registry.
fn push(workshop: &Workshop, registry: &DockerRegistry) -> Command {
    let mut build = workshop.build();
    build
        .args(["--push", "-t"])
        .arg(format!("{}/acme/job:1", registry.address()));
    build
}

fn stderr_of_failure(output: Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

/// Has oci-client pull what was pushed, and compares all of it with a layout of the same build.
async fn assert_pulls(config: ClientConfig, auth: &RegistryAuth, name: &str, files: &Files) {
    let reader = oci_client::Client::new(config);
    let reference: oci_client::Reference = name.parse().unwrap();
    let (manifest, _) = files.image();
    let layers = manifest["layers"].as_array().unwrap();
    let accepted = vec!["application/vnd.oci.image.layer.v1.tar+gzip"];
    let image = reader.pull(&reference, auth, accepted).await.unwrap();
    assert_eq!(image.digest, Some(files.digest()));
    // It pulls several layers at a time, and gives them as they come.
    let ours: BTreeSet<_> = layers
        .iter()
        .map(|layer| digest_of(layer).to_owned())
        .collect();
    let theirs = image
        .layers
        .iter()
        .map(|layer| Digest::of(&layer.data).to_string());
    assert_eq!(theirs.collect::<BTreeSet<_>>(), ours);
    assert!(image.config.data[..] == *files.blob(&manifest["config"]));
    let (bytes, digest) = reader
        .pull_manifest_raw(
            &reference,
            auth,
            &["application/vnd.oci.image.manifest.v1+json"],
        )
        .await
        .unwrap();
    assert_eq!(digest, files.digest());
    assert_eq!(Digest::of(&bytes).to_string(), digest);
}

#[tokio::test]
async fn an_open_registry_needs_nothing() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    let name = format!("{}/acme/job:1", registry.address());
    let metadata = built(push(&workshop, &registry).args(["-o", "oci:layout"]));
    let files = Files::in_folder(&workshop.path("layout"));
    assert_eq!(metadata["digest"], files.digest());
    let config = || ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    };
    assert_pulls(config(), &RegistryAuth::Anonymous, &name, &files).await;
    let pinned = metadata["references"][0].as_str().unwrap();
    assert_pulls(config(), &RegistryAuth::Anonymous, pinned, &files).await;

    // What is kept first and pushed later is the same.
    succeed(workshop.build().args(["-t", "acme/kept:1"]));
    let later = format!("{}/acme/later:2", registry.address());
    succeed(workshop.program().args(["push", "acme/kept:1", &later]));
    assert_pulls(config(), &RegistryAuth::Anonymous, &later, &files).await;
}

#[tokio::test]
async fn a_login_is_found_where_docker_and_podman_leave_it() {
    let workshop = Workshop::new();
    let registry = with_user();
    std::fs::create_dir_all(workshop.path("docker")).unwrap();
    write_logins(&workshop.path("docker/config.json"), &registry, PASSWORD);
    let folder = workshop.path("docker");
    let file = folder.join("config.json");
    let first = built(
        push(&workshop, &registry)
            .env("DOCKER_CONFIG", &folder)
            .args(["-o", "oci:layout"]),
    );
    let ways: [&dyn Fn(&mut Command); 3] = [
        &|command| {
            command.arg("--authfile").arg(&file);
        },
        &|command| {
            command.env("REGISTRY_AUTH_FILE", &file);
        },
        &|command| {
            command.env("XDG_RUNTIME_DIR", workshop.path("run"));
        },
    ];
    std::fs::create_dir_all(workshop.path("run/containers")).unwrap();
    std::fs::copy(&file, workshop.path("run/containers/auth.json")).unwrap();
    for way in ways {
        let mut command = push(&workshop, &registry);
        way(&mut command);
        assert_eq!(built(&mut command)["digest"], first["digest"]);
    }

    let config = ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    };
    let auth = RegistryAuth::Basic(USER.to_owned(), PASSWORD.to_owned());
    let name = format!("{}/acme/job:1", registry.address());
    let files = Files::in_folder(&workshop.path("layout"));
    assert_pulls(config, &auth, &name, &files).await;
}

#[test]
fn without_the_right_login_nothing_is_built() {
    let workshop = Workshop::new();
    let registry = with_user();
    let none = stderr_of_failure(push(&workshop, &registry).output().unwrap(), 5);
    assert!(none.contains("hint:"), "{none}");
    assert!(none.contains("login"), "{none}");
    assert!(!none.contains(": made"), "{none}");

    let file = workshop.path("wrong.json");
    write_logins(&file, &registry, "hunter2");
    let mut build = push(&workshop, &registry);
    let wrong = stderr_of_failure(build.arg("--authfile").arg(&file).output().unwrap(), 5);
    assert!(wrong.contains("hint:"), "{wrong}");
    // It says which login was tried, and not with what.
    assert!(wrong.contains("wrong.json"), "{wrong}");
    assert!(!wrong.contains("hunter2"), "{wrong}");
}

#[tokio::test]
async fn an_own_authority_is_trusted_when_it_is_named() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Tls);
    let stranger = stderr_of_failure(push(&workshop, &registry).output().unwrap(), 7);
    assert!(stranger.contains("`--ca-file`"), "{stranger}");

    let ca = registry.ca_file();
    let mut build = push(&workshop, &registry);
    build.args(["-o", "oci:layout"]).arg("--ca-file").arg(&ca);
    let metadata = built(&mut build);
    let mut build = push(&workshop, &registry);
    build.env("FLINK_IMG_CA_FILE", &ca);
    assert_eq!(built(&mut build)["digest"], metadata["digest"]);

    let config = ClientConfig {
        protocol: ClientProtocol::Https,
        extra_root_certificates: vec![Certificate {
            encoding: CertificateEncoding::Pem,
            data: std::fs::read(&ca).unwrap(),
        }],
        ..ClientConfig::default()
    };
    let name = format!("{}/acme/job:1", registry.address());
    let files = Files::in_folder(&workshop.path("layout"));
    assert_pulls(config, &RegistryAuth::Anonymous, &name, &files).await;
}
