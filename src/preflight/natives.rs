//! Native libraries: for which platform and C library they are there.

use std::collections::BTreeMap;

use super::code::Code;
use super::finding::Finding;
use super::jar::Jar;
use super::secrets::{PROPERTIES, Place, Setting, properties};
use super::subject::{Ground, Subject, few};
use crate::base::Libc;
use crate::jar::{JarFacts, Libc as Linked, NativeLibrary};

/// Words in the name of a native library that tell its variants apart, and not what it is.
const VARIANTS: [&str; 39] = [
    "linux",
    "linux32",
    "linux64",
    "gnu",
    "glibc",
    "musl",
    "gnueabihf",
    "gnueabi",
    "fedora",
    "suse",
    "x86",
    "x64",
    "x32",
    "amd64",
    "i386",
    "i486",
    "i586",
    "i686",
    "386",
    "32",
    "64",
    "aarch",
    "aarch32",
    "aarch64",
    "arm",
    "arm64",
    "armhf",
    "armv5",
    "armv6",
    "armv7",
    "ppc",
    "ppc64",
    "ppc64le",
    "powerpc",
    "s390",
    "s390x",
    "riscv64",
    "loong64",
    "loongarch64",
];
/// Other systems whose libraries have the form of those of Linux too.
const OTHER_SYSTEMS: [&str; 8] = [
    "android",
    "freebsd",
    "openbsd",
    "netbsd",
    "dragonfly",
    "solaris",
    "sunos",
    "kfreebsd",
];

/// The keys by which a configuration chooses where state is kept.
const STATE_BACKEND: [&str; 2] = ["state.backend", "state.backend.type"];
/// How it is called there: by name, or by the name of a class.
const ROCKSDB: &str = "rocksdb";

/// Native libraries of one kind: each is for another platform, or for another C library.
type Family<'a> = Vec<&'a NativeLibrary>;

/// The native libraries of a jar by what they are.
fn families(facts: &JarFacts) -> BTreeMap<String, Family<'_>> {
    let mut families: BTreeMap<String, Family<'_>> = BTreeMap::new();
    for native in &facts.natives {
        let path = native.path.to_ascii_lowercase();
        if OTHER_SYSTEMS.iter().any(|system| path.contains(system)) {
            continue;
        }
        families
            .entry(family(&native.path))
            .or_default()
            .push(native);
    }
    families
}

/// What a library is: its file name without what tells variants apart.
fn family(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let (stem, _) = file.split_once(".so").unwrap_or((file, ""));
    let words = stem
        .split(['-', '_'])
        .filter(|word| !VARIANTS.contains(&&*word.to_ascii_lowercase()));
    let words: Vec<_> = words.collect();
    words.join("-")
}

/// Native libraries that are there for Linux, and not for the platform or the C library of a base.
pub(super) fn natives(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (jar, facts) in subject.readable() {
        let families = families(facts);
        for ground in subject.grounds {
            found.extend(on(jar, &families, ground));
        }
    }
    found
}

fn on(jar: &Jar, families: &BTreeMap<String, Family<'_>>, ground: &Ground) -> Vec<Finding> {
    let architecture = &ground.platform.architecture;
    let (mut absent, mut foreign) = (Vec::new(), Vec::new());
    let other = match ground.libc {
        Some(Libc::Musl) if !ground.has_gcompat => Some(Linked::Glibc),
        Some(Libc::Glibc) => Some(Linked::Musl),
        _ => None,
    };
    for (name, natives) in families {
        let mut fitting = natives
            .iter()
            .filter(|native| native.architecture == *architecture)
            .peekable();
        if fitting.peek().is_none() {
            absent.push(name);
        } else if other.is_some_and(|other| fitting.all(|native| native.libc == other)) {
            foreign.push(name);
        }
    }
    let mut found = Vec::new();
    if !absent.is_empty() {
        let message = format!(
            "`{}` has the native library {} for Linux, and not for `{}`",
            jar.name(),
            few(&absent),
            ground.platform
        );
        let way_out = "take a version of the library that has it, build for another `--platform`, or allow it if the job never loads it";
        found.push(jar.finding(Code::NativePlatform, message, way_out));
    }
    if let (false, Some(libc)) = (foreign.is_empty(), ground.libc) {
        let other = if libc == Libc::Musl {
            Libc::Glibc
        } else {
            Libc::Musl
        };
        let message = format!(
            "`{}` has the native library {} for {other} only, and the base for `{}` has {libc}",
            jar.name(),
            few(&foreign),
            ground.platform,
        );
        let way_out = match libc {
            Libc::Musl => {
                "choose a base with glibc, as those of Ubuntu, or put the package `gcompat` into this one"
            }
            Libc::Glibc => "take a version of the library that has it for glibc",
        };
        found.push(jar.finding(Code::NativeLibc, message, way_out));
    }
    found
}

/// RocksDB on musl, on which it has crashed again and again.
pub(super) fn rocksdb(subject: &Subject<'_>) -> Option<Finding> {
    let ground = subject
        .grounds
        .iter()
        .find(|ground| ground.libc == Some(Libc::Musl))?;
    let (who, name) = chosen(subject)?;
    Some(Finding {
        code: Code::RocksdbMusl,
        subject: name,
        message: format!(
            "{who} RocksDB, and the base{} has musl, on which RocksDB has crashed with release after release",
            subject.platform_of(ground)
        ),
        way_out: "choose a base with glibc, as those of Ubuntu".to_owned(),
    })
}

/// Who wants RocksDB: a setting, or classes.
fn chosen(subject: &Subject<'_>) -> Option<(String, String)> {
    if let Some(key) = subject.settings.iter().find_map(rocksdb_in) {
        return Some((format!("The setting `{key}` chooses"), key.to_owned()));
    }
    let jar = subject
        .jars
        .iter()
        .find(|jar| jar.uses_rocksdb == Some(true))?;
    Some((format!("`{}` uses", jar.name()), jar.name()))
}

/// The key by which a setting chooses RocksDB; that of a line of `FLINK_PROPERTIES` as well.
fn rocksdb_in(setting: &Setting) -> Option<&str> {
    let chooses = |key: &str, value: &str| {
        STATE_BACKEND.contains(&key) && value.to_ascii_lowercase().contains(ROCKSDB)
    };
    match setting.place {
        Place::Configuration => chooses(&setting.key, &setting.value).then_some(&*setting.key),
        Place::Environment if setting.key == PROPERTIES => properties(&setting.value)
            .find(|(key, value)| chooses(key, value))
            .map(|(key, _)| key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_of_a_library_are_one_family() {
        for (paths, expected) in [
            (
                &[
                    "librocksdbjni-linux64.so",
                    "librocksdbjni-linux-aarch64-musl.so",
                    "librocksdbjni-linux32-musl.so",
                ][..],
                "librocksdbjni",
            ),
            (
                &[
                    "META-INF/native/libnetty_transport_native_epoll_x86_64.so",
                    "META-INF/native/libnetty_transport_native_epoll_aarch_64.so",
                ],
                "libnetty-transport-native-epoll",
            ),
            (
                &[
                    "org/xerial/snappy/native/Linux/x86_64/libsnappyjava.so",
                    "org/xerial/snappy/native/Linux/ppc64/libsnappyjava.so",
                ],
                "libsnappyjava",
            ),
            (
                &[
                    "linux/amd64/libzstd-jni-1.5.5-11.so",
                    "linux/aarch64/libzstd-jni-1.5.5-11.so",
                ],
                "libzstd-jni-1.5.5-11",
            ),
        ] {
            for path in paths {
                assert_eq!(family(path), expected, "{path}");
            }
        }
    }
}
