//! A cache that is damaged: what is said, and that the next build is right, or ends with one clear sentence.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::context::{Run, TestContext, forge_fact};
use crate::{
    RELEASE, assert_sound, blobs, build_release, build_unkept, files, largest_blob, mirror,
};

/// Cuts a file in half.
fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// The usual build, twice: the first one finds the damage and makes it good, the second one finds nothing to do.
fn assert_made_good(context: &TestContext, digest: &str) -> Run {
    let run = build_unkept(context);
    assert_eq!(run.digest(), digest);
    assert_sound(context);
    let next = build_unkept(context);
    assert_eq!(next.digest(), digest);
    assert!(!next.stderr.contains("warning"), "{next}");
    assert!(!next.stderr.contains(": made"), "{next}");
    run
}

#[test]
fn the_list_of_kept_images() {
    let context = TestContext::new();
    let digest = context.digest(&[]);
    let index = context.store().join("index.json");
    for damage in ["", "garbage", "{\"schemaVersion\":2,\"manifests\":[{\"dig"] {
        std::fs::write(&index, damage).unwrap();
        let run = context.build(&["--job-jar", "job.jar", "-q"]);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run}");
        for run in [
            run,
            context.run(["images"]),
            context.run(["push", "flink-job"]),
            context.run(["cache", "info"]),
            context.run(["cache", "prune"]),
        ] {
            assert_eq!(run.code, 3, "{run}");
            let path = index.display();
            let expected = format!(
                "error: `{path}` cannot be read, so it is not known which images were kept\n"
            );
            assert!(run.stderr.starts_with(&expected), "{run}");
            assert!(
                run.stderr.contains("\nhint: bring it back from a copy"),
                "{run}"
            );
        }
        // Who keeps nothing does not need it, and it is not written to.
        assert_eq!(build_unkept(&context).digest(), digest);
        assert_eq!(std::fs::read_to_string(&index).unwrap(), damage);
    }
    // The way out.
    std::fs::remove_file(&index).unwrap();
    assert_eq!(context.run(["images"]).ok().stdout, "");
    assert_eq!(context.digest(&[]), digest);
    assert_eq!(context.run(["images"]).ok().stdout.lines().count(), 1);
}

#[test]
fn the_marker_of_the_layout() {
    let context = TestContext::new();
    context.digest(&[]);
    std::fs::remove_file(context.store().join("oci-layout")).unwrap();
    assert_eq!(context.run(["images"]).ok().stdout.lines().count(), 1);
    assert!(context.store().join("oci-layout").is_file());
}

#[test]
fn a_kept_image() {
    let context = TestContext::new();
    let digest = context.digest(&[]);
    let manifest = context.store().join("blobs").join(digest.replace(':', "/"));
    truncate(&manifest);
    let before = blobs(&context);
    assert_snapshot!(context.run(["cache", "prune"]), @"
    exit code: 8
    ----- stderr -----
    error: The image `docker.io/library/flink-job` was kept and is damaged, so it is not known what it needs
      caused by: A blob in `[TEMP]/home/.cache/flink-img` does not match its digest `sha256:[1]`
    hint: build it again under this name
    ");
    assert_eq!(blobs(&context), before);
    assert_eq!(context.digest(&[]), digest);
    context.run(["cache", "prune"]).ok();
    assert_sound(&context);
}

#[test]
fn facts() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    let facts = files(&context.store().join("facts"));
    assert!(facts.len() >= 5);
    let right: Vec<_> = facts
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    for path in &facts {
        truncate(path);
    }
    assert_made_good(&context, &digest);
    let now: Vec<_> = facts
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert_eq!(now, right);
}

#[test]
fn a_fact_that_tells_of_another_size() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    let size = std::fs::metadata(largest_blob(&context)).unwrap().len();
    let mut changed = 0;
    for path in files(&context.store().join("facts")) {
        forge_fact(&path, |text| {
            let (right, wrong) = (format!("\"size\":{size}"), format!("\"size\":{}", size + 1));
            changed += usize::from(text.contains(&right));
            text.replace(&right, &wrong)
        });
    }
    assert_eq!(changed, 1);
    let run = assert_made_good(&context, &digest);
    let expected = format!("is not the file of {} bytes that it should be", size + 1);
    assert!(run.stderr.contains(&expected), "{run}");
}

#[test]
fn a_release() {
    let context = TestContext::new();
    let mirror = mirror(&context);
    let digest = build_release(&context, &mirror, &[]).digest();
    truncate(&context.store().join("releases").join(RELEASE));
    // Its files are known by its checksum, so nobody looks.
    let run = build_release(&context, &mirror, &[]);
    assert_eq!(run.digest(), digest);
    assert!(!run.stderr.contains("warning"), "{run}");
    // Now somebody does.
    let run = build_release(&context, &mirror, &["--no-cache"]);
    assert_eq!(run.digest(), digest);
    assert!(
        run.stderr
            .contains("does not have its checksum any more; downloading it again"),
        "{run}"
    );
    let asked = mirror.asked().len();
    let run = build_release(&context, &mirror, &[]);
    assert_eq!(run.digest(), digest);
    assert!(!run.stderr.contains("warning"), "{run}");
    let more = mirror.asked().split_off(asked);
    assert!(!more.iter().any(|path| path.ends_with(RELEASE)), "{more:?}");
}

#[test]
fn blobs_cut_or_changed() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    let path = largest_blob(&context);
    truncate(&path);
    let run = assert_made_good(&context, &digest);
    let name = path.display();
    let expected = format!("warning: `{name}` is not the file of ");
    assert!(run.stderr.contains(&expected), "{run}");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let run = assert_made_good(&context, &digest);
    assert!(
        run.stderr
            .contains(&format!("warning: `{name}` is damaged")),
        "{run}"
    );
}

#[test]
fn a_folder_in_the_place_of_a_blob() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    for path in blobs(&context) {
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("inside"), b"nothing").unwrap();
    }
    let run = assert_made_good(&context, &digest);
    assert!(run.stderr.contains("is not the file of "), "{run}");
    // One that is not needed any more can be pruned.
    let path = context.store().join("blobs/sha256").join("0".repeat(64));
    std::fs::create_dir(&path).unwrap();
    context.run(["cache", "prune"]).ok();
    assert!(!path.exists());
}

#[test]
fn folders_that_are_gone() {
    let context = TestContext::new();
    let digest = build_unkept(&context).digest();
    for folder in ["tmp", "facts", "releases", "blobs"] {
        std::fs::remove_dir_all(context.store().join(folder)).unwrap();
        assert_made_good(&context, &digest);
        context.run(["cache", "info"]).ok();
    }
}

#[test]
fn folders_that_cannot_be_written_to() {
    let mut context = TestContext::new();
    context.become_nobody();
    let cache = context.path("cache");
    context.set("FLINK_IMG_CACHE_DIR", &cache);
    let digest = build_unkept(&context).digest();
    let allow = |name: &str, mode: u32| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(cache.join(name), mode).unwrap();
    };
    // Without facts a build is slow, no more.
    std::fs::remove_dir_all(cache.join("facts")).unwrap();
    std::fs::create_dir(cache.join("facts")).unwrap();
    allow("facts", 0o555);
    assert_eq!(build_unkept(&context).digest(), digest);
    assert_eq!(
        files(&cache.join("facts")),
        Vec::<std::path::PathBuf>::new()
    );

    allow("tmp", 0o555);
    std::fs::remove_file(context.path("image.tar")).unwrap();
    assert_snapshot!(build_unkept(&context), @"
    exit code: 9
    ----- stderr -----
    error: Failed to create a file in `[WORK]/cache/tmp`
      caused by: Permission denied (os error 13)
    hint: name a folder that can be written with `--cache-dir` or `-o`
    ");
    assert!(!context.has("image.tar"));
    allow("tmp", 0o700);
    allow("blobs/sha256", 0o555);
    assert_eq!(build_unkept(&context).code, 9);
    allow("blobs/sha256", 0o700);
    assert_eq!(build_unkept(&context).digest(), digest);
}
