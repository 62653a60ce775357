//! Words of the commands that build nothing: what is kept, known, or set.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{CatalogueArgs, FileArgs};
use crate::cli::quantity;
use crate::oci::Reference;

/// Push an image that was kept, under its own name or others
#[derive(Debug, Args)]
pub(in crate::cli) struct PushArgs {
    /// The image, as `flink-img images` lists it
    pub(in crate::cli) name: Reference,
    /// Names to push it under [default: its own]
    pub(in crate::cli) target: Vec<Reference>,
    /// Print one JSON object instead of the name with the digest
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// List the images that were kept
#[derive(Debug, Args)]
pub(in crate::cli) struct ImagesArgs {
    /// Print a JSON array
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// See how registries are logged in to
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct AuthArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuthCommand {
    Check(AuthCheckArgs),
}

/// Try whether an image may be pulled, and tell which login was used and what the registry answered
#[derive(Debug, Args)]
pub(in crate::cli) struct AuthCheckArgs {
    /// The image; it need not be there
    #[arg(value_name = "REF")]
    pub(in crate::cli) name: Reference,
    /// Try whether it may be pushed: open an upload, and give it back
    #[arg(long)]
    pub(in crate::cli) push: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// See what is kept on this machine, and take away what is not needed
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct CacheArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CacheCommand {
    Info(CacheInfoArgs),
    Prune(CachePruneArgs),
    Verify(CacheVerifyArgs),
}

/// Show where the cache is, and how much there is of what
#[derive(Debug, Args)]
pub(in crate::cli) struct CacheInfoArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Remove what no image needs that was kept; without a limit, all of that
#[derive(Debug, Args)]
pub(in crate::cli) struct CachePruneArgs {
    /// Remove what was used least recently, until the cache is no larger than this: 500MB, 2GiB
    #[arg(long, value_name = "SIZE", value_parser = quantity::size)]
    pub(in crate::cli) max_size: Option<u64>,
    /// Remove what was not used for so long: 30m, 12h, 7d, 2w
    #[arg(long, value_name = "DURATION", value_parser = quantity::age)]
    pub(in crate::cli) older_than: Option<Duration>,
    /// Remove nothing, and say what would be removed
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Read all that is in the cache, and tell what is not what it should be
#[derive(Debug, Args)]
pub(in crate::cli) struct CacheVerifyArgs {
    /// Take away what is damaged, so that the next build makes or fetches it again, and close to others what is open
    #[arg(long)]
    pub(in crate::cli) repair: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// List the bases that have names
#[derive(Debug, Args)]
pub(in crate::cli) struct BasesArgs {
    #[command(flatten)]
    pub(in crate::cli) file: FileArgs,
    #[command(flatten)]
    pub(in crate::cli) catalogue: CatalogueArgs,
    /// Print a JSON array
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Write flink-img.toml, the file that a build takes its settings from, or print its schema
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(in crate::cli) struct ConfigArgs {
    #[command(subcommand)]
    pub(in crate::cli) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    Init(ConfigInitArgs),
    Schema(ConfigSchemaArgs),
}

/// Write a file that has every setting, explained and commented out
#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigInitArgs {
    /// Where to
    #[arg(value_name = "FILE", default_value = "flink-img.toml")]
    pub(in crate::cli) file: PathBuf,
    /// Replace the file that is there
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Print the JSON schema of the file, for editors and checks
#[derive(Debug, Args)]
pub(in crate::cli) struct ConfigSchemaArgs {}
