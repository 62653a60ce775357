//! Builds container images for Apache Flink jobs without a daemon, without root and without running anything.

pub mod archive;
pub mod base;
pub mod build;
pub mod cli;
pub mod deploy;
pub mod error;
pub mod flink;
pub mod fs;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod inspect;
pub mod jar;
pub mod layer;
pub mod memory;
pub mod oci;
pub mod parallel;
pub mod preflight;
pub mod progress;
pub mod registry;
pub mod store;
pub mod yaml;
