//! What cannot be built for several platforms, and how early that is said.

use insta::assert_snapshot;

use super::{BOTH, push, world};
use crate::support::context::{Run, TestContext};
use crate::support::platforms::{bases, put, write};
use crate::support::registry::Ways;

/// A build of the usual job on `base`.
fn build(context: &TestContext, base: &str, words: &[&str]) -> Run {
    let usual = [
        "build",
        "--job-jar",
        "job.jar",
        "--from-archive",
        "flink.tgz",
        "--base",
        base,
    ];
    context.run([&usual, words].concat())
}

#[test]
fn a_base_that_lacks_a_platform_is_refused_before_anything_is_asked_for_the_others() {
    let (world, context) = (world(), TestContext::new());
    let name = world.name("acme/job:1");
    let words = ["--platform", "linux/amd64,linux/s390x"];
    let pushed = [&words[..], &["--push", "-t", &name]].concat();
    assert_snapshot!(build(&context, &world.name("acme/base:all"), &pushed), @"
    exit code: 4
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:all`
      caused by: There is no image for `linux/s390x`, only for `linux/amd64`, `linux/arm/v7`, `linux/arm64/v8`
    hint: choose one of these with `--platform`
    ");
    // Whether the image is there already is asked at the same time, if there was time for it.
    let mut lines = world.registry.lines();
    lines.retain(|line| line != "GET /v2/acme/job/manifests/1 404");
    assert_eq!(lines, ["GET /v2/acme/base/manifests/all 200"]);
    context.assert_nothing_kept();

    let images = bases(&["linux/amd64", "linux/arm64"], 0);
    for output in ["oci:layout", "oci-archive:base.oci"] {
        write(&images, &context.work(), output, "acme/base:1");
    }
    assert_snapshot!(build(&context, "oci:layout", &words), @"
    exit code: 4
    ----- stderr -----
    error: `layout` has no image for linux/s390x; it has linux/amd64, linux/arm64
    hint: choose another base, or another `--platform`
    ");
    assert_snapshot!(build(&context, "oci-archive:base.oci", &words), @"
    exit code: 4
    ----- stderr -----
    error: `base.oci` has no image for linux/s390x; it has linux/amd64, linux/arm64
    hint: choose another base, or another `--platform`
    ");
}

#[test]
fn a_base_that_is_one_image_serves_one_platform() {
    let (world, context) = (world(), TestContext::new());
    let one = bases(&["linux/arm64/v8"], 0);
    put(&world.registry, "acme/base", "arm", &one);
    assert_snapshot!(build(&context, &world.name("acme/base:arm"), &BOTH), @"
    exit code: 4
    ----- stderr -----
    sha256:[1]: pulled, [SIZE]
    error: The base `127.0.0.1:[PORT]/acme/base:arm` is for linux/arm64/v8, and the image is to be for linux/amd64
    hint: choose another base, or `--platform linux/arm64/v8`
    ");
    write(
        &one,
        &context.work(),
        "docker-archive:base.docker",
        "acme/base:1",
    );
    assert_snapshot!(build(&context, "docker-archive:base.docker", &BOTH), @"
    exit code: 4
    ----- stderr -----
    error: The base `docker-archive:base.docker` is for one platform, and the image is to be for linux/amd64, linux/arm64
    hint: choose a base that is an index of images, or build for one `--platform` at a time
    ");
    assert_snapshot!(build(&context, "rootfs:base.tar", &BOTH), @"
    exit code: 4
    ----- stderr -----
    error: The base `rootfs:base.tar` is for one platform, and the image is to be for linux/amd64, linux/arm64
    hint: choose a base that is an index of images, or build for one `--platform` at a time
    ");
    context.assert_nothing_kept();
}

#[test]
fn two_platforms_that_lead_to_one_image_are_refused() {
    let (world, context) = (world(), TestContext::new());
    let words = ["--platform", "linux/arm,linux/arm/v7"];
    assert_snapshot!(build(&context, &world.name("acme/base:all"), &words), @"
    exit code: 4
    ----- stderr -----
    sha256:[1]: pulled, [SIZE]
    error: The base `127.0.0.1:[PORT]/acme/base:all` has one image for both linux/arm and linux/arm/v7
    hint: leave linux/arm out of `--platform`
    ");
}

#[test]
fn a_docker_archive_is_refused_before_any_work() {
    let (world, context) = (world(), TestContext::new());
    assert_snapshot!(push(&world, &context, &["-o", "docker-archive:out.tar"]), @"
    exit code: 2
    ----- stderr -----
    error: `docker-archive:out.tar` can hold one image, and not one for each of several platforms
    hint: write `oci-archive:out.tar`, or build for one `--platform` at a time
    ");
    assert_eq!(world.registry.requests().len(), 0);
    assert!(!context.has("out.tar"));
}

#[test]
fn a_base_without_java_is_told_of_with_its_platform() {
    let (world, context) = (world(), TestContext::new());
    let words = ["--java-home", "/usr/lib/jvm/java-17-amd64"];
    let run = build(
        &context,
        &world.name("acme/base:all"),
        &[&BOTH[..], &words, &["-q"]].concat(),
    );
    assert_snapshot!(run, @"
    exit code: 4
    ----- stderr -----
    error: The base `127.0.0.1:[PORT]/acme/base:all` for `linux/arm64` has no Java in `/usr/lib/jvm/java-17-amd64`
    hint: name the folder that has `bin/java`, or leave `--java-home` out to have it looked for
    ");
}

#[test]
fn a_registry_that_refuses_indexes_is_told_of() {
    let (world, context) = (world(), TestContext::new());
    world.registry.set_ways(Ways {
        refuse_indexes: true,
        ..Ways::default()
    });
    let name = world.name("acme/job:1");
    let words = [&BOTH[..], &["-q", "--push", "-t", &name]].concat();
    assert_snapshot!(build(&context, &world.name("acme/base:all"), &words), @"
    exit code: 7
    ----- stderr -----
    error: The registry took the images of `127.0.0.1:[PORT]/acme/job:1`, and refuses the index that lists them
      caused by: Failed to push the manifest `1` to `127.0.0.1:[PORT]/acme/job`
      caused by: `127.0.0.1:[PORT]` answered 400 Bad Request: no indexes here
    hint: push to a registry that takes OCI indexes, or build for one `--platform` at a time, each with a name of its own
    ");
    assert!(world.registry.manifest("acme/job", "1").is_none());
}
