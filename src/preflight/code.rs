//! The codes of all findings: the one table of what is checked and how grave it is.
//!
//! `docs/checks.md` has a section for each; a test holds it to this table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Explain, Kind, closest};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It fails in the cluster, so nothing is built.
    Error,
    /// It fails under circumstances that are not known here, or costs something.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What a finding is about.
///
/// ```
/// use flink_img::preflight::{Code, Severity};
///
/// let code: Code = "class-version".parse()?;
/// assert_eq!(code.severity(), Severity::Error);
/// # Ok::<(), flink_img::preflight::CodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table below says what each is")]
#[non_exhaustive]
pub enum Code {
    JarDamaged,
    SignatureDamaged,
    SignatureOutdated,
    EntryClassMissing,
    EntryClassAmbiguous,
    EntryClassNotFound,
    JavaUnsupported,
    ClassVersion,
    FlinkBundled,
    FlinkBundledVersion,
    FlinkPlannerBundled,
    FlinkApi,
    ConnectorLine,
    ConnectorMajor,
    ScalaSuffix,
    LoggingBinding,
    DuplicateClasses,
    NativePlatform,
    NativeLibc,
    RocksdbMusl,
    PythonMissing,
    SecretName,
    SecretValue,
    JarNotReproducible,
}

use Code as C;
use Severity::{Error, Warning};

/// Code, what it is called, how grave it is, and what it says in a few words; in the order of [`Code`].
const TABLE: &[(Code, &str, Severity, &str)] = &[
    (
        C::JarDamaged,
        "jar-damaged",
        Error,
        "A jar is damaged, or is none",
    ),
    (
        C::SignatureDamaged,
        "signature-damaged",
        Error,
        "A signed jar was changed after it was signed",
    ),
    (
        C::SignatureOutdated,
        "signature-outdated",
        Warning,
        "A jar was changed that was signed by SHA-1",
    ),
    (
        C::EntryClassMissing,
        "entry-class-missing",
        Warning,
        "No jar names an entry class",
    ),
    (
        C::EntryClassAmbiguous,
        "entry-class-ambiguous",
        Error,
        "Several jars name an entry class",
    ),
    (
        C::EntryClassNotFound,
        "entry-class-not-found",
        Error,
        "The entry class is in no jar",
    ),
    (
        C::JavaUnsupported,
        "java-unsupported",
        Error,
        "This Flink does not work with this Java",
    ),
    (
        C::ClassVersion,
        "class-version",
        Error,
        "A class is compiled for a newer Java",
    ),
    (
        C::FlinkBundled,
        "flink-bundled",
        Warning,
        "A jar bundles Flink itself",
    ),
    (
        C::FlinkBundledVersion,
        "flink-bundled-version",
        Error,
        "A jar bundles another version of Flink",
    ),
    (
        C::FlinkPlannerBundled,
        "flink-planner-bundled",
        Error,
        "A jar bundles the planner of the Table API",
    ),
    (
        C::FlinkApi,
        "flink-api",
        Error,
        "A class uses what this major version of Flink does not have",
    ),
    (
        C::ConnectorLine,
        "connector-line",
        Warning,
        "A connector is built for another line of Flink",
    ),
    (
        C::ConnectorMajor,
        "connector-major",
        Error,
        "A connector is built for another major version of Flink",
    ),
    (
        C::ScalaSuffix,
        "scala-suffix",
        Error,
        "A part of Flink is built for another Scala",
    ),
    (
        C::LoggingBinding,
        "logging-binding",
        Warning,
        "A jar brings a logging library of its own",
    ),
    (
        C::DuplicateClasses,
        "duplicate-classes",
        Warning,
        "Two jars have different classes of the same name",
    ),
    (
        C::NativePlatform,
        "native-platform",
        Warning,
        "A native library is not there for the platform",
    ),
    (
        C::NativeLibc,
        "native-libc",
        Warning,
        "A native library is for another C library",
    ),
    (
        C::RocksdbMusl,
        "rocksdb-musl",
        Warning,
        "RocksDB is used on musl",
    ),
    (
        C::PythonMissing,
        "python-missing",
        Error,
        "The base has no Python for a job that needs it",
    ),
    (
        C::SecretName,
        "secret-name",
        Warning,
        "A setting looks like a secret by its name",
    ),
    (
        C::SecretValue,
        "secret-value",
        Error,
        "A setting is a secret",
    ),
    (
        C::JarNotReproducible,
        "jar-not-reproducible",
        Warning,
        "A jar is another one each time it is built",
    ),
];

impl Code {
    /// All codes, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, Severity, &'static str) {
        &TABLE[self as usize]
    }

    /// The word that it is allowed by.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// How grave it is.
    pub fn severity(self) -> Severity {
        self.row().2
    }

    /// What it is about, in a few words.
    pub fn title(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no code of a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no code of a check")]
pub struct CodeError(String);

impl Explain for CodeError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match closest(&self.0, Code::all().map(Code::name)) {
            Some(meant) => format!("did you mean `{meant}`; `docs/checks.md` lists all"),
            None => {
                "it stands in brackets before each finding; `docs/checks.md` lists all".to_owned()
            }
        })
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        Self::all()
            .find(|code| code.name() == text)
            .ok_or_else(|| CodeError(text.to_owned()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAGE: &str = include_str!("../../docs/checks.md");

    #[test]
    fn each_code_has_its_row() {
        for (place, code) in Code::all().enumerate() {
            assert_eq!(code as usize, place, "{code}");
            assert_eq!(code.name().parse(), Ok(code));
        }
        let names: BTreeSet<_> = Code::all().map(Code::name).collect();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn the_page_has_a_section_for_each_code_and_no_other() {
        let sections: Vec<_> = PAGE
            .split("\n## ")
            .skip(1)
            .filter_map(|section| section.split_once('\n'))
            .filter(|(head, _)| !head.contains(' '))
            .collect();
        let heads: Vec<_> = sections.iter().map(|(head, _)| *head).collect();
        let codes: Vec<_> = Code::all().map(Code::name).collect();
        assert_eq!(heads, codes);
        for (code, (_, text)) in Code::all().zip(sections) {
            // What is checked, why it fails, how to cure it, how to allow it.
            for part in ["**Checked:**", "**Why:**", "**Cure:**", "**Allow:**"] {
                assert!(text.contains(part), "{code} has no {part}");
            }
            assert!(
                text.contains(&format!("{}. {}", capital(code.severity()), code.title())),
                "{code}"
            );
            let row = format!(
                "| [`{code}`](#{code}) | {} | {} |",
                code.severity(),
                code.title()
            );
            assert!(PAGE.contains(&row), "{row}");
        }
    }

    fn capital(severity: Severity) -> &'static str {
        match severity {
            Error => "Error",
            Warning => "Warning",
        }
    }

    #[test]
    fn a_misspelt_code_finds_what_was_meant() {
        let hint = |word: &str| word.parse::<Code>().unwrap_err().hint().unwrap();
        assert!(hint("entry-clas-missing").contains("`entry-class-missing`"));
        assert!(hint("x").contains("docs/checks.md"));
    }
}
