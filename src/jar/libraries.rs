//! The libraries that a jar says it has in it: Maven leaves a file for each, and shading keeps them.

use serde::{Deserialize, Serialize};

use super::directory::{Directory, Entry, harmless};

/// Larger than any of these files that was not made to be.
const FILE_LIMIT: u64 = 64 << 10;
/// Longer than any name or version.
const VALUE_LIMIT: usize = 256;
/// More libraries than any jar has.
const LIMIT: usize = 10_000;

/// A library, by its Maven coordinates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Library {
    /// As `org.apache.flink`.
    pub group: String,
    /// As `flink-core`.
    pub artifact: String,
    /// As `1.20.5`; `None` when the file does not tell.
    pub version: Option<String>,
}

/// The libraries of all `META-INF/maven/GROUP/ARTIFACT/pom.properties`, sorted. A file that says nothing still has
/// its path.
pub(super) fn read(directory: &Directory) -> Vec<Library> {
    let found = directory.entries.iter().filter_map(|entry| {
        let name = directory.name(entry).strip_prefix(b"META-INF/maven/")?;
        let name = harmless(name.strip_suffix(b"/pom.properties")?);
        let (group, artifact) = name.split_once('/')?;
        (!artifact.contains('/')).then(|| library(directory, entry, group, artifact))
    });
    let mut libraries: Vec<_> = found.take(LIMIT).collect();
    libraries.sort();
    libraries.dedup();
    libraries
}

fn library(directory: &Directory, entry: &Entry, group: &str, artifact: &str) -> Library {
    // What cannot be read here is told where it matters.
    let bytes = directory.bytes(entry, FILE_LIMIT).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = |key| property(&text, key);
    Library {
        group: value("groupId").unwrap_or_else(|| group.to_owned()),
        artifact: value("artifactId").unwrap_or_else(|| artifact.to_owned()),
        version: value("version"),
    }
}

/// The value of a property in the simple form that Maven writes. One that was not filled in (`${version}`), or has a
/// control character, is none.
fn property(text: &str, key: &str) -> Option<String> {
    let line = |line: &str| {
        let line = line.trim();
        if line.starts_with(['#', '!']) {
            return None;
        }
        let (name, value) = line.split_once(['=', ':'])?;
        let value = value.trim();
        let usable = (1..=VALUE_LIMIT).contains(&value.len())
            && !value.contains("${")
            && !value.contains(super::directory::harms);
        (name.trim() == key && usable).then(|| value.to_owned())
    };
    text.lines().find_map(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_found_in_what_maven_and_others_write() {
        let text = "#Created by Apache Maven 3.9.9\r\n! version=0\nversion=1.20.5\r\ngroupId = org.apache.flink\n\
                    artifactId: flink-core\nversion=2\nempty=\nraw=${project.version}\nodd=\u{1b}[2J\nno sign";
        for (key, expected) in [
            ("version", Some("1.20.5")),
            ("groupId", Some("org.apache.flink")),
            ("artifactId", Some("flink-core")),
            ("empty", None),
            ("raw", None),
            ("odd", None),
            ("no sign", None),
        ] {
            assert_eq!(property(text, key).as_deref(), expected, "{key}");
        }
    }
}
