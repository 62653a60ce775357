//! The Pythons of a base, for jobs that are written in it. Nobody else has to know of them, so they are no facts of a base.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::BaseError;
use super::facts::DEFAULT_PATH;
use super::resolve::{Base, Surroundings, read_layers};
use super::tree::{Keep, Tree};
use crate::layer::{Entry, EntryKind};
use crate::memory;
use crate::oci::{Digest, canonical};

/// The kind under which it is remembered, and the version of what is.
const KIND: &str = "python";
const PYTHON_VERSION: u32 = 1;
/// What is looked for.
const PROGRAMS: [&str; 3] = ["python", "python2", "python3"];

/// The Pythons on the `PATH` of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pythons {
    /// The folders of the `PATH`, where links lead to, as far as they are there.
    path: Vec<String>,
    /// Programs, and the folders that they are in.
    programs: BTreeMap<String, String>,
}

impl Pythons {
    /// Looks for them in `base`, which is called `name` in messages, or recalls them.
    ///
    /// Layers in a registry are brought into the store for that, once.
    pub fn of(name: &str, base: &Base, surroundings: &Surroundings<'_>) -> Result<Self, BaseError> {
        let layers: Vec<_> = base
            .layers
            .iter()
            .map(|layer| (layer.descriptor.digest, layer.diff_id))
            .collect();
        let path = base.config.env("PATH").unwrap_or(DEFAULT_PATH);
        let key = Digest::of(&canonical(&(PYTHON_VERSION, layers, path)));
        if let Some(known) = memory::recall(surroundings.store, KIND, key) {
            return Ok(known);
        }
        let mut tree = Tree::default();
        let mut layers = base.layers.clone();
        read_layers(name, &mut layers, surroundings, |layer| {
            tree.apply(layer, |_| Keep::Nothing)
        })?;
        let found = Self::in_tree(&tree, path);
        memory::remember(surroundings.store, KIND, key, &found);
        Ok(found)
    }

    fn in_tree(tree: &Tree, path: &str) -> Self {
        let path: Vec<_> = path
            .split(':')
            .filter_map(|folder| tree.resolve(folder))
            .collect();
        let find = |program: &str| {
            let is_in = |folder: &&String| tree.file(&format!("{folder}/{program}")).is_some();
            path.iter().find(is_in).cloned()
        };
        let programs = PROGRAMS
            .iter()
            .filter_map(|program| Some(((*program).to_owned(), find(program)?)))
            .collect();
        Self { path, programs }
    }

    /// Adds those that packages bring.
    pub fn add(&mut self, entries: &[Entry]) {
        for entry in entries
            .iter()
            .filter(|entry| !matches!(entry.kind, EntryKind::Directory))
        {
            let name = entry.path.file_name();
            let folder = entry.path.parent();
            let folder = folder.as_ref().map_or("", |folder| folder.as_str());
            if PROGRAMS.contains(&name) && self.path.iter().any(|known| known == folder) {
                let programs = self.programs.entry(name.to_owned());
                programs.or_insert_with(|| folder.to_owned());
            }
        }
    }

    /// The folder that a program is in.
    pub fn folder(&self, program: &str) -> Option<&str> {
        self.programs.get(program).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts;
    use super::super::tree::tests::layer;
    use super::*;
    use crate::layer::{ImagePath, Owner};

    #[test]
    fn pythons_are_found_on_the_path_and_in_packages() {
        let mut tree = Tree::default();
        let files = [
            ("bin", "->usr/bin"),
            ("usr/bin/python3", "->python3.11"),
            ("usr/bin/python3.11", ""),
            ("usr/bin/python2", "->nowhere"),
            ("opt/python", ""),
        ];
        tree.apply(&layer(&files)[..], facts::keep).unwrap();
        let mut found = Pythons::in_tree(&tree, "/none:/bin:/usr/bin");
        assert_eq!(found.folder("python3"), Some("usr/bin"));
        assert_eq!(found.folder("python2"), None);
        assert_eq!(found.folder("python"), None);
        let link = |path| Entry::symlink(ImagePath::fixed(path), "python3", Owner::ROOT);
        found.add(&[link("opt/x/python2"), link("usr/bin/python")]);
        assert_eq!(found.folder("python2"), None);
        assert_eq!(found.folder("python"), Some("usr/bin"));
    }
}
