//! The class that Flink starts when nobody names one.
//!
//! From 1.8 on Flink looks through all jars on the class path of the job, from 1.10 on that is `usrlib`, for one whose
//! manifest has `program-class` or else `Main-Class`, and wants exactly one (`JarManifestParser.findOnlyEntryClass`).

use super::code::Code;
use super::finding::Finding;
use super::jar::Jar;
use super::subject::{Subject, Target};
use crate::jar::JarFacts;

/// The option that names the class.
const OPTION: &str = "--job-classname";

/// The entry classes that the distribution has, and puts on the class path by itself.
const IN_DISTRIBUTION: [&str; 2] = [
    "org.apache.flink.client.python.PythonDriver",
    "org.apache.flink.table.runtime.application.SqlDriver",
];

/// Whether this Flink looks for the class at all.
fn looks(flink: Target<'_>) -> bool {
    let options = flink.line.line.options.iter();
    !options
        .filter(|option| option.names.contains(OPTION))
        .any(|option| option.is_required)
}

/// Whether there is one entry class, and where it should be.
pub(super) fn entry_class(subject: &Subject<'_>) -> Vec<Finding> {
    let named: Vec<_> = subject
        .of_job()
        .filter_map(|(jar, facts)| Some((jar, facts, facts.manifest.entry_class()?)))
        .collect();
    let mut found = Vec::new();
    match &named[..] {
        [] => found.extend(missing(subject)),
        [(first, _, one), (second, _, other), ..] => {
            if let Some(flink) = subject.flink.filter(|flink| looks(*flink)) {
                let message = format!(
                    "`{}` names the entry class `{one}`, and `{}` names `{other}`: Flink {} does not choose between them",
                    first.name(),
                    second.name(),
                    flink.version,
                );
                let way_out = format!(
                    "take `Main-Class` out of the manifest of all jars but one; or allow it, if each start says `{OPTION}`"
                );
                found.push(first.finding(Code::EntryClassAmbiguous, message, way_out));
            }
        }
        [_] => {}
    }
    found.extend(
        named
            .iter()
            .filter_map(|(jar, facts, class)| not_found(subject, jar, facts, class)),
    );
    found
}

fn missing(subject: &Subject<'_>) -> Option<Finding> {
    // A jar that cannot be read may name one.
    let all_read = subject.jars.iter().all(|jar| jar.facts.is_ok());
    let jar = subject
        .jars
        .first()
        .filter(|_| subject.is_job && all_read)?;
    let flink = subject.flink?;
    let message = if looks(flink) {
        format!(
            "No jar names an entry class in its manifest, so the image starts with `{OPTION} CLASS` only"
        )
    } else {
        format!(
            "No jar names an entry class in its manifest, and Flink {} wants `{OPTION} CLASS` at each start",
            flink.version
        )
    };
    let way_out = format!(
        "let the build of the jar write `Main-Class` into the manifest, or start with `{OPTION} CLASS`"
    );
    Some(jar.finding(Code::EntryClassMissing, message, way_out))
}

/// A class that is named, and in no jar.
fn not_found(subject: &Subject<'_>, jar: &Jar, facts: &JarFacts, class: &str) -> Option<Finding> {
    if IN_DISTRIBUTION.contains(&class) {
        return None;
    }
    let all_read = subject.jars.iter().all(|jar| jar.facts.is_ok());
    let is_somewhere = subject
        .readable()
        .any(|(_, facts)| facts.classes.get(class).is_some());
    // Without any class there is nothing to compare with: such a jar is made by a test, or all is in other files.
    let has_classes = !facts.classes.is_empty();
    if !all_read || is_somewhere || !has_classes {
        return None;
    }
    let simple = class.rsplit('.').next().unwrap_or(class);
    let meant = facts.classes.iter().find_map(|(folder, classes)| {
        classes.iter().find(|known| *known.name == *simple)?;
        Some(format!("{}.{simple}", folder.replace('/', ".")))
    });
    let message = format!(
        "`{}` names the entry class `{class}`, which is in no jar of the job",
        jar.name()
    );
    let way_out = match meant {
        Some(meant) => format!(
            "did you mean `{}`; correct `Main-Class` in the manifest",
            meant.trim_start_matches('.')
        ),
        None => {
            "correct `Main-Class` in the manifest, or add the jar that has the class".to_owned()
        }
    };
    Some(jar.finding(Code::EntryClassNotFound, message, way_out))
}
