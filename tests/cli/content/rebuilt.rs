//! What follows from a release is known by what an earlier image says of it, where the release is not.

use crate::rebuild::{RECEIVED_LIMIT, World, next_commit};
use crate::support::context::TestContext;

/// Puts what the words name into the working folder of a user.
fn equip(context: &TestContext) {
    context.write("extra.jar", crate::support::fixtures::jar(&[]));
    context.write("rules.json", "{}");
    context.write("log4j.properties", "rootLogger.level = WARN\n");
}

/// Whether a path on the mirror is that of the release, and not of its checksum or signature.
fn is_archive(path: &str) -> bool {
    std::path::Path::new(path)
        .extension()
        .is_some_and(|end| end == "tgz")
}

const WORDS: [&str; 13] = [
    "--plugin",
    "flink-s3-fs-hadoop",
    "--flink-conf",
    "rest.port=9091",
    "--log4j",
    "log4j.properties",
    "--lib",
    "extra.jar",
    "--add",
    "rules.json:/opt/flink/conf/rules.json",
    "--user",
    "1234",
    "--slim",
];

#[test]
fn a_clean_runner_with_the_same_words_downloads_no_flink() {
    let world = World::new();
    let name = world.name("acme/job:1");
    let user = TestContext::new();
    equip(&user);
    let first = world.push(&user, &name, &WORDS).ok();
    let archives = || {
        let asked = world.mirror.asked();
        asked.iter().filter(|path| is_archive(path)).count()
    };
    assert_eq!(archives(), 1);

    // The same on another machine, with the same jar and with that of the next commit, and with another label.
    let clean = TestContext::new();
    equip(&clean);
    assert_eq!(world.push(&clean, &name, &WORDS).digest(), first.digest());
    // So it is in other words that mean the same.
    let mut same = WORDS;
    (same[1], same[3]) = ("flink-s3-fs-hadoop-1.20.5.jar", "settings.yaml");
    clean.write("settings.yaml", "rest:\n  port: 9091\n");
    assert_eq!(world.push(&clean, &name, &same).digest(), first.digest());
    assert_eq!(archives(), 1);
    next_commit(&clean, "org.example.Next");
    let other = [&WORDS[..], &["--label", "com.acme.commit=abc"]].concat();
    world.push(&clean, &name, &other).ok();
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());
    assert_eq!(archives(), 1);

    // What is known is what is made where everything is there.
    let here = TestContext::new();
    equip(&here);
    next_commit(&here, "org.example.Next");
    let made = [&other[..], &["--no-cache"]].concat();
    let made = world
        .push(&here, &world.name("acme/other:1"), &made)
        .digest();
    assert_eq!(world.push(&clean, &name, &other).digest(), made);
}

#[test]
fn what_changes_in_the_home_of_flink_takes_the_release() {
    let world = World::new();
    let name = world.name("acme/job:1");
    let user = TestContext::new();
    equip(&user);
    world.push(&user, &name, &WORDS).ok();
    for (place, word) in [
        (3, "rest.port=9092"),
        (12, "--plugin=flink-s3-fs-hadoop"),
        (9, "rules.json:/opt/flink/conf/other.json"),
    ] {
        let clean = TestContext::new();
        equip(&clean);
        let mut words = WORDS;
        words[place] = word;
        let before = world.mirror.asked().len();
        world.push(&clean, &name, &words).ok();
        let asked = world.mirror.asked();
        let asked = asked[before..].iter().filter(|path| is_archive(path));
        assert_eq!(asked.count(), 1, "{word}");
    }
}

#[test]
fn a_plain_rebuild_is_none_of_its_business() {
    let world = World::new();
    let name = world.name("acme/job:1");
    world.push(&TestContext::new(), &name, &[]).ok();
    let clean = TestContext::new();
    equip(&clean);
    // Files elsewhere do not depend on Flink.
    let words = ["--add", "rules.json:/opt/rules.json", "--env", "A=b"];
    world.push(&clean, &name, &words).ok();
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());
}
