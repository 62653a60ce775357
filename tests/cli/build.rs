//! `flink-img build`: names, outputs, and what is said on the way.

use insta::assert_snapshot;

use crate::support::context::{BASE, TestContext};
use crate::support::fixtures;

#[test]
fn an_image_is_kept_under_the_default_name() {
    let context = TestContext::new();
    assert_snapshot!(context.build(&["--job-jar", "job.jar"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    assert_snapshot!(context.build(&["--job-jar", "job.jar"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    user flink, entrypoint: known from an earlier build
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    job: known from an earlier build
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    assert_snapshot!(context.run(["images"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job sha256:[1]
    ");
    assert_snapshot!(context.run(["images", "--json"]), @r#"
    exit code: 0
    ----- stdout -----
    [{"digest":"sha256:[1]","name":"docker.io/library/flink-job"}]
    "#);
    context.assert_nothing_unfinished();
}

#[test]
fn a_folder_gives_the_same_image_as_the_archive() {
    let context = TestContext::new();
    let archive = context.digest(&[]);
    let folder = context.run([
        "build",
        "--base",
        BASE,
        "--from-local-dist",
        "flink-1.20.5",
        "--job-jar",
        "job.jar",
        "--quiet",
    ]);
    assert_eq!(folder.digest(), archive);
    assert_eq!(folder.stderr, "");
}

#[test]
fn without_a_job_it_is_a_session_image() {
    let context = TestContext::new();
    assert_snapshot!(context.build(&["-t", "sessions:1"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/sessions@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    No job is given, so the image is one for session clusters
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/sessions:1` sends it to its registry
    ");
    fixtures::job_jar(&context.path("extra.jar"), "org.example.Extra");
    context.write("table.csv", b"1,2\n");
    let artifacts = context.build(&["--job-artifacts", "extra.jar,table.csv"]);
    assert_snapshot!(artifacts, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    user flink, entrypoint: known from an earlier build
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    job dependencies: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
}

#[test]
fn quiet_leaves_the_result_and_verbose_adds_to_it() {
    let context = TestContext::new();
    assert_snapshot!(context.build(&["--quiet"]), @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ");
    assert_eq!(context.build(&["-q", "-v"]).code, 2);
}

#[test]
fn a_dry_run_tells_the_plan_and_makes_nothing() {
    let context = TestContext::new();
    let run = context.build(&["--job-jar", "job.jar", "--dry-run"]).ok();
    let plan = run.json();
    let layers = plan["layers"].as_array().unwrap();
    let titles: Vec<_> = layers
        .iter()
        .map(|layer| layer["title"].as_str().unwrap())
        .collect();
    assert_snapshot!(titles.join("\n"), @"
    user flink, entrypoint
    Flink 1.20.5: lib, bin, conf, plugins
    Flink 1.20.5: opt, examples
    job
    ");
    assert_snapshot!(run.plain(&serde_json::to_string_pretty(&[&plan["base"], &plan["flink"], &plan["job"], &plan["platform"]]).unwrap()), @r#"
    [
      {
        "diffIds": [
          "sha256:[1]"
        ],
        "digest": null,
        "javaHome": "/usr/lib/jvm/java-17",
        "javaVersion": "17.0.15",
        "name": "rootfs:base.tar",
        "os": "Tiny Linux 1"
      },
      {
        "scala": "2.12",
        "version": "1.20.5"
      },
      {
        "entryClass": "org.example.Job",
        "jar": "/opt/artifacts/job.jar"
      },
      {
        "architecture": "amd64",
        "os": "linux"
      }
    ]
    "#);
    context.assert_nothing_kept();
}

#[test]
fn all_outputs_at_once_and_one_object_that_tells_them() {
    let context = TestContext::new();
    let run = context.build(&[
        "--job-jar",
        "job.jar",
        "-t",
        "acme/job:1",
        "-t",
        "acme/job:2",
        "-o",
        "oci:layout",
        "-o",
        "oci-archive:a.tar",
        "-o",
        "docker-archive:b.tar",
        "--json",
        "--metadata-file",
        "meta.json",
    ]);
    assert_eq!(
        run.stdout,
        String::from_utf8(context.read("meta.json")).unwrap()
    );
    assert_snapshot!(run.plain(&run.stderr), @"
    Compressing the base: done, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Writing oci:layout: written
    Writing oci-archive:a.tar: written
    Writing docker-archive:b.tar: written
    ");
    let mut told = run.json();
    for layer in told["layers"].as_array_mut().unwrap() {
        assert!(layer["size"].as_u64() > Some(100), "{layer}");
        layer["size"] = "[SIZE]".into();
    }
    assert_snapshot!(run.plain(&serde_json::to_string_pretty(&told).unwrap()), @r#"
    {
      "base": {
        "diffIds": [
          "sha256:[1]"
        ],
        "digest": null,
        "javaHome": "/usr/lib/jvm/java-17",
        "javaVersion": "17.0.15",
        "name": "rootfs:base.tar",
        "os": "Tiny Linux 1"
      },
      "configDigest": "sha256:[2]",
      "digest": "sha256:[3]",
      "flink": {
        "scala": "2.12",
        "version": "1.20.5"
      },
      "job": {
        "entryClass": "org.example.Job",
        "jar": "/opt/artifacts/job.jar"
      },
      "kept": false,
      "layers": [
        {
          "diffId": "sha256:[1]",
          "digest": "sha256:[4]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": "[SIZE]",
          "title": "base"
        },
        {
          "diffId": "sha256:[5]",
          "digest": "sha256:[6]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": "[SIZE]",
          "title": "user flink, entrypoint"
        },
        {
          "diffId": "sha256:[7]",
          "digest": "sha256:[8]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": "[SIZE]",
          "title": "Flink 1.20.5: lib, bin, conf, plugins"
        },
        {
          "diffId": "sha256:[9]",
          "digest": "sha256:[10]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": "[SIZE]",
          "title": "Flink 1.20.5: opt, examples"
        },
        {
          "diffId": "sha256:[11]",
          "digest": "sha256:[12]",
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "size": "[SIZE]",
          "title": "job"
        }
      ],
      "names": [
        "docker.io/acme/job:1",
        "docker.io/acme/job:2"
      ],
      "outputs": [
        "oci:layout",
        "oci-archive:a.tar",
        "docker-archive:b.tar"
      ],
      "pushed": false,
      "references": [
        "docker.io/acme/job@sha256:[3]"
      ]
    }
    "#);
    // Outputs are instead of the store.
    context.assert_nothing_kept();
}
