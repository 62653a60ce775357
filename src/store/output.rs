//! Images as files for others: an OCI layout in a folder, and the two archive formats.
//!
//! A `docker-archive` is written as today's `docker save` does: an OCI layout with a `manifest.json` on top, so that
//! old and new readers find the same blobs, and the digest survives. An archive appears under its name when it is whole;
//! a folder that is there already keeps its other images.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use oci_spec::image::ANNOTATION_REF_NAME;
use serde_json::json;
use tar::{EntryType, Header};
use tempfile::TempDir;

use super::blob;
use super::layout::{
    BLOBS, INDEX, LayoutError, MARKER, MARKER_TEXT, ensure_layout, read_index, write_index,
};
use super::local::NAME_ANNOTATION;
use crate::error::{Explain, FileError, IoResultExt as _, Kind};
use crate::fs::{self, AtomicFile};
use crate::layer::MODIFIED;
use crate::oci::{
    BlobSource, Descriptor, Digest, HashingReader, Image, Index, Reference, canonical,
};

/// A file or folder that an image is written to: `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// An OCI layout in a folder; an image of the same name in it is replaced.
    Layout(PathBuf),
    /// The same as a tar.
    OciArchive(PathBuf),
    /// A tar that `docker load` and `podman load` take.
    DockerArchive(PathBuf),
}

/// A text that names no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an output: expected `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`")]
pub struct OutputParseError(String);

/// An output could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder holds something else than a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The folder is there, and is neither empty nor a layout.
    #[error("`{}` is neither empty nor an OCI layout", .0.display())]
    Occupied(PathBuf),
    /// A blob is not what its descriptor says.
    #[error("A layer does not match its digest `{0}`")]
    Damaged(Digest),
}

impl Explain for OutputError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Occupied(_) => Kind::Input,
            Self::Damaged(_) => Kind::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Occupied(_) => Some("name a new or empty folder".to_owned()),
            Self::Damaged(_) => {
                Some("the local store is damaged; remove it and build again".to_owned())
            }
        }
    }
}

impl FromStr for Output {
    type Err = OutputParseError;

    fn from_str(text: &str) -> Result<Self, OutputParseError> {
        match text.split_once(':') {
            Some((_, "")) | None => Err(OutputParseError(text.to_owned())),
            Some(("oci", path)) => Ok(Self::Layout(path.into())),
            Some(("oci-archive", path)) => Ok(Self::OciArchive(path.into())),
            Some(("docker-archive", path)) => Ok(Self::DockerArchive(path.into())),
            Some(_) => Err(OutputParseError(text.to_owned())),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, path) = match self {
            Self::Layout(path) => ("oci", path),
            Self::OciArchive(path) => ("oci-archive", path),
            Self::DockerArchive(path) => ("docker-archive", path),
        };
        write!(f, "{kind}:{}", path.display())
    }
}

impl Output {
    /// Whether the output could be written, as far as that can be known before there is an image.
    pub fn check(&self) -> Result<(), OutputError> {
        let path = match self {
            Self::Layout(path) => {
                if let Ok(metadata) = fs::metadata(path) {
                    let layout = fs::metadata(&path.join(MARKER)).is_ok();
                    if !metadata.is_dir() || !layout && !fs::list(path)?.is_empty() {
                        return Err(OutputError::Occupied(path.clone()));
                    }
                    return Ok(());
                }
                path
            }
            Self::OciArchive(path) | Self::DockerArchive(path) => {
                fs::AtomicFile::check(path)?;
                path
            }
        };
        let folder = parent(path);
        // A missing folder is told as what it prevents.
        let metadata = fs::metadata(folder).map_err(|error| error.doing("create", path))?;
        if !metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory)).at("create", path)?;
        }
        Ok(())
    }

    /// Writes `image` under `names`, all but the last step. All layers must be on this machine.
    pub fn write(&self, image: &Image, names: &[Reference]) -> Result<Written, OutputError> {
        Ok(Written(match self {
            Self::Layout(path) => write_layout(path, image, names)?,
            Self::OciArchive(path) => LastStep::File(write_archive(path, image, names, false)?),
            Self::DockerArchive(path) => LastStep::File(write_archive(path, image, names, true)?),
        }))
    }
}

/// An output that is whole, and not yet to be seen under its name; dropped, it never will be.
#[derive(Debug)]
#[must_use]
pub struct Written(LastStep);

#[derive(Debug)]
enum LastStep {
    File(AtomicFile),
    /// A new layout, in a temporary folder, what it will be called, and the image's names.
    Folder(TempDir, PathBuf, Vec<Descriptor>),
    /// A layout that was there before lacks but the image's names.
    Index(PathBuf, Vec<Descriptor>),
}

impl Written {
    /// Shows the output under its name.
    pub fn commit(self) -> Result<(), OutputError> {
        match self.0 {
            LastStep::File(file) => Ok(file.commit()?),
            LastStep::Folder(growing, folder, entries) => show(&inside(&growing), &folder, entries),
            LastStep::Index(folder, entries) => add_to_index(&folder, entries),
        }
    }
}

/// A layout's place in the temporary folder that it grows in.
fn inside(growing: &TempDir) -> PathBuf {
    growing.path().join("layout")
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The image's entries in the index of a layout, one a name.
fn index_entries(image: &Image, names: &[Reference]) -> Vec<Descriptor> {
    names
        .iter()
        .map(|name| {
            let mut descriptor = image.descriptor();
            let tag = name.tag().unwrap_or("latest");
            let full = if name.tag().is_some() {
                name.to_string()
            } else {
                format!("{name}:{tag}")
            };
            descriptor.annotations = BTreeMap::from([
                (ANNOTATION_REF_NAME.to_owned(), tag.to_owned()),
                (NAME_ANNOTATION.to_owned(), full),
            ]);
            descriptor
        })
        .collect()
}

/// Manifest, config and layers, each digest once.
fn all_blobs(image: &Image) -> BTreeMap<Digest, (Descriptor, BlobSource)> {
    let manifest = (
        image.descriptor(),
        BlobSource::Bytes(image.manifest.clone().into()),
    );
    image
        .blobs()
        .chain([manifest])
        .map(|(descriptor, source)| (descriptor.digest, (descriptor, source)))
        .collect()
}

/// Copies a blob and checks it on the way.
fn copy_blob(
    descriptor: &Descriptor,
    source: &BlobSource,
    output: &mut impl Write,
    path: &Path,
) -> Result<(), OutputError> {
    let reader =
        blob::open(descriptor, source)?.expect("layers are fetched before they are written");
    let mut reader = HashingReader::new(reader.take(descriptor.size.saturating_add(1)));
    io::copy(&mut (&mut reader).take(descriptor.size), output).at("write", path)?;
    let found = reader.finish().at("read", path)?;
    if found != (descriptor.digest, descriptor.size) {
        return Err(OutputError::Damaged(descriptor.digest));
    }
    Ok(())
}

fn write_layout(
    folder: &Path,
    image: &Image,
    names: &[Reference],
) -> Result<LastStep, OutputError> {
    let entries = index_entries(image, names);
    if fs::metadata(&folder.join(MARKER)).is_ok() {
        fill_layout(folder, image)?;
        return Ok(LastStep::Index(folder.to_owned(), entries));
    }
    // A new layout grows under another name, so that a build that is killed leaves nothing that looks like one.
    let growing = tempfile::Builder::new()
        .prefix(".flink-img-")
        .tempdir_in(parent(folder))
        .at("create", folder)?;
    let inside = inside(&growing);
    fs::create_dir_all(&inside.join(BLOBS), None)?;
    ensure_layout(&inside)?;
    fill_layout(&inside, image)?;
    write_index(&inside, &Index::new(entries.clone()))?;
    Ok(LastStep::Folder(growing, folder.to_owned(), entries))
}

/// Gives a new layout its name. Where another build made one of that name in the meantime, it goes into that.
fn show(new: &Path, folder: &Path, entries: Vec<Descriptor>) -> Result<(), OutputError> {
    match fs::rename(new, folder) {
        Err(_) if fs::metadata(&folder.join(MARKER)).is_ok() => {
            for blob in fs::list(&new.join(BLOBS))? {
                let name = blob.file_name().expect("an entry of a folder has a name");
                fs::rename(&blob, &folder.join(BLOBS).join(name))?;
            }
            add_to_index(folder, entries)
        }
        result => Ok(result?),
    }
}

/// Names an image whose blobs are there; another of the same name loses it.
fn add_to_index(folder: &Path, entries: Vec<Descriptor>) -> Result<(), OutputError> {
    // Two builds may add to one layout; a file that every layout has stands for all of it.
    let marker = folder.join(MARKER);
    let lock = fs::open_lock(&marker)?;
    lock.lock().at("lock", &marker)?;
    let mut index = read_index(folder)?;
    index.manifests.retain(|old| {
        let name = |manifest: &Descriptor| manifest.annotations.get(ANNOTATION_REF_NAME).cloned();
        !entries.iter().any(|new| name(new) == name(old))
    });
    index.manifests.extend(entries);
    Ok(write_index(folder, &index)?)
}

fn fill_layout(folder: &Path, image: &Image) -> Result<(), OutputError> {
    for (digest, (descriptor, source)) in all_blobs(image) {
        let path = folder.join(BLOBS).join(digest.hex());
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == descriptor.size) {
            continue;
        }
        let mut file = AtomicFile::create(&path)?;
        copy_blob(&descriptor, &source, &mut file, &path)?;
        file.commit()?;
    }
    Ok(())
}

fn write_archive(
    path: &Path,
    image: &Image,
    names: &[Reference],
    docker: bool,
) -> Result<AtomicFile, OutputError> {
    let mut file = io::BufWriter::new(AtomicFile::create(path)?);
    let mut archive = ArchiveWriter {
        output: &mut file,
        path,
    };
    archive.folder("blobs/")?;
    archive.folder("blobs/sha256/")?;
    for (digest, (descriptor, source)) in all_blobs(image) {
        archive.header(
            &format!("{BLOBS}/{}", digest.hex()),
            EntryType::Regular,
            descriptor.size,
        )?;
        copy_blob(&descriptor, &source, archive.output, path)?;
        archive.pad(descriptor.size)?;
    }
    archive.file(INDEX, &Index::new(index_entries(image, names)).to_bytes())?;
    if docker {
        archive.file("manifest.json", &docker_manifest(image, names))?;
    }
    archive.file(MARKER, MARKER_TEXT)?;
    archive.end()?;
    let file = file
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .at("write", path)?;
    Ok(file)
}

/// `manifest.json` as `docker save` writes it and `docker load` reads it.
fn docker_manifest(image: &Image, names: &[Reference]) -> Vec<u8> {
    let blob = |digest: Digest| format!("{BLOBS}/{}", digest.hex());
    let tags: Vec<_> = index_entries(image, names)
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
        let rest = usize::try_from(size % 512).expect("below 512");
        self.write(&[0; 512][..(512 - rest) % 512])
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
