//! `cache prune`: what goes and what stays.

use insta::assert_snapshot;

use crate::support::context::TestContext;
use crate::{
    DAY, RELEASE, age, assert_sound, blobs, build_release, build_unkept, files, largest_blob,
    mirror, total,
};

#[test]
fn without_options_only_what_kept_images_need_stays() {
    let context = TestContext::new();
    let mirror = mirror(&context);
    let digest = build_release(&context, &mirror, &[]).digest();
    let kept = blobs(&context);
    context
        .build(&["--job-artifacts", "base.tar", "-o", "oci:other"])
        .ok();
    let store = context.store();
    std::fs::write(store.join("tmp/left"), b"left").unwrap();
    std::fs::create_dir(store.join("tmp/folder")).unwrap();
    std::fs::write(store.join("tmp/folder/left"), b"left").unwrap();
    for folder in ["", "blobs/sha256", "facts/layer", "releases"] {
        std::fs::write(store.join(folder).join(".flink-img-a1b2c3"), b"left").unwrap();
    }
    let facts = files(&store.join("facts/base"));
    let strange = store.join("blobs/sha256/notes.txt");
    std::fs::write(&strange, b"not a blob").unwrap();
    let more = blobs(&context).len() - kept.len() - 2;
    assert!(more > 0);

    let would = context
        .run(["cache", "prune", "--dry-run", "--json"])
        .json();
    assert_eq!(would["dryRun"], true);
    assert_eq!(would["removed"]["blobs"]["count"], more);
    assert!(store.join("tmp/left").exists());
    let pruned = context.run(["cache", "prune", "--json"]).json();
    assert_eq!(pruned["removed"], would["removed"]);
    assert_eq!(pruned["removed"]["releases"]["count"], 1);
    assert_eq!(pruned["removed"]["unfinished"]["count"], 6);
    assert_eq!(pruned["removed"]["facts"]["count"], 0);

    // What is no blob by its name is nobody's to remove.
    std::fs::remove_file(&strange).unwrap();
    assert_eq!(blobs(&context), kept);
    assert_eq!(pruned["kept"], total(&kept));
    assert_eq!(
        files(&store.join("releases")),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(files(&store.join("facts/base")), facts);
    assert_sound(&context);
    assert_snapshot!(context.run(["images"]).stdout_plain(), @"docker.io/library/flink-job sha256:[1]");
    assert_eq!(build_release(&context, &mirror, &[]).digest(), digest);
}

#[test]
fn an_age_takes_what_was_not_used_for_so_long() {
    let context = TestContext::new();
    let mirror = mirror(&context);
    build_release(&context, &mirror, &[]).ok();
    let kept = blobs(&context);
    build_unkept(&context).ok();
    context
        .build(&["--job-artifacts", "base.tar", "-o", "oci:other"])
        .ok();
    let mut old = Vec::new();
    let more = blobs(&context)
        .into_iter()
        .find(|path| !kept.contains(path));
    old.extend(more);
    old.extend(files(&context.store().join("facts/layer")).pop());
    for path in &kept {
        age(path, 9 * DAY);
    }
    for path in &old {
        age(path, 8 * DAY);
    }
    let everything = files(&context.store());
    let run = context.run(["cache", "prune", "--older-than", "9d"]).ok();
    assert!(
        run.stdout
            .starts_with("Freed 0 B: there was nothing to remove; "),
        "{run}"
    );
    assert_eq!(files(&context.store()), everything);
    let run = context.run(["cache", "prune", "--older-than", "7d"]).ok();
    assert!(run.stdout.contains(": 1 blob, 1 fact; "), "{run}");
    let mut expected = everything;
    expected.retain(|path| !old.contains(path));
    assert_eq!(files(&context.store()), expected);

    age(&context.store().join("releases").join(RELEASE), 8 * DAY);
    let run = context.run(["cache", "prune", "--older-than", "1w"]).ok();
    // Its checksum came with it, but is not as old.
    assert!(run.stdout.contains("there was nothing to remove"), "{run}");
}

#[test]
fn a_size_takes_what_was_used_least_recently() {
    let context = TestContext::new();
    build_unkept(&context).ok();
    let all = ["blobs", "facts"].map(|folder| files(&context.store().join(folder)));
    let all = all.concat();
    let oldest = largest_blob(&context);
    for path in &all {
        age(path, if *path == oldest { 3 * DAY } else { DAY });
    }
    let size = total(&all);
    let limit = |bytes: u64| {
        let run = context.run(["cache", "prune", "--max-size", &bytes.to_string(), "--json"]);
        run.json()["removed"]["blobs"]["count"].as_u64().unwrap()
    };
    assert_eq!(limit(size), 0);
    assert!(oldest.exists());
    assert_eq!(limit(size - 1), 1);
    assert!(!oldest.exists());
    assert_eq!(files(&context.store().join("blobs")).len() + 1, {
        all.iter()
            .filter(|path| path.starts_with(context.store().join("blobs")))
            .count()
    });
    context.run(["cache", "prune", "--max-size", "0"]).ok();
    assert!(blobs(&context).is_empty());
    assert!(files(&context.store().join("facts")).is_empty());
}

#[test]
fn kept_images_stay_though_they_are_too_large() {
    let context = TestContext::new();
    context.digest(&[]);
    let kept = blobs(&context);
    let run = context.run(["cache", "prune", "--max-size", "1kB"]).ok();
    assert!(
        run.stderr
            .starts_with("warning: the images that were kept need "),
        "{run}"
    );
    assert_eq!(blobs(&context), kept);
}

#[test]
fn the_help() {
    let help = TestContext::new().run(["cache", "prune", "--help"]).ok();
    let (own, _) = help.stdout.split_once("Global options:").unwrap();
    assert_snapshot!(own, @"
    Remove what no image needs that was kept; without a limit, all of that

    Usage: flink-img cache prune [OPTIONS]

    Options:
          --max-size <SIZE>        Remove what was used least recently, until the cache is no larger
                                   than this: 500MB, 2GiB
          --older-than <DURATION>  Remove what was not used for so long: 30m, 12h, 7d, 2w
          --dry-run                Remove nothing, and say what would be removed
          --json                   Print one JSON object
      -h, --help                   Print help
    ");
}

#[test]
fn words_that_make_no_sense() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["cache", "prune", "--max-size", "much"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'much' for '--max-size <SIZE>': expected a size, as `500MB`, `1.5GB`, `2GiB` or a number of bytes

    For more information, try '--help'.
    ");
    assert_snapshot!(context.run(["cache", "prune", "--older-than", "1 month"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value '1 month' for '--older-than <DURATION>': expected a duration, as `30m`, `12h`, `7d` or `2w`

    For more information, try '--help'.
    ");
}
