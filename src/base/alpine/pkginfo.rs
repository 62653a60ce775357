//! `.PKGINFO`: what a package says of itself, as lines `KEY = VALUE`.
//!
//! The installed database is written from it, so that it says the same whichever index the package was found in.

use super::checksum::Checksum;
use super::dependency::{Dependency, DependencyError, parse_list};
use super::error::shown;
use super::record::{Record, RecordError, is_name, number};
use super::version::Version;
use crate::oci::Digest;

/// What a package says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageInfo {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) arch: Option<String>,
    pub(super) description: String,
    pub(super) url: String,
    pub(super) license: String,
    pub(super) installed_size: u64,
    pub(super) origin: Option<String>,
    pub(super) maintainer: Option<String>,
    pub(super) build_time: u64,
    pub(super) commit: Option<String>,
    pub(super) provider_priority: u64,
    pub(super) depends: Vec<Dependency>,
    pub(super) provides: Vec<Dependency>,
    pub(super) install_if: Vec<Dependency>,
    pub(super) replaces: Vec<Dependency>,
    pub(super) replaces_priority: u64,
    /// Folders whose changes run its trigger.
    pub(super) triggers: Vec<String>,
    /// SHA-256 of the data segment.
    pub(super) data_hash: Digest,
}

impl PackageInfo {
    pub(super) fn parse(text: &str) -> Result<Self, RecordError> {
        let (mut name, mut version, mut data_hash) = (None, None, None);
        let mut info = Self {
            name: String::new(),
            version: "0".parse().expect("it is a version"),
            arch: None,
            description: String::new(),
            url: String::new(),
            license: String::new(),
            installed_size: 0,
            origin: None,
            maintainer: None,
            build_time: 0,
            commit: None,
            provider_priority: 0,
            depends: Vec::new(),
            provides: Vec::new(),
            install_if: Vec::new(),
            replaces: Vec::new(),
            replaces_priority: 0,
            triggers: Vec::new(),
            data_hash: Digest::of(b""),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once(" = ") else {
                continue;
            };
            let text = || Some(value.to_owned());
            match key {
                "pkgname" if is_name(value) => name = text(),
                "pkgname" => return Err(RecordError::Name(shown(value))),
                "pkgver" => version = Some(Version::of_package(value)?),
                "arch" => info.arch = text(),
                "pkgdesc" => value.clone_into(&mut info.description),
                "url" => value.clone_into(&mut info.url),
                "license" => value.clone_into(&mut info.license),
                "size" => info.installed_size = number(value)?,
                "origin" => info.origin = text(),
                "maintainer" => info.maintainer = text(),
                "builddate" => info.build_time = number(value)?,
                "commit" => info.commit = text(),
                "provider_priority" => info.provider_priority = number(value)?,
                "depend" => add(&mut info.depends, value)?,
                "provides" => add(&mut info.provides, value)?,
                "install_if" => add(&mut info.install_if, value)?,
                "replaces" => add(&mut info.replaces, value)?,
                "replaces_priority" => info.replaces_priority = number(value)?,
                "triggers" => info
                    .triggers
                    .extend(value.split_ascii_whitespace().map(ToOwned::to_owned)),
                "datahash" => data_hash = format!("sha256:{value}").parse().ok(),
                _ => {}
            }
        }
        info.name = name.ok_or(RecordError::Missing("name"))?;
        info.version = version.ok_or(RecordError::Missing("version"))?;
        info.data_hash = data_hash.ok_or(RecordError::Missing("checksum of its files"))?;
        Ok(info)
    }
}

impl PackageInfo {
    /// The same as a record of a package with this identity, which has so many bytes as it is stored.
    pub(super) fn record(&self, checksum: Checksum, size: u64) -> Record {
        Record {
            name: self.name.clone(),
            version: self.version.clone(),
            arch: self.arch.clone(),
            checksum,
            size,
            installed_size: self.installed_size,
            origin: self.origin.clone(),
            depends: self.depends.clone(),
            provides: self.provides.clone(),
            install_if: self.install_if.clone(),
            provider_priority: self.provider_priority,
            replaces: self.replaces.clone(),
            replaces_priority: self.replaces_priority,
            is_unknown: false,
        }
    }
}

/// Adds what a line names: one thing, or several with blanks between.
fn add(list: &mut Vec<Dependency>, value: &str) -> Result<(), DependencyError> {
    list.extend(parse_list(value)?);
    Ok(())
}
