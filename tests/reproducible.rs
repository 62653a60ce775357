//! The same inputs give the same image: the digests of the miniature images are written down here, and nothing that is
//! no input changes them.
//!
//! A digest below that changes means that everybody's images change. That is allowed when it is meant: then raise
//! `RECIPE_VERSION` (layers that were made before must not be taken for these), and say in `CHANGELOG.md`, under "Digest
//! changes", what is different and why. Only then take over the new ones (`cargo insta test --accept`).
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use flink_img::layer::RECIPE_VERSION;
use insta::assert_snapshot;
use serde_json::Value;
use support::context::{BASE, Run, TestContext, is_root};
use support::fixtures::{Compress, Packing, mini_archive, mini_files};
use support::platforms::{bases, write};
use support::registry::Registry;
use support::workshop::noise;

/// Manifest, config and diff ids of an image that was built with `--json`.
fn digests(run: &Run) -> String {
    let json = run.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut lines = format!(
        "manifest {}\nconfig {}\n",
        text(&json["digest"]),
        text(&json["configDigest"])
    );
    for layer in json["layers"].as_array().unwrap() {
        let (title, diff_id) = (text(&layer["title"]), text(&layer["diffId"]));
        writeln!(lines, "{diff_id} {title}").unwrap();
    }
    lines
}

/// The usual job image, whose digest every variation must have.
fn usual() -> String {
    TestContext::new().digest(&[])
}

#[test]
fn golden_session_image() {
    let context = TestContext::new();
    assert_eq!(RECIPE_VERSION, 2, "see the top of this file");
    assert_snapshot!(digests(&context.build(&["--json"])), @"
    manifest sha256:f7f4ba3ba34bda1c943e2e9bd713a4bbe36ad08d0aa65b4fff903d4155c3f720
    config sha256:75040fb692c162ab2ccee6ddb3403cc63515f5ebba9f53605aaa1d7ed572c826
    sha256:1659d9edb1b91eb4d804e4bc8a22be5bcc16e97ed24b0c5e978675f5e819d6fa base
    sha256:bd21e9742206f4f2240b554197097b0da92b75d8109c699033ceda3c56beb113 user flink, entrypoint
    sha256:6e298d4718fb795104ab0e1685e74e307a57c45fe385dde915beb3064149e65d Flink 1.20.5: lib, bin, conf, plugins
    sha256:0bd5c4bdcd7ce770177bd01942215ba19b101f0e1c004b2913510b66169b0acb Flink 1.20.5: opt, examples
    ");
}

#[test]
fn golden_job_image() {
    let context = TestContext::new();
    context.write("table.csv", b"1,2\n");
    let words = ["--job-jar", "job.jar", "--json"];
    let job = digests(&context.build(&words));
    assert_snapshot!(job, @"
    manifest sha256:2f7fb814147f7873c6a83d7e6d9ef26fa5164baf7bfbaeb598d710c5ff4da9d4
    config sha256:df983e41cd0c4451a4c545ab1296f6e75eca039f4ce58ca42ebc676476df1dec
    sha256:1659d9edb1b91eb4d804e4bc8a22be5bcc16e97ed24b0c5e978675f5e819d6fa base
    sha256:bd21e9742206f4f2240b554197097b0da92b75d8109c699033ceda3c56beb113 user flink, entrypoint
    sha256:6e298d4718fb795104ab0e1685e74e307a57c45fe385dde915beb3064149e65d Flink 1.20.5: lib, bin, conf, plugins
    sha256:0bd5c4bdcd7ce770177bd01942215ba19b101f0e1c004b2913510b66169b0acb Flink 1.20.5: opt, examples
    sha256:df45804ed89546ee39615a57c98b3d67eaad084c83897804f24cd5bbed71592d job
    ");
    let words = [&words[..], &["--job-artifacts", "table.csv"]].concat();
    assert_snapshot!(digests(&context.build(&words)), @"
    manifest sha256:7a0fecf38ca75eea6104c2d3b3d20b87043cdcbdc3cbe3941e33861c11109ca7
    config sha256:ee9b2eb96e0aa1cb99fb29e52e9787f6b7b9fb4c04479fc4506fc8d892cdc3bb
    sha256:1659d9edb1b91eb4d804e4bc8a22be5bcc16e97ed24b0c5e978675f5e819d6fa base
    sha256:bd21e9742206f4f2240b554197097b0da92b75d8109c699033ceda3c56beb113 user flink, entrypoint
    sha256:6e298d4718fb795104ab0e1685e74e307a57c45fe385dde915beb3064149e65d Flink 1.20.5: lib, bin, conf, plugins
    sha256:0bd5c4bdcd7ce770177bd01942215ba19b101f0e1c004b2913510b66169b0acb Flink 1.20.5: opt, examples
    sha256:ac0a1c266abac2ce0220c58378c87902f75de84528a7cd2a198f92056cc470f0 job dependencies
    sha256:df45804ed89546ee39615a57c98b3d67eaad084c83897804f24cd5bbed71592d job
    ");
    assert!(job.contains(&usual()));
}

/// One of each thing that can be put into an image on request.
#[test]
fn golden_job_image_with_content() {
    let context = TestContext::new();
    context.write("library.jar", b"a library");
    context.write("log4j.properties", b"rootLogger.level = WARN\n");
    context.write(
        "settings.yaml",
        b"rest:\n  port: 9091\npipeline.jars: [a, b]\n",
    );
    std::fs::create_dir(context.path("data")).unwrap();
    context.write("data/rules.json", b"{}");
    let words = [
        "--job-jar",
        "job.jar",
        "--json",
        "--plugin",
        "flink-s3-fs-hadoop",
        "--slim",
        "--lib",
        "library.jar",
        // It is none.
        "--allow",
        "jar-damaged",
        "--flink-conf",
        "settings.yaml",
        "--flink-conf",
        "state.backend.type=rocksdb",
        "--log4j",
        "log4j.properties",
        "--add",
        "data:/opt/data",
        "--env",
        "TZ=Europe/Berlin",
        "--label",
        "com.acme.commit=abc",
        "--annotation",
        "com.acme.team=streams",
        "--user",
        "1234",
    ];
    assert_snapshot!(digests(&context.build(&words)), @"
    manifest sha256:b898d5e35849f5b27eefa5eb28c82fa7668acfea6134f65ca80498b9cad1cb66
    config sha256:ad407b2435fc89c2ec7de55f2d673fe44960489330053dec904c8eff34507de8
    sha256:1659d9edb1b91eb4d804e4bc8a22be5bcc16e97ed24b0c5e978675f5e819d6fa base
    sha256:ea14a28ecf7c1417325b6161f4aa2ae99857f4b0777d93a30227ef0ee5810b47 user flink, entrypoint
    sha256:6e298d4718fb795104ab0e1685e74e307a57c45fe385dde915beb3064149e65d Flink 1.20.5: lib, bin, conf, plugins
    sha256:fa7331cde7df40c179db55fd51531b6816e77f63a33b81b28bac9e24378ddf54 Flink 1.20.5: opt, examples
    sha256:4080e4c0203dd0fcee5e8dfa495c74b3be29c0da93952a5df74551fb55d9b956 plugins, configuration
    sha256:90e921fd7274460495b89f2f7d6682cd3faf2ab327c48933b8096370719679c5 libraries
    sha256:ac7b293421f78e3ba63e137d7b8a62479664bcba5662a6f38e70f36f028823ba files
    sha256:df45804ed89546ee39615a57c98b3d67eaad084c83897804f24cd5bbed71592d job
    ");
}

#[test]
fn golden_job_image_of_other_compressions() {
    let context = TestContext::new();
    let build = |choice: &str| {
        let words = ["--job-jar", "job.jar", "--compression", choice];
        context.build(&words).digest()
    };
    assert_snapshot!(build("zstd"), @"sha256:c4b5f8cdfdd2ba34c5eb19a14806116a26e700a0fb57dd686fe496b58a6929d1");
    assert_snapshot!(build("gzip:6"), @"sha256:c0b850089b623d64a748f9a0bd7ad46dc648c723447ef61b3bca7515ef1c62e1");
}

#[test]
fn golden_index() {
    let context = TestContext::new();
    let base = bases(&["linux/amd64", "linux/arm64/v8", "linux/arm/v7"], 0);
    write(&base, &context.work(), "oci:base", "acme/base:1");
    let build = |platforms: &str| {
        let words = ["build", "--base", "oci:base", "--from-archive", "flink.tgz"];
        let more = ["--job-jar", "job.jar", "--json", "--platform", platforms];
        context.run(words.iter().chain(&more))
    };
    let run = build("linux/arm64,linux/amd64,linux/arm/v7");
    let json = run.json();
    let images = json["images"].as_array().unwrap();
    let mut lines = format!("index {}\n", json["digest"].as_str().unwrap());
    for image in images {
        let platform = image["platform"]["architecture"].as_str().unwrap();
        writeln!(lines, "{platform} {}", image["digest"].as_str().unwrap()).unwrap();
    }
    assert_snapshot!(lines, @"
    index sha256:a45e99359c45c80fef65718e9205256d0643566087fcf3b13843956250ad7e11
    amd64 sha256:ee5660c737bc37069b6d8275f207e5eb674a6da46711a538358bd6c3fe2570a3
    arm sha256:eeb8f5e0484046f632b4b28c649e903ce74116b31a96982b79ee103ec90377e7
    arm64 sha256:a5e5eee85be23e3b4210371aeaf74ac1d0f54044214db5ddb646c2a3e07264b8
    ");
    assert_eq!(build("linux/arm/v7,linux/amd64,linux/arm64").json(), json);
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let context = TestContext::new();
    // Half of it can be compressed, and it is long enough for every thread to get some.
    let mut artifact = noise(4 << 20);
    for piece in artifact.chunks_mut(512) {
        let half = piece.len() / 2;
        piece[half..].fill(b'x');
    }
    context.write("data.bin", artifact);
    for choice in ["zstd", "gzip:6"] {
        let mut digests = BTreeSet::new();
        for threads in ["1", "2", "7"] {
            // A store of its own each time, so that everything is made again.
            let store = format!("../{choice}-{threads}");
            let words = ["--jobs", threads, "--cache-dir", &store];
            let more = ["--compression", choice, "--job-artifacts", "data.bin"];
            digests.insert(context.digest(&[words, more].concat()));
        }
        assert_eq!(digests.len(), 1, "{choice}");
    }
}

#[test]
fn the_environment_of_a_build_does_not_matter() {
    let expected = usual();
    let mut context = TestContext::new();
    for (name, value) in [
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("HOME", "/"),
        ("HOSTNAME", "elsewhere"),
        ("USER", "somebody"),
        ("FLINK_HOME", "/other"),
        ("JAVA_HOME", "/other"),
    ] {
        context.set(name, value);
    }
    for (place, mask) in ["077", "000", "027"].iter().enumerate() {
        // A store of its own each time, so that everything is made again.
        let store = format!("../store-{place}");
        context.first(&format!("umask {mask}"));
        assert_eq!(context.digest(&["--cache-dir", &store]), expected, "{mask}");
    }
    for jobs in ["1", "2", "7"] {
        let store = format!("../jobs-{jobs}");
        context.set("FLINK_IMG_JOBS", jobs);
        assert_eq!(context.digest(&["--cache-dir", &store]), expected, "{jobs}");
    }
}

#[test]
fn the_working_folder_and_the_names_of_inputs_do_not_matter() {
    let expected = usual();
    let context = TestContext::new();
    let elsewhere = context.path("else where/ünder");
    std::fs::create_dir_all(&elsewhere).unwrap();
    for name in ["base.tar", "flink.tgz"] {
        std::fs::rename(context.path(name), elsewhere.join(format!("x-{name}"))).unwrap();
    }
    let absolute = |name: &str| elsewhere.join(name).display().to_string();
    let mut command = context.command([
        "build",
        "--base",
        &format!("rootfs:{}", absolute("x-base.tar")),
        "--from-archive",
        &absolute("x-flink.tgz"),
        "--job-jar",
        "../../job.jar",
        "-t",
        "other.example.org/name:tag",
    ]);
    command.current_dir(&elsewhere);
    assert_eq!(context.finish(command).digest(), expected);
}

#[test]
fn the_user_does_not_matter() {
    if !is_root() {
        // Every other test in this file is run by such a user already.
        return;
    }
    let expected = usual();
    let mut context = TestContext::new();
    context.become_nobody();
    assert_eq!(context.digest(&[]), expected);
    context.set("HOME", "/nonexistent");
    assert_eq!(context.digest(&["-t", "again"]), expected);
}

#[test]
fn what_the_cache_knows_does_not_matter() {
    let expected = usual();
    let context = TestContext::new();
    assert_eq!(context.digest(&[]), expected, "cold");
    assert_eq!(context.digest(&[]), expected, "warm");
    // Half of it is gone.
    let blobs = context.store().join("blobs/sha256");
    for (place, entry) in std::fs::read_dir(&blobs).unwrap().enumerate() {
        if place % 2 == 0 {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    assert_eq!(context.digest(&[]), expected, "half");
    std::fs::remove_dir_all(context.store().join("facts")).unwrap();
    assert_eq!(context.digest(&[]), expected, "without facts");
}

#[test]
fn how_the_distribution_is_packed_does_not_matter() {
    let expected = usual();
    let context = TestContext::new();
    let plain = Packing::default();
    for (place, packing) in [
        Packing {
            compress: Compress::None,
            mtime: 0,
            ..plain
        },
        Packing {
            compress: Compress::Xz,
            reversed: true,
            ..plain
        },
        Packing {
            compress: Compress::Zstd,
            mode: 0o600,
            dotted: true,
            ..plain
        },
        Packing {
            mtime: 2_000_000_000,
            lost_bits: true,
            mode: 0o664,
            ..plain
        },
    ]
    .iter()
    .enumerate()
    {
        mini_archive(&context.path("flink.tgz"), packing);
        let store = format!("../store-{place}");
        assert_eq!(
            context.digest(&["--cache-dir", &store]),
            expected,
            "{packing:?}"
        );
    }
}

#[test]
fn a_folder_is_as_good_as_an_archive_whatever_its_times_and_order() {
    let expected = usual();
    let context = TestContext::new();
    let build = |folder: &str, store: &str| {
        let words = ["build", "--base", BASE, "--job-jar", "job.jar"];
        let more = ["--from-local-dist", folder, "--cache-dir", store];
        context.run(words.iter().chain(&more)).digest()
    };
    assert_eq!(build("flink-1.20.5", "../store-1"), expected);
    // The same files, made in another order, with other times, and modes that say as much.
    let other = context.path("other/flink");
    std::fs::create_dir_all(other.join("log")).unwrap();
    for (place, file) in mini_files().iter().rev().enumerate() {
        use std::os::unix::fs::PermissionsExt as _;
        let path = other.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.bytes).unwrap();
        let mode = if file.executable { 0o700 } else { 0o600 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set_time(&path, 1_000_000 * u64::try_from(place).unwrap());
    }
    std::os::unix::fs::symlink("config.yaml", other.join("conf/flink.yaml")).unwrap();
    set_time(&context.path("job.jar"), 7);
    set_time(&context.path("base.tar"), 7);
    for folder in ["lib", "bin", "conf", ""] {
        set_time(&other.join(folder), 42);
    }
    assert_eq!(build("other/flink", "../store-2"), expected);
}

fn set_time(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let file = std::fs::File::open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn where_the_image_goes_does_not_matter() {
    let expected = usual();
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    assert_eq!(context.digest(&["--push", "-t", &name]), expected);
    let (_, pushed) = registry.manifest("acme/job", "1").unwrap();
    assert_eq!(flink_img::oci::Digest::of(&pushed).to_string(), expected);
    let words = ["-o", "oci:out", "-o", "oci-archive:a.tar"];
    assert_eq!(context.digest(&words), expected);
    let hex = expected.strip_prefix("sha256:").unwrap();
    assert_eq!(context.read(&format!("out/blobs/sha256/{hex}")), pushed);
    // The archives themselves are the same too, with the same names in them.
    let first = context.read("a.tar");
    let later = TestContext::new();
    let words = ["-o", "oci-archive:a.tar"];
    assert_eq!(later.digest(&words), expected);
    assert!(first == later.read("a.tar"), "the archives differ");
}

#[test]
fn source_date_epoch_sets_the_time_of_creation_and_nothing_else() {
    let mut context = TestContext::new();
    let config = |context: &TestContext, folder: &str| {
        let output = format!("oci:{folder}");
        let words = ["--job-jar", "job.jar", "--json", "-o", &output];
        let run = context.build(&words);
        let json = run.json();
        let digest = json["configDigest"].as_str().unwrap();
        let hex = digest.strip_prefix("sha256:").unwrap();
        let bytes = context.read(&format!("{folder}/blobs/sha256/{hex}"));
        let config: Value = serde_json::from_slice(&bytes).unwrap();
        (config, json["layers"].clone(), run.stderr)
    };
    let (mut usual, usual_layers, _) = config(&context, "one");
    context.set("SOURCE_DATE_EPOCH", "1700000000");
    let (dated, dated_layers, said) = config(&context, "two");
    assert!(said.contains("SOURCE_DATE_EPOCH is 1700000000"), "{said}");
    assert_eq!(usual["created"], "1980-01-01T00:00:01Z");
    assert_eq!(dated["created"], "2023-11-14T22:13:20Z");
    usual["created"] = dated["created"].clone();
    assert_eq!(usual, dated);
    assert_eq!(usual_layers, dated_layers);
}
