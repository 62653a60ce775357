//! What `--flink-conf` writes, read by Flink itself: by the program that its scripts read their configuration with.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use flink_img::flink::{Settings, Syntax, configure, open_addresses};
use support::parts;

/// Values that a careless writer of YAML gets wrong.
const VALUES: [&str; 34] = [
    "rocksdb",
    "1600m",
    "4",
    "-1",
    "0.4",
    "true",
    "007",
    "1.10",
    "1e3",
    "0x1F",
    "0o17",
    "1_000",
    "12:30",
    "True",
    "null",
    "~",
    "yes",
    "a: b",
    "a:",
    "a #b",
    "#b",
    "[a]",
    "[a, b]",
    "{a: b}",
    "*a",
    "&a",
    "!a",
    "- a",
    "it's",
    "'q'",
    "\"q\"",
    "\\n",
    "@a",
    "s3://bucket/path?x=y&z=%20",
];

/// What Flink reads in the configuration of this folder, by its keys.
fn read_by_flink(flink: &Path, conf: &Path) -> BTreeMap<String, String> {
    let jars = |folder: &str, names: &[&str]| -> Vec<String> {
        let entries = std::fs::read_dir(flink.join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_wanted = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            names.iter().any(|wanted| name.starts_with(wanted))
        };
        paths
            .filter(is_wanted)
            .map(|path| path.display().to_string())
            .collect()
    };
    let mut class_path = jars("bin", &["bash-java-utils"]);
    class_path.extend(jars("lib", &["flink-dist", "log4j-core", "log4j-api"]));
    let output = Command::new("java")
        .args(["-cp", &class_path.join(":")])
        .arg("org.apache.flink.runtime.util.bash.BashJavaUtils")
        .args(["UPDATE_AND_GET_FLINK_CONFIGURATION", "--configDir"])
        .arg(conf)
        .arg("-flatten")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let marker = "Loading configuration property: ";
    let told = text.lines().filter_map(|line| line.split_once(marker));
    told.filter_map(|(_, told)| told.split_once(", "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn flink_reads_what_was_set_and_the_rest_as_before() {
    for version in ["1.20.5", "2.3.0"] {
        let flink = parts::folder().join(format!("flink-{version}"));
        let original = std::fs::read_to_string(flink.join("conf/config.yaml")).unwrap();
        let original = open_addresses(&original);
        let mut settings = Settings::default();
        for (place, value) in VALUES.iter().enumerate() {
            settings.insert(&format!("x.value-{place}"), value).unwrap();
        }
        // There in the file, in a group of it, and not there.
        settings.insert("jobmanager.rpc.port", "7123").unwrap();
        settings.insert("parallelism.default", "7").unwrap();
        settings.insert("rest.port", "9091").unwrap();
        settings.insert("env.java.opts.all", "-Dx=y").unwrap();
        let conf = tempfile::tempdir().unwrap();
        let file = conf.path().join("config.yaml");
        std::fs::write(&file, &original).unwrap();
        let before = read_by_flink(&flink, conf.path());
        let done = configure(&original, Syntax::Yaml, &settings).unwrap();
        std::fs::write(&file, &done.text).unwrap();
        let found = read_by_flink(&flink, conf.path());

        let mut expected = before.clone();
        for (place, value) in VALUES.iter().enumerate() {
            expected.insert(format!("x.value-{place}"), (*value).to_owned());
        }
        for (key, value) in [
            ("jobmanager.rpc.port", "7123"),
            ("parallelism.default", "7"),
            ("rest.port", "9091"),
        ] {
            expected.insert(key.to_owned(), value.to_owned());
        }
        let options = format!("{} -Dx=y", before["env.java.opts.all"]);
        expected.insert("env.java.opts.all".to_owned(), options);
        assert!(before.len() >= 10, "{before:?}");
        assert_eq!(found, expected, "{version}");
    }
}
