//! Words of `render`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use crate::oci::{Platform, Reference};

// What each is, is told with the flag: help on variants would give this command another kind of help than the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Form {
    Yaml,
    Operator,
    Chart,
}

/// Write what runs an image on Kubernetes: objects, a FlinkDeployment, or a Helm chart
#[derive(Debug, Args)]
pub(in crate::cli) struct RenderArgs {
    // What comes behind this takes its values away.
    #[command(flatten)]
    pub(in crate::cli) variables: Variables,
    /// Take what is not said here from this file; `-` is stdin. Its keys are those of the chart's values.yaml
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// The image to run
    #[arg(
        long,
        value_name = "REF",
        env = "FLINK_IMAGE_NAME",
        hide_env_values = true
    )]
    pub(in crate::cli) image: Option<Reference>,
    /// The image of an index that is asked what it is [default: linux/amd64, else the only one]
    #[arg(long, value_name = "OS/ARCH")]
    pub(in crate::cli) platform: Option<Platform>,
    /// Ask no registry: an image that was kept on this machine tells what it is, and any other does not
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    /// Refuse to name the image without its digest
    #[arg(long)]
    pub(in crate::cli) require_digest: bool,

    /// What all objects are called [default: the last part of the image's repository]
    #[arg(long, value_name = "NAME", help_heading = "Deployment")]
    pub(in crate::cli) name: Option<String>,
    /// Write this namespace into them
    #[arg(long, value_name = "NAME", help_heading = "Deployment")]
    pub(in crate::cli) namespace: Option<String>,
    /// The entry class of the job [default: that of the image]
    #[arg(
        long,
        value_name = "CLASS",
        help_heading = "Deployment",
        env = "FLINK_JOB",
        hide_env_values = true
    )]
    pub(in crate::cli) job_classname: Option<String>,
    /// The parallelism of the job [default: 1]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Deployment",
        env = "FLINK_JOB_PARALLELISM",
        hide_env_values = true
    )]
    pub(in crate::cli) parallelism: Option<String>,
    /// Begin from this savepoint or checkpoint
    #[arg(long, value_name = "PATH", help_heading = "Deployment")]
    pub(in crate::cli) from_savepoint: Option<String>,
    /// Begin from it although the job has no use for some of its state
    #[arg(long, help_heading = "Deployment")]
    pub(in crate::cli) allow_non_restored_state: bool,
    /// Words for the job, behind `--`; in the variable as a shell or a list of JSON has them
    #[arg(
        last = true,
        value_name = "WORD",
        env = "FLINK_JOB_ARGUMENTS",
        hide_env_values = true
    )]
    pub(in crate::cli) job_arguments: Vec<String>,

    /// What to write: objects for kubectl, a FlinkDeployment for the operator of Flink, or a chart for Helm
    #[arg(
        long = "as",
        value_enum,
        default_value = "yaml",
        value_name = "FORM",
        help_heading = "Result"
    )]
    pub(in crate::cli) form: Form,
    /// Write files into this folder instead of stdout; it must be new, empty, or have what was rendered before
    #[arg(short, long, value_name = "DIR", help_heading = "Result")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Which words were said by variables, under the names of their fields.
#[derive(Debug, Default)]
pub(in crate::cli) struct Variables(BTreeSet<String>);

impl Variables {
    /// Whether the variable of this word says it.
    pub(in crate::cli) fn say(&self, field: &str) -> bool {
        self.0.contains(field)
    }
}

impl FromArgMatches for Variables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let ids = matches.ids().map(clap::Id::as_str);
        let by_variable = |id: &&str| matches.value_source(id) == Some(ValueSource::EnvVariable);
        Ok(Self(
            ids.filter(by_variable).map(ToOwned::to_owned).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Variables {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
