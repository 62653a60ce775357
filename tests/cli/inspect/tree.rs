//! The files of one layer.

use flink_img::oci::MediaType;
use insta::assert_snapshot;

use super::{inspect, put_foreign};
use crate::support::context::{TestContext, base_config, layer, names};
use crate::support::fixtures::{Compress, Raw, tar};
use crate::support::registry::Registry;

#[test]
fn the_files_of_a_layer_of_ours() {
    let context = TestContext::new();
    context.digest(&[]);
    // The entrypoint changes its size from time to time.
    let tree = inspect(&context, &["flink-job", "--tree", "2"]).ok().stdout;
    let paths: Vec<_> = tree
        .lines()
        .map(|line| line.split_whitespace().last().unwrap())
        .collect();
    assert_eq!(paths, ["docker-entrypoint.sh", "etc/group", "etc/passwd"]);
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "5"]), @"
    exit code: 0
    ----- stdout -----
    drwxr-xr-x  9999:0    0  opt/artifacts/
    -rw-r--r--  9999:0  318  opt/artifacts/job.jar
    drwxrwxr-x  9999:0    0  opt/flink/usrlib/
    lrwxrwxrwx  9999:0    0  opt/flink/usrlib/job.jar -> ../../artifacts/job.jar
    ");
}

#[test]
fn layers_of_every_compression_with_links_devices_and_removals() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    let tree = |layer: &str| inspect(&context, &[&name, "-q", "--tree", layer]).stdout_plain();
    assert_snapshot!(tree("1"), @"
    lrw-r--r--  1000:1000     0  bin -> usr/bin
    crw-r--r--  1000:1000     0  dev/null
    drwxr-xr-x  1000:1000     0  opt/
    hrw-r--r--  1000:1000     0  opt/copy is opt/data
    -rw-r--r--  1000:1000  3000  opt/data
    -rwsr-xr-x  1000:1000     1  usr/bin/su
    ");
    assert_snapshot!(tree("2"), @r"
    removes                   etc/*
    -rw-r--r--  1000:1000  1  etc/new\nline
    removes                   opt/data
    -rw-r--r--  1000:1000  2  日本/語
    ");
    assert_snapshot!(tree("3"), @"
    drwxr-xr-x  1000:1000  0  ./
    -rw-r--r--  1000:1000  3  absolute
    ");
    let json = inspect(&context, &[&name, "--tree", "2", "--json"]).json();
    assert_eq!(json["layer"]["number"], 2);
    assert_snapshot!(serde_json::to_string_pretty(&json["entries"]).unwrap(), @r#"
    [
      {
        "group": 1000,
        "kind": "opaque",
        "mode": "0644",
        "path": "etc",
        "size": 0,
        "target": null,
        "user": 1000
      },
      {
        "group": 1000,
        "kind": "file",
        "mode": "0644",
        "path": "etc/new\nline",
        "size": 1,
        "target": null,
        "user": 1000
      },
      {
        "group": 1000,
        "kind": "removal",
        "mode": "0644",
        "path": "opt/data",
        "size": 0,
        "target": null,
        "user": 1000
      },
      {
        "group": 1000,
        "kind": "file",
        "mode": "0644",
        "path": "日本/語",
        "size": 2,
        "target": null,
        "user": 1000
      }
    ]
    "#);
}

#[test]
fn a_layer_in_a_registry_is_fetched_alone_and_not_kept() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    let json = inspect(&context, &[&name, "--json"]).json();
    let digest = json["layers"][0]["digest"].as_str().unwrap().to_owned();
    let diff_id = json["layers"][0]["diffId"].as_str().unwrap().to_owned();
    registry.clear_requests();
    let by_number = inspect(&context, &[&name, "--tree", "1"]).ok();
    assert_eq!(
        registry.count(&format!("GET /v2/acme/other/blobs/{digest}")),
        1
    );
    assert_eq!(registry.requests().len(), 3);
    assert_eq!(names(&context.store().join("blobs/sha256")), [""; 0]);
    context.assert_nothing_kept();
    for layer in [&digest[..], &digest[7..], &digest[..20], &diff_id[7..17]] {
        let run = inspect(&context, &[&name, "--tree", layer]).ok();
        assert_eq!(run.stdout, by_number.stdout, "{layer}");
    }
}

/// Puts an image with this one layer into a registry.
fn put_layer(registry: &Registry, tar: &[u8], blob: &[u8], media_type: MediaType) -> String {
    let config = base_config("amd64", tar);
    registry.put_image("acme/odd", "1", &config, &[(media_type, blob)]);
    format!("{}/acme/odd:1", registry.address())
}

#[test]
fn layers_that_are_not_what_they_should_be_are_refused() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let plain = |entries: &[Raw]| {
        let tar = tar(entries);
        let (media_type, blob) = layer(&tar, Compress::None);
        put_layer(&registry, &tar, &blob, media_type)
    };
    let list = |name: &str| inspect(&context, &[name, "-q", "--tree", "1"]);
    let name = plain(&[
        Raw::file("a", b"x"),
        Raw::file("opt/../../etc/passwd", b"x"),
    ]);
    assert_snapshot!(list(&name), @"
    exit code: 10
    ----- stderr -----
    error: `sha256:[1]` has the entry `opt/../../etc/passwd`, whose path has a `..`
    hint: do not run this image, and tell whoever published it
    ");
    let name = plain(&[
        Raw::pax(&[("path", "a"), ("size", "7")]),
        Raw::file("b", b"x"),
    ]);
    assert_snapshot!(list(&name), @"
    exit code: 3
    ----- stderr -----
    error: The layer `sha256:[1]` of `127.0.0.1:[PORT]/acme/odd:1` cannot be read
      caused by: it has a file whose size is given twice and differs
    hint: get or build the image again
    ");
    // A tar that is not the one that the config lists.
    let (media_type, blob) = layer(&tar(&[Raw::file("a", b"x")]), Compress::Gzip);
    let name = put_layer(&registry, b"another", &blob, media_type);
    assert_snapshot!(list(&name), @"
    exit code: 8
    ----- stderr -----
    error: The layer `sha256:[1]` of `127.0.0.1:[PORT]/acme/odd:1` does not have the diff id that the config lists
    hint: get or build the image again
    ");
    let name = put_layer(&registry, b"", b"no gzip", layer(b"", Compress::Gzip).0);
    assert_snapshot!(list(&name), @"
    exit code: 3
    ----- stderr -----
    error: The layer `sha256:[1]` of `127.0.0.1:[PORT]/acme/odd:1` cannot be read
      caused by: unexpected end of file
    hint: get or build the image again
    ");
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned();
    let name = put_layer(&registry, b"", b"", foreign.into());
    assert_snapshot!(list(&name), @"
    exit code: 3
    ----- stderr -----
    error: The layer `sha256:[1]` is of the type `application/vnd.docker.image.rootfs.foreign.diff.tar.gzip`, which cannot be listed
    ");
    // It is shown all the same.
    inspect(&context, &[&name]).ok();
    // A bomb: zeros for ever.
    let zeros = tar(&[Raw::file("zeros", &vec![0; 300 << 20])]);
    let (media_type, blob) = layer(&zeros, Compress::Zstd);
    let name = put_layer(&registry, &zeros, &blob, media_type);
    assert_snapshot!(list(&name), @"
    exit code: 10
    ----- stderr -----
    error: The layer `sha256:[1]` of `127.0.0.1:[PORT]/acme/odd:1` cannot be read
      caused by: it is compressed more than 200 times, as only a decompression bomb is
    hint: do not run this image, and tell whoever published it
    ");
    context.assert_nothing_kept();
}

#[test]
fn a_damaged_layer_is_told_of_as_that() {
    let context = TestContext::new();
    context.digest(&["-o", "oci:out", "-o", "oci-archive:out.oci"]);
    let json = inspect(&context, &["oci:out", "--json"]).json();
    let layer = json["layers"][2]["digest"].as_str().unwrap();
    let path = format!("out/blobs/sha256/{}", &layer[7..]);
    let mut bytes = context.read(&path);
    let whole = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    context.write(&path, &bytes);
    assert_snapshot!(inspect(&context, &["oci:out", "--tree", "3"]), @"
    exit code: 8
    ----- stderr -----
    error: The layer `sha256:[1]` of `oci:out` does not match its digest
    hint: get or build the image again
    ");
    // The same inside an archive that was changed since its digests were remembered.
    let mut archive = context.read("out.oci");
    let place = archive
        .windows(whole.len())
        .position(|window| window == whole)
        .unwrap();
    archive[place + middle] ^= 1;
    context.write("out.oci", &archive);
    assert_snapshot!(inspect(&context, &["oci-archive:out.oci", "--tree", "3"]), @"
    exit code: 8
    ----- stderr -----
    error: The layer `sha256:[1]` of `oci-archive:out.oci` does not match its digest
    hint: get or build the image again
    ");
    // In the registry or the store likewise.
    context.digest(&[]);
    let kept = context.store().join("blobs/sha256").join(&layer[7..]);
    std::fs::write(&kept, &bytes).unwrap();
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "3"]), @"
    exit code: 8
    ----- stderr -----
    error: The layer `sha256:[1]` of `docker.io/library/flink-job` does not match its digest
    hint: get or build the image again
    ");
    std::fs::write(&kept, &bytes[1..]).unwrap();
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "3"]), @"
    exit code: 8
    ----- stderr -----
    error: A blob in `[TEMP]/home/.cache/flink-img` does not match its digest `sha256:[1]`
    hint: get or build it again
    ");
    std::fs::remove_file(&kept).unwrap();
    assert_snapshot!(inspect(&context, &["flink-job", "--tree", "3"]), @"
    exit code: 3
    ----- stderr -----
    error: `[TEMP]/home/.cache/flink-img` lacks the blob `sha256:[1]`
    hint: get or build it again
    ");
}

#[test]
fn of_an_image_in_a_folder_only_the_layer_that_is_listed_must_be_there() {
    let context = TestContext::new();
    context.digest(&["-o", "oci:out"]);
    context.digest(&[]);
    let whole = ["oci:out", "flink-job"].map(|image| inspect(&context, &[image]).ok().stdout);
    let files = inspect(&context, &["oci:out", "--tree", "5"]).ok().stdout;
    let json = inspect(&context, &["oci:out", "--json"]).json();
    let layers = json["layers"].as_array().unwrap();
    let digests: Vec<_> = layers
        .iter()
        .map(|layer| &layer["digest"].as_str().unwrap()[7..])
        .collect();
    let folders = [context.path("out"), context.store()].map(|folder| folder.join("blobs/sha256"));
    for folder in &folders {
        for digest in &digests[..4] {
            std::fs::remove_file(folder.join(digest)).unwrap();
        }
    }
    // Somebody else's layout must not have our files taken for its layers.
    let link = folders[0].join(digests[3]);
    std::os::unix::fs::symlink(folders[0].join(digests[4]), &link).unwrap();
    for (image, whole) in ["oci:out", "flink-job"].iter().zip(whole) {
        assert_eq!(inspect(&context, &[image]).ok().stdout, whole);
        assert_eq!(
            inspect(&context, &[image, "--tree", "5"]).ok().stdout,
            files
        );
    }
    assert_snapshot!(inspect(&context, &["./out", "--tree", "3"]), @"
    exit code: 3
    ----- stderr -----
    error: `./out` lacks the blob `sha256:[1]`
    hint: get or build it again
    ");
    assert_snapshot!(inspect(&context, &["oci:out", "--tree", "4"]), @"
    exit code: 10
    ----- stderr -----
    error: The blob `sha256:[1]` in `out` is a link, which may lead to any file
    hint: if you know where the layout comes from, copy it with `cp -rL`, and use the copy
    ");
}
