//! A plain root file system as a base: one layer, and a config that says what was found in it.
//!
//! The tar goes into the image as it is. When it is compressed in a way that layers may be, its very bytes become the
//! layer; otherwise it is compressed here.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::resolve::{Base, Surroundings, learn};
use super::{BaseError, JavaOverride, facts};
use crate::archive::{self, Archive, Options, Policy, Question, Setup};
use crate::error::IoResultExt as _;
use crate::fs::RangeReader;
use crate::layer::{CREATED, Compression, Compressor, RECIPE_VERSION};
use crate::memory;
use crate::oci::canonical;
use crate::oci::{
    BlobSource, Config, Descriptor, DiffId, Digest, HashingReader, HashingWriter, Layer,
    LayerCompression, LazyFile, MediaType, Platform,
};

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
    let (descriptor, source) = match root.compression {
        archive::Compression::Gzip => ready(LayerCompression::Gzip),
        archive::Compression::Zstd => ready(LayerCompression::Zstd),
        _ => compress(path, &root, &tar, surroundings)?,
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
    let facts = learn(&name, &config, &mut layers, java, surroundings)?;
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
        config,
        layers,
        digest: None,
        facts,
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

/// Compresses the tar into the store, unless it is there from an earlier build.
fn compress(
    path: &Path,
    root: &Root,
    tar: &LazyFile,
    surroundings: &Surroundings<'_>,
) -> Result<(Descriptor, BlobSource), BaseError> {
    const KIND: &str = "rootfs";
    let store = surroundings.store;
    // Whatever decides the bytes is part of the key.
    let key = Digest::of(&canonical(&(
        RECIPE_VERSION,
        Compression::COMPACT,
        root.diff_id,
    )));
    if let Some(descriptor) = memory::recall::<Descriptor>(store, KIND, key)
        && let Some(source) = store.verified_blob(&descriptor, surroundings.reporter)
    {
        return Ok((descriptor, source));
    }
    let progress = surroundings
        .reporter
        .start("Compressing the base", Some(root.tar_size));
    let folder = store.temporary();
    let blob = HashingWriter::new(store.writer()?);
    let mut compressor =
        Compressor::new(blob, Compression::COMPACT, surroundings.threads).at("write", &folder)?;
    let file = tar.file().at("read", path)?;
    let mut reader = HashingReader::new(RangeReader::new(file, 0, root.tar_size));
    let mut piece = vec![0; 1 << 17];
    loop {
        let read = io::Read::read(&mut reader, &mut piece).at("read", path)?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut compressor, &piece[..read]).at("write", &folder)?;
        progress.advance(read as u64);
    }
    // What is remembered of a file is believed only as far as its bytes agree.
    if reader.finish().at("read", path)?.0 != root.diff_id.0 {
        let message = "it changed while the image was being built";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message))
            .at("read", path)
            .map_err(Into::into);
    }
    let (blob, digest, size) = compressor.finish().at("write", &folder)?.finish();
    let source = store.commit(blob, digest)?;
    let descriptor = Descriptor::new(MediaType::Layer(LayerCompression::Gzip), digest, size);
    memory::remember(store, KIND, key, &descriptor);
    progress.finish("done");
    Ok((descriptor, source))
}
