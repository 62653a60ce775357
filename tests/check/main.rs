//! The checks as users meet them: `flink-img check`, and the same within a build.
//!
//! What is found when is in the tests of `src/preflight`; here are jars as files, the command line, and what a build does
//! with what is found. `real` needs the tools of a JDK and real distributions.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod build;
mod made;
mod normalized;
#[cfg(feature = "real-parts")]
mod real;
