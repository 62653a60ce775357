//! Packages become entries of a layer, laid over the file tree of the base as apk would lay them.
//!
//! A path leads where the links of the base lead. Folders that the base has are never written again, as that would
//! replace their modes. When a file is there already, it is a matter of whose it is:
//!
//! | the file is | then |
//! | --- | --- |
//! | of a package that is replaced (`replaces`), or was built together with this one | this one's file takes its place |
//! | of a package that replaces this one | it stays |
//! | of any other package | the packages conflict |
//! | nobody's, below `/etc` | it stays, where apk would put the new one beside it as `.apk-new` |
//! | nobody's, elsewhere | it is replaced, as apk does; told, unless it is a link to BusyBox |

use std::collections::{BTreeMap, BTreeSet};

use super::AlpineError;
use super::installed::{File, Installed, Listing, join, split};
use super::layer::Notice;
use super::pkginfo::PackageInfo;
use super::record::Record;
use super::system::DATABASES;
use super::unpack::{Item, ItemKind, Unpacked};
use crate::base::tree::{Node, Tree};
use crate::layer::{Content, Entry, EntryKind, ImagePath, Owner};

/// Files below it are settings, which are the base's own affair.
const PROTECTED: &str = "etc/";

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// A package of the base, by its place.
    Base(usize),
    /// A package that was added, by its place.
    Added(usize),
}

/// A file or link on its way into the layer.
#[derive(Debug, Clone)]
enum Taken {
    File { content: Content, group: usize },
    Link(String),
}

/// A package that was added.
#[derive(Debug)]
pub(super) struct Added {
    pub(super) info: PackageInfo,
    pub(super) record: Record,
    pub(super) listing: Listing,
}

/// Packages that are laid over a base, one after the other.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) tree: Tree,
    pub(super) installed: Installed,
    pub(super) added: Vec<Added>,
    pub(super) notices: Vec<Notice>,
    /// Folders in which something changed.
    pub(super) changed: BTreeSet<String>,
    holders: BTreeMap<String, Holder>,
    folders: BTreeMap<String, (u32, Owner)>,
    files: BTreeMap<String, (Taken, u32, Owner)>,
}

/// What becomes of a file that meets another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It takes the place.
    Wins,
    /// The other stays.
    Loses,
    /// Neither may.
    Conflicts,
}

/// What becomes of a file of `package` that is a file of `other` as well; the rules are those of apk.
fn verdict(package: &Record, other: &Record) -> Verdict {
    if package.origin.is_some() && package.origin == other.origin {
        return Verdict::Wins;
    }
    let priority = |by: &Record, of: &Record| {
        let mut replaced = by.replaces.iter();
        let names = |it: &super::Dependency| {
            it.name() == of.name && it.accepts(Some(&of.version), of.checksum)
        };
        replaced.any(names).then_some(by.replaces_priority)
    };
    match (priority(package, other), priority(other, package)) {
        (ours, theirs) if theirs > ours => Verdict::Loses,
        (Some(_), _) => Verdict::Wins,
        _ => Verdict::Conflicts,
    }
}

impl Assembly {
    /// Nothing yet, over the file tree and the packages of a base.
    pub(super) fn new(tree: Tree, installed: Installed) -> Self {
        let owners = installed.owners(&tree).into_iter();
        Self {
            holders: owners
                .map(|(path, place)| (path, Holder::Base(place)))
                .collect(),
            tree,
            installed,
            added: Vec::new(),
            notices: Vec::new(),
            changed: BTreeSet::new(),
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Lays a package over what is there.
    pub(super) fn add(&mut self, record: Record, unpacked: Unpacked) -> Result<(), AlpineError> {
        let place = self.added.len();
        self.added.push(Added {
            info: unpacked.info,
            record,
            listing: Listing::default(),
        });
        for item in unpacked.items {
            match &item.kind {
                ItemKind::Folder => self.add_folder(place, &item)?,
                _ => self.add_file(place, item)?,
            }
        }
        Ok(())
    }

    fn label(&self, place: usize) -> String {
        self.added[place].record.label()
    }

    /// Where a folder of a package really is; it is made if it is not there.
    fn folder_at(&mut self, place: usize, path: &str) -> Result<String, AlpineError> {
        let located = self.tree.target(path).ok_or_else(|| AlpineError::Refused {
            package: self.label(place),
            path: path.to_owned(),
            reason: "where links of the base lead in a circle",
        })?;
        let mut missing = Vec::new();
        let mut folder = located.as_str();
        while !self.tree.is_folder(folder) {
            if self.tree.node(folder).is_some() {
                return Err(self.wrong_kind(place, folder, "a folder", "a file"));
            }
            missing.push(folder.to_owned());
            folder = split(folder).0;
        }
        for folder in missing.into_iter().rev() {
            self.tree.put(&folder, Node::Directory);
            self.folders.insert(folder, (0o755, Owner::ROOT));
        }
        Ok(located)
    }

    fn wrong_kind(
        &self,
        place: usize,
        path: &str,
        wanted: &'static str,
        found: &'static str,
    ) -> AlpineError {
        AlpineError::Kind {
            package: self.label(place),
            path: path.to_owned(),
            wanted,
            found,
        }
    }

    fn add_folder(&mut self, place: usize, item: &Item) -> Result<(), AlpineError> {
        let path = item.path.as_str();
        let (mode, owner) = (item.mode, item.owner);
        self.added[place].listing.add_folder(path, mode, owner);
        let is_there = self
            .tree
            .target(path)
            .is_some_and(|path| self.tree.is_folder(&path));
        let located = self.folder_at(place, path)?;
        // One that the base has is the base's. Of several packages the one with the stricter rights counts, as with apk.
        if let Some((old_mode, old_owner)) = self.folders.get_mut(&located) {
            let numbers = |owner: Owner| (owner.user, owner.group);
            if !is_there || numbers(owner) < numbers(*old_owner) {
                (*old_mode, *old_owner) = (mode, owner);
            } else if owner == *old_owner {
                *old_mode &= mode;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, place: usize, item: Item) -> Result<(), AlpineError> {
        let (folder, name) = split(item.path.as_str());
        let path = join(&self.folder_at(place, folder)?, name);
        if self.tree.is_folder(&path) {
            return Err(self.wrong_kind(place, &path, "a file", "a folder"));
        }
        if self.is_in_database(&path) {
            return Err(AlpineError::Refused {
                package: self.label(place),
                path,
                reason: "which is in the folder of apk's own database",
            });
        }
        if self.is_other_way(&path, &item.kind) {
            return Err(self.wrong_kind(place, &path, "a file", "a link to a folder"));
        }
        let mut stays = false;
        match self.holders.get(&path).copied() {
            Some(Holder::Added(other)) if other == place => {
                return Err(AlpineError::Refused {
                    package: self.label(place),
                    path,
                    reason: "which is there twice",
                });
            }
            Some(holder) => {
                let (ours, theirs) = (&self.added[place].record, self.record(holder));
                match verdict(ours, theirs) {
                    Verdict::Wins => self.forget(holder, &path),
                    Verdict::Loses => return Ok(()),
                    Verdict::Conflicts => {
                        return Err(AlpineError::Conflict {
                            package: ours.label(),
                            owner: theirs.label(),
                            path,
                        });
                    }
                }
            }
            None => stays = self.meet(place, &path),
        }
        let (taken, checksum, kept) = match item.kind {
            ItemKind::Folder => unreachable!("a folder is no file"),
            ItemKind::File {
                content,
                checksum,
                group,
                kept,
            } => (Taken::File { content, group }, checksum, kept),
            ItemKind::Link { target, checksum } => (Taken::Link(target), checksum, None),
        };
        let file = File {
            name: name.to_owned(),
            mode: item.mode,
            owner: item.owner,
            checksum,
        };
        self.added[place].listing.add_file(folder, file);
        self.holders.insert(path.clone(), Holder::Added(place));
        if stays {
            return Ok(());
        }
        let node = match &taken {
            Taken::File { .. } => Node::File { kept },
            Taken::Link(target) => Node::Link(target.clone()),
        };
        self.tree.put(&path, node);
        self.changed.insert(split(&path).0.to_owned());
        self.files.insert(path, (taken, item.mode, item.owner));
        Ok(())
    }

    /// Whether a path is in, or is, the folder where apk keeps what it knows: nobody else writes there.
    fn is_in_database(&self, path: &str) -> bool {
        DATABASES.iter().any(|folder| {
            let real = self.tree.target(folder);
            let rest = real.as_deref().and_then(|real| path.strip_prefix(real));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether a link to a folder would give way to something else: all that lies behind it would be out of reach.
    fn is_other_way(&self, path: &str, kind: &ItemKind) -> bool {
        let Some(Node::Link(old)) = self.tree.node(path) else {
            return false;
        };
        let is_same = matches!(kind, ItemKind::Link { target, .. } if target == old);
        let leads_to = self.tree.resolve(path);
        !is_same && leads_to.is_some_and(|path| self.tree.is_folder(&path))
    }

    /// A file meets what belongs to no package, if anything: whether that stays.
    fn meet(&mut self, place: usize, path: &str) -> bool {
        let Some(node) = self.tree.node(path) else {
            return false;
        };
        let package = self.label(place);
        let path = format!("/{path}");
        if path[1..].starts_with(PROTECTED) {
            self.notices.push(Notice::Kept { package, path });
            return true;
        }
        // BusyBox makes links for its applets, which belong to nobody, so that others can take their place.
        if !matches!(node, Node::Link(target) if target.ends_with("/busybox")) {
            self.notices.push(Notice::Replaced { package, path });
        }
        false
    }

    fn record(&self, holder: Holder) -> &Record {
        match holder {
            Holder::Base(place) => &self.installed.records[place],
            Holder::Added(place) => &self.added[place].record,
        }
    }

    fn forget(&mut self, holder: Holder, path: &str) {
        match holder {
            Holder::Base(place) => self.installed.forget(place, path, &self.tree),
            Holder::Added(place) => self.added[place].listing.forget(path, &self.tree),
        }
    }

    /// Everything that was added, as entries. Of several names of one file, the first by its bytes is the file.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let path = |path: &str| ImagePath::new(path).expect("it was joined from paths");
        let mut entries: Vec<_> = self
            .folders
            .iter()
            .map(|(folder, (mode, owner))| Entry {
                path: path(folder),
                kind: EntryKind::Directory,
                mode: *mode,
                owner: *owner,
            })
            .collect();
        let mut first = BTreeMap::new();
        for (place, (taken, mode, owner)) in &self.files {
            let place = path(place);
            let kind = match taken {
                Taken::Link(target) => EntryKind::Symlink(target.clone()),
                Taken::File { content, group } => {
                    let target = first.entry(*group).or_insert_with(|| place.clone());
                    if *target == place {
                        EntryKind::File(content.clone())
                    } else {
                        EntryKind::HardLink(target.clone())
                    }
                }
            };
            entries.push(Entry {
                path: place,
                kind,
                mode: *mode,
                owner: *owner,
            });
        }
        entries
    }
}
