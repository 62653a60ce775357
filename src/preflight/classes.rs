//! Classes: the Java that they need, and those that are there twice.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::code::Code;
use super::finding::Finding;
use super::subject::{Ground, Subject, few};
use crate::error::Explain as _;
use crate::jar::ClassVersions;

/// How many sets of jars with classes in common are told one by one.
const GROUPS: usize = 4;

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

/// Classes that several jars have, and not the same. Which of them is loaded depends on the order of the class path. What is
/// between the same jars is told once.
pub(super) fn duplicates(subject: &Subject<'_>) -> Vec<Finding> {
    let jars: Vec<_> = subject.readable().collect();
    let mut holders: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for (first, (_, ours)) in jars.iter().enumerate() {
        for (second, (_, theirs)) in jars.iter().enumerate().skip(first + 1) {
            let shared = ours.classes.shared_with(&theirs.classes);
            for class in shared.filter(|class| !class.is_same()) {
                let name = class.name();
                if !is_description(&name) {
                    holders.entry(name).or_default().extend([first, second]);
                }
            }
        }
    }
    let mut groups: BTreeMap<BTreeSet<usize>, Vec<String>> = BTreeMap::new();
    for (class, holders) in holders {
        groups.entry(holders).or_default().push(class);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    // The sort keeps the order of the jars where there are as many classes.
    groups.sort_by_key(|(_, classes)| Reverse(classes.len()));
    let rest = groups.split_off(groups.len().min(GROUPS));
    let way_out = "leave the library that they have in common out of all but one, or relocate it when shading";
    let told = groups.iter().map(|(holders, classes)| {
        let names: Vec<_> = holders.iter().map(|place| jars[*place].0.name()).collect();
        let message = format!(
            "{} have different classes of the same name: {}",
            few(&names),
            few(&by_package(classes)),
        );
        let first = jars[*holders.first().expect("two jars at least")].0;
        first.finding(Code::DuplicateClasses, message, way_out)
    });
    let mut found: Vec<_> = told.collect();
    let holders: BTreeSet<_> = rest
        .iter()
        .flat_map(|(holders, _)| holders.iter().copied())
        .collect();
    if let Some(first) = holders.first() {
        let classes: Vec<_> = rest.into_iter().flat_map(|(_, classes)| classes).collect();
        let names: Vec<_> = holders.iter().map(|place| jars[*place].0.name()).collect();
        let message = format!(
            "Some of {} have different classes of the same name as well: {}",
            few(&names),
            few(&by_package(&classes)),
        );
        found.push(
            jars[*first]
                .0
                .finding(Code::DuplicateClasses, message, way_out),
        );
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
