//! Words of the commands that build an image, lock what it is made of, or tell its digest.

use std::path::PathBuf;

use clap::Args;

use super::{ChecksArgs, InputArgs, LockFileArgs};
use crate::oci::Reference;
use crate::store::Output;

/// Build an image of a Flink job, and push it, write it to files, or keep it
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct BuildArgs {
    #[command(flatten)]
    pub(in crate::cli) input: InputArgs,
    #[command(flatten)]
    pub(in crate::cli) lock: LockFileArgs,
    /// Take only what is in the lock, and ask nobody for it
    #[arg(long, help_heading = "Lock")]
    pub(in crate::cli) locked: bool,
    #[command(flatten)]
    pub(in crate::cli) checks: ChecksArgs,

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
    pub(in crate::cli) tag: Vec<Reference>,
    /// Push the image to the registry of its name
    #[arg(long, help_heading = "Result")]
    pub(in crate::cli) push: bool,
    /// Do not push, whatever flink-img.toml says
    #[arg(long, help_heading = "Result", conflicts_with = "push")]
    pub(in crate::cli) no_push: bool,
    /// Write the image to oci:DIR, oci-archive:FILE or docker-archive:FILE. May be repeated
    #[arg(short, long, value_name = "KIND:PATH", help_heading = "Result")]
    pub(in crate::cli) output: Vec<Output>,
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
    pub(in crate::cli) cache_from: Vec<Reference>,
    /// Make every layer, whatever is known of it
    #[arg(long, help_heading = "Cache")]
    pub(in crate::cli) no_cache: bool,
    /// Take no layer from an earlier image
    #[arg(long, help_heading = "Cache")]
    pub(in crate::cli) no_remote_cache: bool,

    /// Print one JSON object instead of the name with the digest
    #[arg(long, help_heading = "Result")]
    pub(in crate::cli) json: bool,
    /// Write the same JSON object to a file
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(in crate::cli) metadata_file: Option<PathBuf>,
    /// Print what would be built as JSON, and make no layer
    #[arg(long, help_heading = "Result", conflicts_with_all = ["push", "output", "metadata_file"])]
    pub(in crate::cli) dry_run: bool,
}

/// Write down everything that an image is made of, but for the job's jar, so that `build --locked` takes just that
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LockArgs {
    #[command(flatten)]
    pub(in crate::cli) input: InputArgs,
    #[command(flatten)]
    pub(in crate::cli) lock: LockFileArgs,
    /// Lock the files of `--job-artifacts` as well
    #[arg(long, help_heading = "Lock")]
    pub(in crate::cli) artifacts: bool,
    /// Write nothing, and tell what is not any more as it was locked
    #[arg(long, help_heading = "Lock", conflicts_with = "artifacts")]
    pub(in crate::cli) check: bool,
}

/// Print the digest that `build --locked` gives the image, from the lock and the job alone
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct DigestArgs {
    #[command(flatten)]
    pub(in crate::cli) input: InputArgs,
    #[command(flatten)]
    pub(in crate::cli) lock: LockFileArgs,
}
