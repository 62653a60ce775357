//! `lib/apk/db/installed`: what is installed, and which file belongs to which package.
//!
//! The text of the base stays as it is, but for files that another package takes over; entries of new packages come
//! behind it, in the form in which apk-tools 2.14 and 3 write them, which scanners read as well.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::checksum::Checksum;
use super::dependency::Dependency;
use super::pkginfo::PackageInfo;
use super::record::{Record, RecordError, stanzas};
use crate::base::tree::Tree;
use crate::layer::Owner;

/// The modes that go without saying.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// The packages of a base.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) records: Vec<Record>,
    /// The lines of each.
    texts: Vec<String>,
}

/// The files of a package, by folder, in the order of the package.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    folders: Vec<Folder>,
}

#[derive(Debug, Clone)]
struct Folder {
    path: String,
    mode: u32,
    owner: Owner,
    files: Vec<File>,
}

/// A file or link in a [`Listing`].
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) mode: u32,
    pub(super) owner: Owner,
    pub(super) checksum: Checksum,
}

/// `FOLDER/NAME`; the folder is empty for the root.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// `FOLDER/NAME` as folder and name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Installed {
    pub(super) fn parse(text: &str) -> Result<Self, RecordError> {
        let texts: Vec<_> = stanzas(text).map(ToOwned::to_owned).collect();
        let records: Result<_, _> = texts.iter().map(|text| Record::parse(text)).collect();
        Ok(Self {
            records: records?,
            texts,
        })
    }

    /// Whose each file is: the place of the package, by the path where the file really is in `tree`.
    pub(super) fn owners(&self, tree: &Tree) -> BTreeMap<String, usize> {
        let mut owners = BTreeMap::new();
        for (place, text) in self.texts.iter().enumerate() {
            let mut folder = String::new();
            for line in text.lines() {
                if let Some(path) = line.strip_prefix("F:") {
                    folder = tree.target(path).unwrap_or_else(|| path.to_owned());
                } else if let Some(name) = line.strip_prefix("R:") {
                    owners.insert(join(&folder, name), place);
                }
            }
        }
        owners
    }

    /// Takes a file from the package at `place`.
    pub(super) fn forget(&mut self, place: usize, path: &str, tree: &Tree) {
        let mut left = String::new();
        let mut folder = String::new();
        let mut is_gone = false;
        for line in self.texts[place].lines() {
            if let Some(path) = line.strip_prefix("F:") {
                folder = tree.target(path).unwrap_or_else(|| path.to_owned());
                is_gone = false;
            } else if let Some(name) = line.strip_prefix("R:") {
                is_gone = join(&folder, name) == path;
            }
            if !is_gone {
                left.push_str(line);
                left.push('\n');
            }
        }
        left.truncate(left.trim_end_matches('\n').len());
        self.texts[place] = left;
    }

    /// The text, with entries of more packages behind it.
    pub(super) fn text(&self, more: &[String]) -> String {
        let mut text = String::new();
        for entry in self.texts.iter().chain(more) {
            text.push_str(entry);
            text.push_str("\n\n");
        }
        text
    }
}

impl Listing {
    fn folder(&mut self, path: &str) -> &mut Folder {
        let place = self.folders.iter().position(|folder| folder.path == path);
        let place = place.unwrap_or_else(|| {
            self.folders.push(Folder {
                path: path.to_owned(),
                mode: FOLDER_MODE,
                owner: Owner::ROOT,
                files: Vec::new(),
            });
            self.folders.len() - 1
        });
        &mut self.folders[place]
    }

    pub(super) fn add_folder(&mut self, path: &str, mode: u32, owner: Owner) {
        let folder = self.folder(path);
        (folder.mode, folder.owner) = (mode, owner);
    }

    pub(super) fn add_file(&mut self, folder: &str, file: File) {
        self.folder(folder).files.push(file);
    }

    /// Takes a file out.
    pub(super) fn forget(&mut self, path: &str, tree: &Tree) {
        let (parent, name) = split(path);
        for folder in &mut self.folders {
            if tree.target(&folder.path).as_deref() == Some(parent) {
                folder.files.retain(|file| file.name != name);
            }
        }
    }
}

/// The lines of a package that is added; `size` is that of the package as it is stored.
///
/// Scripts that did not run leave no trace: apk's mark for scripts that failed (`f:s`) would make every later `apk add` in an
/// image built upon this one end with an error. `apk fix NAME` runs them there.
pub(super) fn entry(
    info: &PackageInfo,
    (checksum, size): (Checksum, u64),
    listing: &Listing,
) -> String {
    let mut lines = Vec::new();
    let mut line = |field: char, value: &dyn std::fmt::Display| {
        lines.push(format!("{field}:{value}"));
    };
    line('C', &checksum);
    line('P', &info.name);
    line('V', &info.version);
    info.arch.iter().for_each(|arch| line('A', arch));
    line('S', &size);
    line('I', &info.installed_size);
    line('T', &info.description);
    line('U', &info.url);
    line('L', &info.license);
    info.origin.iter().for_each(|origin| line('o', origin));
    info.maintainer.iter().for_each(|name| line('m', name));
    if info.build_time != 0 {
        line('t', &info.build_time);
    }
    info.commit.iter().for_each(|commit| line('c', commit));
    if info.provider_priority != 0 {
        line('k', &info.provider_priority);
    }
    for (field, list) in [
        ('D', &info.depends),
        ('p', &info.provides),
        ('i', &info.install_if),
        ('r', &info.replaces),
    ] {
        if !list.is_empty() {
            line(field, &words(list));
        }
    }
    if info.replaces_priority != 0 {
        line('q', &info.replaces_priority);
    }
    for folder in &listing.folders {
        line('F', &folder.path);
        if (folder.mode, folder.owner) != (FOLDER_MODE, Owner::ROOT) {
            line('M', &rights(folder.owner, folder.mode));
        }
        for file in &folder.files {
            line('R', &file.name);
            if (file.mode, file.owner) != (FILE_MODE, Owner::ROOT) {
                line('a', &rights(file.owner, file.mode));
            }
            line('Z', &file.checksum);
        }
    }
    lines.join("\n")
}

fn words(list: &[Dependency]) -> String {
    let mut text = String::new();
    for (place, dependency) in list.iter().enumerate() {
        let blank = if place == 0 { "" } else { " " };
        write!(text, "{blank}{dependency}").expect("writing to a string does not fail");
    }
    text
}

fn rights(owner: Owner, mode: u32) -> String {
    format!("{}:{}:{mode:o}", owner.user, owner.group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tree::Node;

    const TEXT: &str = "C:Q1d7ZTpN79+omfN7skoC/mm3HYMYI=\nP:a\nV:1\nF:lib\nR:x\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\nR:y\n\n\
                        C:Q1d7ZTpN79+omfN7skoC/mm3HYMYI=\nP:b\nV:2\nF:\nR:z\n\n";

    #[test]
    fn a_file_is_where_the_links_of_the_base_lead() {
        let mut tree = Tree::default();
        tree.put("lib", Node::Link("usr/lib".to_owned()));
        tree.put("usr/lib", Node::Directory);
        let mut installed = Installed::parse(TEXT).unwrap();
        assert_eq!(installed.text(&[]), TEXT);
        let owners: Vec<_> = installed.owners(&tree).into_iter().collect();
        let expected = [("usr/lib/x", 0), ("usr/lib/y", 0), ("z", 1)];
        assert_eq!(
            owners,
            expected.map(|(path, place)| (path.to_owned(), place))
        );
        installed.forget(0, "usr/lib/x", &tree);
        let left = TEXT.replace("R:x\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n", "");
        assert_eq!(installed.text(&[]), left);
        installed.forget(0, "usr/lib/y", &tree);
        assert_eq!(
            installed.text(&["P:c".to_owned()]),
            left.replace("R:y\n", "") + "P:c\n\n"
        );
    }
}
