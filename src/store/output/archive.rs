//! An image as a tar: an OCI layout, and on top of it what `docker load` reads.

use std::io::{self, Write};
use std::path::Path;

use ::tar::{EntryType, Header};
use serde_json::json;

use super::{OutputError, all_blobs, copy_blob, index_entries};
use crate::error::{FileError, IoResultExt as _};
use crate::fs::AtomicFile;
use crate::layer::{MODIFIED, tar};
use crate::oci::{Descriptor, Digest, Image, ImageSet, Index, Reference, canonical};
use crate::store::layout::{BLOBS, INDEX, MARKER, MARKER_TEXT};
use crate::store::local::NAME_ANNOTATION;

/// Writes `images` as a tar, and with `docker`, the one image of them, as one that Docker and podman load. It has no name
/// before it is committed.
pub(super) fn write(
    path: &Path,
    images: &ImageSet,
    names: &[Reference],
    docker: Option<&Image>,
) -> Result<AtomicFile, OutputError> {
    let mut file = io::BufWriter::new(AtomicFile::create(path)?);
    let mut archive = ArchiveWriter {
        output: &mut file,
        path,
    };
    archive.folder("blobs/")?;
    archive.folder("blobs/sha256/")?;
    for (digest, (descriptor, source)) in all_blobs(images) {
        archive.header(
            &format!("{BLOBS}/{}", digest.hex()),
            EntryType::Regular,
            descriptor.size,
        )?;
        copy_blob(&descriptor, &source, archive.output, path)?;
        archive.pad(descriptor.size)?;
    }
    let entries = index_entries(images, names);
    archive.file(INDEX, &Index::new(entries.clone()).to_bytes())?;
    if let Some(image) = docker {
        archive.file("manifest.json", &docker_manifest(image, entries))?;
    }
    archive.file(MARKER, MARKER_TEXT)?;
    archive.end()?;
    Ok(file
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .at("write", path)?)
}

/// `manifest.json` as `docker save` writes it and `docker load` reads it.
fn docker_manifest(image: &Image, entries: Vec<Descriptor>) -> Vec<u8> {
    let blob = |digest: Digest| format!("{BLOBS}/{}", digest.hex());
    let tags: Vec<_> = entries
        .into_iter()
        .filter_map(|mut descriptor| descriptor.annotations.remove(NAME_ANNOTATION))
        .collect();
    let layers: Vec<_> = image
        .layers
        .iter()
        .map(|layer| blob(layer.descriptor.digest))
        .collect();
    canonical(&json!([{
        "Config": blob(Digest::of(&image.config)),
        "Layers": layers,
        "RepoTags": tags,
    }]))
}

struct ArchiveWriter<'a, W> {
    output: &'a mut W,
    path: &'a Path,
}

impl<W: Write> ArchiveWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.output.write_all(bytes).at("write", self.path)
    }

    fn header(&mut self, name: &str, kind: EntryType, size: u64) -> Result<(), FileError> {
        let mut header = Header::new_gnu();
        header.set_path(name).at("write", self.path)?;
        header.set_entry_type(kind);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(size);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    fn pad(&mut self, size: u64) -> Result<(), FileError> {
        tar::pad(self.output, size).at("write", self.path)
    }

    fn folder(&mut self, name: &str) -> Result<(), FileError> {
        self.header(name, EntryType::Directory, 0)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.header(name, EntryType::Regular, bytes.len() as u64)?;
        self.write(bytes)?;
        self.pad(bytes.len() as u64)
    }

    fn end(&mut self) -> Result<(), FileError> {
        self.write(&[0; 1024])
    }
}
