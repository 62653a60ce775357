//! Words and files that make no sense: a sentence each, before anything is asked or written.

use insta::assert_snapshot;

use super::{job_labels, put_image, render};
use crate::support::context::TestContext;
use crate::support::registry::Registry;

const IMAGE: &str = "registry.example.com/team/job:1";

#[test]
fn words_that_make_no_sense() {
    let context = TestContext::new();
    assert_snapshot!(render(&context, &[]), @"
    exit code: 2
    ----- stderr -----
    error: There is no image to run
    hint: name it with `--image REF`, with `FLINK_IMAGE_NAME`, or with `image.repository` in the file of `-f`
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "--as", "chart"]), @"
    exit code: 2
    ----- stderr -----
    error: A chart is a folder, and `-o` says of none
    hint: name it with `-o DIR`
    ");
    assert_snapshot!(render(&context, &["--image", "Team/Job"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'Team/Job' for '--image <REF>': `Team/Job` is not an image name: the repository must be in lower case

    For more information, try '--help'.
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "--as", "helm"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'helm' for '--as <FORM>'
      [possible values: yaml, operator, chart]

    For more information, try '--help'.
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "--parallelism", "0"]), @"
    exit code: 3
    ----- stderr -----
    error: `--parallelism`: `job.parallelism` is `0`, and must be a whole number from 1 to 32768
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "--name", "Job"]), @"
    exit code: 3
    ----- stderr -----
    error: `--name`: `name` is `Job`, and must be at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "--offline", "--namespace", "a/b"]), @"
    exit code: 3
    ----- stderr -----
    warning: What is in `registry.example.com/team/job:1` is not known, as it is not kept on this machine
    warning: `registry.example.com/team/job` is named by its tag `1`, which may lead to another image tomorrow
    error: `--namespace` is `a/b`, which no namespace of Kubernetes is called
    hint: write at most 63 lower-case letters, digits and `-`, from a letter or digit to another
    ");
    assert_snapshot!(render(&context, &["--image", IMAGE, "word"]), @"
    exit code: 2
    ----- stderr -----
    error: unexpected argument 'word' found

    Usage: flink-img render [OPTIONS] [-- <WORD>...]

    For more information, try '--help'.
    ");
}

#[test]
fn variables_that_make_no_sense() {
    for (name, value, said) in [
        ("FLINK_IMAGE_NAME", "https://a/b", "leave out the `http://`"),
        (
            "FLINK_JOB_PARALLELISM",
            "two",
            "`FLINK_JOB_PARALLELISM`: `job.parallelism` is a text",
        ),
        (
            "FLINK_JOB_PARALLELISM",
            "-1",
            "`FLINK_JOB_PARALLELISM`: `job.parallelism`",
        ),
        (
            "FLINK_JOB_ARGUMENTS",
            "--input 'a",
            "`FLINK_JOB_ARGUMENTS` has a quote that is not closed",
        ),
    ] {
        let mut context = TestContext::new();
        context.set("FLINK_IMAGE_NAME", IMAGE);
        context.set(name, value);
        let run = render(&context, &["--offline"]);
        assert!(matches!(run.code, 2 | 3), "{run}");
        assert!(run.stderr.contains(said), "{name}: {run}");
        assert_eq!(run.stdout, "", "{run}");
    }
}

#[test]
fn files_that_make_no_sense() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    let given = |text: &str| {
        context.write("config.yaml", text);
        render(&context, &["-f", "config.yaml", "--image", &name])
    };
    assert_snapshot!(given("flink:\n  type: batch\n"), @"
    exit code: 3
    ----- stderr -----
    error: `config.yaml` line 2: `flink.type` is `batch`, and must be `session` or `job`
    ");
    assert_snapshot!(given("a: [\n"), @"
    exit code: 3
    ----- stderr -----
    error: `config.yaml` cannot be read as a configuration: line 2 is no YAML: while parsing a node, did not find expected node content
    ");
    assert_snapshot!(given("job.parallelism: 2\n"), @"
    exit code: 3
    ----- stderr -----
    error: `config.yaml` line 1: there is no key `job.parallelism`
    hint: write it nested, as `job: {parallelism: ...}`
    ");
    assert_snapshot!(render(&context, &["-f", "missing.yaml"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.yaml`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_eq!(registry.requests().len(), 0, "{:?}", registry.lines());
}
