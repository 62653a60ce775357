//! Places that do not take what they should: registries, folders, disks.

use std::os::unix::fs::FileTypeExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use super::Site;
use crate::support::context::{BASE, TestContext};
use crate::support::registry::Fault;

#[test]
fn registries_that_refuse_the_image() {
    for (status, code, name, message) in [
        (401, 5, "UNAUTHORIZED", "authentication required"),
        (
            403,
            5,
            "DENIED",
            "requested access to the resource is denied",
        ),
        (
            404,
            6,
            "NAME_UNKNOWN",
            "repository name not known to registry",
        ),
    ] {
        let site = Site::new();
        let line = "POST /v2/acme/job/blobs/uploads/";
        site.registry
            .fail(line, 9, Fault::error(status, name, message));
        let words = [
            "--from-archive",
            "flink.tgz",
            "--job-jar",
            "job.jar",
            "--base",
            &site.base(),
        ];
        let run = site.build(&words);
        site.assert_nothing_written(&run);
        assert_eq!(run.code, code, "{run}");
        // It was asked first: nothing of the base was downloaded, and nothing was built.
        let lines = site.registry.lines();
        let is_layer = |line: &&String| line.starts_with("GET ") && line.contains("/blobs/");
        assert_eq!(
            lines.iter().filter(is_layer).count(),
            1,
            "the config of the base: {lines:?}"
        );
        assert!(!run.stderr.contains("made"), "{run}");
        match status {
            401 => assert_snapshot!(run, @"
            exit code: 5
            ----- stderr -----
            sha256:[1]: pulled, [SIZE]
            error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
              caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
            hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
            "),
            403 => assert_snapshot!(run, @"
            exit code: 5
            ----- stderr -----
            sha256:[1]: pulled, [SIZE]
            error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
              caused by: `127.0.0.1:[PORT]` answered 403 Forbidden: requested access to the resource is denied
            hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
            "),
            _ => assert_snapshot!(run, @"
            exit code: 6
            ----- stderr -----
            sha256:[1]: pulled, [SIZE]
            error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
              caused by: `127.0.0.1:[PORT]` answered 404 Not Found: repository name not known to registry
            hint: create the repository `acme/job` first, if this registry does not do so by itself
            "),
        }
    }
    let open = Site::new();
    open.registry.fail(
        "PUT /v2/acme/job/manifests/",
        9,
        Fault::error(400, "MANIFEST_INVALID", "no such layer"),
    );
    let words = [
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
        "--base",
        BASE,
    ];
    let target = open.target();
    let run = open
        .context
        .run([&["build", "-q", "--push", "-t", &target], &words[..]].concat());
    assert_snapshot!(run, @"
    exit code: 7
    ----- stderr -----
    error: Failed to push the manifest `1` to `127.0.0.1:[PORT]/acme/job`
      caused by: `127.0.0.1:[PORT]` answered 400 Bad Request: no such layer
    ");
    open.assert_nothing_written(&run);
}

#[test]
fn outputs_that_cannot_be_written() {
    let site = Site::new();
    let context = &site.context;
    assert_snapshot!(site.refuses_job(&["-o", "oci:missing/folder/layout"]), @"
    exit code: 9
    ----- stderr -----
    error: Failed to create `missing/folder/layout`
      caused by: No such file or directory (os error 2)
    hint: make the folder first, or name another
    ");
    assert_snapshot!(site.refuses_job(&["-o", "oci-archive:missing/image.tar"]), @"
    exit code: 9
    ----- stderr -----
    error: Failed to create `missing/image.tar`
      caused by: No such file or directory (os error 2)
    hint: make the folder first, or name another
    ");
    assert_snapshot!(site.refuses_job(&["-o", "oci:flink-1.20.5"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-1.20.5` is neither empty nor an OCI layout
    hint: name a new or empty folder
    ");
    assert_snapshot!(site.refuses_job(&["-o", "oci:job.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: `job.jar` is neither empty nor an OCI layout
    hint: name a new or empty folder
    ");
    assert_snapshot!(site.refuses_job(&["-o", "oci-archive:flink-1.20.5"]), @"
    exit code: 9
    ----- stderr -----
    error: Failed to write `flink-1.20.5`
      caused by: is a directory
    hint: name a file in it
    ");
    assert_snapshot!(site.refuses_job(&["-o", "docker-archive:/dev/null"]), @"
    exit code: 3
    ----- stderr -----
    error: `/dev/null` is not a regular file
    hint: name a new file
    ");
    let twice = context.build(&["--metadata-file", "missing/meta.json", "-t", "a/b"]);
    assert_snapshot!(twice, @"
    exit code: 9
    ----- stderr -----
    error: Failed to create `missing/meta.json`
      caused by: No such file or directory (os error 2)
    hint: make the folder first, or name another
    ");
    assert!(
        std::fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    // Files that were there stay as they were.
    assert!(context.has("flink-1.20.5/lib/flink-dist-1.20.5.jar"));
}

#[test]
fn a_build_that_is_killed_leaves_nothing() {
    let site = Site::new();
    let context = &site.context;
    let pulled = "GET /v2/acme/base/blobs/";
    let stall = Fault::Stall(Duration::from_secs(1));
    site.registry.fail(pulled, 9, stall);
    let base = site.base();
    let words = ["build", "--from-archive", "flink.tgz", "--base", &base];
    let words = [
        &words[..],
        &["-o", "oci:layout", "-o", "oci-archive:image.tar"],
    ]
    .concat();
    let mut child = context
        .command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while site.registry.count(pulled) == 0 {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it never got there"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(!context.has("layout") && !context.has("image.tar"));
    context.assert_nothing_kept();
    // And the next one is not disturbed by it.
    site.registry.on_request(|_| None);
    context.run(&words).ok();
}

#[test]
fn a_full_disk() {
    // A limit of 8 blocks on the size of files is a disk on which nothing larger fits, for everybody and without root.
    let mut context = TestContext::new();
    context.write(
        "large.bin",
        (0..40_000_u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    );
    context.first("trap '' XFSZ; ulimit -f 8");
    let run = context.build(&["--job-artifacts", "large.bin", "-o", "oci:out"]);
    assert_eq!(run.code, 9, "{run}");
    assert_snapshot!(run, @"
    exit code: 9
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: Failed to write `[TEMP]/home/.cache/flink-img/tmp`
      caused by: File too large (os error 27)
    hint: raise the limit on the size of files (`ulimit -f`), or name a folder on another file system with `--cache-dir` or `-o`
    ");
    assert!(!context.has("out"));
    context.assert_nothing_kept();

    // An archive that is too large only as a whole.
    let mut context = TestContext::new();
    context.digest(&["-q", "-t", "warm"]);
    context.first("trap '' XFSZ; ulimit -f 16");
    let run = context.build(&["--job-jar", "job.jar", "-o", "oci-archive:image.tar"]);
    assert_eq!(run.code, 9, "{run}");
    assert!(!context.has("image.tar"), "{run}");
    context.assert_nothing_unfinished();
}

#[test]
fn a_result_that_nobody_takes() {
    let context = TestContext::new();
    context.digest(&["-q"]);
    // A full device loses the result, which must be told.
    let mut command = context.command(["images"]);
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    command.stdout(full).stderr(std::process::Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @"
    error: Failed to write `stdout`
      caused by: No space left on device (os error 28)
    hint: free some space, or name a folder on a larger disk with `--cache-dir` or `-o`
    ");
    // A reader that went away has seen enough.
    let mut command = context.command(["images"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(std::process::Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_store_that_cannot_be_used() {
    let mut context = TestContext::new();
    context.write("file", "");
    let run = context.build(&["--cache-dir", "file"]);
    assert_snapshot!(run, @"
    exit code: 9
    ----- stderr -----
    error: Failed to create `file/blobs/sha256`
      caused by: Not a directory (os error 20)
    hint: name a folder that can be written with `--cache-dir` or `-o`
    ");
    // A home that cannot be written is no fault.
    context.set("HOME", "/proc/nowhere");
    let run = context.build(&["-q", "-t", "a"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(context.root().join("tmp").read_dir().unwrap().count() == 1);
}
