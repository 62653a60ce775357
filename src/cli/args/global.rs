//! Words that all commands take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::quantity;

/// When to use colours
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(in crate::cli) struct GlobalArgs {
    /// Say nothing but errors, not even warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(in crate::cli) quiet: bool,
    /// Say more: where things come from, and every request
    #[arg(short, long, global = true)]
    pub(in crate::cli) verbose: bool,
    /// Print lines instead of progress bars
    #[arg(long, global = true)]
    pub(in crate::cli) no_progress: bool,
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    pub(in crate::cli) color: Color,
    /// Keep layers, images and releases in this folder [default: flink-img in the user's cache folder]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(in crate::cli) cache_dir: Option<PathBuf>,
    /// Compress with this many threads [default: one a core]; the result does not depend on it
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_JOBS",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(in crate::cli) jobs: Option<u16>,
    #[command(flatten)]
    pub(in crate::cli) network: NetworkArgs,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Network options")]
pub(in crate::cli) struct NetworkArgs {
    /// Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_REGISTRY_USER",
        hide_env_values = true,
        value_name = "USER"
    )]
    pub(in crate::cli) registry_user: Option<String>,
    /// The registry that this login is for, and no other [default: that of the image's names]
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(in crate::cli) registry: Option<String>,
    /// Read logins from this file, in the form of Docker and podman, and from no other
    #[arg(
        long,
        global = true,
        env = "REGISTRY_AUTH_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(in crate::cli) authfile: Option<PathBuf>,
    /// Trust the authorities in this PEM file, besides those of the system
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CA_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(in crate::cli) ca_file: Option<PathBuf>,
    /// Show the certificate in this PEM file to registries that ask for one; the key may be in the same file
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CLIENT_CERT",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(in crate::cli) client_cert: Option<PathBuf>,
    /// The private key to that certificate, in a PEM file
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_CLIENT_KEY",
        hide_env_values = true,
        value_name = "FILE",
        requires = "client_cert"
    )]
    pub(in crate::cli) client_key: Option<PathBuf>,
    /// Speak to this registry without TLS; addresses of this machine need no such word. May be repeated
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    pub(in crate::cli) insecure_registry: Vec<String>,
    /// Repeat a request that failed in a way that may pass up to N times [default: 5]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_RETRY",
        hide_env_values = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=100)
    )]
    pub(in crate::cli) retry: Option<u16>,
    /// Give a request up that does not get on for so long, with all its tries and pauses [default: 5m]
    #[arg(
        long,
        global = true,
        env = "FLINK_IMG_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = quantity::timeout
    )]
    pub(in crate::cli) timeout: Option<Duration>,
}
