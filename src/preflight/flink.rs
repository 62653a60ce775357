//! What is in a jar that the distribution has already: Flink itself, and what it logs with.

use super::code::Code;
use super::finding::Finding;
use super::jar::Jar;
use super::subject::{Subject, Target, few};
use crate::jar::JarFacts;

/// The Maven group of Flink.
pub(super) const GROUP: &str = "org.apache.flink";

/// The libraries that write logs, each with a class that only it has. What is called through slf4j or the API of log4j
/// 2 is no harm: both find those of Flink.
const LOGGERS: [(&str, &str); 4] = [
    ("a binding of slf4j", "org/slf4j/impl/StaticLoggerBinder"),
    ("log4j 2", "org/apache/logging/log4j/core/LoggerContext"),
    ("log4j 1", "org/apache/log4j/LogManager"),
    ("Logback", "ch/qos/logback/classic/Logger"),
];
/// What slf4j 2 finds its bindings by.
const PROVIDER: &str = "org.slf4j.spi.SLF4JServiceProvider";

/// Parts of Flink that must not be in a jar of a job. Flink loads them from the distribution, so those in the jar are dead
/// weight at best; of another version, some classes come from here and some from there.
pub(super) fn bundled(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(flink) = subject.flink else {
        return Vec::new();
    };
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let parts = parts(flink, facts, false);
        if parts.is_empty() {
            return None;
        }
        let has_foreign = || {
            let mut foreign = flink.line.line.foreign.iter();
            foreign.any(|class| facts.classes.get(class).is_some())
        };
        let image = flink.version.to_string();
        let (code, message) = match version(jar, facts, &parts) {
            Some(version) if version != image => (
                Code::FlinkBundledVersion,
                format!(
                    "`{}` bundles {} of Flink {version}, and the image has Flink {image}",
                    jar.name(),
                    few(&parts)
                ),
            ),
            Some(_) => (
                Code::FlinkBundled,
                format!(
                    "`{}` bundles {}, which the image has already",
                    jar.name(),
                    few(&parts)
                ),
            ),
            None if has_foreign() => (
                Code::FlinkBundledVersion,
                format!(
                    "`{}` bundles {} of another major version of Flink, and the image has Flink {image}",
                    jar.name(),
                    few(&parts)
                ),
            ),
            None => (
                Code::FlinkBundled,
                format!(
                    "`{}` bundles {} of a version that it does not name, and the image has Flink {image}",
                    jar.name(),
                    few(&parts)
                ),
            ),
        };
        let way_out = "give these dependencies the scope `provided` (Gradle: `compileOnly`), and leave them out of the jar";
        Some(jar.finding(code, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}

/// The parts of Flink in a jar: those that only have no use there, or those with which the job does not start.
fn parts(flink: Target<'_>, facts: &JarFacts, conflicting: bool) -> Vec<&'static str> {
    let provided = flink.line.line.provided.iter().copied().flatten();
    let bundled = provided.filter(|part| {
        let mut classes = part.classes.iter();
        part.conflicts == conflicting && classes.any(|class| facts.classes.get(class).is_some())
    });
    bundled.map(|part| part.artifact).collect()
}

/// Parts of Flink that are not only of no use in a jar: with them the job does not start.
pub(super) fn conflicting(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(flink) = subject.flink else {
        return Vec::new();
    };
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let parts = parts(flink, facts, true);
        if parts.is_empty() {
            return None;
        }
        let message = format!(
            "`{}` bundles {}, whose factories Flink {} has already, and it does not choose between two of a name",
            jar.name(),
            few(&parts),
            flink.version
        );
        let way_out =
            "give it the scope `test` (Gradle: `testImplementation`), and leave it out of the jar";
        Some(jar.finding(Code::FlinkPlannerBundled, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}

/// The version of the parts of Flink in a jar. Their own jars have it in the manifest and no files of Maven; in a jar that
/// was shaded only the run time tells.
fn version(jar: &Jar, facts: &JarFacts, parts: &[&str]) -> Option<String> {
    let is_part = |artifact: &str| parts.contains(&without_scala(artifact));
    let by_maven = facts
        .libraries
        .iter()
        .filter(|library| library.group == GROUP && is_part(&library.artifact))
        .find_map(|library| library.version.clone());
    let by_manifest = || {
        let manifest = &facts.manifest;
        let is_flinks = manifest.implementation_vendor_id.as_deref() == Some(GROUP);
        manifest
            .implementation_version
            .clone()
            .filter(|_| is_flinks)
    };
    jar.flink_version.clone().or(by_maven).or_else(by_manifest)
}

/// The name of an artifact without the version of Scala behind it: `flink-clients` of `flink-clients_2.12`.
pub(super) fn without_scala(artifact: &str) -> &str {
    artifact
        .rsplit_once("_2.")
        .map_or(artifact, |(name, _)| name)
}

/// Logging libraries. Those of Flink are found first, and complain, or those of the jar, and nothing is logged where it should.
pub(super) fn logging(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let by_class = LOGGERS
            .iter()
            .filter(|(_, class)| facts.classes.get(class).is_some())
            .map(|(name, _)| *name);
        let by_service = facts
            .services
            .contains_key(PROVIDER)
            .then_some("a binding of slf4j 2");
        let loggers: Vec<_> = by_class.chain(by_service).collect();
        if loggers.is_empty() {
            return None;
        }
        let message = format!(
            "`{}` bundles {}, and Flink logs with a library of its own",
            jar.name(),
            loggers.join(", ")
        );
        let way_out = "leave it out of the jar, and only call slf4j; what is logged is set in Flink's `conf/`";
        Some(jar.finding(Code::LoggingBinding, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}
