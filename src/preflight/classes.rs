//! Classes: the Java that they need, and those that are there twice.

use std::collections::BTreeMap;

use super::code::Code;
use super::finding::Finding;
use super::subject::{Ground, Subject, few};
use crate::error::Explain as _;
use crate::jar::ClassVersions;

/// Whether Flink works with the Java of each base, and whether that reads all classes. Classes that only newer Javas
/// look at (`META-INF/versions`) and module descriptors do not count.
pub(super) fn java(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for ground in subject.grounds {
        found.extend(unsupported(subject, ground));
    }
    for (jar, facts) in subject.readable() {
        // The oldest Java tells most; one finding a jar is enough.
        let oldest = subject
            .grounds
            .iter()
            .filter_map(|ground| Some((ground.java?, ground)));
        let Some((java, ground)) = oldest.min_by_key(|(java, _)| *java) else {
            continue;
        };
        let needs = |class: u16| ClassVersions::java(class).unwrap_or_default();
        let newer: Vec<_> = facts
            .class_versions
            .classes
            .iter()
            .filter(|(class, _)| needs(**class) > java.major())
            .collect();
        let Some((newest, classes)) = newer.last() else {
            continue;
        };
        let count: usize = newer.iter().map(|(_, classes)| classes.count).sum();
        let newest = needs(**newest);
        let message = format!(
            "`{}` has {} for Java {newest}, as `{}`, and the base has Java {java}{}",
            jar.name(),
            if count == 1 {
                "a class".to_owned()
            } else {
                format!("{count} classes")
            },
            classes.example,
            subject.platform_of(ground),
        );
        let allows = |flink: super::Target<'_>| flink.line.line.java.contains(&newest);
        let way_out = if subject.flink.is_some_and(allows) {
            format!("compile for `--release {java}`, or choose a base with Java {newest}")
        } else {
            format!(
                "compile for `--release {java}`, or take an older version of the library that has the class"
            )
        };
        found.push(jar.finding(Code::ClassVersion, message, way_out));
    }
    found
}

/// Classes for some Java, which that cannot read: the JVM takes them for those of the same name that it can.
pub(super) fn versioned(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (jar, facts) in subject.readable() {
        // Java 8 does not look there, and others only if the manifest says so.
        if !facts.manifest.multi_release {
            continue;
        }
        let read_by = |java: u16| {
            let versions = facts.class_versions.versioned.range(9..=java);
            versions.filter_map(move |(_, (class, path))| {
                let needs = ClassVersions::java(*class)?;
                (needs > java).then_some((needs, path))
            })
        };
        let javas = subject.grounds.iter();
        let javas = javas.filter_map(|ground| Some((ground.java?, ground)));
        let broken = javas
            .filter(|(java, _)| java.major() >= 9)
            .find_map(|(java, ground)| {
                let (needs, path) = read_by(java.major()).max()?;
                Some((java, ground, needs, path))
            });
        let Some((java, ground, needs, path)) = broken else {
            continue;
        };
        let message = format!(
            "`{}` has `{path}`, which Java {java} looks at and which is for Java {needs}, and the base has Java {java}{}",
            jar.name(),
            subject.platform_of(ground),
        );
        let way_out = format!(
            "compile what is below `META-INF/versions/N` with `--release N`, or choose a base with Java {needs}"
        );
        found.push(jar.finding(Code::ClassVersion, message, way_out));
    }
    found
}

fn unsupported(subject: &Subject<'_>, ground: &Ground) -> Option<Finding> {
    let (flink, java) = (subject.flink?, ground.java?);
    let error = flink.line.check_java(flink.version, java).err()?;
    Some(Finding {
        code: Code::JavaUnsupported,
        subject: format!("Java {java}"),
        message: format!("{error}{}", subject.platform_of(ground)),
        way_out: error.hint().unwrap_or_default(),
    })
}

/// Classes that two jars have, and not the same. Which of them is loaded depends on the order of the class path.
pub(super) fn duplicates(subject: &Subject<'_>) -> Vec<Finding> {
    let jars: Vec<_> = subject.readable().collect();
    let mut found = Vec::new();
    for (place, (first, ours)) in jars.iter().enumerate() {
        for (second, theirs) in &jars[place + 1..] {
            let shared = ours.classes.shared_with(&theirs.classes);
            let others = shared.filter(|class| !class.is_same() && !is_description(&class.name()));
            let names: Vec<_> = others.map(|class| class.name()).collect();
            if names.is_empty() {
                continue;
            }
            let message = format!(
                "`{}` and `{}` have different classes of the same name: {}",
                first.name(),
                second.name(),
                few(&by_package(&names)),
            );
            let way_out =
                "leave the library that both have out of one of them, or relocate it when shading";
            found.push(first.finding(Code::DuplicateClasses, message, way_out));
        }
    }
    found
}

/// Whether a class only carries annotations of its package.
fn is_description(name: &str) -> bool {
    name.rsplit('.').next() == Some("package-info")
}

/// One class of each package first, as the names of one library look alike.
fn by_package(names: &[String]) -> Vec<&str> {
    let mut first = BTreeMap::new();
    for name in names {
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        first.entry(package).or_insert(&**name);
    }
    let firsts: Vec<_> = first.into_values().collect();
    let rest = names
        .iter()
        .map(|name| &**name)
        .filter(|name| !firsts.contains(name));
    firsts.iter().copied().chain(rest).collect()
}
