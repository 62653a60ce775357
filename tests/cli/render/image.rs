//! What an image says of itself, and how it is pinned.

use insta::assert_snapshot;
use serde_json::json;

use super::{
    args, image, images, job_labels, object, objects, put_image, put_set, render, requests,
};
use crate::support::context::TestContext;
use crate::support::registry::{Auth, Fault, Registry};

#[test]
fn a_tag_becomes_a_digest_with_two_requests_and_no_layer() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, digest) = put_image(&registry, "1", &job_labels());
    let run = render(&context, &["--image", &name]);
    let rendered = objects(&run);
    assert_snapshot!(requests(&registry, &run), @"
    GET /v2/team/job/manifests/1 200
    GET /v2/team/job/blobs/sha256:[1] 200
    ");
    let repository = format!("{}/team/job", registry.address());
    assert_eq!(images(&rendered), [format!("{repository}@{digest}")]);
    // Flink, Java and the class are those of the labels.
    let job = object(&rendered, "Job", "job-jobmanager");
    assert_eq!(
        job["metadata"]["labels"]["app.kubernetes.io/version"],
        "1.20.5"
    );
    assert_eq!(
        job["spec"]["template"]["metadata"]["annotations"]["flink-img/java"],
        "17"
    );
    assert_eq!(args(job)[2], "org.example.Job");
    context.assert_nothing_kept();
    // With its digest, and without a tag.
    registry.clear_requests();
    let again = render(&context, &["--image", &format!("{repository}@{digest}")]);
    assert_eq!(again.stdout, run.stdout, "{again}");
    assert_eq!(registry.requests().len(), 2);
    put_image(&registry, "latest", &job_labels());
    let latest = render(&context, &["--image", &repository, "--require-digest"]);
    assert_eq!(latest.stdout, run.stdout, "{latest}");
}

#[test]
fn an_index_is_pinned_and_the_image_of_the_platform_tells() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let mut other = job_labels();
    other["flink-img.job.class"] = json!("org.example.Arm");
    let platforms = vec![image("arm64", &other), image("amd64", &job_labels())];
    let (name, index) = put_set(&registry, "all", platforms);
    for (words, class) in [
        (&[][..], "org.example.Job"),
        (&["--platform", "linux/arm64"], "org.example.Arm"),
    ] {
        registry.clear_requests();
        let run = render(&context, &[&["--image", &name], words].concat());
        let objects = objects(&run);
        let pinned = format!("{}/team/job@{index}", registry.address());
        assert_eq!(images(&objects), [pinned]);
        assert_eq!(args(object(&objects, "Job", "-jobmanager"))[2], class);
        assert_eq!(registry.requests().len(), 3, "{:?}", registry.lines());
    }
    let run = render(&context, &["--image", &name, "--platform", "linux/s390x"]);
    assert_snapshot!(run, @"
    exit code: 4
    ----- stderr -----
    error: `127.0.0.1:[PORT]/team/job:all` has no image for linux/s390x; it has linux/amd64, linux/arm64
    hint: choose one of these with `--platform`
    ");
}

#[test]
fn a_registry_that_cannot_be_asked_leaves_the_tag_and_a_warning() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/team/job:1", registry.address());
    context.digest(&["-t", &name]);
    let digest = context.digest(&["-t", &name, "--label", "a=b"]);
    drop(registry);
    // What is kept under the name tells what it is.
    let run = render(&context, &["--image", &name]);
    assert_snapshot!(run.plain(&run.stderr), @"
    warning: `127.0.0.1:[PORT]/team/job:1` is taken for the image that is kept under this name on this machine, as its registry cannot be asked: Connection refused (os error 111)
    warning: `127.0.0.1:[PORT]/team/job` is named by its tag `1`, which may lead to another image tomorrow
    ");
    let kept = objects(&run);
    assert_eq!(images(&kept), [name.as_str()]);
    assert_eq!(
        args(object(&kept, "Job", "-jobmanager"))[2],
        "org.example.Job"
    );
    // Nobody tells.
    let other = name.replace("/job:", "/other:");
    let run = render(&context, &["--image", &other]);
    assert_snapshot!(run.plain(&run.stderr), @"
    warning: What is in `127.0.0.1:[PORT]/team/other:1` is not known, as its registry cannot be asked: Connection refused (os error 111)
    warning: `127.0.0.1:[PORT]/team/other` is named by its tag `1`, which may lead to another image tomorrow
    ");
    assert_eq!(images(&objects(&run)), [other.as_str()]);
    // A digest needs no registry.
    let pinned = format!("{}@{digest}", name.rsplit_once(':').unwrap().0);
    let run = render(&context, &["--image", &pinned, "--require-digest"]);
    assert_snapshot!(run.plain(&run.stderr), @"warning: `127.0.0.1:[PORT]/team/job@sha256:[1]` is taken for the image that is kept under this name on this machine, as its registry cannot be asked: Connection refused (os error 111)");
    assert_eq!(images(&objects(&run)), [pinned]);
    assert_snapshot!(render(&context, &["--image", &name, "--require-digest"]), @"
    exit code: 7
    ----- stderr -----
    error: The digest of `127.0.0.1:[PORT]/team/job:1` is not known, as its registry does not tell it
      caused by: Failed to pull `127.0.0.1:[PORT]/team/job:1`
      caused by: Connection refused (os error 111)
    hint: check the name `127.0.0.1:[PORT]`, the network, and the proxy if there is one
    ");
}

#[test]
fn offline_no_registry_is_asked() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/team/job:1", registry.address());
    let digest = context.digest(&["-t", &name]);
    let offline = |words: &[&str]| render(&context, &[&["--offline"], words].concat());
    let run = offline(&["--image", &name, "--require-digest"]);
    assert_snapshot!(run.plain(&run.stderr), @"warning: `127.0.0.1:[PORT]/team/job:1` is taken as it is kept on this machine: its registry was not asked whether it has it");
    let repository = name.rsplit_once(':').unwrap().0;
    assert_eq!(images(&objects(&run)), [format!("{repository}@{digest}")]);
    let other = name.replace("/job:", "/other:");
    let run = offline(&["--image", &other]);
    assert_snapshot!(run.plain(&run.stderr), @"
    warning: What is in `127.0.0.1:[PORT]/team/other:1` is not known, as it is not kept on this machine
    warning: `127.0.0.1:[PORT]/team/other` is named by its tag `1`, which may lead to another image tomorrow
    ");
    assert_eq!(images(&objects(&run)), [other.as_str()]);
    assert_snapshot!(offline(&["--image", &other, "--require-digest"]), @"
    exit code: 3
    ----- stderr -----
    error: The digest of `127.0.0.1:[PORT]/team/other:1` is not known, as it is not kept on this machine
    hint: name the image with its digest, or let its registry be asked, without `--offline`
    ");
    assert_eq!(registry.requests().len(), 0, "{:?}", registry.lines());
}

#[test]
fn an_image_that_its_registry_does_not_give_is_not_rendered() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/team/job:1", registry.address());
    assert_snapshot!(render(&context, &["--image", &name]), @"
    exit code: 6
    ----- stderr -----
    error: The registry of `127.0.0.1:[PORT]/team/job:1` does not give it, so it is not known what it is
      caused by: Failed to pull `127.0.0.1:[PORT]/team/job:1`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: push it first, or ask no registry, with `--offline`
    ");
    context.digest(&["-t", &name]);
    assert_snapshot!(render(&context, &["--image", &name]), @"
    exit code: 6
    ----- stderr -----
    error: The registry of `127.0.0.1:[PORT]/team/job:1` does not give it, so it is not known what it is
      caused by: Failed to pull `127.0.0.1:[PORT]/team/job:1`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: push it with `flink-img push 127.0.0.1:[PORT]/team/job:1`, or take what is kept on this machine with `--offline`
    ");
    context.run(["push", &name]).ok();
    render(&context, &["--image", &name, "--require-digest"]).ok();
    registry.fail("GET /v2/team/job/manifests/1", 1, Fault::status(503));
    let run = render(&context, &["--image", &name]).ok();
    assert!(run.stderr.contains("named by its tag `1`"), "{run}");

    let closed = Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    let (name, digest) = put_image(&closed, "1", &job_labels());
    assert_snapshot!(render(&context, &["--image", &name]), @"
    exit code: 5
    ----- stderr -----
    error: The registry of `127.0.0.1:[PORT]/team/job:1` does not give it, so it is not known what it is
      caused by: Failed to pull `127.0.0.1:[PORT]/team/job:1`
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
    ");
    let mut known = TestContext::new();
    known.log_in(&closed.address(), "secret");
    let run = render(&known, &["--image", &name]).ok();
    assert!(run.stdout.contains(&digest), "{run}");
}

#[test]
fn what_was_said_may_not_contradict_the_image() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    context.write("config.yaml", "# Flink\nflink:\n  version: 2.3.0\n");
    assert_snapshot!(render(&context, &["--image", &name, "-f", "config.yaml"]), @"
    exit code: 4
    ----- stderr -----
    sha256:[1]: pulled, [SIZE]
    error: `config.yaml` line 3: `flink.version` is `2.3.0`, and the image `127.0.0.1:[PORT]/team/job@sha256:[2]` has Flink 1.20.5
    hint: leave `flink.version` out, or name the image that is meant
    ");
    assert_snapshot!(render(&context, &["--image", &name, "--job-classname", "org.example.Other"]), @"
    exit code: 4
    ----- stderr -----
    sha256:[1]: pulled, [SIZE]
    error: `--job-classname`: `job.class` is `org.example.Other`, and the image `127.0.0.1:[PORT]/team/job@sha256:[2]` was built for the class `org.example.Job`
    hint: leave `--job-classname` out, or name the image that is meant
    ");
}

#[test]
fn an_image_of_something_else_is_refused_unless_it_is_said_what_it_is() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &json!({"a": "b"}));
    assert_snapshot!(render(&context, &["--image", &name, "-q"]), @"
    exit code: 3
    ----- stderr -----
    error: `--image`: `127.0.0.1:[PORT]/team/job@sha256:[1]` is no image of Flink as far as it tells: it has no version in a label `flink-img.flink.version`
    hint: build it with `flink-img build`, or say `flink.version`
    ");
    context.write("config.yaml", "flink: {version: '2.0'}\n");
    render(&context, &["--image", &name, "-f", "config.yaml"]).ok();
    // What is in a registry besides images.
    registry.put_manifest("team/job", "page", "text/html", b"<html>");
    let page = format!("{}/team/job:page", registry.address());
    assert_eq!(render(&context, &["--image", &page]).code, 3);
}
