//! What an image stands on: where it comes from, what is in it, and the catalogue of known ones.
//!
//! Base layers and their history are never changed. What is learned about a base is learned by reading its layers as
//! streams; nothing is unpacked and nothing in it is run.

pub mod alpine;
mod archived;
mod catalogue;
mod docker_archive;
mod entries;
mod error;
mod facts;
mod image_file;
mod layer;
pub mod python;
mod resolve;
mod rootfs;
mod source;
mod tree;

pub use catalogue::{Catalogue, CatalogueEntry, CatalogueError, GCOMPAT, Libc};
pub use entries::LayerEntry;
pub use error::{BaseError, FetchError};
pub use facts::{BaseFacts, DEFAULT_PATH, Java, JavaOverride, UserFile, Users};
pub use image_file::ImageFile;
pub use layer::{LayerFault, each_entry, is_bomb};
pub use resolve::{Base, BaseDigests, Fetch, ImageDocuments, OpenedBase, Surroundings, open};
pub use source::{BaseSource, BaseSourceError};
pub use tree::{OPAQUE, WHITEOUT};
