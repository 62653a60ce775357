//! `cache verify`: every kind of damage is told, and what can be mended is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::context::{TestContext, names};
use crate::{
    DAY, RELEASE, age, assert_sound, blobs, build_release, build_unkept, files, largest_blob,
    mirror,
};

/// What `cache verify --json` and more words says, and its exit code.
fn verify(context: &TestContext, words: &[&str]) -> (i32, Value) {
    let run = context.run(["cache", "verify", "--json"].iter().chain(words));
    let found = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    (run.code, found)
}

/// The findings: what it is, and the end of its path.
fn found(verified: &Value) -> Vec<(String, PathBuf)> {
    let findings = verified["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| {
            let what = finding["what"].as_str().unwrap().to_owned();
            (what, finding["path"].as_str().unwrap().into())
        })
        .collect()
}

fn change(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A store with an image that was kept, and a release.
fn full_store() -> (TestContext, crate::support::files::FileServer, String) {
    let context = TestContext::new();
    let mirror = mirror(&context);
    let digest = build_release(&context, &mirror, &[]).digest();
    (context, mirror, digest)
}

#[test]
fn a_cache_in_which_nothing_is_wrong() {
    let (context, _mirror, _) = full_store();
    let verified = verify(&context, &[]);
    let counted = |kind: &str| usize::try_from(verified.1[kind]["count"].as_u64().unwrap());
    let store = context.store();
    assert_eq!((verified.0, &verified.1["faults"]), (0, &Value::from(0)));
    assert_eq!(verified.1["images"], 1);
    assert_eq!(counted("blobs").unwrap(), blobs(&context).len());
    assert_eq!(counted("facts").unwrap(), files(&store.join("facts")).len());
    assert_eq!(counted("releases").unwrap(), 1);
    assert_eq!(found(&verified.1), []);
    for folder in ["blobs", "releases"] {
        let bytes = crate::total(&files(&store.join(folder)));
        assert_eq!(verified.1[folder]["bytes"], bytes, "{folder}");
    }
    let run = context.run(["cache", "verify"]).ok();
    assert!(run.stdout.starts_with("Read "), "{run}");
    assert!(run.stdout.ends_with("; nothing is wrong\n"), "{run}");
    assert_eq!(run.stdout.lines().count(), 1);
    assert_snapshot!(TestContext::new().run(["cache", "verify"]), @"
    exit code: 0
    ----- stdout -----
    Read 0 B: 0 images, 0 blobs, 0 releases, 0 facts; nothing is wrong
    ----- stderr -----
    Checking the cache: checked
    ");
}

#[test]
fn what_a_kill_leaves_is_no_fault() {
    let (context, _mirror, _) = full_store();
    let store = context.store();
    for folder in ["", "tmp", "blobs/sha256", "facts/layer", "releases"] {
        std::fs::write(store.join(folder).join(".flink-img-a1b2c3"), b"half").unwrap();
    }
    let note = store.join("releases").join(format!("{RELEASE}.sha512"));
    std::fs::remove_file(note).unwrap();
    for words in [&[][..], &["--repair"]] {
        let (code, verified) = verify(&context, words);
        assert_eq!((code, &verified["faults"]), (0, &Value::from(0)));
        assert_eq!(verified["unfinished"]["count"], 5);
        assert_eq!(verified["unfinished"]["bytes"], 5 * 4);
        let mut kinds: Vec<_> = found(&verified).into_iter().map(|(what, _)| what).collect();
        kinds.sort();
        let unfinished = ["unfinished"; 5];
        assert_eq!(kinds, [&["unchecked"][..], &unfinished].concat());
    }
    let run = context.run(["cache", "verify"]).ok();
    assert!(
        run.stdout
            .ends_with("nothing is wrong; 5 unfinished files, 20 B\n"),
        "{run}"
    );
    assert!(store.join("tmp/.flink-img-a1b2c3").exists());
}

/// Does damage, and names what is damaged, and what is told of it.
type Damage = fn(&TestContext) -> (PathBuf, &'static str);

const DAMAGES: [(&str, Damage); 12] = [
    ("a layer that was changed", |context| {
        let path = largest_blob(context);
        change(&path);
        (path, "blob")
    }),
    ("a layer that was cut", |context| {
        let path = largest_blob(context);
        std::fs::write(&path, b"short").unwrap();
        (path, "blob")
    }),
    ("a folder in the place of a blob", |context| {
        let path = context.store().join("blobs/sha256").join("0".repeat(64));
        std::fs::create_dir(&path).unwrap();
        set_mode(&path, 0o700);
        (path, "notAFile")
    }),
    ("a link in the place of a blob", |context| {
        let path = context.store().join("blobs/sha256").join("0".repeat(64));
        std::os::unix::fs::symlink(largest_blob(context), &path).unwrap();
        (path, "notAFile")
    }),
    ("a fact that was changed", |context| {
        let path = files(&context.store().join("facts")).pop().unwrap();
        change(&path);
        (path, "fact")
    }),
    ("a fact in the place of another", |context| {
        let facts = files(&context.store().join("facts/layer"));
        std::fs::copy(&facts[0], &facts[1]).unwrap();
        (facts[1].clone(), "fact")
    }),
    ("a fact that is called like none", |context| {
        let facts = files(&context.store().join("facts/layer"));
        let path = facts[0].with_file_name("more.fact");
        std::fs::rename(&facts[0], &path).unwrap();
        (path, "fact")
    }),
    ("a release that was changed", |context| {
        let path = context.store().join("releases").join(RELEASE);
        change(&path);
        (path, "release")
    }),
    ("a file that others may read", |context| {
        let path = largest_blob(context);
        set_mode(&path, 0o644);
        (path, "mode")
    }),
    ("a folder that others may list", |context| {
        let path = context.store().join("facts/layer");
        set_mode(&path, 0o755);
        (path, "mode")
    }),
    ("a cache that everybody may change", |context| {
        let path = context.store();
        set_mode(&path, 0o777);
        (path, "mode")
    }),
    ("a marker that is none", |context| {
        let path = context.store().join("oci-layout");
        std::fs::write(&path, b"{}").unwrap();
        (path, "marker")
    }),
];

#[test]
fn each_damage_is_told_and_mended_and_the_next_build_is_right() {
    let (context, mirror, digest) = full_store();
    // No image is kept, so that nothing but the damage itself is to be told.
    std::fs::remove_file(context.store().join("index.json")).unwrap();
    for (name, damage) in DAMAGES {
        let (path, what) = damage(&context);
        let expected = [(what.to_owned(), path.clone())];
        let before = names(&context.store().join("blobs/sha256"));
        let (code, verified) = verify(&context, &[]);
        assert_eq!(code, 8, "{name}: {verified}");
        assert_eq!(found(&verified), expected, "{name}");
        assert_eq!(verified["findings"][0]["mended"], false, "{name}");
        assert_eq!(names(&context.store().join("blobs/sha256")), before);

        let (code, verified) = verify(&context, &["--repair"]);
        assert_eq!(code, 0, "{name}: {verified}");
        assert_eq!(found(&verified), expected, "{name}");
        assert_eq!(verified["mended"], 1, "{name}");
        let (code, verified) = verify(&context, &[]);
        assert_eq!(code, 0, "{name}: {verified}");
        assert_eq!(found(&verified), [], "{name}");

        let run = build_release(&context, &mirror, &["-o", "oci-archive:image.tar"]);
        assert_eq!(run.digest(), digest, "{name}");
        assert!(!run.stderr.contains("warning"), "{name}: {run}");
        assert_sound(&context);
        // The release is needed by whoever knows nothing.
        let run = build_release(
            &context,
            &mirror,
            &["--no-cache", "-o", "oci-archive:image.tar"],
        );
        assert_eq!(run.digest(), digest, "{name}");
        assert_eq!(verify(&context, &[]).0, 0, "{name}");
    }
}

#[test]
fn a_kept_image_that_lost_a_layer_is_told_until_it_is_built_again() {
    let context = TestContext::new();
    let digest = context.digest(&[]);
    let layer = largest_blob(&context);
    change(&layer);
    let run = context.run(["cache", "verify"]);
    assert_eq!(run.code, 8);
    let told = run.stdout.replace(&layer.display().to_string(), "[LAYER]");
    let (findings, summary) = told.split_once("\nRead ").unwrap();
    assert!(summary.ends_with(" facts; 2 faults\n"), "{run}");
    assert_snapshot!(run.plain(findings), @"
    fault: `[LAYER]` does not match its digest
    fault: The image `docker.io/library/flink-job` is not whole: A blob in `[TEMP]/home/.cache/flink-img` does not match its digest `sha256:[1]`
    ");
    assert_snapshot!(run.plain(&run.stderr), @"
    Checking the cache: checked, [SIZE]
    error: The cache in `[TEMP]/home/.cache/flink-img` has 2 faults
    hint: `flink-img cache verify --repair` takes away what is damaged; the next build that needs it makes or fetches it again
    ");
    let run = context.run(["cache", "verify", "--repair", "-q"]);
    assert_eq!(run.code, 8);
    assert!(!layer.exists());
    assert_snapshot!(run.plain(&run.stderr), @"
    error: The cache in `[TEMP]/home/.cache/flink-img` has 1 fault that cannot be mended
    hint: build images that are not whole again, under their names; an index can only be brought back from a copy
    ");
    let (code, verified) = verify(&context, &[]);
    assert_eq!(code, 8, "{verified}");
    assert_eq!(verified["findings"][0]["what"], "image");
    assert_eq!(context.run(["images"]).ok().stdout.lines().count(), 1);
    assert_eq!(context.digest(&[]), digest);
    assert_eq!(verify(&context, &[]).0, 0);
}

#[test]
fn a_kept_image_whose_manifest_is_damaged() {
    let context = TestContext::new();
    let digest = context.digest(&[]);
    let manifest = context.store().join("blobs").join(digest.replace(':', "/"));
    change(&manifest);
    let (code, verified) = verify(&context, &["--repair"]);
    assert_eq!((code, &verified["mended"]), (8, &Value::from(1)));
    assert!(!manifest.exists());
    assert_eq!(context.digest(&[]), digest);
    assert_eq!(verify(&context, &[]).0, 0);
}

#[test]
fn an_index_that_cannot_be_read_is_told_and_stays() {
    let (context, _mirror, _) = full_store();
    let index = context.store().join("index.json");
    for damage in ["", "garbage", "{\"schemaVersion\":2,\"manifests\":[{\"dig"] {
        std::fs::write(&index, damage).unwrap();
        for words in [&[][..], &["--repair"]] {
            let (code, verified) = verify(&context, words);
            assert_eq!(code, 8, "{verified}");
            assert_eq!(found(&verified), [("index".to_owned(), index.clone())]);
            // The rest was read all the same, and nothing of it is gone.
            assert_eq!(verified["blobs"]["count"], blobs(&context).len());
            assert_eq!(std::fs::read_to_string(&index).unwrap(), damage);
        }
    }
}

#[test]
fn a_repair_refuses_while_the_cache_is_used_and_a_look_does_not() {
    let context = TestContext::new();
    build_unkept(&context).ok();
    let path = largest_blob(&context);
    change(&path);
    let build = std::fs::File::open(context.store().join("in-use")).unwrap();
    build.lock_shared().unwrap();
    assert_eq!(verify(&context, &[]).0, 8);
    assert_snapshot!(context.run(["cache", "verify", "--repair"]), @"
    exit code: 9
    ----- stderr -----
    error: Another flink-img uses the cache in `[TEMP]/home/.cache/flink-img`
    hint: try again when it has ended
    ");
    assert!(path.exists());
    drop(build);
    assert_eq!(verify(&context, &["--repair"]).0, 0);
    assert!(!path.exists());
}

#[test]
fn where_there_are_no_locks_what_was_changed_within_a_day_stays() {
    let context = TestContext::new();
    build_unkept(&context).ok();
    let lock = context.store().join("in-use");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    set_mode(&lock, 0o700);
    let path = largest_blob(&context);
    change(&path);
    let run = context.run(["cache", "verify", "--repair"]);
    assert_eq!(run.code, 8, "{run}");
    assert!(
        run.stderr.contains("what was changed within a day stays"),
        "{run}"
    );
    assert!(path.exists());
    age(&path, 2 * DAY);
    context.run(["cache", "verify", "--repair"]).ok();
    assert!(!path.exists());
}

#[test]
fn a_blob_that_cannot_be_read_is_told_with_its_cause() {
    let mut context = TestContext::new();
    context.become_nobody();
    let cache = context.path("cache");
    context.set("FLINK_IMG_CACHE_DIR", &cache);
    build_unkept(&context).ok();
    let path = files(&cache.join("blobs")).pop().unwrap();
    set_mode(&path, 0o000);
    let (code, verified) = verify(&context, &[]);
    assert_eq!(code, 8);
    let mut kinds: Vec<_> = found(&verified).into_iter().map(|(what, _)| what).collect();
    kinds.sort();
    assert_eq!(kinds, ["mode", "unreadable"]);
    let messages = verified["findings"].to_string();
    assert!(messages.contains("Permission denied"), "{messages}");
    assert_eq!(verify(&context, &["--repair"]).0, 0);
    assert_eq!(verify(&context, &[]).0, 0);
    assert!(path.exists());
}

#[test]
fn the_help() {
    let help = TestContext::new().run(["cache", "verify", "--help"]).ok();
    let (own, _) = help.stdout.split_once("Global options:").unwrap();
    assert_snapshot!(own, @"
    Read all that is in the cache, and tell what is not what it should be

    Usage: flink-img cache verify [OPTIONS]

    Options:
          --repair  Take away what is damaged, so that the next build makes or fetches it again, and
                    close to others what is open
          --json    Print one JSON object
      -h, --help    Print help
    ");
}
