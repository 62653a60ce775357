//! What is found in which circumstances, from facts that are put together by hand.

mod classes;
mod entry;
mod flink;
mod jar;
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
