//! A lock that somebody edited, or put together of two: what it says is held against what its digests stand for.

use insta::assert_snapshot;

use super::{Wanted, forget};
use crate::rebuild::World;
use crate::support::context::TestContext;
use crate::support::registry::Registry;

/// The lock of the test.
const LOCK: &str = "flink-img.lock";

/// The lock with other words in the place of the first of these.
fn edited(lock: &str, from: &str, to: &str) -> String {
    let changed = lock.replacen(from, to, 1);
    assert_ne!(changed, lock, "{from}");
    changed
}

#[test]
fn facts_of_a_base_that_its_manifest_does_not_bear_out_are_refused() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    wanted.lock().ok();
    let good = String::from_utf8(context.read(LOCK)).unwrap();
    let layers = good.find("[[platform.base.layer]]").unwrap();
    let place = layers + good[layers..].find("\ndigest = \"sha256:").unwrap() + 18;
    let other_layer = format!(
        "{}{}{}",
        &good[..place],
        "0".repeat(64),
        &good[place + 64..]
    );
    for (bad, told) in [
        (other_layer, "The base's layer 1 for linux/amd64 was"),
        (
            edited(&good, "\"PATH=", "\"PATH=/evil:"),
            "The content of the base's config for linux/amd64 was",
        ),
        (
            edited(&good, "java-version = \"17", "java-version = \"18"),
            "The version of Java for linux/amd64 was `18",
        ),
    ] {
        for is_known in [true, false] {
            if !is_known {
                forget(&context);
            }
            context.write(LOCK, &bad);
            let run = wanted.build(&["-o", "oci:a"]);
            assert_eq!(run.code, 4, "{run}");
            assert!(run.stderr.contains(told), "{told}: {run}");
            let check = wanted.run(&["lock", "--check"]);
            assert_eq!(check.code, 4, "{check}");
            assert!(check.stdout.contains(told), "{told}: {check}");
        }
    }
    assert!(!context.has("a"));
}

#[test]
fn a_recipe_that_is_not_locked_is_told_by_both() {
    let context = TestContext::new();
    let words = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    let wanted = Wanted::new(&context, &words);
    wanted.lock().ok();
    let good = String::from_utf8(context.read(LOCK)).unwrap();
    let place = good.find("\nrecipe = \"sha256:").unwrap() + 18;
    context.write(
        LOCK,
        format!(
            "{}{}{}",
            &good[..place],
            "0".repeat(64),
            &good[place + 64..]
        ),
    );
    let told = "The recipe of the layer `user flink, entrypoint` was `sha256:0000";
    let check = wanted.run(&["lock", "--check"]);
    assert_eq!(check.code, 4, "{check}");
    assert!(check.stdout.contains(told), "{check}");
    let run = wanted.build(&["-o", "oci:a"]);
    assert!(run.code == 4 && run.stderr.contains(told), "{run}");
}

#[test]
fn a_lock_that_contradicts_itself_is_none() {
    let (world, context) = (World::new(), TestContext::new());
    let wanted = Wanted::on(&world, &context, "acme/base:1").with(&["--flink-version", "1.20.5"]);
    wanted.lock().ok();
    let good = String::from_utf8(context.read(LOCK)).unwrap();
    let first = good.find("[[layer]]").unwrap();
    let second = first + 1 + good[first + 1..].find("[[layer]]").unwrap();
    let platform = good.find("[[platform]]").unwrap();
    for (bad, told) in [
        (
            format!("{good}\n{}", &good[first..second]),
            "contradicts itself: it has the recipe of a layer twice",
        ),
        (
            format!("{good}\n{}", &good[platform..first]),
            "it has a platform twice",
        ),
        (
            edited(&good, "sha512 = \"", "sha512 = \"zz"),
            "does not hold a SHA-512 checksum",
        ),
        (
            edited(&good, "release = \"", "# release = \""),
            "of `release` and `sha512` it has one without the other",
        ),
    ] {
        context.write(LOCK, bad);
        let run = wanted.digest();
        assert_eq!(run.code, 3, "{run}");
        assert!(run.stderr.contains(told), "{told}: {run}");
    }
}

#[test]
fn a_file_that_is_no_lock_is_not_written_over() {
    let context = TestContext::new();
    let words = ["--base", "rootfs:base.tar", "--from-archive", "flink.tgz"];
    let wanted = Wanted::new(&context, &words);
    let jar = context.read("job.jar");
    assert_snapshot!(wanted.run(&["lock", "--lock-file", "job.jar"]), @"
    exit code: 2
    ----- stderr -----
    error: `job.jar` is there, and is no lock that this program wrote
    hint: name another file with `--lock-file`, or remove it
    ");
    assert_eq!(context.read("job.jar"), jar);
    // What was a lock once is written anew, and a link leads to the same file as before.
    wanted.lock().ok();
    let good = context.read(LOCK);
    context.write(LOCK, [&good[..], b"<<<<<<< HEAD\n"].concat());
    std::os::unix::fs::symlink(LOCK, context.path("link.lock")).unwrap();
    wanted.run(&["lock", "--lock-file", "link.lock"]).ok();
    assert_eq!(context.read(LOCK), good);
    assert!(context.path("link.lock").is_symlink());
}

#[test]
fn some_of_the_locked_platforms_may_be_built_on_a_base_with_digests() {
    let (registry, context) = (Registry::start(), TestContext::new());
    let digests = ["amd64", "arm64"].map(|architecture| {
        let tar = crate::support::context::base(crate::support::context::JAVA_17);
        let gzip = crate::support::fixtures::Compress::Gzip;
        let (media_type, bytes) = crate::support::context::layer(&tar, gzip);
        let config = crate::support::context::base_config(architecture, &tar);
        let blobs = [(media_type, &bytes[..])];
        let digest = registry.put_image("acme/jre", architecture, &config, &blobs);
        format!("\"linux/{architecture}\" = \"{digest}\"\n")
    });
    std::fs::create_dir(context.path("bases")).unwrap();
    let describe = |digests: &[String]| {
        context.write(
            "bases/acme-jre17.toml",
            format!(
                "name = \"acme-jre17\"\nreference = \"{}/acme/jre:17\"\njava = 17\nlibc = \"glibc\"\n\
                 platforms = [\"linux/amd64\", \"linux/arm64\"]\n[digests]\n{}",
                registry.address(),
                digests.concat()
            ),
        );
    };
    describe(&digests);
    let words = ["--base-catalogue", "bases", "--base", "acme-jre17"];
    let wanted = Wanted::new(&context, &words).with(&["--from-archive", "flink.tgz"]);
    let both = wanted.with(&["--platform", "linux/amd64,linux/arm64"]);
    both.lock().ok();
    both.build(&["-o", "oci:both"]).ok();
    let one = wanted.with(&["--platform", "linux/arm64"]);
    assert_eq!(
        one.build(&["-o", "oci:one"]).ok().digest(),
        one.digest().ok().stdout.trim()
    );
    // The lock itself is as it was written for both, and is told to be for more than is asked for now.
    let check = one.run(&["lock", "--check"]);
    assert!(
        check.stdout.contains("The base for linux/amd64 was"),
        "{check}"
    );
    // Another digest in the catalogue is another base.
    describe(&[digests[1].replace("arm64", "amd64"), digests[1].clone()]);
    let run = both.build(&["-o", "oci:other"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("The base for linux/amd64 was"), "{run}");
}
