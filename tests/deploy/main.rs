//! What is rendered for a cluster, from one configuration.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these are tests, on files of their own"
)]

#[path = "../support/mod.rs"]
#[cfg(feature = "real-parts")]
mod support;

#[cfg(feature = "real-parts")]
mod alike;
mod config;
mod crds;
mod golden;
#[cfg(feature = "real-parts")]
mod helm;
#[cfg(feature = "real-parts")]
mod helm_refuses;
#[cfg(feature = "real-parts")]
mod kustomize;
mod operator;
mod scene;
#[cfg(feature = "real-parts")]
mod valid;
mod words;
#[cfg(feature = "real-parts")]
mod yaml;
