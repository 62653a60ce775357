//! What has to be known of a base to add packages to it: its packages, its keys, and its file tree.

use std::io;

use serde::{Deserialize, Serialize};

use super::AlpineError;
use super::dependency::{Dependency, parse_list};
use super::installed::{Installed, join};
use super::repository::Repository;
use super::signature::Keys;
use crate::base::facts;
use crate::base::resolve::{Base, Surroundings, read_layers};
use crate::base::tree::{Keep, Tree};
use crate::memory;
use crate::oci::{Digest, canonical};

/// Raised whenever other things are learnt of a base, so that what was remembered before is asked again.
const SYSTEM_VERSION: u32 = 1;

/// Where apk keeps what it knows: in Alpine, and where `/lib` went into `/usr`.
pub(super) const DATABASES: [&str; 2] = ["lib/apk/db", "usr/lib/apk/db"];
/// What is asked for by name.
pub(super) const WORLD: &str = "etc/apk/world";
const REPOSITORIES: &str = "etc/apk/repositories";
const ARCH: &str = "etc/apk/arch";

/// A base of Alpine Linux, or of another system whose packages are those of apk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    pub(super) tree: Tree,
    /// The folder of the installed database, where links lead to.
    pub(super) database: String,
}

/// Learns what has to be known of `base`, which is called `name` in messages, or recalls it.
///
/// Layers in a registry are brought into the store for that, once.
pub fn system(
    name: &str,
    base: &Base,
    surroundings: &Surroundings<'_>,
) -> Result<System, AlpineError> {
    const KIND: &str = "alpine";
    let layers: Vec<_> = base
        .layers
        .iter()
        .map(|layer| (layer.descriptor.digest, layer.diff_id))
        .collect();
    let key = Digest::of(&canonical(&(SYSTEM_VERSION, layers)));
    if let Some(system) = memory::recall(surroundings.store, KIND, key) {
        return Ok(system);
    }
    let mut tree = Tree::default();
    let mut layers = base.layers.clone();
    read_layers(name, &mut layers, surroundings, |layer| {
        tree.apply(layer, keep)
    })?;
    let system = System::of(name, tree)?;
    memory::remember(surroundings.store, KIND, key, &system);
    Ok(system)
}

/// What is kept of a file.
fn keep(path: &str) -> Keep {
    let is_database = DATABASES.iter().any(|folder| {
        let name = path
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/'));
        matches!(
            name,
            Some("installed" | "scripts.tar" | "scripts.tar.gz" | "triggers")
        )
    });
    match path {
        _ if is_database => Keep::Database,
        WORLD | REPOSITORIES | ARCH => Keep::Text,
        _ if path.starts_with("etc/apk/keys/") => Keep::Text,
        _ if path.starts_with("usr/share/apk/keys/") => Keep::Text,
        _ => facts::keep(path),
    }
}

impl System {
    fn of(name: &str, tree: Tree) -> Result<Self, AlpineError> {
        let folder = DATABASES.iter().find_map(|folder| {
            tree.resolve(&join(folder, "installed"))?;
            tree.resolve(folder)
        });
        let system = Self {
            database: folder.ok_or_else(|| AlpineError::NotAlpine(name.to_owned()))?,
            tree,
        };
        // What cannot be read is told before anything is downloaded.
        system.installed()?;
        system.world()?;
        Ok(system)
    }

    /// The text at a path; nothing if nothing is there.
    pub(super) fn text(&self, path: &str) -> Result<String, AlpineError> {
        self.bytes(path)?.map_or(Ok(String::new()), |bytes| {
            String::from_utf8(bytes.to_vec()).map_err(|_| AlpineError::Special(path.to_owned()))
        })
    }

    /// The bytes of a file that was kept.
    pub(super) fn bytes(&self, path: &str) -> Result<Option<&[u8]>, AlpineError> {
        match self.tree.kept(path) {
            Some(bytes) => Ok(Some(bytes)),
            None if !self.tree.exists(path) => Ok(None),
            None => Err(AlpineError::Special(path.to_owned())),
        }
    }

    pub(super) fn database(&self, name: &str) -> String {
        join(&self.database, name)
    }

    pub(super) fn installed(&self) -> Result<Installed, AlpineError> {
        let path = self.database("installed");
        Installed::parse(&self.text(&path)?).map_err(|source| AlpineError::System { path, source })
    }

    /// What is asked for by name, as lines.
    pub(super) fn world(&self) -> Result<Vec<Dependency>, AlpineError> {
        parse_list(&self.text(WORLD)?).map_err(|source| AlpineError::System {
            path: WORLD.to_owned(),
            source: source.into(),
        })
    }

    /// The architecture of its packages, in apk's words: `x86_64`, `aarch64`.
    pub fn arch(&self) -> Result<String, AlpineError> {
        let written = self.text(ARCH)?;
        if let Some(arch) = written.split_ascii_whitespace().next() {
            return checked(arch.to_owned());
        }
        let archs = self
            .installed()?
            .records
            .into_iter()
            .filter_map(|it| it.arch);
        let mut archs = archs.filter(|arch| arch != "noarch");
        archs
            .next()
            .ok_or_else(|| AlpineError::Special(ARCH.to_owned()))
            .and_then(checked)
    }

    /// The repositories that it names and that can be reached from here.
    pub fn repositories(&self) -> Result<Vec<Repository>, AlpineError> {
        Ok(Repository::of_base(&self.text(REPOSITORIES)?))
    }

    /// The keys that it trusts. A file that is no key is passed over, as apk does.
    pub fn keys(&self) -> Result<Keys, AlpineError> {
        let folders = [
            format!("usr/share/apk/keys/{}", self.arch()?),
            "etc/apk/keys".to_owned(),
        ];
        let mut keys = Keys::default();
        for folder in folders {
            for path in self.tree.paths() {
                let name = path
                    .strip_prefix(&folder)
                    .and_then(|rest| rest.strip_prefix('/'));
                if let Some(name) = name.filter(|name| !name.contains('/'))
                    && let Some(pem) = self.tree.kept(path)
                    && let Err(error) = keys.insert(name, pem)
                {
                    tracing::debug!("`/{path}` in the base is passed over: {error}");
                }
            }
        }
        Ok(keys)
    }

    /// The packages that are in the base, as `NAME-VERSION`.
    pub fn packages(&self) -> Result<Vec<String>, AlpineError> {
        let records = self.installed()?.records;
        Ok(records.iter().map(super::record::Record::label).collect())
    }

    /// What apk keeps of scripts, unpacked, and whether it is packed in the base.
    pub(super) fn scripts(&self) -> Result<(Vec<u8>, bool), AlpineError> {
        let (plain, packed) = (
            self.database("scripts.tar"),
            self.database("scripts.tar.gz"),
        );
        if let Some(bytes) = self.bytes(&plain)? {
            return Ok((bytes.to_vec(), false));
        }
        let Some(bytes) = self.bytes(&packed)? else {
            return Ok((Vec::new(), false));
        };
        let unpacked = super::scripts::unpack(bytes);
        Ok((
            unpacked.map_err(|source| unreadable(&packed, source))?,
            true,
        ))
    }
}

fn checked(arch: String) -> Result<String, AlpineError> {
    if is_arch(&arch) {
        Ok(arch)
    } else {
        Err(AlpineError::Special(ARCH.to_owned()))
    }
}

/// Whether a text can be an architecture: it becomes a part of addresses and paths.
pub(super) fn is_arch(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(is_plain)
}

pub(super) fn unreadable(path: &str, source: io::Error) -> AlpineError {
    AlpineError::Unreadable {
        what: format!("`/{path}` in the base"),
        source,
    }
}
