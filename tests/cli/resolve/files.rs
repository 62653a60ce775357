//! Folders, and files that are changed where they are.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use insta::assert_snapshot;

use super::{resolve, write_metadata};
use crate::support::context::TestContext;

/// A context with the metadata of a build and these files, each of which names its image.
fn context(files: &[&str]) -> TestContext {
    let context = TestContext::new();
    write_metadata(&context, "build.json", &["ghcr.io/acme/job:1"]);
    for file in files {
        let path = context.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("file: {file}\nimage: ghcr.io/acme/job:1\n")).unwrap();
    }
    context
}

#[test]
fn a_folder_is_walked_in_the_order_of_names_and_templates_are_left_out() {
    let context = context(&[
        "k8s/b/z.yml",
        "k8s/b.yaml",
        "k8s/a/templates/pod.yaml",
        "k8s/chart/values.yaml",
        "k8s/chart/templates/pod.yaml",
        "k8s/chart/templates/deep/pod.yaml",
        "k8s/.git/x.yaml",
        "k8s/notes.txt",
        "k8s/yaml",
    ]);
    context.write("k8s/chart/Chart.yaml", "name: chart\n");
    context.write("k8s/c.json", "{\n  \"image\": \"ghcr.io/acme/job:1\"\n}\n");
    context.write("k8s/d.yaml", "# d\n---\nd: 1\n");
    context.write("linked.yaml", "linked: ghcr.io/acme/job:1\n");
    symlink("../linked.yaml", context.path("k8s/e.yaml")).unwrap();
    symlink("nowhere", context.path("k8s/.#f.yaml")).unwrap();
    symlink("../k8s", context.path("k8s/g.yaml")).unwrap();
    let words = ["-f", "k8s", "--metadata-file", "build.json"];
    assert_snapshot!(resolve(&context, &words), @r#"
    exit code: 0
    ----- stdout -----
    file: k8s/a/templates/pod.yaml
    image: ghcr.io/acme/job@sha256:[1]
    ---
    file: k8s/b/z.yml
    image: ghcr.io/acme/job@sha256:[1]
    ---
    file: k8s/b.yaml
    image: ghcr.io/acme/job@sha256:[1]
    ---
    {
      "image": "ghcr.io/acme/job@sha256:[1]"
    }
    ---
    name: chart
    ---
    file: k8s/chart/values.yaml
    image: ghcr.io/acme/job@sha256:[1]
    # d
    ---
    d: 1
    ---
    linked: ghcr.io/acme/job@sha256:[1]
    ----- stderr -----
    `k8s/chart/templates` is left out: templates of Helm are YAML only when they are rendered
    6 images in 6 files became digests
    "#);
    // Twice the same file is once the same file, and a folder that is named is looked at.
    let words = [
        "-f",
        "k8s/chart/templates",
        "-f",
        "k8s/b.yaml",
        "-f",
        "k8s/b.yaml",
        "--metadata-file",
        "build.json",
    ];
    let run = resolve(&context, &words).ok();
    assert_eq!(run.stderr, "3 images in 3 files became digests\n");
    std::fs::create_dir(context.path("empty")).unwrap();
    assert_snapshot!(resolve(&context, &["-f", "empty"]), @"
    exit code: 0
    ----- stderr -----
    warning: There is no *.yaml, *.yml or *.json file to look at
    ");
}

#[test]
fn in_place_only_what_changes_is_written_and_keeps_its_mode() {
    let context = context(&["k8s/a.yaml", "k8s/b.yaml"]);
    context.write("k8s/c.yaml", "image: ghcr.io/acme/job:2\n");
    context.write("linked.yaml", "linked: ghcr.io/acme/job:1\n");
    symlink("../linked.yaml", context.path("k8s/d.yaml")).unwrap();
    set_permissions(context.path("k8s/a.yaml"), Permissions::from_mode(0o640)).unwrap();
    set_permissions(context.path("k8s/b.yaml"), Permissions::from_mode(0o666)).unwrap();
    let inode = || std::fs::metadata(context.path("k8s/c.yaml")).unwrap().ino();
    let before = inode();
    let words = ["-f", "k8s", "--in-place", "--metadata-file", "build.json"];
    assert_snapshot!(resolve(&context, &words), @"
    exit code: 0
    ----- stdout -----
    k8s/a.yaml
    k8s/b.yaml
    k8s/d.yaml
    ----- stderr -----
    `k8s/a.yaml` line 2: `ghcr.io/acme/job:1` is now `ghcr.io/acme/job@sha256:[1]`
    `k8s/b.yaml` line 2: `ghcr.io/acme/job:1` is now `ghcr.io/acme/job@sha256:[1]`
    `k8s/d.yaml` line 1: `ghcr.io/acme/job:1` is now `ghcr.io/acme/job@sha256:[1]`
    3 images in 3 files became digests
    ");
    let digest = write_metadata(&context, "build.json", &["ghcr.io/acme/job:1"]);
    for (file, text) in [
        (
            "k8s/a.yaml",
            format!("file: k8s/a.yaml\nimage: ghcr.io/acme/job@{digest}\n"),
        ),
        (
            "k8s/b.yaml",
            format!("file: k8s/b.yaml\nimage: ghcr.io/acme/job@{digest}\n"),
        ),
        ("k8s/c.yaml", "image: ghcr.io/acme/job:2\n".to_owned()),
        (
            "linked.yaml",
            format!("linked: ghcr.io/acme/job@{digest}\n"),
        ),
    ] {
        assert_eq!(context.read(file), text.as_bytes(), "{file}");
    }
    let mode = |file: &str| std::fs::metadata(context.path(file)).unwrap().mode() & 0o777;
    assert_eq!((mode("k8s/a.yaml"), mode("k8s/b.yaml")), (0o640, 0o666));
    assert!(context.path("k8s/d.yaml").is_symlink());
    assert_eq!(inode(), before);
    // The second time there is nothing to do.
    let again = resolve(&context, &words).ok();
    assert_eq!(
        (again.stdout.as_str(), again.stderr.as_str()),
        ("", "Nothing to change: 3 images by digest already\n")
    );
    context.assert_nothing_unfinished();
}

#[test]
fn of_a_file_that_cannot_be_written_no_change_is_told() {
    let mut context = context(&["k8s/a.yaml"]);
    let large = "# x\n".repeat(8192);
    context.write("k8s/b.yaml", format!("{large}image: ghcr.io/acme/job:1\n"));
    let before = context.read("k8s/b.yaml");
    // Small files can be written, and large ones cannot.
    context.first("trap '' XFSZ; ulimit -f 8");
    let words = ["-f", "k8s", "--in-place", "--metadata-file", "build.json"];
    let run = resolve(&context, &words);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (9, "k8s/a.yaml\n"),
        "{run}"
    );
    assert!(run.stderr.contains("`k8s/a.yaml` line 2"), "{run}");
    assert!(!run.stderr.contains("`k8s/b.yaml` line"), "{run}");
    assert_eq!(context.read("k8s/b.yaml"), before);
    context.assert_nothing_unfinished();
}

#[test]
fn one_file_that_cannot_be_read_keeps_all_as_they_are() {
    let context = context(&["k8s/a.yaml"]);
    context.write("k8s/b.yaml", "a: 1\nb: [\n");
    let before = context.read("k8s/a.yaml");
    let words = ["-f", "k8s", "--in-place", "--metadata-file", "build.json"];
    assert_eq!(resolve(&context, &words).code, 3);
    assert_eq!(context.read("k8s/a.yaml"), before);
}
