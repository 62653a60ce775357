//! Attacks that others fell for, each under the number that it was published with.
//!
//! Every test is the attack as somebody would mount it, through the command line, and asserts two things: that it is
//! refused with the right sentence and exit code, and that the harm did not happen. Where nothing can be refused because
//! the program does not do what the attack needs, only the second is left.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod archives;
mod blobs;
mod documents;
mod local;
mod redirects;
mod tls;
mod tokens;

use flink_img::oci::{Descriptor, Digest, Document, MediaType};
use support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use support::fixtures::Compress;
use support::registry::{Auth, Fault, Registry, RequestInfo};

/// A secret that must not be anywhere but where it belongs.
const PASSWORD: &str = "the-secret-of-ada";

/// The name of a registry that is not on this machine; requests for it go through a proxy, which the registry of the test
/// plays.
const ELSEWHERE: &str = "registry.test";

fn ada() -> (String, String) {
    ("ada".to_owned(), PASSWORD.to_owned())
}

fn basic() -> Auth {
    let (user, password) = ada();
    Auth::Basic { user, password }
}

fn token() -> Auth {
    let (user, password) = ada();
    Auth::Token { user, password }
}

/// Puts a base into a registry, as `acme/base:1`.
fn put_base(registry: &Registry) {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
}

/// The base in a layout, with the descriptor of its manifest changed.
fn put_layout(context: &TestContext, change: impl FnOnce(&mut serde_json::Value)) {
    let registry = registry(Auth::Open);
    let (_, manifest) = registry.manifest("acme/base", "1").unwrap();
    let blobs = context.path("base/blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8]| std::fs::write(blobs.join(Digest::of(bytes).hex()), bytes).unwrap();
    let Ok(Document::Manifest(document)) = Document::parse(&manifest, None) else {
        panic!("not a manifest");
    };
    for blob in document.layers.iter().chain([&document.config]) {
        put(&registry.blob("acme/base", blob.digest).unwrap());
    }
    put(&manifest);
    let mut descriptor = serde_json::json!(Descriptor::of(MediaType::Manifest, &manifest));
    change(&mut descriptor);
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [descriptor]});
    context.write("base/index.json", index.to_string());
    context.write("base/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
}

/// A registry with a base.
fn registry(auth: Auth) -> Registry {
    let registry = Registry::with_auth(auth);
    put_base(&registry);
    registry
}

/// A user who is logged in to `host`.
fn user_of(host: &str) -> TestContext {
    let mut context = TestContext::new();
    context.log_in(host, PASSWORD);
    context
}

/// A user for whom `registry` is the proxy to everywhere, so that it can be a registry on the internet; one who is logged
/// in to it. `hook` sees every request but those to the proxy itself.
fn user_behind(
    registry: &Registry,
    hook: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static,
) -> TestContext {
    let mut context = user_of(ELSEWHERE);
    let proxy = format!("http://{}", registry.address());
    context.set("HTTPS_PROXY", &proxy);
    context.set("HTTP_PROXY", &proxy);
    // What is asked for in TLS is answered without, as a registry does that has none.
    registry.on_request(move |request| match request.method.as_str() {
        "CONNECT" => Some(Fault::status(200)),
        _ => hook(request),
    });
    context
}

/// Builds the usual job on this base into a layout.
fn build_on(context: &TestContext, base: &str, words: &[&str]) -> Run {
    let usual = [
        "build",
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
    ];
    let insecure = [
        "--insecure-registry",
        ELSEWHERE,
        "-o",
        "oci:layout",
        "--base",
        base,
    ];
    context.run(usual.iter().chain(&insecure).chain(words))
}

/// Builds the usual job and pushes it.
fn push_to(context: &TestContext, target: &str) -> Run {
    let words = ["--insecure-registry", ELSEWHERE, "--push", "-t", target];
    context.build(&[&["--job-jar", "job.jar"], &words[..]].concat())
}

/// Asserts that a build was refused with these words and left nothing behind.
fn assert_refused(context: &TestContext, run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{run}");
    for part in words {
        assert!(run.stderr.contains(part), "{part}: {run}");
    }
    assert_eq!(run.stdout, "", "{run}");
    assert!(!context.has("layout"), "{run}");
    context.assert_nothing_kept();
    assert_secret_kept(run);
}

fn assert_secret_kept(run: &Run) {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains(PASSWORD), "{run}");
}

/// Asserts that nobody asked anything here: neither for what it has, nor with what is secret.
fn assert_untouched(registry: &Registry) {
    assert_eq!(registry.lines(), [""; 0]);
}

/// Asserts that all who came here came without credentials.
fn assert_nobody_known(registry: &Registry) {
    for request in registry.requests() {
        let told = format!("{:?}", request.query);
        assert!(!request.is_authorized(), "{}", request.line());
        assert!(!told.contains(PASSWORD), "{}", request.line());
    }
}
