//! Releases that are signed, and that are not as they should be: keys and signatures are made with the `gpg` of Debian.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test; these are tests, on files of their own"
)]

#[path = "../support/mod.rs"]
mod support;

mod gnupg;
mod keys;
mod policy;
mod releases;
mod statements;
