//! A blob as a repository is offered it, and its bytes in the form that the client sends.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::BuildError;
use super::last::LastImages;
use crate::error::IoResultExt as _;
use crate::fs;
use crate::oci::{
    BlobSource, Config, Descriptor, HashingReader, Image, ImageSet, MakeBlob, MediaType, Reference,
};
use crate::registry::BlobBody;

/// A blob that a repository should have.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) descriptor: Descriptor,
    pub(super) source: BlobSource,
    /// What people know it as.
    pub(super) label: String,
    /// Another image that has it.
    pub(super) also_in: Option<Reference>,
    /// Whether it was made just now, so that hardly any registry has it.
    pub(super) made: bool,
}

impl Offer {
    /// The bytes, as the client takes them.
    pub(super) fn body(&self, last: &LastImages<'_>) -> Result<BlobBody, BuildError> {
        let size = self.descriptor.size;
        Ok(match &self.source {
            BlobSource::Bytes(bytes) => BlobBody::Bytes(Arc::clone(bytes)),
            BlobSource::Checked(path) => BlobBody::File {
                file: Arc::new(fs::open(path)?),
                offset: 0,
                size,
            },
            BlobSource::File(path) => BlobBody::Made {
                blob: Arc::new(CheckedFile {
                    path: path.clone(),
                    descriptor: self.descriptor.clone(),
                }),
                size,
            },
            BlobSource::Range { file, name, offset } => BlobBody::File {
                file: file.file().at("read", name.as_ref().as_ref())?,
                offset: *offset,
                size,
            },
            BlobSource::Made(blob) => BlobBody::Made {
                blob: Arc::clone(blob),
                size,
            },
            BlobSource::Registry(repository) => BlobBody::Registry {
                client: last.client_for(repository),
                repository: repository.clone(),
                descriptor: Box::new(self.descriptor.clone()),
            },
        })
    }
}

/// The configs of all images, as registries are offered them.
pub(super) fn configs(images: &ImageSet) -> impl Iterator<Item = Offer> {
    let several = !images.members().is_empty();
    let offer = move |image: &Image| {
        let platform = Config::parse(&image.config).and_then(|config| config.platform());
        Offer {
            descriptor: Descriptor::of(MediaType::Config, &image.config),
            source: BlobSource::Bytes(image.config.clone().into()),
            label: match platform {
                Ok(platform) if several => format!("config ({})", platform.normalized()),
                _ => "config".to_owned(),
            },
            also_in: None,
            made: true,
        }
    };
    images.images().iter().map(offer)
}

/// A file that has lain on this machine for a while: its bytes are checked before the first of them is sent.
#[derive(Debug)]
struct CheckedFile {
    path: PathBuf,
    descriptor: Descriptor,
}

impl MakeBlob for CheckedFile {
    fn make(&self, output: &mut dyn Write) -> io::Result<()> {
        let open = || fs::open(&self.path).map_err(io::Error::other);
        let found = HashingReader::new(open()?).finish()?;
        if found != (self.descriptor.digest, self.descriptor.size) {
            return Err(io::Error::other(format!(
                "`{}` is damaged",
                self.path.display()
            )));
        }
        io::copy(&mut open()?, output).map(drop)
    }
}
