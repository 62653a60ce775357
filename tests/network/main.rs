//! How registries are reached: mirrors, proxies, certificates. The servers are in the test process; what Debian's nginx,
//! squid and docker-registry make of us is in `tests/registry_real/`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test; these are tests, on files of their own"
)]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod files;
mod insecure;
mod mirror_files;
mod mirrors;
mod proxies;

use support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use support::fixtures::Compress;
use support::registry::Registry;

/// Puts the usual base into a registry as `acme/base:1`, and returns its digest.
fn put_base(registry: &Registry) -> String {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    let digest = registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
    digest.to_string()
}

/// `build` of the job on a base, and more words.
fn build_on(context: &TestContext, base: &str, words: &[&str]) -> Run {
    let usual = ["build", "--base", base, "--from-archive", "flink.tgz"];
    context.run(usual.iter().chain(&["--job-jar", "job.jar"]).chain(words))
}
