//! Words of the checks, by themselves and within a build.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::java_version;
use super::{CatalogueArgs, FileArgs, value};
use crate::base;
use crate::flink::{FlinkVersion, ScalaVersion};
use crate::oci::Platform;
use crate::preflight::Code;

/// What becomes of what the checks find
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct ChecksArgs {
    /// Let warnings of the checks stop everything, as errors do
    #[arg(long, help_heading = "Checks")]
    pub(in crate::cli) deny_warnings: bool,
    /// Let through what the checks find under these codes, errors too; separated by commas. May be repeated
    #[arg(
        long,
        value_name = "CODE,...",
        help_heading = "Checks",
        value_delimiter = ',',
        value_parser = value::<Code>
    )]
    pub(in crate::cli) allow: Vec<Code>,
}

/// The C library of a base
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Libc {
    Glibc,
    Musl,
}

impl From<Libc> for base::Libc {
    fn from(libc: Libc) -> Self {
        match libc {
            Libc::Glibc => Self::Glibc,
            Libc::Musl => Self::Musl,
        }
    }
}

/// Tell what would fail in the cluster with the jars of a job, without network, cache or base
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CheckArgs {
    /// The jars of the job, all that will be in `usrlib`, that of the job itself first
    #[arg(value_name = "JAR", required = true)]
    pub(in crate::cli) jars: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) file: FileArgs,

    /// The version of Flink that they will run on [default: the default release]
    #[arg(long, value_name = "VERSION", value_parser = value::<FlinkVersion>)]
    pub(in crate::cli) flink_version: Option<FlinkVersion>,
    /// The Scala version that it is built for [default: any that the release is published for]
    #[arg(long, value_name = "VERSION", value_parser = value::<ScalaVersion>)]
    pub(in crate::cli) scala_version: Option<ScalaVersion>,
    /// The base of the catalogue that the image will stand on, for its Java and its C library
    #[arg(long, value_name = "BASE")]
    pub(in crate::cli) base: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) catalogue: CatalogueArgs,
    /// What the image will be for; several with commas or repeated [default: linux/amd64]
    #[arg(long, value_name = "OS/ARCH", value_delimiter = ',')]
    pub(in crate::cli) platform: Vec<Platform>,
    /// The version of Java [default: that of the base, else the one that Flink prefers]
    #[arg(long, value_name = "VERSION", value_parser = java_version)]
    pub(in crate::cli) java_version: Option<String>,
    /// The C library of the base [default: that of the base, else glibc]
    #[arg(long, value_enum, value_name = "LIBC")]
    pub(in crate::cli) libc: Option<Libc>,

    #[command(flatten)]
    pub(in crate::cli) checks: ChecksArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
