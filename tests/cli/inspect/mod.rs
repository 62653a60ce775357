//! `flink-img inspect`: images of ours and of others, wherever they are.

mod files;
mod json;
mod refused;
mod tree;

use flink_img::oci::Digest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::context::{Run, TestContext, base, base_config, layer};
use crate::support::fixtures::{Compress, Raw, tar};
use crate::support::platforms::{bases, put};
use crate::support::registry::Registry;

/// `inspect` with more words.
fn inspect(context: &TestContext, words: &[&str]) -> Run {
    context.run(["inspect"].iter().chain(words))
}

/// What is shown of the image of the usual build, wherever that is, behind its name and digest; without the numbers.
const USUAL: &str = "\
platform     linux/amd64
base         Tiny Linux 1
recipe       2
created      1980-01-01T00:00:01Z
flink        1.20.5
scala        2.12
java         17.0.15, /usr/lib/jvm/java-17
entry class  org.example.Job
job jar      /opt/artifacts/job.jar
user         9999:9999
entrypoint   /docker-entrypoint.sh
arguments    help
commands     job-cluster|standalone-job, task-manager|taskmanager, jobmanager,
             history-server|historyserver, help|--help|-h
job options  -j|--job-classname CLASS, -D KEY=VALUE, -r|--webui-port PORT, -s|--fromSavepoint PATH,
             -n|--allowNonRestoredState, -jid|--job-id ID, -h|--host HOST, -jars|--jars JAR,...

#  LAYER                                       SIZE    SHARE  DIGEST        FROM
1  root file system # B # % [DIGEST] base
2  user flink, entrypoint # B # % [DIGEST] own
3  Flink 1.20.5: lib, bin, conf, plugins # B # % [DIGEST] own
4  Flink 1.20.5: opt, examples # B # % [DIGEST] own
5  job # B # % [DIGEST] own
   base # B # %
   own # B # %
   total # B # %";

/// A result without what changes with every byte of Flink or the entrypoint: the numbers of the table. [`USUAL`]
/// has a word of its own.
fn masked(run: &Run) -> String {
    let text = run.to_string();
    let (head, table) = text.split_once("LAYER").unwrap();
    let digits = |c: char| c.is_ascii_digit();
    let rows = table.lines().map(|row| {
        // The title has digits of its own; what is behind it begins at the first size.
        let unit = ["KiB", "MiB", " B "].iter().find_map(|unit| row.find(unit));
        let Some(unit) = unit else {
            return row.to_owned();
        };
        let size = row[..unit].trim_end().rfind("  ").unwrap();
        let numbers: String = row[size..]
            .split(' ')
            .map(|word| match word {
                word if word.len() == 12 && word.chars().all(|c| c.is_ascii_hexdigit()) => {
                    "[DIGEST]".to_owned()
                }
                word if word.contains(digits) => "#".to_owned(),
                "KiB" | "MiB" => "B".to_owned(),
                word => word.to_owned(),
            })
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        format!("{} {numbers}", row[..size].trim_end())
    });
    let text = format!("{head}LAYER{}", rows.collect::<Vec<_>>().join("\n"));
    text.replace(USUAL, "[THE USUAL IMAGE]")
}

/// Puts an image of somebody else into a registry, as `acme/other:1`: three layers, of which each is compressed in its way.
fn put_foreign(registry: &Registry) -> Digest {
    let lower = tar(&[
        Raw::folder("opt"),
        Raw::file("opt/data", &[7; 3000]),
        Raw::hard_link("opt/copy", "opt/data"),
        Raw {
            mode: 0o4755,
            ..Raw::file("usr/bin/su", b"x")
        },
        Raw::symlink("bin", "usr/bin"),
        Raw::of_kind("dev/null", b'3'),
    ]);
    let middle = tar(&[
        Raw::file("opt/.wh.data", b""),
        Raw::file("etc/.wh..wh..opq", b""),
        Raw::file("etc/new\nline", b"1"),
        Raw::file("日本/語", b"12"),
    ]);
    let upper = tar(&[Raw::folder("./"), Raw::file("/absolute", b"123")]);
    let layers = [
        (&lower, Compress::Gzip),
        (&middle, Compress::Zstd),
        (&upper, Compress::None),
    ];
    let diff_ids = layers.map(|(tar, _)| Digest::of(tar));
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Entrypoint": ["/entry point", "-x"], "Cmd": ["a", "b"], "Env": ["SECRET=hunter2"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:0123456789abcdef in /"},
            {"created_by": "/bin/sh -c #(nop)  ENV SECRET=", "empty_layer": true},
            {"created_by": "RUN /bin/sh -c apt-get update \\\n    && apt-get install -y --no-install-recommends tini \u{1b}[2J"},
            {"comment": "no title"},
        ],
    });
    let layers = layers.map(|(tar, how)| layer(tar, how));
    let layers = layers
        .each_ref()
        .map(|(media_type, bytes)| (media_type.clone(), &bytes[..]));
    registry.put_image("acme/other", "1", config.to_string().as_bytes(), &layers)
}

#[test]
fn an_image_that_was_kept_is_shown() {
    let context = TestContext::new();
    let digest = context.digest(&[]);
    let run = inspect(&context, &["flink-job"]);
    assert_snapshot!(masked(&run), @"
    exit code: 0
    ----- stdout -----
    name         docker.io/library/flink-job
    found in     the local store
    digest       sha256:[1]
    [THE USUAL IMAGE]
    ");
    // As the build prints it.
    let pinned = format!("flink-job@{digest}");
    assert_eq!(inspect(&context, &[&pinned]).ok().stdout, run.stdout);
    // A session cluster has no job.
    context.build(&["-t", "session:1"]).ok();
    let session = inspect(&context, &["session:1"]).ok();
    assert!(!session.stdout.contains("entry class"), "{session}");
}

#[test]
fn an_image_in_a_registry_costs_two_requests_and_no_layer() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    let digest = context
        .build(&["--job-jar", "job.jar", "--push", "-t", &name])
        .digest();
    registry.clear_requests();
    let run = inspect(&context, &[&name]);
    assert_snapshot!(masked(&run), @"
    exit code: 0
    ----- stdout -----
    name         127.0.0.1:[PORT]/acme/job:1
    found in     its registry
    digest       sha256:[1]
    [THE USUAL IMAGE]
    ----- stderr -----
    sha256:[2]: pulled, [SIZE]
    ");
    assert!(run.stdout.contains(&digest));
    let mut lines = registry.lines();
    for line in &mut lines {
        *line = run.plain(line).trim_end().to_owned();
    }
    assert_eq!(
        lines,
        [
            "GET /v2/acme/job/manifests/1 200",
            "GET /v2/acme/job/blobs/sha256:[1] 200"
        ]
    );
    context.assert_nothing_kept();
}

#[test]
fn an_index_costs_three_requests_and_its_platforms_are_listed() {
    let (context, registry) = (TestContext::new(), Registry::start());
    put(
        &registry,
        "acme/base",
        "all",
        &bases(&["linux/arm64", "linux/amd64"], 0),
    );
    let name = format!("{}/acme/base:all", registry.address());
    let run = inspect(&context, &[&name]).ok();
    assert_eq!(registry.requests().len(), 3, "{:?}", registry.lines());
    assert_snapshot!(masked(&run), @"
    exit code: 0
    ----- stdout -----
    name        127.0.0.1:[PORT]/acme/base:all
    found in    its registry
    digest      sha256:[1]
    index       sha256:[2]
    platforms   linux/amd64, linux/arm64
    platform    linux/amd64
    flink       unknown, as the image has no labels of flink-img
    user        root, as none is set
    entrypoint  /own.sh

    #  LAYER            SIZE    SHARE  DIGEST        FROM
    1  the base's own # B # % [DIGEST] -
       total # B # %
    ----- stderr -----
    sha256:[3]: pulled, [SIZE]
    ");
    let other = inspect(&context, &[&name, "--platform", "linux/arm64", "--json"]).json();
    assert_eq!(other["platform"], "linux/arm64");
    let json = inspect(&context, &[&name, "--json"]).json();
    assert_eq!(json["platform"], "linux/amd64");
    assert_eq!(json["index"], other["index"]);
    assert_ne!(json["digest"], other["digest"]);
    let images = json["index"]["images"].as_array().unwrap();
    let listed = images
        .iter()
        .find(|image| image["platform"] == "linux/arm64");
    assert_eq!(listed.unwrap()["digest"], other["digest"]);

    // The only one there is needs not be chosen.
    let only = bases(&["linux/s390x", "linux/s390x"], 0);
    put(&registry, "acme/base", "only", &only);
    let name = format!("{}/acme/base:only", registry.address());
    let json = inspect(&context, &[&name, "--json"]).json();
    assert_eq!(json["platform"], "linux/s390x");
}

#[test]
fn the_store_comes_first_and_the_registry_when_it_is_asked_for() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", registry.address());
    let pushed = context.build(&["--push", "-t", &name]).digest();
    let source = |words: &[&str]| {
        let json = inspect(&context, &[&[name.as_str(), "--json"], words].concat()).json();
        (
            json["source"]["kind"].as_str().unwrap().to_owned(),
            json["digest"].clone(),
        )
    };
    assert_eq!(source(&[]), ("registry".to_owned(), pushed.clone().into()));
    let kept = context
        .build(&["--job-jar", "job.jar", "-t", &name])
        .digest();
    assert_ne!(kept, pushed);
    registry.clear_requests();
    assert_eq!(source(&[]), ("store".to_owned(), kept.into()));
    assert_eq!(registry.requests().len(), 0);
    assert_eq!(
        source(&["--remote"]),
        ("registry".to_owned(), pushed.into())
    );

    let told = |name: &str, words: &[&str]| {
        let run = inspect(&context, &[&[name, "-v"], words].concat()).ok();
        let is_told = |line: &&str| line.contains("kept on this machine");
        run.plain(run.stderr.lines().find(is_told).unwrap_or_default())
    };
    assert_snapshot!(told(&name, &[]), @"`127.0.0.1:[PORT]/acme/job:1` was kept on this machine, so its registry is not asked");
    assert_snapshot!(told(&name, &["--remote"]), @"");
    put_foreign(&registry);
    let other = format!("{}/acme/other:1", registry.address());
    assert_snapshot!(told(&other, &[]), @"`127.0.0.1:[PORT]/acme/other:1` is not kept on this machine, so its registry is asked");
}

#[test]
fn an_image_of_somebody_else_says_less() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    assert_snapshot!(inspect(&context, &[&name, "-q"]), @r"
    exit code: 0
    ----- stdout -----
    name        127.0.0.1:[PORT]/acme/other:1
    found in    its registry
    digest      sha256:[1]
    platform    linux/amd64
    created     2026-01-02T03:04:05Z
    flink       unknown, as the image has no labels of flink-img
    user        root, as none is set
    entrypoint  '/entry point' -x
    arguments   a b

    #  LAYER                                                           SIZE    SHARE  DIGEST        FROM
    1  /bin/sh -c #(nop) ADD file:0123456789abcdef in /               401 B   12.8 %  39ea7bc98965  -
    2  RUN /bin/sh -c apt-get update \ && apt-get install -y --n…     176 B    5.6 %  22484a034102  -
    3  -                                                           2.50 KiB   81.6 %  bb9a2f525980  -
       total                                                       3.06 KiB  100.0 %
    ");
    context.set("COLUMNS", "60");
    assert_snapshot!(inspect(&context, &[&name, "-q"]).stdout_plain(), @"
    name        127.0.0.1:[PORT]/acme/other:1
    found in    its registry
    digest      sha256:[1]
    platform    linux/amd64
    created     2026-01-02T03:04:05Z
    flink       unknown, as the image has no labels of flink-img
    user        root, as none is set
    entrypoint  '/entry point' -x
    arguments   a b

    #  LAYER                   SIZE    SHARE  DIGEST        FROM
    1  /bin/sh -c #(nop)…     401 B   12.8 %  39ea7bc98965  -
    2  RUN /bin/sh -c ap…     176 B    5.6 %  22484a034102  -
    3  -                   2.50 KiB   81.6 %  bb9a2f525980  -
       total               3.06 KiB  100.0 %
    ");
    // Nobody says how wide a line may be: what reads it is no terminal.
    context.unset("COLUMNS");
    let wide = inspect(&context, &[&name, "-q"]).ok();
    assert!(
        wide.stdout.contains("apt-get update \\ && apt-get install"),
        "{wide}"
    );
}

#[test]
fn what_an_image_is_made_of_need_not_be_known_to_be_shown() {
    let (context, registry) = (TestContext::new(), Registry::start());
    // As `docker push` leaves an image that it loaded: with its config, without annotations. And of a later Flink.
    let tar = base("");
    let mut config: Value = serde_json::from_slice(&base_config("amd64", &tar)).unwrap();
    config["config"]["Labels"] = json!({"flink-img.flink.version": "9.1.0"});
    config["config"]["Entrypoint"] = json!(["/docker-entrypoint.sh"]);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = config.to_string();
    registry.put_image("acme/job", "1", config.as_bytes(), &[(media_type, &bytes)]);
    let name = format!("{}/acme/job:1", registry.address());
    assert_snapshot!(masked(&inspect(&context, &[&name, "-q"])), @"
    exit code: 0
    ----- stdout -----
    name         127.0.0.1:[PORT]/acme/job:1
    found in     its registry
    digest       sha256:[1]
    platform     linux/amd64
    recipe       unknown, as its annotations were lost on the way
    flink        9.1.0, treated like 2.3
    user         root, as none is set
    entrypoint   /docker-entrypoint.sh
    commands     job-cluster|standalone-job, task-manager|taskmanager, jobmanager,
                 history-server|historyserver, help|--help|-h
    job options  -j|--job-classname CLASS, -D KEY=VALUE, -s|--fromSavepoint PATH,
                 -n|--allowNonRestoredState, -jid|--job-id ID, -jars|--jars JAR,...

    #  LAYER            SIZE    SHARE  DIGEST        FROM
    1  the base's own # B # % [DIGEST] -
       total # B # %
    ");
}

#[test]
fn a_registry_is_logged_in_to_as_for_a_build() {
    use crate::support::registry::Auth;
    let registry = Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    put_foreign(&registry);
    let name = format!("{}/acme/other:1", registry.address());
    let mut context = TestContext::new();
    let refused = inspect(&context, &[&name]);
    assert_eq!(refused.code, 5, "{refused}");
    context.log_in(&registry.address(), "secret");
    inspect(&context, &[&name, "--tree", "1"]).ok();
    // A login that cannot be read is in nobody's way when no registry is asked.
    let mut kept = TestContext::new();
    kept.digest(&[]);
    kept.set("REGISTRY_AUTH_FILE", "missing.json");
    inspect(&kept, &["flink-job"]).ok();
    assert_eq!(inspect(&kept, &["flink-job", "--remote"]).code, 3);
}
