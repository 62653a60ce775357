//! The keys of `flink-img.toml`. The comments here are what the schema says of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::value::{List, Parsed, Settings};
use crate::build::content::{AddedFile, User};
use crate::cli::args::VerifySignature;
use crate::flink::hadoop::HadoopVersion;
use crate::flink::{FlinkVersion, ScalaVersion};
use crate::layer::CompressionChoice;
use crate::oci::{Platform, Reference};
use crate::preflight::Code;
use crate::store::Output;

/// What `flink-img build` does when it is not said on the command line. Relative paths start in the folder of the file
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "flink-img.toml"))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Keys {
    /// The image's name, or several
    pub(super) image: List<Parsed<Reference>>,
    /// Whether to push the image to the registry of its name
    pub(super) push: Option<bool>,
    /// What the image is for: `linux/amd64` unless said otherwise
    pub(super) platforms: List<Parsed<Platform>>,
    /// Files to write the image to: `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`
    pub(super) outputs: List<Parsed<Output>>,
    /// How layers are compressed: `auto`, `gzip[:LEVEL]`, `zstd[:LEVEL]` or `stored`
    pub(super) compression: Option<Parsed<CompressionChoice>>,
    /// The job
    pub(super) job: Job,
    /// What becomes of what the checks find
    pub(super) checks: Checks,
    /// Where Flink comes from; a release of Apache unless said otherwise
    pub(super) flink: Flink,
    /// What the image stands on
    pub(super) base: Base,
    /// What is put into the base besides
    pub(super) packages: Packages,
    /// What is put into the image besides
    pub(super) content: Content,
    /// How registries are spoken to
    pub(super) registry: Registry,
    /// What of earlier images is used
    pub(super) cache: Cache,
}

/// The job
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Job {
    /// The job's jar. The name of the file may have one `*` for what changes, as a version; one file must fit
    pub(super) jar: Option<PathBuf>,
    /// Further files of the job
    pub(super) artifacts: List<PathBuf>,
    /// Whether copies of unsigned jars are taken whose entries are sorted and have fixed times
    pub(super) normalize_jar: Option<bool>,
}

/// What becomes of what the checks find
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Checks {
    /// Whether warnings stop everything, as errors do
    pub(super) deny_warnings: Option<bool>,
    /// Codes under which everything is let through, errors too
    pub(super) allow: List<Parsed<Code>>,
}

/// Where Flink comes from
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("not" = {"anyOf": [
        {"required": ["archive", "directory"]},
        {"required": ["archive", "scala-version"]},
        {"required": ["directory", "scala-version"]},
    ]}))
)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Flink {
    /// The version of Flink: to download, or that the archive or folder must have
    pub(super) version: Option<Parsed<FlinkVersion>>,
    /// The Scala version of the release; not with `archive` or `directory`
    pub(super) scala_version: Option<Parsed<ScalaVersion>>,
    /// The version of Hadoop to put in, for Flink 1.6 to 1.10
    pub(super) hadoop_version: Option<Parsed<HadoopVersion>>,
    /// The Maven repository that Hadoop is downloaded from for Flink 1.8 to 1.10: what comes before `org/`
    pub(super) maven_repository: Option<String>,
    /// An archive to take Flink from
    pub(super) archive: Option<PathBuf>,
    /// A folder to take Flink from; not with `archive`
    pub(super) directory: Option<PathBuf>,
    /// Where releases are downloaded from first: what comes before `flink-VERSION/`
    pub(super) mirrors: List<String>,
    /// Whether a release must be signed: `required`, as with `keys` unless said otherwise, `if-present` or `off`
    pub(super) verify_signature: Option<VerifySignature>,
    /// A file with the keys that a release may be signed with, instead of those that flink-img knows
    pub(super) keys: Option<PathBuf>,
}

/// What the image stands on
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Base {
    /// A base of the catalogue, an image, `oci:DIR[:NAME]`, `oci-archive:FILE`, `docker-archive:FILE` or `rootfs:FILE`; the
    /// JRE that fits Flink unless said otherwise
    pub(super) name: Option<String>,
    /// A folder whose files describe the bases that have names, instead of those that come with the program
    pub(super) catalogue: Option<PathBuf>,
    /// Where Java is in the base, whatever looking finds
    pub(super) java_home: Option<String>,
    /// The version of the base's Java, whatever looking finds
    pub(super) java_version: Option<String>,
}

/// What is put into the base besides
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Packages {
    /// Names of packages, as apk takes them
    pub(super) add: List<String>,
    /// Where packages come from instead of where the base takes them from: addresses, or folders
    pub(super) repositories: List<String>,
    /// Files with keys that packages may be signed with besides those that the base trusts
    pub(super) keys: List<PathBuf>,
}

/// What is put into the image besides
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Content {
    /// Jars of Flink's `opt/` that are plugins: names with or without version
    pub(super) plugins: List<String>,
    /// Whether what of `opt/` is not chosen is left out, and `examples/`
    pub(super) slim: Option<bool>,
    /// Jars for Flink's `lib/`
    pub(super) libraries: List<PathBuf>,
    /// Files of settings for Flink's configuration
    pub(super) flink_conf_files: List<PathBuf>,
    /// Settings for Flink's configuration, which count more than those of the files
    pub(super) flink_conf: Settings,
    /// A file of log4j properties to log by
    pub(super) log4j: Option<PathBuf>,
    /// Files and folders for places below `/opt`, as `SRC:/opt/DEST`
    pub(super) files: List<Parsed<AddedFile>>,
    /// Variables of the environment
    pub(super) env: BTreeMap<String, String>,
    /// Labels of the image
    pub(super) labels: BTreeMap<String, String>,
    /// Annotations of the manifest of the image, and of the index if there is one
    pub(super) annotations: BTreeMap<String, String>,
    /// Whom the container runs as: `UID` or `UID:GID`; 9999:9999 unless said otherwise
    pub(super) user: Option<Parsed<User>>,
    /// Whether jobs are in Python: `python3` is in the image then, and Flink's jar for it
    pub(super) python: Option<bool>,
}

/// How registries are spoken to
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Registry {
    /// Registries that are spoken to without TLS, as `HOST[:PORT]`
    pub(super) insecure: List<String>,
    /// A PEM file with authorities to trust, besides those of the system
    pub(super) ca_file: Option<PathBuf>,
}

/// What of earlier images is used
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Cache {
    /// Images to take known layers from, besides those that the image's names lead to now
    pub(super) from: List<Parsed<Reference>>,
}
