//! An image as sources hand it out and sinks take it: manifest, config, and layers that know where their bytes are.

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Config, Descriptor, DiffId, Digest, LazyFile, Manifest, MediaType, Reference};

/// An image whose manifest and config are known to the byte, and whose layers can be fetched.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest, as it is sent and stored.
    pub manifest: Vec<u8>,
    /// The config, as it is sent and stored.
    pub config: Vec<u8>,
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
}

/// A layer: what it is, and where its bytes are.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Type, digest and size of the blob.
    pub descriptor: Descriptor,
    /// Digest of the tar inside.
    pub diff_id: DiffId,
    /// Where the bytes are.
    pub source: BlobSource,
}

/// Where the bytes of a blob are.
#[derive(Debug, Clone)]
pub enum BlobSource {
    /// In memory.
    Bytes(Arc<[u8]>),
    /// A file of its own; what is in it has to be seen.
    File(PathBuf),
    /// A file of this program's own, whose bytes were hashed in this run, when it was written or since.
    Checked(PathBuf),
    /// A part of a file (an uncompressed archive), from `offset`.
    Range {
        /// The file.
        file: Arc<LazyFile>,
        /// What the file is called in messages.
        name: Arc<str>,
        /// Where the bytes start.
        offset: u64,
    },
    /// A repository of a registry.
    Registry(Reference),
    /// Nowhere as yet: the bytes are made for whoever wants them.
    Made(Arc<dyn MakeBlob>),
}

/// Makes the bytes of a blob, the same each time, so that they need not be kept.
pub trait MakeBlob: Debug + Send + Sync {
    /// Writes the whole blob to `output`, in one pass and in constant memory. An error of `output` comes back as it is.
    fn make(&self, output: &mut dyn Write) -> io::Result<()>;
}

impl Image {
    /// Puts manifest and config around `layers`; `annotations` go into the manifest.
    pub fn new(config: &Config, layers: Vec<Layer>, annotations: &[(&str, String)]) -> Self {
        let config = config.to_bytes();
        let descriptors = layers
            .iter()
            .map(|layer| layer.descriptor.clone())
            .collect();
        let mut manifest = Manifest::new(Descriptor::of(MediaType::Config, &config), descriptors);
        for (key, value) in annotations {
            manifest
                .annotations
                .insert((*key).to_owned(), value.clone());
        }
        Self {
            manifest: manifest.to_bytes(),
            config,
            layers,
        }
    }

    /// The digest of the manifest: what an image is pinned by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// The manifest's descriptor, as an index lists it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(MediaType::Manifest, &self.manifest)
    }
}
