//! Words of the historic `build.sh` that are no other command's: Hadoop, and what an image is not made of any more.

use clap::Args;

use super::value;
use crate::flink::hadoop::HadoopVersion;

/// Hadoop, and words that are there for old scripts
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct HistoricArgs {
    /// Put Hadoop in: of Flink 1.6 and 1.7 the release that has it, for 1.8 to 1.10 the jar of this version, as 2.8, or in full
    /// as 2.8.3-10.0
    #[arg(long, value_name = "VERSION", help_heading = "Flink", value_parser = value::<HadoopVersion>)]
    pub(in crate::cli) hadoop_version: Option<HadoopVersion>,
    /// Download that jar from this Maven repository: what comes before `org/` [default: https://repo.maven.apache.org/maven2/]
    #[arg(
        long,
        value_name = "URL",
        help_heading = "Flink",
        env = "FLINK_IMG_MAVEN_REPOSITORY",
        hide_env_values = true
    )]
    pub(in crate::cli) maven_repository: Option<String>,
    /// Never did anything
    #[arg(long, value_name = "DIR", hide = true)]
    pub(in crate::cli) kubernetes_certificates: Option<std::path::PathBuf>,
    /// The same as `--python` with Python 2
    #[arg(long, hide = true, conflicts_with_all = ["with_python3", "python"])]
    pub(in crate::cli) with_python2: bool,
    /// The same as `--python`
    #[arg(long, hide = true)]
    pub(in crate::cli) with_python3: bool,
}
