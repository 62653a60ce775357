//! The words of the command line. The comments here are the help that users read.

mod build;
mod check;
mod content;
mod global;
mod historic;
mod input;
mod inspect;
mod kept;
mod render;
mod resolve;

use std::str::FromStr;

use clap::{Parser, Subcommand};

use crate::error::Explain;

pub(super) use build::{BuildArgs, DigestArgs, LockArgs};
pub(super) use check::{CheckArgs, ChecksArgs};
pub(super) use content::ContentArgs;
pub(super) use global::{Color, GlobalArgs, NetworkArgs};
pub(super) use historic::HistoricArgs;
pub(super) use input::{CatalogueArgs, FileArgs, InputArgs, LockFileArgs, VerifySignature};
pub(super) use inspect::InspectArgs;
pub(super) use kept::{
    AuthArgs, AuthCheckArgs, AuthCommand, BasesArgs, CacheArgs, CacheCommand, CacheInfoArgs,
    CachePruneArgs, CacheVerifyArgs, ConfigArgs, ConfigCommand, ImagesArgs, PushArgs,
};
pub(super) use render::{Form, RenderArgs};
pub(super) use resolve::ResolveArgs;

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
    Check(Box<CheckArgs>),
    Push(PushArgs),
    Images(ImagesArgs),
    Inspect(InspectArgs),
    Render(Box<RenderArgs>),
    Resolve(ResolveArgs),
    Auth(AuthArgs),
    Cache(CacheArgs),
    Lock(Box<LockArgs>),
    Digest(Box<DigestArgs>),
    Bases(BasesArgs),
    Config(ConfigArgs),
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
