//! Connectors for another line of Flink, and parts of Flink for another Scala.
//!
//! Since 1.16 connectors have versions of their own, with the line of Flink behind them: `3.2.0-1.19`. Older ones have the
//! version of Flink. Jars of Flink have no files of Maven in them, so their names and manifests are read as well; and of
//! those that are merged into another jar only their classes are left, of which it is looked what they use.

use std::collections::BTreeSet;

use super::code::Code;
use super::finding::Finding;
use super::flink::GROUP;
use super::jar::Jar;
use super::subject::{Subject, few};
use crate::flink::lines::LINES;
use crate::jar::JarFacts;

/// Where the classes of connectors are.
const CONNECTORS: [&str; 2] = [
    "org/apache/flink/connector/",
    "org/apache/flink/streaming/connectors/",
];

/// An artifact of Flink, with its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Artifact {
    name: String,
    version: Option<String>,
}

impl Artifact {
    /// The artifact of a file name: `flink-connector-kafka_2.11` and `1.14.6` of `flink-connector-kafka_2.11-1.14.6.jar`.
    fn of_file(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".jar")?;
        let version = stem
            .match_indices('-')
            .map(|(at, _)| at)
            .find(|at| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
        stem.starts_with("flink-").then(|| Self {
            name: stem[..version].to_owned(),
            version: Some(stem[version + 1..].to_owned()),
        })
    }

    fn is_connector(&self) -> bool {
        // Those of Flink CDC have versions that look like those of Flink, and are for many lines.
        let name = super::flink::without_scala(&self.name);
        !name.ends_with("-cdc")
            && ["flink-connector-", "flink-sql-connector-"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
    }

    /// Whether its version is not that of a Flink.
    fn has_own_version(&self) -> bool {
        let version = self.version.as_deref().unwrap_or_default();
        version.trim_end_matches("-SNAPSHOT").contains('-')
    }

    /// The line of Flink that it is built for.
    fn line(&self) -> Option<(u16, u16)> {
        let version = self.version.as_deref()?.trim_end_matches("-SNAPSHOT");
        let number = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        };
        if let Some((_, line)) = version.rsplit_once('-') {
            return number(line);
        }
        let (line, _patch) = version.rsplit_once('.')?;
        number(line).filter(|line| LINES.iter().any(|known| known.number == *line))
    }
}

/// The artifacts of Flink that a jar is, or has in it.
fn artifacts(jar: &Jar, facts: &JarFacts) -> BTreeSet<Artifact> {
    let libraries = facts
        .libraries
        .iter()
        .filter(|library| library.group == GROUP);
    let mut found: BTreeSet<_> = libraries
        .map(|library| Artifact {
            name: library.artifact.clone(),
            version: library.version.clone(),
        })
        .collect();
    let manifest = &facts.manifest;
    if manifest.implementation_vendor_id.as_deref() == Some(GROUP)
        && let Some(mut own) = Artifact::of_file(jar.file_name())
    {
        own.version = manifest.implementation_version.clone().or(own.version);
        found.insert(own);
    }
    found
}

/// Connectors that are built for another line of Flink.
pub(super) fn lines(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(flink) = subject.flink else {
        return Vec::new();
    };
    let (major, minor) = flink.version.line();
    let mut found = Vec::new();
    for (jar, facts) in subject.readable() {
        let artifacts = artifacts(jar, facts);
        let connectors = artifacts.iter().filter(|artifact| artifact.is_connector());
        let others: Vec<_> = connectors
            .filter_map(|connector| Some((connector, connector.line()?)))
            .filter(|(_, line)| *line != (major, minor))
            .collect();
        let of_major = |same: bool| -> Vec<_> {
            let of_it = others.iter().filter(|(_, line)| (line.0 == major) == same);
            of_it.collect()
        };
        for (code, others) in [
            (Code::ConnectorLine, of_major(true)),
            (Code::ConnectorMajor, of_major(false)),
        ] {
            let Some((_, built_for)) = others.first() else {
                continue;
            };
            let names: Vec<_> = others
                .iter()
                .map(|(connector, _)| {
                    format!(
                        "{}:{}",
                        connector.name,
                        connector.version.as_deref().unwrap_or_default()
                    )
                })
                .collect();
            let message = format!(
                "`{}` has {}, built for Flink {}.{}, and the image has Flink {}",
                jar.name(),
                few(&names),
                built_for.0,
                built_for.1,
                flink.version,
            );
            // One with the version of a Flink comes with each Flink, as long as it has not got versions of its own.
            let of_flink = others
                .iter()
                .all(|(connector, _)| !connector.has_own_version());
            let way_out = if of_flink {
                let own = if *built_for < (major, minor) {
                    format!(", or the one whose name ends with `-{major}.{minor}`")
                } else {
                    String::new()
                };
                format!("take its version {major}.{minor}.x{own}")
            } else {
                own_version((major, minor))
            };
            found.push(jar.finding(code, message, way_out));
        }
    }
    found
}

/// The way out where a connector has versions of its own.
fn own_version((major, minor): (u16, u16)) -> String {
    format!(
        "take the version of the connector whose name ends with `-{major}.{minor}`, if there is one"
    )
}

/// Classes that use what only another major version of Flink has: those of connectors, whose version was not told, and all
/// others.
pub(super) fn foreign(subject: &Subject<'_>, found: &[Finding]) -> Vec<Finding> {
    let Some(flink) = subject.flink else {
        return Vec::new();
    };
    // What a jar brings itself it finds there; that it does is told elsewhere.
    let is_brought = |name: &str| {
        subject
            .readable()
            .any(|(_, facts)| facts.classes.get(name).is_some())
    };
    let is_told = |jar: &Jar, code| {
        let mut told = found.iter();
        told.any(|finding: &Finding| finding.code == code && finding.subject == jar.name())
    };
    let is_connector = |class: &str| CONNECTORS.iter().any(|folder| class.starts_with(folder));
    let mut findings = Vec::new();
    for (jar, _) in subject.readable() {
        // The classes of another Flink use their like.
        if is_told(jar, Code::FlinkBundledVersion) {
            continue;
        }
        let foreign = jar.foreign.iter().flatten();
        let missing: Vec<_> = foreign.filter(|(name, _)| !is_brought(name)).collect();
        for (code, of_connector) in [(Code::ConnectorMajor, true), (Code::FlinkApi, false)] {
            if of_connector && is_told(jar, code) {
                continue;
            }
            let (mut names, mut users) = (Vec::new(), BTreeSet::new());
            for (name, classes) in &missing {
                let mut classes = classes
                    .iter()
                    .filter(|class| is_connector(class) == of_connector)
                    .peekable();
                if classes.peek().is_some() {
                    names.push(name.replace('/', "."));
                }
                users.extend(classes.map(|class| class.replace('/', ".")));
            }
            let Some(first) = users.first() else {
                continue;
            };
            let others = match users.len() - 1 {
                0 => String::new(),
                1 => " and another class".to_owned(),
                more => format!(" and {more} other classes"),
            };
            let what = if of_connector { " of a connector" } else { "" };
            let message = format!(
                "`{}` has `{first}`{others}{what}, built for another major version: {} {} in no Flink {}",
                jar.name(),
                few(&names),
                if names.len() == 1 { "is" } else { "are" },
                flink.version,
            );
            let (major, minor) = flink.version.line();
            let way_out = if of_connector {
                own_version((major, minor))
            } else {
                format!(
                    "compile against Flink {major}.{minor}, and take libraries that are made for it"
                )
            };
            findings.push(jar.finding(code, message, way_out));
        }
    }
    findings
}

/// Parts of Flink that are built for another Scala than the distribution.
pub(super) fn scala(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(flink) = subject.flink else {
        return Vec::new();
    };
    // Where it is not known which it is, it is one of those that the line was published for.
    let fits = |suffix: &str| match flink.scala {
        Some(scala) => scala.to_string() == suffix,
        None => flink
            .line
            .line
            .scala
            .iter()
            .any(|scala| scala.to_string() == suffix),
    };
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let artifacts = artifacts(jar, facts);
        let mut names = Vec::new();
        for artifact in artifacts {
            let Some((_, minor)) = artifact.name.rsplit_once("_2.") else {
                continue;
            };
            let suffix = format!("2.{minor}");
            if minor.bytes().all(|byte| byte.is_ascii_digit()) && !fits(&suffix) {
                names.push(artifact.name);
            }
        }
        if names.is_empty() {
            return None;
        }
        let scala = match flink.scala {
            Some(scala) => format!("built for Scala {scala}"),
            None => "not published for that Scala".to_owned(),
        };
        let message = format!(
            "`{}` has {}, and Flink {} is {scala}",
            jar.name(),
            few(&names),
            flink.version
        );
        let way_out = match flink.scala {
            Some(scala) => format!(
                "take the artifacts that end with `_{scala}`, or without a suffix where there are such"
            ),
            None => "take the artifacts for a Scala that this Flink is published for".to_owned(),
        };
        Some(jar.finding(Code::ScalaSuffix, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_artifacts() {
        for (file, expected) in [
            (
                "flink-connector-kafka-3.2.0-1.19.jar",
                Some(("flink-connector-kafka", "3.2.0-1.19")),
            ),
            (
                "flink-connector-kafka_2.11-1.14.6.jar",
                Some(("flink-connector-kafka_2.11", "1.14.6")),
            ),
            (
                "flink-sql-connector-elasticsearch7-3.0.1-1.17.jar",
                Some(("flink-sql-connector-elasticsearch7", "3.0.1-1.17")),
            ),
            ("flink-connector-kafka.jar", None),
            ("my-flink-connector-1.0.jar", None),
            ("job.txt", None),
        ] {
            let found = Artifact::of_file(file);
            let found = found
                .as_ref()
                .map(|artifact| (&*artifact.name, artifact.version.as_deref().unwrap()));
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn versions_tell_the_line_of_flink() {
        for (version, expected) in [
            ("3.2.0-1.19", Some((1, 19))),
            ("4.0.1-2.0", Some((2, 0))),
            ("3.3.0-1.20-SNAPSHOT", Some((1, 20))),
            ("1.14.6", Some((1, 14))),
            ("2.3.0", Some((2, 3))),
            // Of no line of Flink, or of none that it tells.
            ("3.1.0", None),
            ("1.2.0", None),
            ("1.2", None),
            ("3.2.0-rc1", None),
            ("", None),
        ] {
            let artifact = Artifact {
                name: "flink-connector-x".to_owned(),
                version: Some(version.to_owned()),
            };
            assert_eq!(artifact.line(), expected, "{version}");
        }
    }
}
