//! The tree that the entries of an archive form, and the rules it has to keep.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{ArchiveError, Excess, Trick};
use super::{FileRange, Limits, Member, MemberKind, Policy};

/// After so many links on one way Linux gives up.
const LINKS: usize = 40;

/// The entries so far, by their path.
#[derive(Debug)]
pub(super) struct Index<'a> {
    archive: &'a Path,
    policy: Policy,
    limits: &'a Limits,
    members: BTreeMap<String, Member>,
    names: usize,
    count: usize,
    last: String,
}

impl<'a> Index<'a> {
    pub(super) fn new(archive: &'a Path, policy: Policy, limits: &'a Limits) -> Self {
        Self {
            archive,
            policy,
            limits,
            members: BTreeMap::new(),
            names: 0,
            count: 0,
            last: String::new(),
        }
    }

    /// Follows every link of a set of files, when all of them are known.
    pub(super) fn check_links(&self) -> Result<(), ArchiveError> {
        if self.policy == Policy::RootFileSystem {
            return Ok(());
        }
        for (path, member) in &self.members {
            if let MemberKind::Symlink { target } = &member.kind
                && leaves(path, target, |path| match &self.members.get(path)?.kind {
                    MemberKind::Symlink { target } => Some(target),
                    _ => None,
                })
            {
                return Err(self.refuse(path, Trick::LinkLeaves(target.clone())));
            }
        }
        Ok(())
    }

    pub(super) fn into_members(self) -> BTreeMap<String, Member> {
        self.members
    }

    /// The entry that was met last.
    pub(super) fn last(&self) -> &str {
        &self.last
    }

    pub(super) fn names_limit(&self) -> usize {
        self.limits.names
    }

    /// Adds an entry, if the rules allow it.
    pub(super) fn insert(
        &mut self,
        name: &[u8],
        kind: MemberKind,
        mode: u32,
    ) -> Result<(), ArchiveError> {
        self.count += 1;
        if self.count > self.limits.entries {
            return Err(self.too_much(Excess::Entries(self.limits.entries)));
        }
        let printable = String::from_utf8_lossy(name).into_owned();
        let refuse = |trick| Err(self.refuse(&printable, trick));
        let path = match normal(name) {
            Ok(path) => path,
            Err(trick) => return refuse(trick),
        };
        if path.len() > self.limits.path {
            return refuse(Trick::LongPath(self.limits.path));
        }
        if path.is_empty() {
            // `./`, as `tar -C folder .` begins.
            return match kind {
                MemberKind::Directory => Ok(()),
                _ => refuse(Trick::Duplicate),
            };
        }
        let kind = match self.check(&path, kind) {
            Ok(kind) => kind,
            Err(trick) => return refuse(trick),
        };
        self.names += path.len();
        if self.names > self.limits.names {
            return Err(self.too_much(Excess::Names(self.limits.names)));
        }
        self.last = printable;
        self.members.insert(path, Member { kind, mode });
        Ok(())
    }

    /// Completes a file that was inserted before its bytes were read.
    pub(super) fn set_range(&mut self, name: &[u8], range: FileRange) {
        if let Ok(path) = normal(name)
            && let Some(member) = self.members.get_mut(&path)
        {
            member.kind = MemberKind::File(range);
        }
    }

    fn check(&self, path: &str, kind: MemberKind) -> Result<MemberKind, Trick> {
        let loose = self.policy == Policy::RootFileSystem;
        match self.members.get(path).map(|member| &member.kind) {
            None => {}
            Some(MemberKind::Directory) if loose && kind == MemberKind::Directory => {}
            Some(_) => return Err(Trick::Duplicate),
        }
        if !loose {
            self.check_tree(path, &kind)?;
        }
        match kind {
            MemberKind::Symlink { target } => {
                if target.is_empty() {
                    return Err(Trick::LinkLeaves(target));
                }
                if target.len() > self.limits.path {
                    return Err(Trick::LongPath(self.limits.path));
                }
                if !loose && resolve(path, &target).is_none() {
                    return Err(Trick::LinkLeaves(target));
                }
                Ok(MemberKind::Symlink { target })
            }
            MemberKind::HardLink { target } => {
                let found = normal(target.as_bytes())
                    .map_err(|_| Trick::LinkLeaves(target.clone()))
                    .map(|path| (self.members.get(&path).map(|member| &member.kind), path))?;
                match found {
                    (Some(MemberKind::File(_)), target) => Ok(MemberKind::HardLink { target }),
                    (Some(MemberKind::HardLink { target }), _) => Ok(MemberKind::HardLink {
                        target: target.clone(),
                    }),
                    (Some(MemberKind::Symlink { .. }), target) if loose => {
                        Ok(MemberKind::HardLink { target })
                    }
                    _ => Err(Trick::HardLinkTarget(target)),
                }
            }
            MemberKind::Special(trick) if !loose => Err(trick),
            kind => Ok(kind),
        }
    }

    /// What lies below a path makes it a folder, and only a folder has something below it.
    fn check_tree(&self, path: &str, kind: &MemberKind) -> Result<(), Trick> {
        for (end, _) in path.match_indices('/') {
            let parent = &path[..end];
            if self
                .members
                .get(parent)
                .is_some_and(|member| member.kind != MemberKind::Directory)
            {
                return Err(Trick::BelowNonFolder(parent.to_owned()));
            }
        }
        let below = format!("{path}/");
        if *kind != MemberKind::Directory
            && self
                .members
                .range(below.clone()..)
                .next()
                .is_some_and(|(next, _)| next.starts_with(&below))
        {
            return Err(Trick::Duplicate);
        }
        Ok(())
    }

    pub(super) fn text(&self, entry: &str, bytes: Vec<u8>) -> Result<String, ArchiveError> {
        if bytes.contains(&0) {
            return Err(self.refuse(entry, Trick::Nul));
        }
        String::from_utf8(bytes).map_err(|_| self.refuse(entry, Trick::NotUtf8))
    }

    pub(super) fn refuse(&self, entry: &str, trick: Trick) -> ArchiveError {
        ArchiveError::Refused {
            path: self.archive.to_owned(),
            // A hostile name must not fill the screen or move the cursor.
            entry: entry
                .chars()
                .take(200)
                .flat_map(char::escape_debug)
                .collect(),
            trick,
        }
    }

    pub(super) fn too_much(&self, excess: Excess) -> ArchiveError {
        ArchiveError::TooMuch {
            path: self.archive.to_owned(),
            excess,
        }
    }

    pub(super) fn not_a_tar(&self, what: &'static str) -> ArchiveError {
        ArchiveError::NotATar {
            path: self.archive.to_owned(),
            what,
        }
    }

    pub(super) fn cut_short(&self) -> ArchiveError {
        ArchiveError::CutShort {
            path: self.archive.to_owned(),
        }
    }

    pub(super) fn damaged(&self, reason: String) -> ArchiveError {
        ArchiveError::Damaged {
            path: self.archive.to_owned(),
            reason,
        }
    }
}

/// A path without `.`, empty parts and trailing slash; the root is the empty text.
fn normal(name: &[u8]) -> Result<String, Trick> {
    if name.contains(&0) {
        return Err(Trick::Nul);
    }
    let name = std::str::from_utf8(name).map_err(|_| Trick::NotUtf8)?;
    if name.starts_with('/') {
        return Err(Trick::AbsolutePath);
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Trick::ParentPath),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Where a relative link at `path` leads, by its words alone; `None` when that is outside of the root.
///
/// ```
/// use flink_img::archive::resolve;
///
/// assert_eq!(resolve("a/b/link", "../c"), Some("a/c".to_owned()));
/// assert_eq!(resolve("a/link", "../../c"), None);
/// assert_eq!(resolve("a/link", "/c"), None);
/// ```
pub fn resolve(path: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a relative link at `path` leaves the root on its way, other links being followed; `link` tells their targets.
///
/// The words of each may stay inside, and all together leave (CVE-2026-85731). What lies above `path` must be folders.
///
/// ```
/// use flink_img::archive::{leaves, resolve};
///
/// let link = |path: &str| (path == "lib/up").then_some("..");
/// assert_eq!(resolve("x", "lib/up/.."), Some("lib".to_owned()));
/// assert!(leaves("x", "lib/up/..", link));
/// assert!(!leaves("x", "lib/up/conf", link));
/// ```
pub fn leaves<'a>(path: &str, target: &'a str, link: impl Fn(&str) -> Option<&'a str>) -> bool {
    let parent = |path: &str| path.rfind('/').unwrap_or(0);
    let mut place = path[..parent(path)].to_owned();
    let mut left: Vec<&str> = target.rsplit('/').collect();
    let mut links = 0;
    while let Some(part) = left.pop() {
        match part {
            "" | "." => continue,
            ".." if place.is_empty() => return true,
            ".." => {
                place.truncate(parent(&place));
                continue;
            }
            part => {
                if !place.is_empty() {
                    place.push('/');
                }
                place.push_str(part);
            }
        }
        if let Some(target) = link(&place) {
            links += 1;
            if target.starts_with('/') {
                return true;
            }
            if links > LINKS {
                return false;
            }
            place.truncate(parent(&place));
            left.extend(target.rsplit('/'));
        }
    }
    false
}
