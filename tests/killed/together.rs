//! Builds at the same time, in one cache or into one layout.

use std::process::Stdio;

use crate::assert_store_is_right;
use crate::support::registry::Registry;
use crate::support::workshop::{Files, Workshop, built, succeed};

#[test]
fn two_builds_at_once_in_one_cache_are_both_right() {
    let workshop = Workshop::new();
    let registry = Registry::start();
    let alone = built(workshop.build().args(["-o", "oci-archive:alone.tar"]));
    for round in 0..5 {
        std::fs::remove_dir_all(workshop.path("cache")).unwrap();
        let children: Vec<_> = (0..2)
            .map(|number| {
                let mut build = workshop.build();
                build
                    .args(["--push", "-t"])
                    .arg(format!("{}/acme/job-{number}:{round}", registry.address()))
                    .args(["-o", &format!("oci-archive:{number}-{round}.tar")])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for (number, child) in children.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let stdout = String::from_utf8(output.stdout).unwrap();
            let digest = alone["digest"].as_str().unwrap();
            assert!(stdout.trim_end().ends_with(digest), "{stdout} {digest}");
            let archive = workshop.path(&format!("{number}-{round}.tar"));
            assert_eq!(Files::in_archive(&archive).digest(), digest);
        }
        assert_store_is_right(&workshop.path("cache"));
    }
}

#[test]
fn builds_that_write_into_one_layout_at_once_all_keep_their_names() {
    let workshop = Workshop::new();
    for round in 0..4 {
        let layout = workshop.path(&format!("layout-{}", round / 2));
        // The first round makes the layout, the second adds to it.
        let children: Vec<_> = (0..4)
            .map(|number| {
                let mut build = workshop.build();
                build
                    // So that each image has a config and a manifest of its own.
                    .env("SOURCE_DATE_EPOCH", format!("{round}{number}"))
                    .args(["--quiet", "-t", &format!("acme/job:{round}-{number}")])
                    .args(["-o", &format!("oci:{}", layout.display())])
                    .stdout(Stdio::null())
                    .stderr(Stdio::inherit());
                build.spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let files = Files::in_folder(&layout);
        let index = files.json("index.json");
        let images = index["manifests"].as_array().unwrap();
        assert_eq!(images.len(), 4 + 4 * (round % 2), "{index}");
        for image in images {
            let manifest = files.blob(image);
            let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
            let layers = manifest["layers"].as_array().unwrap();
            for descriptor in layers.iter().chain([&manifest["config"]]) {
                files.blob(descriptor);
            }
        }
    }
}

#[test]
fn two_builds_that_are_kept_at_once_are_both_kept() {
    let workshop = Workshop::new();
    let children: Vec<_> = (0..4)
        .map(|number| {
            let mut build = workshop.build();
            build
                .args(["-t", &format!("acme/job:{number}")])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            build.spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let output = succeed(workshop.program().arg("images"));
    let images = String::from_utf8(output.stdout).unwrap();
    assert_eq!(images.lines().count(), 4, "{images}");
}
