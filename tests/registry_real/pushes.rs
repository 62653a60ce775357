//! What the tests of whole runs share: builds that are pushed, and how they ended.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flink_img::http::HttpSettings;
use flink_img::oci::{Descriptor, LayerCompression, Manifest, MediaType, Reference};
use flink_img::progress::Silent;
use flink_img::registry::{BlobBody, BlobPush, Client, CredentialStore};
use serde_json::json;

use crate::support::context::base_config;
use crate::support::docker_registry::DockerRegistry;
use crate::support::fixtures::{Raw, tar};
use crate::support::workshop::{Workshop, noise, small_root, succeed};

/// A build that is pushed to `HOST:PORT` as `acme/job:1`.
pub(crate) fn push(workshop: &Workshop, address: &str) -> Command {
    let mut build = workshop.build();
    build.args(["--push", "-t", &format!("{address}/acme/job:1")]);
    build
}

/// Runs a push that must succeed, and checks that the registry has what was built; returns what was said.
pub(crate) fn pushed(push: &mut Command, registry: &DockerRegistry) -> String {
    let output = succeed(push);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (_, digest) = stdout.trim_end().split_once('@').unwrap();
    assert_eq!(registry.digest("acme/job", "1").as_deref(), Some(digest));
    String::from_utf8(output.stderr).unwrap()
}

/// What was said by a run that must end with this exit code.
pub(crate) fn failed(push: &mut Command, code: i32) -> String {
    let output: Output = push.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

/// Leaves a login for `HOST:PORT`, and has the command find it.
pub(crate) fn log_in(workshop: &Workshop, push: &mut Command, address: &str, login: (&str, &str)) {
    let login = STANDARD.encode(format!("{}:{}", login.0, login.1));
    let file = json!({"auths": {address: {"auth": login}}}).to_string();
    std::fs::write(workshop.path("auth.json"), file).unwrap();
    push.args(["--authfile", "auth.json"]);
}

/// How large the layer of the base is.
const BASE_SIZE: usize = 2 * 1024 * 1024;

/// Puts a base into a registry as `acme/base:1`, and returns its digest.
pub(crate) fn put_base(registry: &DockerRegistry, ca_file: Option<PathBuf>) -> String {
    let mut entries = small_root();
    entries.push(Raw::file("opt/data.bin", &noise(BASE_SIZE)));
    let layer = tar(&entries);
    let config = base_config("amd64", &layer);
    let settings = HttpSettings {
        ca_file,
        ..HttpSettings::default()
    };
    let client = Client::new(settings, CredentialStore::default(), Arc::new(Silent)).unwrap();
    let target: Reference = format!("{}/acme/base:1", registry.address())
        .parse()
        .unwrap();
    let blobs = [
        (MediaType::Layer(LayerCompression::None), layer),
        (MediaType::Config, config),
    ];
    let descriptors = blobs
        .clone()
        .map(|(kind, bytes)| Descriptor::of(kind, &bytes));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for ((_, bytes), descriptor) in blobs.iter().zip(&descriptors) {
            let push = BlobPush::new(descriptor.clone());
            let body = BlobBody::from(&bytes[..]);
            client.push_blob(&target, push, &body).await.unwrap();
        }
        let [layer, config] = descriptors;
        let manifest = Manifest::new(config, vec![layer]).to_bytes();
        let selector = target.selector();
        client
            .push_manifest(&target, &MediaType::Manifest, &manifest, &selector)
            .await
            .unwrap()
            .to_string()
    })
}
