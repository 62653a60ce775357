//! Words that say what is put into an image besides Flink and the job.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;

use super::value;
use crate::build::content::{AddedFile, SettingWord, User};

#[expect(clippy::unnecessary_wraps, reason = "the parser of words wants it so")]
fn setting(text: &str) -> Result<SettingWord, Infallible> {
    Ok(text.into())
}

/// What is put into an image on request
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Content")]
pub(in crate::cli) struct ContentArgs {
    /// Make these jars of Flink's `opt/` plugins: names with or without version, separated by commas. May be repeated
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(in crate::cli) plugin: Vec<String>,
    /// Leave out what of `opt/` is not chosen, and `examples/`
    #[arg(long)]
    pub(in crate::cli) slim: bool,
    /// Put this jar into Flink's `lib/`. May be repeated
    #[arg(long, value_name = "JAR")]
    pub(in crate::cli) lib: Vec<PathBuf>,
    /// Set this in Flink's configuration, or all that a file of settings says. May be repeated; what comes later counts
    #[arg(long, value_name = "KEY=VALUE|FILE", value_parser = setting)]
    pub(in crate::cli) flink_conf: Vec<SettingWord>,
    /// Log as this file of log4j properties says
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) log4j: Option<PathBuf>,
    /// Put this file or folder at a place below `/opt`. May be repeated
    #[arg(long, value_name = "SRC:DEST", value_parser = value::<AddedFile>)]
    pub(in crate::cli) add: Vec<AddedFile>,
    /// Set this variable in the container. May be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(in crate::cli) env: Vec<String>,
    /// Give the image this label. May be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(in crate::cli) label: Vec<String>,
    /// Give the manifest of the image this annotation, and the index if there is one. May be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(in crate::cli) annotation: Vec<String>,
    /// Run as this user; the group is 0 if none is said, so that the user may write where Flink does [default: 9999:9999]
    #[arg(long, value_name = "UID[:GID]", value_parser = value::<User>)]
    pub(in crate::cli) user: Option<User>,
    /// Have what jobs in Python need: `python3`, and Flink's jar for it
    #[arg(long)]
    pub(in crate::cli) python: bool,
}
