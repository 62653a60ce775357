//! Words that say what an image is made of, which building, locking and telling its digest share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::{ContentArgs, HistoricArgs, value};
use crate::cli::settings::LOCAL_DIST;
use crate::flink::{FlinkVersion, JavaVersion, ScalaVersion};
use crate::layer::CompressionChoice;
use crate::oci::Platform;

/// Whether a release must be signed
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum VerifySignature {
    Required,
    IfPresent,
    Off,
}

/// Keeps the text, which says more than the number of the feature release.
pub(super) fn java_version(text: &str) -> Result<String, String> {
    value::<JavaVersion>(text).map(|_| text.to_owned())
}

/// The file that has what is not said on the command line
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct FileArgs {
    /// Take what is not said here from this file [default: flink-img.toml beside the job's jar, else in the working folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "FLINK_IMG_CONFIG",
        hide_env_values = true
    )]
    pub(in crate::cli) config: Option<PathBuf>,
    /// Read no such file
    #[arg(long)]
    pub(in crate::cli) no_config: bool,
}

/// The bases that have names
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct CatalogueArgs {
    /// Take the bases that have names from the files in this folder, instead of those that come with the program
    #[arg(
        long,
        value_name = "DIR",
        env = "FLINK_IMG_BASE_CATALOGUE",
        hide_env_values = true
    )]
    pub(in crate::cli) base_catalogue: Option<PathBuf>,
}

/// What an image is made of
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct InputArgs {
    #[command(flatten)]
    pub(in crate::cli) file: FileArgs,

    /// The job's jar; without a job the image is for session clusters
    #[arg(long, value_name = "FILE", help_heading = "Job")]
    pub(in crate::cli) job_jar: Option<PathBuf>,
    /// Further files of the job, separated by commas. May be repeated
    #[arg(
        long,
        value_name = "FILE,...",
        value_delimiter = ',',
        help_heading = "Job"
    )]
    pub(in crate::cli) job_artifacts: Vec<PathBuf>,
    /// Take copies of the unsigned jars whose entries are sorted and have fixed times, so that the same classes give the
    /// same image
    #[arg(long, help_heading = "Job")]
    pub(in crate::cli) normalize_jar: bool,

    /// Download a release of Flink (the default, when no other source is given)
    #[arg(long, help_heading = "Flink", group = "source")]
    pub(in crate::cli) from_release: bool,
    /// Take Flink from an archive
    #[arg(long, value_name = "FILE", help_heading = "Flink", group = "source")]
    pub(in crate::cli) from_archive: Option<PathBuf>,
    /// Take Flink from a folder; without one, from the distribution that was compiled in the checkout of Flink above the
    /// working folder: `../../flink-dist/target/flink-*-bin`
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Flink",
        group = "source",
        num_args = 0..=1,
        default_missing_value = LOCAL_DIST
    )]
    pub(in crate::cli) from_local_dist: Option<PathBuf>,
    /// The version of Flink: to download, or that the archive or folder must have
    #[arg(long, value_name = "VERSION", help_heading = "Flink", value_parser = value::<FlinkVersion>)]
    pub(in crate::cli) flink_version: Option<FlinkVersion>,
    /// The Scala version of the release
    #[arg(long, value_name = "VERSION", help_heading = "Flink", value_parser = value::<ScalaVersion>, conflicts_with_all = ["from_archive", "from_local_dist"])]
    pub(in crate::cli) scala_version: Option<ScalaVersion>,
    #[command(flatten)]
    pub(in crate::cli) historic: HistoricArgs,
    /// Download the release from here first: what comes before `flink-VERSION/`, or
    /// several with commas. May be repeated
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Flink",
        env = "FLINK_IMG_RELEASE_MIRROR",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(in crate::cli) release_mirror: Vec<String>,
    /// Take a release only if one of the keys in this file signed it, as the `KEYS` of Apache Flink
    /// [default: the fingerprints that flink-img knows]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Flink",
        env = "FLINK_IMG_RELEASE_KEYS",
        hide_env_values = true
    )]
    pub(in crate::cli) release_keys: Option<PathBuf>,
    /// Whether a release must be signed; a signature that does not hold is refused, unless it is `off`
    /// [default: if-present; required with `--release-keys`]
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        help_heading = "Flink",
        env = "FLINK_IMG_VERIFY_SIGNATURE",
        hide_env_values = true
    )]
    pub(in crate::cli) verify_signature: Option<VerifySignature>,

    /// What to stand on: an image, a base of the catalogue, oci:DIR[:NAME], oci-archive:FILE, docker-archive:FILE or
    /// rootfs:FILE [default: the JRE that fits Flink]
    #[arg(
        long,
        value_name = "BASE",
        help_heading = "Base",
        env = "FLINK_IMG_BASE",
        hide_env_values = true
    )]
    pub(in crate::cli) base: Option<String>,
    #[command(flatten, next_help_heading = "Base")]
    pub(in crate::cli) catalogue: CatalogueArgs,
    /// What the image is for; several, with commas or repeated, make an index of images [default: linux/amd64]
    #[arg(
        long,
        value_name = "OS/ARCH",
        help_heading = "Base",
        value_delimiter = ','
    )]
    pub(in crate::cli) platform: Vec<Platform>,
    /// Where Java is in the base, whatever looking finds
    #[arg(long, value_name = "PATH", help_heading = "Base")]
    pub(in crate::cli) java_home: Option<String>,
    /// The version of the base's Java, whatever looking finds
    #[arg(long, value_name = "VERSION", help_heading = "Base", value_parser = java_version)]
    pub(in crate::cli) java_version: Option<String>,

    /// Put these packages into the base, and what they need: names as apk takes them, separated by commas. May be repeated
    #[arg(
        long,
        value_name = "NAME,...",
        help_heading = "Packages",
        value_delimiter = ','
    )]
    pub(in crate::cli) package: Vec<String>,
    /// Take packages from here instead of where the base takes them from: what comes before `ARCH/APKINDEX.tar.gz`.
    /// May be repeated
    #[arg(long, value_name = "URL|DIR", help_heading = "Packages")]
    pub(in crate::cli) package_repository: Vec<String>,
    /// Trust packages that are signed with this key too. May be repeated
    #[arg(long, value_name = "FILE", help_heading = "Packages")]
    pub(in crate::cli) package_key: Vec<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) content: ContentArgs,

    /// Compress layers so: auto, gzip[:LEVEL], zstd[:LEVEL] or stored. `auto` is gzip:1 for jars, gzip:6 for other files,
    /// and stored for the job's own jar [default: auto]
    #[arg(
        long,
        value_name = "HOW",
        help_heading = "Result",
        env = "FLINK_IMG_COMPRESSION",
        hide_env_values = true,
        value_parser = value::<CompressionChoice>
    )]
    pub(in crate::cli) compression: Option<CompressionChoice>,
}

/// Where the lock is
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LockFileArgs {
    /// The lock [default: flink-img.lock beside the flink-img.toml that is used, else in the working folder]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Lock",
        env = "FLINK_IMG_LOCK_FILE",
        hide_env_values = true
    )]
    pub(in crate::cli) lock_file: Option<PathBuf>,
}
