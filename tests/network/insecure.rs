//! What a file of mirrors calls insecure, and for whom that holds. `0.0.0.0` stands for another machine: it leads here, and
//! nobody trusts it for its name.

use crate::support::context::{Run, TestContext};
use crate::support::registry::{Auth, Registry};
use crate::{build_on, put_base};

const NAME: &str = "registry.example.com/acme/base:1";

/// A registry with the base, for one user alone; the name of its host; and that user, who pulls what `entry` says of it.
fn setup(entry: impl Fn(&str) -> String) -> (Registry, String, TestContext) {
    let registry = Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    put_base(&registry);
    let host = registry.address().replace("127.0.0.1", "0.0.0.0");
    let mut context = TestContext::new();
    context.write("mirrors.conf", entry(&host));
    context.set("CONTAINERS_REGISTRIES_CONF", "mirrors.conf");
    context.log_in(&host, "secret");
    (registry, host, context)
}

/// The forms of an entry by which pulls of [`NAME`] go to a host.
fn entries(host: &str, more: &str) -> [String; 2] {
    let prefix = "[[registry]]\nprefix = \"registry.example.com\"\n";
    [
        format!("{prefix}[[registry.mirror]]\nlocation = \"{host}\"\n{more}\n"),
        format!("{prefix}location = \"{host}\"\n{more}\n"),
    ]
}

fn assert_no_trust(run: &Run, host: &str) {
    assert_eq!(run.code, 7, "{run}");
    let told = format!("There is no trusted connection to `{host}`");
    assert!(run.stderr.contains(&told), "{run}");
}

#[test]
fn a_pull_that_is_led_to_an_insecure_place_goes_without_tls_and_a_push_there_does_not() {
    for form in 0..2 {
        let (registry, host, context) =
            setup(|host| entries(host, "insecure = true")[form].clone());
        let target = format!("{host}/acme/job:1");
        build_on(&context, NAME, &["-o", "oci:out"]).ok();
        assert!(registry.count("GET /v2/acme/base/blobs/") > 0);

        // The same process pulls from there, so that it knows how the host is spoken to.
        registry.clear_requests();
        let words = ["--no-cache", "--push", "-t", &target];
        assert_no_trust(&build_on(&context, NAME, &words), &host);
        for words in [
            &["auth", "check", &target][..],
            &["auth", "check", &target, "--push"],
        ] {
            let run = context.run(words);
            assert_eq!(run.code, 7, "{run}");
            assert!(
                run.stderr.contains("There is no trusted connection"),
                "{run}"
            );
        }
        for request in registry.requests() {
            let is_pull = request.path.starts_with("/v2/acme/base/");
            assert!(is_pull || !request.is_authorized(), "{request:?}");
            assert!(is_pull || request.path == "/v2/", "{request:?}");
            assert!(matches!(&*request.method, "GET" | "HEAD"), "{request:?}");
        }
        // A pull by the name of the host itself is not one that the entry is about.
        assert_no_trust(
            &build_on(&context, &format!("{host}/acme/base:1"), &[]),
            &host,
        );

        // Who says so of the host may push there.
        let words = ["--push", "-t", &target, "--insecure-registry", &host];
        build_on(&context, NAME, &words).ok();
        assert!(registry.manifest("acme/job", "1").is_some());
    }
}

#[test]
fn what_is_said_of_some_names_of_a_host_holds_for_pulls_of_these() {
    let (registry, host, context) =
        setup(|host| format!("[[registry]]\nlocation = \"{host}/acme\"\ninsecure = true\n"));
    build_on(&context, &format!("{host}/acme/base:1"), &[]).ok();
    registry.clear_requests();
    assert_no_trust(
        &build_on(&context, &format!("{host}/other/base:1"), &[]),
        &host,
    );
    let target = format!("{host}/acme/job:1");
    let base = format!("{host}/acme/base:1");
    let words = ["--no-cache", "--push", "-t", &target];
    assert_no_trust(&build_on(&context, &base, &words), &host);
    assert_eq!(registry.count("POST"), 0);
    assert!(registry.manifest("acme/job", "1").is_none());
}

#[test]
fn a_place_that_nobody_calls_insecure_is_not_spoken_to_without_tls() {
    for form in 0..2 {
        let (registry, _, context) = setup(|host| entries(host, "")[form].clone());
        let run = build_on(&context, NAME, &[]);
        assert_eq!(run.code, 7, "{run}");
        let understood = |line: &String| line.contains("/v2/");
        let lines = registry.lines();
        assert!(!lines.iter().any(understood), "{lines:?}");
    }
}
