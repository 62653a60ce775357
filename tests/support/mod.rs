//! What the integration tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "each test binary uses a part of this, and a helper that fails should stop its test"
)]

pub mod alpine;
pub mod context;
pub mod cutting_proxy;
pub mod docker_registry;
pub mod downloads;
pub mod files;
pub mod fixtures;
pub mod helm;
pub mod kube_play;
pub mod lines;
pub mod outputs;
pub mod parts;
pub mod platforms;
pub mod podman;
pub mod registry;
pub mod server;
pub mod token_server;
pub mod workshop;
pub mod zip;
