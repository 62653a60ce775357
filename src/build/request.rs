//! What was asked for, in full: the command line, the environment and the configuration file have been merged.

use std::path::PathBuf;

use super::content::Content;
use super::lock::Lock;
use crate::base::{Catalogue, JavaOverride};
use crate::flink::hadoop::{HadoopVersion, MavenRepository};
use crate::flink::release::{Mirror, Signatures};
use crate::flink::{FlinkVersion, HadoopVariant, ScalaVersion};
use crate::layer::CompressionChoice;
use crate::oci::Platforms;
use crate::preflight::Policy;

/// An image that is to be built.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// What to stand on: a name of the catalogue, an image, or a path with a scheme; `None` for what fits Flink.
    pub base: Option<String>,
    /// The bases that have names.
    pub catalogue: Catalogue,
    /// What the image is for; with several, it is an index of one image for each.
    pub platforms: Platforms,
    /// What the user says of the base's Java.
    pub java: JavaOverride,
    /// Where Flink comes from.
    pub flink: FlinkSource,
    /// Hadoop in a jar of its own, for a line that takes it so.
    pub hadoop: Option<HadoopRequest>,
    /// The job's main jar; without it, and without artifacts, the image is for sessions.
    pub job_jar: Option<PathBuf>,
    /// What else the job needs; without a main jar, the one that names an entry class among it is the job's.
    pub job_artifacts: Vec<PathBuf>,
    /// Whether copies of the unsigned jars are taken that are the same whenever their entries are.
    pub normalizes_jars: bool,
    /// What becomes of what the checks find.
    pub checks: Policy,
    /// What is put into the base besides, by the names of its package manager.
    pub packages: Vec<String>,
    /// Where such packages come from instead of what the base says: addresses and folders.
    pub package_repositories: Vec<String>,
    /// Who may sign them besides those whom the base trusts: files with public keys.
    pub package_keys: Vec<PathBuf>,
    /// What else is put into it.
    pub content: Content,
    /// How layers are compressed.
    pub compression: CompressionChoice,
    /// When the image was created, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub created: Option<i64>,
    /// What the image must be made of: the build takes nothing else, and asks nobody for what is in it.
    pub lock: Option<Lock>,
}

impl BuildRequest {
    /// Whether the image has a job; otherwise it is for sessions.
    pub fn has_job(&self) -> bool {
        self.job_jar.is_some() || !self.job_artifacts.is_empty()
    }
}

/// Hadoop in a jar of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HadoopRequest {
    /// Which.
    pub version: HadoopVersion,
    /// Where it is published.
    pub repository: MavenRepository,
}

/// Where Flink comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlinkSource {
    /// A release of Apache, downloaded once.
    Release {
        /// Which; `None` for the default.
        version: Option<FlinkVersion>,
        /// For which Scala; `None` for the default of the line.
        scala: Option<ScalaVersion>,
        /// With which Hadoop in it; `None` for the release that has none.
        hadoop: Option<HadoopVariant>,
        /// Places to try before Apache's own.
        mirrors: Vec<Mirror>,
        /// Whether it must be signed, and by whom.
        signatures: Signatures,
    },
    /// An archive on this machine.
    Archive {
        /// Where.
        path: PathBuf,
        /// The version that it must have.
        version: Option<FlinkVersion>,
    },
    /// A folder on this machine.
    Directory {
        /// Where.
        path: PathBuf,
        /// The version that it must have.
        version: Option<FlinkVersion>,
    },
}
