//! The nouns of the image and distribution specifications.
//!
//! Every source of an image returns these, every sink takes them, and they meet nowhere else. Nothing here
//! opens a file or a connection; text comes in as `&str` or bytes, and goes out the same way.

mod config;
mod descriptor;
mod digest;
mod image;
mod image_set;
mod json;
mod lazy_file;
mod manifest;
mod media_type;
mod platform;
mod reference;

pub use config::{Config, ConfigError};
pub use descriptor::Descriptor;
pub(crate) use digest::hex;
pub use digest::{DiffId, Digest, DigestError, HashingReader, HashingWriter, Sha256};
pub use image::{BlobSource, Image, Layer, MakeBlob};
pub use image_set::ImageSet;
pub use json::canonical;
pub use lazy_file::LazyFile;
pub use manifest::{Document, Index, MANIFEST_LIMIT, Manifest, ManifestError};
pub use media_type::{LayerCompression, MediaType};
pub use platform::{Platform, PlatformError, Platforms};
pub use reference::{Reference, ReferenceError, Selector};
pub(crate) use reference::{host_address, is_loopback_host};
