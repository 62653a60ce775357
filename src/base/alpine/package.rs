//! The packages that were chosen, as they are written down in a lock file, and what stands for their layer.

use serde::{Deserialize, Serialize};

use super::AlpineError;
use super::checksum::Checksum;
use super::dependency::Dependency;
use super::error::shown;
use super::index::Index;
use super::record::{RecordError, is_name};
use super::repository::Repository;
use super::resolve::{ResolveError, resolve};
use super::system::{System, is_arch};
use super::version::Version;
use crate::layer::{Compression, RECIPE_VERSION};
use crate::oci::{Digest, canonical};

/// Raised whenever the layer of packages is made of other entries from the same base and packages: which scripts are
/// harmless, which files win, what is written into the databases.
const PACKAGES_VERSION: u32 = 1;

/// A package that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "Written")]
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

/// A package as it is written down, which anybody may have written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    name: String,
    version: Version,
    arch: String,
    checksum: Checksum,
    size: u64,
    installed_size: u64,
    repository: Repository,
}

impl TryFrom<Written> for Package {
    type Error = RecordError;

    /// Name and architecture become parts of addresses and paths.
    fn try_from(written: Written) -> Result<Self, RecordError> {
        if !is_name(&written.name) {
            return Err(RecordError::Name(shown(&written.name)));
        }
        if !is_arch(&written.arch) {
            return Err(RecordError::Arch(shown(&written.arch)));
        }
        Ok(Self {
            name: written.name,
            version: written.version,
            arch: written.arch,
            checksum: written.checksum,
            size: written.size,
            installed_size: written.installed_size,
            repository: written.repository,
        })
    }
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
    let found = resolve(&installed, &world, indexes, wanted)
        .map_err(|error| unreadable(indexes, &error).unwrap_or(error.into()))?;
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

/// What tells better why a package is missing: its record is there, and cannot be read.
fn unreadable(indexes: &[Index], error: &ResolveError) -> Option<AlpineError> {
    let ResolveError::Missing { name, .. } = error else {
        return None;
    };
    indexes.iter().find_map(|index| {
        let source = index.unreadable.get(name)?.clone();
        let what = format!(
            "The record of `{name}` in the index of `{}`",
            index.repository
        );
        Some(AlpineError::Record { what, source })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_leads_nowhere_else() {
        let good = r#"{"name":"a","version":"1","arch":"x86_64","checksum":"Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=","size":1,
            "installed-size":1,"repository":"main"}"#;
        serde_json::from_str::<Package>(good).unwrap();
        for (from, to, expected) in [
            (
                r#""a""#,
                r#""../../a""#,
                "`../../a` is not the name of a package",
            ),
            ("x86_64", "../..", "`../..` is not an architecture"),
            ("x86_64", "", "`` is not an architecture"),
        ] {
            let error = serde_json::from_str::<Package>(&good.replace(from, to)).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
    }
}
