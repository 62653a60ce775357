//! The distribution protocol: from an image's name to its bytes and back.
//!
//! Reads like the specification: [`Client`] is one session with any number of registries, `pull` and `push` are
//! its verbs (with `upload`, the sessions that a push goes through), `auth` answers challenges, `credentials` knows what
//! the user is logged in to. What comes in is checked against digest and size before anybody sees its end; what goes
//! out is opened anew for every try, because a body that was sent cannot be sent again (`body`, and `pipe` for what is
//! made or passed on while it is sent).
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

mod auth;
mod body;
mod challenge;
mod client;
mod credentials;
mod endpoint;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod pipe;
mod probe;
mod pull;
mod pulse;
mod push;
mod reason;
mod upload;

pub use body::BlobBody;
pub use client::{Access, Client};
pub use credentials::{CredentialError, CredentialStore, Credentials, Secret, Trail};
pub use error::{Cause, Error, Task};
pub use pull::{RawManifest, Resolved};
pub use push::{BlobOutcome, BlobPush, Presence};
pub use upload::Upload;
