//! What is kept on this machine: a content-addressed store, and images as folders and archives.
//!
//! The store is an OCI layout (image-spec, `image-layout.md`) with a few folders beside it. Nothing in it is needed to
//! get the right image; everything in it can be made again.

mod blob;
mod layout;
mod local;
mod output;

pub use blob::open;
pub use layout::{Layout, LayoutError};
pub(crate) use local::assemble;
pub use local::{NamedImage, Store, StoreError};
pub use output::{Output, OutputError, OutputParseError, Written, replaced};
