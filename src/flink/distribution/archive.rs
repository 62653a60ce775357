//! A distribution in an archive.

use std::io::Read;
use std::path::Path;

use crate::archive::{Archive, FileRange, MemberKind, Options};
use crate::error::IoResultExt;
use crate::layer::ImagePath;

use super::{
    DistributionError, DistributionFile, DistributionKind, is_config, is_executable,
    is_left_behind, keep,
};

/// Reads the files of the archive, without its top folder.
pub(super) fn read(
    path: &Path,
    spool: &Path,
    options: &Options,
) -> Result<Vec<DistributionFile>, DistributionError> {
    let archive = Archive::open(path, spool, options)?;
    let top = top_folder(&archive)?;
    let mut files = Vec::new();
    for (name, member) in archive.members() {
        let Some(relative) = name.strip_prefix(&format!("{top}/")) else {
            continue;
        };
        if is_left_behind(relative.as_bytes()) {
            continue;
        }
        let kind = match &member.kind {
            MemberKind::Directory | MemberKind::Special(_) => continue,
            MemberKind::Symlink { target } => DistributionKind::Symlink(target.clone()),
            MemberKind::File(range) => file(&archive, relative, member.mode, range)?,
            MemberKind::HardLink { target } => {
                match archive.members().get(target).map(|member| &member.kind) {
                    Some(MemberKind::File(range)) => file(&archive, relative, member.mode, range)?,
                    // The reader refuses hard links to anything else.
                    _ => continue,
                }
            }
        };
        let relative = ImagePath::new(relative).map_err(|error| DistributionError::Refused {
            path: path.to_owned(),
            entry: name.clone(),
            why: error.to_string(),
        })?;
        files.push(DistributionFile {
            path: relative,
            kind,
        });
    }
    Ok(files)
}

fn file(
    archive: &Archive,
    path: &str,
    mode: u32,
    range: &FileRange,
) -> Result<DistributionKind, DistributionError> {
    let mut content = archive.content(path, range)?;
    let limit = if is_config(path, range.size) {
        range.size
    } else {
        2
    };
    let mut start = Vec::new();
    archive
        .reader(range)
        .take(limit)
        .read_to_end(&mut start)
        .at("read", archive.path())?;
    if is_config(path, range.size) {
        keep(&mut content, &start);
    }
    Ok(DistributionKind::File {
        content,
        executable: is_executable(mode, &start),
    })
}

/// The only folder at the top, which holds everything.
fn top_folder(archive: &Archive) -> Result<&str, DistributionError> {
    let path = || archive.path().to_owned();
    let mut top: Option<&str> = None;
    for (name, member) in archive.members() {
        let (first, below) = match name.split_once('/') {
            Some((first, _)) => (first, true),
            None => (name.as_str(), member.kind == MemberKind::Directory),
        };
        if !below || matches!(first, "bin" | "conf" | "lib") {
            return Err(DistributionError::NoTopFolder {
                path: path(),
                entry: first.to_owned(),
            });
        }
        match top {
            Some(top) if top != first => {
                return Err(DistributionError::SeveralTopFolders {
                    path: path(),
                    first: top.to_owned(),
                    second: first.to_owned(),
                });
            }
            _ => top = Some(first),
        }
    }
    top.ok_or_else(|| DistributionError::EmptyArchive { path: path() })
}
