//! What Flink is: its versions and what they need, its distribution, and where things lie in an image.
//!
//! Knows nothing of registries. What it returns are [`crate::layer::Entry`] lists.

mod java;
pub mod lines;
mod version;

pub use java::{JavaVersion, JavaVersionError};
pub use lines::{Known, Line, LineError};
pub use version::{FlinkVersion, ScalaVersion, VersionError};
