//! What is odd about a jar that can be read all the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::directory::{Directory, Method};

/// How many of one kind are told by name.
const NAMED: usize = 20;

/// Something that is in no jar of an honest build, and that the JVM makes nothing of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each has the name of the entry")]
pub enum Oddity {
    /// An entry that is encrypted.
    Encrypted { name: String },
    /// An entry that is packed in a way that the JVM does not know.
    UnknownMethod { name: String, method: u16 },
    /// The entry class, which is no class file. Of others it is not known whether anybody loads them.
    NotAClass { name: String },
}

impl Oddity {
    /// Whether the JVM does not open a jar that has it.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Encrypted { .. } | Self::UnknownMethod { .. })
    }
}

impl fmt::Display for Oddity {
    /// Writes it as the end of a sentence about the jar.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted { name } => write!(f, "its entry `{name}` is encrypted"),
            Self::UnknownMethod { name, method } => write!(
                f,
                "its entry `{name}` is packed by method {method}, which the JVM does not know"
            ),
            Self::NotAClass { name } => write!(f, "its entry `{name}` is no class file"),
        }
    }
}

/// What the directory tells, a few of each kind, and that the entry class is among the entries that are no class files.
pub(super) fn find(
    directory: &Directory,
    no_classes: &[String],
    entry_class: Option<&str>,
) -> Vec<Oddity> {
    let entries = || directory.entries.iter();
    let encrypted = entries().filter(|entry| entry.is_encrypted());
    let encrypted = encrypted.map(|entry| Oddity::Encrypted {
        name: directory.text(entry),
    });
    let unknown = entries().filter_map(|entry| match entry.method {
        Method::Other(method) => Some(Oddity::UnknownMethod {
            name: directory.text(entry),
            method,
        }),
        _ => None,
    });
    let mut found: Vec<Oddity> = encrypted.take(NAMED).collect();
    found.extend(unknown.take(NAMED));
    let entry_class = entry_class.map(|class| format!("{}.class", class.replace('.', "/")));
    let broken = entry_class.filter(|class| no_classes.contains(class));
    found.extend(broken.map(|name| Oddity::NotAClass { name }));
    found.sort();
    found
}
