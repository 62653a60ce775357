//! The files of one layer. Its blob is read once as a stream, wherever it is, and held to its digest; only names are kept.

use std::io::{self, Read, Seek as _};
use std::path::Path;
use std::str::FromStr;

use tar::EntryType;
use tokio::io::AsyncWriteExt as _;

use super::{Found, InspectError, Origin};
use crate::archive::{ArchiveError, Excess, Limits, Trick};
use crate::base::{ImageFile, LayerEntry, LayerFault, OPAQUE, WHITEOUT, each_entry};
use crate::build::Context;
use crate::error::IoResultExt as _;
use crate::fs;
use crate::layer::Owner;
use crate::oci::{BlobSource, Layer, Reference};
use crate::store;

/// The length of a digest in hexadecimal digits.
const HEX_LENGTH: usize = 64;
/// As many decimal digits as the number of a layer has at most; what is longer is the beginning of a digest.
const NUMBER_LENGTH: usize = 3;

/// Which layer is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerChoice {
    /// The one with this number, from 1, the lowest.
    Number(usize),
    /// The one whose digest or diff id begins with these digits.
    Digest(String),
}

/// A text that names no layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the number of a layer, or the first digits of its digest")]
pub struct LayerChoiceError;

impl FromStr for LayerChoice {
    type Err = LayerChoiceError;

    fn from_str(text: &str) -> Result<Self, LayerChoiceError> {
        let digits = text.strip_prefix("sha256:");
        if digits.is_none()
            && text.len() <= NUMBER_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_digit())
        {
            return text.parse().map(Self::Number).map_err(|_| LayerChoiceError);
        }
        let digits = digits.unwrap_or(text).to_ascii_lowercase();
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits.is_empty() || digits.len() > HEX_LENGTH || !is_hex {
            return Err(LayerChoiceError);
        }
        Ok(Self::Digest(digits))
    }
}

impl LayerChoice {
    /// The place of the layer that is meant, from 0.
    fn find(&self, found: &Found) -> Result<usize, InspectError> {
        let layers = &found.image.layers;
        let missing = |asked: String| InspectError::NoSuchLayer {
            name: found.name.clone(),
            asked,
            count: layers.len(),
        };
        match self {
            Self::Number(number) => number
                .checked_sub(1)
                .filter(|place| *place < layers.len())
                .ok_or_else(|| missing(number.to_string())),
            Self::Digest(digits) => {
                let is_it = |layer: &Layer| {
                    [layer.descriptor.digest, layer.diff_id.0]
                        .iter()
                        .any(|digest| digest.hex().starts_with(digits))
                };
                let places: Vec<_> = (0..layers.len())
                    .filter(|place| is_it(&layers[*place]))
                    .collect();
                let Some(first) = places.first().copied() else {
                    return Err(missing(digits.clone()));
                };
                // The same layer may be there twice.
                let digest = layers[first].descriptor.digest;
                if places
                    .iter()
                    .any(|place| layers[*place].descriptor.digest != digest)
                {
                    let numbers = places.iter().map(|place| format!(" {}", place + 1));
                    return Err(InspectError::Ambiguous {
                        name: found.name.clone(),
                        asked: digits.clone(),
                        found: numbers.collect::<Vec<_>>().join(","),
                    });
                }
                Ok(first)
            }
        }
    }
}

/// What an entry of a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A device of characters.
    CharacterDevice,
    /// A device of blocks.
    BlockDevice,
    /// A named pipe.
    Pipe,
    /// Nothing: what lower layers have at this path is removed.
    Removal,
    /// Nothing: all that lower layers have in this folder is removed.
    Opaque,
    /// Something that tar programs do not agree on.
    Other,
}

/// An entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path, without `./` and slashes around it; `.` for the root.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its permission bits.
    pub mode: u32,
    /// Whose it is.
    pub owner: Owner,
    /// How many bytes it has.
    pub size: u64,
    /// Where a link leads, as it is written.
    pub target: Option<String>,
}

/// Lists the files of a layer, sorted by their paths; what is in a folder follows it. Tells the place of the layer too, from 0.
///
/// What is in a registry is fetched for that, and not kept. A layer that has what no honest one has is refused.
pub fn tree(
    found: &Found,
    choice: &LayerChoice,
    context: &Context,
) -> Result<(usize, Vec<TreeEntry>), InspectError> {
    let place = choice.find(found)?;
    let layer = &found.image.layers[place];
    let digest = layer.descriptor.digest;
    let media_type = &layer.descriptor.media_type;
    if media_type.layer_compression().is_none() {
        return Err(InspectError::LayerType {
            digest,
            media_type: media_type.clone(),
        });
    }
    let blob = open(found, layer, context)?;
    let mut listing = Listing::default();
    let read = each_entry(layer, blob, |entry| {
        let added = listing.add(&entry, &Limits::default());
        added.map_err(|what| {
            io::Error::other(match what {
                Wrong::Entry(trick) => ArchiveError::Refused {
                    path: digest.to_string().into(),
                    entry: shown(&entry.path),
                    trick,
                },
                Wrong::Excess(excess) => ArchiveError::TooMuch {
                    path: digest.to_string().into(),
                    excess,
                },
            })
        })
    });
    let name = found.name.clone();
    read.map_err(|fault| match fault {
        LayerFault::Digest => InspectError::LayerDigest { name, digest },
        LayerFault::DiffId => InspectError::DiffId { name, digest },
        LayerFault::Unreadable(error) => match error.downcast::<ArchiveError>() {
            Ok(error) => InspectError::Hostile(error),
            Err(source) => InspectError::Layer {
                name,
                digest,
                source,
            },
        },
    })?;
    Ok((place, listing.sorted()))
}

/// Opens the blob of a layer. Of all layers of an image in a folder, only this one has to be there.
fn open(
    found: &Found,
    layer: &Layer,
    context: &Context,
) -> Result<Box<dyn Read + Send>, InspectError> {
    let descriptor = &layer.descriptor;
    let in_folder = |folder: &Path| {
        let place = store::blob_in(folder, descriptor);
        place.map_err(|error| InspectError::of_layout(&found.name, error))
    };
    let source = match (&found.origin, &layer.source) {
        (Origin::Store(_), _) => in_folder(context.store.root())?,
        (Origin::File(ImageFile::Layout(folder, _)), _) => in_folder(folder)?,
        (_, BlobSource::Registry(reference)) => {
            match context.store.verified_blob(descriptor, &*context.reporter) {
                Some(kept) => kept,
                None => return fetch(reference, layer, context),
            }
        }
        (_, source) => source.clone(),
    };
    let opened = store::open(descriptor, &source)?;
    Ok(opened.expect("a layer that was found is on this machine, or in a registry"))
}

/// Brings a layer from a registry into a file without a name, so that a line that breaks is taken up again where it broke.
fn fetch(
    reference: &Reference,
    layer: &Layer,
    context: &Context,
) -> Result<Box<dyn Read + Send>, InspectError> {
    let folder = context.store.temporary();
    let mut file = fs::unnamed(&folder)?;
    let client = context
        .registries
        .as_ref()
        .expect("an image that is in a registry was found by a client");
    let written = file.try_clone().at("write", &folder)?;
    context.runtime.block_on(async {
        let mut sink = tokio::fs::File::from_std(written);
        client
            .pull_blob(reference, &layer.descriptor, &mut sink)
            .await?;
        let flushed = sink.flush().await;
        Ok::<_, InspectError>(flushed.at("write", &folder)?)
    })?;
    file.rewind().at("read", &folder)?;
    Ok(Box::new(file))
}

/// What is wrong with an entry.
#[derive(Debug)]
enum Wrong {
    Entry(Trick),
    Excess(Excess),
}

/// The entries so far.
#[derive(Debug, Default)]
struct Listing {
    entries: Vec<TreeEntry>,
    /// Bytes of all names and targets.
    names: usize,
}

impl Listing {
    fn add(&mut self, entry: &LayerEntry<'_>, limits: &Limits) -> Result<(), Wrong> {
        if self.entries.len() == limits.entries {
            return Err(Wrong::Excess(Excess::Entries(limits.entries)));
        }
        let path = normal(&entry.path, limits).map_err(Wrong::Entry)?;
        self.names += path.len() + entry.target.len();
        if self.names > limits.names {
            return Err(Wrong::Excess(Excess::Names(limits.names)));
        }
        let kind = match entry.kind {
            EntryType::Directory => EntryKind::Directory,
            // Version 7 wrote folders as files with a slash at the end.
            EntryType::Regular | EntryType::Continuous if entry.path.ends_with('/') => {
                EntryKind::Directory
            }
            EntryType::Regular | EntryType::Continuous => EntryKind::File,
            EntryType::Symlink => EntryKind::Symlink,
            EntryType::Link => EntryKind::HardLink,
            EntryType::Char => EntryKind::CharacterDevice,
            EntryType::Block => EntryKind::BlockDevice,
            EntryType::Fifo => EntryKind::Pipe,
            _ => EntryKind::Other,
        };
        let (kind, path) = removal(&path).unwrap_or((kind, path));
        let is_link = matches!(kind, EntryKind::Symlink | EntryKind::HardLink);
        self.entries.push(TreeEntry {
            path,
            kind,
            mode: entry.mode,
            owner: entry.owner,
            size: entry.size,
            target: is_link.then(|| entry.target.clone()),
        });
        Ok(())
    }

    /// By the parts of the paths, so that `a/b` comes before `a-b`.
    fn sorted(self) -> Vec<TreeEntry> {
        let mut entries = self.entries;
        entries.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        entries
    }
}

/// What an entry removes, if its name says that it does (image-spec, `layer.md`).
fn removal(path: &str) -> Option<(EntryKind, String)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let join = |name: &str| match (folder, name) {
        ("", "") => ".".to_owned(),
        (folder, "") => folder.to_owned(),
        ("", name) => name.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    };
    if name == OPAQUE {
        return Some((EntryKind::Opaque, join("")));
    }
    let name = name.strip_prefix(WHITEOUT)?;
    Some((EntryKind::Removal, join(name)))
}

/// The path without `.`, empty parts and slashes around it. One that begins with a slash is below the root as well: some
/// builders write them so, and all run times take them.
fn normal(path: &str, limits: &Limits) -> Result<String, Trick> {
    if path.contains('\0') {
        return Err(Trick::Nul);
    }
    if path.len() > limits.path {
        return Err(Trick::LongPath(limits.path));
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Trick::ParentPath),
            part => parts.push(part),
        }
    }
    Ok(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

/// The path of a refused entry, as far as it can be printed.
fn shown(path: &str) -> String {
    path.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(paths: &[&str], limits: &Limits) -> Result<Vec<(String, EntryKind)>, Wrong> {
        let mut listing = Listing::default();
        for path in paths {
            let mut content = io::empty();
            let entry = LayerEntry::plain(path, &mut content);
            listing.add(&entry, limits)?;
        }
        let entries = listing.sorted().into_iter();
        Ok(entries.map(|entry| (entry.path, entry.kind)).collect())
    }

    #[test]
    fn paths_are_sorted_by_their_parts_and_removals_are_named() {
        let found = added(
            &[
                "a-b",
                "./a/b",
                "a/",
                "/opt/x",
                "a/.wh.gone",
                "a/c/.wh..wh..opq",
                ".wh..wh..opq",
                ".wh.etc",
                "./",
            ],
            &Limits::default(),
        )
        .unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(path, kind)| (path.as_str(), *kind))
            .collect();
        assert_eq!(
            found,
            [
                (".", EntryKind::Opaque),
                (".", EntryKind::Directory),
                ("a", EntryKind::Directory),
                ("a/b", EntryKind::File),
                ("a/c", EntryKind::Opaque),
                ("a/gone", EntryKind::Removal),
                ("a-b", EntryKind::File),
                ("etc", EntryKind::Removal),
                ("opt/x", EntryKind::File),
            ]
        );
    }

    #[test]
    fn what_no_honest_layer_has_is_refused() {
        let small = Limits {
            entries: 2,
            names: 20,
            path: 15,
            ..Limits::default()
        };
        for (paths, expected) in [
            (&["a/../../x"][..], "whose path has a `..`"),
            (&["a\0b"], "whose name has a NUL byte"),
            (&["0123456789abcdef"], "whose path is longer than 15 bytes"),
            (&["a", "b", "c"], "has more than 2 entries"),
            (
                &["0123456789a", "0123456789b"],
                "has more than 20 bytes of names and extended headers",
            ),
        ] {
            let said = match added(paths, &small).unwrap_err() {
                Wrong::Entry(trick) => trick.to_string(),
                Wrong::Excess(excess) => excess.to_string(),
            };
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn a_layer_is_named_by_its_number_or_its_digest() {
        let digest = |digits: &str| Ok(LayerChoice::Digest(digits.to_owned()));
        for (text, expected) in [
            ("1", Ok(LayerChoice::Number(1))),
            ("042", Ok(LayerChoice::Number(42))),
            ("0421", digest("0421")),
            ("sha256:42", digest("42")),
            ("ABCdef", digest("abcdef")),
            ("", Err(LayerChoiceError)),
            ("sha256:", Err(LayerChoiceError)),
            ("-1", Err(LayerChoiceError)),
            ("job", Err(LayerChoiceError)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        assert!("0".repeat(65).parse::<LayerChoice>().is_err());
    }
}
