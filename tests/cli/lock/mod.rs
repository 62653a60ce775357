//! `flink-img.lock`: written by `lock`, looked at by `lock --check`, and all that `build --locked` and `digest` go by.

mod edited;
mod refused;
mod round_trip;
mod stale;

use std::collections::BTreeMap;

use crate::rebuild::World;
use crate::support::alpine::{self, File, KEY, Package};
use crate::support::context::{JAVA_17, Run, TestContext, base_config, layer};
use crate::support::files::FileServer;
use crate::support::fixtures::Compress;

/// An image that commands are about, with what they say of it.
struct Wanted<'a> {
    context: &'a TestContext,
    words: Vec<String>,
}

impl<'a> Wanted<'a> {
    fn new(context: &'a TestContext, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { context, words }
    }

    /// The release of a world on this base of its registry.
    fn on(world: &World, context: &'a TestContext, base: &str) -> Self {
        let mirror = format!("{}/flink", world.mirror.url());
        let base = world.name(base);
        let words = ["--base", &base, "--release-mirror", &mirror];
        Self::new(context, &words)
    }

    /// The same with more words.
    fn with(&self, words: &[&str]) -> Self {
        let more = words.iter().map(|word| (*word).to_owned());
        Self {
            context: self.context,
            words: self.words.iter().cloned().chain(more).collect(),
        }
    }

    fn run(&self, command: &[&str]) -> Run {
        let words = self.words.iter().map(String::as_str);
        self.context.run(command.iter().copied().chain(words))
    }

    fn lock(&self) -> Run {
        self.run(&["lock"])
    }

    fn digest(&self) -> Run {
        self.run(&["digest", "--job-jar", "job.jar"])
    }

    fn build(&self, words: &[&str]) -> Run {
        self.run(&[&["build", "--locked", "--job-jar", "job.jar"], words].concat())
            .sorted()
    }
}

/// Deletes everything that the program keeps on this machine.
fn forget(context: &TestContext) {
    std::fs::remove_dir_all(context.store()).unwrap();
}

/// A repository with a package `extra` of each of these versions.
fn repository(versions: &[&'static str]) -> BTreeMap<String, Vec<u8>> {
    let packages: Vec<_> = versions
        .iter()
        .map(|version| {
            Package::new("extra", version)
                .file("usr/", File::folder())
                .file("usr/bin/", File::folder())
                .file("usr/bin/extra", File::program(version.as_bytes()))
                .make(&KEY)
        })
        .collect();
    alpine::repository(&packages, &KEY)
}

/// Puts an Alpine with Java into the registry as `acme/alpine:1`.
fn put_alpine(world: &World) {
    let program = || File::program(b"a program");
    let tar = alpine::base(&[
        ("bin/bash", program()),
        ("bin/awk", program()),
        ("bin/find", program()),
        ("bin/sed", program()),
        ("etc/group", File::plain(b"root:x:0:\n")),
        ("usr/lib/jvm/java-17/bin/java", program()),
        (
            "usr/lib/jvm/java-17/release",
            File::plain(JAVA_17.as_bytes()),
        ),
        ("usr/bin/java", File::link("../lib/jvm/java-17/bin/java")),
    ]);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    world
        .registry
        .put_image("acme/alpine", "1", &config, &[(media_type, &bytes)]);
}

/// The release of a world on the Alpine of [`put_alpine`], with the package of a repository.
fn with_package<'a>(world: &World, context: &'a TestContext, packages: &FileServer) -> Wanted<'a> {
    put_alpine(world);
    Wanted::on(world, context, "acme/alpine:1").with(&[
        "--flink-version",
        "1.20.5",
        "--package",
        "extra",
        "--package-repository",
        &packages.url(),
    ])
}

/// Moves the tag of the base in the registry of a world to another image.
fn move_base(world: &World) {
    let mut entries = crate::support::context::base_entries(JAVA_17);
    entries.push(crate::support::fixtures::Raw::file("etc/new", b"new"));
    let tar = crate::support::fixtures::tar(&entries);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    world
        .registry
        .put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
}
