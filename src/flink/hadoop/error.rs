//! What can be wrong with the Hadoop that is asked for.

use super::{ChecksumError, HadoopJar, HadoopVersion, MavenRepository};
use crate::error::{Explain, FileError, Kind};
use crate::flink::lines::Choice;
use crate::flink::version::FlinkVersion;
use crate::http::GetError;

/// A Hadoop that cannot be put in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say")]
pub enum HadoopError {
    /// No version.
    #[error("`{0}` is not a version of Hadoop")]
    Version(String),
    /// A version that there is no jar of.
    #[error("There is no Hadoop {asked} for Flink {flink}, only {offers}")]
    Unknown {
        asked: HadoopVersion,
        flink: FlinkVersion,
        offers: Choice,
    },
    /// A version that several jars begin with.
    #[error("There is no single Hadoop {asked} for Flink {flink}, but {offers}")]
    Ambiguous {
        asked: HadoopVersion,
        flink: FlinkVersion,
        offers: Choice,
    },
    /// A distribution of a line that was published with and without Hadoop.
    #[error("Flink {0} has Hadoop in its releases, and takes none besides")]
    InRelease(FlinkVersion),
    /// A line that has none.
    #[error("Flink {0} takes Hadoop from outside, and there is none to be put in for it")]
    Outside(FlinkVersion),
    /// A distribution that has one.
    #[error("`{jar}` was asked for, and this Flink has `{there}` already")]
    InDistribution { jar: String, there: String },
    /// The jar or its checksum cannot be had.
    #[error("Failed to download `{jar}` from {repository}")]
    Download {
        jar: String,
        repository: String,
        #[source]
        source: GetError,
    },
    /// Nobody says what the jar should be.
    #[error("{repository} has no checksum for `{jar}`")]
    NoChecksum { jar: String, repository: String },
    /// A checksum that is none.
    #[error("{repository} has a `{file}` that is of no use")]
    Checksum {
        file: String,
        repository: String,
        #[source]
        source: ChecksumError,
    },
    /// The jar is another one than it should be.
    #[error("The `{jar}` of {repository} {says}")]
    Mismatch {
        jar: String,
        repository: String,
        says: &'static str,
    },
    /// A file on this machine cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

impl HadoopError {
    /// The error for a version that means none of `versions`, or several.
    pub(super) fn unknown(asked: &HadoopVersion, flink: &FlinkVersion, versions: &[&str]) -> Self {
        let (asked, flink) = (asked.clone(), flink.clone());
        let meant: Vec<_> = versions
            .iter()
            .filter(|version| asked.means(version))
            .collect();
        if meant.is_empty() {
            let offers = Choice::of(versions);
            Self::Unknown {
                asked,
                flink,
                offers,
            }
        } else {
            let offers = Choice::of(&meant);
            Self::Ambiguous {
                asked,
                flink,
                offers,
            }
        }
    }

    /// The error for a file of the jar that did not come.
    pub fn download(jar: &HadoopJar, repository: &MavenRepository, source: GetError) -> Self {
        Self::Download {
            jar: jar.file_name(),
            repository: repository.to_string(),
            source,
        }
    }
}

impl Explain for HadoopError {
    fn kind(&self) -> Kind {
        match self {
            Self::Version(_) => Kind::Usage,
            Self::Unknown { .. }
            | Self::Ambiguous { .. }
            | Self::InRelease(_)
            | Self::Outside(_)
            | Self::InDistribution { .. } => Kind::Incompatible,
            Self::Download { source, .. } => source.kind(),
            Self::NoChecksum { .. } => Kind::NotFound,
            Self::Checksum { .. } | Self::Mismatch { .. } => Kind::Integrity,
            Self::File(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Version(_) => "write it like `2.8`, `2.8.3`, or as the jar has it: `2.8.3-10.0`".to_owned(),
            Self::Unknown { .. } => {
                "name one of these; one that only your own repository has is named in full, as `3.1.1-10.0`".to_owned()
            }
            Self::Ambiguous { .. } => "name one of these".to_owned(),
            Self::InRelease(_) => {
                "leave `--hadoop-version` out and give the archive of the variant, or take it from a release".to_owned()
            }
            Self::Outside(_) => {
                "put a jar of your own into `lib/` with `--lib`, or mount Hadoop and say where with `--env HADOOP_CLASSPATH=...`".to_owned()
            }
            Self::InDistribution { .. } => "leave `--hadoop-version` out, or give a Flink without Hadoop".to_owned(),
            Self::Download { source, .. } => match source.kind() {
                Kind::NotFound => "check the version, or name the repository that has it with `--maven-repository`".to_owned(),
                Kind::Unauthorized => "put the user and password into the address of the repository".to_owned(),
                Kind::Network => {
                    "check the connection and proxy, or name a repository that can be reached with `--maven-repository`".to_owned()
                }
                _ => return source.hint(),
            },
            Self::NoChecksum { .. } => {
                "check the version, and name a repository that has the jar with its `.sha512`, `.sha256` or `.sha1`".to_owned()
            }
            Self::Checksum { .. } => "name another repository with `--maven-repository`".to_owned(),
            Self::Mismatch { .. } => {
                "do not use these bytes; try again later, or name another repository with `--maven-repository`".to_owned()
            }
            Self::File(error) => return error.hint(),
        })
    }
}
