//! Versions and combinations that cannot be built.

use std::fmt;

use super::DEFAULT_RELEASE;
use crate::error::{Explain, Kind};
use crate::flink::java::JavaVersion;
use crate::flink::version::{FlinkVersion, HadoopVariant, ScalaVersion};

/// A version or a combination that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Older than the table.
    #[error("Flink {0} is older than 1.6, the first line that runs a job in an image of its own")]
    TooOld(FlinkVersion),
    /// A Java version that the line does not work with.
    #[error("Flink {version} does not work with Java {java}: it needs Java {needs}")]
    Java {
        /// The version of Flink.
        version: FlinkVersion,
        /// The Java version of the base.
        java: JavaVersion,
        /// What would work, as text.
        needs: Choice,
    },
    /// A Scala version that the line was not published for.
    #[error("Flink {version} is not published for Scala {scala}, only for {offers}")]
    Scala {
        /// The version of Flink.
        version: FlinkVersion,
        /// The Scala version that was asked for.
        scala: ScalaVersion,
        /// What is published, as text.
        offers: Choice,
    },
    /// A release with Hadoop, of a line whose releases come without.
    #[error("Flink {0} is not published with Hadoop")]
    NoHadoop(FlinkVersion),
    /// A Hadoop version that the line was not published with.
    #[error("Flink {version} is not published with Hadoop {hadoop}, only with {offers}")]
    Hadoop {
        /// The version of Flink.
        version: FlinkVersion,
        /// The Hadoop version that was asked for.
        hadoop: HadoopVariant,
        /// What is published, as text.
        offers: Choice,
    },
}

impl Explain for LineError {
    fn kind(&self) -> Kind {
        match self {
            Self::TooOld(_) => Kind::Input,
            Self::Java { .. } | Self::Scala { .. } | Self::NoHadoop(_) | Self::Hadoop { .. } => {
                Kind::Incompatible
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooOld(_) => format!("use a newer release, as {DEFAULT_RELEASE}"),
            Self::Java { .. } => "choose a base with another Java, or another release".to_owned(),
            Self::Scala { .. } => "leave `--scala-version` out to take what is there".to_owned(),
            Self::NoHadoop(_) => "leave `--hadoop-version` out".to_owned(),
            Self::Hadoop { .. } => {
                "choose one of them, or leave `--hadoop-version` out to take the release without Hadoop"
                    .to_owned()
            }
        })
    }
}

/// Things to choose from, as people list them: `11, 17 or 21`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice(Vec<String>);

impl Choice {
    pub(in crate::flink) fn of<T: fmt::Display>(items: &[T]) -> Self {
        Self(items.iter().map(ToString::to_string).collect())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(f, "{} or {last}", rest.join(", ")),
            Some((last, _)) => f.write_str(last),
            None => Ok(()),
        }
    }
}
