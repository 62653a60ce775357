//! The entry class: whether there is one, and where it is.

use super::*;

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
