//! A distribution in an archive.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::archive::{self, Archive, FileRange, MemberKind, Options, Question, Setup};
use crate::error::IoResultExt;
use crate::layer::{Content, ContentSource, ImagePath, ImagePathError};
use crate::memory::Memory;
use crate::oci::LazyFile;

use super::facts::{FileFact, InTar, KindFact, RULES, Text};
use super::{
    Distribution, DistributionError, DistributionFile, DistributionKind, SCRIPT, is_config,
    is_executable, is_left_behind,
};

/// The kind under which the files of an archive are remembered.
const KIND: &str = "distribution-archive";

/// How the archive of a distribution is read: every file is hashed on the way.
pub(super) fn options() -> Options {
    Options {
        hash_files: true,
        ..Options::default()
    }
}

/// Opens the distribution in the archive at `path`, which is read only if that was not done before.
pub(super) fn open(
    path: &Path,
    spool: &Path,
    memory: &dyn Memory,
) -> Result<Distribution, DistributionError> {
    let options = options();
    let setup = Setup {
        spool,
        options: &options,
        memory,
    };
    let question = Question {
        kind: KIND,
        rules: RULES,
    };
    let (facts, tar) = archive::ask(path, &setup, &question, |archive| {
        let facts = learn(archive)?;
        // What is no distribution is not worth remembering.
        distribution(path, &facts, &archive.tar())?;
        Ok::<_, DistributionError>(facts)
    })?;
    distribution(path, &facts, &tar)
}

/// Reads the files of the archive, without its top folder.
pub(super) fn learn(archive: &Archive) -> Result<Vec<FileFact>, DistributionError> {
    let top = top_folder(archive)?;
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
            MemberKind::Symlink { target } => KindFact::Symlink(target.clone()),
            MemberKind::File(range) => file(archive, relative, member.mode, range)?,
            MemberKind::HardLink { target } => {
                match archive.members().get(target).map(|member| &member.kind) {
                    Some(MemberKind::File(range)) => file(archive, relative, member.mode, range)?,
                    // The reader refuses hard links to anything else.
                    _ => continue,
                }
            }
        };
        files.push(FileFact {
            path: relative.to_owned(),
            kind,
        });
    }
    Ok(files)
}

/// The distribution with these files, whose bytes are in `tar`; `source` is what it is called in messages.
pub(super) fn distribution(
    source: &Path,
    facts: &[FileFact],
    tar: &Arc<LazyFile>,
) -> Result<Distribution, DistributionError> {
    let file = |fact: &FileFact| {
        let refuse = |error: ImagePathError| DistributionError::Refused {
            path: source.to_owned(),
            entry: fact.path.clone(),
            why: error.to_string(),
        };
        let kind = match &fact.kind {
            KindFact::Symlink(target) => DistributionKind::Symlink(target.clone()),
            KindFact::File(file) => DistributionKind::File {
                content: Content {
                    digest: file.digest,
                    size: file.size,
                    source: match &file.text {
                        Some(text) => ContentSource::Bytes(text.0.as_slice().into()),
                        None => ContentSource::Range {
                            file: Arc::clone(tar),
                            name: format!("{}:{}", source.display(), fact.path).into(),
                            offset: file.offset,
                        },
                    },
                },
                executable: file.executable,
            },
        };
        Ok(DistributionFile {
            path: ImagePath::new(&fact.path).map_err(refuse)?,
            kind,
        })
    };
    let files: Result<Vec<_>, DistributionError> = facts.iter().map(file).collect();
    Distribution::check(source, files?)
}

fn file(
    archive: &Archive,
    path: &str,
    mode: u32,
    range: &FileRange,
) -> Result<KindFact, DistributionError> {
    let content = archive.content(path, range)?;
    let is_config = is_config(path, range.size);
    let limit = if is_config { range.size } else { 2 };
    let mut start = Vec::new();
    archive
        .reader(range)?
        .take(limit)
        .read_to_end(&mut start)
        .at("read", archive.path())?;
    Ok(KindFact::File(InTar {
        digest: content.digest,
        size: content.size,
        offset: range.offset,
        executable: is_executable(mode, start.starts_with(SCRIPT)),
        text: is_config.then_some(Text(start)),
    }))
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
