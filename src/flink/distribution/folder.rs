//! A distribution in a folder.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{FileError, IoResultExt};
use crate::fs::{self, WalkEntry};
use crate::layer::{Content, ContentSource, ImagePath};
use crate::oci::HashingReader;

use super::{
    DistributionError, DistributionFile, DistributionKind, is_config, is_executable,
    is_left_behind, keep,
};

/// How many files are hashed at a time.
const THREADS: usize = 2;

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

/// Reads the files below `root`.
pub(super) fn read(root: &Path) -> Result<Vec<DistributionFile>, DistributionError> {
    let entries: Vec<WalkEntry> = fs::walk(root)?
        .into_iter()
        .filter(|entry| !entry.metadata.is_dir())
        .filter(|entry| !is_left_behind(entry.relative.as_os_str().as_bytes()))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut files = Vec::new();
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            files.push(file(root, entry)?);
        }
        Ok(files)
    };
    let results: Vec<Result<Vec<_>, DistributionError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("hashing does not panic"))
            .collect()
    });
    let mut files = Vec::new();
    for result in results {
        files.extend(result?);
    }
    Ok(files)
}

fn file(root: &Path, entry: &WalkEntry) -> Result<DistributionFile, DistributionError> {
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
    let kind = if entry.metadata.is_symlink() {
        let target = fs::read_link(&entry.path)?;
        DistributionKind::Symlink(target.to_str().ok_or_else(not_utf8)?.to_owned())
    } else if entry.metadata.is_file() {
        let (content, start) = hash(&entry.path, is_config(relative, entry.metadata.len()))?;
        DistributionKind::File {
            content,
            executable: is_executable(entry.metadata.permissions().mode(), &start),
        }
    } else {
        return Err(refuse(
            "it is neither a file, a folder nor a link".to_owned(),
        ));
    };
    Ok(DistributionFile { path, kind })
}

/// The content of a file and its first bytes; all of them when it is to be kept in memory.
fn hash(path: &Path, whole: bool) -> Result<(Content, Vec<u8>), FileError> {
    let mut file = HashingReader::new(fs::open(path)?);
    let mut start = Vec::new();
    let limit = if whole { u64::MAX } else { 2 };
    (&mut file)
        .take(limit)
        .read_to_end(&mut start)
        .at("read", path)?;
    let (digest, size) = file.finish().at("read", path)?;
    let mut content = Content {
        digest,
        size,
        source: ContentSource::Path(path.to_owned()),
    };
    if whole {
        keep(&mut content, &start);
    }
    Ok((content, start))
}
