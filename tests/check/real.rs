//! Jars that Apache, javac, jar and jarsigner made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flink_img::base::Libc;
use flink_img::flink::{FlinkVersion, Known};
use flink_img::jar::JarFacts;
use flink_img::preflight::{Finding, Ground, Jar, Subject, Target, check};

use crate::support::context::TestContext;
use crate::support::parts;
use crate::support::workshop::{succeed, tool};

/// The newest release of Java that a class is compiled for here.
const NEWER: &str = "21";

fn distribution(version: &str) -> PathBuf {
    let folder = parts::folder().join(format!("flink-{version}"));
    assert!(
        folder.exists(),
        "{} is missing: run `make parts` first",
        folder.display()
    );
    folder
}

fn jars_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(jars_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "jar") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Compiles the job of this name for a release of Java, against the `lib/` of a Flink; the folder with its classes.
fn compile(context: &TestContext, job: &str, release: &str, flink: &str) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/jobs")
        .join(job)
        .join("com/example");
    let mut sources: Vec<_> = std::fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    sources.sort();
    let classes = context.path(&format!("{job}-{release}"));
    let mut javac = tool("javac", "default-jdk-headless");
    javac.args(["-proc:none", "--release", release, "-cp"]);
    javac.arg(format!("{}/lib/*", distribution(flink).display()));
    succeed(javac.arg("-d").arg(&classes).args(sources));
    classes
}

/// Packs a folder as a jar with this entry class, as `jar` does it.
fn pack(context: &TestContext, name: &str, main: &str, classes: &Path) {
    let mut jar = tool("jar", "default-jdk-headless");
    jar.args([
        "--create",
        "--date",
        "2026-01-01T00:00:00Z",
        "--main-class",
        main,
        "--file",
    ]);
    succeed(jar.arg(context.path(name)).arg("-C").arg(classes).arg("."));
}

/// The codes that `flink-img check` tells, and its exit code.
fn codes(context: &TestContext, words: &[&str]) -> (i32, Vec<String>) {
    let run = context.run(["check", "--json"].iter().chain(words));
    let object: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    let findings = object["findings"].as_array().unwrap().iter();
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned());
    (run.code, codes.collect())
}

#[test]
fn a_job_of_javac_and_jar_has_nothing_wrong() {
    let context = TestContext::new();
    for (flink, line) in [("1.20.5", "1.20"), ("2.3.0", "2.3")] {
        let jar = parts::FlinkParts::of(flink).bounded_sum;
        let words = [jar.to_str().unwrap(), "--flink-version", flink];
        assert_eq!(codes(&context, &words), (0, vec![]), "{line}");
    }
}

#[test]
fn a_job_with_flink_in_it_is_told() {
    let context = TestContext::new();
    let classes = compile(&context, "bounded-sum", "11", "1.20.5");
    let mut unpack = tool("jar", "default-jdk-headless");
    unpack
        .current_dir(&classes)
        .arg("xf")
        .arg(distribution("1.20.5").join("lib/flink-dist-1.20.5.jar"));
    succeed(unpack.args([
        ".flink-runtime.version.properties",
        "org/apache/flink/api",
        "org/apache/flink/runtime",
    ]));
    pack(&context, "fat.jar", "com.example.BoundedSum", &classes);
    let on = |flink| codes(&context, &["fat.jar", "--flink-version", flink]);
    assert_eq!(on("1.20.5"), (0, vec!["flink-bundled".to_owned()]));
    assert_eq!(on("1.20.4"), (4, vec!["flink-bundled-version".to_owned()]));
    assert_eq!(on("2.3.0"), (4, vec!["flink-bundled-version".to_owned()]));
}

#[test]
fn a_job_for_a_newer_java_is_told() {
    let context = TestContext::new();
    let javac = tool("javac", "default-jdk-headless")
        .arg("--help")
        .output()
        .unwrap();
    let offers = String::from_utf8(javac.stdout).unwrap();
    let can = offers.contains(&format!(" {NEWER},")) || offers.contains(&format!(" {NEWER}\n"));
    let classes = compile(
        &context,
        "entry-points",
        if can { NEWER } else { "17" },
        "2.3.0",
    );
    if !can {
        // This JDK is older: only the version at the head of the class file is that of a newer one.
        for class in ["First", "Second"] {
            let path = classes.join(format!("com/example/{class}.class"));
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[7] = 65;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    pack(&context, "new.jar", "com.example.First", &classes);
    let on = |java| {
        codes(
            &context,
            &[
                "new.jar",
                "--flink-version",
                "2.3.0",
                "--java-version",
                java,
            ],
        )
    };
    assert_eq!(on("17"), (4, vec!["class-version".to_owned()]));
    assert_eq!(on("21"), (0, vec![]));
}

#[test]
fn two_jobs_in_one_usrlib_are_told() {
    let context = TestContext::new();
    let classes = compile(&context, "entry-points", "11", "2.3.0");
    pack(&context, "first.jar", "com.example.First", &classes);
    pack(&context, "second.jar", "com.example.Second", &classes);
    pack(&context, "third.jar", "com.example.Third", &classes);
    assert_eq!(codes(&context, &["first.jar"]), (0, vec![]));
    assert_eq!(
        codes(&context, &["first.jar", "second.jar"]),
        (4, vec!["entry-class-ambiguous".to_owned()])
    );
    assert_eq!(
        codes(&context, &["third.jar"]),
        (4, vec!["entry-class-not-found".to_owned()])
    );
}

#[test]
fn a_signed_job_is_fine_until_it_is_changed() {
    let context = TestContext::new();
    let classes = compile(&context, "entry-points", "11", "2.3.0");
    pack(&context, "job.jar", "com.example.First", &classes);
    let path = context.path("job.jar");
    let keys = context.path("keys.p12");
    let with_keys = |command: &mut std::process::Command| {
        command
            .arg("-keystore")
            .arg(&keys)
            .args(["-storepass", "changeit"]);
    };
    let mut keytool = tool("keytool", "default-jdk-headless");
    keytool.args([
        "-genkeypair",
        "-alias",
        "joe",
        "-keyalg",
        "EC",
        "-dname",
        "CN=Joe",
    ]);
    with_keys(&mut keytool);
    succeed(&mut keytool);
    let mut jarsigner = tool("jarsigner", "default-jdk-headless");
    with_keys(&mut jarsigner);
    succeed(jarsigner.arg(&path).arg("joe"));
    // jarsigner writes the time of now for what it adds, and leaves the rest.
    let allow = ["job.jar", "--allow", "jar-not-reproducible"];
    assert_eq!(codes(&context, &allow), (0, vec![]));
    std::fs::write(
        classes.join("com/example/First.class"),
        std::fs::read(classes.join("com/example/Second.class")).unwrap(),
    )
    .unwrap();
    let mut jar = tool("jar", "default-jdk-headless");
    jar.arg("uf").arg(&path).arg("-C").arg(&classes);
    succeed(jar.arg("com/example/First.class"));
    assert_eq!(
        codes(&context, &allow),
        (4, vec!["signature-damaged".to_owned()])
    );
}

#[test]
fn a_job_that_keeps_its_state_in_rocksdb_is_told_on_musl() {
    let context = TestContext::new();
    let classes = compile(&context, "rocksdb", "11", "1.20.5");
    pack(&context, "job.jar", "com.example.KeepsState", &classes);
    let on = |libc| {
        codes(
            &context,
            &["job.jar", "--flink-version", "1.20.5", "--libc", libc],
        )
    };
    assert_eq!(on("glibc"), (0, vec![]));
    assert_eq!(on("musl"), (0, vec!["rocksdb-musl".to_owned()]));
}

#[test]
fn a_jar_that_was_just_built_without_a_fixed_time_is_told() {
    let context = TestContext::new();
    let classes = compile(&context, "entry-points", "11", "2.3.0");
    // As libraries in a fat jar have them: the times of another day.
    let old = classes.join("com/example/Second.class");
    let mut touch = tool("touch", "coreutils");
    succeed(touch.args(["-d", "2020-01-01T00:00:00Z"]).arg(old));
    let mut jar = tool("jar", "default-jdk-headless");
    jar.args(["--create", "--main-class", "com.example.First", "--file"]);
    succeed(
        jar.arg(context.path("job.jar"))
            .arg("-C")
            .arg(&classes)
            .arg("."),
    );
    assert_eq!(
        codes(&context, &["job.jar"]),
        (0, vec!["jar-not-reproducible".to_owned()])
    );
}

/// What is found in the jars of distributions, and why it is true: jars whose name begins so, the code, the reason.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("flink-dist-", "flink-bundled", "it is Flink"),
    (
        "flink-table-api-java-uber-",
        "flink-bundled",
        "it is the Table API",
    ),
    (
        "flink-table-runtime-",
        "flink-bundled",
        "it is the run time of the Table API",
    ),
    (
        "flink-table-planner-loader-",
        "flink-bundled",
        "it is the planner of the Table API",
    ),
    (
        "flink-cep-",
        "flink-bundled",
        "it is the library for patterns",
    ),
    (
        "log4j-core-",
        "logging-binding",
        "it is what Flink logs with",
    ),
    ("log4j-1.2-api-", "logging-binding", "it stands for log4j 1"),
    (
        "log4j-slf4j-impl-",
        "logging-binding",
        "it binds slf4j to log4j 2",
    ),
    (
        "bash-java-utils",
        "logging-binding",
        "it is a program of its own, which Flink's scripts start, with all that it logs with",
    ),
    (
        "flink-scala_",
        "native-platform",
        "the console of Scala colours its lines by a `libjansi` that is there for x86 alone",
    ),
    (
        "flink-python-1.20.",
        "native-platform",
        "the netty of Beam has its epoll for amd64 alone; without, it takes what the JDK has",
    ),
];

#[test]
fn every_jar_of_real_distributions_is_read_and_each_finding_is_true() {
    let (mut used, mut unexplained) = (BTreeSet::new(), BTreeSet::new());
    for flink in ["1.20.5", "2.3.0"] {
        let paths = jars_below(&distribution(flink));
        assert!(paths.len() > 20, "{paths:?}");
        let jars: Vec<_> = paths.iter().map(|path| Jar::read(path).unwrap()).collect();
        for jar in &jars {
            assert!(jar.facts.is_ok(), "{jar:?}");
        }
        // Each by itself; and all of `lib/`, which are on one class path.
        let mut found: Vec<_> = jars
            .iter()
            .flat_map(|jar| findings(std::slice::from_ref(jar), flink))
            .collect();
        let mut lib = jars;
        lib.retain(|jar| jar.path.parent().unwrap().ends_with("lib"));
        assert!(lib.len() > 10);
        found.extend(findings(&lib, flink));
        for finding in found {
            let name = finding.subject.rsplit('/').next().unwrap();
            let is_it = |(start, code, _): &(&str, &str, &str)| {
                name.starts_with(start) && *code == finding.code.name()
            };
            match EXPLAINED.iter().position(is_it) {
                Some(row) => {
                    used.insert(row);
                }
                None => {
                    unexplained.insert(finding);
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    assert!(
        used.into_iter().eq(0..EXPLAINED.len()),
        "a row explains nothing"
    );
}

/// What is found in jars on every ground that the line of this Flink has.
fn findings(jars: &[Jar], flink: &str) -> Vec<Finding> {
    let version: FlinkVersion = flink.parse().unwrap();
    let line = Known::of(&version).unwrap();
    let mut found = Vec::new();
    for (platform, libc) in [
        ("linux/amd64", Libc::Glibc),
        ("linux/arm64", Libc::Glibc),
        ("linux/amd64", Libc::Musl),
    ] {
        for java in line.line.java {
            let ground = Ground {
                platform: platform.parse().unwrap(),
                java: Some(java.to_string().parse().unwrap()),
                libc: Some(libc),
                // As the bases of Alpine in the catalogue have it.
                has_gcompat: libc == Libc::Musl,
                missing_python: None,
            };
            found.extend(check(&Subject {
                jars,
                flink: Some(Target {
                    version: &version,
                    line,
                    scala: Some("2.12".parse().unwrap()),
                }),
                grounds: &[ground],
                ..Subject::default()
            }));
        }
    }
    found
}

#[test]
fn names_of_another_major_version_are_in_its_distribution_and_in_no_other() {
    let classes = |version: &str| {
        let mut names = BTreeSet::new();
        for jar in jars_below(&distribution(version).join("lib")) {
            let facts = JarFacts::read(&jar).unwrap();
            for (folder, classes) in facts.classes.iter() {
                names.extend(
                    classes
                        .iter()
                        .map(|class| format!("{folder}/{}", class.name)),
                );
            }
        }
        names
    };
    let (one, two) = (classes("1.20.5"), classes("2.3.0"));
    for (version, own, other) in [("1.20.5", &one, &two), ("2.3.0", &two, &one)] {
        let line = Known::of(&version.parse().unwrap()).unwrap().line;
        for name in line.foreign {
            assert!(other.contains(*name), "{name}");
            // A name is looked for at the beginning of longer ones too.
            let longer = own.range(name.to_string()..).next();
            assert!(
                longer.is_none_or(|longer| !longer.starts_with(name)),
                "{longer:?} of {version}"
            );
        }
    }
}
