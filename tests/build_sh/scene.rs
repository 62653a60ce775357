//! A folder in which the script is called, and the servers that it would ask.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};

use crate::support::context::{BASE, Run, TestContext, base};
use crate::support::files::FileServer;
use crate::support::lines::{mini_hadoop_release_archive, mini_release_archive};
use crate::support::workshop::Files;

/// The `release` file of a Java that every line before 2.0 works with.
const JAVA_8: &str = "JAVA_VERSION=\"1.8.0_452\"\n";
/// One that every line since 1.10 works with.
const JAVA_11: &str = "JAVA_VERSION=\"11.0.27\"\n";

/// The shaded jars of the repository, by artifact and version.
pub const JARS: [(&str, &str); 5] = [
    ("flink-shaded-hadoop2-uber", "2.4.1-1.8.1"),
    ("flink-shaded-hadoop2-uber", "2.8.3-1.8.3"),
    ("flink-shaded-hadoop-2-uber", "2.8.3-7.0"),
    ("flink-shaded-hadoop-2-uber", "2.7.5-10.0"),
    ("flink-shaded-hadoop-2-uber", "2.8.3-10.0"),
];

/// A user with a job, in whose folder the script lies as `./build.sh`.
pub struct Scene {
    pub context: TestContext,
    /// Releases, below `/flink/`.
    pub mirror: FileServer,
    /// A Maven repository, below `/maven/`.
    pub maven: FileServer,
}

impl Scene {
    /// Servers that have everything, and a base with Java 8.
    pub fn new() -> Self {
        Self::with_maven(maven())
    }

    /// A Maven repository with these files.
    pub fn with_maven(files: BTreeMap<String, Vec<u8>>) -> Self {
        let mut context = TestContext::new();
        context.write("base.tar", base(JAVA_8));
        context.write("java11.tar", base(JAVA_11));
        let mirror = FileServer::start(releases());
        let maven = FileServer::start(files);
        // In the environment, so that command lines can be those of the time, word by word.
        context.set("FLINK_IMG_BASE", BASE);
        context.set(
            "FLINK_IMG_RELEASE_MIRROR",
            format!("{}/flink", mirror.url()),
        );
        context.set(
            "FLINK_IMG_MAVEN_REPOSITORY",
            format!("{}/maven", maven.url()),
        );
        context.set("FLINK_IMG_RETRY", "0");
        Self {
            context,
            mirror,
            maven,
        }
    }

    /// Writes the archive of a release, of this version and without Hadoop, into the folder.
    pub fn write_release(&self, name: &str, version: &str) {
        self.context.write(name, mini_release_archive(version));
    }

    /// Calls `./build.sh` with the words of a line.
    pub fn script(&self, line: &str) -> Run {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        self.script_with(&words)
    }

    /// Calls `./build.sh` with words.
    pub fn script_with(&self, words: &[&str]) -> Run {
        self.script_at("./build.sh", words)
    }

    /// Calls the script under a path.
    pub fn script_at(&self, path: &str, words: &[&str]) -> Run {
        let mut command = self.context.command(words);
        command.arg0(path);
        self.context.finish(command)
    }

    /// Calls `flink-img` with the words of a line.
    pub fn program(&self, line: &str) -> Run {
        self.context.run(line.split_ascii_whitespace())
    }

    /// The releases that were asked for, without checksums and signatures.
    pub fn releases_asked(&self) -> Vec<String> {
        let asked = self.mirror.asked();
        let is_archive = |path: &String| Path::new(path).extension().is_some_and(|it| it == "tgz");
        asked.into_iter().filter(is_archive).collect()
    }

    /// Asserts that nothing was made, and nobody asked for anything.
    pub fn assert_untouched(&self, what: &str) {
        self.context.assert_nothing_kept();
        assert_eq!(self.mirror.asked(), [""; 0], "{what}");
        assert_eq!(self.maven.asked(), [""; 0], "{what}");
        assert!(!self.context.has("_TMP_"), "{what}");
    }

    /// The image that is kept under a name.
    pub fn image(&self, name: &str) -> Image {
        let _ = std::fs::remove_dir_all(self.context.path("out"));
        let images = self.program("images").stdout_plain();
        assert!(images.contains(&format!("/{name}")), "{images}");
        Image::kept(&self.context, name)
    }
}

/// An image that the store keeps.
pub struct Image {
    /// What the layers are called that were put onto the base.
    pub titles: Vec<String>,
    /// The paths in them; of links, with where they lead.
    pub paths: Vec<String>,
    pub labels: Value,
    pub digest: String,
}

impl Image {
    fn kept(context: &TestContext, name: &str) -> Self {
        let files = Files::in_folder(&context.store());
        let index = files.json("index.json");
        let manifests = index["manifests"].as_array().unwrap();
        let is_named = |found: &&Value| {
            let names = found["annotations"].as_object().unwrap();
            let mut names = names.values().map(|name| name.as_str().unwrap());
            names.any(|found| found.ends_with(&format!("/{name}")))
        };
        let found = manifests.iter().find(is_named).unwrap();
        let manifest: Value = serde_json::from_slice(files.blob(found)).unwrap();
        let config: Value = serde_json::from_slice(files.blob(&manifest["config"])).unwrap();
        let history = config["history"].as_array().unwrap();
        let titles = history[1..]
            .iter()
            .map(|line| line["created_by"].as_str().unwrap().to_owned());
        let layers = manifest["layers"].as_array().unwrap();
        let paths = layers[1..]
            .iter()
            .flat_map(|layer| listing(files.blob(layer)));
        Self {
            titles: titles.collect(),
            paths: paths.collect(),
            labels: config["config"]["Labels"].clone(),
            digest: found["digest"].as_str().unwrap().to_owned(),
        }
    }

    /// Asserts that there is such a path, or such a link.
    pub fn assert_has(&self, path: &str) {
        assert!(
            self.paths.iter().any(|found| found == path),
            "there is no {path} in {:#?}",
            self.paths
        );
    }

    /// The paths with this in them.
    pub fn with(&self, part: &str) -> Vec<&str> {
        let paths = self.paths.iter().map(String::as_str);
        paths.filter(|path| path.contains(part)).collect()
    }
}

/// The paths in a layer, which may be compressed or not.
fn listing(blob: &[u8]) -> Vec<String> {
    let mut tar = Vec::new();
    if blob.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(blob)
            .read_to_end(&mut tar)
            .unwrap();
    } else {
        tar.extend(blob);
    }
    let mut archive = tar::Archive::new(&tar[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        match entry.link_name().unwrap() {
            Some(target) => format!("/{path} -> {}", target.display()),
            None => format!("/{}", path.trim_end_matches('/')),
        }
    });
    entries.collect()
}

/// Bytes as checksums are written.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// A release of each line that the script can be asked for, as Apache published it.
fn releases() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut put = |version: &str, variant: &str, archive: Vec<u8>| {
        let name = format!("flink-{version}-bin-{variant}.tgz");
        let sum = format!("{}  {name}\n", hex(&Sha512::digest(&archive)));
        let path = format!("/flink/flink-{version}/{name}");
        files.insert(format!("{path}.sha512"), sum.into_bytes());
        files.insert(path, archive);
    };
    for version in ["1.6.0", "1.7.2"] {
        put(version, "scala_2.11", mini_release_archive(version));
        let archive = mini_hadoop_release_archive(version);
        put(version, "hadoop28-scala_2.11", archive);
    }
    for version in ["1.8.0", "1.8.3", "1.9.3", "1.10.3", "1.20.5", "2.3.0"] {
        put(version, "scala_2.12", mini_release_archive(version));
    }
    files
}

/// A jar of the Maven repository.
pub fn hadoop_jar(artifact: &str, version: &str) -> Vec<u8> {
    crate::support::fixtures::jar(&[("Implementation-Title", &format!("{artifact}-{version}"))])
}

/// Where a jar is in the Maven repository.
pub fn jar_path(artifact: &str, version: &str) -> String {
    format!("/maven/org/apache/flink/{artifact}/{version}/{artifact}-{version}.jar")
}

/// A Maven repository with all jars, each with its SHA-256 checksum.
pub fn maven() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (artifact, version) in JARS {
        let jar = hadoop_jar(artifact, version);
        let path = jar_path(artifact, version);
        files.insert(format!("{path}.sha256"), hex(&Sha256::digest(&jar)).into());
        files.insert(path, jar);
    }
    files
}
