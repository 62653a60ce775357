//! A jar that is checked, and whether it is whole.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::code::Code;
use super::finding::Finding;
use super::subject::Subject;
use crate::error::{Explain as _, FileError, IoResultExt as _};
use crate::fs;
use crate::jar::{JarError, JarFacts, Oddity, Signature, file_in, uses};

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
/// Longer than that file ever was.
const PROPERTIES_LIMIT: u64 = 64 << 10;

/// A jar that is checked.
#[derive(Debug)]
pub struct Jar {
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
}

impl Jar {
    /// Reads what is in a jar. Only a file that cannot be read at all is an error: what is wrong with it is a finding.
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
            path: path.to_owned(),
            modified: Some(modified),
            facts,
            flink_version,
            uses_rocksdb: None,
        })
    }

    /// Looks through all classes for whether they speak of RocksDB. That takes longer than all the rest, so it is only
    /// done where it matters.
    pub fn look_for_rocksdb(&mut self) -> Result<(), FileError> {
        if self.uses_rocksdb.is_none() && self.facts.is_ok() {
            self.uses_rocksdb = match uses(&self.path, &ROCKSDB) {
                Ok(found) => Some(!found.is_empty()),
                Err(JarError::File(error)) => return Err(error),
                // What can be read tells of itself, and the rest is no ground for a warning.
                Err(_) => Some(false),
            };
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

/// Jars that the JVM does not open.
pub(super) fn damaged(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |jar: &Jar| match &jar.facts {
        Err(error) => {
            let way_out = error.hint().unwrap_or_default();
            Some(jar.finding(Code::JarDamaged, error.to_string(), way_out))
        }
        Ok(facts) => {
            let odd = facts.oddities.iter().find(|odd| Oddity::is_fatal(odd))?;
            let message = format!("`{}` cannot be opened by the JVM: {odd}", jar.name());
            Some(jar.finding(
                Code::JarDamaged,
                message,
                "build it again with the tools of the JDK, Maven or Gradle",
            ))
        }
    };
    subject.jars.iter().filter_map(judge).collect()
}

/// Signed jars that are not any more what was signed.
pub(super) fn signatures(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let Signature::Damaged { why } = &facts.signature else {
            return None;
        };
        let message = format!(
            "`{}` has a signature that does not fit it, so the JVM refuses its classes: {why}",
            jar.name()
        );
        let way_out = "leave `META-INF/*.SF`, `*.RSA` and `*.DSA` of the libraries out when shading, or sign the jar that comes of it";
        Some(jar.finding(Code::SignatureDamaged, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
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
}
