//! What keeps packages out of an image: each a sentence, an exit code, and nothing left behind.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::{alpine, build, build_from, scene, scene_of, tools};
use crate::support::alpine::{File, KEY, OTHER_KEY, Package, index, repository, write_repository};
use crate::support::context::{JAVA_17, Run, TestContext, base};
use crate::support::files::FileServer;
use crate::support::registry::{Fault, Registry};

const INDEX: &str = "/x86_64/APKINDEX.tar.gz";
const TOOL: &str = "/x86_64/tool-1.0-r0.apk";

/// Asserts that a build was refused with this error, and left nothing.
fn assert_refused(context: &TestContext, run: &Run, code: i32, error: &str) {
    assert_eq!(run.code, code, "{run}");
    let line = format!("error: {error}");
    let shown = run.plain(&run.stderr);
    assert!(shown.lines().any(|shown| shown == line), "{error}\n{run}");
    assert_eq!(run.stdout, "", "{run}");
    context.assert_nothing_kept();
    assert!(!context.has("out"), "{run}");
}

#[test]
fn what_cannot_be_asked_for_is_told() {
    let made = [
        &tools()[..],
        &[
            Package::new("needy", "1")
                .field("depend", "so:libnone.so.3")
                .make(&KEY),
            Package::new("enemy", "1")
                .field("depend", "!busybox")
                .make(&KEY),
            Package::new("thief", "1")
                .file("bin/tool", File::program(b"mine"))
                .make(&KEY),
        ],
    ]
    .concat();
    let context = scene_of(&alpine(&[], &[]), &repository(&made, &KEY));
    for (package, code, error) in [
        (
            "none",
            6,
            "No repository has `none`, which the request needs",
        ),
        (
            "tool>2",
            6,
            "No repository has `tool>2`, which the request needs; there is `tool-1.0-r0`",
        ),
        (
            "needy",
            6,
            "No repository has `so:libnone.so.3`, which `needy-1` needs",
        ),
        (
            "enemy",
            4,
            "`enemy-1`, which the request needs, cannot be there together with `busybox-1.36.1-r2`",
        ),
        (
            "thief",
            4,
            "The packages `thief-1` and `busybox-1.36.1-r2` both have the file `/bin/tool`",
        ),
        (
            "busybox>2",
            4,
            "The base has `busybox-1.36.1-r2`, and the request needs `busybox>2`",
        ),
        (
            "!tool",
            2,
            "`!tool` cannot be asked for: it says what must not be there",
        ),
        (
            "tool@edge",
            2,
            "`tool@edge` cannot be asked for: repositories with tags are not supported",
        ),
        (
            "tool>>1",
            2,
            "`tool>>1` has the operator `>>`; there are `=`, `<`, `<=`, `>`, `>=`, `~`, `<~` and `>~`",
        ),
        ("", 2, "`` names no package"),
    ] {
        let run = build(&context, &["--package", package, "-o", "oci:out"]);
        assert_refused(&context, &run, code, error);
    }
}

#[test]
fn a_base_that_is_no_alpine_takes_no_packages() {
    let context = scene();
    context.write("base.tar", base(JAVA_17));
    let run = build(&context, &["--package", "tool"]);
    assert_snapshot!(run, @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: The base `rootfs:base.tar` has no packages of apk: there is no `/lib/apk/db/installed` in it
    hint: choose a base of Alpine Linux, or one that has the packages
    ");
    context.assert_nothing_kept();
}

#[test]
fn a_repository_has_to_be_named_by_somebody() {
    let context = scene();
    let silent = [(
        "etc/apk/repositories",
        File::plain(b"# none\n/media/apks\n"),
    )];
    context.write("base.tar", alpine(&[], &silent));
    let run = context.build(&["--package", "tool"]);
    assert_snapshot!(run, @"
    exit code: 2
    ----- stderr -----
    Compressing the base: done, [SIZE]
    No job is given, so the image is one for session clusters
    error: The base `rootfs:base.tar` names no repository of packages that can be reached from here
    hint: name one with `--package-repository`: what comes before `ARCH/APKINDEX.tar.gz`
    ");
    for (place, code, error) in [
        (
            "missing",
            3,
            "Failed to find `missing/x86_64/APKINDEX.tar.gz`",
        ),
        (
            "ftp://example.com/main",
            2,
            "The repository of packages has the protocol `ftp`; there are `http`, `https` and `file`",
        ),
        (
            "https://example.com/main?token=1",
            2,
            "The address of a repository of packages has a `?` or `#`, behind which no file can be named",
        ),
    ] {
        let run = build_from(&context, place, &["--package", "tool"]);
        assert_refused(&context, &run, code, error);
    }
}

#[test]
fn words_about_packages_are_read_before_anything_is_asked_for() {
    let (context, registry) = (scene(), Registry::start());
    let base = format!("{}/acme/base:1", registry.address());
    let usual = ["build", "--base", &base, "--from-archive", "flink.tgz"];
    context.write("no-key.pub", "nothing of this kind");
    for (words, code, error) in [
        (
            &["--package", "tool>>1"][..],
            2,
            "`tool>>1` has the operator `>>`; there are `=`, `<`, `<=`, `>`, `>=`, `~`, `<~` and `>~`",
        ),
        (
            &[
                "--package",
                "tool",
                "--package-repository",
                "ftp://me:secret@example.com",
            ],
            2,
            "The repository of packages has the protocol `ftp`; there are `http`, `https` and `file`",
        ),
        (
            &["--package-repository", "ftp://me:secret@example.com"],
            2,
            "The repository of packages has the protocol `ftp`; there are `http`, `https` and `file`",
        ),
        (
            &["--package", "tool", "--package-key", "missing.pub"],
            3,
            "Failed to find `missing.pub`",
        ),
        (
            &["--package", "tool", "--package-key", "no-key.pub"],
            3,
            "The key `no-key.pub` is no public key in PEM form",
        ),
    ] {
        let run = context.run([&usual[..], words].concat());
        assert_refused(&context, &run, code, error);
        assert_eq!(registry.lines(), [""; 0], "{words:?}");
    }
}

#[test]
fn only_what_a_trusted_key_vouches_for_is_taken() {
    let good = repository(&tools(), &KEY);
    let changed = |path: &str, place: usize| {
        let mut files = good.clone();
        let bytes = files.get_mut(path).unwrap();
        let place = bytes.len() * place / 100;
        bytes[place] ^= 1;
        files
    };
    let unsigned = BTreeMap::from([(INDEX.to_owned(), index(&tools()))]);
    let swapped = {
        let other = Package::new("tool", "1.0-r0").make(&KEY);
        let mut files = good.clone();
        files.insert(TOOL.to_owned(), other.bytes());
        files
    };
    for (files, error) in [
        (
            repository(&tools(), &OTHER_KEY),
            "The index of `packages` is signed with `test@example.com-2.rsa.pub`, which is not among the trusted keys",
        ),
        (unsigned, "The index of `packages` is not signed"),
        (
            changed(INDEX, 95),
            "The index of `packages` does not match its signature by `test@example.com-1.rsa.pub`",
        ),
        (
            changed(TOOL, 95),
            "The file `usr/bin/turn` in the package `tool-1.0-r0` does not match its checksum",
        ),
        (
            swapped,
            "The package `tool-1.0-r0` does not have the size that the index says",
        ),
    ] {
        let context = scene_of(&alpine(&[], &[]), &files);
        let run = build(&context, &["--package", "tool", "-o", "oci:out"]);
        assert_refused(&context, &run, 8, error);
    }
}

#[test]
fn a_server_that_lacks_something_is_named_without_its_password() {
    let files = repository(&tools(), &KEY);
    let mut without_tool = files.clone();
    without_tool.remove(TOOL);
    let context = scene();
    for (files, error) in [
        (
            BTreeMap::new(),
            "Failed to get `APKINDEX.tar.gz` from the repository `http://127.0.0.1:[PORT]`",
        ),
        (
            without_tool,
            "Failed to get `tool-1.0-r0.apk` from the repository `http://127.0.0.1:[PORT]`",
        ),
    ] {
        let server = FileServer::start(files);
        let address = server.url().replace("http://", "http://ada:pass-phrase@");
        for words in [&["--package", "tool"][..], &["--package", "tool", "-v"]] {
            let run = build_from(&context, &address, words);
            assert_refused(&context, &run, 6, error);
            assert!(!run.stderr.contains("pass-phrase"), "{}", run.stderr);
            assert!(!run.stderr.contains("ada"), "{}", run.stderr);
        }
    }
    // Nobody listens there.
    let nowhere = "http://ada:pass-phrase@127.0.0.1:1/apk";
    let words = ["--package", "tool", "--retry", "0", "-v"];
    let run = build_from(&context, nowhere, &words);
    let error = "Failed to get `APKINDEX.tar.gz` from the repository `http://127.0.0.1:1/apk`";
    assert_refused(&context, &run, 7, error);
    assert!(!run.stderr.contains("pass-phrase"), "{}", run.stderr);
}

#[test]
fn a_password_of_a_repository_is_used_and_not_kept() {
    let files = repository(&tools(), &KEY);
    let (context, registry) = (scene(), Registry::start());
    registry.on_request(move |request| {
        let is_ada = request.headers.get("authorization").map(String::as_str)
            == Some("Basic YWRhOnBhc3MtcGhyYXNl");
        let file = request
            .path
            .strip_prefix("/apk")
            .and_then(|path| files.get(path));
        Some(match file {
            _ if !is_ada => Fault::status(401),
            Some(bytes) => Fault::Status(200, Vec::new(), bytes.clone()),
            None => Fault::status(404),
        })
    });
    let place = registry.address();
    let refused = build_from(
        &context,
        &format!("http://{place}/apk"),
        &["--package", "tool"],
    );
    assert_eq!(refused.code, 5, "{refused}");
    let address = format!("http://ada:pass-phrase@{place}/apk");
    let words = ["--package", "tool", "-v", "-o", "oci:out"];
    let run = build_from(&context, &address, &words).ok();
    assert!(!run.stderr.contains("pass-phrase"), "{}", run.stderr);
    let found = std::process::Command::new("grep")
        .args(["--recursive", "--files-with-matches", "pass-phrase"])
        .arg(context.root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "");
}

#[test]
fn a_package_that_breaks_off_leaves_nothing_and_the_next_build_is_whole() {
    let good = repository(&tools(), &KEY);
    let context = scene();
    let mut cut = good.clone();
    let bytes = cut.get_mut(TOOL).unwrap();
    bytes.truncate(bytes.len() - 30);
    write_repository(&context.path("packages"), &cut);
    let run = build(&context, &["--package", "tool", "-o", "oci:out"]);
    assert_refused(
        &context,
        &run,
        8,
        "The package `tool-1.0-r0` does not have the size that the index says",
    );
    write_repository(&context.path("packages"), &good);
    build(&context, &["--package", "tool"]).ok();
}
