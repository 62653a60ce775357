//! Images that registries know: which are asked for, how often, and what their answers lead to.

use insta::assert_snapshot;

use super::{resolve, write_metadata};
use crate::support::context::{Run, TestContext};
use crate::support::platforms::{bases, put};
use crate::support::registry::{Auth, Fault, Registry};

/// Files that name images of a registry, some of them twice.
fn write_files(context: &TestContext, registry: &str) {
    std::fs::create_dir(context.path("k8s")).unwrap();
    let pod = "image: HOST/acme/job:1\nother:\n  image: HOST/acme/tool # latest\nargs: ['HOST/acme/all:1', HOST/acme/untagged]\n";
    let values = "image:\n  registry: HOST\n  repository: acme/job\n  tag: \"1\"\ntool: {repository: HOST/acme/tool, tag: latest}\n";
    for (file, text) in [("k8s/pod.yaml", pod), ("k8s/values.yaml", values)] {
        context.write(file, text.replace("HOST", registry));
    }
}

/// A registry with the images of these files.
fn fill(registry: &Registry) -> Vec<String> {
    put(
        registry,
        "acme/all",
        "1",
        &bases(&["linux/arm64", "linux/amd64"], 0),
    );
    for (repository, tag) in [("acme/job", "1"), ("acme/tool", "latest")] {
        registry.put_image(repository, tag, repository.as_bytes(), &[]);
    }
    let digest = |(repository, tag)| {
        let (_, bytes) = registry.manifest(repository, tag).unwrap();
        flink_img::oci::Digest::of(&bytes).to_string()
    };
    [
        ("acme/all", "1"),
        ("acme/job", "1"),
        ("acme/tool", "latest"),
    ]
    .map(digest)
    .into()
}

fn all(context: &TestContext) -> Run {
    resolve(context, &["-f", "k8s", "--all", "--retry", "0"])
}

#[test]
fn each_image_is_asked_for_once_and_of_an_index_the_digest_is_its_own() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let digests = fill(&registry);
    let host = registry.address();
    write_files(&context, &host);
    let run = all(&context).ok();
    let [index, job, tool] = &digests[..] else {
        panic!("{digests:?}")
    };
    assert_eq!(
        run.stdout,
        format!(
            "image: {host}/acme/job@{job}\nother:\n  image: {host}/acme/tool@{tool} # latest\nargs: ['{host}/acme/all@{index}', {host}/acme/untagged]\n---\n\
             image:\n  registry: {host}\n  repository: acme/job\n  tag: \"1\"\n  digest: {job}\ntool: {{repository: {host}/acme/tool, tag: latest, digest: {tool}}}\n"
        )
    );
    assert_eq!(run.stderr, "5 images in 2 files became digests\n");
    let mut lines = registry.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /v2/acme/all/manifests/1 200",
            "GET /v2/acme/job/manifests/1 200",
            "GET /v2/acme/tool/manifests/latest 200",
        ]
    );
    // What was built is not asked for, and what has its digest neither.
    registry.clear_requests();
    let built = write_metadata(&context, "build.json", &[&format!("{host}/acme/job:1")]);
    let words = [
        "-f",
        "k8s",
        "--all",
        "--in-place",
        "--metadata-file",
        "build.json",
    ];
    resolve(&context, &words).ok();
    assert_eq!(
        (
            registry.requests().len(),
            registry.count("GET /v2/acme/job/")
        ),
        (2, 0)
    );
    let text = String::from_utf8(context.read("k8s/values.yaml")).unwrap();
    assert!(text.contains(&format!("digest: {built}")), "{text}");
    registry.clear_requests();
    resolve(&context, &words).ok();
    assert_eq!(registry.requests().len(), 0);
    // By digest is all that can be wanted of an image.
    write_metadata(&context, "build.json", &["other"]);
    let strict = [&words[..], &["--require-match"]].concat();
    assert_eq!(
        resolve(&context, &strict).ok().stderr,
        "Nothing to change: 5 images by digest already\n"
    );
    // Without `--all` nobody is asked.
    resolve(&context, &["-f", "k8s", "--metadata-file", "build.json"]).ok();
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn what_a_registry_does_not_have_is_an_error_where_an_image_must_be() {
    let (context, registry) = (TestContext::new(), Registry::start());
    fill(&registry);
    write_files(&context, &registry.address());
    registry.forget("acme/all");
    let run = all(&context).ok();
    assert!(run.stdout.contains("/acme/all:1'"), "{run}");
    assert_snapshot!(run.plain(&run.stderr), @"
    `k8s/pod.yaml` line 4: `127.0.0.1:[PORT]/acme/all:1` stays, as its registry does not have such an image
    4 images in 2 files became digests
    ");
    registry.forget("acme/tool");
    assert_snapshot!(all(&context), @"
    exit code: 6
    ----- stderr -----
    error: `k8s/pod.yaml` line 3: the registry of `127.0.0.1:[PORT]/acme/tool:latest` does not have that image
    hint: push it first, check the name, or leave `--all` out and resolve only what was built
    ");
}

#[test]
fn a_registry_that_gives_no_answer_is_an_error() {
    let (mut context, registry) = (
        TestContext::new(),
        Registry::with_auth(Auth::Basic {
            user: "ada".to_owned(),
            password: "secret".to_owned(),
        }),
    );
    fill(&registry);
    write_files(&context, &registry.address());
    assert_snapshot!(all(&context), @"
    exit code: 5
    ----- stderr -----
    error: `k8s/pod.yaml` line 4: the digest of `127.0.0.1:[PORT]/acme/all:1` cannot be looked up
      caused by: Failed to pull `127.0.0.1:[PORT]/acme/all:1`
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
    ");
    context.log_in(&registry.address(), "secret");
    assert_eq!(
        all(&context).ok().stderr,
        "5 images in 2 files became digests\n"
    );
    registry.fail("GET /v2/acme/all/", 1, Fault::DropConnection);
    let run = all(&context);
    assert_eq!((run.code, run.stdout.as_str()), (7, ""));
    assert_snapshot!(run.plain(run.stderr.lines().next().unwrap()), @"error: `k8s/pod.yaml` line 4: the digest of `127.0.0.1:[PORT]/acme/all:1` cannot be looked up");
    drop(registry);
    assert_eq!(all(&context).code, 7);
}
