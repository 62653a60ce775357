//! What the integration tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test binary uses a part of this, and a helper that fails should stop its test"
)]

pub mod docker_registry;
pub mod fixtures;
pub mod parts;
pub mod podman;
pub mod registry;
pub mod workshop;
