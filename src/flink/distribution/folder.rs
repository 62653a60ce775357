//! A distribution in a folder.

use std::fs::Metadata;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{FileError, IoResultExt};
use crate::fs::{self, WalkEntry};
use crate::layer::{Content, ContentSource, ImagePath};
use crate::memory::{FolderFacts, Memory};
use crate::oci::{Digest, HashingReader};
use crate::parallel::on_all_cores;

use super::facts::Text;
use super::{
    DistributionError, DistributionFile, DistributionKind, SCRIPT, is_config, is_executable,
    is_left_behind,
};

/// The kind under which the files of a folder are remembered.
const KIND: &str = "distribution-folder";

/// Raised whenever other things are learnt of a file, so that what was remembered before is asked again.
const RULES: &str = "1";

/// The root of the distribution: `path`, or the only `flink-*` in it.
pub(super) fn root(path: &Path) -> Result<PathBuf, DistributionError> {
    let is_folder = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if !fs::metadata(path)?.is_dir() {
        return Err(DistributionError::NotAFolder {
            path: path.to_owned(),
        });
    }
    if is_folder(&path.join("lib")) {
        return Ok(path.to_owned());
    }
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let found: Vec<PathBuf> = fs::list(path)?
        .into_iter()
        .filter(|inner| name(inner).starts_with("flink-") && is_folder(inner))
        .collect();
    match &found[..] {
        [] => Err(DistributionError::NotADistribution {
            path: path.to_owned(),
        }),
        [root] => Ok(root.clone()),
        [first, second, ..] => Err(DistributionError::SeveralDistributions {
            path: path.to_owned(),
            first: name(first),
            second: name(second),
        }),
    }
}

/// Reads the files below `root`. Those that did not change since they were hashed are not read again.
pub(super) fn read(
    root: &Path,
    memory: &dyn Memory,
) -> Result<Vec<DistributionFile>, DistributionError> {
    let facts = FolderFacts::recall(memory, KIND, RULES, root, fs::now());
    let entries: Vec<WalkEntry> = fs::walk(root)?
        .into_iter()
        .filter(|entry| !entry.metadata.is_dir())
        .filter(|entry| !is_left_behind(entry.relative.as_os_str().as_bytes()))
        .collect();
    let found = on_all_cores(&entries, |entry| file(root, entry, &facts));
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    let known = entries.iter().zip(&found).filter_map(|(entry, found)| {
        let (after, fact) = found.known.as_ref()?;
        let name = found.file.path.as_str();
        Some((name, &entry.metadata, after, fact.clone()))
    });
    facts.remember(memory, known);
    Ok(found.into_iter().map(|found| found.file).collect())
}

/// What is remembered of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    digest: Digest,
    /// Whether it begins with `#!`.
    script: bool,
    /// The bytes of a configuration file.
    text: Option<Text>,
}

/// A file or link; of a real file also what is known of it, and what was seen of it after it was read.
struct Found {
    file: DistributionFile,
    known: Option<(Metadata, Known)>,
}

fn file(
    root: &Path,
    entry: &WalkEntry,
    facts: &FolderFacts<Known>,
) -> Result<Found, DistributionError> {
    let refuse = |why: String| DistributionError::Refused {
        path: root.to_owned(),
        entry: entry.relative.display().to_string(),
        why,
    };
    let not_utf8 = || DistributionError::NotUtf8 {
        path: root.to_owned(),
        entry: entry.relative.display().to_string(),
    };
    let relative = entry.relative.to_str().ok_or_else(not_utf8)?;
    let path = ImagePath::new(relative).map_err(|error| refuse(error.to_string()))?;
    if entry.metadata.is_symlink() {
        let target = fs::read_link(&entry.path)?;
        let target = target.to_str().ok_or_else(not_utf8)?.to_owned();
        let kind = DistributionKind::Symlink(target);
        return Ok(Found {
            file: DistributionFile { path, kind },
            known: None,
        });
    }
    if !entry.metadata.is_file() {
        return Err(refuse(
            "it is neither a file, a folder nor a link".to_owned(),
        ));
    }
    let (known, size, after) = match facts.get(path.as_str(), &entry.metadata) {
        Some(known) => (known.clone(), entry.metadata.len(), entry.metadata.clone()),
        None => hash(&entry.path, is_config(relative, entry.metadata.len()))?,
    };
    let source = match &known.text {
        Some(text) => ContentSource::Bytes(text.0.as_slice().into()),
        None => ContentSource::Path(entry.path.clone()),
    };
    let kind = DistributionKind::File {
        content: Content {
            digest: known.digest,
            size,
            source,
        },
        executable: is_executable(entry.metadata.permissions().mode(), known.script),
    };
    Ok(Found {
        file: DistributionFile { path, kind },
        known: Some((after, known)),
    })
}

/// Reads a file; all of its bytes are kept in memory if `whole`. Tells what is seen of it afterwards as well.
fn hash(path: &Path, whole: bool) -> Result<(Known, u64, Metadata), FileError> {
    let mut file = HashingReader::new(fs::open(path)?);
    let mut start = Vec::new();
    let limit = if whole { u64::MAX } else { 2 };
    (&mut file)
        .take(limit)
        .read_to_end(&mut start)
        .at("read", path)?;
    let (digest, size) = file.finish().at("read", path)?;
    let known = Known {
        digest,
        script: start.starts_with(SCRIPT),
        text: whole.then_some(Text(start)),
    };
    Ok((known, size, fs::symlink_metadata(path)?))
}
