//! What is found in jars that nothing is wrong with.

use flink_img::jar::{ClassVersions, Library, Manifest, Oddity, Signature, users};

use crate::support::zip::{Elf, Entry, TIME, class, manifest, with_comment, zip};
use crate::{Place, facts};

#[test]
fn the_manifest_tells_what_is_started_and_what_else_is_read() {
    let attributes = [
        ("Main-Class", "org.example.Tool"),
        ("program-class", "org.example.Job"),
        ("multi-release", "TRUE"),
    ];
    let found = facts(&zip(&[manifest(&attributes)])).unwrap().manifest;
    assert_eq!(found.entry_class(), Some("org.example.Job"));
    assert_eq!(found.main_class.as_deref(), Some("org.example.Tool"));
    assert!(found.multi_release);
    assert_eq!(facts(&zip(&[])).unwrap().manifest, Manifest::default());
}

#[test]
fn classes_are_known_by_name_checksum_and_size() {
    let job = class(52, &["x"]);
    let found = facts(&zip(&[
        Entry::new("org/example/Job.class", job.clone()),
        Entry::stored("org/example/Job$Inner.class", class(52, &[])),
        Entry::new("Bare.class", class(52, &[])),
        Entry::new("module-info.class", class(53, &[])),
        Entry::new("META-INF/versions/9/org/example/Job.class", class(53, &[])),
        Entry::new("org/example/notes.txt", "text"),
    ]))
    .unwrap();
    assert_eq!((found.classes.len(), found.entries), (3, 6));
    let class = found.classes.get("org.example.Job").unwrap();
    assert_eq!(class.crc32, crc32fast::hash(&job));
    assert_eq!(class.size, job.len() as u64);
    for (name, expected) in [
        ("org/example/Job$Inner", true),
        ("Bare", true),
        ("module-info", false),
        ("org.example.Other", false),
        ("org.example", false),
    ] {
        assert_eq!(found.classes.get(name).is_some(), expected, "{name}");
    }
    for (name, expected) in [
        ("org.example", true),
        ("org", true),
        ("org.exam", false),
        ("META-INF", false),
    ] {
        assert_eq!(found.classes.has_package(name), expected, "{name}");
    }
}

#[test]
fn classes_that_two_jars_have_are_found() {
    let one = facts(&zip(&[
        Entry::new("a/Same.class", class(52, &["s"])),
        Entry::new("a/Other.class", class(52, &["o"])),
        Entry::new("a/Mine.class", class(52, &[])),
        Entry::new("Bare.class", class(52, &[])),
    ]));
    let two = facts(&zip(&[
        Entry::new("Bare.class", class(52, &[])),
        Entry::new("a/Other.class", class(52, &["another"])),
        Entry::new("a/Same.class", class(52, &["s"])),
        Entry::new("b/Mine.class", class(52, &[])),
    ]));
    let (one, two) = (one.unwrap().classes, two.unwrap().classes);
    let shared: Vec<_> = one.shared_with(&two).collect();
    let shared: Vec<_> = shared
        .iter()
        .map(|class| (class.name(), class.is_same()))
        .collect();
    let expected = [("Bare", true), ("a.Other", false), ("a.Same", true)];
    assert_eq!(shared, expected.map(|(name, same)| (name.to_owned(), same)));
}

#[test]
fn each_class_tells_its_java_wherever_its_bytes_are() {
    let mut entries = vec![
        Entry::new("b/Old.class", class(52, &[])),
        Entry::new("a/Old.class", class(52, &[])),
        Entry::stored("Stored.class", class(61, &[])),
        // Larger than what is read at once, and behind an extra field.
        Entry {
            extra: [&[0xfe, 0xca, 0x58, 0x02][..], &[0; 600]].concat(),
            ..Entry::stored("Large.class", [class(55, &[]), vec![7; 100_000]].concat())
        },
        Entry::new("META-INF/versions/17/a/Old.class", class(61, &[])),
        Entry::new("META-INF/versions/21/a/Old.class", class(65, &[])),
        Entry::new("META-INF/versions/21/b/Old.class", class(64, &[])),
        Entry::new("META-INF/versions/9/module-info.class", class(54, &[])),
        Entry::new("module-info.class", class(53, &[])),
        Entry::new("META-INF/other/Old.class", class(69, &[])),
    ];
    // More than one thread takes at once.
    for number in 0..2000 {
        entries.push(Entry::new(
            &format!("many/C{number}.class"),
            class(50, &["x"]),
        ));
    }
    let found = facts(&zip(&entries)).unwrap().class_versions;
    let (newest, classes) = found.newest().unwrap();
    assert_eq!((newest, &*classes.example), (61, "Stored.class"));
    let counts: Vec<_> = found
        .classes
        .iter()
        .map(|(major, classes)| (*major, classes.count, &*classes.example))
        .collect();
    assert_eq!(
        counts,
        [
            (50, 2000, "many/C0.class"),
            (52, 2, "a/Old.class"),
            (55, 1, "Large.class"),
            (61, 1, "Stored.class")
        ]
    );
    let versioned: Vec<_> = found.versioned.iter().collect();
    assert_eq!(versioned.len(), 2);
    let path = "META-INF/versions/21/a/Old.class".to_owned();
    assert_eq!(versioned[1], (&21, &(65, path)));
    assert_eq!(ClassVersions::java(newest), Some(17));
}

#[test]
fn libraries_are_those_that_maven_left_a_file_of() {
    let file = |path: &str, text: &str| Entry::new(&format!("META-INF/maven/{path}"), text);
    let found = facts(&zip(&[
        file(
            "org.apache.flink/flink-core/pom.properties",
            "#Generated\nversion=1.20.5\ngroupId=org.apache.flink\nartifactId=flink-core\n",
        ),
        file("org.example/job/pom.properties", "\u{0}\u{1}rubbish"),
        file("org.example/job/pom.xml", "<project/>"),
        file("org.example/deep/er/pom.properties", "version=1"),
        file("bare/pom.properties", "version=1"),
    ]));
    let library = |group: &str, artifact: &str, version: Option<&str>| Library {
        group: group.to_owned(),
        artifact: artifact.to_owned(),
        version: version.map(ToOwned::to_owned),
    };
    let expected = [
        library("org.apache.flink", "flink-core", Some("1.20.5")),
        library("org.example", "job", None),
    ];
    assert_eq!(found.unwrap().libraries, expected);
}

#[test]
fn services_have_their_classes() {
    let found = facts(&zip(&[
        Entry::new("META-INF/services/", ""),
        Entry::new(
            "META-INF/services/org.example.Factory",
            "# two\na.A\nb.B # last\n",
        ),
        Entry::new("META-INF/services/deep/er", "a.A\n"),
    ]));
    let services = found.unwrap().services;
    assert_eq!(services.len(), 1);
    assert_eq!(services["org.example.Factory"], ["a.A", "b.B"]);
}

#[test]
fn native_libraries_tell_their_processor_and_libc() {
    let amd64 = Elf::AMD64;
    let glibc = &["libm.so.6", "libc.so.6"][..];
    let big = Elf {
        machine: 22,
        big_endian: true,
        needed: glibc,
        ..amd64
    };
    let narrow = Elf {
        machine: 40,
        wide: false,
        needed: &["libc.musl-armhf.so.1"],
        ..amd64
    };
    let cases = [
        (
            "linux64/librocksdbjni.so",
            Elf {
                needed: glibc,
                ..amd64
            },
            Some(("amd64", "glibc")),
        ),
        (
            "linux-musl/x.so.7",
            Elf {
                needed: &["libc.so"],
                ..amd64
            },
            Some(("amd64", "musl")),
        ),
        (
            "arm64/x.jnilib",
            Elf {
                machine: 183,
                ..amd64
            },
            Some(("arm64", "unknown")),
        ),
        ("s390x/x.so", big, Some(("s390x", "glibc"))),
        ("arm/x.so", narrow, Some(("arm", "musl"))),
        (
            "odd/x.so",
            Elf {
                machine: 999,
                ..amd64
            },
            Some(("unknown-999", "unknown")),
        ),
        ("freebsd/x.so", Elf { system: 9, ..amd64 }, None),
        (
            "solaris/x.so",
            Elf {
                needed: &["libc.so.1"],
                ..amd64
            },
            None,
        ),
        (
            "android/x.so",
            Elf {
                android: true,
                needed: &["libc.so"],
                ..amd64
            },
            None,
        ),
        ("by-another-name/x.bin", amd64, None),
    ];
    let packings: [fn(&str, Vec<u8>) -> Entry; 2] = [Entry::new, Entry::stored];
    for pack in packings {
        let mut entries: Vec<_> = cases
            .iter()
            .map(|(path, elf, _)| pack(path, elf.bytes()))
            .collect();
        entries.push(pack(
            "mac/x.jnilib",
            b"\xcf\xfa\xed\xfe and more of Mach-O".to_vec(),
        ));
        entries.push(pack("short/x.so", b"\x7fELF".to_vec()));
        let found = facts(&zip(&entries)).unwrap().natives;
        let found: Vec<_> = found
            .iter()
            .map(|native| {
                let libc = serde_json::to_value(native.libc).unwrap();
                let libc = libc.as_str().unwrap().to_owned();
                (native.path.clone(), native.architecture.clone(), libc)
            })
            .collect();
        let mut expected: Vec<_> = cases
            .iter()
            .filter_map(|(path, _, expected)| {
                let (architecture, libc) = (*expected)?;
                Some([*path, architecture, libc].map(ToOwned::to_owned).into())
            })
            .collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn times_and_order_tell_whether_a_build_can_be_repeated() {
    let entry = |name: &str, time: u32| Entry {
        time,
        ..Entry::stored(name, "")
    };
    let found = facts(&zip(&[
        entry("META-INF/", TIME),
        manifest(&[]),
        entry("META-INF/LICENSE", TIME),
        entry("a", TIME + 5),
        entry("b", TIME),
    ]))
    .unwrap();
    assert!(found.sorted);
    let times = found.times.unwrap();
    assert_eq!(times.newest.to_string(), "2024-06-01 12:00:10");
    assert_eq!(times.recent, 2);
    // With libraries that were built a day and just more than an hour before, at 10:59:58.
    let mixed = [
        TIME,
        TIME - (2 << 11) + (59 << 5) + 29,
        TIME - (1 << 16),
        TIME - (1 << 11),
    ];
    let entries = mixed.map(|time| entry(&format!("{time}"), time));
    let times = facts(&zip(&entries)).unwrap().times.unwrap();
    assert_eq!(times.recent, 2);

    let found = facts(&zip(&[entry("b", TIME), entry("a", TIME)])).unwrap();
    assert!(!found.sorted);
    assert_eq!(facts(&zip(&[])).unwrap().times, None);
}

#[test]
fn what_is_odd_is_told_and_what_is_fatal_to_the_jvm_is_told_apart() {
    let cases: [(Vec<Entry>, Vec<&str>, bool); 5] = [
        (
            vec![Entry {
                flags: 1,
                ..Entry::stored("a", "secret")
            }],
            vec!["its entry `a` is encrypted"],
            true,
        ),
        (
            vec![Entry {
                method: 12,
                ..Entry::new("a.class", "bzip2")
            }],
            vec!["its entry `a.class` is packed by method 12, which the JVM does not know"],
            true,
        ),
        (
            vec![
                manifest(&[("Main-Class", "Short")]),
                Entry::new("Short.class", "\u{1}"),
            ],
            vec!["its entry `Short.class` is no class file"],
            false,
        ),
        (
            vec![
                manifest(&[("Main-Class", "org.example.Text")]),
                Entry::new("org/example/Text.class", "${project.version}"),
                // Others may be templates.
                Entry::new("org/example/Template.class", "${class}"),
                Entry::new("org/example/Fine.class", class(52, &[])),
            ],
            vec!["its entry `org/example/Text.class` is no class file"],
            false,
        ),
        (
            vec![Entry {
                flags: 1,
                ..Entry::stored("\u{1b}[2J/x", "secret")
            }],
            vec!["its entry `\u{fffd}[2J/x` is encrypted"],
            true,
        ),
    ];
    for (entries, expected, fatal) in cases {
        let found = facts(&zip(&entries)).unwrap().oddities;
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(told, expected);
        assert_eq!(found.iter().all(Oddity::is_fatal), fatal, "{told:?}");
    }
}

#[test]
fn what_is_before_and_behind_a_jar_does_no_harm() {
    let entries = [
        Entry::stored("a.txt", "x"),
        Entry::new("A.class", class(52, &[])),
    ];
    let plain = zip(&entries);
    let expected = facts(&plain).unwrap();
    assert_eq!(expected.signature, Signature::None);
    let script = b"#!/bin/sh\nexec java -jar \"$0\"\n";
    assert_eq!(facts(&[&script[..], &plain].concat()).unwrap(), expected);
    // As the JVM: bytes behind the end, and a comment that looks like an end.
    let trailing = [&plain[..], b"trailing"].concat();
    assert_eq!(facts(&trailing).unwrap(), expected);
    let comment = [b"PK\x05\x06".as_slice(), &[0; 30]].concat();
    let commented = with_comment(&entries, &comment);
    assert_eq!(facts(&commented).unwrap(), expected);
}

#[test]
fn names_that_classes_mention_are_found_and_others_are_not() {
    let place = Place::new();
    let path = place.write(&zip(&[
        Entry::new(
            "a/A.class",
            class(52, &["java/lang/Object", "(Lorg/example/RocksDB;)V"]),
        ),
        Entry::stored("a/B.class", class(52, &["org.example.ByName"])),
        // No class, and behind the texts of one.
        Entry::new("a/notes.txt", "org/example/InText"),
        Entry::new(
            "a/C.class",
            [class(52, &[]), b"org/example/Behind".to_vec()].concat(),
        ),
        Entry::new("a/D.class", "org/example/NoClass"),
    ]));
    let names = [
        "org/example/RocksDB",
        "org.example.ByName",
        "org/example/InText",
        "org/example/Behind",
        "org/example/NoClass",
        "java/lang/Object",
    ];
    let found: Vec<_> = users(&path, &names, |_| true)
        .unwrap()
        .into_keys()
        .collect();
    let expected = [
        "java/lang/Object",
        "org.example.ByName",
        "org/example/RocksDB",
    ];
    assert_eq!(found, expected);
    assert!(users(&path, &[], |_| true).unwrap().is_empty());
}
