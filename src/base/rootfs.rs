//! A plain root file system as a base: one layer, and a config that says what was found in it.
//!
//! The tar goes into the image as it is. When it is compressed in a way that layers may be, its very bytes become the
//! layer; otherwise it is compressed here.

use std::io;
use std::path::Path;

use super::resolve::{Base, Surroundings, learn};
use super::{BaseError, JavaOverride, facts};
use crate::archive::{self, Archive, Options, Policy};
use crate::error::IoResultExt as _;
use crate::layer::{CREATED, Compression, Compressor, RECIPE_VERSION};
use crate::memory;
use crate::oci::canonical;
use crate::oci::{
    BlobSource, Config, Descriptor, Digest, HashingWriter, Layer, LayerCompression, MediaType,
    Platform,
};

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
    let archive = Archive::open(path, &surroundings.store.temporary(), &options)?;
    // In a layer such a name removes a file of the layers below, and of nothing here.
    let is_whiteout = |path: &&String| path.split('/').any(|part| part.starts_with(".wh."));
    if let Some(entry) = archive.members().keys().find(is_whiteout) {
        return Err(BaseError::Whiteout {
            path: path.to_owned(),
            entry: entry.clone(),
        });
    }
    let diff_id = archive.diff_id().expect("it was asked for");
    let digest = archive.digest().expect("it was asked for");
    let ready = |compression| {
        let media_type = MediaType::Layer(compression);
        let descriptor = Descriptor::new(media_type, digest, archive.stored_size());
        (descriptor, BlobSource::File(path.to_owned()))
    };
    let (descriptor, source) = match archive.compression() {
        archive::Compression::Gzip => ready(LayerCompression::Gzip),
        archive::Compression::Zstd => ready(LayerCompression::Zstd),
        _ => compress(&archive, diff_id.0, surroundings)?,
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

/// Compresses the tar into the store, unless it is there from an earlier build.
fn compress(
    archive: &Archive,
    tar: Digest,
    surroundings: &Surroundings<'_>,
) -> Result<(Descriptor, BlobSource), BaseError> {
    const KIND: &str = "rootfs";
    let store = surroundings.store;
    // Whatever decides the bytes is part of the key.
    let key = Digest::of(&canonical(&(RECIPE_VERSION, Compression::COMPACT, tar)));
    if let Some(descriptor) = memory::recall::<Descriptor>(store, KIND, key)
        && let Some(source) = store.verified_blob(&descriptor, surroundings.reporter)
    {
        return Ok((descriptor, source));
    }
    let progress = surroundings
        .reporter
        .start("Compressing the base", Some(archive.tar_size()));
    let folder = store.temporary();
    let blob = HashingWriter::new(store.writer()?);
    let mut compressor =
        Compressor::new(blob, Compression::COMPACT, surroundings.threads).at("write", &folder)?;
    let mut reader = archive.tar();
    let mut piece = vec![0; 1 << 17];
    loop {
        let read = io::Read::read(&mut reader, &mut piece).at("read", archive.path())?;
        if read == 0 {
            break;
        }
        io::Write::write_all(&mut compressor, &piece[..read]).at("write", &folder)?;
        progress.advance(read as u64);
    }
    let (blob, digest, size) = compressor.finish().at("write", &folder)?.finish();
    let source = store.commit(blob, digest)?;
    let descriptor = Descriptor::new(MediaType::Layer(LayerCompression::Gzip), digest, size);
    memory::remember(store, KIND, key, &descriptor);
    progress.finish("done");
    Ok((descriptor, source))
}
