//! What makes no sense, cannot be read, or may mean two things.

use insta::assert_snapshot;

use super::{POD, resolve, write_metadata};
use crate::support::context::TestContext;

#[test]
fn words_and_files_that_make_no_sense() {
    let context = TestContext::new();
    context.write("pod.yaml", POD);
    context.write("bad.yaml", "a: 1\nb:\n\t- c\n");
    context.write(
        "template.yaml",
        "a: 1\n{{- if .Values.x }}\nb: 2\n{{- end }}\n",
    );
    context.write("latin.yaml", b"a: \xe4\n");
    context.write("list.json", "[]");
    for file in ["one.json", "two.json"] {
        write_metadata(&context, file, &["ghcr.io/acme/job:1"]);
    }
    assert_snapshot!(resolve(&context, &["-f", "-", "--in-place"]), @"
    exit code: 2
    ----- stderr -----
    error: `--in-place` changes files, and stdin is none
    hint: leave `--in-place` out, and take the result from stdout
    ");
    assert_snapshot!(resolve(&context, &["-f", "nowhere"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `nowhere`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(resolve(&context, &["-f", "bad.yaml"]), @"
    exit code: 3
    ----- stderr -----
    error: `bad.yaml` line 3 is no YAML: tabs disallowed within this context (block indentation)
    ");
    assert_snapshot!(resolve(&context, &["-f", "template.yaml"]), @r#"
    exit code: 3
    ----- stderr -----
    error: `template.yaml` line 2 is no YAML: "-" is only valid inside a block
    hint: it looks like a template of Helm, which is YAML only when it is rendered: `helm template CHART | flink-img resolve -f -`
    "#);
    assert_snapshot!(resolve(&context, &["-f", "latin.yaml"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to read `latin.yaml`
      caused by: it is not UTF-8
    ");
    let with = |file| resolve(&context, &["-f", "pod.yaml", "--metadata-file", file]);
    assert_snapshot!(with("nowhere.json"), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `nowhere.json`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(with("list.json"), @"
    exit code: 3
    ----- stderr -----
    error: `list.json` is no metadata of a build
      caused by: invalid length 0, expected struct Metadata with 2 elements at line 1 column 2
    hint: let the build write it: `flink-img build --metadata-file FILE`
    ");
    assert_snapshot!(with("pod.yaml"), @"
    exit code: 3
    ----- stderr -----
    error: `pod.yaml` is no metadata of a build
      caused by: expected value at line 1 column 1
    hint: let the build write it: `flink-img build --metadata-file FILE`
    ");
    let words = [
        "-f",
        "pod.yaml",
        "--metadata-file",
        "one.json",
        "--metadata-file",
        "two.json",
    ];
    assert_snapshot!(resolve(&context, &words), @"
    exit code: 3
    ----- stderr -----
    error: `pod.yaml` line 6: `ghcr.io/acme/job:1` may be `ghcr.io/acme/job:1@sha256:[1]` of `one.json`, or `ghcr.io/acme/job:1@sha256:[2]` of `two.json`
    hint: write the tag that is meant, or name the metadata of one build with `--metadata-file`
    ");
    assert_eq!(resolve(&context, &[]).code, 2);
}
