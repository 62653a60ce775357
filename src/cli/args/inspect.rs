//! Words of `inspect`.

use clap::Args;

use super::value;
use crate::inspect::{LayerChoice, Subject};
use crate::oci::Platform;

/// Show what is in an image: Flink, Java, its base, its layers and how large they are
#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArgs {
    /// A name; oci:DIR, oci-archive:FILE or docker-archive:FILE, each with :NAME; or a path that begins with / or ./
    #[arg(value_name = "IMAGE", value_parser = value::<Subject>)]
    pub(in crate::cli) image: Subject,
    /// The image of an index for this platform [default: linux/amd64, else the only one]
    #[arg(long, value_name = "OS/ARCH")]
    pub(in crate::cli) platform: Option<Platform>,
    /// Ask the registry of the name, also when an image of that name was kept
    #[arg(long)]
    pub(in crate::cli) remote: bool,
    /// List the files of one layer, named by its number or the first digits of its digest
    #[arg(long, value_name = "LAYER")]
    pub(in crate::cli) tree: Option<LayerChoice>,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
