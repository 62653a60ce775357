//! The program as its users see it: words in, exit code, stdout and stderr out, against registries and mirrors of the
//! tests' own. Nothing here reaches another machine.
//!
//! `cargo insta test --review` shows what changed; every line here is read by people, so read it as they do.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod auth;
mod bad_input;
mod base;
mod bases;
mod build;
mod compression;
mod config;
mod content;
mod help;
mod inspect;
mod known;
mod lock;
mod overlap;
mod packages;
mod platforms;
mod push;
mod rebuild;
mod release;
mod render;
mod resolve;
