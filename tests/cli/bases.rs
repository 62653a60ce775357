//! The catalogue of bases: `flink-img bases`, and what a name of it stands for.

use insta::assert_snapshot;

use crate::support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use crate::support::fixtures::Compress;
use crate::support::registry::Registry;

#[test]
fn the_bases_that_come_with_the_program() {
    let context = TestContext::new();
    let run = context.run(["bases"]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    NAME          JAVA  LIBC   DEFAULT OF       REFERENCE                                        PACKAGES                       PLATFORMS
    ubuntu-jre8   8     glibc  Flink 1.6-1.10   docker.io/library/eclipse-temurin:8-jre-noble    -                              linux/amd64,linux/arm64,linux/ppc64le
    ubuntu-jre11  11    glibc  Flink 1.11-1.20  docker.io/library/eclipse-temurin:11-jre-noble   -                              linux/amd64,linux/arm/v7,linux/arm64,linux/ppc64le,linux/s390x
    ubuntu-jre17  17    glibc  Flink 2.0-2.3    docker.io/library/eclipse-temurin:17-jre-noble   -                              linux/amd64,linux/arm/v7,linux/arm64,linux/ppc64le,linux/riscv64,linux/s390x
    ubuntu-jre21  21    glibc  -                docker.io/library/eclipse-temurin:21-jre-noble   -                              linux/amd64,linux/arm64,linux/ppc64le,linux/riscv64,linux/s390x
    alpine-jre8   8     musl   -                docker.io/library/eclipse-temurin:8-jre-alpine   bash,gcompat,libstdc++,snappy  linux/amd64
    alpine-jre11  11    musl   -                docker.io/library/eclipse-temurin:11-jre-alpine  bash,gcompat,libstdc++,snappy  linux/amd64
    alpine-jre17  17    musl   -                docker.io/library/eclipse-temurin:17-jre-alpine  bash,gcompat,libstdc++,snappy  linux/amd64
    alpine-jre21  21    musl   -                docker.io/library/eclipse-temurin:21-jre-alpine  bash,gcompat,libstdc++,snappy  linux/amd64,linux/arm64
    ");
    let json = context.run(["bases", "--json"]).json();
    let names: Vec<_> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|base| base["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), run.stdout.lines().count() - 1);
    assert_snapshot!(serde_json::to_string_pretty(&json[6]).unwrap(), @r#"
    {
      "defaultOf": [],
      "description": "Temurin JRE 17 on Alpine",
      "digests": {},
      "java": 17,
      "libc": "musl",
      "name": "alpine-jre17",
      "packages": [
        "bash",
        "gcompat",
        "libstdc++",
        "snappy"
      ],
      "platforms": [
        "linux/amd64"
      ],
      "reference": "docker.io/library/eclipse-temurin:17-jre-alpine"
    }
    "#);
    assert_eq!(json[1]["defaultOf"][0], "1.11");
    context.assert_nothing_kept();
}

/// Puts the usual base into the registry, as `acme/jre:TAG`, and returns its digest.
fn put_base(registry: &Registry, tag: &str, architecture: &str) -> String {
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config(architecture, &tar);
    let digest = registry.put_image("acme/jre", tag, &config, &[(media_type, &bytes)]);
    digest.to_string()
}

/// Writes the one base of a catalogue, `acme-jre17`, with more lines.
fn describe(context: &TestContext, registry: &Registry, more: &str) {
    std::fs::create_dir_all(context.path("bases")).unwrap();
    let text = format!(
        "name = \"acme-jre17\"\nreference = \"{}/acme/jre:17\"\njava = 17\nlibc = \"glibc\"\n{more}\n",
        registry.address()
    );
    context.write("bases/acme-jre17.toml", text);
}

fn build(context: &TestContext, words: &[&str]) -> Run {
    let usual = [
        "build",
        "--base-catalogue",
        "bases",
        "--from-archive",
        "flink.tgz",
        "--job-jar",
        "job.jar",
    ];
    context.run(usual.iter().chain(words))
}

#[test]
fn a_folder_of_ones_own_takes_the_place_of_the_catalogue() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    put_base(&registry, "17", "amd64");
    describe(&context, &registry, "platforms = [\"linux/amd64\"]");
    assert_snapshot!(context.run(["bases", "--base-catalogue", "bases"]), @"
    exit code: 0
    ----- stdout -----
    NAME        JAVA  LIBC   DEFAULT OF      REFERENCE                    PACKAGES  PLATFORMS
    acme-jre17  17    glibc  Flink 1.18-2.3  127.0.0.1:[PORT]/acme/jre:17  -         linux/amd64
    ");
    // It is the default now, as its Java fits, and is pulled by its tag.
    let run = build(&context, &[]).ok();
    assert!(
        run.stderr
            .contains("No base is given, so it is `acme-jre17` (127.0.0.1:"),
        "{run}"
    );
    assert!(
        registry
            .lines()
            .iter()
            .any(|line| line.contains("acme/jre/manifests/17"))
    );
    let named = build(&context, &["--base", "acme-jre17"]);
    assert_eq!(named.digest(), run.digest());
    // The file names the folder as well, and then `bases` shows what a build would take.
    context.write("flink-img.toml", "base.catalogue = 'bases'");
    assert_eq!(context.run(["bases"]).stdout.lines().count(), 2);
    assert_eq!(
        context.run(["bases", "--no-config"]).stdout.lines().count(),
        9
    );
    context.set("FLINK_IMG_BASE_CATALOGUE", "elsewhere");
    assert_snapshot!(context.run(["bases"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `elsewhere`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
}

#[test]
fn a_base_is_pulled_by_the_digest_that_the_catalogue_knows() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let digests = [("amd64", "one"), ("arm64", "two")]
        .map(|(architecture, tag)| put_base(&registry, tag, architecture));
    // The tag leads elsewhere.
    put_base(&registry, "17", "s390x");
    let table = format!(
        "platforms = [\"linux/amd64\", \"linux/arm64\", \"linux/s390x\"]\n[digests]\n\"linux/amd64\" = \"{}\"\n\"linux/arm64\" = \"{}\"",
        digests[0], digests[1]
    );
    describe(&context, &registry, &table);
    registry.clear_requests();
    let run = build(&context, &["--json", "--platform", "linux/arm64"]);
    assert_eq!(run.json()["base"]["digest"], digests[1]);
    let name = format!("{}/acme/jre:17@{}", registry.address(), digests[1]);
    assert_eq!(run.json()["base"]["name"], name);
    assert!(
        !registry
            .lines()
            .iter()
            .any(|line| line.contains("manifests/17")),
        "by no tag"
    );
    // For several platforms, each by its own.
    let both = build(
        &context,
        &["--json", "--platform", "linux/arm64,linux/amd64"],
    )
    .json();
    let used: Vec<_> = both["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["base"]["digest"].as_str().unwrap())
        .collect();
    assert_eq!(used, [&digests[0], &digests[1]]);
    // One whose digest is not known is pulled by its tag.
    let third = build(&context, &["--json", "--platform", "linux/s390x"]).json();
    assert!(
        third["base"]["name"]
            .as_str()
            .unwrap()
            .ends_with("/acme/jre:17")
    );
    // A digest that the registry does not have is no base, whatever the tag leads to.
    let wrong = table.replace(&digests[0], &format!("sha256:{}", "0".repeat(64)));
    describe(&context, &registry, &wrong);
    assert_snapshot!(build(&context, &[]), @"
    exit code: 6
    ----- stderr -----
    No base is given, so it is `acme-jre17` (127.0.0.1:[PORT]/acme/jre:17@sha256:[1])
    error: Failed to pull `127.0.0.1:[PORT]/acme/jre:17@sha256:[1]`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: check the name, the tag and the registry
    ");
}

#[test]
fn a_platform_that_a_base_is_not_there_for_is_refused_before_any_request() {
    let (context, registry) = (TestContext::new(), Registry::start());
    describe(
        &context,
        &registry,
        "platforms = [\"linux/amd64\", \"linux/s390x\"]",
    );
    let platforms = ["--platform", "linux/amd64,linux/arm64"];
    assert_snapshot!(build(&context, &[&platforms[..], &["--base", "acme-jre17"]].concat()), @"
    exit code: 4
    ----- stderr -----
    error: The base `acme-jre17` is not there for `linux/arm64`, only for `linux/amd64`, `linux/s390x`
    hint: name another base with `--base`; `flink-img bases` lists them with their platforms
    ");
    assert_snapshot!(build(&context, &platforms), @"
    exit code: 4
    ----- stderr -----
    error: There is no default base for Flink 1.20.5 on linux/amd64, linux/arm64, which wants Java 11
    hint: name one that has Java 11 with `--base`
    ");
    let words = [
        "build",
        "--base",
        "alpine-jre17",
        "--platform",
        "linux/arm64",
        "--from-archive",
        "flink.tgz",
    ];
    assert_snapshot!(context.run(words), @"
    exit code: 4
    ----- stderr -----
    error: The base `alpine-jre17` is not there for `linux/arm64`, only for `linux/amd64`
    hint: name another base with `--base`; `flink-img bases` lists them with their platforms
    ");
    assert_eq!(registry.lines(), [""; 0]);
    context.assert_nothing_kept();
}

#[test]
fn a_name_that_is_misspelt_is_told_with_what_was_meant() {
    let (context, registry) = (TestContext::new(), Registry::start());
    // Docker Hub, as far as this test goes.
    let hub = format!(
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"{}\"\ninsecure = true\n",
        registry.address()
    );
    std::fs::write(context.root().join("registries.conf"), hub).unwrap();
    let words = |base| {
        [
            "build",
            "--base",
            base,
            "--from-archive",
            "flink.tgz",
            "--retry",
            "0",
        ]
    };
    assert_snapshot!(context.run(words("alpine-jre71")), @"
    exit code: 6
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: The catalogue has no base `alpine-jre71`, and the image of that name cannot be had
      caused by: Failed to pull `docker.io/library/alpine-jre71`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: did you mean `--base alpine-jre17`; `flink-img bases` lists all
    ");
    assert_snapshot!(context.run(words("postgres")), @"
    exit code: 6
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: The catalogue has no base `postgres`, and the image of that name cannot be had
      caused by: Failed to pull `docker.io/library/postgres`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: `flink-img bases` lists what the catalogue has; name any other image in full
    ");
    // Who writes more than a word means an image.
    let run = context.run(words("ubuntu-jre71:latest"));
    assert!(!run.stderr.contains("catalogue"), "{run}");
}

#[test]
fn catalogues_that_cannot_be_read() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let bases = || context.run(["bases", "--base-catalogue", "bases"]);
    assert_snapshot!(bases(), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `bases`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    context.write("bases", "no folder");
    assert_snapshot!(bases(), @"
    exit code: 3
    ----- stderr -----
    error: Failed to list `bases`
      caused by: Not a directory (os error 20)
    ");
    std::fs::remove_file(context.path("bases")).unwrap();
    std::fs::create_dir(context.path("bases")).unwrap();
    assert_snapshot!(bases(), @"
    exit code: 3
    ----- stderr -----
    error: `bases` is no catalogue of bases: it has 0 files that end with `.toml`
    hint: name the folder that has one such file for each base
    ");
    describe(
        &context,
        &registry,
        "platforms = [\"linux/amd64\"]\npackage = [\"bash\"]",
    );
    assert_snapshot!(bases(), @"
    exit code: 3
    ----- stderr -----
    error: `bases/acme-jre17.toml` cannot be used
      caused by: line 6, column 1: unknown field `package`, expected one of `name`, `description`, `reference`, `java`, `libc`, `platforms`, `digests`, `packages`, `default`, `default-of`
    hint: did you mean `packages`
    ");
    describe(
        &context,
        &registry,
        "platforms = [\"linux/amd64\"]\n[digests]\n\"linux/arm64\" = \"sha256:12\"",
    );
    assert_snapshot!(bases(), @"
    exit code: 3
    ----- stderr -----
    error: `bases/acme-jre17.toml` cannot be used
      caused by: line 7, column 17: `sha256:12` is not a digest: expected `sha256:` and 64 hexadecimal digits in lower case
    ");
    std::fs::rename(
        context.path("bases/acme-jre17.toml"),
        context.path("bases/other.toml"),
    )
    .unwrap();
    describe(&context, &registry, "platforms = [\"linux/amd64\"]");
    std::fs::copy(
        context.path("bases/acme-jre17.toml"),
        context.path("bases/other.toml"),
    )
    .unwrap();
    assert_snapshot!(build(&context, &[]), @"
    exit code: 3
    ----- stderr -----
    error: `bases/other.toml` describes no base: `name` is not that of the file
    ");
    assert_eq!(registry.lines(), [""; 0]);
    context.assert_nothing_kept();
}
