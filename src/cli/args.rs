//! The words of the command line. The comments here are the help that users read.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use super::quantity;
use crate::error::Explain;
use crate::flink::{FlinkVersion, JavaVersion, ScalaVersion};
use crate::layer::CompressionChoice;
use crate::oci::{Platform, Reference};
use crate::store::Output;

/// Builds container images for Apache Flink jobs: no daemon, no root, and the same inputs give the same digest
#[derive(Debug, Parser)]
#[command(
    name = "flink-img",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Build(Box<BuildArgs>),
    Push(PushArgs),
    Images(ImagesArgs),
    Auth(AuthArgs),
    Cache(CacheArgs),
    Lock(Box<LockArgs>),
    Digest(Box<DigestArgs>),
    Bases(BasesArgs),
    Config(ConfigArgs),
}

/// When to use colours
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// Whether a release must be signed
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "kebab-case")]
pub(super) enum VerifySignature {
    Required,
    IfPresent,
    Off,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Say nothing but errors, not even warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more: where things come from, and every request
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Print lines instead of progress bars
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(super) color: Color,
    /// Keep layers, images and releases in this folder [default: flink-img in the user's cache folder]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(super) cache_dir: Option<PathBuf>,
    /// Compress with this many threads [default: one a core]; the result does not depend on it
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_JOBS",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(super) jobs: Option<u16>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Network options")]
pub(super) struct NetworkArgs {
    /// Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_REGISTRY_USER",
        hide_env_values = true,
        value_name = "USER"
    )]
    pub(super) registry_user: Option<String>,
    /// The registry that this login is for, and no other [default: that of the image's names]
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) registry: Option<String>,
    /// Read logins from this file, in the form of Docker and podman, and from no other
    #[arg(
        long,
        global = true,
        env = "REGISTRY_AUTH_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) authfile: Option<PathBuf>,
    /// Trust the authorities in this PEM file, besides those of the system
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CA_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) ca_file: Option<PathBuf>,
    /// Show the certificate in this PEM file to registries that ask for one; the key may be in the same file
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CLIENT_CERT",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) client_cert: Option<PathBuf>,
    /// The private key to that certificate, in a PEM file
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CLIENT_KEY",
        hide_env_values = true,
        value_name = "FILE",
        requires = "client_cert"
    )]
    pub(super) client_key: Option<PathBuf>,
    /// Speak to this registry without TLS; addresses of this machine need no such word. May be repeated
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(super) insecure_registry: Vec<String>,
    /// Repeat a request that failed in a way that may pass up to N times [default: 5]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_RETRY",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=100)
    )]
    pub(super) retry: Option<u16>,
    /// Give a request up that does not get on for so long, with all its tries and pauses [default: 5m]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = quantity::timeout
    )]
    pub(super) timeout: Option<Duration>,
}

/// Parses a value. What helps is told with what is wrong, as clap asks for nothing else.
fn value<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err: Explain>,
{
    text.parse().map_err(|error: T::Err| match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    })
}

/// Keeps the text, which says more than the number of the feature release.
fn java_version(text: &str) -> Result<String, String> {
    value::<JavaVersion>(text).map(|_| text.to_owned())
}

/// The file that has what is not said on the command line
#[derive(Debug, Clone, Default, Args)]
pub(super) struct FileArgs {
    /// Take what is not said here from this file [default: flink-img.toml beside the job's jar, else in the working folder]
    #[arg(
        long,
        value_name = "FILE",
        env = "FLINK_IMG_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,
    /// Read no such file
    #[arg(long)]
    pub(super) no_config: bool,
}

/// The bases that have names
#[derive(Debug, Clone, Default, Args)]
pub(super) struct CatalogueArgs {
    /// Take the bases that have names from the files in this folder, instead of those that come with the program
    #[arg(
        long,
        value_name = "DIR",
        env = "FLINK_IMG_BASE_CATALOGUE",
        hide_env_values = true
    )]
    pub(super) base_catalogue: Option<PathBuf>,
}

/// What an image is made of
#[derive(Debug, Clone, Args)]
pub(super) struct InputArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,

    /// The job's jar; without a job the image is for session clusters
    #[arg(long, value_name = "FILE", help_heading = "Job")]
    pub(super) job_jar: Option<PathBuf>,
    /// Further files of the job, separated by commas. May be repeated
    #[arg(
        long,
        value_name = "FILE,...",
        value_delimiter = ',',
        help_heading = "Job"
    )]
    pub(super) job_artifacts: Vec<PathBuf>,

    /// Download a release of Flink (the default, when no other source is given)
    #[arg(long, help_heading = "Flink", group = "source")]
    pub(super) from_release: bool,
    /// Take Flink from an archive
    #[arg(long, value_name = "FILE", help_heading = "Flink", group = "source")]
    pub(super) from_archive: Option<PathBuf>,
    /// Take Flink from a folder
    #[arg(long, value_name = "DIR", help_heading = "Flink", group = "source")]
    pub(super) from_local_dist: Option<PathBuf>,
    /// The version of Flink: to download, or that the archive or folder must have
    #[arg(long, value_name = "VERSION", help_heading = "Flink", value_parser = value::<FlinkVersion>)]
    pub(super) flink_version: Option<FlinkVersion>,
    /// The Scala version of the release
    #[arg(long, value_name = "VERSION", help_heading = "Flink", value_parser = value::<ScalaVersion>, conflicts_with_all = ["from_archive", "from_local_dist"])]
    pub(super) scala_version: Option<ScalaVersion>,
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
    pub(super) release_mirror: Vec<String>,
    /// Take a release only if one of the keys in this file signed it, as the `KEYS` of Apache Flink
    /// [default: the fingerprints that flink-img knows]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Flink",
        env = "FLINK_IMG_RELEASE_KEYS",
        hide_env_values = true
    )]
    pub(super) release_keys: Option<PathBuf>,
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
    pub(super) verify_signature: Option<VerifySignature>,

    /// What to stand on: an image, a base of the catalogue, oci:DIR[:NAME], oci-archive:FILE, docker-archive:FILE or
    /// rootfs:FILE [default: the JRE that fits Flink]
    #[arg(
        long,
        value_name = "BASE",
        help_heading = "Base",
        env = "FLINK_IMG_BASE",
        hide_env_values = true
    )]
    pub(super) base: Option<String>,
    #[command(flatten, next_help_heading = "Base")]
    pub(super) catalogue: CatalogueArgs,
    /// What the image is for; several, with commas or repeated, make an index of images [default: linux/amd64]
    #[arg(
        long,
        value_name = "OS/ARCH",
        help_heading = "Base",
        value_delimiter = ','
    )]
    pub(super) platform: Vec<Platform>,
    /// Where Java is in the base, whatever looking finds
    #[arg(long, value_name = "PATH", help_heading = "Base")]
    pub(super) java_home: Option<String>,
    /// The version of the base's Java, whatever looking finds
    #[arg(long, value_name = "VERSION", help_heading = "Base", value_parser = java_version)]
    pub(super) java_version: Option<String>,

    /// Put these packages into the base, and what they need: names as apk takes them, separated by commas. May be repeated
    #[arg(
        long,
        value_name = "NAME,...",
        help_heading = "Packages",
        value_delimiter = ','
    )]
    pub(super) package: Vec<String>,
    /// Take packages from here instead of where the base takes them from: what comes before `ARCH/APKINDEX.tar.gz`.
    /// May be repeated
    #[arg(long, value_name = "URL|DIR", help_heading = "Packages")]
    pub(super) package_repository: Vec<String>,
    /// Trust packages that are signed with this key too. May be repeated
    #[arg(long, value_name = "FILE", help_heading = "Packages")]
    pub(super) package_key: Vec<PathBuf>,

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
    pub(super) compression: Option<CompressionChoice>,
}

/// Where the lock is
#[derive(Debug, Clone, Args)]
pub(super) struct LockFileArgs {
    /// The lock [default: flink-img.lock beside the flink-img.toml that is used, else in the working folder]
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Lock",
        env = "FLINK_IMG_LOCK_FILE",
        hide_env_values = true
    )]
    pub(super) lock_file: Option<PathBuf>,
}

/// Build an image of a Flink job, and push it, write it to files, or keep it
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct BuildArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) lock: LockFileArgs,
    /// Take only what is in the lock, and ask nobody for it
    #[arg(long, help_heading = "Lock")]
    pub(super) locked: bool,

    /// The image's name, or several with commas. May be repeated [default: `image` in flink-img.toml, else flink-job]
    #[arg(
        short,
        long = "tag",
        visible_alias = "image-name",
        value_name = "NAME",
        help_heading = "Result",
        env = "FLINK_IMG_TAG",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(super) tag: Vec<Reference>,
    /// Push the image to the registry of its name
    #[arg(long, help_heading = "Result")]
    pub(super) push: bool,
    /// Do not push, whatever flink-img.toml says
    #[arg(long, help_heading = "Result", conflicts_with = "push")]
    pub(super) no_push: bool,
    /// Write the image to oci:DIR, oci-archive:FILE or docker-archive:FILE. May be repeated
    #[arg(short, long, value_name = "KIND:PATH", help_heading = "Result")]
    pub(super) output: Vec<Output>,
    /// Take known layers from this image too, besides those that the image's names lead to now. May be repeated
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Cache",
        env = "FLINK_IMG_CACHE_FROM",
        hide_env_values = true,
        value_delimiter = ',',
        conflicts_with_all = ["no_cache", "no_remote_cache"]
    )]
    pub(super) cache_from: Vec<Reference>,
    /// Make every layer, whatever is known of it
    #[arg(long, help_heading = "Cache")]
    pub(super) no_cache: bool,
    /// Take no layer from an earlier image
    #[arg(long, help_heading = "Cache")]
    pub(super) no_remote_cache: bool,

    /// Print one JSON object instead of the name with the digest
    #[arg(long, help_heading = "Result")]
    pub(super) json: bool,
    /// Write the same JSON object to a file
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(super) metadata_file: Option<PathBuf>,
    /// Print what would be built as JSON, and make no layer
    #[arg(long, help_heading = "Result", conflicts_with_all = ["push", "output", "metadata_file"])]
    pub(super) dry_run: bool,
}

/// Write down everything that an image is made of, but for the job's jar, so that `build --locked` takes just that
#[derive(Debug, Clone, Args)]
pub(super) struct LockArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) lock: LockFileArgs,
    /// Lock the files of `--job-artifacts` as well
    #[arg(long, help_heading = "Lock")]
    pub(super) artifacts: bool,
    /// Write nothing, and tell what is not any more as it was locked
    #[arg(long, help_heading = "Lock", conflicts_with = "artifacts")]
    pub(super) check: bool,
}

/// Print the digest that `build --locked` gives the image, from the lock and the job alone
#[derive(Debug, Clone, Args)]
pub(super) struct DigestArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) lock: LockFileArgs,
}

/// Push an image that was kept, under its own name or others
#[derive(Debug, Args)]
pub(super) struct PushArgs {
    /// The image, as `flink-img images` lists it
    pub(super) name: Reference,
    /// Names to push it under [default: its own]
    pub(super) target: Vec<Reference>,
    /// Print one JSON object instead of the name with the digest
    #[arg(long)]
    pub(super) json: bool,
}

/// List the images that were kept
#[derive(Debug, Args)]
pub(super) struct ImagesArgs {
    /// Print a JSON array
    #[arg(long)]
    pub(super) json: bool,
}

/// See how registries are logged in to
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct AuthArgs {
    #[command(subcommand)]
    pub(super) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuthCommand {
    Check(AuthCheckArgs),
}

/// Try whether an image may be pulled, and tell which login was used and what the registry answered
#[derive(Debug, Args)]
pub(super) struct AuthCheckArgs {
    /// The image; it need not be there
    #[arg(value_name = "REF")]
    pub(super) name: Reference,
    /// Try whether it may be pushed: open an upload, and give it back
    #[arg(long)]
    pub(super) push: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// See what is kept on this machine, and take away what is not needed
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    pub(super) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    Info(CacheInfoArgs),
    Prune(CachePruneArgs),
    Verify(CacheVerifyArgs),
}

/// Show where the cache is, and how much there is of what
#[derive(Debug, Args)]
pub(super) struct CacheInfoArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Remove what no image needs that was kept; without a limit, all of that
#[derive(Debug, Args)]
pub(super) struct CachePruneArgs {
    /// Remove what was used least recently, until the cache is no larger than this: 500MB, 2GiB
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub(super) max_size: Option<u64>,
    /// Remove what was not used for so long: 30m, 12h, 7d, 2w
    #[arg(long, value_name = "DURATION", value_parser = quantity::age)]
    pub(super) older_than: Option<Duration>,
    /// Remove nothing, and say what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// Read all that is in the cache, and tell what is not what it should be
#[derive(Debug, Args)]
pub(super) struct CacheVerifyArgs {
    /// Take away what is damaged, so that the next build makes or fetches it again, and close to others what is open
    #[arg(long)]
    pub(super) repair: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// List the bases that have names
#[derive(Debug, Args)]
pub(super) struct BasesArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,
    #[command(flatten)]
    pub(super) catalogue: CatalogueArgs,
    /// Print a JSON array
    #[arg(long)]
    pub(super) json: bool,
}

/// Write flink-img.toml, the file that a build takes its settings from, or print its schema
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    Init(ConfigInitArgs),
    Schema(ConfigSchemaArgs),
}

/// Write a file that has every setting, explained and commented out
#[derive(Debug, Args)]
pub(super) struct ConfigInitArgs {
    /// Where to
    #[arg(value_name = "FILE", default_value = "flink-img.toml")]
    pub(super) file: PathBuf,
    /// Replace the file that is there
    #[arg(long)]
    pub(super) force: bool,
}

/// Print the JSON schema of the file, for editors and checks
#[derive(Debug, Args)]
pub(super) struct ConfigSchemaArgs {}
