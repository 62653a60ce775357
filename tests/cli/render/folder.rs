//! Files of a folder: whole, and nobody else's.

use std::path::Path;

use insta::assert_snapshot;

use super::render;
use crate::support::context::{TestContext, is_root, names};

/// An image that nothing is asked of.
const IMAGE: &str = "registry.example.com/team/job:1";

/// `render` of that image into a folder, with more words.
fn into(context: &TestContext, folder: &str, words: &[&str]) -> crate::support::context::Run {
    let usual = ["--image", IMAGE, "--offline", "-q", "-o", folder];
    render(context, &[&usual[..], words].concat())
}

/// All files below a folder, with what is in them.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in flink_img::fs::walk(folder).unwrap() {
        if entry.metadata.is_file() {
            let bytes = std::fs::read(&entry.path).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            found.push((entry.relative.display().to_string(), text));
        }
    }
    found
}

#[test]
fn each_object_has_a_file_and_stale_ones_go() {
    let context = TestContext::new();
    assert_snapshot!(into(&context, "k8s", &[]), @"
    exit code: 0
    ----- stdout -----
    k8s
    ");
    assert_snapshot!(names(&context.path("k8s")).join("\n").replace(&revision(&context, "k8s"), "[REVISION]"), @"
    deployment-job-taskmanager.yaml
    job-job-jobmanager-[REVISION].yaml
    service-job-jobmanager.yaml
    service-job-ui.yaml
    serviceaccount-job.yaml
    ");
    let first = files(&context.path("k8s"));
    let on_stdout = render(&context, &["--image", IMAGE, "--offline", "-q"])
        .ok()
        .stdout;
    for (path, text) in &first {
        let (marker, object) = text.split_once('\n').unwrap();
        assert_eq!(
            marker,
            "# Rendered by flink-img for job. Changes are lost when that is done again."
        );
        assert!(on_stdout.contains(object), "{path}");
    }
    // The same again changes nothing; another class makes another job, and the old one goes.
    into(&context, "k8s/", &[]).ok();
    assert_eq!(files(&context.path("k8s")), first);
    let before = revision(&context, "k8s");
    into(&context, "k8s", &["--job-classname", "a.B"]).ok();
    assert_ne!(revision(&context, "k8s"), before);
    assert_eq!(names(&context.path("k8s")).len(), first.len());
    // What is in it for Flink's operator takes the place of all.
    context.write(
        "config.yaml",
        "job: {jar: /opt/job.jar}\nflink: {version: '2.0'}\n",
    );
    into(&context, "k8s", &["--as", "operator", "-f", "config.yaml"]).ok();
    assert_eq!(names(&context.path("k8s")), ["flinkdeployment-job.yaml"]);
    context.assert_nothing_unfinished();
}

/// The hash in the name of the job's file.
fn revision(context: &TestContext, folder: &str) -> String {
    let names = names(&context.path(folder));
    let job = names.iter().find(|name| name.starts_with("job-")).unwrap();
    let (_, hash) = job.trim_end_matches(".yaml").rsplit_once('-').unwrap();
    hash.to_owned()
}

#[test]
fn an_empty_folder_is_as_good_as_a_new_one() {
    let context = TestContext::new();
    std::fs::create_dir(context.path("k8s")).unwrap();
    into(&context, "k8s", &[]).ok();
    let count = names(&context.path("k8s")).len();
    assert!(count > 3, "{count}");
    std::os::unix::fs::symlink("k8s", context.path("link")).unwrap();
    into(&context, "link", &["--parallelism", "7"]).ok();
    assert!(context.path("link").is_symlink());
    assert_eq!(names(&context.path("k8s")).len(), count);
    // What somebody who was killed left.
    context.write("k8s/.flink-img-x1", "");
    into(&context, "k8s", &[]).ok();
    context.assert_nothing_unfinished();
    assert_eq!(names(&context.path("k8s")).len(), count);
}

#[test]
fn what_others_have_in_a_folder_is_never_touched() {
    let context = TestContext::new();
    into(&context, "k8s", &[]).ok();
    into(&context, "chart", &["--as", "chart"]).ok();
    std::fs::create_dir_all(context.path("own/templates")).unwrap();
    std::fs::create_dir(context.path("linked")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", context.path("linked/job.yaml")).unwrap();
    context.write("own/Chart.yaml", "name: flink\n");
    context.write("file", "");
    context.write("k8s/kustomization.yaml", "resources: []\n");
    context.write("chart/templates/extra.yaml", "kind: Secret\n");
    let before = files(&context.work());
    for (folder, words) in [
        ("k8s", &[][..]),
        ("k8s", &["--as", "chart"]),
        ("chart", &[]),
        ("chart", &["--as", "chart"]),
        ("own", &["--as", "chart"]),
        ("own", &[]),
        (".", &[]),
        ("linked", &[]),
        ("file", &[]),
        ("missing/k8s", &[]),
    ] {
        let run = into(&context, folder, words);
        assert!(run.code == 2 || run.code == 9, "{folder} {words:?} {run}");
        let sentences = run.stderr.lines().filter(|line| !line.starts_with(' '));
        assert_eq!(sentences.count(), 2, "{folder} {words:?} {run}");
    }
    assert_eq!(files(&context.work()), before);
    assert_snapshot!(into(&context, "k8s", &[]), @"
    exit code: 2
    ----- stderr -----
    error: `k8s` has `kustomization.yaml`, which was not rendered by flink-img
    hint: name a folder that is new or empty, or one with what was rendered for the same name
    ");
    assert_snapshot!(into(&context, "chart", &["--as", "chart"]), @"
    exit code: 2
    ----- stderr -----
    error: `chart` has `templates/extra.yaml`, which was not rendered by flink-img
    hint: name a folder that is new or empty, or one with what was rendered for the same name
    ");
    assert_snapshot!(into(&context, "file", &[]), @"
    exit code: 2
    ----- stderr -----
    error: `file` is no folder
    hint: name a folder that is new or empty, or one with what was rendered for the same name
    ");
    // What was rendered for another name is another's, too.
    into(&context, "other", &["--name", "other"]).ok();
    assert_snapshot!(into(&context, "other", &[]), @"
    exit code: 2
    ----- stderr -----
    error: `other` has what was rendered for `other`
    hint: name a folder that is new or empty, or one with what was rendered for the same name
    ");
    assert_snapshot!(into(&context, "chart", &["--as", "chart", "--name", "other"]), @"
    exit code: 2
    ----- stderr -----
    error: `chart` has `templates/extra.yaml`, which was not rendered by flink-img
    hint: name a folder that is new or empty, or one with what was rendered for the same name
    ");
    context.assert_nothing_unfinished();
}

#[test]
fn what_cannot_be_written_to_its_end_changes_nothing() {
    let mut context = TestContext::new();
    into(&context, "chart", &["--as", "chart"]).ok();
    let before = files(&context.work());
    // Small files can be written, and large ones cannot: that is an error, or else the end of the process.
    for (first, code) in [
        ("trap '' XFSZ; ulimit -f 8", 9),
        ("ulimit -c 0; ulimit -f 8", -1),
    ] {
        context.first(first);
        for (folder, words) in [
            ("chart", &["--as", "chart", "--parallelism", "3"][..]),
            ("new", &["--as", "chart"]),
        ] {
            let run = into(&context, folder, words);
            assert_eq!(run.code, code, "{run}");
            assert!(!context.has("new"));
            let mut after = files(&context.work());
            if code == 9 {
                context.assert_nothing_unfinished();
            } else {
                after.retain(|(path, _)| !path.starts_with(".flink-img-"));
            }
            assert_eq!(after, before);
        }
    }
    // Nobody may write there.
    let mut context = TestContext::new();
    into(&context, "k8s", &[]).ok();
    let before = files(&context.path("k8s"));
    context.become_nobody();
    if is_root() {
        let owner = std::os::unix::fs::chown(context.path("k8s"), Some(0), Some(0));
        owner.unwrap();
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    std::fs::set_permissions(context.path("k8s"), mode).unwrap();
    let run = into(&context, "k8s", &["--parallelism", "3"]);
    assert_eq!(run.code, 9, "{run}");
    assert_eq!(files(&context.path("k8s")), before);
}
