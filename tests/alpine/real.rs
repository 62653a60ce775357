//! What Alpine itself has published: two indexes, a package, and an image.

use std::path::{Path, PathBuf};

use flink_img::base::BaseSource;
use flink_img::base::alpine::{Index, Keys, Notice, Repository, Selection, Version, choose};
use flink_img::oci::Digest;

use crate::scene::{Scene, dependencies, labels, paths, text_of, told};
use crate::support::alpine::{File, KEY, Package, base};
use crate::support::parts::folder;

/// The indexes, the architecture and the key of each.
const INDEXES: [(&str, &str, &str); 2] = [
    (
        "v3.16-APKINDEX.tar.gz",
        "x86_64",
        "alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub",
    ),
    (
        "v3.17-APKINDEX.tar.gz",
        "aarch64",
        "alpine-devel@lists.alpinelinux.org-616ae350.rsa.pub",
    ),
];

/// Where the parts of Alpine are, if they were gathered.
pub(crate) fn parts() -> Option<PathBuf> {
    let path = folder().join("alpine");
    path.exists().then_some(path)
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(parts().unwrap().join(name)).unwrap()
}

fn repository() -> Repository {
    Repository::Folder("alpine".into())
}

fn keys(name: &str) -> Keys {
    let mut keys = Keys::default();
    keys.insert(name, &read(name)).unwrap();
    keys
}

/// The image of Alpine, as `docker save` wrote it.
fn scene() -> Scene {
    let image = parts().unwrap().join("alpine.tar");
    Scene::on(
        tempfile::TempDir::new().unwrap(),
        BaseSource::DockerArchive(image, None),
    )
}

pub(crate) fn the_indexes_of_alpine_are_signed_and_all_of_them_is_read() {
    for (name, arch, key) in INDEXES {
        let bytes = read(name);
        let index = Index::read(&repository(), arch, &bytes, &keys(key)).unwrap();
        // As many as there are to somebody who only counts lines.
        let text = apkindex(&bytes);
        assert_eq!(
            index.len(),
            text.lines().filter(|line| line.starts_with("P:")).count()
        );
        assert!(index.len() > 4000, "{name}");
        // No version is there that the order does not know; it is the same from both sides.
        let versions: Vec<Version> = text
            .lines()
            .filter_map(|line| line.strip_prefix("V:"))
            .map(|version| version.parse().unwrap())
            .collect();
        for pair in versions.windows(2) {
            assert_eq!(
                pair[0].compare(&pair[1]),
                pair[1].compare(&pair[0]).reverse()
            );
        }
        for other in INDEXES
            .map(|(_, _, key)| key)
            .into_iter()
            .filter(|other| *other != key)
        {
            let error = Index::read(&repository(), arch, &bytes, &keys(other)).unwrap_err();
            let expected = format!(
                "The index of `alpine` is signed with `{key}`, which is not among the trusted keys"
            );
            assert_eq!(told(&error), expected);
        }
    }
}

/// The text of an index, whatever vouches for it.
fn apkindex(bytes: &[u8]) -> String {
    use std::io::Read as _;
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(bytes));
    archive.set_ignore_zeros(true);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap() == Path::new("APKINDEX") {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            return text;
        }
    }
    panic!("there is no index");
}

pub(crate) fn a_changed_byte_in_an_index_of_alpine_is_found() {
    let (name, arch, key) = INDEXES[0];
    let bytes = read(name);
    for place in [1000, 5000, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        let error = Index::read(&repository(), arch, &changed, &keys(key)).unwrap_err();
        let expected = format!("The index of `alpine` does not match its signature by `{key}`");
        assert_eq!(told(&error), expected);
    }
}

pub(crate) fn a_choice_from_alpine_is_the_one_that_apk_makes() {
    let (name, arch, _) = INDEXES[0];
    let scene = scene();
    let system = scene.system().unwrap();
    // The key comes with the image.
    let index = Index::read(&repository(), arch, &read(name), &system.keys().unwrap()).unwrap();
    // What `apk add --simulate` of apk-tools 3.0.6 says for the same image and index.
    for (wanted, expected) in [
        (
            "bash",
            "bash-5.1.16-r2 ncurses-libs-6.3_p20220521-r0 ncurses-terminfo-base-6.3_p20220521-r0 readline-8.1.2-r0",
        ),
        (
            "git docs",
            "brotli-libs-1.0.9-r6 ca-certificates-20220614-r0 ca-certificates-doc-20220614-r0 docs-0.2-r3 expat-2.5.0-r0 \
             expat-doc-2.5.0-r0 git-2.36.3-r0 git-doc-2.36.3-r0 libcrypto1.1-1.1.1s-r0 libcurl-7.83.1-r4 \
             libssl1.1-1.1.1s-r0 mandoc-1.14.6-r1 mandoc-doc-1.14.6-r1 nghttp2-libs-1.47.0-r0 pcre2-10.40-r0 \
             pcre2-doc-10.40-r0",
        ),
        (
            "python3",
            "expat-2.5.0-r0 gdbm-1.23-r0 libbz2-1.0.8-r1 libcrypto1.1-1.1.1s-r0 libffi-3.4.2-r1 \
             libgcc-11.2.1_git20220219-r2 libssl1.1-1.1.1s-r0 libstdc++-11.2.1_git20220219-r2 mpdecimal-2.5.1-r1 \
             ncurses-libs-6.3_p20220521-r0 ncurses-terminfo-base-6.3_p20220521-r0 python3-3.10.8-r0 readline-8.1.2-r0 \
             sqlite-libs-3.38.5-r0 xz-libs-5.2.5-r1",
        ),
        (
            "cmd:jq so:libpng16.so.16",
            "jq-1.6-r1 libpng-1.6.37-r1 oniguruma-6.9.8-r0",
        ),
        ("busybox", ""),
    ] {
        let chosen = choose(&system, std::slice::from_ref(&index), &dependencies(wanted)).unwrap();
        assert_eq!(labels(&chosen).join(" "), expected, "{wanted}");
    }
    let error = choose(&system, &[index], &dependencies("gcompat")).unwrap_err();
    assert_eq!(
        told(&error),
        "No repository has `gcompat`, which the request needs"
    );
}

pub(crate) fn a_package_of_alpine_is_right_from_signature_to_file() {
    const FILE: &str = "alpine-baselayout-3.2.0-r23.apk";
    let (_, arch, key) = INDEXES[1];
    let scene = Scene::new(&base(&[(
        "etc/crontabs/root",
        File::plain(b"the base's own"),
    )]));
    let repository = scene.folder_of(&[(format!("/{arch}/{FILE}"), read(FILE))].into());
    let keys = keys(key);
    // As a lock file has it; its index is not at hand.
    let selection: Selection = serde_json::from_value(serde_json::json!({
        "wanted": ["alpine-baselayout"],
        "packages": [{
            "name": "alpine-baselayout",
            "version": "3.2.0-r23",
            "arch": arch,
            "checksum": "Q1LLq2qDNrS/qRnhxQ3hsY/sHbQnc=",
            "size": 11012,
            "installed-size": 339_968,
            "repository": repository,
        }],
    }))
    .unwrap();
    let layer = scene.layer_with(&repository, &selection, &keys).unwrap();
    assert_eq!(
        layer
            .notices
            .iter()
            .map(Notice::to_string)
            .collect::<Vec<_>>(),
        [
            "The `pre-install` script of the package `alpine-baselayout-3.2.0-r23` was not run",
            "The `post-install` script of the package `alpine-baselayout-3.2.0-r23` was not run",
            "The base's own `/etc/crontabs/root` stays; the package `alpine-baselayout-3.2.0-r23` has another",
        ]
    );
    let paths = paths(&layer);
    for (path, is_there) in [
        ("var/empty", true),
        ("var/run", true),
        ("sbin/mkmntdirs", true),
        ("etc/crontabs/root", false),
        ("tmp", false),
        ("usr/lib", false),
    ] {
        assert_eq!(paths.iter().any(|found| found == path), is_there, "{path}");
    }
    let text = text_of(&layer, "lib/apk/db/installed").unwrap();
    // Lines of apk's own for the same files, in the database of an image of Alpine.
    for lines in [
        "F:root\nM:0:0:700\n",
        "F:tmp\nM:0:0:1777\n",
        "F:var/spool/cron\nR:crontabs\na:0:0:777\nZ:Q1OFZt+ZMp7j0Gny0rqSKuWJyqYmA=\n",
        "F:var\nR:run\na:0:0:777\nZ:Q11/SNZz/8cK2dSKK+cJpVrZIuF4Q=\n",
    ] {
        assert!(text.contains(lines), "{lines}{text}");
    }
}

pub(crate) fn an_image_of_alpine_is_read_as_apk_does() {
    let scene = scene();
    let system = scene.system().unwrap();
    assert_eq!(system.arch().unwrap(), "x86_64");
    assert_eq!(
        system.packages().unwrap(),
        [
            "alpine-baselayout-3.6.5-r0",
            "alpine-baselayout-data-3.6.5-r0",
            "alpine-keys-2.4-r1",
            "apk-tools-2.14.4-r0",
            "busybox-1.36.1-r29",
            "busybox-binsh-1.36.1-r29",
            "ca-certificates-bundle-20240705-r0",
            "libcrypto3-3.3.1-r3",
            "libssl3-3.3.1-r3",
            "musl-1.2.5-r0",
            "musl-utils-1.2.5-r0",
            "scanelf-1.3.7-r2",
            "ssl_client-1.36.1-r29",
            "zlib-1.3.1-r1",
        ]
    );
    let own = system.repositories().unwrap();
    assert!(
        own[0].to_string().ends_with("/alpine/v3.20/main"),
        "{own:?}"
    );
    assert_eq!(scene.base().facts.missing, ["bash"]);

    // What is there stays byte for byte; the package comes behind it.
    let made = Package::new("bash", "5.2.26-r0")
        .field("depend", "/bin/sh so:libc.musl-x86_64.so.1")
        .script("post-install", "#!/bin/sh\nadd-shell '/bin/bash'\n")
        .script("pre-install", "#!/bin/sh\naddgroup -S bash\n")
        .file("bin/", File::folder())
        .file("bin/bash", File::program(b"#!/bin/sh\necho bash\n"))
        .file("bin/grep", File::program(b"#!/bin/sh\necho grep\n"))
        .file("usr/", File::folder())
        .file("usr/share/", File::folder())
        .file("usr/share/bash/", File::folder().mode(0o750))
        .file("usr/share/bash/a", File::plain(b"a"))
        .file("usr/share/bash/b", File::hard_link("usr/share/bash/a"))
        .file("usr/share/bash/c", File::link("a"))
        .make(&KEY);
    let repository = scene.repository(&[made]);
    let mut keys = Keys::default();
    keys.insert(&KEY.name, &KEY.public()).unwrap();
    let selection = scene.choose_with(&repository, "bash", &keys).unwrap();
    let layer = scene.layer_with(&repository, &selection, &keys).unwrap();
    let notice = "The `pre-install` script of the package `bash-5.2.26-r0` was not run";
    assert_eq!(
        layer
            .notices
            .iter()
            .map(Notice::to_string)
            .collect::<Vec<_>>(),
        [notice]
    );
    assert!(layer.facts.missing.is_empty());
    assert_eq!(
        paths(&layer),
        [
            "bin/bash",
            "bin/grep",
            "usr/share/bash",
            "usr/share/bash/a",
            "usr/share/bash/b",
            "usr/share/bash/c"
        ]
    );
    let text = text_of(&layer, "lib/apk/db/installed").unwrap();
    let (before, entry) = text.split_at(text.rfind("C:Q1").unwrap());
    assert!(entry.contains("\nP:bash\n"));
    let of_image = "116bfa344fd7b5a05f261da93808e16938a9608e542e042647868e3d3d34102c";
    assert_eq!(Digest::of(before.as_bytes()).hex(), of_image);
    let world = text_of(&layer, "etc/apk/world").unwrap();
    assert_eq!(
        world,
        "alpine-baselayout\nalpine-keys\napk-tools\nbash\nbusybox\nlibc-utils\n"
    );
}
