//! What is put into an image on request: seen in the image, refused, locked, and built again where nothing is.

mod locked;
mod python;
mod rebuilt;
mod refused;
mod seen;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use flink_img::flink::Known;
use serde_json::Value;

use crate::support::context::{Run, TestContext, base};
use crate::support::fixtures::jar;
use crate::support::lines::{mini_release, packed};
use crate::support::workshop::Files;

/// A context with `flink.tgz` of this version, a base with the Java of its line, and files to put into an image.
fn context(version: &str) -> TestContext {
    let context = TestContext::new();
    let known = Known::of(&version.parse().unwrap()).unwrap();
    let java = match known.line.default_java {
        8 => "1.8.0_292".to_owned(),
        newer => format!("{newer}.0.15"),
    };
    context.write("base.tar", base(&format!("JAVA_VERSION=\"{java}\"\n")));
    context.write("flink.tgz", packed(version, &mini_release(version)));
    std::fs::create_dir(context.path("lib")).unwrap();
    context.write(
        "lib/metrics.jar",
        jar(&[("Implementation-Title", "metrics")]),
    );
    std::fs::create_dir_all(context.path("data/deep/empty")).unwrap();
    context.write("data/rules.json", "{}");
    context.write("data/deep/run.sh", "#!/bin/sh\n");
    std::os::unix::fs::symlink("../rules.json", context.path("data/deep/link")).unwrap();
    context.write("log4j.properties", "rootLogger.level = WARN\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(context.path("data/deep/run.sh"), mode).unwrap();
    context
}

/// Words of a build with everything that can be asked for of Flink 1.20.
const EVERYTHING: [&str; 29] = [
    "--plugin",
    "flink-s3-fs-hadoop",
    "--slim",
    "--lib",
    "lib/metrics.jar",
    "--flink-conf",
    "state.backend.type=rocksdb",
    "--flink-conf",
    "rest.port=9091",
    "--log4j",
    "log4j.properties",
    "--add",
    "data:/opt/data",
    "--add",
    "data/rules.json:/opt/flink/conf/rules.json",
    "--env",
    "TZ=Europe/Berlin",
    "--env",
    "A=1",
    "--label",
    "com.acme.commit=abc",
    "--label",
    "com.acme.branch=main",
    "--annotation",
    "com.acme.team=streams",
    "--annotation",
    "com.acme.cost=7",
    "--user",
    "1234",
];

/// An image as others read it.
struct Seen {
    manifest: Value,
    config: Value,
    /// The own layers: titles, and what is in them.
    layers: Vec<(String, BTreeMap<String, Entry>)>,
}

/// An entry of a layer.
struct Entry {
    /// `d 0755 9999:0`, `l 0777 9999:0 -> TARGET`
    told: String,
    bytes: Vec<u8>,
}

fn build(context: &TestContext, words: &[&str]) -> Run {
    let usual = [
        "build",
        "--base",
        "rootfs:base.tar",
        "--from-archive",
        "flink.tgz",
    ];
    let usual = [
        &usual[..],
        &["--job-jar", "job.jar", "-o", "oci:out", "--json"],
    ]
    .concat();
    let _ = std::fs::remove_dir_all(context.path("out"));
    context.run([&usual, words].concat())
}

/// What is seen of an image that was built.
fn see(context: &TestContext, words: &[&str]) -> Seen {
    let built = build(context, words).json();
    let image = Files::in_folder(&context.path("out"));
    let (manifest, config) = image.image();
    let titles = built["layers"].as_array().unwrap();
    let layers = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .zip(titles)
        .skip(1);
    let layers = layers.map(|(layer, title)| {
        let title = title["title"].as_str().unwrap().to_owned();
        let blob = image.blob(layer);
        let gzip = layer["mediaType"].as_str().unwrap().ends_with("gzip");
        (
            title,
            if gzip {
                entries(flate2::read::MultiGzDecoder::new(blob))
            } else {
                entries(blob)
            },
        )
    });
    Seen {
        layers: layers.collect(),
        manifest: manifest.clone(),
        config: config["config"].clone(),
    }
}

fn entries(tar: impl std::io::Read) -> BTreeMap<String, Entry> {
    let mut archive = tar::Archive::new(tar);
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => 'd',
            tar::EntryType::Symlink => 'l',
            _ => '-',
        };
        let (mode, user, group) = (
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
        );
        let mut told = format!("{kind} {mode:04o} {user}:{group}");
        if let Some(target) = entry.link_name_bytes() {
            told.push_str(" -> ");
            told.push_str(&String::from_utf8_lossy(&target));
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let path = path.trim_end_matches('/').to_owned();
        found.insert(path, Entry { told, bytes });
    }
    found
}

impl Seen {
    /// The lines of a layer.
    fn layer(&self, title: &str) -> String {
        let mut layers = self.layers.iter();
        let (_, entries) = layers.find(|(found, _)| found == title).unwrap_or_else(|| {
            panic!("no `{title}` in {:?}", self.titles());
        });
        let line = |(path, entry): (&String, &Entry)| match entry.told.split_once(" -> ") {
            Some((told, target)) => format!("{told} /{path} -> {target}\n"),
            None => format!("{} /{path}\n", entry.told),
        };
        entries.iter().map(line).collect()
    }

    fn titles(&self) -> Vec<&str> {
        self.layers
            .iter()
            .map(|(title, _)| title.as_str())
            .collect()
    }

    /// The text of a file, from the uppermost layer that has it.
    fn text(&self, path: &str) -> String {
        let mut layers = self.layers.iter().rev();
        let entry = layers.find_map(|(_, entries)| entries.get(path)).unwrap();
        String::from_utf8(entry.bytes.clone()).unwrap()
    }

    /// Digests of layers by their titles.
    fn digests(&self) -> BTreeMap<&str, &str> {
        let layers = self.manifest["layers"].as_array().unwrap().iter().skip(1);
        self.titles()
            .into_iter()
            .zip(layers.map(|layer| layer["digest"].as_str().unwrap()))
            .collect()
    }
}
