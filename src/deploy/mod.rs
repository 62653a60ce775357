//! From an image to a cluster: what runs on Kubernetes, from one `config.yaml`.
//!
//! `config` reads that file, which is also the values file of the chart in `charts/flink`; `image` is what an image says of
//! itself; both become a [`Deployment`]. From it `objects` makes plain manifests, `operator` a FlinkDeployment, and `chart` the
//! chart with its values; `output` puts them into a folder. `resolve` puts digests into files that others wrote. Nothing here
//! talks to a cluster or a registry.

mod config;
mod deployment;
mod error;
mod image;
mod json;
mod objects;
mod operator;
mod options;
mod revision;
mod values;
mod write;

pub use config::Config;
pub use deployment::Deployment;
pub use error::DeployError;
pub use image::ImageFacts;
pub use objects::objects;
pub use operator::flink_deployment;
pub use values::{FlinkType, Values};
pub use write::to_yaml;
