//! Packages of Alpine through the whole program: from flags and catalogue to the layer in the image.
//!
//! What packages become is tested in `tests/alpine/`; here it is that they get into the image, and into which.

mod made;
mod refused;
mod repeated;

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::Value;

use crate::support::alpine::{File, KEY, Made, Package, base, repository, write_repository};
use crate::support::context::{JAVA_17, Run, TestContext};
use crate::support::workshop::Files;

/// What Flink needs of a base but Java, bash and what the usual base of Alpine has.
const TOOLS: [&str; 3] = ["bin/awk", "bin/find", "bin/sed"];

/// A root file system of Alpine on which Flink can stand, but for the files whose paths begin so; with these more.
fn alpine(without: &[&str], more: &[(&str, File)]) -> Vec<u8> {
    let mut files: Vec<(&str, File)> = TOOLS.map(|path| (path, File::program(b""))).into();
    files.push(("bin/bash", File::program(b"the base's own bash")));
    files.extend(java());
    files.retain(|(path, _)| !without.iter().any(|start| path.starts_with(start)));
    files.extend(more.iter().cloned());
    base(&files)
}

/// A Java run time, where Alpine has it.
fn java() -> [(&'static str, File); 2] {
    [
        (
            "usr/lib/jvm/java-17-openjdk/bin/java",
            File::program(b"java"),
        ),
        (
            "usr/lib/jvm/java-17-openjdk/release",
            File::plain(JAVA_17.as_bytes()),
        ),
    ]
}

/// A program that needs a library, and the library.
fn tools() -> [Made; 2] {
    [
        Package::new("tool", "1.0-r0")
            .field("depend", "so:libtool.so.1")
            .file("usr/bin/", File::folder())
            .file("usr/bin/turn", File::program(b"turn"))
            .make(&KEY),
        Package::new("libtool", "1.1-r3")
            .field("provides", "so:libtool.so.1=1.1")
            .file("usr/lib/", File::folder())
            .file("usr/lib/libtool.so.1", File::program(b"library"))
            .make(&KEY),
    ]
}

/// A user with an Alpine in `base.tar` and the repository of [`tools`] in `packages`.
fn scene() -> TestContext {
    scene_of(&alpine(&[], &[]), &repository(&tools(), &KEY))
}

fn scene_of(base: &[u8], files: &BTreeMap<String, Vec<u8>>) -> TestContext {
    let context = TestContext::new();
    context.write("base.tar", base);
    write_repository(&context.path("packages"), files);
    context
}

/// Builds the usual job image with packages of `packages`, and more words.
fn build(context: &TestContext, words: &[&str]) -> Run {
    build_from(context, "packages", words)
}

fn build_from(context: &TestContext, repository: &str, words: &[&str]) -> Run {
    let usual = ["--job-jar", "job.jar", "--package-repository", repository];
    context.build(&[&usual, words].concat())
}

/// An image that was written to a layout.
struct Written {
    files: Files,
    manifest: Value,
    config: Value,
}

impl Written {
    /// The image in `out`, which is there alone.
    fn new(context: &TestContext) -> Self {
        let files = Files::in_folder(&context.path("out"));
        let (manifest, config) = files.image();
        Self {
            files,
            manifest,
            config,
        }
    }

    /// What the layers are called that were put onto the base.
    fn titles(&self) -> Vec<&str> {
        let history = self.config["history"].as_array().unwrap();
        let lines = history.iter().map(|line| line["created_by"].as_str());
        lines.map(Option::unwrap).skip(1).collect()
    }

    /// The files of a layer by their paths; of links and folders, what they are.
    fn layer(&self, place: usize) -> BTreeMap<String, String> {
        let blob = self.files.blob(&self.manifest["layers"][place]);
        let mut tar = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(blob);
        decoder.read_to_end(&mut tar).unwrap();
        let mut archive = tar::Archive::new(&tar[..]);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (path, text)
        });
        entries.collect()
    }

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<&str> {
        let variables = self.config["config"]["Env"].as_array().unwrap();
        let mut variables = variables.iter().map(|it| it.as_str().unwrap());
        variables.find_map(|it| it.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The names of the packages in a database or an index.
fn names_in(database: &str) -> Vec<&str> {
    let lines = database.lines();
    lines.filter_map(|line| line.strip_prefix("P:")).collect()
}
