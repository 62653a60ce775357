//! What is found in which circumstances, from facts that are put together by hand.

mod flink;
mod natives;

use std::time::{Duration, SystemTime};

use super::*;
use crate::base::Libc;
use crate::error::FileError;
use crate::flink::{FlinkVersion, JavaVersion, Known};
use crate::jar::{
    Class, ClassVersion, Classes, JarError, JarFacts, Libc as Linked, Library, Manifest,
    NativeLibrary, Oddity, Signature,
};
use crate::oci::Platform;

/// A jar with nothing in it.
fn jar(name: &str) -> Jar {
    Jar {
        role: Role::Job,
        path: name.into(),
        modified: Some(SystemTime::UNIX_EPOCH),
        facts: Ok(JarFacts {
            manifest: Manifest::default(),
            entries: 0,
            classes: Classes::default(),
            class_versions: crate::jar::ClassVersions::default(),
            libraries: Vec::new(),
            services: std::collections::BTreeMap::new(),
            natives: Vec::new(),
            signature: Signature::None,
            times: None,
            sorted: true,
            obstacle: None,
            oddities: Vec::new(),
        }),
        flink_version: None,
        uses_rocksdb: None,
        foreign: None,
    }
}

/// The same with what `change` does to its facts.
fn with(mut jar: Jar, change: impl FnOnce(&mut JarFacts)) -> Jar {
    change(jar.facts.as_mut().unwrap());
    jar
}

/// The same with classes: a checksum for each.
fn with_classes(jar: Jar, classes: &[(&str, u32)]) -> Jar {
    with(jar, |facts| {
        let class = |(name, crc32): &(&'static str, u32)| {
            let (folder, name) = name.rsplit_once('/').unwrap();
            let name = name.into();
            (
                folder,
                Class {
                    name,
                    crc32: *crc32,
                    size: 8,
                },
            )
        };
        let classes: Vec<(&'static str, u32)> = classes
            .iter()
            .map(|(name, crc32)| (&*name.to_string().leak(), *crc32))
            .collect();
        facts.classes = classes.iter().map(class).collect();
    })
}

fn main_class(jar: Jar, class: &str) -> Jar {
    with(jar, |facts| {
        facts.manifest.main_class = Some(class.to_owned());
    })
}

/// The jar of a job with nothing wrong.
fn job() -> Jar {
    main_class(
        with_classes(jar("job.jar"), &[("org/example/Job", 1)]),
        "org.example.Job",
    )
}

fn library(artifact: &str, version: &str) -> Library {
    Library {
        group: "org.apache.flink".to_owned(),
        artifact: artifact.to_owned(),
        version: Some(version.to_owned()),
    }
}

fn ground(platform: &str, java: u16, libc: Libc) -> Ground {
    Ground {
        platform: platform.parse().unwrap(),
        java: Some(JavaVersion::of(java)),
        libc: Some(libc),
        has_gcompat: false,
        missing_python: None,
    }
}

/// What is found in jars of a job on a Flink and its grounds.
fn on(flink: &str, grounds: &[Ground], jars: &[Jar]) -> Vec<Finding> {
    let version: FlinkVersion = flink.parse().unwrap();
    let line = Known::of(&version).unwrap();
    let scala = line.scala(&version, None).unwrap();
    check(&Subject {
        jars,
        is_job: true,
        flink: Some(Target {
            version: &version,
            line,
            scala: Some(scala),
        }),
        grounds,
        ..Subject::default()
    })
}

/// The same on the usual ground with the Java that this Flink prefers, as codes.
fn codes(flink: &str, jars: &[Jar]) -> Vec<&'static str> {
    let line = Known::of(&flink.parse().unwrap()).unwrap().line;
    let ground = ground("linux/amd64", line.default_java, Libc::Glibc);
    let found = on(flink, &[ground], jars);
    found.iter().map(|finding| finding.code.name()).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_job_with_nothing_wrong_has_no_findings() {
    assert_eq!(codes("1.20.5", &[job()]), NONE);
    assert_eq!(codes("2.3.0", &[job(), jar("library.jar")]), NONE);
}

#[test]
fn a_jar_that_cannot_be_opened_is_told_and_the_others_are_judged() {
    let mut broken = jar("broken.jar");
    broken.facts = Err(JarError::NotAJar {
        path: "broken.jar".into(),
    });
    let encrypted = with(jar("secret.jar"), |facts| {
        facts.oddities.push(Oddity::Encrypted {
            name: "a".to_owned(),
        });
    });
    let found = on("1.20.5", &[], &[job(), broken, encrypted]);
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.code, &*finding.message))
        .collect();
    assert_eq!(
        told,
        [
            (
                Code::JarDamaged,
                "`broken.jar` is not a jar: it is not a zip file"
            ),
            (
                Code::JarDamaged,
                "`secret.jar` cannot be opened by the JVM: its entry `a` is encrypted"
            ),
        ]
    );
    // What is in it may be just what seems to be missing.
    let mut broken = jar("broken.jar");
    broken.facts = Err(JarError::NotAJar {
        path: "broken.jar".into(),
    });
    assert_eq!(codes("1.20.5", &[broken]), ["jar-damaged"]);
}

#[test]
fn an_entry_class_that_is_no_class_file_is_told() {
    let jar = with(job(), |facts| {
        let name = "org/example/Job.class".to_owned();
        facts.oddities.push(Oddity::NotAClass { name });
    });
    let found = on("1.20.5", &[], &[jar]);
    assert_eq!(found[0].code, Code::JarDamaged);
    assert_eq!(
        found[0].message,
        "`job.jar` cannot be started: its entry `org/example/Job.class` is no class file"
    );
}

#[test]
fn a_signature_that_does_not_fit_is_told_with_why() {
    let signed = |signature| with(job(), |facts| facts.signature = signature);
    assert_eq!(codes("1.20.5", &[signed(Signature::Intact)]), NONE);
    let damaged = signed(Signature::Damaged {
        why: "the manifest is another one".to_owned(),
    });
    let found = on("1.20.5", &[], &[damaged]);
    assert_eq!(found[0].code, Code::SignatureDamaged);
    assert!(found[0].message.ends_with("the manifest is another one"));
    // By SHA-1, which not every Java looks at.
    let java = |java| ground("linux/amd64", java, Libc::Glibc);
    let untold = Ground {
        java: None,
        ..java(0)
    };
    for (grounds, expected) in [
        (vec![], None),
        (vec![java(17)], Some("signature-outdated")),
        (vec![untold], Some("signature-outdated")),
        (vec![java(11)], Some("signature-damaged")),
        (vec![java(17), java(8)], Some("signature-damaged")),
    ] {
        let outdated = signed(Signature::Outdated {
            why: "the manifest is another one".to_owned(),
        });
        let found = on("1.20.5", &grounds, &[outdated]);
        let codes: Vec<_> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(codes, Vec::from_iter(expected), "{grounds:?}");
    }
}

#[test]
fn the_entry_class_is_looked_for_as_flink_does() {
    let plain = || with_classes(jar("plain.jar"), &[("org/example/Library", 1)]);
    let tool = || {
        main_class(
            with_classes(jar("tool.jar"), &[("org/tool/Main", 1)]),
            "org.tool.Main",
        )
    };
    let program = |class: &str| {
        let class = class.to_owned();
        with(tool(), |facts| facts.manifest.program_class = Some(class))
    };
    for (flink, jars, expected) in [
        ("1.20.5", vec![plain()], &["entry-class-missing"][..]),
        ("1.20.5", vec![plain(), job()], &[]),
        ("1.20.5", vec![job(), tool()], &["entry-class-ambiguous"]),
        ("1.8.3", vec![job(), tool()], &["entry-class-ambiguous"]),
        // These never look for one.
        ("1.7.2", vec![job(), tool()], &[]),
        ("1.6.4", vec![plain()], &["entry-class-missing"]),
        // It may be in another jar, and `program-class` comes first.
        (
            "1.20.5",
            vec![
                main_class(plain(), "org.example.Job"),
                with_classes(jar("b.jar"), &[("org/example/Job", 1)]),
            ],
            &[],
        ),
        (
            "1.20.5",
            vec![main_class(plain(), "org.example.Job")],
            &["entry-class-not-found"],
        ),
        (
            "1.20.5",
            vec![program("org.tool.Other")],
            &["entry-class-not-found"],
        ),
        // The distribution has it, or there is nothing to compare with.
        (
            "1.20.5",
            vec![main_class(
                plain(),
                "org.apache.flink.client.python.PythonDriver",
            )],
            &[],
        ),
        (
            "1.20.5",
            vec![main_class(plain(), "org.apache.flink.quickstart.Job")],
            &["entry-class-not-found"],
        ),
        (
            "1.20.5",
            vec![main_class(jar("empty.jar"), "org.example.Job")],
            &[],
        ),
    ] {
        assert_eq!(codes(flink, &jars), expected, "{flink} {jars:?}");
    }
    // Libraries are not looked through where jobs have a folder of their own.
    let library = || tool().with_role(Role::Library);
    let added = || tool().with_role(Role::Added);
    for (flink, jar, expected) in [
        ("1.20.5", library(), &[][..]),
        ("1.10.3", library(), &[]),
        ("1.9.3", library(), &["entry-class-ambiguous"]),
        ("1.20.5", added(), &["entry-class-ambiguous"]),
    ] {
        assert_eq!(codes(flink, &[job(), jar]), expected, "{flink}");
    }
    // The class itself may lie there.
    let apart = [main_class(plain(), "org.tool.Main"), library()];
    assert_eq!(codes("1.20.5", &apart), NONE);
    // Libraries for a session have none.
    let found = check(&Subject {
        jars: &[plain()],
        ..Subject::default()
    });
    assert_eq!(found, []);
}

#[test]
fn a_class_that_was_moved_is_told_with_where_it_is() {
    let moved = main_class(
        with_classes(jar("job.jar"), &[("com/acme/Job", 1)]),
        "org.example.Job",
    );
    let found = on("1.20.5", &[], &[moved]);
    assert_eq!(
        found[0].way_out,
        "did you mean `com.acme.Job`; correct `Main-Class` in the manifest"
    );
}

#[test]
fn classes_for_a_newer_java_are_told_and_those_that_it_does_not_read_are_not() {
    let versions = |classes: &[(u16, usize)]| {
        with(job(), |facts| {
            for (major, count) in classes {
                let example = format!("org/example/For{major}.class");
                facts.class_versions.classes.insert(
                    *major,
                    ClassVersion {
                        count: *count,
                        example,
                    },
                );
            }
            facts
                .class_versions
                .versioned
                .insert(21, (65, "META-INF/versions/21/A.class".to_owned()));
        })
    };
    assert_eq!(codes("1.20.5", &[versions(&[(52, 3), (55, 1)])]), NONE);
    assert_eq!(codes("1.20.5", &[versions(&[])]), NONE);
    let found = on(
        "1.20.5",
        &[
            ground("linux/amd64", 17, Libc::Glibc),
            ground("linux/arm64", 11, Libc::Glibc),
        ],
        &[versions(&[(52, 9), (61, 2), (65, 1)])],
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "`job.jar` has 3 classes for Java 21, as `org/example/For65.class`, and the base has Java 11 for `linux/arm64`"
    );
    assert_eq!(
        found[0].way_out,
        "compile for `--release 11`, or choose a base with Java 21"
    );
    // There is no base with Java 25 for this Flink.
    let found = on(
        "1.20.5",
        &[ground("linux/amd64", 17, Libc::Glibc)],
        &[versions(&[(69, 1)])],
    );
    assert!(
        found[0].message.contains("a class for Java 25"),
        "{found:?}"
    );
    assert!(!found[0].way_out.contains("Java 25"), "{found:?}");
}

#[test]
fn classes_below_versions_are_told_if_the_java_looks_at_them_and_cannot_read_them() {
    for (multi_release, number, class, java, expected) in [
        (true, 11, 61, 11, &["class-version"][..]),
        (true, 9, 61, 11, &["class-version"]),
        (true, 11, 55, 11, &[]),
        (true, 17, 61, 11, &[]),
        (false, 11, 61, 11, &[]),
        // Java 8 knows nothing of these.
        (true, 8, 61, 8, &[]),
        (true, 8, 61, 11, &[]),
    ] {
        let jar = with(job(), |facts| {
            facts.manifest.multi_release = multi_release;
            let path = format!("META-INF/versions/{number}/A.class");
            let versioned = &mut facts.class_versions.versioned;
            versioned.insert(number, (class, path));
        });
        let found = on(
            "1.20.5",
            &[ground("linux/amd64", java, Libc::Glibc)],
            &[jar],
        );
        let codes: Vec<_> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(codes, expected, "{multi_release} {number} {class} {java}");
        if let [finding] = &found[..] {
            let path = format!("META-INF/versions/{number}/A.class");
            assert!(finding.message.contains(&path), "{finding:?}");
        }
    }
}

#[test]
fn a_java_that_flink_does_not_work_with_is_told() {
    for (flink, java, expected) in [
        ("1.20.5", 8, &[][..]),
        ("2.3.0", 8, &["java-unsupported"]),
        ("1.14.6", 17, &["java-unsupported"]),
    ] {
        let found = on(flink, &[ground("linux/amd64", java, Libc::Glibc)], &[job()]);
        let found: Vec<_> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(found, expected, "{flink} {java}");
    }
}

#[test]
fn classes_that_differ_between_jars_are_told_and_the_same_are_not() {
    let classes = [
        ("org/example/Job", 1),
        ("com/acme/A", 1),
        ("com/acme/B", 1),
        ("com/acme/package-info", 1),
    ];
    let one = || main_class(with_classes(jar("a.jar"), &classes), "org.example.Job");
    let same = with_classes(
        jar("b.jar"),
        &[("com/acme/A", 1), ("com/acme/package-info", 2)],
    );
    assert_eq!(codes("1.20.5", &[one(), same]), NONE);
    let other = with_classes(
        jar("b.jar"),
        &[("com/acme/A", 2), ("com/acme/B", 2), ("org/example/Job", 2)],
    );
    let found = on("1.20.5", &[], &[one(), other]);
    assert_eq!(
        found[0].message,
        "`a.jar` and `b.jar` have different classes of the same name: `com.acme.A`, `org.example.Job` and `com.acme.B`"
    );
}

#[test]
fn classes_that_differ_between_many_jars_are_told_in_a_few_findings() {
    let name = |place: u32| format!("{}.jar", char::from_u32('a' as u32 + place).unwrap());
    let classes = |place: u32, class: &'static str| {
        with_classes(jar(&name(place)), &[(class, place), ("com/acme/Same", 1)])
    };
    let jars: Vec<_> = (0..12).map(|place| classes(place, "com/acme/A")).collect();
    let found = on("1.20.5", &[], &jars);
    let found: Vec<_> = found
        .iter()
        .filter(|finding| finding.code == Code::DuplicateClasses)
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "`a.jar`, `b.jar`, `c.jar` and 9 more have different classes of the same name: `com.acme.A`"
    );
    // Pairs that have nothing in common with each other.
    let pairs = (0..12).map(|place| {
        let class = [
            "com/acme/A",
            "com/acme/B",
            "com/acme/C",
            "com/acme/D",
            "com/acme/E",
            "com/acme/F",
        ];
        classes(place, class[place as usize / 2])
    });
    let pairs: Vec<_> = pairs.collect();
    let found = on("1.20.5", &[], &pairs);
    let found: Vec<_> = found
        .iter()
        .filter(|finding| finding.code == Code::DuplicateClasses)
        .map(|finding| &*finding.message)
        .collect();
    assert_eq!(
        found,
        [
            "`a.jar` and `b.jar` have different classes of the same name: `com.acme.A`",
            "`c.jar` and `d.jar` have different classes of the same name: `com.acme.B`",
            "`e.jar` and `f.jar` have different classes of the same name: `com.acme.C`",
            "`g.jar` and `h.jar` have different classes of the same name: `com.acme.D`",
            "Some of `i.jar`, `j.jar`, `k.jar` and 1 more have different classes of the same name as well: `com.acme.E` and \
             `com.acme.F`",
        ]
    );
}

#[test]
fn a_jar_with_the_times_of_its_build_is_told_unless_it_is_normalised() -> Result<(), FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.jar");
    let time = |minute| zip::DateTime::from_date_and_time(2024, 6, 2, 12, minute, 0).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (name, minute) in [("b.txt", 0), ("a.txt", 1)] {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options.last_modified_time(time(minute)))
            .unwrap();
    }
    zip.finish().unwrap();
    crate::fs::write_atomic(&path, bytes.get_ref())?;
    // At noon of the second of June, and a year later.
    let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_329_600);
    let later = built + Duration::from_secs(365 * 24 * 60 * 60);
    for (modified, normalizes, obstacle, expected) in [
        (built, false, None, 1),
        (built, true, None, 0),
        (later, false, None, 0),
        // It is only normalised if that can be done.
        (built, true, Some("it is signed"), 1),
    ] {
        let jar = Jar {
            modified: Some(modified),
            ..Jar::read(&path)?
        };
        let jar = with(jar, |facts| facts.obstacle = obstacle.map(str::to_owned));
        let found = check(&Subject {
            jars: &[jar],
            normalizes,
            ..Subject::default()
        });
        assert_eq!(found.len(), expected, "{found:?}");
        if let [finding] = &found[..] {
            assert!(
                finding
                    .message
                    .ends_with("the last 2024-06-02 12:01:00, and they are in no order"),
                "{finding:?}"
            );
            let is_told = finding.way_out.contains("--normalize-jar");
            assert_eq!(is_told, obstacle.is_none(), "{finding:?}");
        }
    }
    Ok(())
}

#[test]
fn platforms_of_images_are_those_of_native_libraries() {
    for (platform, architecture) in [
        ("linux/amd64", "amd64"),
        ("linux/arm64", "arm64"),
        ("linux/arm/v7", "arm"),
    ] {
        assert_eq!(
            platform.parse::<Platform>().unwrap().architecture,
            architecture
        );
    }
}
