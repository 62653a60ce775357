//! The manifest of a jar, as the JAR file specification has it
//! (<https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest>).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::directory::{Directory, harms};
use super::error::JarError;

/// Where it is; all tools write it so.
pub(super) const MANIFEST: &str = "META-INF/MANIFEST.MF";
/// What the name of a section follows.
const NAME: &[u8] = b"Name: ";
/// Larger than any manifest that was not made to be: one that is signed has a section for each class.
pub(super) const LIMIT: u64 = 16 << 20;

/// What the main section of the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `program-class`, which only Flink reads.
    pub program_class: Option<String>,
    /// `Main-Class`.
    pub main_class: Option<String>,
    /// `Multi-Release`: whether the JVM looks into `META-INF/versions`.
    pub multi_release: bool,
    /// `Implementation-Version`: the version of what the jar is.
    pub implementation_version: Option<String>,
    /// `Implementation-Vendor-Id`: for Maven, the group of what the jar is.
    pub implementation_vendor_id: Option<String>,
}

impl Manifest {
    /// Reads the manifest of the jar at `path`, and nothing else of it; empty when it has none.
    pub fn read(path: &Path) -> Result<Self, JarError> {
        Self::of(&Directory::read(path)?)
    }

    pub(super) fn of(directory: &Directory) -> Result<Self, JarError> {
        let Some(entry) = directory.find(MANIFEST.as_bytes()) else {
            return Ok(Self::default());
        };
        if entry.size > LIMIT {
            return Err(directory.damaged("its manifest is larger than 16 MiB"));
        }
        Ok(Self::parse(&directory.bytes(entry, LIMIT)?))
    }

    fn parse(manifest: &[u8]) -> Self {
        let value = |name| attribute(manifest, name);
        Self {
            program_class: value("program-class"),
            main_class: value("Main-Class"),
            multi_release: value("Multi-Release")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            implementation_version: value("Implementation-Version"),
            implementation_vendor_id: value("Implementation-Vendor-Id"),
        }
    }

    /// The class that Flink starts: `program-class`, or else `Main-Class`.
    pub fn entry_class(&self) -> Option<&str> {
        self.program_class.as_deref().or(self.main_class.as_deref())
    }
}

/// The value of an attribute of the main section; names are compared without case.
///
/// A value with a character that harms a terminal is none: nothing that is looked for here has one.
fn attribute(manifest: &[u8], name: &str) -> Option<String> {
    let main = sections(manifest).next()?;
    // The first line goes on with none, which the JVM does not read.
    if main.whole.starts_with(b" ") {
        return None;
    }
    main.attributes().into_iter().find_map(|(key, value)| {
        let value = value.trim();
        let usable = !value.is_empty() && !value.contains(harms);
        (usable && key.eq_ignore_ascii_case(name)).then(|| value.to_owned())
    })
}

/// A section of a manifest, or of a file of digests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    /// Its bytes, with the empty line that ends it.
    pub(super) whole: &'a [u8],
    /// Its bytes without that.
    pub(super) bare: &'a [u8],
}

impl Section<'_> {
    /// The attributes in their order, but for those that are no text.
    ///
    /// Lines end with CR LF, LF or CR; one that starts with a blank goes on with the line before. Lines are cut at
    /// 72 bytes, which may be in the middle of a character, so they are joined as bytes.
    pub(super) fn attributes(&self) -> Vec<(String, String)> {
        let pair = |line: Vec<u8>| {
            let line = String::from_utf8(line).ok()?;
            let (key, value) = line.split_once(':')?;
            Some((
                key.to_owned(),
                value.strip_prefix(' ').unwrap_or(value).to_owned(),
            ))
        };
        self.lines().filter_map(pair).collect()
    }

    /// The name, if it begins with one.
    pub(super) fn name(&self) -> Option<Vec<u8>> {
        let first = self.lines().next()?;
        let (key, name) = first.split_at_checked(NAME.len())?;
        key.eq_ignore_ascii_case(NAME).then(|| name.to_vec())
    }

    /// The lines with those that go on with them. The first goes on with none.
    fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut lines = split(self.bare).map(|(line, _)| line).peekable();
        std::iter::from_fn(move || {
            let mut whole = lines.next()?.to_vec();
            while let Some(rest) = lines.next_if(|line| line.first() == Some(&b' ')) {
                whole.extend_from_slice(&rest[1..]);
            }
            Some(whole)
        })
    }
}

/// The sections of a manifest; the first is the main section.
pub(super) fn sections(mut manifest: &[u8]) -> impl Iterator<Item = Section<'_>> {
    std::iter::from_fn(move || {
        if manifest.is_empty() {
            return None;
        }
        let (mut bare, mut whole) = (0, 0);
        for (line, length) in split(manifest) {
            whole += length;
            if line.is_empty() {
                break;
            }
            bare = whole;
        }
        let section = Section {
            whole: &manifest[..whole],
            bare: &manifest[..bare],
        };
        manifest = &manifest[whole..];
        Some(section)
    })
}

/// The lines, each with its length with its end.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at(end);
        let next = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.get(1..))
            .unwrap_or_default();
        let length = bytes.len() - next.len();
        bytes = next;
        Some((line, length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_sections_kept_apart() {
        for end in ["\r\n", "\n", "\r"] {
            let text = [
                "Manifest-Version: 1.0",
                "main-class: org.example.averyveryveryveryveryveryveryverylongpack",
                " age.name.of.a.Job",
                "program-class:  ",
                "",
                "Name: org/example/Other.class",
                "Program-Class: org.example.Wrong",
                "",
            ]
            .join(end);
            assert_eq!(
                attribute(text.as_bytes(), "Main-Class").unwrap(),
                "org.example.averyveryveryveryveryveryveryverylongpackage.name.of.a.Job"
            );
            assert_eq!(attribute(text.as_bytes(), "program-class"), None);
        }
    }

    #[test]
    fn odd_manifests_have_no_attributes() {
        for text in [
            "",
            "\n",
            " starts with a blank",
            "no colon\n",
            "Main-Class:\n",
            "Main-Class: \u{1b}[2Jorg.example.Job\n",
            "Main-Class: org.example\0.Job\n",
            "Main-Class: org.example.\u{202e}boJ\n",
            "Main-Class: org.example.\u{2066}Job\u{2069}\n",
            "Main-Class: org.example.J\u{200f}ob\n",
        ] {
            assert_eq!(attribute(text.as_bytes(), "Main-Class"), None, "{text:?}");
        }
        // A character that is cut by the end of the line.
        let cut = b"Main-Class: J\xc3\r\n \xb6b\r\n";
        assert_eq!(attribute(cut, "Main-Class").unwrap(), "J\u{f6}b");
    }
}
