//! The distribution protocol: from an image's name to its bytes and back.
//!
//! Reads like the specification: [`Client`] is one session with any number of registries, `pull` and `push` are
//! its verbs (with `upload`, the sessions that a push goes through), `auth` answers challenges (with what `token` gets),
//! `credentials` knows what the user is logged in to, and `check` tries whether that is enough. What comes in is checked
//! against digest and size before anybody sees its end (`pull`); what goes out is opened anew for every try, because a body
//! that was sent cannot be sent again (`body`, and `pipe` for what is made or passed on while it is sent). `send` fills an
//! upload, as far as `abilities` knows in the form that the registry takes, `throttle` keeps the number of blobs under way
//! to what it bears, and `quirks` is the table of what single registries do in their own way. `mirrors` knows where else images are, and `route` leads pulls there; a push goes
//! nowhere but to the registry of the image's name.
//!
//! Three rules hold everywhere:
//!
//! - Credentials go to the host and port that they are for, and to the token service that this host names; never
//!   to where a redirect or an upload location leads, and never from `https` to `http`.
//! - `urls` of foreign layers are not followed.
//! - No document is trusted for its size: manifests end at 4 MiB, error and token bodies at 64 KiB, blobs at the
//!   size that their descriptor states.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use flink_img::http::HttpSettings;
//! use flink_img::oci::{Platform, Reference};
//! use flink_img::progress::Silent;
//! use flink_img::registry::{Client, CredentialStore};
//!
//! let client = Client::new(HttpSettings::default(), CredentialStore::default(), Arc::new(Silent))?;
//! let base: Reference = "eclipse-temurin:17-jre".parse()?;
//! let image = client.resolve(&base, &Platform::linux_amd64()).await?;
//! println!("{} layers", image.manifest.layers.len());
//! # Ok(())
//! # }
//! ```

mod abilities;
mod auth;
mod body;
mod challenge;
mod check;
mod client;
mod credentials;
mod endpoint;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod hint;
mod manifest;
mod mirror_error;
mod mirrors;
mod pipe;
mod probe;
mod pull;
mod pulse;
mod push;
mod quirks;
mod reason;
mod route;
mod send;
mod sink;
mod throttle;
mod token;
mod upload;

pub use body::BlobBody;
pub use check::{Challenged, Checked};
pub use client::{Access, Client};
pub use credentials::{
    CredentialError, CredentialStore, Credentials, HelperFailure, Origin, Secret, Trail,
};
pub use error::{Cause, Error, Task};
pub use mirror_error::MirrorError;
pub use mirrors::Mirrors;
pub use pull::{RawManifest, Resolved};
pub use push::{BlobOutcome, BlobPush, Presence};
pub use sink::BlobSink;
pub use upload::Upload;
