//! What is kept on this machine: a content-addressed store, and images as folders and archives.
//!
//! The store is an OCI layout (image-spec, `image-layout.md`) with a few folders beside it. Nothing in it is needed to
//! get the right image; everything in it can be made again.

mod assemble;
mod blob;
mod contents;
mod error;
mod facts;
mod layout;
mod local;
mod output;
mod prune;
mod sharing;
mod verify;

pub(crate) use assemble::assemble;
pub use blob::open;
pub use contents::{Amount, Holding, Item};
pub use error::StoreError;
pub use layout::{FoundImage, Layout, LayoutError, Listing, blob_in};
pub use local::{NamedImage, Store};
pub use output::{Output, OutputError, OutputParseError, Written, replaced};
pub use prune::{Pruned, Pruning};
pub use verify::{Finding, Trouble, Verified};
