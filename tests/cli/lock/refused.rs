//! What is not locked is refused before anything is brought or written.

use insta::assert_snapshot;

use super::{Wanted, forget};
use crate::rebuild::World;
use crate::support::context::TestContext;

/// The lock of the test.
const LOCK: &str = "flink-img.lock";

/// A lock in which the digest that follows these words in the first of our layers is of zeros.
fn with_zeros(lock: &str, words: &str) -> String {
    let place = lock.find("[[layer]]").unwrap();
    let place = place + lock[place..].find(words).unwrap() + words.len();
    let zeros = "0".repeat(64);
    format!("{}{zeros}{}", &lock[..place], &lock[place + 64..])
}

#[test]
fn another_request_is_refused_before_anybody_is_asked() {
    let (world, context) = (World::new(), TestContext::new());
    let bare = Wanted::on(&world, &context, "acme/base:1");
    let usual = bare.with(&["--flink-version", "1.20.5"]);
    usual.lock().ok();
    forget(&context);
    world.registry.clear_requests();
    let asked = world.mirror.asked().len();
    let mut told = Vec::new();
    for wanted in [
        bare.with(&["--flink-version", "1.19.3"]),
        usual.with(&["--package", "extra"]),
        usual.with(&["--compression", "zstd:3"]),
        usual.with(&["--java-home", "/j"]),
        usual.with(&["--platform", "linux/amd64,linux/arm64"]),
        Wanted::on(&world, &context, "acme/other:1").with(&["--flink-version", "1.20.5"]),
    ] {
        let run = wanted.build(&["-o", "oci:a"]);
        assert_eq!(run.code, 4, "{run}");
        let digest = wanted.digest();
        assert_eq!(
            (digest.code, digest.sorted().stderr),
            (4, run.stderr.clone())
        );
        told.push(run.plain(&run.stderr));
    }
    assert_snapshot!(told.concat(), @"
    error: The image is not the one that is locked: The version of Flink was `1.20.5` and is `1.19.3`; The release of Flink was `flink-1.20.5-bin-scala_2.12.tgz` and is `flink-1.19.3-bin-scala_2.12.tgz`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    error: The image is not the one that is locked: The list of packages is new: `extra`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    error: The image is not the one that is locked: The compression was `auto` and is `zstd:3`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    error: The image is not the one that is locked: The given home of Java is new: `/j`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    error: The image is not the one that is locked: The base for linux/arm64 is new: `127.0.0.1:[PORT]/acme/base:1`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    error: The image is not the one that is locked: The base for linux/amd64 was `127.0.0.1:[PORT]/acme/base:1` and is `127.0.0.1:[PORT]/acme/other:1`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    ");
    assert_eq!(world.registry.lines(), [""; 0]);
    assert_eq!(world.mirror.asked().len(), asked);
    assert!(!context.has("a"));
}

#[test]
fn a_file_that_is_no_lock_is_named() {
    let context = TestContext::new();
    let words = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    let wanted = Wanted::new(&context, &words);
    let mut told = vec![wanted.digest().to_string()];
    wanted.lock().ok();
    let good = String::from_utf8(context.read(LOCK)).unwrap();
    for bad in [
        good.replacen("version = 1\n", "<<<<<<< HEAD\nversion = 1\n", 1),
        good.replacen("version = 1\n", "version = 2\n", 1),
        good.replacen("recipe = 2\n", "recipe = 2\nmore = 1\n", 1),
        good.replacen("recipe = 2\n", "recipe = 1\n", 1),
        with_zeros(&good, "\nrecipe = \"sha256:"),
    ] {
        assert_ne!(bad, good);
        context.write(LOCK, bad);
        let digest = wanted.digest();
        let build = wanted.build(&["-o", "oci:a"]);
        assert_eq!(build.code, digest.code, "{build}\n{digest}");
        told.push(digest.to_string());
    }
    assert_snapshot!(told.join("\n"), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `flink-img.lock`
      caused by: No such file or directory (os error 2)
    hint: write it with `flink-img lock`, and commit it

    exit code: 3
    ----- stderr -----
    error: `flink-img.lock` cannot be used
      caused by: line 4, column 9: key with no value, expected `=`
    hint: write it anew with `flink-img lock`

    exit code: 3
    ----- stderr -----
    error: `flink-img.lock` has the form 2, and this program knows the form 1
    hint: use the version of `flink-img` that wrote it, or remove it

    exit code: 3
    ----- stderr -----
    error: `flink-img.lock` cannot be used
      caused by: line 6, column 1: unknown field `more`, expected one of `version`, `recipe`, `request`, `flink`, `hadoop`, `artifact`, `platform`, `layer`
    hint: write it anew with `flink-img lock`

    exit code: 4
    ----- stderr -----
    error: The image is not the one that is locked: The version of the recipe was `1` and is `2`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program

    exit code: 4
    ----- stderr -----
    error: The image is not the one that is locked: The recipe of the layer `user flink, entrypoint` was `sha256:[1]` and is `sha256:[2]`
    hint: undo the change, or write the lock anew with `flink-img lock`; recipes change with the version of the program
    ");
    assert!(!context.has("a"));
}

#[test]
fn a_layer_that_became_another_one_is_named_and_nothing_is_written() {
    let context = TestContext::new();
    let words = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    let wanted = Wanted::new(&context, &words);
    wanted.lock().ok();
    let good = String::from_utf8(context.read(LOCK)).unwrap();
    context.write(LOCK, with_zeros(&good, "\ndigest = \"sha256:"));
    let run = wanted.build(&["-o", "oci:a"]);
    assert_snapshot!(run, @"
    exit code: 8
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    error: The same inputs gave another image than the one that is locked: The layer `user flink, entrypoint` was `sha256:[1], 6570 bytes of application/vnd.oci.image.layer.v1.tar+gzip, of sha256:[2]` and is `sha256:[3], 6570 bytes of application/vnd.oci.image.layer.v1.tar+gzip, of sha256:[2]`
    hint: find out which of the two machines is wrong, then write the lock anew with `flink-img lock`
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    ");
    assert!(!context.has("a"));
}
