//! Files and folders of the user for places below `/opt`.
//!
//! A folder is walked sorted, and becomes what is in it. Of the modes only the exec bit counts, and every owner is Flink's
//! user, as of all that lies there. A link stays a link, and must stay inside what is added.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ContentError;
use crate::archive::{leaves, resolve};
use crate::error::IoResultExt as _;
use crate::fs;
use crate::layer::{Content, ContentSource, Entry, ImagePath, Owner};
use crate::memory::{Memory, Sighting};
use crate::oci::{Digest, HashingReader};
use crate::parallel::on_all_cores;

/// Below this users may put files.
pub(super) const TOP: &str = "opt";
/// What begins the name of what means a removal in an image.
const WHITEOUT: &str = ".wh.";
/// The kind under which files are remembered, and the version of what is remembered.
const KIND: (&str, &str) = ("added-file", "1");

/// A smaller file is read in less time than what was remembered of it.
const REMEMBERED: u64 = 1 << 20;

/// A file or folder, and where it is to be in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedFile {
    /// Where it is here.
    pub source: PathBuf,
    /// Where it is to be.
    pub place: ImagePath,
}

/// An entry that was made of a file here.
#[derive(Debug, Clone)]
pub(super) struct Added {
    pub(super) source: PathBuf,
    pub(super) entry: Entry,
}

impl FromStr for AddedFile {
    type Err = ContentError;

    /// Reads `SRC:/opt/DEST`. What is here may have colons, and what is in the image may not.
    fn from_str(text: &str) -> Result<Self, ContentError> {
        let place = text.rfind(":/").filter(|place| *place > 0);
        let (source, path) =
            text.split_at(place.ok_or_else(|| ContentError::Add(text.to_owned()))?);
        Ok(Self {
            source: source.into(),
            place: checked_place(&path[1..])?,
        })
    }
}

fn checked_place(path: &str) -> Result<ImagePath, ContentError> {
    let fail = |why| ContentError::Place {
        path: path.to_owned(),
        why,
    };
    let place = ImagePath::new(path).map_err(|_| fail("it has a `..`, or is no path at all"))?;
    if place.parent().is_none() || !place.starts_with(&ImagePath::fixed(TOP)) {
        return Err(fail("it is not below `/opt`"));
    }
    if place
        .as_str()
        .split('/')
        .any(|part| part.starts_with(WHITEOUT))
    {
        return Err(fail("`.wh.` means a removal there"));
    }
    if place.as_str().contains(':') || place.as_str().chars().any(char::is_control) {
        return Err(fail("it has a `:` or a control character"));
    }
    Ok(place)
}

/// What a file or folder becomes, sorted by path.
pub(super) fn open(file: &AddedFile, memory: &dyn Memory) -> Result<Vec<Added>, ContentError> {
    // The one that is named may be a link to what is meant.
    let metadata = fs::metadata(&file.source)?;
    if metadata.is_file() {
        return Ok(vec![added(&file.source, &file.place, memory)?]);
    }
    if !metadata.is_dir() {
        return Err(refused(&file.source, "it is neither a file nor a folder"));
    }
    let entries = fs::walk(&file.source)?;
    let mut links = BTreeMap::new();
    let mut found = Vec::new();
    for entry in &entries {
        let Some(relative) = entry.relative.to_str() else {
            return Err(refused(&entry.path, "its name is no UTF-8"));
        };
        if relative.split('/').any(|part| part.starts_with(WHITEOUT)) {
            return Err(refused(&entry.path, "`.wh.` means a removal in an image"));
        }
        if entry.metadata.is_symlink() {
            let target = fs::read_link(&entry.path)?;
            let Some(target) = target.to_str() else {
                return Err(refused(&entry.path, "it is a link to what is no UTF-8"));
            };
            links.insert(relative.to_owned(), target.to_owned());
        }
        found.push((entry, file.place.join(relative)?));
    }
    let made = on_all_cores(&found, |(entry, place)| {
        let source = entry.path.clone();
        let relative = entry.relative.to_string_lossy();
        if let Some(target) = links.get(&*relative) {
            let link = |path: &str| links.get(path).map(String::as_str);
            if resolve(&relative, target).is_none() || leaves(&relative, target, link) {
                let why = format!("it is a link to `{target}`, outside of the folder");
                return Err(refused(&source, &why));
            }
            let entry = Entry::symlink(place.clone(), target.clone(), Owner::FLINK);
            return Ok(Added { source, entry });
        }
        if entry.metadata.is_dir() {
            let entry = Entry::directory(place.clone(), false, Owner::FLINK);
            return Ok(Added { source, entry });
        }
        if !entry.metadata.is_file() {
            return Err(refused(
                &source,
                "it is neither a file, a folder nor a link",
            ));
        }
        added(&source, place, memory)
    });
    let mut made = made.into_iter().collect::<Result<Vec<_>, _>>()?;
    // A folder without anything is one too.
    let folder = Entry::directory(file.place.clone(), false, Owner::FLINK);
    made.insert(
        0,
        Added {
            source: file.source.clone(),
            entry: folder,
        },
    );
    Ok(made)
}

fn refused(path: &Path, why: &str) -> ContentError {
    ContentError::Added {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

/// The entry of a file, which is read once, to know its digest; not at all if it is large and did not change since.
fn added(path: &Path, place: &ImagePath, memory: &dyn Memory) -> Result<Added, ContentError> {
    let (kind, rules) = KIND;
    let metadata = fs::metadata(path)?;
    let sighting = Sighting::new(path, &metadata, fs::now());
    let is_large = metadata.len() >= REMEMBERED;
    let known: Option<(Digest, u64)> = is_large
        .then(|| sighting.recall(memory, kind, rules))
        .flatten();
    let (digest, size) = if let Some(known) = known {
        known
    } else {
        let file = HashingReader::new(fs::open(path)?);
        let read = file.finish().at("read", path)?;
        if is_large {
            sighting.remember(memory, kind, rules, &fs::metadata(path)?, &read);
        }
        read
    };
    let content = Content {
        digest,
        size,
        source: ContentSource::Path(path.to_owned()),
    };
    let is_executable = metadata.permissions().mode() & 0o100 != 0;
    Ok(Added {
        source: path.to_owned(),
        entry: Entry::file(place.clone(), content, is_executable, Owner::FLINK),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_below_opt() {
        for (text, source, place) in [
            ("a:/opt/b", "a", "/opt/b"),
            ("./a:b/c:/opt/d/e/", "./a:b/c", "/opt/d/e"),
            ("/x:/opt//y/./z", "/x", "/opt/y/z"),
            ("s:/opt/flink/conf/x", "s", "/opt/flink/conf/x"),
        ] {
            let file: AddedFile = text.parse().unwrap();
            assert_eq!(
                (file.source.to_str().unwrap(), &*file.place.to_string()),
                (source, place)
            );
        }
        for (text, message) in [
            ("", "`` names no file and place, as `SRC:/opt/DEST`"),
            ("a", "`a` names no file and place, as `SRC:/opt/DEST`"),
            (
                "a:opt/b",
                "`a:opt/b` names no file and place, as `SRC:/opt/DEST`",
            ),
            (
                ":/opt/b",
                "`:/opt/b` names no file and place, as `SRC:/opt/DEST`",
            ),
            (
                "a:/",
                "`/` is no place for a file: it has a `..`, or is no path at all",
            ),
            (
                "a:/opt",
                "`/opt` is no place for a file: it is not below `/opt`",
            ),
            (
                "a:/etc/x",
                "`/etc/x` is no place for a file: it is not below `/opt`",
            ),
            (
                "a:/optional/x",
                "`/optional/x` is no place for a file: it is not below `/opt`",
            ),
            (
                "a:/opt/../etc/x",
                "`/opt/../etc/x` is no place for a file: it has a `..`, or is no path at all",
            ),
            (
                "a:/opt/.wh.x",
                "`/opt/.wh.x` is no place for a file: `.wh.` means a removal there",
            ),
            (
                "a:/opt/x:y",
                "`/opt/x:y` is no place for a file: it has a `:` or a control character",
            ),
        ] {
            let error = text.parse::<AddedFile>().unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
