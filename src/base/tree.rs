//! The file tree that the layers of an image add up to: names and links, and the text of a few small files.
//!
//! Layers are read as streams, lowest first, and applied as image-spec's `layer.md` says (whiteouts included). Paths
//! are keys of a map here and never reach the file system of this machine.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entries::each_entry;
use crate::layer::ImagePath;

/// Longest file that is kept: `/etc/passwd` of a large site is far below.
pub(super) const TEXT_LIMIT: u64 = 256 * 1024;
/// Longest database that is kept: that of a desktop has some megabytes.
const DATABASE_LIMIT: u64 = 8 << 20;
/// How many links are followed before a path is given up (`MAXSYMLINKS` of Linux).
const LINK_LIMIT: usize = 40;
/// How many bytes of files are kept altogether; an honest image has a few dozen that are wanted.
pub(super) const TEXTS_LIMIT: usize = 16 << 20;
/// How many bytes of paths an image may have; Debian with a desktop has some 30 MB.
const NAMES_LIMIT: usize = 256 << 20;

/// What the name of an entry begins with that removes what lower layers have under the rest of the name.
pub const WHITEOUT: &str = ".wh.";
/// The name of an entry that removes all that lower layers have in its folder.
pub const OPAQUE: &str = ".wh..wh..opq";

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Node {
    Directory,
    File {
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "to_base64",
            deserialize_with = "from_base64"
        )]
        kept: Option<Vec<u8>>,
    },
    Link(String),
    Other,
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn to_base64<S: Serializer>(kept: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = kept.as_ref().map(|bytes| STANDARD.encode(bytes));
    text.serialize(serializer)
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let bytes = text.map(|text| STANDARD.decode(text)).transpose();
    bytes.map_err(serde::de::Error::custom)
}

/// What is kept of a file that is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Nothing,
    /// All of it, if it is small.
    Text,
    /// All of it, if it is not larger than any database of packages.
    Database,
    /// As much as tells what kind of program it is.
    Head,
}

/// Bytes at the start of a program: the part of the ELF header that names the machine.
pub(super) const HEAD: u64 = 20;

/// The file tree of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Bytes of all paths that were met.
    names: usize,
    /// Bytes of all files that were kept.
    texts: usize,
}

/// An entry on its way into the tree.
enum Added {
    Node(Node),
    /// Another name of what stands at the target.
    HardLink(String),
}

/// `FOLDER/NAME`; the folder is empty for the root.
fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

impl Tree {
    /// Lays a layer over what is there; `keep` tells what is kept of a file.
    pub(super) fn apply(
        &mut self,
        layer: impl Read,
        keep: impl Fn(&str) -> Keep,
    ) -> io::Result<()> {
        let mut added = Vec::new();
        each_entry(layer, |entry| {
            // `./`, the root itself, is the only path that is none. Others that leave the root are not ours to judge:
            // run times have to, and here they are just keys.
            let Ok(path) = ImagePath::new(&entry.path) else {
                return Ok(());
            };
            self.names += path.as_str().len();
            if self.names > NAMES_LIMIT {
                return Err(io::Error::other("it has more than 256 MiB of names"));
            }
            let limit = match keep(path.as_str()) {
                Keep::Text if entry.size <= TEXT_LIMIT => Some(TEXT_LIMIT),
                Keep::Database if entry.size <= DATABASE_LIMIT => Some(DATABASE_LIMIT),
                Keep::Head => Some(HEAD),
                Keep::Text | Keep::Database | Keep::Nothing => None,
            };
            let kind = entry.kind;
            let node = if kind.is_dir() {
                Added::Node(Node::Directory)
            } else if kind.is_symlink() {
                Added::Node(Node::Link(entry.target))
            } else if kind.is_hard_link() {
                Added::HardLink(entry.target)
            } else if kind.is_file() {
                let mut kept = None;
                if let Some(limit) = limit.filter(|_| self.texts < TEXTS_LIMIT) {
                    let mut bytes = Vec::new();
                    entry.content.take(limit).read_to_end(&mut bytes)?;
                    self.texts += bytes.len();
                    kept = Some(bytes);
                }
                Added::Node(Node::File { kept })
            } else {
                Added::Node(Node::Other)
            };
            added.push((path.as_str().to_owned(), node));
            Ok(())
        })?;
        // First what hides lower layers, wherever it stands in this one; then the entries, in their order.
        added.retain(|(path, _)| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            if name == OPAQUE {
                self.remove_below(folder);
                return false;
            }
            if let Some(name) = name.strip_prefix(WHITEOUT) {
                let path = join(&self.locate(folder), name);
                self.remove(&path);
                return false;
            }
            true
        });
        for (path, added) in added {
            self.insert(&path, added);
        }
        Ok(())
    }

    /// Puts an entry where the kernel would: links in its folder's path are followed, and what is no folder gives way.
    fn insert(&mut self, path: &str, added: Added) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let path = join(&self.locate(folder), name);
        let node = match added {
            Added::Node(node) => node,
            Added::HardLink(target) => ImagePath::new(&target)
                .ok()
                .and_then(|target| {
                    let (folder, name) = target
                        .as_str()
                        .rsplit_once('/')
                        .unwrap_or(("", target.as_str()));
                    self.nodes.get(&join(&self.locate(folder), name)).cloned()
                })
                .unwrap_or(Node::Other),
        };
        if node != Node::Directory {
            self.remove_below(&path);
        }
        self.nodes.insert(path, node);
    }

    /// Puts something at a path, whose folder is really there.
    pub(super) fn put(&mut self, path: &str, node: Node) {
        self.nodes.insert(path.to_owned(), node);
    }

    /// What has an entry at a path; no link is followed.
    pub(super) fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Whether a folder is at a path, with an entry of its own or only with what lies in it; no link is followed.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        match self.nodes.get(path) {
            Some(node) => *node == Node::Directory,
            None => path.is_empty() || self.has_below(path),
        }
    }

    /// Where a path leads once all links are followed, whether or not it exists; `None` for links in a circle.
    pub(super) fn target(&self, path: &str) -> Option<String> {
        self.follow(path, false)
    }

    /// Where the folder at `path` really is. Parts that are not there yet are taken as they stand.
    fn locate(&self, path: &str) -> String {
        self.follow(path, false).unwrap_or_else(|| path.to_owned())
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.remove_below(path);
    }

    /// Removes everything below a folder; below the root, whose path is empty, that is everything.
    fn remove_below(&mut self, path: &str) {
        let prefix = join(path, "");
        let below: Vec<_> = self
            .nodes
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .map(|(path, _)| path.clone())
            .collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }

    /// Where a path leads once all links, also those of its folders, are followed; `None` when it leads nowhere.
    pub(super) fn resolve(&self, path: &str) -> Option<String> {
        self.follow(path, true)
    }

    fn follow(&self, path: &str, must_exist: bool) -> Option<String> {
        let mut links = 0;
        let mut done: Vec<String> = Vec::new();
        let mut todo: Vec<String> = path.rsplit('/').map(ToOwned::to_owned).collect();
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            let here = done.join("/");
            match self.nodes.get(&here) {
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return None;
                    }
                    if target.starts_with('/') {
                        done.clear();
                    } else {
                        done.pop();
                    }
                    todo.extend(target.rsplit('/').map(ToOwned::to_owned));
                }
                Some(_) => {}
                // A folder need not have an entry of its own.
                None if !must_exist || self.has_below(&here) => {}
                None => return None,
            }
        }
        Some(done.join("/"))
    }

    /// Whether there is anything below the folder that `path` leads to.
    pub(super) fn is_filled(&self, path: &str) -> bool {
        self.resolve(path).is_some_and(|path| self.has_below(&path))
    }

    /// Whether anything stands at `path`, or where it leads.
    pub(super) fn exists(&self, path: &str) -> bool {
        self.nodes.contains_key(path) || self.resolve(path).is_some()
    }

    fn has_below(&self, path: &str) -> bool {
        let prefix = join(path, "");
        self.nodes
            .range(prefix.clone()..)
            .next()
            .is_some_and(|(path, _)| path.starts_with(&prefix))
    }

    /// The path of the regular file that `path` leads to.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        let path = self.resolve(path)?;
        matches!(self.nodes.get(&path), Some(Node::File { .. })).then_some(path)
    }

    /// What was kept of the file that `path` leads to.
    pub(super) fn kept(&self, path: &str) -> Option<&[u8]> {
        match self.nodes.get(&self.resolve(path)?) {
            Some(Node::File { kept }) => kept.as_deref(),
            _ => None,
        }
    }

    /// The same as text; bytes that are none are replaced.
    pub(super) fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.kept(path).map(String::from_utf8_lossy)
    }

    /// The paths of all files and links, by bytes.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Makes a tar; a text that starts with `->` makes a link, `/` a folder, `=` a hard link.
    pub(in crate::base) fn layer(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(0);
            if *text == "/" {
                header.set_entry_type(tar::EntryType::Directory);
                builder
                    .append_data(&mut header, format!("{path}/"), io::empty())
                    .unwrap();
            } else if let Some(target) = text.strip_prefix("->") {
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, path, target).unwrap();
            } else if let Some(target) = text.strip_prefix('=') {
                header.set_entry_type(tar::EntryType::Link);
                builder.append_link(&mut header, path, target).unwrap();
            } else {
                header.set_size(text.len() as u64);
                builder
                    .append_data(&mut header, path, text.as_bytes())
                    .unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn tree(layers: &[&[(&str, &str)]]) -> Tree {
        let mut tree = Tree::default();
        for entries in layers {
            tree.apply(&layer(entries)[..], |_| Keep::Text).unwrap();
        }
        tree
    }

    #[test]
    fn links_are_followed_as_the_kernel_would() {
        let tree = tree(&[&[
            ("usr/bin/bash", "x"),
            ("bin", "->usr/bin"),
            ("usr/bin/java", "->/etc/alternatives/java"),
            ("etc/alternatives/java", "->../../usr/lib/jvm/17/bin/java"),
            ("usr/lib/jvm/17/bin/java", "j"),
            ("usr/bin/sh", "=usr/bin/bash"),
            ("loop", "->loop"),
            ("out", "->../../usr/bin/bash"),
        ]]);
        assert_eq!(tree.file("/bin/bash").as_deref(), Some("usr/bin/bash"));
        assert_eq!(
            tree.file("/bin/java").as_deref(),
            Some("usr/lib/jvm/17/bin/java")
        );
        assert_eq!(tree.text("bin/sh").unwrap(), "x");
        assert_eq!(tree.file("out").as_deref(), Some("usr/bin/bash"));
        for nowhere in ["loop", "bin/zsh", "usr/bin", "usr/bin/bash/x"] {
            assert_eq!(tree.file(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn upper_layers_hide_lower_ones() {
        let tree = tree(&[
            &[
                ("a/x", "1"),
                ("a/y", "1"),
                ("b/x", "1"),
                ("c/x", "1"),
                ("d", "1"),
            ],
            &[
                ("a/.wh.x", ""),
                ("b/.wh..wh..opq", ""),
                ("b/z", "2"),
                ("c", "2"),
                ("d", "2"),
            ],
        ]);
        let paths: Vec<_> = tree.paths().collect();
        assert_eq!(paths, ["a/y", "b/z", "c", "d"]);
        assert!(tree.is_filled("a") && !tree.is_filled("d") && !tree.is_filled("e"));
        assert_eq!(tree.text("d").unwrap(), "2");
    }

    #[test]
    fn an_opaque_root_hides_everything() {
        let tree = tree(&[
            &[("a/x", "1"), ("b", "1")],
            &[(".wh..wh..opq", ""), ("c", "2")],
        ]);
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_layer_may_write_through_links_of_lower_ones() {
        let tree = tree(&[
            &[("usr/lib/x", "1"), ("lib", "->usr/lib")],
            &[
                ("lib/jvm/17/bin/java", "j"),
                ("lib/.wh.x", ""),
                ("bin/j", "=lib/jvm/17/bin/java"),
            ],
        ]);
        assert_eq!(
            tree.file("usr/lib/jvm/17/bin/java"),
            tree.file("lib/jvm/17/bin/java")
        );
        assert_eq!(tree.text("bin/j").unwrap(), "j");
        assert_eq!(tree.file("usr/lib/x"), None);
    }

    #[test]
    fn a_layer_may_end_with_its_last_byte() {
        let bytes = layer(&[("etc/passwd", "root")]);
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        for end in [end, 1024] {
            let mut tree = Tree::default();
            tree.apply(&bytes[..end], |_| Keep::Text).unwrap();
            assert_eq!(tree.text("etc/passwd").as_deref(), Some("root"));
        }
        assert!(
            Tree::default()
                .apply(&bytes[..300], |_| Keep::Text)
                .is_err()
        );
    }
}
