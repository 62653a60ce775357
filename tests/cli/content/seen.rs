//! Each thing that is asked for, as it is in the image.

use insta::assert_snapshot;

use super::{EVERYTHING, build, context, see};
use crate::rebuild::World;
use crate::support::context::TestContext;
use crate::support::lines::mini_release;
use crate::support::platforms::{bases, put};

/// The text of a configuration file of the miniature release.
fn original(version: &str, path: &str) -> String {
    let files = mini_release(version);
    let file = files.into_iter().find(|file| file.path == path).unwrap();
    String::from_utf8(file.bytes).unwrap()
}

#[test]
fn everything_is_in_a_layer_of_its_kind_above_those_of_flink() {
    let context = context("1.20.5");
    let seen = see(&context, &EVERYTHING);
    assert_eq!(
        seen.titles(),
        [
            "user flink, entrypoint",
            "Flink 1.20.5: lib, bin, conf, plugins",
            "Flink 1.20.5: opt, examples",
            "plugins, configuration",
            "libraries",
            "files",
            "job",
        ]
    );
    assert_snapshot!(seen.layer("Flink 1.20.5: opt, examples"), @"
    d 0755 9999:0 /opt/flink/opt
    - 0644 9999:0 /opt/flink/opt/flink-s3-fs-hadoop-1.20.5.jar
    ");
    assert_snapshot!(seen.layer("plugins, configuration"), @"
    d 0755 9999:0 /opt/flink
    d 0775 9999:0 /opt/flink/conf
    - 0644 9999:0 /opt/flink/conf/config.yaml
    - 0644 9999:0 /opt/flink/conf/log4j-console.properties
    d 0775 9999:0 /opt/flink/plugins
    d 0755 9999:0 /opt/flink/plugins/flink-s3-fs-hadoop
    l 0777 9999:0 /opt/flink/plugins/flink-s3-fs-hadoop/flink-s3-fs-hadoop-1.20.5.jar -> ../../opt/flink-s3-fs-hadoop-1.20.5.jar
    ");
    assert_snapshot!(seen.layer("libraries"), @"
    d 0755 9999:0 /opt/flink
    d 0755 9999:0 /opt/flink/lib
    - 0644 9999:0 /opt/flink/lib/metrics.jar
    ");
    assert_snapshot!(seen.layer("files"), @"
    d 0755 9999:0 /opt/data
    d 0755 9999:0 /opt/data/deep
    d 0755 9999:0 /opt/data/deep/empty
    l 0777 9999:0 /opt/data/deep/link -> ../rules.json
    - 0755 9999:0 /opt/data/deep/run.sh
    - 0644 9999:0 /opt/data/rules.json
    d 0755 9999:0 /opt/flink
    d 0775 9999:0 /opt/flink/conf
    - 0644 9999:0 /opt/flink/conf/rules.json
    ");
    assert_eq!(
        seen.text("opt/flink/conf/log4j-console.properties"),
        "rootLogger.level = WARN\n"
    );
    assert_eq!(seen.text("opt/data/rules.json"), "{}");
    let config = &seen.config;
    assert_eq!(config["User"], "1234:0");
    assert!(
        seen.text("etc/passwd")
            .ends_with("flink:x:1234:0:Apache Flink:/opt/flink:/sbin/nologin\n")
    );
    let env = config["Env"].as_array().unwrap();
    assert!(
        env.contains(&"TZ=Europe/Berlin".into()) && env.contains(&"A=1".into()),
        "{env:?}"
    );
    assert_eq!(config["Labels"]["com.acme.commit"], "abc");
    assert_eq!(config["Labels"]["flink-img.flink.version"], "1.20.5");
    assert_eq!(seen.manifest["annotations"]["com.acme.team"], "streams");
}

#[test]
fn the_layers_of_flink_are_the_same_whatever_is_put_above_them() {
    let context = context("1.20.5");
    let bare = see(&context, &[]);
    let without_slim: Vec<_> = EVERYTHING
        .into_iter()
        .filter(|word| *word != "--slim")
        .collect();
    let full = see(&context, &without_slim);
    let (bare, full) = (bare.digests(), full.digests());
    for title in [
        "Flink 1.20.5: lib, bin, conf, plugins",
        "Flink 1.20.5: opt, examples",
        "job",
    ] {
        assert_eq!(bare[title], full[title], "{title}");
    }
    assert_ne!(
        bare["user flink, entrypoint"],
        full["user flink, entrypoint"]
    );
}

#[test]
fn the_order_of_words_does_not_matter() {
    let context = context("1.20.5");
    let digest = |words: &[&str]| build(&context, words).json()["digest"].clone();
    let first = digest(&EVERYTHING);
    // Words that take no value come first, so that the others can be turned around in pairs.
    let rest: Vec<_> = EVERYTHING
        .into_iter()
        .filter(|word| *word != "--slim")
        .collect();
    let mut turned: Vec<_> = rest.chunks(2).rev().flatten().copied().collect();
    turned.push("--slim");
    assert_eq!(digest(&turned), first);
    let twice = [
        &EVERYTHING[..],
        &["--plugin", "flink-s3-fs-hadoop", "--env", "A=1"],
    ]
    .concat();
    assert_eq!(digest(&twice), first);
}

#[test]
fn settings_change_nothing_but_their_values_in_the_file_of_each_line() {
    for (version, file, replaced, added) in [
        (
            "1.8.3",
            "conf/flink-conf.yaml",
            ("jobmanager.rpc.port: 6123", "jobmanager.rpc.port: 7123"),
            "a.new.key: x: y",
        ),
        (
            "1.18.1",
            "conf/flink-conf.yaml",
            ("jobmanager.rpc.port: 6123", "jobmanager.rpc.port: 7123"),
            "a.new.key: x: y",
        ),
        (
            "1.20.5",
            "conf/config.yaml",
            ("    port: 6123", "    port: 7123"),
            "a.new.key: 'x: y'",
        ),
        (
            "2.3.0",
            "conf/config.yaml",
            ("    port: 6123", "    port: 7123"),
            "a.new.key: 'x: y'",
        ),
    ] {
        let context = context(version);
        let bare = see(&context, &[]);
        let words = [
            "--flink-conf",
            "a.new.key=no",
            "--flink-conf",
            "jobmanager.rpc.port=7123",
            "--flink-conf",
            "a.new.key=x: y",
        ];
        let seen = see(&context, &words);
        let home = if version == "1.8.3" {
            "opt/flink-1.8.3"
        } else {
            "opt/flink"
        };
        let path = format!("{home}/{file}");
        let before = bare.text(&path);
        assert_eq!(before.matches(replaced.0).count(), 1, "{before}");
        let expected = before.replace(replaced.0, replaced.1);
        assert_eq!(
            seen.text(&path),
            format!("{expected}{added}\n"),
            "{version}"
        );
        assert!(original(version, file).contains(replaced.0));
    }
}

#[test]
fn a_file_of_settings_is_merged_and_java_keeps_its_open_modules() {
    let context = context("1.20.5");
    context.write(
        "settings.yaml",
        "rest:\n  port: 9091\nenv.java.opts.all: -Dx=y\npipeline.jars:\n  - a\n  - b\n",
    );
    let run = build(
        &context,
        &[
            "--flink-conf",
            "settings.yaml",
            "--flink-conf",
            "rest.port=9092",
        ],
    );
    assert!(run.stderr.contains("`env.java.opts.all` keeps "), "{run}");
    let seen = see(
        &context,
        &[
            "--flink-conf",
            "settings.yaml",
            "--flink-conf",
            "rest.port=9092",
        ],
    );
    let text = seen.text("opt/flink/conf/config.yaml");
    let options = text
        .lines()
        .find(|line| line.trim_start().starts_with("all: "))
        .unwrap();
    assert!(
        options.contains("--add-opens") && options.ends_with(" -Dx=y"),
        "{options}"
    );
    assert!(
        text.ends_with("pipeline.jars: [a, b]\nrest.port: 9092\n"),
        "{text}"
    );
    assert!(!text.contains("9091") && text.contains("0.0.0.0"), "{text}");
}

#[test]
fn a_line_with_two_configuration_files_gets_the_settings_into_the_one_that_it_reads() {
    let context = context("1.20.5");
    let mut files = mini_release("1.20.5");
    let mut legacy = files[0].clone();
    legacy.path = "conf/flink-conf.yaml".to_owned();
    legacy.bytes = b"rest.port: 8081\n".to_vec();
    legacy.executable = false;
    files.push(legacy);
    context.write("flink.tgz", crate::support::lines::packed("1.20.5", &files));
    let seen = see(&context, &["--flink-conf", "rest.port=9091"]);
    assert_eq!(
        seen.text("opt/flink/conf/flink-conf.yaml"),
        "rest.port: 9091\n"
    );
    assert!(!seen.layer("plugins, configuration").contains("config.yaml"));
}

#[test]
fn what_is_left_out_is_told() {
    let context = context("1.20.5");
    let run = build(&context, &["--slim", "--plugin", "flink-s3-fs-hadoop"]);
    let told: Vec<_> = run
        .stderr
        .lines()
        .filter(|line| line.contains("--slim"))
        .collect();
    assert_snapshot!(told.join("\n"), @"`--slim` leaves out 6 files of `opt/` and `examples/` of Flink, 1.70 KiB");
    // Nothing of it stays when nothing is chosen.
    let seen = see(&context, &["--slim"]);
    assert_eq!(
        seen.titles(),
        [
            "user flink, entrypoint",
            "Flink 1.20.5: lib, bin, conf, plugins",
            "job"
        ]
    );
}

#[test]
fn libraries_and_files_of_an_old_line_lie_in_its_real_home() {
    let context = context("1.10.3");
    let words = [
        "--lib",
        "lib/metrics.jar",
        "--add",
        "data/rules.json:/opt/flink/conf/rules.json",
        "--plugin",
        "flink-s3-fs-hadoop",
    ];
    let seen = see(&context, &words);
    assert_snapshot!(seen.layer("libraries"), @"
    d 0755 9999:0 /opt/flink-1.10.3
    d 0755 9999:0 /opt/flink-1.10.3/lib
    - 0644 9999:0 /opt/flink-1.10.3/lib/metrics.jar
    ");
    assert_snapshot!(seen.layer("files"), @"
    d 0755 9999:0 /opt/flink-1.10.3
    d 0775 9999:0 /opt/flink-1.10.3/conf
    - 0644 9999:0 /opt/flink-1.10.3/conf/rules.json
    ");
    assert_snapshot!(seen.layer("plugins, configuration"), @"
    d 0755 9999:0 /opt/flink-1.10.3
    d 0775 9999:0 /opt/flink-1.10.3/plugins
    d 0755 9999:0 /opt/flink-1.10.3/plugins/flink-s3-fs-hadoop
    l 0777 9999:0 /opt/flink-1.10.3/plugins/flink-s3-fs-hadoop/flink-s3-fs-hadoop-1.10.3.jar -> ../../opt/flink-s3-fs-hadoop-1.10.3.jar
    ");
}

#[test]
fn the_file_says_what_the_words_say() {
    let context = context("1.20.5");
    let words = build(&context, &EVERYTHING).json()["digest"].clone();
    context.write(
        "flink-img.toml",
        "\
[content]
plugins = 'flink-s3-fs-hadoop'
slim = true
libraries = ['lib/metrics.jar']
log4j = 'log4j.properties'
files = ['data:/opt/data', 'data/rules.json:/opt/flink/conf/rules.json']
user = '1234'
env = {TZ = 'Europe/Berlin', A = '1'}
flink-conf = {state.backend.type = 'rocksdb', 'rest.port' = 9091}
[content.labels]
'com.acme.commit' = 'other'
'com.acme.branch' = 'main'
[content.annotations]
'com.acme.team' = 'streams'
'com.acme.cost' = '7'
",
    );
    let found = build(&context, &["--label", "com.acme.commit=abc"]).json()["digest"].clone();
    assert_eq!(found, words);
}

#[test]
fn an_index_has_the_annotations_that_are_given() {
    let (world, context) = (World::new(), TestContext::new());
    put(
        &world.registry,
        "acme/base",
        "all",
        &bases(&["linux/amd64", "linux/arm64/v8"], 10),
    );
    let (base, name) = (world.name("acme/base:all"), world.name("acme/job:1"));
    let words = [
        "--platform",
        "linux/amd64,linux/arm64",
        "--annotation",
        "com.acme.team=streams",
    ];
    world.push_on(&context, &base, &name, &words).ok();
    let (_, index) = world.registry.manifest("acme/job", "1").unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(
        index["annotations"],
        serde_json::json!({"com.acme.team": "streams"})
    );
    for manifest in index["manifests"].as_array().unwrap() {
        let digest = manifest["digest"].as_str().unwrap();
        let (_, manifest) = world.registry.manifest("acme/job", digest).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["annotations"]["com.acme.team"], "streams");
    }
}

#[test]
fn the_place_of_what_is_left_out_is_free() {
    let context = context("1.20.5");
    let place = "opt/flink/opt/flink-s3-fs-hadoop-1.20.5.jar";
    let add = format!("--add=data/rules.json:/{place}");
    let refused = build(&context, &[&add]);
    assert_eq!(refused.code, 3, "{refused}");
    let seen = see(&context, &["--slim", &add]);
    assert_eq!(seen.text(place), "{}");
}

#[test]
fn where_annotations_are_lost_is_told() {
    let context = context("1.20.5");
    let note = "`docker load` keeps no annotations";
    for (words, is_told) in [
        (
            &["-o", "docker-archive:d.tar", "--annotation=a=b"][..],
            true,
        ),
        (&["-o", "docker-archive:d.tar"], false),
        (&["--annotation=a=b"], false),
    ] {
        let built = build(&context, words);
        assert_eq!(built.code, 0, "{built}");
        assert_eq!(built.stderr.contains(note), is_told, "{words:?}: {built}");
    }
}
