//! What an image of each line has, written down in `fixtures/layouts/`.
//!
//! `WRITE_LAYOUTS=1 cargo test --test lines` writes the listings anew; read what changed, it changes everybody's images.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use flink_img::flink::Known;
use flink_img::flink::lines::Hadoop;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::alpine::hex;
use crate::support::context::{TestContext, base_entries};
use crate::support::files::FileServer;
use crate::support::fixtures::{self, MiniFile, Raw, jar};
use crate::support::lines::{laid_out, mini_hadoop_release, mini_release, packed};
use crate::support::workshop::Files;

/// The releases of the listings; the second has Hadoop.
const RELEASES: [&str; 9] = [
    "1.6.0", "1.7.2", "1.8.3", "1.9.3", "1.10.3", "1.14.6", "1.18.1", "1.20.5", "2.3.0",
];
const WITH_HADOOP: &str = "1.7.2";
/// Those of them that Hadoop is put into, and the one whose jobs are in Python.
const HADOOP_BESIDES: [&str; 2] = ["1.8.3", "1.10.3"];
const WITH_PYTHON: &str = "1.9.3";
/// The version of Hadoop.
const HADOOP: &str = "2.8.3";

fn files(version: &str) -> Vec<MiniFile> {
    if version == WITH_HADOOP {
        mini_hadoop_release(version)
    } else {
        mini_release(version)
    }
}

/// A context with what a build of this version takes: a base with the Java of its line, `flink.tgz`, the folder
/// `flink-VERSION`, and a job of three files.
pub(crate) fn context(version: &str, files: &[MiniFile]) -> TestContext {
    let context = TestContext::new();
    std::fs::remove_dir_all(context.path("flink-1.20.5")).unwrap();
    let java = Known::of(&version.parse().unwrap())
        .unwrap()
        .line
        .default_java;
    let java = match java {
        8 => "1.8.0_292".to_owned(),
        newer => format!("{newer}.0.15"),
    };
    let mut entries = base_entries(&format!("JAVA_VERSION=\"{java}\"\n"));
    entries.push(Raw {
        mode: 0o755,
        ..Raw::file("usr/bin/python3", b"#!/nowhere\n")
    });
    context.write("base.tar", fixtures::tar(&entries));
    context.write("flink.tgz", packed(version, files));
    laid_out(&context.work(), version, files);
    context.write("app.jar", jar(&[("Main-Class", "org.example.Job")]));
    context.write("connector.jar", jar(&[]));
    context.write("table.csv", "1,2\n");
    context
}

/// The job of [`context`].
pub(crate) const JOB: [&str; 6] = [
    "--job-jar",
    "app.jar",
    "--job-artifacts",
    "connector.jar",
    "--job-artifacts",
    "table.csv",
];

/// A Maven repository with the Hadoop of this version's line, if it takes one besides.
fn maven(version: &str) -> FileServer {
    let mut files = BTreeMap::new();
    let line = Known::of(&version.parse().unwrap()).unwrap().line;
    if let Hadoop::ShadedJar(shaded) = line.hadoop {
        let is_it = |known: &&&str| known.starts_with(HADOOP);
        let jar_version = shaded.versions.iter().find(is_it).unwrap();
        let artifact = shaded.artifact;
        let place =
            format!("/org/apache/flink/{artifact}/{jar_version}/{artifact}-{jar_version}.jar");
        let jar = jar(&[("Implementation-Title", "Hadoop")]);
        files.insert(
            format!("{place}.sha256"),
            hex(&Sha256::digest(&jar)).into_bytes(),
        );
        files.insert(place, jar);
    }
    FileServer::start(files)
}

/// The entries of a layer: mode, owner, path, and where a link leads. The text of the configuration is added to `configuration`.
fn entries(blob: &[u8], configuration: &mut String) -> String {
    let mut lines = String::new();
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(blob));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => 'd',
            tar::EntryType::Symlink => 'l',
            tar::EntryType::Regular => '-',
            other => panic!("{path} is {other:?}"),
        };
        let (mode, user, group) = (
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
        );
        write!(lines, "{kind} {mode:04o} {user}:{group} /{path}").unwrap();
        if let Some(target) = entry.link_name_bytes() {
            write!(lines, " -> {}", String::from_utf8_lossy(&target)).unwrap();
        }
        lines.push('\n');
        if path.ends_with("/conf/config.yaml") || path.ends_with("/conf/flink-conf.yaml") {
            entry.read_to_string(configuration).unwrap();
        }
    }
    lines
}

/// All that the image in the layout `folder` has besides its base, and what a container of it starts with.
fn listing(folder: &Path, titles: &[Value]) -> String {
    let image = Files::in_folder(folder);
    let (manifest, config) = image.image();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), titles.len());
    let (mut text, mut configuration) = (String::new(), String::new());
    for (layer, title) in layers.iter().zip(titles).skip(1) {
        let title = title["title"].as_str().unwrap();
        let entries = entries(image.blob(layer), &mut configuration);
        writeln!(text, "[{title}]\n{entries}").unwrap();
    }
    writeln!(text, "[configuration of Flink]\n{configuration}").unwrap();
    text.push_str("[config]\n");
    let config = &config["config"];
    for variable in config["Env"].as_array().unwrap() {
        writeln!(text, "{}", variable.as_str().unwrap()).unwrap();
    }
    for (name, value) in config["Labels"].as_object().unwrap() {
        writeln!(text, "{name}={}", value.as_str().unwrap()).unwrap();
    }
    for name in ["User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts"] {
        writeln!(text, "{name} {}", config[name]).unwrap();
    }
    text
}

#[test]
fn an_image_of_each_line_is_laid_out_as_that_line_expects() {
    for version in RELEASES {
        let context = context(version, &files(version));
        let maven = maven(version);
        let repository = maven.url();
        let hadoop = [
            "--hadoop-version",
            HADOOP,
            "--maven-repository",
            &repository,
        ];
        let besides: &[&str] = if HADOOP_BESIDES.contains(&version) {
            &hadoop
        } else if version == WITH_PYTHON {
            &["--python"]
        } else {
            &[]
        };
        let build = |source: &[&str], output: &str| {
            let usual = ["build", "--base", "rootfs:base.tar", "--json", "-o", output];
            context.run([&usual[..], &JOB, besides, source].concat())
        };
        let archive = build(&["--from-archive", "flink.tgz"], "oci:archive").json();
        let folder = format!("flink-{version}");
        let local = build(
            &["--from-local-dist", &folder, "--cache-dir", "other"],
            "oci:local",
        );
        assert_eq!(archive["digest"], local.json()["digest"], "{version}");
        let titles = archive["layers"].as_array().unwrap();
        let found = listing(&context.path("archive"), titles);
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/layouts")
            .join(format!("{version}.txt"));
        if std::env::var_os("WRITE_LAYOUTS").is_some() {
            std::fs::write(&path, &found).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = golden
            .lines()
            .zip(found.lines())
            .find(|(golden, found)| golden != found);
        assert!(
            golden == found,
            "{version}: first other line {differs:?}; if this is meant, see the top of this file"
        );
    }
}
