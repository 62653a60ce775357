//! What others make of our images, and we of theirs: skopeo, podman, umoci, docker-registry, oci-client and oci-spec.
//!
//! The images are small, as in [`support::workshop`]; that the large ones run is for the end-to-end test.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test; these are tests, on files of their own"
)]

#[path = "../support/mod.rs"]
mod support;

mod bases;
mod compression;
mod documents;
mod inspect;
mod outputs;
mod platforms;
mod registries;
mod unpack;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::workshop::{succeed, tool};

fn skopeo(words: &[&str]) -> Command {
    let mut command = tool("skopeo", "skopeo");
    command.args(words);
    command
}

fn umoci(words: &[&str]) -> Command {
    let mut command = tool("umoci", "umoci");
    command.args(words);
    command
}

/// `skopeo inspect`: the manifest, or with `--config` the config, byte for byte.
fn inspect(source: &str, options: &[&str]) -> Vec<u8> {
    let mut command = skopeo(&["inspect", "--raw", "--tls-verify=false"]);
    succeed(command.args(options).arg(source)).stdout
}

/// Copies an image, and lets skopeo check each digest on the way; it fails where a digest would change.
fn copy_exactly(from: &str, to: &str) {
    succeed(
        skopeo(&["copy", "--quiet", "--preserve-digests"])
            .args(["--src-tls-verify=false", "--dest-tls-verify=false"])
            .args([from, to]),
    );
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// `SCHEME:PATH`
fn at(scheme: &str, path: &Path) -> String {
    format!("{scheme}:{}", path.display())
}
