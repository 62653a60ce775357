//! `cache info`, what marks a thing as used, and who may read it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use insta::assert_snapshot;

use crate::support::context::{JAVA_17, TestContext, base, base_config, layer, names};
use crate::support::fixtures::Compress;
use crate::support::registry::Registry;
use crate::support::workshop::settle;
use crate::{DAY, HOUR, RELEASE, age, blobs, build_release, build_unkept, files, mirror};

#[test]
fn an_empty_cache() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["cache", "info"]), @"
    exit code: 0
    ----- stdout -----
    [TEMP]/home/.cache/flink-img
         number  bytes  oldest use  last use
    all       0    0 B
    ");
}

#[test]
fn info_tells_how_much_there_is_of_what() {
    let context = TestContext::new();
    let mirror = mirror(&context);
    build_release(&context, &mirror, &[]).ok();
    context.write("job.jar", context.read("job.jar"));
    let kept = blobs(&context).len();
    // A base of its own, so that there is a layer that no kept image has.
    let mut base = crate::support::context::base_entries(crate::support::context::JAVA_17);
    base.push(crate::support::fixtures::Raw::file("etc/more", b"more"));
    context.write("base.tar", crate::support::fixtures::tar(&base));
    build_unkept(&context).ok();
    std::fs::write(context.store().join("tmp/left"), b"12345").unwrap();
    let old = &blobs(&context)[0];
    age(old, 3 * DAY);

    let info = context.run(["cache", "info", "--json"]).json();
    assert_eq!(info["path"], context.store().to_str().unwrap());
    assert_eq!(info["kept"]["count"], kept);
    assert_eq!(info["blobs"]["count"], blobs(&context).len() - kept);
    assert!(info["blobs"]["count"].as_u64().unwrap() > 0);
    assert_eq!(info["releases"]["count"], 1);
    let releases = files(&context.store().join("releases"));
    assert_eq!(info["releases"]["bytes"], crate::total(&releases));
    for kind in names(&context.store().join("facts")) {
        let facts = files(&context.store().join("facts").join(&kind));
        assert_eq!(info["facts"][&kind]["count"], facts.len(), "{kind}");
    }
    assert_eq!(info["unfinished"]["count"], 1);
    assert_eq!(info["unfinished"]["bytes"], 5);
    let all = ["blobs", "releases", "facts", "tmp"]
        .map(|folder| crate::total(&files(&context.store().join(folder))));
    assert_eq!(info["total"]["bytes"], all.iter().sum::<u64>());
    assert!(info["total"]["oldestUse"].as_str() < info["total"]["lastUse"].as_str());

    let table = context.run(["cache", "info"]).stdout_plain();
    for title in [
        "blobs of kept images",
        "other blobs",
        "releases",
        "facts: layer",
    ] {
        assert!(table.contains(&format!("\n{title}  ")), "{table}");
    }
}

/// When each file of the store was changed, in content or otherwise.
fn times(context: &TestContext) -> Vec<(PathBuf, [i64; 4])> {
    files(&context.store())
        .into_iter()
        .map(|path| {
            let found = std::fs::metadata(&path).unwrap();
            let changed = [found.ctime(), found.ctime_nsec()];
            let modified = [found.mtime(), found.mtime_nsec()];
            (path, [changed, modified].concat().try_into().unwrap())
        })
        .collect()
}

fn is_recent(path: &Path) -> bool {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    SystemTime::now().duration_since(modified).unwrap() < HOUR
}

#[test]
fn what_is_used_is_marked_and_a_build_that_changes_nothing_writes_nothing() {
    let context = TestContext::new();
    // What is younger is read again, and noted then.
    settle(&context.work());
    build_unkept(&context).ok();
    let unused = context.store().join("facts/layer/unused.fact");
    std::fs::write(&unused, b"{}").unwrap();
    let facts = files(&context.store().join("facts"));
    for path in blobs(&context).iter().chain(&facts) {
        age(path, 2 * HOUR);
    }
    build_unkept(&context).ok();
    for path in blobs(&context) {
        assert!(is_recent(&path), "{}", path.display());
    }
    for path in files(&context.store().join("facts/layer")) {
        assert_eq!(is_recent(&path), path != unused, "{}", path.display());
    }
    let before = times(&context);
    build_unkept(&context).ok();
    assert_eq!(times(&context), before);
}

/// All folders of the store, and the store itself.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let inside = names(folder).into_iter().map(|name| folder.join(name));
    let inside = inside.filter(|path| path.is_dir());
    let mut found: Vec<_> = inside.flat_map(|path| folders(&path)).collect();
    found.push(folder.to_owned());
    found
}

/// Puts the usual base into a registry, and names it.
fn put_base(registry: &Registry) -> String {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
    format!("{}/acme/base:1", registry.address())
}

#[test]
fn a_store_is_its_owners_business_whatever_the_umask() {
    for umask in ["umask 000", "umask 022", "umask 077"] {
        let mut context = TestContext::new();
        context.first(umask);
        let mirror = mirror(&context);
        let registry = Registry::start();
        let name = format!("{}/acme/job:1", registry.address());
        let base = put_base(&registry);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let store = context.store();
        let assert_private = |after: &str| {
            for path in files(&store) {
                assert_eq!(mode(&path), 0o600, "{umask}, {after}: {}", path.display());
            }
            for path in folders(&store) {
                assert_eq!(mode(&path), 0o700, "{umask}, {after}: {}", path.display());
            }
        };
        build_release(&context, &mirror, &[]).ok();
        assert!(store.join("releases").join(RELEASE).is_file());
        assert_private("a release");
        let from = ["--from-archive", "flink.tgz", "-t", name.as_str()];
        let kept = ["build", "--base", base.as_str()].into_iter().chain(from);
        context.run(kept.clone()).ok();
        assert_private("a base that was pulled");
        context.run(["push", name.as_str()]).ok();
        context.run(kept.chain(["--push", "-o", "oci:out"])).ok();
        assert_private("a push");
        context.run(["cache", "prune", "--max-size", "1kB"]).ok();
        assert_private("a prune");
        context.run(["cache", "verify", "--repair"]).ok();
        context.run(["cache", "prune"]).ok();
        assert_private("a second prune");
        build_release(&context, &mirror, &[]).ok();
        assert_private("a second build");
        // What is made for others is as open as the user wishes.
        let open = 0o777 & !u32::from_str_radix(&umask[6..], 8).unwrap();
        assert_eq!(mode(&context.path("out")), open, "{umask}");
    }
}

#[test]
fn an_image_that_is_kept_once_more_is_not_written_once_more() {
    let context = TestContext::new();
    settle(&context.work());
    for _ in 0..2 {
        context.digest(&[]);
    }
    let before = times(&context);
    let digest = context.digest(&[]);
    assert_eq!(times(&context), before);
    // Another name for it changes the index, and nothing else.
    let renamed = context.build(&["--job-jar", "job.jar", "-t", "acme/other"]);
    assert_eq!(renamed.digest(), digest);
    let changed: Vec<_> = times(&context)
        .into_iter()
        .filter(|file| !before.contains(file))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, [context.store().join("index.json")]);
}

#[test]
fn files_that_cannot_be_marked_are_used_all_the_same() {
    let mut context = TestContext::new();
    context.become_nobody();
    let first = build_unkept(&context).digest();
    for path in files(&context.store().join("facts")) {
        age(&path, 2 * DAY);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
        // Somebody else's, if this test may make it so.
        let _ = std::os::unix::fs::chown(&path, Some(0), Some(0));
    }
    let second = build_unkept(&context);
    assert_eq!(second.digest(), first);
    assert!(!second.stderr.contains(": made"), "{second}");
    assert!(!second.stderr.contains("warning"), "{second}");
}
