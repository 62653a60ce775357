//! What is odd about a jar that can be read all the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::directory::{Directory, Method};

/// How many of one kind are told by name.
const NAMED: usize = 20;

/// Something that is in no jar of an honest build, or that the JVM makes nothing of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each has the name of the entry")]
pub enum Oddity {
    /// An entry that is encrypted.
    Encrypted { name: String },
    /// An entry that is packed in a way that the JVM does not know.
    UnknownMethod { name: String, method: u16 },
    /// A name that leaves the folder that a jar is unpacked in.
    Leaves { name: String },
    /// Several entries of one name, of which the JVM sees one.
    Repeated { name: String, count: usize },
    /// A `.class` that is no class file.
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
            Self::Leaves { name } => {
                write!(f, "its entry `{name}` leaves the folder it is unpacked in")
            }
            Self::Repeated { name, count } => write!(f, "it has {count} entries `{name}`"),
            Self::NotAClass { name } => write!(f, "its entry `{name}` is no class file"),
        }
    }
}

/// All that the directory tells, and these entries that are no class files; of each kind a few, and `entry_class` in any
/// case.
pub(super) fn find(
    directory: &Directory,
    no_classes: &[String],
    entry_class: Option<&str>,
) -> Vec<Oddity> {
    let entries = || directory.entries.iter();
    let text = |entry| directory.text(entry);
    let encrypted = entries().filter_map(|entry| {
        let name = || text(entry);
        entry
            .is_encrypted()
            .then(|| Oddity::Encrypted { name: name() })
    });
    let unknown = entries().filter_map(|entry| match entry.method {
        Method::Other(method) => Some(Oddity::UnknownMethod {
            name: text(entry),
            method,
        }),
        _ => None,
    });
    let leaving = entries()
        .filter(|entry| leaves(directory.name(entry)))
        .map(|entry| Oddity::Leaves { name: text(entry) });
    let entry_class = entry_class.map(|class| format!("{}.class", class.replace('.', "/")));
    let (mut first, rest): (Vec<_>, Vec<_>) = no_classes
        .iter()
        .partition(|name| Some(*name) == entry_class.as_ref());
    first.extend(rest);
    let not_a_class = first
        .into_iter()
        .cloned()
        .map(|name| Oddity::NotAClass { name });
    let mut found: Vec<Oddity> = encrypted.take(NAMED).collect();
    found.extend(unknown.take(NAMED));
    found.extend(leaving.take(NAMED));
    found.extend(repeated(directory).into_iter().take(NAMED));
    found.extend(not_a_class.take(NAMED));
    found.sort();
    found
}

/// Whether a name leads out of the folder that the jar is unpacked in, on some system.
fn leaves(name: &[u8]) -> bool {
    let slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    name.first().is_some_and(slash) || name.split(slash).any(|part| part == b"..")
}

/// The names that more than one entry has. Folders are left out: it is no harm when those are told twice.
fn repeated(directory: &Directory) -> Vec<Oddity> {
    let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
    for entry in &directory.entries {
        *counts.entry(directory.name(entry)).or_default() += 1;
    }
    let repeated = counts
        .into_iter()
        .filter(|(name, count)| *count > 1 && !name.ends_with(b"/"));
    repeated
        .map(|(name, count)| Oddity::Repeated {
            name: super::directory::harmless(name),
            count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_are_told_from_those_with_dots() {
        for (name, expected) in [
            ("../x", true),
            ("a/../x", true),
            ("a/..", true),
            ("..\\x", true),
            ("/etc/passwd", true),
            ("a/..b/c", false),
            ("a/b..", false),
            ("", false),
        ] {
            assert_eq!(leaves(name.as_bytes()), expected, "{name}");
        }
    }
}
