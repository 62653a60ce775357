//! What an index or the installed database says of one package.
//!
//! Both have a line for each field, a letter and a colon before its value, and an empty line behind each package; the
//! fields are those of apk-tools' `APKINDEX` and `lib/apk/db/installed`.

use super::checksum::{Checksum, ChecksumError};
use super::dependency::{Dependency, DependencyError, parse_list};
use super::error::shown;
use super::version::{Version, VersionError};

/// What is known of a package without the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) arch: Option<String>,
    pub(super) checksum: Checksum,
    /// Bytes of the package as it is stored.
    pub(super) size: u64,
    /// Bytes of its files.
    pub(super) installed_size: u64,
    /// The package that it was built with.
    pub(super) origin: Option<String>,
    pub(super) depends: Vec<Dependency>,
    /// What it provides besides its name; a version follows an equals sign.
    pub(super) provides: Vec<Dependency>,
    /// Once all of these are there, it comes by itself.
    pub(super) install_if: Vec<Dependency>,
    pub(super) provider_priority: u64,
    /// Packages whose files it may overwrite.
    pub(super) replaces: Vec<Dependency>,
    pub(super) replaces_priority: u64,
    /// It has a field that asks for a newer apk.
    pub(super) is_unknown: bool,
}

/// Why a record cannot be read. Reads as a part of a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RecordError {
    #[error("the line `{0}` has no field")]
    Line(String),
    #[error("`{0}` is not the name of a package")]
    Name(String),
    #[error("`{0}` is not an architecture")]
    Arch(String),
    #[error("a package has no {0}")]
    Missing(&'static str),
    #[error("`{0}` is not a number")]
    Number(String),
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    #[error(transparent)]
    Version(#[from] VersionError),
    #[error(transparent)]
    Dependency(#[from] DependencyError),
}

/// Whether a text can be the name of a package: it becomes a part of addresses.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) && text != ".."
}

pub(super) fn number(text: &str) -> Result<u64, RecordError> {
    text.parse().map_err(|_| RecordError::Number(shown(text)))
}

impl Record {
    /// Reads the lines of one package; those about its files are left out.
    pub(super) fn parse(lines: &str) -> Result<Self, RecordError> {
        let (mut name, mut version, mut checksum) = (None, None, None);
        let mut record = Self {
            name: String::new(),
            version: "0".parse().expect("it is a version"),
            arch: None,
            checksum: Checksum::Sha1([0; 20]),
            size: 0,
            installed_size: 0,
            origin: None,
            depends: Vec::new(),
            provides: Vec::new(),
            install_if: Vec::new(),
            provider_priority: 0,
            replaces: Vec::new(),
            replaces_priority: 0,
            is_unknown: false,
        };
        for line in lines.lines() {
            let (field, value) = line
                .split_once(':')
                .filter(|(field, _)| field.len() == 1)
                .ok_or_else(|| RecordError::Line(shown(line)))?;
            match field {
                "P" if is_name(value) => name = Some(value.to_owned()),
                "P" => return Err(RecordError::Name(shown(value))),
                "V" => version = Some(Version::of_package(value)?),
                "C" => checksum = Some(value.parse()?),
                "A" => record.arch = Some(value.to_owned()),
                "S" => record.size = number(value)?,
                "I" => record.installed_size = number(value)?,
                "o" => record.origin = Some(value.to_owned()),
                "D" => record.depends = parse_list(value)?,
                "p" => record.provides = parse_list(value)?,
                "i" => record.install_if = parse_list(value)?,
                "k" => record.provider_priority = number(value)?,
                "r" => record.replaces = parse_list(value)?,
                "q" => record.replaces_priority = number(value)?,
                "T" | "U" | "L" | "F" | "M" | "R" | "Z" => {}
                // What a small letter says may be passed over; a capital is something that one has to know.
                field if field.starts_with(|c: char| c.is_ascii_lowercase()) => {}
                _ => record.is_unknown = true,
            }
        }
        record.name = name.ok_or(RecordError::Missing("name"))?;
        record.version = version.ok_or(RecordError::Missing("version"))?;
        record.checksum = checksum.ok_or(RecordError::Missing("checksum"))?;
        Ok(record)
    }

    /// `NAME-VERSION`
    pub(super) fn label(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Everything that it provides, with the version of each: first itself.
    pub(super) fn offers(&self) -> impl Iterator<Item = (&str, Option<&Version>)> {
        let provided = self
            .provides
            .iter()
            .map(|provided| (provided.name(), provided.exact_version()));
        std::iter::once((self.name.as_str(), Some(&self.version))).chain(provided)
    }

    /// Whether it has what is asked for; what a `!` says is left to the caller.
    pub(super) fn satisfies(&self, dependency: &Dependency) -> bool {
        self.offers().any(|(name, version)| {
            name == dependency.name() && dependency.accepts(version, self.checksum)
        })
    }
}

/// The lines of each package in a text.
pub(super) fn stanzas(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n")
        .map(|stanza| stanza.trim_matches('\n'))
        .filter(|stanza| !stanza.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASH: &str = "C:Q1d7ZTpN79+omfN7skoC/mm3HYMYI=\nP:bash\nV:5.2.15-r0\nA:aarch64\nS:511580\nI:3407872\nT:A shell\n\
                        o:bash\nt:1670985476\nD:/bin/sh so:libreadline.so.8\np:cmd:bash=5.2.15-r0 sh\nk:3\nx:new";

    #[test]
    fn a_record_says_what_a_package_is_and_has() {
        let record = Record::parse(BASH).unwrap();
        assert_eq!(record.label(), "bash-5.2.15-r0");
        assert_eq!((record.size, record.installed_size), (511_580, 3_407_872));
        assert_eq!(record.provider_priority, 3);
        for (dependency, has) in [
            ("bash", true),
            ("bash>5.2.15-r0", false),
            ("cmd:bash=5.2.15-r0", true),
            ("sh", true),
            ("sh=1", false),
            ("so:libreadline.so.8", false),
            ("bash><Q1d7ZTpN79+omfN7skoC/mm3HYMYI=", true),
        ] {
            assert_eq!(
                record.satisfies(&dependency.parse().unwrap()),
                has,
                "{dependency}"
            );
        }
        assert!(!record.is_unknown);
        assert!(
            Record::parse(&format!("{BASH}\nX:must know"))
                .unwrap()
                .is_unknown
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_is_refused() {
        for (from, to, expected) in [
            (
                "P:bash",
                "P:../bash",
                "`../bash` is not the name of a package",
            ),
            ("P:bash", "P:-x", "`-x` is not the name of a package"),
            ("P:bash\n", "", "a package has no name"),
            ("V:5.2.15-r0\n", "", "a package has no version"),
            (
                "V:5.2.15-r0",
                "V:1/2",
                "`1/2` is not a version of a package",
            ),
            (
                "C:Q1",
                "C:X1",
                "`X1d7ZTpN79+omfN7skoC/mm3HYMYI=` is not a checksum of a package",
            ),
            ("S:511580", "S:-1", "`-1` is not a number"),
            ("T:A shell", "TA shell", "the line `TA shell` has no field"),
            ("D:/bin/sh", "D:a=", "`` is not a version of a package"),
        ] {
            let error = Record::parse(&BASH.replace(from, to)).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn what_is_foreign_stays_on_one_line_of_a_message() {
        for line in [
            "P:a\r::error::b",
            "a\rb",
            "V:1\rx",
            "C:\r",
            "S:\r",
            "D:a=\r",
            "D:a<>\u{1b}1",
        ] {
            let long = format!("{line}{}", "x".repeat(1 << 20));
            for line in [line, &long] {
                let error = Record::parse(&format!("{line}\n")).unwrap_err().to_string();
                assert!(!error.contains(char::is_control), "{error:?}");
                assert!(error.len() < 300, "{error:?}");
            }
        }
    }
}
