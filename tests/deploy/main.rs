//! What is rendered for a cluster, from one configuration.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these are tests, on files of their own"
)]


mod config;
mod crds;
mod golden;
mod operator;
mod scene;
mod words;
