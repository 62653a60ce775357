//! Words of `resolve`.

use std::path::PathBuf;

use clap::Args;

/// Turn the names of images in Kubernetes manifests, Helm values and other YAML into names with digests
#[derive(Debug, Args)]
pub(in crate::cli) struct ResolveArgs {
    /// A file; a folder, with all *.yaml, *.yml and *.json below it; or - for stdin. May be repeated
    #[arg(short = 'f', long = "file", required = true, value_name = "FILE|DIR|-")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Look for the images of this build, as `build --metadata-file` wrote it down; may be repeated [default: the images
    /// that `flink-img images` lists]
    #[arg(long = "metadata-file", value_name = "FILE")]
    pub(in crate::cli) metadata_files: Vec<PathBuf>,
    /// Also ask registries for all other images: under keys `image`, with a registry and a tag, or in parts
    /// (`repository`, `tag`)
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Change the files, instead of printing them
    #[arg(long)]
    pub(in crate::cli) in_place: bool,
    /// Fail if no image is found, instead of warning
    #[arg(long)]
    pub(in crate::cli) require_match: bool,
}
