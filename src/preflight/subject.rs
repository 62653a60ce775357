//! What is checked: as much of an image as is known.

use super::jar::{Jar, Role};
use super::secrets::Setting;
use crate::base::Libc;
use crate::flink::lines::JobPlace;
use crate::flink::{FlinkVersion, JavaVersion, Known, ScalaVersion};
use crate::jar::JarFacts;
use crate::oci::Platform;

/// What is checked. What is not known is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// All jars, that with the entry class first: what will be in `usrlib`, and what is put into `lib/`.
    pub jars: &'a [Jar],
    /// Whether they are a job, and not only libraries for one that comes later.
    pub is_job: bool,
    /// The Flink that it will run on.
    pub flink: Option<Target<'a>>,
    /// What it will stand on, for each platform.
    pub grounds: &'a [Ground],
    /// What the image says of itself.
    pub settings: &'a [Setting],
    /// Whether the jars are normalised where that can be done, so that their times and order do not matter.
    pub normalizes: bool,
}

/// The Flink of an image.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its version.
    pub version: &'a FlinkVersion,
    /// Its line.
    pub line: Known,
    /// The Scala that it is built for, if that is known.
    pub scala: Option<ScalaVersion>,
}

/// What an image stands on, for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The platform.
    pub platform: Platform,
    /// Its Java, if it tells.
    pub java: Option<JavaVersion>,
    /// Its C library, if that is known.
    pub libc: Option<Libc>,
    /// Whether it has something that lets programs for glibc run on musl.
    pub has_gcompat: bool,
    /// The program of Python that jobs need and it lacks.
    pub missing_python: Option<&'static str>,
}

impl<'a> Subject<'a> {
    /// The jars that can be read, with what is in them.
    pub(super) fn readable(&self) -> impl Iterator<Item = (&'a Jar, &'a JarFacts)> + use<'a> {
        let jars = self.jars.iter();
        jars.filter_map(|jar| Some((jar, jar.facts.as_ref().ok()?)))
    }

    /// Those of them among which Flink looks for the entry class. Where jobs lie in `lib/`, that is all of it.
    pub(super) fn of_job(&self) -> impl Iterator<Item = (&'a Jar, &'a JarFacts)> + use<'a> {
        let in_lib = self
            .flink
            .is_some_and(|flink| matches!(flink.line.line.job, JobPlace::JobJar | JobPlace::Lib));
        self.readable()
            .filter(move |(jar, _)| in_lib || jar.role != Role::Library)
    }

    /// ` for PLATFORM`, where there are several.
    pub(super) fn platform_of(&self, ground: &Ground) -> String {
        if self.grounds.len() > 1 {
            format!(" for `{}`", ground.platform)
        } else {
            String::new()
        }
    }
}

/// Names as in a sentence, the first few of them: `a`, `b` and 3 more.
pub(super) fn few<T: AsRef<str>>(names: &[T]) -> String {
    const FEW: usize = 3;
    let quoted = |name: &T| format!("`{}`", name.as_ref());
    let told: Vec<_> = names.iter().take(FEW).map(quoted).collect();
    match (&told[..], names.len() - told.len()) {
        ([rest @ .., last], 0) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        (_, 0) => told.concat(),
        (_, more) => format!("{} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_told_as_a_few() {
        for (names, expected) in [
            (&[][..], ""),
            (&["a"], "`a`"),
            (&["a", "b"], "`a` and `b`"),
            (&["a", "b", "c"], "`a`, `b` and `c`"),
            (&["a", "b", "c", "d", "e"], "`a`, `b`, `c` and 2 more"),
        ] {
            assert_eq!(few(names), expected);
        }
    }
}
