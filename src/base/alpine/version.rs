//! Versions of packages: their grammar, and the order that apk puts them in.
//!
//! `NUMBER{.NUMBER}[LETTER[NUMBER]]{_SUFFIX[NUMBER]}[~COMMIT][-rNUMBER]`, as apk-tools 2 and 3 read it. The order is not that
//! of other package managers: `_alpha`, `_beta`, `_pre` and `_rc` come before the bare version, `_cvs`, `_svn`, `_git`, `_hg`
//! and `_p` behind it, and a part with a leading zero compares as text.
//!
//! What somebody asks for must be a version. A package may call its own as it likes: apk compares as far as it understands.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::shown;

/// The version of a package or of something that a package provides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    parts: Vec<Part>,
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of a package")]
pub struct VersionError(pub(super) String);

/// One part of a version. The order of the variants is that of the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    First(u64),
    Number {
        value: u64,
        text: String,
    },
    Letter(u8),
    Suffix(Suffix),
    SuffixNumber(u64),
    Commit(String),
    Revision(u64),
    /// What is not understood, up to the end.
    Unknown,
}

/// What comes behind an underscore, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

const SUFFIXES: [(&str, Suffix); 9] = [
    ("alpha", Suffix::Alpha),
    ("beta", Suffix::Beta),
    ("pre", Suffix::Pre),
    ("rc", Suffix::Rc),
    ("cvs", Suffix::Cvs),
    ("svn", Suffix::Svn),
    ("git", Suffix::Git),
    ("hg", Suffix::Hg),
    ("p", Suffix::P),
];

/// The place of the end of a version among its parts.
const END: u8 = 7;

impl Part {
    /// The place in the grammar.
    fn place(&self) -> u8 {
        match self {
            Self::First(_) => 0,
            Self::Number { .. } => 1,
            Self::Letter(_) => 2,
            Self::Suffix(_) => 3,
            Self::SuffixNumber(_) => 4,
            Self::Commit(_) => 5,
            Self::Revision(_) => 6,
            Self::Unknown => 8,
        }
    }

    /// Whether it makes a version older than the same one without it.
    fn is_before_release(&self) -> bool {
        matches!(self, Self::Suffix(suffix) if *suffix <= Suffix::Rc)
    }

    /// Compares parts of the same place.
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::First(a), Self::First(b))
            | (Self::SuffixNumber(a), Self::SuffixNumber(b))
            | (Self::Revision(a), Self::Revision(b)) => a.cmp(b),
            (Self::Number { value: a, text: x }, Self::Number { value: b, text: y }) => {
                if x.starts_with('0') || y.starts_with('0') {
                    x.cmp(y)
                } else {
                    a.cmp(b)
                }
            }
            (Self::Letter(a), Self::Letter(b)) => a.cmp(b),
            (Self::Suffix(a), Self::Suffix(b)) => a.cmp(b),
            (Self::Commit(a), Self::Commit(b)) => a.cmp(b),
            _ => self.place().cmp(&other.place()),
        }
    }
}

impl Version {
    /// How `self` compares with `other`.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.compare_parts(other, false)
    }

    /// The same; with `is_prefix` a version that starts with `other` is equal to it, which is what `~` asks.
    pub(super) fn compare_parts(&self, other: &Self, is_prefix: bool) -> Ordering {
        let (mut ours, mut theirs) = (self.parts.iter(), other.parts.iter());
        loop {
            let (a, b) = (ours.next(), theirs.next());
            let place = |part: Option<&Part>| part.map_or(END, Part::place);
            if let (Some(a), Some(b)) = (a, b)
                && a.place() == b.place()
            {
                match a.compare(b) {
                    Ordering::Equal => continue,
                    unequal => return unequal,
                }
            }
            if place(a) == place(b) || (is_prefix && b.is_none()) {
                return Ordering::Equal;
            }
            if a.is_some_and(Part::is_before_release) {
                return Ordering::Less;
            }
            if b.is_some_and(Part::is_before_release) {
                return Ordering::Greater;
            }
            // What goes on with an earlier kind of part is the newer one.
            return place(b).cmp(&place(a));
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let version = Self::of_package(text)?;
        match version.parts.last() {
            None | Some(Part::Unknown) => Err(VersionError(shown(text))),
            Some(_) => Ok(version),
        }
    }
}

impl Version {
    /// What a package calls its version. It becomes a part of addresses and of lines, and has no characters that could be
    /// more there.
    pub(super) fn of_package(text: &str) -> Result<Self, VersionError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~+-:".contains(c);
        if text.is_empty() || !text.chars().all(is_plain) {
            return Err(VersionError(shown(text)));
        }
        let mut rest = text;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let next = next(&mut rest, parts.last());
            let is_known = next.is_some();
            parts.push(next.unwrap_or(Part::Unknown));
            if !is_known {
                break;
            }
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

/// Takes as many characters from the front as `fits` says.
fn take<'a>(rest: &mut &'a str, fits: impl Fn(char) -> bool) -> &'a str {
    let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

fn digits(rest: &mut &str) -> Option<(u64, String)> {
    let text = take(rest, |c| c.is_ascii_digit());
    Some((text.parse().ok()?, text.to_owned()))
}

/// The part that comes behind `last`; none if what is there is none.
fn next(rest: &mut &str, last: Option<&Part>) -> Option<Part> {
    let Some(last) = last.map(Part::place) else {
        return Some(Part::First(digits(rest)?.0));
    };
    let first = rest.chars().next()?;
    Some(match first {
        'a'..='z' if last <= 1 => {
            *rest = &rest[1..];
            Part::Letter(u8::try_from(first).ok()?)
        }
        '.' if last <= 1 => {
            *rest = &rest[1..];
            let (value, text) = digits(rest)?;
            Part::Number { value, text }
        }
        '0'..='9' if last == 2 => {
            let (value, text) = digits(rest)?;
            Part::Number { value, text }
        }
        '0'..='9' if last == 3 => Part::SuffixNumber(digits(rest)?.0),
        '_' if last <= 4 => {
            *rest = &rest[1..];
            let name = take(rest, |c| c.is_ascii_lowercase());
            let known = SUFFIXES.iter().find(|(known, _)| *known == name);
            Part::Suffix(known?.1)
        }
        '~' if last < 5 => {
            *rest = &rest[1..];
            let commit = take(rest, |c| c.is_ascii_hexdigit());
            Part::Commit((!commit.is_empty()).then(|| commit.to_owned())?)
        }
        '-' if last < 6 => {
            *rest = rest.strip_prefix("-r")?;
            Part::Revision(digits(rest)?.0)
        }
        _ => return None,
    })
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        Self::of_package(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_have_the_order_of_apk() {
        for ascending in [
            &[
                "1.0_alpha",
                "1.0_alpha1",
                "1.0_beta",
                "1.0_pre",
                "1.0_rc1",
                "1.0_rc2",
                "1.0-r0",
            ][..],
            &[
                "1.0",
                "1.0_cvs",
                "1.0_svn",
                "1.0_git",
                "1.0_git20240101",
                "1.0_hg",
                "1.0_p",
                "1.0_p1",
            ],
            &[
                "1.0-r0", "1.0-r2", "1.0-r10", "1.0a", "1.0b-r0", "1.0.1", "1.1", "1.9", "1.10",
                "2", "10",
            ],
            &["0.01", "0.1", "0.2", "0.10"],
            &["1.00", "1.01", "1.1"],
            &["3.2_alpha_pre2", "3.2_alpha", "3.2"],
            &["1.2.3", "1.2.3_p1", "1.2.3_p1_git5", "1.2.3_p2"],
            &["5.2.15-r0", "5.2.37-r0", "20240226"],
            &["1-r1", "1~0a", "1~0b"],
        ] {
            for pair in ascending.windows(2) {
                let (a, b) = (version(pair[0]), version(pair[1]));
                assert_eq!(a.compare(&b), Ordering::Less, "{a} {b}");
                assert_eq!(b.compare(&a), Ordering::Greater, "{b} {a}");
                assert_eq!(a.compare(&a), Ordering::Equal, "{a}");
            }
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "a",
            "1.",
            ".1",
            "1..2",
            "1ab",
            "1_",
            "1_foo",
            "1_alphabet",
            "1-1",
            "1-r",
            "1-r1.2",
            "1-r1-r2",
            "1~",
            "1~g",
            "1_pé",
            "1 ",
            "99999999999999999999999",
            "1a.2",
            "1/2",
            "v1",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_package_calls_its_version_as_it_likes() {
        let version = |text| Version::of_package(text).unwrap();
        for (a, b, expected) in [
            ("1.0x_foo", "1.0x_foo", Ordering::Equal),
            ("1.0_foo", "1.0_bar", Ordering::Equal),
            ("1.0_foo", "1.0", Ordering::Less),
            ("1.0_foo", "1.1", Ordering::Less),
            ("2.0_foo", "1.1", Ordering::Greater),
            ("git", "1", Ordering::Less),
        ] {
            assert_eq!(version(a).compare(&version(b)), expected, "{a} {b}");
            assert_eq!(
                version(b).compare(&version(a)),
                expected.reverse(),
                "{b} {a}"
            );
        }
        for text in ["", "1 2", "1/../2", "1\n", "1%2f", "é"] {
            assert!(Version::of_package(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_equal_where_that_is_asked() {
        for (text, prefix, expected) in [
            ("1.2.3-r4", "1.2", Ordering::Equal),
            ("1.2.3-r4", "1.2.3", Ordering::Equal),
            ("1.20", "1.2", Ordering::Greater),
            ("1.2", "1.2.3", Ordering::Less),
            ("1.2_rc1", "1.2", Ordering::Equal),
        ] {
            let found = version(text).compare_parts(&version(prefix), true);
            assert_eq!(found, expected, "{text} {prefix}");
        }
    }
}
