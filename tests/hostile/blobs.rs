//! Blobs that are not what they are said to be: other bytes, more of them, too many, or somebody else's.

use std::path::Path;

use serde_json::json;

use super::documents::changed;
use super::*;

#[test]
fn cve_2014_8179_bytes_are_checked_before_they_are_read() {
    let registry = registry(Auth::Open);
    // Neither JSON nor gzip, and as long as promised.
    for fault in [vec![b'{'; 275], b"\x1f\x8b\xff".to_vec()] {
        registry.on_request(move |request| {
            let hit = request.path.contains("/blobs/");
            hit.then(|| Fault::WrongBytes(fault.clone()))
        });
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 8, &["Failed to pull"]);
        assert!(!run.stderr.contains("JSON"), "{run}");
    }
}

/// go-containerregistry 2303: a blob that goes on behind its end, or ends before it.
#[test]
fn ggcr_2303_blobs_are_read_to_their_end() {
    let registry = registry(Auth::Open);
    let tar = base(JAVA_17);
    let (_, layer) = layer(&tar, Compress::Gzip);
    let longer = [&layer[..], b"and more"].concat();
    for (bytes, words) in [
        (longer, "There are more than the expected"),
        // What is missing is asked for, and answered with all of it once more.
        (
            layer[..layer.len() - 1].to_vec(),
            "There are more than the expected",
        ),
    ] {
        let of_layer = format!("/blobs/{}", Digest::of(&layer));
        registry.on_request(move |request| {
            let hit = request.path.ends_with(&of_layer);
            hit.then(|| Fault::WrongBytes(bytes.clone()))
        });
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 8, &[words]);
    }
}

/// go-containerregistry 2296 and oci-client kept in memory whatever was sent.
#[test]
fn ggcr_2296_manifests_and_configs_end_at_4_mib() {
    const HUGE: usize = 64 << 20;
    let registry = registry(Auth::Open);
    registry.fail(
        "GET /v2/acme/base/manifests/",
        99,
        Fault::WrongBytes(vec![b' '; HUGE]),
    );
    let context = TestContext::new();
    let base = format!("{}/acme/base:1", registry.address());
    let run = build_on(&context, &base, &[]);
    assert_refused(
        &context,
        &run,
        3,
        &["The document is larger than 4194304 bytes"],
    );
    let sent = registry.traffic().sent;
    assert!(sent < HUGE / 2, "{sent} bytes were taken");
    // A config that is said to be so large is not even asked for.
    registry.on_request(|_| None);
    changed(&registry, |manifest| {
        manifest["config"]["size"] = json!(1_u64 << 40);
    });
    let run = build_on(&context, &base, &[]);
    assert_refused(
        &context,
        &run,
        3,
        &["The document is larger than 4194304 bytes"],
    );
    assert_eq!(registry.count("GET /v2/acme/base/blobs/"), 0);
}

/// go-containerregistry 2306: a layout whose blobs are links to files of whoever reads it.
#[test]
fn ggcr_2306_blobs_of_a_layout_are_no_links() {
    let context = TestContext::new();
    put_layout(&context, |_| {});
    let blobs = context.path("base/blobs/sha256");
    let kept = context.root().join("secret");
    let all = crate::support::context::names(&blobs);
    assert_eq!(all.len(), 3, "manifest, config and layer");
    for blob in all {
        let path = blobs.join(&blob);
        std::fs::rename(&path, &kept).unwrap();
        // Even when it leads to the right bytes: whoever made the layout may know them, and want to know who has them.
        for target in [kept.as_path(), Path::new("../../../../secret")] {
            std::os::unix::fs::symlink(target, &path).unwrap();
            assert!(path.is_file(), "it leads to the bytes");
            let run = build_on(&context, "oci:base", &[]);
            let words = ["is a link, which may lead to any file"];
            assert_refused(&context, &run, 10, &words);
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::rename(&kept, &path).unwrap();
    }
    build_on(&context, "oci:base", &[]).ok();
}
