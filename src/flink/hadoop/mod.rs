//! Hadoop for the lines that take it as one shaded jar in `lib/` (1.8 to 1.10): which jar, where it is published, and where
//! it lies in an image.
//!
//! Earlier lines have it in their releases, and later ones take it from outside; see
//! [`Hadoop`], where the table says so. What is kept of the jar on this machine is the business of whoever builds.

mod checksum;
mod error;
mod facts;
mod maven;
mod published;

use std::fmt;
use std::str::FromStr;

use super::distribution::Distribution;
use super::layout::{real_home, repeated_home};
use super::lines::{Hadoop, Known, Line, ShadedJar};
use super::version::FlinkVersion;
use crate::layer::{Content, Entry, ImagePath, ImagePathError, Owner};

pub use checksum::{Checksum, ChecksumError};
pub use error::HadoopError;
pub use facts::HadoopFacts;
pub use maven::{MavenRepository, MavenRepositoryError};
pub use published::{JAR_LIMIT, published_checksum};

/// Longest version; those that there are have a dozen characters.
const VERSION_LIMIT: usize = 64;
/// What the names of all such jars begin with.
const JAR_PREFIX: &str = "flink-shaded-hadoop";
/// Where the jar is; `lib/` has a link to it.
const INSTALL_PATH: &str = "opt";

/// The version of Hadoop that is asked for: `2.8`, `2.8.3`, or that of the jar, `2.8.3-10.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HadoopVersion(String);

impl HadoopVersion {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names the jar, and not just a Hadoop.
    fn is_exact(&self) -> bool {
        self.0.contains('-')
    }

    /// Whether a jar of this version is meant by it: one of the same Hadoop, if only that is named.
    fn means(&self, version: &str) -> bool {
        let hadoop = version.split('-').next().unwrap_or(version);
        let rest = hadoop.strip_prefix(&self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl FromStr for HadoopVersion {
    type Err = HadoopError;

    fn from_str(text: &str) -> Result<Self, HadoopError> {
        // It becomes part of paths and addresses.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_version = text.starts_with(|c: char| c.is_ascii_digit())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(plain)
            && !text.contains("..")
            && text.len() <= VERSION_LIMIT;
        if is_version {
            Ok(Self(text.to_owned()))
        } else {
            Err(HadoopError::Version(text.to_owned()))
        }
    }
}

impl fmt::Display for HadoopVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A shaded jar with Hadoop, by the names that it is published under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HadoopJar {
    artifact: &'static str,
    version: String,
}

impl HadoopJar {
    /// The jar that is meant by a version of Hadoop, for a Flink that takes Hadoop as such a jar.
    ///
    /// An exact version is taken as it is: a repository may have jars that nobody else has.
    ///
    /// ```
    /// use flink_img::flink::Known;
    /// use flink_img::flink::hadoop::HadoopJar;
    ///
    /// let version = "1.10.3".parse()?;
    /// let jar = HadoopJar::new(&"2.8".parse()?, &version, Known::of(&version)?)?;
    /// assert_eq!(jar.file_name(), "flink-shaded-hadoop-2-uber-2.8.3-10.0.jar");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        asked: &HadoopVersion,
        flink: &FlinkVersion,
        line: Known,
    ) -> Result<Self, HadoopError> {
        let shaded = match line.line.hadoop {
            Hadoop::Variants(_) => return Err(HadoopError::InRelease(flink.clone())),
            Hadoop::Outside => return Err(HadoopError::Outside(flink.clone())),
            Hadoop::ShadedJar(shaded) => shaded,
        };
        let ShadedJar { artifact, versions } = *shaded;
        let version = if asked.is_exact() {
            asked.as_str()
        } else {
            let mut meant = versions.iter().filter(|version| asked.means(version));
            match (meant.next(), meant.next()) {
                (Some(version), None) => *version,
                _ => return Err(HadoopError::unknown(asked, flink, versions)),
            }
        };
        Ok(Self {
            artifact,
            version: version.to_owned(),
        })
    }

    /// The version, which begins with that of Hadoop.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The name of the file.
    pub fn file_name(&self) -> String {
        format!("{}-{}.jar", self.artifact, self.version)
    }

    /// Where it is in a Maven repository.
    fn path(&self) -> String {
        let Self { artifact, version } = self;
        format!("org/apache/flink/{artifact}/{version}/{}", self.file_name())
    }

    /// The jar in an image of this Flink: a real file beside it, and a link to that where Flink looks, absolute as in the job
    /// images of the time.
    pub fn entries(
        &self,
        content: Content,
        line: &Line,
        flink: &FlinkVersion,
    ) -> Result<Vec<Entry>, ImagePathError> {
        let name = self.file_name();
        let file = ImagePath::fixed(INSTALL_PATH).join(&name)?;
        let lib = real_home(line, flink).join("lib")?;
        let link = Entry::symlink(lib.join(&name)?, file.to_string(), Owner::FLINK);
        let mut entries: Vec<_> = repeated_home(line, flink).into_iter().collect();
        entries.push(Entry::directory(lib, false, Owner::FLINK));
        entries.push(link);
        entries.push(Entry::file(file, content, false, Owner::FLINK));
        Ok(entries)
    }

    /// Refuses a distribution that has a Hadoop in its `lib/` already: two of them are one too many.
    pub fn check(&self, distribution: &Distribution) -> Result<(), HadoopError> {
        let there = distribution.files.iter().find(|file| {
            let name = file.path.as_str().strip_prefix("lib/");
            name.is_some_and(|name| name.starts_with(JAR_PREFIX))
        });
        match there {
            Some(file) => Err(HadoopError::InDistribution {
                jar: self.file_name(),
                there: file.path.as_str().to_owned(),
            }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for HadoopJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain as _;
    use crate::layer::EntryKind;

    fn jar(asked: &str, flink: &str) -> Result<String, HadoopError> {
        let version: FlinkVersion = flink.parse().unwrap();
        let known = Known::of(&version).unwrap();
        let jar = HadoopJar::new(&asked.parse()?, &version, known)?;
        Ok(jar.file_name())
    }

    #[test]
    fn a_short_version_means_one_jar_of_the_line() {
        for (asked, flink, name) in [
            ("2.8", "1.8.0", "flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar"),
            (
                "2.8.3",
                "1.8.3",
                "flink-shaded-hadoop2-uber-2.8.3-1.8.3.jar",
            ),
            ("2.4", "1.8.3", "flink-shaded-hadoop2-uber-2.4.1-1.8.1.jar"),
            ("2.6", "1.9.3", "flink-shaded-hadoop-2-uber-2.6.5-7.0.jar"),
            (
                "2.7.5",
                "1.10.3",
                "flink-shaded-hadoop-2-uber-2.7.5-10.0.jar",
            ),
            // What is exact is not asked about.
            (
                "2.7.5-9.0",
                "1.10.3",
                "flink-shaded-hadoop-2-uber-2.7.5-9.0.jar",
            ),
            (
                "3.1.1-acme-1",
                "1.9.3",
                "flink-shaded-hadoop-2-uber-3.1.1-acme-1.jar",
            ),
        ] {
            assert_eq!(jar(asked, flink).unwrap(), name, "{asked} for {flink}");
        }
    }

    #[test]
    fn what_there_is_not_is_told_with_what_there_is() {
        for (asked, flink, message) in [
            (
                "3.1",
                "1.10.3",
                "There is no Hadoop 3.1 for Flink 1.10.3, only 2.4.1-10.0, 2.6.5-10.0, 2.7.5-10.0 or 2.8.3-10.0",
            ),
            // One digit of a number is not the number.
            ("2.8.", "1.8.3", "`2.8.` is not a version of Hadoop"),
            (
                "2",
                "1.9.3",
                "There is no single Hadoop 2 for Flink 1.9.3, but 2.4.1-7.0, 2.6.5-7.0, 2.7.5-7.0 or 2.8.3-7.0",
            ),
            (
                "2.8",
                "1.7.2",
                "Flink 1.7.2 has Hadoop in its releases, and takes none besides",
            ),
            (
                "2.8",
                "1.11.0",
                "Flink 1.11.0 takes Hadoop from outside, and there is none to be put in for it",
            ),
            ("../2.8", "1.9.3", "`../2.8` is not a version of Hadoop"),
            ("2.8/3", "1.9.3", "`2.8/3` is not a version of Hadoop"),
            ("2..8", "1.9.3", "`2..8` is not a version of Hadoop"),
            ("", "1.9.3", "`` is not a version of Hadoop"),
        ] {
            let error = jar(asked, flink).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn every_version_of_the_table_is_meant_by_its_hadoop() {
        for line in crate::flink::lines::LINES {
            let Hadoop::ShadedJar(shaded) = line.hadoop else {
                continue;
            };
            for version in shaded.versions {
                let hadoop = version.split('-').next().unwrap();
                let name = format!("{}-{version}.jar", shaded.artifact);
                for asked in [version, hadoop, hadoop.rsplit_once('.').unwrap().0] {
                    assert_eq!(jar(asked, line.newest).unwrap(), name, "{asked}");
                }
            }
        }
    }

    #[test]
    fn the_jar_lies_beside_flink_and_is_linked_into_its_lib() {
        let jar = HadoopJar {
            artifact: "a",
            version: "1-2".to_owned(),
        };
        let content = Content::from_bytes(&b"x"[..]);
        let version: FlinkVersion = "1.8.3".parse().unwrap();
        let line = Known::of(&version).unwrap().line;
        let entries = jar.entries(content, line, &version).unwrap();
        let listing: Vec<_> = entries
            .iter()
            .map(|entry| match &entry.kind {
                EntryKind::Symlink(target) => format!("{} -> {target}", entry.path),
                _ => format!("{} {:o}", entry.path, entry.mode),
            })
            .collect();
        // The folders are those of Flink's own layer, as some who unpack make new ones where they are left out.
        assert_eq!(
            listing,
            [
                "/opt/flink-1.8.3 755",
                "/opt/flink-1.8.3/lib 755",
                "/opt/flink-1.8.3/lib/a-1-2.jar -> /opt/a-1-2.jar",
                "/opt/a-1-2.jar 644",
            ]
        );
        assert!(entries.iter().all(|entry| entry.owner == Owner::FLINK));
        assert_eq!(jar.path(), "org/apache/flink/a/1-2/a-1-2.jar");
    }
}
