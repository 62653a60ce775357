//! That the keys, the schema, the template and the command line say the same.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::*;
use crate::cli::args::{Arguments, Command};

/// The schema, as the keys make it.
fn generated() -> Value {
    // TOML has no null: what is not said is not there. And a line of a comment here is no line for its reader.
    let tidy = |schema: &mut Schema| {
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::Array(kinds)) = object.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [kind] = &kinds[..] {
                let kind = kind.clone();
                object.insert("type".to_owned(), kind);
            }
        }
        object.retain(|key, value| key != "default" || !value.is_null());
        if let Some(Value::String(description)) = object.get_mut("description") {
            *description = description.replace('\n', " ");
        }
    };
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    SchemaGenerator::new(settings)
        .into_root_schema_for::<Keys>()
        .to_value()
}

/// The keys of the schema, as `table.key`.
fn keys_of_the_schema() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut keys = BTreeSet::new();
    for (name, property) in schema["properties"].as_object().unwrap() {
        match property["$ref"].as_str() {
            Some(place) => {
                let table = schema.pointer(place.trim_start_matches('#')).unwrap();
                for key in table["properties"].as_object().unwrap().keys() {
                    keys.insert(format!("{name}.{key}"));
                }
            }
            None => {
                keys.insert(name.clone());
            }
        }
    }
    keys
}

/// Whether a validator that is not ours takes a file.
fn is_valid(text: &str) -> bool {
    let value: ::toml::Value = ::toml::from_str(text).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let schema = serde_json::from_str(SCHEMA).unwrap();
    compiler.add_resource("file:///schema", schema).unwrap();
    let schema = compiler.compile("file:///schema", &mut schemas).unwrap();
    schemas
        .validate(&serde_json::to_value(value).unwrap(), schema)
        .is_ok()
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join(FILE_NAME);
    crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
    path
}

/// What `build` with these words is about, and what it is about with what the file says besides.
fn completed(words: &[&str], file: &str) -> Result<(String, String), FileSettingsError> {
    let arguments = Arguments::parse_from(["flink-img", "build"].iter().chain(words));
    let Command::Build(build) = &arguments.command else {
        panic!("{words:?} are not for a build");
    };
    let shown = |build: &BuildArgs, global: &GlobalArgs| format!("{build:#?} {global:#?}");
    let folder = tempfile::tempdir().unwrap();
    let config = ConfigFile::read(&write(folder.path(), file))?;
    let (mut arguments_too, mut global) = ((**build).clone(), arguments.global.clone());
    config.complete(&mut arguments_too, &mut global)?;
    let place = format!("{}/", folder.path().display());
    let with_file = shown(&arguments_too, &global).replace(&place, "FOLDER/");
    Ok((shown(build, &arguments.global), with_file))
}

/// Each key: what a file says, the words that say the same, and words that beat it.
const KEYS: [(&str, &str, &[&str], &[&str]); 41] = [
    (
        "image",
        "image = ['a/b:1', 'a/b:2']",
        &["-t", "a/b:1,a/b:2"],
        &["-t", "c/d"],
    ),
    ("push", "push = true", &["--push"], &["--no-push"]),
    (
        "platforms",
        "platforms = ['linux/arm64', 'linux/s390x']",
        &["--platform", "linux/arm64,linux/s390x"],
        &["--platform", "linux/amd64"],
    ),
    (
        "outputs",
        "outputs = ['oci:a', 'docker-archive:b']",
        &["-o", "oci:FOLDER/a", "-o", "docker-archive:FOLDER/b"],
        &["-o", "oci-archive:c"],
    ),
    (
        "compression",
        "compression = 'zstd:3'",
        &["--compression", "zstd:3"],
        &["--compression", "auto"],
    ),
    (
        "job.jar",
        "job.jar = 'a.jar'",
        &["--job-jar", "FOLDER/a.jar"],
        &["--job-jar", "b.jar"],
    ),
    (
        "job.artifacts",
        "job.artifacts = ['a', 'b']",
        &["--job-artifacts", "FOLDER/a,FOLDER/b"],
        &["--job-artifacts", "c,d"],
    ),
    (
        "job.normalize-jar",
        "job.normalize-jar = true",
        &["--normalize-jar"],
        &["--normalize-jar"],
    ),
    (
        "checks.deny-warnings",
        "checks.deny-warnings = true",
        &["--deny-warnings"],
        &["--deny-warnings"],
    ),
    (
        "checks.allow",
        "checks.allow = ['flink-bundled', 'rocksdb-musl']",
        &["--allow", "flink-bundled,rocksdb-musl"],
        &["--allow", "class-version"],
    ),
    (
        "flink.version",
        "flink.version = '1.20.5'",
        &["--flink-version", "1.20.5"],
        &["--flink-version", "2.3.0"],
    ),
    (
        "flink.scala-version",
        "flink.scala-version = '2.11'",
        &["--scala-version", "2.11"],
        &["--scala-version", "2.12"],
    ),
    (
        "flink.hadoop-version",
        "flink.hadoop-version = '2.8'",
        &["--hadoop-version", "2.8"],
        &["--hadoop-version", "2.7.5-10.0"],
    ),
    (
        "flink.maven-repository",
        "flink.maven-repository = 'https://a'",
        &["--maven-repository", "https://a"],
        &["--maven-repository", "https://b"],
    ),
    (
        "flink.archive",
        "flink.archive = 'a.tgz'",
        &["--from-archive", "FOLDER/a.tgz"],
        &["--from-local-dist", "b"],
    ),
    (
        "flink.directory",
        "flink.directory = '/a'",
        &["--from-local-dist", "/a"],
        &["--from-release"],
    ),
    (
        "flink.mirrors",
        "flink.mirrors = ['https://a', 'https://b']",
        &["--release-mirror", "https://a,https://b"],
        &["--release-mirror", "https://c"],
    ),
    (
        "flink.verify-signature",
        "flink.verify-signature = 'if-present'",
        &["--verify-signature", "if-present"],
        &["--verify-signature", "off"],
    ),
    (
        "flink.keys",
        "flink.keys = 'KEYS'",
        &["--release-keys", "FOLDER/KEYS"],
        &["--release-keys", "other"],
    ),
    (
        "base.name",
        "base.name = 'oci:a:1'",
        &["--base", "oci:FOLDER/a:1"],
        &["--base", "ubuntu-jre17"],
    ),
    (
        "base.catalogue",
        "base.catalogue = 'a'",
        &["--base-catalogue", "FOLDER/a"],
        &["--base-catalogue", "b"],
    ),
    (
        "base.java-home",
        "base.java-home = '/a'",
        &["--java-home", "/a"],
        &["--java-home", "/b"],
    ),
    (
        "base.java-version",
        "base.java-version = '17'",
        &["--java-version", "17"],
        &["--java-version", "21"],
    ),
    (
        "content.plugins",
        "content.plugins = ['a', 'b']",
        &["--plugin", "a,b"],
        &["--plugin", "c"],
    ),
    (
        "content.slim",
        "content.slim = true",
        &["--slim"],
        &["--slim"],
    ),
    (
        "content.libraries",
        "content.libraries = 'a.jar'",
        &["--lib", "FOLDER/a.jar"],
        &["--lib", "b.jar"],
    ),
    (
        "content.flink-conf-files",
        "content.flink-conf-files = ['a.yaml', 'b.yaml']",
        &[
            "--flink-conf",
            "FOLDER/a.yaml",
            "--flink-conf",
            "FOLDER/b.yaml",
        ],
        &["--flink-conf", "b.yaml"],
    ),
    (
        "content.flink-conf",
        "content.flink-conf = {a.b.c = 'x=y', 'a.d' = 1, e = true, f = 0.4}",
        &[
            "--flink-conf",
            "a.b.c=x=y",
            "--flink-conf",
            "a.d=1",
            "--flink-conf",
            "e=true",
            "--flink-conf",
            "f=0.4",
        ],
        &[
            "--flink-conf",
            "a.b.c=z",
            "--flink-conf",
            "a.d=2",
            "--flink-conf",
            "e=3",
            "--flink-conf",
            "f=4",
        ],
    ),
    (
        "content.log4j",
        "content.log4j = 'a.properties'",
        &["--log4j", "FOLDER/a.properties"],
        &["--log4j", "b.properties"],
    ),
    (
        "content.files",
        "content.files = ['a:/opt/b', '/c:/opt/d']",
        &["--add", "FOLDER/a:/opt/b", "--add", "/c:/opt/d"],
        &["--add", "e:/opt/f"],
    ),
    (
        "content.env",
        "content.env = {A = 'x', B = 'y'}",
        &["--env", "A=x", "--env", "B=y"],
        &["--env", "B=1", "--env", "A=2"],
    ),
    (
        "content.labels",
        "content.labels = {'com.acme.a' = 'x'}",
        &["--label", "com.acme.a=x"],
        &["--label", "com.acme.a=y"],
    ),
    (
        "content.annotations",
        "content.annotations = {'com.acme.a' = 'x'}",
        &["--annotation", "com.acme.a=x"],
        &["--annotation", "com.acme.a=y"],
    ),
    (
        "content.user",
        "content.user = '1234'",
        &["--user", "1234:0"],
        &["--user", "0"],
    ),
    (
        "content.python",
        "content.python = true",
        &["--python"],
        &["--python"],
    ),
    (
        "packages.add",
        "packages.add = ['a', 'b>1']",
        &["--package", "a,b>1"],
        &["--package", "c"],
    ),
    (
        "packages.repositories",
        "packages.repositories = ['https://a', 'b', 'file://./c', 'file:///d']",
        &[
            "--package-repository",
            "https://a",
            "--package-repository",
            "FOLDER/b",
            "--package-repository",
            "file://FOLDER/./c",
            "--package-repository",
            "file:///d",
        ],
        &["--package-repository", "c"],
    ),
    (
        "packages.keys",
        "packages.keys = 'a.pub'",
        &["--package-key", "FOLDER/a.pub"],
        &["--package-key", "b.pub"],
    ),
    (
        "registry.insecure",
        "registry.insecure = ['a:5000', 'b']",
        &["--insecure-registry", "a:5000", "--insecure-registry", "b"],
        &["--insecure-registry", "c"],
    ),
    (
        "registry.ca-file",
        "registry.ca-file = '../a.pem'",
        &["--ca-file", "FOLDER/../a.pem"],
        &["--ca-file", "b.pem"],
    ),
    (
        "cache.from",
        "cache.from = ['a/b', 'c/d']",
        &["--cache-from", "a/b,c/d"],
        &["--cache-from", "e/f"],
    ),
];

#[test]
fn each_key_says_what_its_flag_says_and_the_flag_beats_it() {
    for (key, file, same, other) in KEYS {
        let (_, with_file) = completed(&[], file).unwrap();
        let (said, _) = completed(same, "").unwrap();
        assert_eq!(with_file, said, "{key}");
        let (_, with_file) = completed(other, file).unwrap();
        let (said, _) = completed(other, "").unwrap();
        assert_eq!(with_file, said, "{key}");
    }
    let mut keys: Vec<_> = KEYS.iter().map(|(key, ..)| (*key).to_owned()).collect();
    keys.sort_unstable();
    assert!(
        keys.into_iter().eq(keys_of_the_schema()),
        "a key is missing"
    );
}

#[test]
fn a_path_that_is_no_text_is_refused_where_a_name_is_needed() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join(std::ffi::OsStr::from_bytes(b"f\xff"));
    crate::fs::create_dir_all(&folder, None).unwrap();
    for (file, is_refused) in [
        ("base.name = 'oci:a'", true),
        ("packages.repositories = 'a'", true),
        ("packages.repositories = 'file://a'", true),
        ("base.name = 'oci:/a'", false),
        ("packages.repositories = ['https://a', '/b']", false),
        ("job.artifacts = 'a'", false),
    ] {
        let config = ConfigFile::read(&write(&folder, file)).unwrap();
        let arguments = Arguments::parse_from(["flink-img", "build"]);
        let Command::Build(mut build) = arguments.command else {
            panic!("it is a build");
        };
        let found = config.complete_input(&mut build.input, JobJar::Read);
        assert_eq!(
            matches!(found, Err(FileSettingsError::NotText(_))),
            is_refused,
            "{file}: {found:?}"
        );
    }
}

#[test]
fn the_schema_is_that_of_the_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/flink-img.schema.json");
    let text = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    let is_current = text == SCHEMA;
    if !is_current {
        crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
    }
    assert!(
        is_current,
        "`{}` was written anew: look at what changed",
        path.display()
    );
}

#[test]
fn the_template_says_nothing_and_has_each_key_with_an_example() {
    assert!(is_valid(TEMPLATE));
    let (said, with_file) = completed(&[], TEMPLATE).unwrap();
    assert_eq!(with_file, said);
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in TEMPLATE.lines() {
        if line.starts_with('[') {
            table = format!("{line}\n");
        }
        // Prose begins with a blank, and a setting with its key.
        let Some(setting) = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
        else {
            continue;
        };
        let text = format!("{table}{setting}\n");
        assert!(is_valid(&text), "{text}");
        toml::parse::<Keys>("x".as_ref(), &text).unwrap();
        let prefix = table.trim_matches(['[', ']', '\n']);
        let key = setting.split(" = ").next().unwrap();
        found.insert(format!("{prefix}.{key}").trim_start_matches('.').to_owned());
    }
    assert_eq!(found, keys_of_the_schema());
}

#[test]
fn the_schema_and_the_program_agree_on_what_is_a_file() {
    for (text, expected) in [
        ("", true),
        ("image = 'a/b'", true),
        ("image = []", true),
        ("[flink]\nversion = '2.3.0'\nscala-version = '2.12'", true),
        ("[job]\nartifacts = ['a', 'b']", true),
        ("image = 1", false),
        ("image = [['a']]", false),
        ("imago = 'a/b'", false),
        ("push = 'yes'", false),
        ("push = 1", false),
        ("outputs = {}", false),
        ("compression = 6", false),
        ("compression = ['zstd']", false),
        ("job = 'a.jar'", false),
        ("[job]\njars = 'a.jar'", false),
        ("[job]\njar = ['a.jar']", false),
        ("[flink]\nverify-signature = 'required'", true),
        ("[flink]\nverify-signature = 'never'", false),
        ("[flink]\nversion = 2.3", false),
        ("[flink]\nscala_version = '2.12'", false),
        ("[flink]\narchive = 'a'\ndirectory = 'b'", false),
        ("[flink]\narchive = 'a'\nscala-version = '2.12'", false),
        ("[flink]\ndirectory = 'a'\nscala-version = '2.12'", false),
        ("[[flink]]\nversion = '2.3.0'", false),
        ("[base]\njava-version = 17", false),
        ("[registry]\ninsecure = true", false),
        ("[cache]\ndir = 'x'", false),
        ("[checks]\nallow = 'flink-bundled'", true),
        ("[checks]\ndeny-warnings = 'yes'", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let read = ConfigFile::read(&write(folder.path(), text));
        assert_eq!(
            (read.is_ok(), is_valid(text)),
            (expected, expected),
            "{text}: {read:?}"
        );
    }
}

#[test]
fn what_goes_together_across_the_file_and_the_command_line() {
    let release = ["--from-release"];
    for (words, file, same) in [
        // A dry run goes nowhere.
        (
            &["--dry-run"][..],
            "push = true\noutputs = 'oci:a'",
            &["--dry-run"][..],
        ),
        // Who wants no earlier images wants none of the file either.
        (&["--no-cache"], "cache.from = 'a/b'", &["--no-cache"]),
        (
            &["--no-remote-cache"],
            "cache.from = 'a/b'",
            &["--no-remote-cache"],
        ),
        (&[], "cache.from = 'a/b'", &["--cache-from", "a/b"]),
        // Another source on the command line takes what belongs to that of the file away.
        (
            &["--from-archive", "a"],
            "flink.directory = 'b'",
            &["--from-archive", "a"],
        ),
        (
            &["--from-archive", "a"],
            "flink.scala-version = '2.12'",
            &["--from-archive", "a"],
        ),
        (&release, "flink.archive = 'b'", &release),
        (
            &["--from-release", "--scala-version", "2.12"],
            "flink.archive = 'b'",
            &["--from-release", "--scala-version", "2.12"],
        ),
    ] {
        let (_, with_file) = completed(words, file).unwrap();
        let (said, _) = completed(same, "").unwrap();
        assert_eq!(with_file, said, "{words:?} {file}");
    }
    let error = completed(&["--scala-version", "2.12"], "flink.archive = 'b'").unwrap_err();
    assert!(matches!(error, FileSettingsError::Scala(_)), "{error}");
}
