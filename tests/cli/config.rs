//! `flink-img.toml` and `flink-img config`.

use insta::assert_snapshot;

use crate::support::context::TestContext;
use crate::support::registry::Registry;

#[test]
fn a_build_needs_no_flag_when_the_file_says_everything() {
    let (mut context, registry) = (TestContext::new(), Registry::start());
    std::fs::create_dir(context.path("project")).unwrap();
    for name in ["base.tar", "flink.tgz"] {
        std::fs::copy(context.path(name), context.path("project").join(name)).unwrap();
    }
    std::fs::create_dir(context.path("project/target")).unwrap();
    std::fs::copy(
        context.path("job.jar"),
        context.path("project/target/job-1.0.jar"),
    )
    .unwrap();
    let address = registry.address();
    context.write(
        "project/flink-img.toml",
        format!(
            "image = ['{address}/acme/job:1', '{address}/acme/job:latest']\n\
             push = true\n\
             platforms = ['linux/amd64']\n\
             outputs = ['oci:out']\n\
             compression = 'gzip:1'\n\
             [job]\njar = 'target/job-*.jar'\n\
             [flink]\narchive = 'flink.tgz'\nversion = '1.20.5'\n\
             [base]\nname = 'rootfs:base.tar'\n"
        ),
    );
    // Paths start in the folder of the file, wherever the command runs.
    context.set("FLINK_IMG_CONFIG", "project/flink-img.toml");
    let run = context.run(["build"]).ok().sorted();
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: pushed, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Flink 1.20.5: opt, examples: pushed, [SIZE]
    Writing oci:project/out: written
    base, sha256:[2]: pushed, [SIZE]
    config: pushed, [SIZE]
    job: made, [SIZE]
    job: pushed, [SIZE]
    user flink, entrypoint: made, [SIZE]
    user flink, entrypoint: pushed, [SIZE]
    ");
    assert!(context.has("project/out/index.json"), "{run}");
    for tag in ["1", "latest"] {
        assert!(registry.manifest("acme/job", tag).is_some());
    }
    // The same words give the same image: the file adds nothing of its own.
    context.unset("FLINK_IMG_CONFIG");
    let words = [
        "--job-jar",
        "project/target/job-1.0.jar",
        "--compression",
        "gzip:1",
    ];
    assert_eq!(context.build(&words).digest(), run.digest());
}

#[test]
fn a_flag_beats_a_variable_which_beats_the_file() {
    let variables = [
        ("FLINK_IMG_BASE", "--base", "base.name = 'rootfs:CHOICE'"),
        ("FLINK_IMG_TAG", "--tag", "image = 'CHOICE'"),
        (
            "FLINK_IMG_COMPRESSION",
            "--compression",
            "compression = 'CHOICE'",
        ),
        (
            "FLINK_IMG_CACHE_FROM",
            "--cache-from",
            "cache.from = 'CHOICE'",
        ),
        (
            "FLINK_IMG_RELEASE_MIRROR",
            "--release-mirror",
            "flink.mirrors = 'CHOICE'",
        ),
        (
            "FLINK_IMG_BASE_CATALOGUE",
            "--base-catalogue",
            "base.catalogue = 'CHOICE'",
        ),
        (
            "FLINK_IMG_CA_FILE",
            "--ca-file",
            "registry.ca-file = 'CHOICE'",
        ),
    ];
    // Each is a value that is refused with itself in the sentence.
    let (flag, variable, file) = ("ftp://flag", "ftp://variable", "ftp://file");
    for (name, word, setting) in variables {
        let mut context = TestContext::new();
        let refusal = |context: &TestContext, words: &[&str]| {
            let usual = [
                "build",
                "--job-jar",
                "job.jar",
                "--push",
                "-t",
                "127.0.0.1:1/a/b",
                "--retry",
                "0",
            ];
            let usual = if word == "--tag" {
                &usual[..4]
            } else {
                &usual[..]
            };
            let run = context.run(usual.iter().chain(words));
            assert_ne!(run.code, 0, "{run}");
            run.stderr
        };
        let setting = setting.replace("CHOICE", file);
        context.write("flink-img.toml", setting);
        let told = refusal(&context, &[]);
        assert!(
            told.contains("file") && !told.contains("variable"),
            "{name}: {told}"
        );
        context.set(name, variable);
        let told = refusal(&context, &[]);
        assert!(told.contains("variable"), "{name}: {told}");
        let told = refusal(&context, &[word, flag]);
        assert!(
            told.contains("flag") && !told.contains("variable"),
            "{name}: {told}"
        );
    }
}

#[test]
fn what_the_file_says_can_be_left_for_once() {
    let context = TestContext::new();
    context.write(
        "flink-img.toml",
        "image = '127.0.0.1:1/acme/job:1'\npush = true\nregistry.ca-file = 'missing.pem'\n",
    );
    let jar = ["--job-jar", "job.jar", "--quiet"];
    let name = |words: &[&str]| {
        let run = context.build(&[&jar, words].concat()).ok();
        run.stdout.split_once('@').unwrap().0.to_owned()
    };
    assert_eq!(name(&["--no-config"]), "docker.io/library/flink-job");
    // Not pushed, and no registry is asked: the certificates of the file are in nobody's way.
    assert_eq!(
        name(&["--no-push", "--no-remote-cache"]),
        "127.0.0.1:[PORT]/acme/job".replace("[PORT]", "1")
    );
    assert_snapshot!(context.build(&["--push", "--no-push"]), @"
    exit code: 2
    ----- stderr -----
    error: the argument '--push' cannot be used with '--no-push'

    Usage: flink-img build --base <BASE> --from-archive <FILE> --push

    For more information, try '--help'.
    ");
}

#[test]
fn files_that_cannot_be_used() {
    let context = TestContext::new();
    let refusal = |text: &[u8]| {
        context.write("flink-img.toml", text);
        let run = context.build(&["--job-jar", "job.jar"]);
        context.assert_nothing_kept();
        run
    };
    assert_snapshot!(refusal(b"image = 'a/b'\n\n[flink]\nverson = '2.3.0'\n"), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 4, column 1: unknown field `verson`, expected one of `version`, `scala-version`, `hadoop-version`, `maven-repository`, `archive`, `directory`, `mirrors`, `verify-signature`, `keys`
    hint: did you mean `version`
    ");
    assert_snapshot!(refusal(b"push = 'yes'"), @r#"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 8: invalid type: string "yes", expected a boolean
    "#);
    assert_snapshot!(refusal(b"platforms = ['linux/amd64', 'windows/amd64']"), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 13: `windows/amd64` is not a platform: expected `linux/ARCHITECTURE[/VARIANT]`, for example `linux/amd64` or `linux/arm64`
    ");
    assert_snapshot!(refusal(b"[flink]\nversion = 2.3"), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 2, column 11: invalid type: floating point `2.3`, expected a string
    ");
    assert_snapshot!(refusal(b"[flink]\narchive = 'a'\ndirectory = 'b'"), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` has both `archive` and `directory` in `[flink]`, of which there can be one
    ");
    assert_snapshot!(refusal(b"image = 'a/b"), @"
    exit code: 3
    ----- stderr -----
    error: `flink-img.toml` cannot be used
      caused by: line 1, column 13: invalid literal string, expected `'`
    ");
    assert_snapshot!(refusal(b"# \xff"), @"
    exit code: 3
    ----- stderr -----
    error: Failed to read `flink-img.toml`
      caused by: it is not UTF-8
    ");
    assert_snapshot!(refusal(&vec![b'#'; 1024 * 1024 + 1]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to read `flink-img.toml`
      caused by: it is larger than 1048576 bytes
    ");
    std::fs::remove_file(context.path("flink-img.toml")).unwrap();
    std::fs::create_dir(context.path("flink-img.toml")).unwrap();
    assert_snapshot!(context.build(&["--job-jar", "job.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to open `flink-img.toml`
      caused by: is a directory
    ");
    assert_snapshot!(context.build(&["--config", "other.toml"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `other.toml`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    // Where no file can be beside the jar, the jar is what is wrong.
    std::fs::remove_dir(context.path("flink-img.toml")).unwrap();
    let jar = ["--job-jar", "job.jar/inner.jar"];
    assert!(context.build(&jar).stderr.contains("`job.jar/inner.jar`"));
    context.write("scala.toml", "[flink]\narchive = 'flink.tgz'");
    let words = ["build", "--config", "scala.toml", "--scala-version", "2.12"];
    assert_snapshot!(context.run(words), @"
    exit code: 2
    ----- stderr -----
    error: `--scala-version` is for a release, and `scala.toml` names another source of Flink
    hint: add `--from-release` to take a release instead
    ");
}

#[test]
fn a_jar_with_a_star_has_to_be_one_file() {
    let context = TestContext::new();
    context.write("flink-img.toml", "[job]\njar = 'target/job-*.jar'");
    assert_snapshot!(context.build(&[]), @"
    exit code: 3
    ----- stderr -----
    error: The jar `target/job-*.jar` stands for no file
    hint: build the job first, or name its jar with `--job-jar`
    ");
    std::fs::create_dir(context.path("target")).unwrap();
    assert_snapshot!(context.build(&[]), @"
    exit code: 3
    ----- stderr -----
    error: The jar `target/job-*.jar` stands for no file
    hint: build the job first, or name its jar with `--job-jar`
    ");
    for name in ["target/job-1.0.jar", "target/job-1.1.jar"] {
        std::fs::copy(context.path("job.jar"), context.path(name)).unwrap();
    }
    assert_snapshot!(context.build(&[]), @"
    exit code: 3
    ----- stderr -----
    error: The jar `target/job-*.jar` stands for several files, as `target/job-1.0.jar` and `target/job-1.1.jar`
    hint: write more of the name, remove what is old, or name the jar with `--job-jar`
    ");
    context.build(&["--job-jar", "target/job-1.1.jar"]).ok();
}

#[test]
fn no_password_of_the_file_is_told() {
    let context = TestContext::new();
    for text in [
        "[flink]\nmirror = 'https://ada:hunter2@example.org'",
        "[flink]\nmirrors = { first = 'https://ada:hunter2@example.org' }",
        "[flink]\nmirrors = ['ftp://ada:hunter2@example.org']",
        "[flink]\nmirrors = ['https://ada:hunter2@example.org', 1]",
        "[flink]\nmirrors = ['https://ada:hunter2@example.org'",
    ] {
        context.write("flink-img.toml", text);
        let run = context.run(["build", "--job-jar", "job.jar", "-v"]);
        assert_ne!(run.code, 0, "{run}");
        assert!(!run.stderr.contains("hunter2"), "{run}");
    }
}

#[test]
fn a_file_to_begin_with_says_nothing_yet() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["config", "init"]), @"
    exit code: 0
    ----- stdout -----
    flink-img.toml
    ");
    let digest = context.digest(&[]);
    assert_snapshot!(context.run(["config", "init"]), @"
    exit code: 2
    ----- stderr -----
    error: `flink-img.toml` is there already
    hint: name another file, or replace it with `--force`
    ");
    context.write("flink-img.toml", "push = 1");
    context.run(["config", "init", "--force"]).ok();
    assert_eq!(context.digest(&["--no-config"]), digest);
    context.run(["config", "init", "other.toml"]).ok();
    assert_eq!(context.read("other.toml"), context.read("flink-img.toml"));
    assert_snapshot!(context.run(["config", "init", "missing/flink-img.toml"]), @"
    exit code: 9
    ----- stderr -----
    error: Failed to create `missing/flink-img.toml`
      caused by: No such file or directory (os error 2)
    hint: make the folder first, or name another
    ");
    // Settings that are taken out of the comments are used.
    let text = String::from_utf8(context.read("other.toml")).unwrap();
    context.write(
        "flink-img.toml",
        text.replace("#version = \"2.3.0\"", "version = \"1.19.1\""),
    );
    assert_snapshot!(context.build(&["--job-jar", "job.jar"]), @"
    exit code: 4
    ----- stderr -----
    error: `flink.tgz` holds Flink 1.20.5, not 1.19.1 as asked for
    hint: leave `--flink-version` out to take the version that is there
    ");
}

#[test]
fn the_schema_is_printed_as_json() {
    let run = TestContext::new().run(["config", "schema"]);
    let schema = run.json();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["additionalProperties"], false);
    let file = std::fs::read_to_string("schema/flink-img.schema.json").unwrap();
    assert_eq!(run.stdout, file);
}
