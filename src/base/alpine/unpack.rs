//! A package, checked from its signature down to each file, and its files in a spool that nobody else can reach.
//!
//! What is not signed by a trusted key is not looked at further; nothing of a package is used before all of it was found
//! right. Every file of every package lies in one file without a name, so that memory does not grow with the packages.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AlpineError;
use super::checksum::{Checksum, Sha1};
use super::error::on_one_line;
use super::package::Package;
use super::pkginfo::PackageInfo;
use super::scripts::Script;
use super::segments::{Data, Head, invalid};
use super::signature::Keys;
use crate::archive::Limits;
use crate::base::entries::{LayerEntry, each_entry};
use crate::base::facts;
use crate::base::tree::{HEAD, Keep, TEXT_LIMIT, TEXTS_LIMIT};
use crate::error::IoResultExt as _;
use crate::fs;
use crate::layer::{Content, ContentSource, ImagePath, Owner};
use crate::oci::{LazyFile, Sha256};

/// Longest `.PKGINFO` or script.
const CONTROL_LIMIT: u64 = 8 << 20;

/// How much more than it says a package may have: what it says counts blocks here, and bytes there.
const SIZE_FACTOR: u64 = 2;
const SIZE_MARGIN: u64 = 16 << 20;

/// Scripts and their bytes.
type Scripts = Vec<(Script, Vec<u8>)>;

/// A package that was found right.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) info: PackageInfo,
    pub(super) scripts: Scripts,
    pub(super) items: Vec<Item>,
}

/// A file, folder or link of a package.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) path: ImagePath,
    pub(super) kind: ItemKind,
    pub(super) mode: u32,
    pub(super) owner: Owner,
}

#[derive(Debug, Clone)]
pub(super) enum ItemKind {
    Folder,
    File {
        content: Content,
        checksum: Checksum,
        /// The same for all names of one file.
        group: usize,
        /// What is kept of it for the facts about the image.
        kept: Option<Vec<u8>>,
    },
    Link {
        target: String,
        checksum: Checksum,
    },
}

/// Where files of packages go: a file without a name.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    writer: BufWriter<File>,
    length: u64,
    lazy: Arc<LazyFile>,
    groups: usize,
    /// How many bytes of files may still be kept.
    left: u64,
}

impl Spool {
    pub(super) fn new(folder: &Path) -> Result<Self, AlpineError> {
        let file = fs::unnamed(folder)?;
        let writer = BufWriter::new(file.try_clone().at("write", folder)?);
        Ok(Self {
            folder: folder.to_owned(),
            writer,
            length: 0,
            lazy: Arc::new(LazyFile::private(file)),
            groups: 0,
            left: TEXTS_LIMIT as u64,
        })
    }

    /// Writes what is still in memory; to be called before anything is read.
    pub(super) fn finish(mut self) -> Result<(), AlpineError> {
        Ok(self.writer.flush().at("write", &self.folder)?)
    }

    /// Whether so many bytes more can be kept.
    fn spare(&mut self, bytes: u64) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Takes the bytes of a file: its content, its checksum, and what is kept of it.
    fn take(&mut self, name: Arc<str>, entry: &mut LayerEntry<'_>) -> io::Result<ItemKind> {
        let keep = match facts::keep(&entry.path) {
            Keep::Text if entry.size <= TEXT_LIMIT => Some(entry.size),
            Keep::Head => Some(entry.size.min(HEAD)),
            _ => None,
        };
        let keep = keep.filter(|bytes| self.spare(*bytes));
        let (mut sha256, mut sha1) = (Sha256::default(), Sha1::default());
        let mut kept = keep.map(|_| Vec::new());
        let mut piece = vec![0; 64 << 10];
        let offset = self.length;
        loop {
            let read = entry.content.read(&mut piece)?;
            if read == 0 {
                break;
            }
            let bytes = &piece[..read];
            sha256.update(bytes);
            sha1.update(bytes);
            if let (Some(kept), Some(limit)) = (&mut kept, keep) {
                let left = usize::try_from(limit).unwrap_or(usize::MAX) - kept.len();
                kept.extend_from_slice(&bytes[..read.min(left)]);
            }
            self.writer
                .write_all(bytes)
                .at("write", &self.folder)
                .map_err(io::Error::other)?;
            self.length += read as u64;
        }
        let group = self.groups;
        self.groups += 1;
        Ok(ItemKind::File {
            content: Content {
                digest: sha256.finish(),
                size: self.length - offset,
                source: ContentSource::Range {
                    file: Arc::clone(&self.lazy),
                    name,
                    offset,
                },
            },
            checksum: sha1.finish(),
            group,
            kept,
        })
    }
}

/// What went wrong inside a reader of entries, whose own errors are those of reading.
type Failure = Option<AlpineError>;

/// Reads a package to its end, and checks all of it.
pub(super) fn unpack(
    package: &Package,
    mut input: impl BufRead,
    keys: &Keys,
    spool: &mut Spool,
) -> Result<Unpacked, AlpineError> {
    let label = package.label();
    let what = format!("The package `{label}`");
    let unreadable = |source: io::Error| match source.downcast() {
        // The spool could not be written.
        Ok(error) => AlpineError::File(error),
        Err(source) => AlpineError::Unreadable {
            what: what.clone(),
            source: on_one_line(source),
        },
    };
    let mismatch = |of, says| AlpineError::Mismatch {
        package: label.clone(),
        of,
        says,
    };
    let head = Head::read(&mut input).map_err(unreadable)?;
    if package.checksum != package.checksum.same_kind_of(&head.stored) {
        return Err(mismatch("checksum", "the index says"));
    }
    keys.verify(&what, &head.signatures, &head.stored)?;
    let (info, scripts) = control(&what, &head.unpacked)?;
    if (&info.name, &info.version) != (&package.name, &package.version) {
        return Err(mismatch("name and version", "the index says"));
    }
    let mut reader = Reader {
        package: &label,
        spool,
        items: Vec::new(),
        files: BTreeMap::new(),
        left: (info.installed_size.saturating_mul(SIZE_FACTOR)).saturating_add(SIZE_MARGIN),
        failure: None,
    };
    let mut data = Data::new(input);
    let read = each_entry(&mut data, |entry| reader.add(entry));
    if let Some(failure) = reader.failure {
        return Err(failure);
    }
    let items = reader.items;
    let digest = read.and_then(|()| data.finish()).map_err(unreadable)?;
    if digest != info.data_hash {
        return Err(mismatch("checksum of its files", "it says itself"));
    }
    Ok(Unpacked {
        info,
        scripts,
        items,
    })
}

/// What a package says of itself, and its scripts.
fn control(what: &str, unpacked: &[u8]) -> Result<(PackageInfo, Scripts), AlpineError> {
    let unreadable = |source| AlpineError::Unreadable {
        what: what.to_owned(),
        source,
    };
    let mut info = None;
    let mut scripts = Vec::new();
    each_entry(unpacked, |entry| {
        let script = Script::of_file(&entry.path);
        if script.is_none() && entry.path != ".PKGINFO" {
            return Ok(());
        }
        let mut bytes = Vec::new();
        entry.content.take(CONTROL_LIMIT).read_to_end(&mut bytes)?;
        if let Some(script) = script {
            scripts.push((script, bytes));
        } else {
            let text = String::from_utf8(bytes);
            info = Some(text.map_err(|_| invalid("its `.PKGINFO` is not UTF-8"))?);
        }
        Ok(())
    })
    .map_err(unreadable)?;
    let info = info.ok_or_else(|| unreadable(invalid("there is no `.PKGINFO` in it")))?;
    let info = PackageInfo::parse(&info).map_err(|source| AlpineError::Record {
        what: what.to_owned(),
        source,
    })?;
    Ok((info, scripts))
}

/// Takes down the entries of the data segment.
struct Reader<'a> {
    package: &'a str,
    spool: &'a mut Spool,
    items: Vec<Item>,
    /// The places of all files, by path.
    files: BTreeMap<String, usize>,
    /// How many bytes of files it may still have.
    left: u64,
    failure: Failure,
}

impl Reader<'_> {
    /// Takes an entry; one that is refused ends the reading, and the reason is kept.
    fn add(&mut self, mut entry: LayerEntry<'_>) -> io::Result<()> {
        // Besides those of control there are none of these, and apk passes over them.
        if entry.path.starts_with('.') && !entry.path.starts_with("./") {
            return Ok(());
        }
        match self.read(&mut entry) {
            Ok(Ok(item)) => {
                self.items.extend(item);
                Ok(())
            }
            Ok(Err(failure)) => {
                self.failure = Some(failure);
                Err(invalid("it is refused"))
            }
            Err(error) => Err(error),
        }
    }

    fn read(
        &mut self,
        entry: &mut LayerEntry<'_>,
    ) -> io::Result<Result<Option<Item>, AlpineError>> {
        let path = entry.path.clone();
        let refuse = |reason| {
            Ok(Err(AlpineError::Refused {
                package: self.package.to_owned(),
                path: path.escape_debug().to_string(),
                reason,
            }))
        };
        if path.starts_with('/') {
            return refuse("whose path is absolute");
        }
        // A line of the database would end there.
        if path.chars().any(char::is_control) {
            return refuse("whose name has a control character");
        }
        if path.split('/').any(|part| part.starts_with(".wh.")) {
            return refuse("whose name means a removal in an image");
        }
        if entry.note.has_attributes {
            return refuse("which has extended attributes, and layers are made without them");
        }
        if self.items.len() >= Limits::default().entries {
            return refuse("after more than 500000 others");
        }
        let is_root = matches!(path.trim_end_matches('/'), "" | ".");
        if is_root && entry.kind.is_dir() {
            return Ok(Ok(None));
        }
        let path = match ImagePath::new(&path) {
            Ok(path) => path,
            Err(source) => {
                return Ok(Err(AlpineError::Path {
                    package: self.package.to_owned(),
                    source,
                }));
            }
        };
        // Git keeps no empty folder, so some packages have such a file in one; apk leaves it out.
        if path.file_name().starts_with(".keep_") && !entry.kind.is_dir() {
            return Ok(Ok(None));
        }
        let mut item = Item {
            path,
            kind: ItemKind::Folder,
            mode: entry.mode,
            owner: entry.owner,
        };
        let key = item.path.as_str().to_owned();
        if entry.kind.is_file() || entry.kind.is_contiguous() {
            let Some(left) = self.left.checked_sub(entry.size) else {
                return refuse("with which it has far more bytes than it says");
            };
            self.left = left;
            let name = format!("{}:{key}", self.package);
            item.kind = self.spool.take(name.into(), entry)?;
            self.files.insert(key.clone(), self.items.len());
        } else if entry.kind.is_symlink() {
            if entry.target.is_empty() {
                return refuse("a link to nothing");
            }
            item.kind = ItemKind::Link {
                checksum: Checksum::sha1_of(entry.target.as_bytes()),
                target: entry.target.clone(),
            };
        } else if entry.kind.is_hard_link() {
            let target = ImagePath::new(&entry.target).ok();
            let place = target.and_then(|target| self.files.get(target.as_str()).copied());
            let Some(place) = place else {
                return refuse("a hard link to what is no file before it in the package");
            };
            let file = &self.items[place];
            (item.mode, item.owner) = (file.mode, file.owner);
            item.kind = file.kind.clone();
            // What is kept goes by the path, and counts for each.
            if let ItemKind::File { kept, .. } = &mut item.kind {
                let is_wanted = facts::keep(&key) != Keep::Nothing;
                let spool = &mut *self.spool;
                *kept = kept
                    .take()
                    .filter(|bytes| is_wanted && spool.spare(bytes.len() as u64));
            }
            self.files.insert(key.clone(), self.items.len());
        } else if !entry.kind.is_dir() {
            return refuse("which is a device or a pipe");
        }
        if !has_checksum(&item.kind, entry.note.sha1.as_deref()) {
            return Ok(Err(AlpineError::FileChecksum {
                package: self.package.to_owned(),
                path: key,
            }));
        }
        Ok(Ok(Some(item)))
    }
}

/// Whether a file or link has the checksum of its header, if there is one.
fn has_checksum(kind: &ItemKind, expected: Option<&str>) -> bool {
    let (Some(expected), ItemKind::File { checksum, .. } | ItemKind::Link { checksum, .. }) =
        (expected, kind)
    else {
        return true;
    };
    expected.eq_ignore_ascii_case(&checksum.hex())
}
