//! Scripts, which are never run.

use std::io::Read as _;

use flink_img::base::alpine::Notice;

use crate::scene::{added, tar_of, text_of};
use crate::support::alpine::{File, KEY, Package, gzip, identity, tar_of as tar};

fn notices(layer: &flink_img::base::alpine::PackagesLayer) -> Vec<String> {
    layer.notices.iter().map(Notice::to_string).collect()
}

/// Names and texts of the scripts in `scripts.tar`.
fn scripts(bytes: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o755);
        (entry.path().unwrap().display().to_string(), text)
    });
    entries.collect()
}

/// The bytes of a file in a layer.
fn bytes_of(layer: &flink_img::base::alpine::PackagesLayer, path: &str) -> Vec<u8> {
    let tar = tar_of(layer);
    let mut archive = tar::Archive::new(&tar[..]);
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut entry = entries
        .find(|entry| entry.path().unwrap().to_str() == Some(path))
        .unwrap();
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn a_script_that_is_not_run_is_told_and_kept() {
    let made = Package::new("a", "1")
        .field("triggers", "/usr/share/a /usr/share/a/*")
        .script("pre-install", "#!/bin/sh\naddgroup -S a\n")
        .script("post-upgrade", "#!/bin/sh\nrm -rf /var/a\n")
        .script("trigger", "#!/bin/sh\nmake-cache \"$@\"\n")
        .make(&KEY);
    let id = identity(&made.segments[1]);
    let layer = added(&[], &[made]).unwrap();
    assert_eq!(
        notices(&layer),
        [
            "The `pre-install` script of the package `a-1` was not run",
            "The `trigger` script of the package `a-1` was not run",
        ]
    );
    let kept = |script: &str, text: &str| (format!("a-1.{id}.{script}"), text.to_owned());
    assert_eq!(
        scripts(&bytes_of(&layer, "lib/apk/db/scripts.tar")),
        [
            kept("pre-install", "#!/bin/sh\naddgroup -S a\n"),
            kept("post-upgrade", "#!/bin/sh\nrm -rf /var/a\n"),
            kept("trigger", "#!/bin/sh\nmake-cache \"$@\"\n"),
        ]
    );
    let triggers = text_of(&layer, "lib/apk/db/triggers").unwrap();
    assert_eq!(triggers, format!("{id} /usr/share/a /usr/share/a/*\n"));
    // With a mark of a script that failed, `apk add` would fail in every image built upon this one.
    let installed = text_of(&layer, "lib/apk/db/installed").unwrap();
    assert!(installed.ends_with("c:0a1b\n\n"), "{installed}");
}

pub(crate) fn a_script_that_nobody_misses_is_not_told() {
    let bash = Package::new("bash", "1")
        .script("post-install", "#!/bin/sh\nadd-shell '/bin/bash'\n")
        .script("pre-deinstall", "#!/bin/sh\nremove-shell '/bin/bash'\n");
    let certificates = Package::new("ca-certificates", "1")
        .field("triggers", "/usr/share/ca-certificates")
        .script("trigger", "#!/bin/sh\nupdate-ca-certificates --fresh\n");
    let hook = Package::new("java-cacerts", "1")
        .file("etc/ca-certificates/update.d/", File::folder())
        .file(
            "etc/ca-certificates/update.d/java",
            File::program(b"#!/bin/sh\n"),
        );
    let made = [bash.make(&KEY), certificates.make(&KEY)];
    let layer = added(&[], &made).unwrap();
    assert_eq!(notices(&layer), [""; 0]);
    assert_eq!(
        scripts(&bytes_of(&layer, "lib/apk/db/scripts.tar")).len(),
        3
    );
    // A package that wants to hear of certificates would be forgotten.
    let layer = added(&[], &[made[1].clone(), hook.make(&KEY)]).unwrap();
    assert_eq!(
        notices(&layer),
        ["The `trigger` script of the package `ca-certificates-1` was not run"]
    );
}

/// A base with triggers: of BusyBox, and of musl, whose script this is.
fn with_triggers(text: &str) -> [(&'static str, File); 2] {
    let (musl, busybox) = (
        "Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Q1BAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    let script = |text: &str| File::program(text.as_bytes());
    let names = [
        format!("busybox-1.36.1-r2.{busybox}.trigger"),
        format!("musl-1.2.5-r0.{musl}.trigger"),
    ];
    let scripts = tar(&[
        (&names[0], script("busybox --install -s\n")),
        (&names[1], script(text)),
    ]);
    let triggers = format!("{busybox} /bin /usr/bin\n{musl} /usr/share/*/cache\n");
    [
        ("lib/apk/db/scripts.tar", File::plain(&scripts)),
        ("lib/apk/db/triggers", File::plain(triggers.as_bytes())),
    ]
}

pub(crate) fn triggers_of_the_base_are_told_when_they_would_have_run() {
    let with = |path| {
        Package::new("a", "1")
            .file(path, File::plain(b"x"))
            .make(&KEY)
    };
    let told = "The `trigger` script of the package `musl-1.2.5-r0` was not run";
    for (script, path, expected) in [
        ("ldconfig\n", "usr/share/a/cache/x", &[told][..]),
        ("ldconfig\n", "usr/share/a/x", &[]),
        ("ldconfig\n", "usr/bin/x", &[]),
        ("exit 0\n", "usr/share/a/cache/x", &[]),
    ] {
        let layer = added(&with_triggers(script), &[with(path)]).unwrap();
        assert_eq!(notices(&layer), expected);
        // A package without scripts leaves those of the base alone.
        assert!(text_of(&layer, "lib/apk/db/triggers").is_none());
        assert!(
            layer
                .entries
                .iter()
                .all(|entry| entry.path.as_str() != "lib/apk/db/scripts.tar")
        );
    }
}

pub(crate) fn scripts_of_apk_3_stay_packed() {
    let [(_, scripts_tar), triggers] = with_triggers("exit 0\n");
    let packed = gzip(&scripts_tar.bytes, flate2::Compression::best());
    let made = Package::new("a", "1")
        .field("triggers", "/x")
        .script("trigger", "#!/bin/sh\n")
        .make(&KEY);
    let layer = added(
        &[
            ("lib/apk/db/scripts.tar.gz", File::plain(&packed)),
            triggers,
        ],
        &[made],
    )
    .unwrap();
    let mut unpacked = Vec::new();
    let packed = bytes_of(&layer, "lib/apk/db/scripts.tar.gz");
    flate2::read::MultiGzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    let names: Vec<_> = scripts(&unpacked)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), 3);
    assert!(
        names[0].starts_with("busybox-") && names[2].starts_with("a-1."),
        "{names:?}"
    );
    assert_eq!(
        text_of(&layer, "lib/apk/db/triggers")
            .unwrap()
            .lines()
            .count(),
        3
    );
    assert_eq!(notices(&layer), [""; 0]);
}
