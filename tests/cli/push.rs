//! Images on their way to a registry: under which names, and with how many requests.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use crate::support::context::{Run, TestContext};
use crate::support::registry::Registry;

/// How often each kind of request was answered how: `HEAD blobs 200`.
fn counts(registry: &Registry) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in registry.requests() {
        let kind = ["blobs/uploads", "blobs", "manifests"]
            .into_iter()
            .find(|kind| request.path.contains(&format!("/{kind}/")))
            .unwrap_or(&request.path);
        let line = format!("{} {kind} {}", request.method, request.status);
        *counts.entry(line).or_default() += 1;
    }
    let lines: Vec<_> = counts
        .iter()
        .map(|(line, count)| format!("{count} {line}"))
        .collect();
    lines.join("\n")
}

fn push(context: &TestContext, names: &[String]) -> Run {
    let mut words = vec!["--job-jar", "job.jar", "--push"];
    for name in names {
        words.extend(["-t", name]);
    }
    context.build(&words).sorted()
}

#[test]
fn a_build_is_pushed_and_the_second_time_only_the_manifest_is_sent() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    let first = push(&context, std::slice::from_ref(&name));
    assert_snapshot!(first, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: pushed, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Flink 1.20.5: opt, examples: pushed, [SIZE]
    base, sha256:[2]: pushed, [SIZE]
    config: pushed, [SIZE]
    job: made, [SIZE]
    job: pushed, [SIZE]
    user flink, entrypoint: made, [SIZE]
    user flink, entrypoint: pushed, [SIZE]
    ");
    assert_snapshot!(counts(&registry), @"
    2 GET manifests 200
    1 GET manifests 404
    1 HEAD blobs 404
    6 POST blobs/uploads 202
    6 PUT blobs/uploads 201
    1 PUT manifests 201
    ");
    let (media_type, manifest) = registry.manifest("acme/job", "1").unwrap();
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(
        flink_img::oci::Digest::of(&manifest).to_string(),
        first.digest()
    );

    registry.clear_requests();
    let second = push(&context, &[name]);
    assert_snapshot!(second, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    `127.0.0.1:[PORT]/acme/job:1` is this image already
    job: known from an earlier build
    user flink, entrypoint: known from an earlier build
    ");
    // What is there is asked for, not sent; the manifest always is, as its tag may have moved.
    assert_snapshot!(counts(&registry), @"1 GET manifests 200");
    assert_eq!(second.digest(), first.digest());
    // What was pushed is not kept as well.
    context.assert_nothing_kept();
}

#[test]
fn several_tags_share_the_blobs_of_their_repository() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = |rest: &str| format!("{}/{rest}", registry.address());
    let run = push(&context, &[name("acme/job:1"), name("acme/job:latest")]);
    assert_snapshot!(run.stdout_plain(), @"127.0.0.1:[PORT]/acme/job@sha256:[1]");
    assert_snapshot!(counts(&registry), @"
    4 GET manifests 200
    2 GET manifests 404
    1 HEAD blobs 404
    6 POST blobs/uploads 202
    6 PUT blobs/uploads 201
    2 PUT manifests 201
    ");
    assert_eq!(
        registry.manifest("acme/job", "1"),
        registry.manifest("acme/job", "latest")
    );

    // Another repository of the registry takes them from the first: nothing is sent twice.
    registry.clear_requests();
    let run = push(&context, &[name("acme/job:2"), name("copies/job:2")]);
    let requests = registry.requests();
    let mounted = requests
        .iter()
        .filter(|request| request.query_all("from") == ["acme/job"] && request.status == 201);
    assert_eq!(mounted.count(), 6);
    assert_eq!(registry.count("PUT /v2/copies/job/blobs/"), 0);
    assert_snapshot!(run.stdout_plain(), @"
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    127.0.0.1:[PORT]/copies/job@sha256:[1]
    ");
    assert_eq!(
        registry.manifest("acme/job", "2"),
        registry.manifest("copies/job", "2")
    );
}

#[test]
fn an_image_that_was_kept_is_pushed_later() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let built = context.digest(&[]);
    let target = format!("{}/acme/job:1", registry.address());
    assert_eq!(registry.requests().len(), 0);
    assert_snapshot!(context.run(["push", "flink-job", &target]).sorted(), @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    config: pushed, [SIZE]
    sha256:[2]: pushed, [SIZE]
    sha256:[3]: pushed, [SIZE]
    sha256:[4]: pushed, [SIZE]
    sha256:[5]: pushed, [SIZE]
    sha256:[6]: pushed, [SIZE]
    ");
    let (_, manifest) = registry.manifest("acme/job", "1").unwrap();
    assert_eq!(flink_img::oci::Digest::of(&manifest).to_string(), built);

    let other = format!("{}/acme/other:1", registry.address());
    let both = context.run(["push", "flink-job", &target, &other, "--json"]);
    assert_snapshot!(both.stdout_plain(), @r#"{"digest":"sha256:[1]","names":["127.0.0.1:[PORT]/acme/job:1","127.0.0.1:[PORT]/acme/other:1"],"references":["127.0.0.1:[PORT]/acme/job@sha256:[1]","127.0.0.1:[PORT]/acme/other@sha256:[1]"]}"#);

    // Under its own name.
    let own = format!("{}/own/job:1", registry.address());
    context.build(&["-t", &own]).ok();
    let run = context.run(["push", &own, "--quiet"]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/own/job@sha256:[1]
    ");
    assert!(registry.manifest("own/job", "1").is_some());

    registry.clear_requests();
    assert_snapshot!(context.run(["push", "no-such-job"]), @"
    exit code: 6
    ----- stderr -----
    error: The local store has no image `docker.io/library/no-such-job`
    hint: `flink-img images` lists what is there
    ");
    assert_snapshot!(context.run(["push", "flink-job", "UPPER/case"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'UPPER/case' for '[TARGET]...': `UPPER/case` is not an image name: the repository must be in lower case

    For more information, try '--help'.
    ");
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn the_name_comes_from_the_flag_the_environment_or_a_file() {
    let mut context = TestContext::new();
    std::fs::create_dir(context.path("target")).unwrap();
    std::fs::copy(context.path("job.jar"), context.path("target/job.jar")).unwrap();
    let name = |context: &TestContext, words: &[&str]| {
        let run = context.build(&[words, &["--quiet"]].concat()).ok();
        run.stdout.split_once('@').unwrap().0.to_owned()
    };
    let jar = ["--job-jar", "target/job.jar"];
    assert_eq!(name(&context, &jar), "docker.io/library/flink-job");
    context.write("flink-img.toml", "image = \"here.example.org/work:1\"\n");
    assert_eq!(name(&context, &jar), "here.example.org/work");
    assert_eq!(name(&context, &[]), "here.example.org/work");
    context.write(
        "target/flink-img.toml",
        "image = \"here.example.org/beside:1\"\n",
    );
    assert_eq!(name(&context, &jar), "here.example.org/beside");
    context.set("FLINK_IMG_TAG", "here.example.org/variable:1");
    assert_eq!(name(&context, &jar), "here.example.org/variable");
    let flag = [
        "--job-jar",
        "target/job.jar",
        "--image-name",
        "here.example.org/flag",
    ];
    assert_eq!(name(&context, &flag), "here.example.org/flag");
}

#[test]
fn a_push_needs_a_name() {
    let context = TestContext::new();
    assert_snapshot!(context.build(&["--job-jar", "job.jar", "--push"]), @r#"
    exit code: 2
    ----- stderr -----
    error: `--push` needs to know where to: the image has no name
    hint: give it one with `-t REGISTRY/NAME:TAG`, `FLINK_IMG_TAG`, or `image = "..."` in a `flink-img.toml` beside the job
    "#);
    context.write("flink-img.toml", "image = \"not a name\"\n");
    assert_snapshot!(context.build(&["--job-jar", "job.jar", "--push"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 9: `not a name` is not an image name: each part of the repository has lower-case letters and digits, with single `.`, `_`, `__` or dashes between them
    ");
    context.write("flink-img.toml", "imago = \"x/y\"\n");
    assert_snapshot!(context.build(&["--job-jar", "job.jar", "--push"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 1: unknown field `imago`, expected one of `image`, `push`, `platforms`, `outputs`, `compression`, `job`, `checks`, `flink`, `base`, `packages`, `content`, `registry`, `cache`
    hint: did you mean `image`
    ");
    assert!(
        !context.store().exists(),
        "that was told before anything was done"
    );
    let digest = format!("a/b@sha256:{}", "0".repeat(64));
    assert_snapshot!(context.build(&["--push", "-t", &digest]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 1: unknown field `imago`, expected one of `image`, `push`, `platforms`, `outputs`, `compression`, `job`, `checks`, `flink`, `base`, `packages`, `content`, `registry`, `cache`
    hint: did you mean `image`
    ");
}

fn login(context: &TestContext, registry: &Registry, password: &str) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("ada:{password}"));
    let file = serde_json::json!({"auths": {registry.address(): {"auth": auth}}});
    context.write("auth.json", file.to_string());
}

#[test]
fn a_login_is_used_and_never_shown() {
    use crate::support::registry::Auth;
    let (mut context, registry) = (
        TestContext::new(),
        Registry::with_auth(Auth::Basic {
            user: "ada".to_owned(),
            password: "secret".to_owned(),
        }),
    );
    let name = format!("{}/acme/job:1", registry.address());
    let refused = push(&context, std::slice::from_ref(&name));
    assert_snapshot!(refused, @"
    exit code: 5
    ----- stderr -----
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    Compressing the base: done, [SIZE]
    error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
    hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
    ");
    login(&context, &registry, "wrong");
    context.set("REGISTRY_AUTH_FILE", "auth.json");
    let refused = push(&context, std::slice::from_ref(&name));
    assert_snapshot!(refused, @"
    exit code: 5
    ----- stderr -----
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
    hint: the credentials from `auth.json` were refused, or do not allow this; log in again with `docker login 127.0.0.1:[PORT]`
    ");
    login(&context, &registry, "secret");
    let run = context.build(&["--push", "-t", &name, "--verbose"]).ok();
    for text in [run.stdout, run.stderr] {
        assert!(
            !text.contains("secret") && !text.contains("YWRhOn"),
            "{text}"
        );
    }
}
