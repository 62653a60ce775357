//! What is believed: signatures, checksums, and nothing else.

use flink_img::base::alpine::{Keys, Repository};
use flink_img::error::{Explain as _, Kind};

use crate::scene::{Scene, added, dependencies, tar_of, told};
use crate::support::alpine::{
    File, KEY, Key, Made, OTHER_KEY, Package, base, gzip, index, repository, tar_of as tar,
};
use crate::support::files::FileServer;

fn package() -> Package {
    Package::new("a", "1")
        .file("usr/bin/", File::folder())
        .file("usr/bin/a", File::program(b"the program"))
}

/// The index of these packages with these signatures.
fn signed(packages: &[Made], signatures: &[(&Key, &str)]) -> Vec<u8> {
    let index = index(packages);
    let segments = signatures
        .iter()
        .map(|(key, algorithm)| key.sign(algorithm, &index));
    segments.chain([index.clone()]).collect::<Vec<_>>().concat()
}

/// What becomes of the package in a repository of these bytes.
fn outcome(index: Vec<u8>, package: Vec<u8>) -> String {
    let scene = Scene::new(&base(&[]));
    let files = [
        ("/x86_64/APKINDEX.tar.gz", index),
        ("/x86_64/a-1.apk", package),
    ];
    let files = files.map(|(path, bytes)| (path.to_owned(), bytes)).into();
    let folder = scene.folder_of(&files);
    let shown = folder.to_string();
    match scene.add(&folder, "a") {
        Ok(layer) => {
            assert!(!tar_of(&layer).is_empty());
            "added".to_owned()
        }
        Err(error) => {
            let blobs = std::fs::read_dir(scene.path("store/blobs/sha256"))
                .unwrap()
                .count();
            assert_eq!(blobs, 1, "something was kept beside the base");
            assert!(
                matches!(error.kind(), Kind::Integrity | Kind::Input),
                "{error:?}"
            );
            told(&error).replace(&shown, "REPOSITORY")
        }
    }
}

pub(crate) fn only_trusted_keys_count() {
    let made = package().make(&KEY);
    let of = |signatures: &[(&Key, &str)]| {
        outcome(
            signed(std::slice::from_ref(&made), signatures),
            made.bytes(),
        )
    };
    for (signatures, expected) in [
        (&[(&*KEY, "RSA")][..], "added"),
        (&[(&*KEY, "RSA256")], "added"),
        (&[(&*KEY, "RSA512")], "added"),
        (&[(&*OTHER_KEY, "RSA256"), (&*KEY, "RSA256")], "added"),
        (
            &[(&*OTHER_KEY, "RSA")],
            "The index of `REPOSITORY` is signed with `test@example.com-2.rsa.pub`, which is not among the trusted keys",
        ),
        (
            &[(&*KEY, "DSA")],
            "The index of `REPOSITORY` is signed with `test@example.com-1.rsa.pub`, which is not among the trusted keys",
        ),
        (&[], "The index of `REPOSITORY` is not signed"),
    ] {
        assert_eq!(of(signatures), expected);
    }
    // A name that would be a line of its own where messages are read by machines.
    let forged = Key::new("a\n::error::b");
    let expected = "The index of `REPOSITORY` is signed with `a\\n::error::b`, which is not among the trusted keys";
    assert_eq!(of(&[(&forged, "RSA")]), expected);

    // A key of the same name is another key.
    let namesake = Key::new(&KEY.name);
    let expected =
        "The index of `REPOSITORY` does not match its signature by `test@example.com-1.rsa.pub`";
    assert_eq!(of(&[(&namesake, "RSA")]), expected);

    // The package by itself.
    for (bytes, expected) in [
        (
            package().make(&OTHER_KEY),
            "The package `a-1` is signed with `test@example.com-2.rsa.pub`, which is not among the trusted keys",
        ),
        (
            package().make(&namesake),
            "The package `a-1` does not match its signature by `test@example.com-1.rsa.pub`",
        ),
    ] {
        let index = signed(std::slice::from_ref(&bytes), &[(&*KEY, "RSA")]);
        assert_eq!(outcome(index, bytes.bytes()), expected);
    }
    let mut unsigned = made.clone();
    let length = unsigned.segments[0].len();
    unsigned.segments[0].clear();
    let size: usize = unsigned.segments.iter().map(Vec::len).sum();
    unsigned.stanza = unsigned
        .stanza
        .replace(&format!("S:{}", size + length), &format!("S:{size}"));
    let index = signed(std::slice::from_ref(&unsigned), &[(&*KEY, "RSA")]);
    assert_eq!(
        outcome(index, unsigned.bytes()),
        "The package `a-1` is not signed"
    );

    // A key that is given counts as one of the base; a file that is none is named.
    let mut keys = Keys::default();
    assert!(keys.is_empty());
    let error = keys.insert("key.pem", b"no key").unwrap_err();
    assert_eq!(
        told(&error),
        "The key `key.pem` is no public key in PEM form"
    );
    keys.insert(&OTHER_KEY.name, &OTHER_KEY.public()).unwrap();
    let scene = Scene::new(&base(&[]));
    let made = package().make(&OTHER_KEY);
    let repository = scene.repository(std::slice::from_ref(&made));
    let selection = scene.choose(&repository, "a").unwrap();
    scene.layer_with(&repository, &selection, &keys).unwrap();

    // Of two keys of one name, each counts, whichever was trusted first.
    for (first, second) in [(&*KEY, &namesake), (&namesake, &*KEY)] {
        let mut keys = Keys::default();
        keys.insert(&first.name, &first.public()).unwrap();
        let mut more = Keys::default();
        more.insert(&second.name, &second.public()).unwrap();
        keys.extend(more);
        let scene = Scene::new(&base(&[]));
        let repository = scene.repository(&[package().make(&KEY)]);
        let selection = scene.choose_with(&repository, "a", &keys).unwrap();
        scene.layer_with(&repository, &selection, &keys).unwrap();
    }
}

pub(crate) fn a_changed_byte_is_found_wherever_it_is() {
    let made = package().make(&KEY);
    let index = signed(std::slice::from_ref(&made), &[(&*KEY, "RSA")]);
    assert_eq!(outcome(index.clone(), made.bytes()), "added");
    let signature = made.segments[0].len();
    let control = signature + made.segments[1].len();
    // Every byte of the package decides something, but for those of gzip's header and of tar's padding before what is signed.
    for place in (0..made.bytes().len()).step_by(31) {
        let mut bytes = made.bytes();
        bytes[place] ^= 1;
        let told = outcome(index.clone(), bytes);
        let expected: &[&str] = if place >= control {
            &[
                "The package `a-1` does not have the checksum of its files",
                "The package `a-1` cannot be read",
                "The file",
            ]
        } else if place >= signature {
            &[
                "The package `a-1` does not have the checksum that the index says",
                "The package `a-1` cannot be read",
            ]
        } else {
            &["The package `a-1`", "added"]
        };
        assert!(
            expected.iter().any(|text| told.starts_with(text)),
            "byte {place}: {told}"
        );
    }
    let signature = index.len() - self::index(std::slice::from_ref(&made)).len();
    for place in (signature..index.len()).step_by(29) {
        let mut bytes = index.clone();
        bytes[place] ^= 1;
        let told = outcome(bytes, made.bytes());
        let expected = "The index of `REPOSITORY` does not match its signature by `test@example.com-1.rsa.pub`";
        assert_eq!(told, expected, "byte {place}");
    }
    for length in [0, 10, signature, index.len() - 1] {
        assert!(
            outcome(index[..length].to_vec(), made.bytes())
                .starts_with("The index of `REPOSITORY`"),
            "{length}"
        );
    }
    for length in [
        0,
        10,
        made.segments[0].len(),
        control,
        made.bytes().len() - 1,
    ] {
        let told = outcome(index.clone(), made.bytes()[..length].to_vec());
        assert_eq!(
            told, "The package `a-1` does not have the size that the index says",
            "{length}"
        );
    }
}

pub(crate) fn what_no_package_may_have_is_refused() {
    let file = || File::plain(b"x");
    let capabilities = File {
        records: vec![("SCHILY.xattr.security.capability", vec![1])],
        ..file()
    };
    let other_sum = File {
        checksum: Some("00".repeat(20)),
        ..file()
    };
    let special = |kind| File { kind, ..file() };
    for (path, file, expected) in [
        (
            "/usr/x",
            file(),
            "The package `a-1` has the file `/usr/x`, whose path is absolute",
        ),
        (
            "usr/../../x",
            file(),
            "The package `a-1` has a file that cannot be in an image: `usr/../../x` is not a path inside an image: it has a `..`",
        ),
        (
            "usr/a\nR:b",
            file(),
            "The package `a-1` has the file `usr/a\\nR:b`, whose name has a control character",
        ),
        (
            "usr/.wh.x",
            file(),
            "The package `a-1` has the file `usr/.wh.x`, whose name means a removal in an image",
        ),
        (
            "usr/.wh..wh..opq",
            file(),
            "The package `a-1` has the file `usr/.wh..wh..opq`, whose name means a removal in an image",
        ),
        (
            "usr/x",
            special(b'3'),
            "The package `a-1` has the file `usr/x`, which is a device or a pipe",
        ),
        (
            "usr/x",
            special(b'6'),
            "The package `a-1` has the file `usr/x`, which is a device or a pipe",
        ),
        (
            "usr/x",
            File::link(""),
            "The package `a-1` has the file `usr/x`, a link to nothing",
        ),
        (
            "usr/x",
            File::hard_link("etc/passwd"),
            "The package `a-1` has the file `usr/x`, a hard link to what is no file before it in the package",
        ),
        (
            "usr/x",
            capabilities,
            "The package `a-1` has the file `usr/x`, which has extended attributes, and layers are made without them",
        ),
        (
            "usr/x",
            other_sum,
            "The file `usr/x` in the package `a-1` does not match its checksum",
        ),
        (
            "usr/y",
            File::plain(b"2"),
            "The package `a-1` has the file `usr/y`, which is there twice",
        ),
    ] {
        let twice = Package::new("a", "1")
            .file("usr/", File::folder())
            .file("usr/y", self::File::plain(b"1"));
        let made = twice.file(path, file).make(&KEY);
        assert_eq!(told(&added(&[], &[made]).unwrap_err()), expected);
    }

    // What the package says of itself.
    let good = package().make(&KEY);
    for (info, expected) in [
        (
            "pkgname = b\npkgver = 1\ndatahash = ",
            "The package `a-1` does not have the name and version that the index says",
        ),
        (
            "pkgname = a\npkgver = 2\ndatahash = ",
            "The package `a-1` does not have the name and version that the index says",
        ),
        (
            "pkgname = a\npkgver = 1\nhash = ",
            "The package `a-1` cannot be read: a package has no checksum of its files",
        ),
        (
            "pkgname = a\npkgver = 1\nsize = x\ndatahash = ",
            "The package `a-1` cannot be read: `x` is not a number",
        ),
        (
            "pkgname = ../a\npkgver = 1\ndatahash = ",
            "The package `a-1` cannot be read: `../a` is not the name of a package",
        ),
    ] {
        let info = format!("{info}{}\n", "0".repeat(64));
        let made = package().sealed(&KEY, &info, good.segments[2].clone());
        assert_eq!(told(&added(&[], &[made]).unwrap_err()), expected);
    }

    // A few kilobytes that would be gigabytes.
    let bomb = tar(&[("usr/zeros", File::plain(&vec![0; 270 << 20]))]);
    let bomb = gzip(&bomb, flate2::Compression::best());
    for (size, expected) in [
        (
            270 << 20,
            "The package `a-1` cannot be read: it is compressed more than 200 times, as only a decompression bomb is",
        ),
        (
            100 << 20,
            "The package `a-1` has the file `usr/zeros`, with which it has far more bytes than it says",
        ),
    ] {
        let hash = "0".repeat(64);
        let info = format!("pkgname = a\npkgver = 1\nsize = {size}\ndatahash = {hash}\n");
        let made = package().sealed(&KEY, &info, bomb.clone());
        assert_eq!(told(&added(&[], &[made]).unwrap_err()), expected);
    }

    // The folder of apk's own database, also behind a link of the base.
    for (path, real) in [
        ("lib/apk/db/installed", "lib/apk/db/installed"),
        ("srv/db/x", "lib/apk/db/x"),
    ] {
        let link = ("srv/db", File::link("/lib/apk/db"));
        let made = package().file(path, File::plain(b"x")).make(&KEY);
        let expected = format!(
            "The package `a-1` has the file `{real}`, which is in the folder of apk's own database"
        );
        assert_eq!(told(&added(&[link], &[made]).unwrap_err()), expected);
    }
}

pub(crate) fn a_repository_that_lacks_something_is_named() {
    let scene = Scene::new(&base(&[]));
    let mut files = repository(&[package().make(&KEY)], &KEY);
    files.remove("/x86_64/a-1.apk");
    let server = FileServer::start(files);
    let here: Repository = server.url().parse().unwrap();
    let error = scene.add(&here, "a").unwrap_err();
    let expected = format!(
        "Failed to get `a-1.apk` from the repository `{here}`: the server does not have it"
    );
    assert_eq!((told(&error), error.kind()), (expected, Kind::NotFound));
    let elsewhere: Repository = format!("{here}/elsewhere").parse().unwrap();
    let error = scene.add(&elsewhere, "a").unwrap_err();
    let expected = format!(
        "Failed to get `APKINDEX.tar.gz` from the repository `{elsewhere}`: the server does not have it"
    );
    assert_eq!(told(&error), expected);
    let error = scene.add(&here, "b").unwrap_err();
    assert_eq!(
        told(&error),
        "No repository has `b`, which the request needs"
    );
    // The password of a repository is nowhere.
    let secret: Repository = "http://me:secret@127.0.0.1:1/x".parse().unwrap();
    let text = told(&scene.add(&secret, "a").unwrap_err());
    assert!(
        text.starts_with(
            "Failed to get `APKINDEX.tar.gz` from the repository `http://127.0.0.1:1/x`"
        ),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    let folder = Repository::Folder(scene.path("nowhere"));
    assert_eq!(scene.add(&folder, "a").unwrap_err().kind(), Kind::Input);
}

pub(crate) fn a_base_without_apk_is_named() {
    let scene = Scene::new(&tar(&[(
        "etc/passwd",
        File::plain(b"root:x:0:0::/:/bin/sh\n"),
    )]));
    let error = scene.system().unwrap_err();
    let expected = "The base `rootfs:base.tar` has no packages of apk: there is no `/lib/apk/db/installed` in it";
    assert_eq!(
        (told(&error), error.kind()),
        (expected.to_owned(), Kind::Incompatible)
    );
    for (path, file, expected) in [
        (
            "lib/apk/db/installed",
            File::plain(b"P:a\nV:1/2\n\n"),
            "`/lib/apk/db/installed` in the base cannot be read as apk would: `1/2` is not a version of a package",
        ),
        (
            "lib/apk/db/installed",
            File::plain(b"\xff"),
            "`/lib/apk/db/installed` in the base is no plain text file",
        ),
        (
            "lib/apk/db/installed",
            File::plain(&vec![b'a'; 9 << 20]),
            "`/lib/apk/db/installed` in the base is no plain text file",
        ),
        (
            "etc/apk/world",
            File::plain(b"a=\n"),
            "`/etc/apk/world` in the base cannot be read as apk would: `` is not a version of a package",
        ),
    ] {
        let scene = Scene::new(&base(&[(path, file)]));
        assert_eq!(told(&scene.system().unwrap_err()), expected);
    }
    for arch in ["../../x", "x86_64?token", "X"] {
        let scene = Scene::new(&base(&[("etc/apk/arch", File::plain(arch.as_bytes()))]));
        let error = scene.system().unwrap().arch().unwrap_err();
        assert_eq!(
            told(&error),
            "`/etc/apk/arch` in the base is no plain text file"
        );
    }
    let scene = Scene::new(&base(&[("etc/apk/arch", File::plain(b""))]));
    let system = scene.system().unwrap();
    assert_eq!(system.arch().unwrap(), "x86_64");
    assert_eq!(
        system.packages().unwrap(),
        ["musl-1.2.5-r0", "busybox-1.36.1-r2"]
    );
    assert_eq!(
        system.repositories().unwrap(),
        [Repository::Url("https://example.com/main".to_owned())]
    );
    assert_eq!(dependencies("a b").len(), 2);
}
