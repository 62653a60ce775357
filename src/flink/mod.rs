//! What Flink is: its versions and what they need, its distribution, and where things lie in an image.
//!
//! Knows nothing of registries. What it returns are [`crate::layer::Entry`] lists.

mod address;
mod config;
mod distribution;
pub mod hadoop;
mod java;
mod job;
mod layout;
pub mod lines;
pub mod release;
mod selection;
mod version;

pub use config::{
    ConfigError, Configured, Setting, Settings, Syntax, configure, is_sensitive, open_addresses,
};
pub use distribution::{
    Distribution, DistributionError, DistributionFile, DistributionKind, LISTING_RULES, is_jar,
};
pub use java::{JavaVersion, JavaVersionError};
pub use job::{Artifact, JobError, JobJar, JobLayout, JobPlaces, check_names};
pub use layout::{
    FlinkLayout, HOME, LAYOUT_VERSION, is_group_writable, layout_rules, real_home, repeated_home,
};
pub use lines::{Known, Line, LineError};
pub use selection::{Choice, Saved, Selection, SelectionError, plugin_name};
pub use version::{FlinkVersion, HadoopVariant, ScalaVersion, VERSION_LABEL, VersionError};
