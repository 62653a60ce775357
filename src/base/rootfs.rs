//! A plain root file system as a base: one layer, and a config that says what was found in it.
//!
//! The tar goes into the image as it is. When it is compressed in a way that layers may be, its very bytes become the
//! layer; otherwise it is compressed here.

use std::io::{self, Read as _, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::resolve::{Base, Surroundings, learn};
use super::{BaseError, JavaOverride, facts};
use crate::archive::{self, Archive, Options, Policy, Question, Setup};
use crate::error::IoResultExt as _;
use crate::fs::RangeReader;
use crate::layer::{CREATED, Compression, Compressor, RECIPE_VERSION};
use crate::memory;
use crate::oci::{
    BlobSource, Config, Descriptor, DiffId, Digest, HashingReader, HashingWriter, Layer,
    LayerCompression, LazyFile, MakeBlob, MediaType, Platform, canonical,
};
use crate::progress::{Progress, Reporter as _, Silent};

/// What is remembered of root file systems; the number is raised when other things are learnt.
const QUESTION: Question<'_> = Question {
    kind: "rootfs-archive",
    rules: "1",
};

/// What is remembered of a root file system.
#[derive(Debug, Serialize, Deserialize)]
struct Root {
    compression: archive::Compression,
    digest: Digest,
    diff_id: DiffId,
    tar_size: u64,
    stored_size: u64,
}

/// Opens the root file system at `path` as a base for `platform`.
pub(super) fn open(
    path: &Path,
    platform: &Platform,
    java: &JavaOverride,
    surroundings: &Surroundings<'_>,
) -> Result<Base, BaseError> {
    let options = Options {
        policy: Policy::RootFileSystem,
        hash_archive: true,
        ..Options::default()
    };
    let setup = Setup {
        spool: &surroundings.store.temporary(),
        options: &options,
        memory: surroundings.store,
    };
    let (root, tar) = archive::ask(path, &setup, &QUESTION, look)?;
    let diff_id = root.diff_id;
    let ready = |compression| {
        let media_type = MediaType::Layer(compression);
        let descriptor = Descriptor::new(media_type, root.digest, root.stored_size);
        (descriptor, BlobSource::File(path.to_owned()))
    };
    let mut remake: Option<Arc<dyn MakeBlob>> = None;
    let (descriptor, source) = match root.compression {
        archive::Compression::Gzip => ready(LayerCompression::Gzip),
        archive::Compression::Zstd => ready(LayerCompression::Zstd),
        _ => {
            let tar = Tar {
                path: path.to_owned(),
                bytes: tar,
                diff_id,
                size: root.tar_size,
                compression: surroundings.compression,
                threads: surroundings.threads,
            };
            let layer = tar.layer(surroundings)?;
            remake = Some(Arc::new(tar));
            layer
        }
    };
    let mut config = Config::empty(platform);
    config.set_env("PATH", facts::DEFAULT_PATH);
    config.push_layer(diff_id, CREATED, "root file system");
    let mut layers = vec![Layer {
        descriptor,
        diff_id,
        source,
    }];
    let name = format!("rootfs:{}", path.display());
    let (facts_key, facts) = learn(&name, &config, &mut layers, java, surroundings)?;
    // A root file system has no config that says what it is for; its programs do.
    if let Some(found) = &facts.architecture
        && *found != platform.architecture
    {
        return Err(BaseError::Platform {
            base: name,
            found: Box::new(Platform {
                architecture: found.clone(),
                variant: None,
                ..platform.clone()
            }),
            wanted: Box::new(platform.clone()),
        });
    }
    Ok(Base {
        platform: platform.clone(),
        config,
        layers,
        digests: None,
        facts,
        facts_key,
        remake,
    })
}

/// Takes down what matters of the archive, and refuses what a layer cannot have.
fn look(archive: &Archive) -> Result<Root, BaseError> {
    // In a layer such a name removes a file of the layers below, and of nothing here.
    let is_whiteout = |path: &&String| path.split('/').any(|part| part.starts_with(".wh."));
    if let Some(entry) = archive.members().keys().find(is_whiteout) {
        return Err(BaseError::Whiteout {
            path: archive.path().to_owned(),
            entry: entry.clone(),
        });
    }
    Ok(Root {
        compression: archive.compression(),
        digest: archive.digest().expect("it was asked for"),
        diff_id: archive.diff_id().expect("it was asked for"),
        tar_size: archive.tar_size(),
        stored_size: archive.stored_size(),
    })
}

/// The tar of a root file system on its way to become a layer.
#[derive(Debug, Clone)]
struct Tar {
    path: PathBuf,
    bytes: Arc<LazyFile>,
    diff_id: DiffId,
    size: u64,
    compression: Compression,
    threads: NonZeroUsize,
}

impl Tar {
    /// Compresses the tar into `output`, and checks that it is still the one that was looked at.
    fn compress<W: Write>(&self, output: W, progress: &dyn Progress) -> io::Result<W> {
        let mut compressor = Compressor::new(output, self.compression, self.threads)?;
        let mut reader = HashingReader::new(RangeReader::new(self.bytes.file()?, 0, self.size));
        let mut piece = vec![0; 1 << 17];
        loop {
            let read = reader.read(&mut piece)?;
            if read == 0 {
                break;
            }
            compressor.write_all(&piece[..read])?;
            progress.advance(read as u64);
        }
        // What is remembered of a file is believed only as far as its bytes agree.
        if reader.finish()?.0 != self.diff_id.0 {
            let message = format!(
                "`{}` changed while the image was being built",
                self.path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        compressor.finish()
    }

    /// The layer, compressed into the store unless it is there from an earlier build.
    fn layer(
        &self,
        surroundings: &Surroundings<'_>,
    ) -> Result<(Descriptor, BlobSource), BaseError> {
        const KIND: &str = "rootfs";
        let store = surroundings.store;
        // Whatever decides the bytes is part of the key.
        let key = Digest::of(&canonical(&(
            RECIPE_VERSION,
            self.compression,
            self.diff_id,
        )));
        if let Some(descriptor) = memory::recall::<Descriptor>(store, KIND, key)
            && let Some(source) = store.blob(&descriptor, surroundings.reporter)
        {
            return Ok((descriptor, source));
        }
        let progress = surroundings
            .reporter
            .start("Compressing the base", Some(self.size));
        let blob = HashingWriter::new(store.writer()?);
        let blob = self.compress(blob, &*progress).at("read", &self.path)?;
        let (blob, digest, size) = blob.finish();
        let source = store.commit(blob, digest)?;
        let descriptor = Descriptor::new(self.compression.media_type(), digest, size);
        memory::remember(store, KIND, key, &descriptor);
        progress.finish("done");
        Ok((descriptor, source))
    }
}

impl MakeBlob for Tar {
    fn make(&self, output: &mut dyn Write) -> io::Result<()> {
        let progress = Silent.start("", None);
        self.compress(output, &*progress).map(drop)
    }
}
