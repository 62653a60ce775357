//! The way from what is asked for to a layer.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use flink_img::base::BaseSource;
use flink_img::base::alpine::{Notice, Repository, Selection, packages_key};
use flink_img::layer::Compression;
use flink_img::oci::{BlobSource, Config, Descriptor, DiffId, Digest, Image, Layer, Platform};
use flink_img::store::Output;
use tempfile::TempDir;

use crate::scene::{Scene, dependencies, labels, listed, tar_of, text_of, told};
use crate::support::alpine::{
    self, File, INSTALLED, KEY, Made, Package, base, identity, repository, unpack,
};
use crate::support::context::layer;
use crate::support::files::FileServer;
use crate::support::fixtures::Compress;

/// How an image is written, and how it is named as a base.
type Form = (fn(PathBuf) -> Output, fn(PathBuf) -> BaseSource);

/// A shell, the library that it needs, and the data of that.
fn packages() -> Vec<Made> {
    vec![
        Package::new("bash", "5.2.37-r0")
            .field("depend", "/bin/sh")
            .field("depend", "so:libreadline.so.8")
            .field("provides", "cmd:bash=5.2.37-r0")
            .script("post-install", "#!/bin/sh\nadd-shell '/bin/bash'\n")
            .file("bin/", File::folder())
            .file("bin/bash", File::program(b"the shell"))
            .make(&KEY),
        Package::new("readline", "8.2.13-r0")
            .field("depend", "so:libc.musl-x86_64.so.1 readline-data")
            .field("provides", "so:libreadline.so.8=8.2")
            .field("replaces", "readline-old>1")
            .field("replaces_priority", "2")
            .file("usr/", File::folder())
            .file("usr/lib/", File::folder())
            .file("usr/lib/libreadline.so.8", File::link("libreadline.so.8.2"))
            .file("usr/lib/libreadline.so.8.2", File::program(b"the library"))
            .make(&KEY),
        Package::new("readline-data", "1")
            .field("install_if", "docs readline")
            .field("provider_priority", "7")
            .file("usr/", File::folder())
            .file("usr/share/", File::folder())
            .file(
                "usr/share/readline/",
                File::folder().mode(0o2750).owner(3, 4),
            )
            .file(
                "usr/share/readline/a",
                File::plain(b"data").mode(0o640).owner(3, 4),
            )
            .file(
                "usr/share/readline/b",
                File::hard_link("usr/share/readline/a"),
            )
            .file("usr/share/readline/su", File::program(b"su").mode(0o4755))
            .make(&KEY),
    ]
}

/// The entry of a package, and the lines behind those that all have.
fn entry(made: &Made, lines: &str) -> String {
    let stanza = &made.stanza;
    let (before, after) = stanza.split_once("\nI:1\n").unwrap();
    let size = match made.name.split_once('-').unwrap() {
        ("bash", _) => 9,
        (_, "data-1.apk") => 6 + "usr/share/readline/a".len(),
        _ => 11 + "libreadline.so.8.2".len(),
    };
    format!("{before}\nI:{size}\n{after}{lines}\n")
}

pub(crate) fn packages_and_what_they_need_become_a_layer() {
    let scene = Scene::new(&base(&[]));
    let packages = packages();
    let server = FileServer::start(repository(&packages, &KEY));
    let repository: Repository = server.url().parse().unwrap();
    let selection = scene.choose(&repository, "bash").unwrap();
    let expected = ["bash-5.2.37-r0", "readline-8.2.13-r0", "readline-data-1"];
    assert_eq!(labels(&selection), expected);
    let layer = scene.layer(&repository, &selection).unwrap();
    assert_eq!(layer.notices, []);
    assert_eq!(
        listed(&layer),
        [
            "- 0755 0:0 bin/bash",
            "- 0644 0:0 etc/apk/world",
            "- 0644 0:0 lib/apk/db/installed",
            "- 0644 0:0 lib/apk/db/scripts.tar",
            "l 0777 0:0 usr/lib/libreadline.so.8 -> libreadline.so.8.2",
            "- 0755 0:0 usr/lib/libreadline.so.8.2",
            "d 0755 0:0 usr/share/",
            "d 2750 3:4 usr/share/readline/",
            "- 0640 3:4 usr/share/readline/a",
            "h 0640 3:4 usr/share/readline/b -> usr/share/readline/a",
            "- 4755 0:0 usr/share/readline/su",
        ]
    );
    assert_eq!(
        text_of(&layer, "etc/apk/world").unwrap(),
        "bash\nbusybox\nmusl\n"
    );
    let sum = |text: &str| identity(text.as_bytes());
    let installed = [
        INSTALLED.to_owned(),
        entry(
            &packages[0],
            &format!("F:bin\nR:bash\na:0:0:755\nZ:{}\n", sum("the shell")),
        ),
        entry(
            &packages[1],
            &format!(
                "r:readline-old>1\nq:2\nF:usr\nF:usr/lib\nR:libreadline.so.8\na:0:0:777\nZ:{}\n\
                 R:libreadline.so.8.2\na:0:0:755\nZ:{}\n",
                sum("libreadline.so.8.2"),
                sum("the library")
            ),
        ),
        entry(
            &packages[2],
            &format!(
                "F:usr\nF:usr/share\nF:usr/share/readline\nM:3:4:2750\nR:a\na:3:4:640\nZ:{data}\nR:b\na:3:4:640\nZ:{data}\n\
                 R:su\na:0:0:4755\nZ:{}\n",
                sum("su"),
                data = sum("data"),
            ),
        ),
    ];
    assert_eq!(
        text_of(&layer, "lib/apk/db/installed").unwrap(),
        installed.concat()
    );

    // The same to another program, over the base.
    let root = unpack(
        &base(&[]),
        TempDir::new_in(scene.path("")).unwrap().keep().as_path(),
    );
    unpack(&tar_of(&layer), &root);
    let inode = |name: &str| {
        std::fs::metadata(root.join("usr/share/readline").join(name))
            .unwrap()
            .ino()
    };
    assert_eq!(inode("a"), inode("b"));
    let library = std::fs::read(root.join("usr/lib/libreadline.so.8")).unwrap();
    assert_eq!(library, b"the library");
    let mode = |path: &str| std::fs::metadata(root.join(path)).unwrap().mode() & 0o7777;
    assert_eq!(
        (mode("tmp"), mode("usr/share/readline/su")),
        (0o1777, 0o4755)
    );
}

pub(crate) fn the_bytes_are_those_of_packages_version_1() {
    // Whoever changes what a layer of packages is made of raises `PACKAGES_VERSION`, and writes the new digest here.
    let scene = Scene::new(&base(&[]));
    let repository = scene.repository(&packages());
    let layer = scene.add(&repository, "bash").unwrap();
    assert_eq!(
        Digest::of(&tar_of(&layer)).to_string(),
        "sha256:58436ad4294ff9cd384229c9321a016786db52fc85be7a2315347a2af20cd436"
    );
}

pub(crate) fn a_rebuild_downloads_nothing_and_makes_the_same() {
    let scene = Scene::new(&base(&[]));
    let server = FileServer::start(repository(&packages(), &KEY));
    let repository: Repository = server.url().parse().unwrap();
    let selection = scene.choose(&repository, "bash").unwrap();
    // As a lock file would keep it.
    let written = serde_json::to_string(&selection).unwrap();
    let again: Selection = serde_json::from_str(&written).unwrap();
    assert_eq!(again, selection);
    let first = tar_of(&scene.layer(&repository, &selection).unwrap());
    assert_eq!(server.asked().len(), 4);
    let second = tar_of(&scene.layer(&repository, &again).unwrap());
    assert_eq!(server.asked().len(), 4);
    assert!(first == second);
}

pub(crate) fn a_package_that_was_pruned_is_downloaded_again() {
    let scene = Scene::new(&base(&[]));
    let server = FileServer::start(repository(&packages(), &KEY));
    let repository: Repository = server.url().parse().unwrap();
    let selection = scene.choose(&repository, "readline-data").unwrap();
    let first = tar_of(&scene.layer(&repository, &selection).unwrap());
    let blobs = scene.path("store/blobs/sha256");
    for change in [
        |path: &std::path::Path| std::fs::remove_file(path).unwrap(),
        |path: &std::path::Path| std::fs::write(path, b"damaged").unwrap(),
    ] {
        let package = std::fs::read_dir(&blobs)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let package = package.filter(|path| std::fs::read(path).unwrap().len() < 10_000);
        package.for_each(|path| change(&path));
        let asked = server.asked().len();
        assert!(tar_of(&scene.layer(&repository, &selection).unwrap()) == first);
        assert_eq!(server.asked().len(), asked + 1);
    }
}

pub(crate) fn what_the_packages_bring_is_known() {
    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0".to_vec();
    elf.resize(100_000, 7);
    let jre = Package::new("openjdk17-jre-headless", "17.0.15_p6-r0")
        .file("usr/lib/jvm/java-17/bin/", File::folder())
        .file("usr/lib/jvm/java-17/bin/java", File::program(&elf))
        .file(
            "usr/lib/jvm/java-17/release",
            File::plain(b"JAVA_VERSION=\"17.0.15\"\n"),
        )
        .make(&KEY);
    let scene = Scene::new(&base(&[]));
    let before = scene.base().facts;
    assert_eq!(
        (before.java, before.missing),
        (
            None,
            ["bash", "awk", "find", "sed"].map(String::from).to_vec()
        )
    );
    let repository = scene.repository(&[packages(), vec![jre]].concat());
    let layer = scene
        .add(&repository, "cmd:bash openjdk17-jre-headless~17")
        .unwrap();
    let facts = layer.facts;
    let java = facts.java.unwrap();
    assert_eq!(java.home, "/usr/lib/jvm/java-17");
    assert_eq!(java.version.as_deref(), Some("17.0.15"));
    assert_eq!(facts.architecture.as_deref(), Some("amd64"));
    assert_eq!(facts.missing, ["awk", "find", "sed"]);
    assert_eq!(facts.os, before.os);
    assert_eq!(facts.users, before.users);
}

pub(crate) fn the_key_stands_for_all_that_decides_the_bytes() {
    let scene = Scene::new(&base(&[]));
    let repository = scene.repository(&packages());
    let selection = scene.choose(&repository, "bash").unwrap();
    let base = scene.base().facts_key;
    let key = |selection: &Selection| packages_key(base, selection, Compression::Stored);
    let right = key(&selection);
    let mut elsewhere = selection.clone();
    elsewhere.packages[0].repository = "https://mirror.example.com".parse().unwrap();
    assert_eq!(key(&elsewhere), right);
    let mut others = vec![
        packages_key(Digest::of(b""), &selection, Compression::Stored),
        packages_key(base, &selection, Compression::COMPACT),
    ];
    let changes: [fn(&mut Selection); 4] = [
        |it| it.packages.truncate(2),
        |it| it.packages[0].checksum = it.packages[1].checksum,
        |it| it.packages[0].size += 1,
        |it| it.wanted = dependencies("bash>5"),
    ];
    for change in changes {
        let mut other = selection.clone();
        change(&mut other);
        others.push(key(&other));
    }
    for other in others {
        assert_ne!(other, right);
    }
}

pub(crate) fn an_image_is_as_good_a_base_as_a_root_file_system() {
    // Two layers, of which the upper one takes a package's file away.
    let upper = alpine::tar_of(&[
        ("usr/bin/.wh.own", File::plain(b"")),
        ("usr/bin/late", File::link("own")),
    ]);
    let mut config = Config::empty(&Platform::linux_amd64());
    config.set_env("PATH", "/usr/bin:/bin");
    let layers: Vec<_> = [base(&[]), upper]
        .iter()
        .map(|tar| {
            let (media_type, blob) = layer(tar, Compress::Gzip);
            let diff_id = DiffId(Digest::of(tar));
            config.push_layer(diff_id, "1980-01-01T00:00:01Z", "made for a test");
            Layer {
                descriptor: Descriptor::of(media_type, &blob),
                diff_id,
                source: BlobSource::Bytes(blob.into()),
            }
        })
        .collect();
    let image = Image::new(&config, layers, &[]);
    let own = Package::new("own", "1")
        .file("usr/bin/", File::folder())
        .file("usr/bin/own", File::program(b"own"))
        .file("usr/bin/late", File::program(b"late"))
        .make(&KEY);
    let outputs: [Form; 3] = [
        (Output::Layout, |path| BaseSource::Layout(path, None)),
        (Output::OciArchive, |path| {
            BaseSource::OciArchive(path, None)
        }),
        (Output::DockerArchive, |path| {
            BaseSource::DockerArchive(path, None)
        }),
    ];
    let mut tars = Vec::new();
    for (output, source) in outputs {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("image");
        output(path.clone())
            .write(&image.clone().into(), &["base:1".parse().unwrap()])
            .unwrap()
            .commit()
            .unwrap();
        let scene = Scene::on(folder, source(path));
        let repository = scene.repository(std::slice::from_ref(&own));
        let made = scene.add(&repository, "own").unwrap();
        // What an upper layer took away is nobody's any more; what it put there is.
        let path = "/usr/bin/late".to_owned();
        let package = "own-1".to_owned();
        assert_eq!(made.notices, [Notice::Replaced { package, path }]);
        tars.push(tar_of(&made));
    }
    assert!(tars.iter().all(|tar| *tar == tars[0]));
}

pub(crate) fn what_is_there_already_makes_no_layer() {
    let scene = Scene::new(&base(&[]));
    let repository = scene.repository(&packages());
    let selection = scene
        .choose(&repository, "busybox so:libc.musl-x86_64.so.1")
        .unwrap();
    assert_eq!(labels(&selection), [""; 0]);
    // What is asked for is written down all the same.
    let layer = scene.layer(&repository, &selection).unwrap();
    let world = "busybox\nmusl\nso:libc.musl-x86_64.so.1\n";
    assert_eq!(text_of(&layer, "etc/apk/world").unwrap(), world);
    assert_eq!(layer.entries.len(), 1);
    let layer = scene.add(&repository, "busybox musl").unwrap();
    assert_eq!(layer.entries.len(), 0);
    // A choice that was made for a base without the package is not made for this one.
    let selection = scene.choose(&repository, "readline-data").unwrap();
    let installed = format!("{INSTALLED}{}", packages()[2].stanza);
    let other = Scene::new(&base(&[(
        "lib/apk/db/installed",
        File::plain(installed.as_bytes()),
    )]));
    let error = other.layer(&repository, &selection).unwrap_err();
    let expected =
        "The package `readline-data-1` was chosen for another base: this one has `readline-data-1`";
    assert_eq!(told(&error), expected);
}
