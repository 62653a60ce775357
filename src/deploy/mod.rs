//! From an image to a cluster: what runs on Kubernetes, from one `config.yaml`.
//!
//! `config` reads that file, which is also the values file of the chart in `charts/flink`; `image` is what an image says of
//! itself; both become a [`Deployment`]. From it `objects` makes plain manifests, `operator` a FlinkDeployment, and `chart` the
//! chart with its values; `output` puts them into a folder. `resolve` puts digests into files that others wrote. Nothing here
//! talks to a cluster or a registry.

mod chart;
mod config;
mod deployment;
mod edit;
mod error;
mod image;
mod json;
mod objects;
mod operator;
mod options;
mod output;
mod resolve;
mod revision;
mod values;
mod write;

pub use chart::chart;
pub use config::Config;
pub use deployment::Deployment;
pub use error::DeployError;
pub use image::ImageFacts;
pub use objects::objects;
pub use operator::flink_deployment;
pub use output::{FolderError, FolderForm, RenderedFile, check_folder, object_files, write_folder};
pub use resolve::{Answers, Built, Change, ImageText, Pinned, Place, ResolveError};
pub use values::{FlinkType, Values};
pub use write::to_yaml;
