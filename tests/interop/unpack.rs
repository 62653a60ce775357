//! umoci unpacks the image, and finds what the plan says: no more, no less.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flink_img::oci::Digest;
use serde_json::Value;

use crate::support::workshop::{TAG, Workshop, built, succeed};
use crate::{at, json, umoci};

/// 1980-01-01T00:00:01Z
const MODIFIED: i64 = 315_532_801;
/// These two are the base's, with a line more.
const CHANGED: [&str; 2] = ["etc/group", "etc/passwd"];

#[test]
fn an_unpacked_image_is_the_base_and_the_plan() {
    let workshop = Workshop::new();
    let plan = json(&succeed(workshop.build().arg("--dry-run")).stdout);
    built(
        workshop
            .build()
            .args(["-o", "oci:layout", "-t", &format!("job:{TAG}")]),
    );
    let bundle = workshop.path("bundle");
    let image = format!("{}:{TAG}", workshop.path("layout").display());
    succeed(umoci(&["unpack", "--rootless", "--image", &image]).arg(&bundle));
    let root = bundle.join("rootfs");

    let mut planned = BTreeMap::new();
    for layer in plan["layers"].as_array().unwrap() {
        for entry in layer["entries"].as_array().unwrap() {
            let path = entry["path"].as_str().unwrap().to_owned();
            assert_planned(&root, &path, entry);
            // A folder may come once a layer, and must then be the same.
            if let Some(other) = planned.insert(path, entry.clone()) {
                assert_eq!(other, *entry);
                assert!(entry.get("directory").is_some(), "{entry}");
            }
        }
    }
    for path in [
        "docker-entrypoint.sh",
        "opt/artifacts/data.bin",
        "opt/artifacts/job.jar",
        "opt/flink/bin/jobmanager.sh",
        "opt/flink/lib/flink-dist-1.20.5.jar",
        "opt/flink/usrlib/job.jar",
    ] {
        assert!(planned.contains_key(path), "{path} is not planned");
    }

    let base = base_files(&workshop.path("base.tar"));
    for path in walk(&root) {
        let known = planned.contains_key(&path) || base.contains_key(&path);
        assert!(known, "{path} is neither planned nor the base's");
    }
    for (path, (mode, modified, bytes)) in &base {
        let place = root.join(path);
        let metadata = place.symlink_metadata().unwrap();
        if let Some(bytes) = bytes {
            let found = std::fs::read(&place).unwrap();
            if CHANGED.contains(&path.as_str()) {
                let added = found.strip_prefix(&bytes[..]).unwrap();
                assert!(added.starts_with(b"flink:x:9999:"), "{path}");
                continue;
            }
            assert!(
                !planned.contains_key(path),
                "{path} of the base is replaced"
            );
            assert_eq!(found, *bytes, "{path}");
        }
        if !metadata.is_symlink() {
            assert_eq!(metadata.permissions().mode() & 0o7777, *mode, "{path}");
        }
        // umoci restores the time of a folder as it was before it put something into it, where a layer says nothing.
        if !metadata.is_dir() {
            assert_eq!(metadata.mtime(), *modified, "{path}");
        }
    }
}

fn assert_planned(root: &Path, path: &str, entry: &Value) {
    let place = root.join(path);
    let metadata = place
        .symlink_metadata()
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(metadata.mtime(), MODIFIED, "{path}");
    assert_eq!(metadata.mtime_nsec(), 0, "{path}");
    if let Some(target) = entry.get("symlink") {
        let found = std::fs::read_link(&place).unwrap();
        assert_eq!(found, PathBuf::from(target.as_str().unwrap()), "{path}");
        return;
    }
    let mode = u32::from_str_radix(entry["mode"].as_str().unwrap(), 8).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
    if let Some(file) = entry.get("file") {
        assert!(metadata.is_file(), "{path}");
        assert_eq!(file["size"], metadata.len(), "{path}");
        let digest = Digest::of(&std::fs::read(&place).unwrap()).to_string();
        assert_eq!(file["digest"], digest, "{path}");
    } else {
        assert!(entry.get("directory").is_some(), "{entry}");
        assert!(metadata.is_dir(), "{path}");
    }
}

/// Mode, time and content of what the base has.
fn base_files(tar: &Path) -> BTreeMap<String, (u32, i64, Option<Vec<u8>>)> {
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(std::fs::File::open(tar).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let header = entry.header().clone();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let value = (
            header.mode().unwrap(),
            i64::try_from(header.mtime().unwrap()).unwrap(),
            header.entry_type().is_file().then_some(bytes),
        );
        files.insert(path.trim_end_matches('/').to_owned(), value);
    }
    files
}

/// Every path below `root`.
fn walk(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            paths.push(
                path.strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
    paths
}

#[test]
fn umoci_sees_the_history_of_every_layer() {
    let workshop = Workshop::new();
    built(
        workshop
            .build()
            .args(["-o", "oci:layout", "-t", &format!("job:{TAG}")]),
    );
    let image = format!("{}:{TAG}", workshop.path("layout").display());
    let stat = json(&succeed(&mut umoci(&["stat", "--json", "--image", &image])).stdout);
    let history = stat["history"].as_array().unwrap();
    let layers: Vec<_> = history
        .iter()
        .filter(|entry| entry["empty_layer"] != true)
        .collect();
    assert!(layers.len() > 3);
    for entry in layers {
        assert!(entry["layer"]["digest"].is_string(), "{entry}");
    }
    let source = at("oci", &workshop.path("layout"));
    assert!(!crate::inspect(&format!("{source}:{TAG}"), &[]).is_empty());
}
