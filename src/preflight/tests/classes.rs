//! Classes: the Java that they need, and those that are there twice.

use super::*;

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
