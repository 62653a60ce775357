//! Logins that are given with the command: for one registry, and for no other.

use super::*;
use crate::support::context::{JAVA_17, base, base_config, layer};
use crate::support::fixtures::Compress;

#[test]
fn a_user_is_given_with_a_password_from_stdin_or_the_environment() {
    let registry = basic_registry();
    let name = format!("{}/acme/job:1", registry.address());
    let mut context = TestContext::new();
    let words = ["auth", "check", &name, "--registry-user", "ada"];
    let line = format!("{PASSWORD}\n");
    assert_snapshot!(with_stdin(&context, &words, &line), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: user `ada`, given with the command
    asked for: user and password
    answer: 404 Not Found: let in, and there is no such image
    ");
    assert_snapshot!(with_stdin(&context, &words, "wrong"), @"
    exit code: 5
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: user `ada`, given with the command
    asked for: user and password
    answer: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    hint: the credentials given with the command were refused, or do not allow this
    ");
    context.set("FLINK_IMG_REGISTRY_USER", "ada");
    with_stdin(&context, &words[..3], &line).ok();
    // The variable goes first, and stdin is not read then.
    context.set("FLINK_IMG_REGISTRY_TOKEN", &line);
    with_stdin(&context, &words, "wrong").ok();
    context.run(words).ok();
    context.set("FLINK_IMG_REGISTRY_USER", "");
    context.set("FLINK_IMG_REGISTRY_TOKEN", "");
    assert_eq!(context.run(&words[..3]).code, 5, "what is empty is not set");
}

#[test]
fn a_token_is_given_in_the_environment() {
    let registry = token_registry();
    registry.add_token("my-own", &["repository:acme/job:pull,push"]);
    let name = format!("{}/acme/job:1", registry.address());
    let mut context = TestContext::new();
    context.set("FLINK_IMG_REGISTRY_TOKEN", "my-own\n");
    assert_snapshot!(context.run(["auth", "check", &name, "--push"]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: given with the command
    asked for: a token, and got the one that was given
    answer: 202 Accepted: it may be pushed
    ");
    context
        .build(&["--push", "-t", &name, "--job-jar", "job.jar"])
        .ok();
    assert_eq!(registry.count("GET /token"), 0);
}

#[test]
fn logins_that_are_given_in_part_or_for_nobody_are_refused() {
    let mut context = TestContext::new();
    let name = "127.0.0.1:1/acme/job:1";
    let check = ["auth", "check", name];
    let with =
        |words: &[&str], stdin: &str| with_stdin(&context, &[&check[..], words].concat(), stdin);
    let user = ["--registry-user", "ada"];
    assert_snapshot!(with(&user, ""), @"
    exit code: 2
    ----- stderr -----
    error: `--registry-user` needs a password, and there is none on stdin
    hint: give the password alone: `--registry-user USER <FILE`, or set `FLINK_IMG_REGISTRY_TOKEN` to it
    ");
    assert_snapshot!(with(&user, "two\nlines\n"), @"
    exit code: 2
    ----- stderr -----
    error: The password on stdin has more than one line
    hint: give the password alone: `--registry-user USER <FILE`, or set `FLINK_IMG_REGISTRY_TOKEN` to it
    ");
    assert_snapshot!(with(&["--registry-user", "ada:secret"], ""), @"
    exit code: 2
    ----- stderr -----
    error: `--registry-user` has a `:`, which no user has
    hint: give the user alone; the password is read from stdin
    ");
    assert_snapshot!(with(&["--registry", "quay.io"], ""), @"
    exit code: 2
    ----- stderr -----
    error: `--registry` says for which registry a login is, and none was given with the command
    hint: add `--registry-user USER`, or set `FLINK_IMG_REGISTRY_TOKEN`
    ");
    assert_snapshot!(with(&["--registry", "https://ada:secret@quay.io", "--registry-user", "ada"], ""), @"
    exit code: 2
    ----- stderr -----
    error: `--registry` is not `HOST` or `HOST:PORT`
    hint: write it as in the image's name: `ghcr.io`, `localhost:5000`
    ");
    let build = [
        "build",
        "--registry-user",
        "ada",
        "--base",
        "a.test/b",
        "-t",
    ];
    let several = [&build[..], &["a.test/job", "-t", "b.test/job"]].concat();
    assert_snapshot!(with_stdin(&context, &several, "pw"), @"
    exit code: 2
    ----- stderr -----
    error: It is not clear for which registry the login is: the images go to `a.test`, `b.test`
    hint: say it with `--registry HOST[:PORT]`
    ");
    assert_snapshot!(with_stdin(&context, &build[..5], "pw"), @"
    exit code: 2
    ----- stderr -----
    error: It is not clear for which registry the login is: the image has no name
    hint: say it with `--registry HOST[:PORT]`
    ");
    let push = [
        "push",
        "flink-job",
        "a.test/job",
        "b.test/job",
        "--registry-user",
        "ada",
    ];
    assert_eq!(with_stdin(&context, &push, "pw").code, 2);
    context.set("FLINK_IMG_REGISTRY_TOKEN", "two words");
    assert_snapshot!(context.run(check), @"
    exit code: 2
    ----- stderr -----
    error: `FLINK_IMG_REGISTRY_TOKEN` has blanks or control characters, which no token has
    hint: set it to the token alone, on one line
    ");
    // What asks no registry needs no login.
    context.digest(&["--registry-user", "ada"]);
    context.run(["images"]).ok();
}

#[test]
fn a_login_goes_to_its_registry_and_to_no_other() {
    let (registry, other) = (basic_registry(), basic_registry());
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    other.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
    let context = TestContext::new();
    let target = format!("{}/acme/job:1", registry.address());
    let base = format!("{}/acme/base:1", other.address());
    let build = |words: &[&str]| {
        let usual = [
            "build",
            "--from-archive",
            "flink.tgz",
            "--push",
            "--base",
            &base,
        ];
        with_stdin(&context, &[&usual[..], words].concat(), PASSWORD)
    };
    // The base is in another registry, which wants the very same login and does not get it.
    let run = build(&["--registry-user", "ada", "-t", &target]);
    assert_eq!(run.code, 5, "{run}");
    assert!(
        other
            .requests()
            .iter()
            .all(|request| !request.is_authorized())
    );
    registry.clear_requests();
    // By its own word it is for the base's registry, and the target gets nothing.
    let run = build(&[
        "--registry-user",
        "ada",
        "--registry",
        &other.address(),
        "-t",
        &target,
    ]);
    assert_eq!(run.code, 5, "{run}");
    assert!(
        other
            .requests()
            .iter()
            .any(crate::support::registry::RequestInfo::is_authorized)
    );
    assert!(!registry.requests().is_empty());
    assert!(
        registry
            .requests()
            .iter()
            .all(|request| !request.is_authorized())
    );
}
