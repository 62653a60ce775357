//! Native libraries, and RocksDB.

use super::Linked::{Glibc, Musl, Unknown};

use super::*;

#[test]
fn native_libraries_are_there_for_the_platform_and_the_libc() {
    let natives = |natives: &[(&str, &str, Linked)]| {
        with(job(), |facts| {
            let native = |(path, architecture, libc): &(&str, &str, Linked)| NativeLibrary {
                path: (*path).to_owned(),
                architecture: (*architecture).to_owned(),
                libc: *libc,
            };
            facts.natives = natives.iter().map(native).collect();
        })
    };
    let rocks = [
        ("librocksdbjni-linux64.so", "amd64", Glibc),
        ("librocksdbjni-linux64-musl.so", "amd64", Musl),
        ("librocksdbjni-linux-aarch64.so", "arm64", Glibc),
    ];
    let zstd = [
        ("linux/amd64/libzstd-jni-1.5.so", "amd64", Unknown),
        ("freebsd/arm64/libbsd.so", "arm64", Unknown),
    ];
    for (jar, platform, libc, gcompat, expected) in [
        (natives(&rocks), "linux/amd64", Libc::Glibc, false, &[][..]),
        (natives(&rocks), "linux/amd64", Libc::Musl, false, &[]),
        (natives(&rocks), "linux/arm64", Libc::Glibc, false, &[]),
        (
            natives(&rocks),
            "linux/arm64",
            Libc::Musl,
            false,
            &["native-libc"],
        ),
        (natives(&rocks), "linux/arm64", Libc::Musl, true, &[]),
        (
            natives(&rocks),
            "linux/s390x",
            Libc::Glibc,
            false,
            &["native-platform"],
        ),
        (
            natives(&rocks[1..2]),
            "linux/amd64",
            Libc::Glibc,
            false,
            &["native-libc"],
        ),
        (natives(&zstd), "linux/amd64", Libc::Musl, false, &[]),
        (
            natives(&zstd),
            "linux/arm64",
            Libc::Glibc,
            false,
            &["native-platform"],
        ),
    ] {
        let ground = Ground {
            has_gcompat: gcompat,
            missing_python: None,
            ..ground(platform, 11, libc)
        };
        let found = on("1.20.5", &[ground], &[jar]);
        let found: Vec<_> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(found, expected, "{platform} {libc}");
    }
}

#[test]
fn rocksdb_on_musl_is_told_when_a_setting_or_a_class_wants_it() {
    let setting = |key: &str, value: &str| Setting {
        place: Place::Configuration,
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let properties = |lines: &str| Setting {
        place: Place::Environment,
        key: "FLINK_PROPERTIES".to_owned(),
        value: lines.to_owned(),
    };
    let uses = |uses| Jar {
        uses_rocksdb: Some(uses),
        ..job()
    };
    for (settings, uses_it, libc, expected) in [
        (
            vec![setting("state.backend.type", "rocksdb")],
            false,
            Libc::Musl,
            1,
        ),
        (
            vec![setting("state.backend", "RocksDB")],
            false,
            Libc::Musl,
            1,
        ),
        (
            vec![setting("state.backend.type", "hashmap")],
            false,
            Libc::Musl,
            0,
        ),
        (
            vec![setting("state.backend.type", "rocksdb")],
            true,
            Libc::Glibc,
            0,
        ),
        (
            vec![properties("a: b\n state.backend.type: rocksdb")],
            false,
            Libc::Musl,
            1,
        ),
        (
            vec![properties(
                "# state.backend.type: rocksdb\nstate.backend: hashmap",
            )],
            false,
            Libc::Musl,
            0,
        ),
        (vec![], true, Libc::Musl, 1),
        (vec![], false, Libc::Musl, 0),
    ] {
        let found = check(&Subject {
            jars: &[uses(uses_it)],
            grounds: &[ground("linux/amd64", 11, libc)],
            settings: &settings,
            ..Subject::default()
        });
        let found = found
            .iter()
            .filter(|finding| finding.code == Code::RocksdbMusl);
        assert_eq!(found.count(), expected, "{settings:?} {uses_it} {libc}");
    }
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
