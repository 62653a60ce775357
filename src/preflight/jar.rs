//! A jar that is checked, and whether it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::code::Code;
use super::finding::Finding;
use super::subject::Subject;
use crate::error::{Explain as _, FileError, IoResultExt as _};
use crate::flink::lines::Line;
use crate::fs;
use crate::jar::{JarError, JarFacts, Signature, file_in, users};

/// Where `flink-runtime` tells of which Flink it is.
const RUNTIME_PROPERTIES: &str = ".flink-runtime.version.properties";
/// What else has it.
const RUNTIME: &str = "org/apache/flink/runtime";
/// The classes that a job names when it keeps its state in RocksDB.
const ROCKSDB: [&str; 3] = [
    "org/apache/flink/contrib/streaming/state/EmbeddedRocksDBStateBackend",
    "org/apache/flink/contrib/streaming/state/RocksDBStateBackend",
    "org/apache/flink/state/rocksdb/EmbeddedRocksDBStateBackend",
];
/// The first Java of those in use that makes nothing of SHA-1 in signatures (`jdk.jar.disabledAlgorithms`).
const IGNORES_SHA1: u16 = 17;
/// Longer than that file ever was.
const PROPERTIES_LIMIT: u64 = 64 << 10;

/// What a jar is in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Named as the jar of the job, or as one that goes along with it.
    Job,
    /// Put among those as a file: it is never normalised.
    Added,
    /// In `lib/`, on the class path of Flink itself; it is never normalised either.
    Library,
}

/// A jar that is checked.
#[derive(Debug)]
pub struct Jar {
    /// What it is.
    pub role: Role,
    /// Where it is, as it was named.
    pub path: PathBuf,
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// What is in it, or why that cannot be known.
    pub facts: Result<JarFacts, JarError>,
    /// The version of Flink's own run time that is in it, if one is and says so.
    pub flink_version: Option<String>,
    /// Whether its classes speak of RocksDB; `None` if nobody looked.
    pub uses_rocksdb: Option<bool>,
    /// The classes that mention names of another major version of Flink, by name; `None` if nobody looked.
    pub foreign: Option<BTreeMap<&'static str, BTreeSet<String>>>,
}

/// The most classes of a jar that are all looked through.
const SMALL: usize = 5000;

/// The folder of all that is written where a class is: the first two parts of its package, as `org/example/`.
fn company(class: &str) -> String {
    let mut parts: Vec<_> = class.split('.').collect();
    parts.pop();
    parts.truncate(2);
    if !parts.is_empty() {
        parts.push("");
    }
    parts.join("/")
}

impl Jar {
    /// Reads what is in a jar of the job. Only a file that cannot be read at all is an error: what is wrong with it is a finding.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let modified = fs::metadata(path)?.modified().at("read", path)?;
        let facts = match JarFacts::read(path) {
            Err(JarError::File(error)) => return Err(error),
            facts => facts,
        };
        let flink_version = facts.as_ref().ok().and_then(|facts| {
            // To find one file, the directory of the jar is read again.
            if !facts.classes.has_package(RUNTIME) {
                return None;
            }
            let properties = file_in(path, RUNTIME_PROPERTIES, PROPERTIES_LIMIT).ok()??;
            version_in(&String::from_utf8_lossy(&properties))
        });
        Ok(Self {
            role: Role::Job,
            path: path.to_owned(),
            modified: Some(modified),
            facts,
            flink_version,
            uses_rocksdb: None,
            foreign: None,
        })
    }

    /// The same jar in another role.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Looks through the classes for names that this line of Flink has not, and, where that matters, for those of RocksDB.
    /// What cannot be read mentions none.
    ///
    /// In a small jar these are all classes. Unpacking all of a large one takes longer than all the rest, and most of it is
    /// libraries that know nothing of Flink: there it is those below a folder that is named after Flink, and those beside
    /// the entry class. Whether RocksDB is spoken of is looked for in all, and only `on_musl`, unless all are unpacked anyway.
    pub fn look_into_classes(&mut self, line: &Line, on_musl: bool) -> Result<(), FileError> {
        let Ok(facts) = &self.facts else {
            return Ok(());
        };
        let is_small = facts.classes.len() <= SMALL;
        let wants_foreign = self.foreign.is_none();
        let wants_rocksdb = self.uses_rocksdb.is_none() && (on_musl || wants_foreign && is_small);
        let mut names = Vec::new();
        if wants_foreign {
            names.extend(line.foreign);
        }
        if wants_rocksdb {
            names.extend(ROCKSDB);
        }
        let job = facts.manifest.entry_class().map(company);
        // One without a package tells nothing.
        let job = job.filter(|job| !job.is_empty());
        let may_use = |class: &str| {
            let beside = job.as_deref().is_some_and(|job| class.starts_with(job));
            is_small || beside || class.contains("flink")
        };
        let wanted = |class: &str| wants_rocksdb || may_use(class);
        let mut found = match users(&self.path, &names, wanted) {
            Ok(found) => found,
            Err(JarError::File(error)) => return Err(error),
            Err(_) => BTreeMap::new(),
        };
        if wants_rocksdb {
            self.uses_rocksdb = Some(ROCKSDB.iter().any(|name| found.contains_key(name)));
        }
        if wants_foreign {
            found.retain(|name, classes| {
                classes.retain(|class| may_use(class));
                line.foreign.contains(name) && !classes.is_empty()
            });
            self.foreign = Some(found);
        }
        Ok(())
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Its base name.
    pub(super) fn file_name(&self) -> &str {
        self.path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    pub(super) fn finding(
        &self,
        code: Code,
        message: String,
        way_out: impl Into<String>,
    ) -> Finding {
        Finding {
            code,
            subject: self.name(),
            message,
            way_out: way_out.into(),
        }
    }
}

fn version_in(properties: &str) -> Option<String> {
    let mut lines = properties.lines();
    let version = lines
        .find_map(|line| line.strip_prefix("project.version="))?
        .trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    (!version.is_empty() && version.chars().all(is_plain)).then(|| version.to_owned())
}

/// Jars that the JVM does not open, and those whose entry class it does not read.
pub(super) fn damaged(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |jar: &Jar| match &jar.facts {
        Err(error) => {
            let way_out = error.hint().unwrap_or_default();
            Some(jar.finding(Code::JarDamaged, error.to_string(), way_out))
        }
        Ok(facts) => {
            let odd = facts.oddities.first()?;
            let (what, way_out) = if odd.is_fatal() {
                (
                    "cannot be opened by the JVM",
                    "build it again with the tools of the JDK, Maven or Gradle",
                )
            } else {
                (
                    "cannot be started",
                    "build it again, and filter no classes when copying resources",
                )
            };
            let message = format!("`{}` {what}: {odd}", jar.name());
            Some(jar.finding(Code::JarDamaged, message, way_out))
        }
    };
    subject.jars.iter().filter_map(judge).collect()
}

/// Signed jars that are not any more what was signed.
pub(super) fn signatures(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let (code, then, why) = match &facts.signature {
            Signature::None | Signature::Intact => return None,
            Signature::Damaged { why } => {
                let then = "so the JVM refuses its classes";
                (Code::SignatureDamaged, then, why)
            }
            Signature::Outdated { why } => {
                let (code, then) = by_sha1(subject)?;
                (code, then, why)
            }
        };
        let message = format!(
            "`{}` has a signature that does not fit it, {then}: {why}",
            jar.name()
        );
        let way_out = "leave `META-INF/*.SF`, `*.RSA` and `*.DSA` of the libraries out when shading, or sign the jar that comes of it";
        Some(jar.finding(code, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}

/// What comes of a signature by SHA-1 that does not fit; nothing yet as long as no base is known.
fn by_sha1(subject: &Subject<'_>) -> Option<(Code, &'static str)> {
    if subject.grounds.is_empty() {
        return None;
    }
    let mut javas = subject.grounds.iter().filter_map(|ground| ground.java);
    Some(if javas.any(|java| java.major() < IGNORES_SHA1) {
        let then = "so the JVM of the base, which looks at SHA-1, refuses its classes";
        (Code::SignatureDamaged, then)
    } else {
        let then =
            "and the JVM refuses its classes if a time stamp says that it is older than 2019";
        (Code::SignatureOutdated, then)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_time_tells_its_version() {
        for (text, expected) in [
            (
                "# x\nproject.version=1.20.5\nscala.binary.version=2.12\n",
                Some("1.20.5"),
            ),
            ("project.version=2.0-SNAPSHOT\r\n", Some("2.0-SNAPSHOT")),
            ("project.version=${project.version}\n", None),
            ("project.version=\n", None),
            ("", None),
        ] {
            assert_eq!(version_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_in_one_place_begins_alike() {
        for (class, expected) in [
            ("org.example.jobs.Count", "org/example/"),
            ("example.Count", "example/"),
            ("Count", ""),
        ] {
            assert_eq!(company(class), expected);
        }
    }
}
