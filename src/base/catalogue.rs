//! The bases that are known by name: one TOML file each in `base-layers/`, compiled into the program.

use serde::Deserialize;

use crate::oci::Reference;

const FILES: [&str; 3] = [
    include_str!("../../base-layers/ubuntu-jre11.toml"),
    include_str!("../../base-layers/ubuntu-jre17.toml"),
    include_str!("../../base-layers/ubuntu-jre21.toml"),
];

/// A base that can be named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueEntry {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub reference: Reference,
    /// The major version of its Java.
    pub java: u32,
}

/// All bases that can be named.
#[derive(Debug, Clone)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// The bases that come with the program.
    pub fn embedded() -> Self {
        let entries = FILES
            .iter()
            .map(|file| toml::from_str(file).expect("a test reads all files of the catalogue"))
            .collect();
        Self { entries }
    }

    /// The bases, in the order of preference.
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The base called `name`.
    pub fn named(&self, name: &str) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The base to take by default for a Java.
    pub fn for_java(&self, java: u32) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.java == java)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_is_called_as_it_says() {
        let catalogue = Catalogue::embedded();
        assert_eq!(catalogue.entries().len(), FILES.len());
        for entry in catalogue.entries() {
            assert_eq!(catalogue.named(&entry.name), Some(entry));
            assert!(entry.name.ends_with(&entry.java.to_string()));
        }
        assert_eq!(catalogue.for_java(17).unwrap().name, "ubuntu-jre17");
        assert_eq!(catalogue.for_java(5), None);
    }
}
