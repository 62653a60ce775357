//! What is said, and what comes before what.

use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;

use super::{args, image, images, job_labels, object, objects, put_image, put_set, render};
use crate::support::context::TestContext;
use crate::support::registry::Registry;

#[test]
fn the_historic_line_needs_no_template() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    let (name, digest) = put_image(&registry, "1", &job_labels());
    context.set("FLINK_IMAGE_NAME", &name);
    context.set("FLINK_JOB", "org.example.Job");
    context.set("FLINK_JOB_PARALLELISM", "2");
    context.set("FLINK_JOB_ARGUMENTS", "\"--input\", \"a b\",");
    let run = context.run(["render"]);
    let objects = objects(&run);
    let job = object(&objects, "Job", "job-jobmanager");
    let words = args(job);
    assert_eq!(
        words[..3],
        ["standalone-job", "--job-classname", "org.example.Job"]
    );
    assert!(words.contains(&"-Dparallelism.default=2"), "{words:?}");
    assert_eq!(words[words.len() - 2..], ["--input", "a b"]);
    let task_managers = object(&objects, "Deployment", "job-taskmanager");
    assert_eq!(task_managers["spec"]["replicas"], 2);
    let pinned = format!("{}/team/job@{digest}", registry.address());
    assert_eq!(images(&objects), [pinned]);
    let ui = object(&objects, "Service", "job-ui");
    assert_eq!(ui["spec"]["ports"][0]["nodePort"], 30081);
    // A variable that is set to nothing is as good as none.
    context.set("FLINK_JOB", "");
    context.set("FLINK_JOB_PARALLELISM", "");
    context.set("FLINK_JOB_ARGUMENTS", "");
    let objects = super::objects(&context.run(["render"]));
    let words = args(object(&objects, "Job", "job-jobmanager"));
    assert!(words.contains(&"-Dparallelism.default=1"), "{words:?}");
    assert!(words.contains(&"org.example.Job"), "{words:?}");
    assert!(!words.contains(&"--"), "{words:?}");
}

#[test]
fn a_flag_comes_before_its_variable_the_file_the_image_and_the_default() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    let mut labels = job_labels();
    labels
        .as_object_mut()
        .unwrap()
        .remove("flink-img.job.class");
    let (name, _) = put_image(&registry, "1", &labels);
    put_image(&registry, "2", &labels);
    let repository = name.rsplit_once(':').unwrap().0.to_owned();
    let file = format!(
        "image: {{repository: '{repository}', tag: '1'}}\njob: {{class: of.File, parallelism: 3, args: [file]}}\n"
    );
    context.write("config.yaml", file);
    let told = |context: &TestContext, words: &[&str]| {
        let objects = objects(&render(context, &[&["-f", "config.yaml"], words].concat()));
        let job = args(object(&objects, "Job", "-jobmanager")).join(" ");
        let named = images(&objects)[0].to_owned();
        (job, named)
    };
    let (job, of_file) = told(&context, &[]);
    for word in [
        "--job-classname of.File",
        "parallelism.default=3",
        "-- file",
    ] {
        assert!(job.contains(word), "{word}: {job}");
    }
    context.set("FLINK_IMAGE_NAME", format!("{repository}:2"));
    context.set("FLINK_JOB", "of.Variable");
    context.set("FLINK_JOB_PARALLELISM", "4");
    context.set("FLINK_JOB_ARGUMENTS", "'of variable' 2");
    let (job, of_variable) = told(&context, &[]);
    for word in [
        "--job-classname of.Variable",
        "parallelism.default=4",
        "-- of variable 2",
    ] {
        assert!(job.contains(word), "{word}: {job}");
    }
    // The same layers make the same image.
    assert_eq!(of_variable, of_file);
    let flags = [
        "--job-classname",
        "of.Flag",
        "--parallelism",
        "5",
        "--image",
        &name,
        "--",
        "'flag'",
    ];
    let (job, _) = told(&context, &flags);
    for word in [
        "--job-classname of.Flag",
        "parallelism.default=5",
        "-- 'flag'",
    ] {
        assert!(job.contains(word), "{word}: {job}");
    }
    // The working folder's config.yaml is read only by who names it.
    let objects = objects(&render(&context, &[]));
    let job = args(object(&objects, "Job", "-jobmanager")).join(" ");
    assert!(!job.contains("file"), "{job}");
}

#[test]
fn every_word_has_its_place() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    let words = [
        "--image",
        &name,
        "--name",
        "count",
        "--namespace",
        "flink",
        "--from-savepoint",
        "s3://b/sp",
        "--allow-non-restored-state",
    ];
    let objects = objects(&render(&context, &words));
    for object in &objects {
        assert_eq!(object["metadata"]["namespace"], "flink", "{object}");
        let name = object["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("count"), "{name}");
    }
    let job = args(object(&objects, "Job", "count-jobmanager")).join(" ");
    assert!(
        job.contains("--fromSavepoint s3://b/sp --allowNonRestoredState"),
        "{job}"
    );
}

#[test]
fn values_are_read_from_stdin() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    let given = |text: &[u8]| {
        let mut command = context.command(["render", "-f", "-", "--image", &name]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, stdout, stderr) = given(b"flink: {type: session}\n");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("- jobmanager\n"), "{stdout}");
    let (code, _, stderr) = given(b"\nflink: {type: sesion}\n");
    assert_eq!(code, 3);
    assert!(stderr.contains("`stdin` line 2: `flink.type`"), "{stderr}");
    let (code, _, stderr) = given(b"\xff");
    assert_eq!(
        (code, stderr.as_str()),
        (
            3,
            "error: Failed to read `stdin`\n  caused by: it is not UTF-8\n"
        )
    );
}

#[test]
fn a_session_has_no_job_and_says_so() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    context.write("config.yaml", "flink.type: session\n");
    context.set("FLINK_JOB", "org.example.Job");
    context.set("FLINK_JOB_PARALLELISM", "2");
    let run = render(
        &context,
        &["-f", "config.yaml", "--image", &name, "--offline"],
    );
    assert_snapshot!(run.plain(&run.stderr), @"
    warning: What is in `127.0.0.1:[PORT]/team/job:1` is not known, as it is not kept on this machine
    warning: `127.0.0.1:[PORT]/team/job` is named by its tag `1`, which may lead to another image tomorrow
    warning: `FLINK_JOB`: `job.class` is for a job, and has no use in a session
    warning: `FLINK_JOB_PARALLELISM`: `job.parallelism` is for a job, and has no use in a session
    ");
    let objects = objects(&run);
    let manager = args(object(&objects, "Deployment", "job-jobmanager"));
    assert_eq!(manager[0], "jobmanager");
    assert!(!run.stdout.contains("org.example.Job"), "{run}");
}

#[test]
fn the_same_words_give_the_same_bytes() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let platforms = ["arm64", "amd64"].map(|name| image(name, &job_labels()));
    let (name, _) = put_set(&registry, "1", platforms.into());
    for form in ["yaml", "operator"] {
        let words = ["--image", &name, "--as", form];
        let first = render(&context, &words).ok();
        assert!(first.stdout.starts_with("---\n") && first.stdout.ends_with('\n'));
        assert_eq!(render(&context, &words).stdout, first.stdout);
    }
}
