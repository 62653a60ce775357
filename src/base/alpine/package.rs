//! The packages that were chosen, as they are written down in a lock file, and what stands for their layer.

use serde::{Deserialize, Serialize};

use super::AlpineError;
use super::checksum::Checksum;
use super::dependency::Dependency;
use super::index::Index;
use super::repository::Repository;
use super::resolve::resolve;
use super::system::System;
use super::version::Version;
use crate::layer::{Compression, RECIPE_VERSION};
use crate::oci::{Digest, canonical};

/// Raised whenever the layer of packages is made of other entries from the same base and packages: which scripts are
/// harmless, which files win, what is written into the databases.
const PACKAGES_VERSION: u32 = 1;

/// A package that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The architecture of the index that it was found in: a part of its address.
    pub arch: String,
    /// Its identity: the checksum of its control segment, which names the checksum of its files.
    pub checksum: Checksum,
    /// Its bytes as it is stored.
    pub size: u64,
    /// The bytes of its files.
    pub installed_size: u64,
    /// Where it comes from; without user and password when it is written down.
    pub repository: Repository,
}

/// What was asked for, and the packages that this takes beside those of the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// What was asked for by name, sorted; goes into `/etc/apk/world`.
    pub wanted: Vec<Dependency>,
    /// The packages, by name.
    pub packages: Vec<Package>,
}

impl Package {
    /// `NAME-VERSION`
    pub fn label(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The name of its file in a repository.
    pub(super) fn file_name(&self) -> String {
        format!("{}.apk", self.label())
    }
}

/// Chooses the packages that `wanted` takes: as apk would, but that nothing of the base is upgraded.
///
/// Pure: the same base, indexes and wishes give the same packages. Of two indexes that have the same version the first
/// one counts.
pub fn choose(
    system: &System,
    indexes: &[Index],
    wanted: &[Dependency],
) -> Result<Selection, AlpineError> {
    let installed = system.installed()?.records;
    let world = system.world()?;
    let arch = system.arch()?;
    let found = resolve(&installed, &world, indexes, wanted)?;
    let mut wanted = wanted.to_vec();
    wanted.sort_by_key(ToString::to_string);
    wanted.dedup();
    let packages = found.into_iter().map(|(index, record)| Package {
        name: record.name.clone(),
        version: record.version.clone(),
        arch: arch.clone(),
        checksum: record.checksum,
        size: record.size,
        installed_size: record.installed_size,
        repository: indexes[index].repository.clone(),
    });
    Ok(Selection {
        packages: packages.collect(),
        wanted,
    })
}

/// What stands for the layer of packages: everything that it is made of follows from the base, from the packages and from
/// this program. Where the packages come from is not part of it.
pub fn packages_key(base: Digest, selection: &Selection, compression: Compression) -> Digest {
    let packages: Vec<_> = selection
        .packages
        .iter()
        .map(|package| (package.label(), package.checksum, package.size))
        .collect();
    Digest::of(&canonical(&(
        RECIPE_VERSION,
        PACKAGES_VERSION,
        base,
        &selection.wanted,
        packages,
        compression,
    )))
}
