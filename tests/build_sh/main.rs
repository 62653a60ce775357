//! The program under the name of Flink's historic script: every form, every error and every address of the three generations
//! of it (A of 1.6.0 to 1.8.0, B of 1.8.1 to 1.8.3, C of 1.9 and 1.10), and the Hadoop that came with them.
//!
//! Releases are miniatures on a mirror of the tests' own, and so is the Maven repository.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod errors;
mod forms;
mod hadoop;
mod refused;
mod scene;
