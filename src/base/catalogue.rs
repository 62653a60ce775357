//! The bases that are known by name: one TOML file each, in `base-layers/` and compiled into the program, or in a folder
//! of the user's own.
//!
//! A folder of the user's takes the place of what comes with the program, and is not mixed with it: who names one says
//! which bases there are.

mod entry;

use std::path::{Path, PathBuf};

pub use entry::{CatalogueEntry, GCOMPAT, Libc};

use crate::error::{Explain, FileError, Kind, closest};
use crate::fs::toml::TomlError;
use crate::fs::{self, toml};
use crate::oci::Platform;

/// The bases that come with the program, each with the name of its file.
const FILES: [(&str, &str); 8] = [
    (
        "ubuntu-jre8.toml",
        include_str!("../../base-layers/ubuntu-jre8.toml"),
    ),
    (
        "ubuntu-jre11.toml",
        include_str!("../../base-layers/ubuntu-jre11.toml"),
    ),
    (
        "ubuntu-jre17.toml",
        include_str!("../../base-layers/ubuntu-jre17.toml"),
    ),
    (
        "ubuntu-jre21.toml",
        include_str!("../../base-layers/ubuntu-jre21.toml"),
    ),
    (
        "alpine-jre8.toml",
        include_str!("../../base-layers/alpine-jre8.toml"),
    ),
    (
        "alpine-jre11.toml",
        include_str!("../../base-layers/alpine-jre11.toml"),
    ),
    (
        "alpine-jre17.toml",
        include_str!("../../base-layers/alpine-jre17.toml"),
    ),
    (
        "alpine-jre21.toml",
        include_str!("../../base-layers/alpine-jre21.toml"),
    ),
];

/// How the name of a file of a catalogue ends.
const EXTENSION: &str = "toml";
/// Longest file of a catalogue; they are written by hand.
const FILE_LIMIT: u64 = 64 * 1024;
/// Most files of a catalogue: more are not a catalogue, but some other folder.
const COUNT_LIMIT: usize = 1000;

/// A catalogue, or a base of it, that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A file cannot be read.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The folder has no file of a catalogue, or far too many.
    #[error("`{}` is no catalogue of bases: it has {count} files that end with `.{EXTENSION}`", folder.display())]
    Count {
        /// The folder.
        folder: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// A file can be read, and describes no base.
    #[error("`{}` describes no base: {reason}", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A base is not there for a platform.
    #[error("The base `{name}` is not there for `{wanted}`, only for `{offers}`")]
    Platform {
        /// What the base is called.
        name: String,
        /// What was asked for.
        wanted: Box<Platform>,
        /// What it is there for.
        offers: String,
    },
}

impl Explain for CatalogueError {
    fn kind(&self) -> Kind {
        match self {
            Self::Toml(error) => error.kind(),
            Self::Folder(error) => error.kind(),
            Self::Count { .. } | Self::Entry { .. } => Kind::Input,
            Self::Platform { .. } => Kind::Incompatible,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Toml(error) => error.hint(),
            Self::Folder(error) => error.hint(),
            Self::Count { .. } => Some("name the folder that has one such file for each base".to_owned()),
            Self::Entry { .. } => None,
            Self::Platform { .. } => {
                Some("name another base with `--base`; `flink-img bases` lists them with their platforms".to_owned())
            }
        }
    }
}

/// All bases that can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// The bases that come with the program.
    pub fn embedded() -> Self {
        let entries = FILES
            .iter()
            .map(|(name, text)| CatalogueEntry::parse(name.as_ref(), text))
            .collect::<Result<_, _>>()
            .expect("a test reads all files of the catalogue");
        Self { entries }
    }

    /// The bases that the files of a folder describe, in the order of their names.
    pub fn read(folder: &Path) -> Result<Self, CatalogueError> {
        let mut paths = fs::list(folder)?;
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        });
        if !(1..=COUNT_LIMIT).contains(&paths.len()) {
            return Err(CatalogueError::Count {
                folder: folder.to_owned(),
                count: paths.len(),
            });
        }
        let entries = paths
            .iter()
            .map(|path| {
                let entry: CatalogueEntry = toml::read(path, FILE_LIMIT)?;
                entry.checked(path)
            })
            .collect::<Result<_, CatalogueError>>()?;
        Ok(Self { entries })
    }

    /// The bases, in the order of preference.
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The base called `name`.
    pub fn named(&self, name: &str) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The name that `name` looks like.
    pub fn closest(&self, name: &str) -> Option<&str> {
        closest(name, self.entries.iter().map(|entry| &*entry.name))
    }

    /// The base that is named as the default of a line of Flink, written like `1.8`, on all of these platforms.
    pub fn default_of(&self, line: &str, platforms: &[Platform]) -> Option<&CatalogueEntry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| {
            entry.default_of.iter().any(|own| own == line)
                && platforms.iter().all(|platform| entry.serves(platform))
        })
    }

    /// The base to take by default for a Java on all of these platforms.
    pub fn default_for(&self, java: u16, platforms: &[Platform]) -> Option<&CatalogueEntry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| {
            entry.is_default
                && entry.java == java
                && platforms.iter().all(|platform| entry.serves(platform))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn every_file_is_compiled_in_and_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("base-layers");
        let mut there = Catalogue::read(&folder).unwrap();
        let mut embedded = Catalogue::embedded();
        for catalogue in [&mut there, &mut embedded] {
            catalogue.entries.sort_by(|a, b| a.name.cmp(&b.name));
        }
        assert_eq!(embedded, there);
        for entry in embedded.entries() {
            assert_eq!(embedded.named(&entry.name), Some(entry));
            assert!(entry.name.ends_with(&format!("jre{}", entry.java)));
            assert_eq!(entry.libc == Libc::Musl, entry.name.starts_with("alpine-"));
            assert_eq!(entry.packages.is_empty(), entry.libc == Libc::Glibc);
        }
    }

    #[test]
    fn the_default_is_an_ubuntu_that_is_there_for_the_platform() {
        let catalogue = Catalogue::embedded();
        for (java, wanted, expected) in [
            (8, "linux/amd64", None),
            (11, "linux/amd64", Some("ubuntu-jre11")),
            (17, "linux/arm64/v8", Some("ubuntu-jre17")),
            (17, "linux/arm/v7", Some("ubuntu-jre17")),
            (21, "linux/s390x", Some("ubuntu-jre21")),
            (21, "linux/arm/v7", None),
            (5, "linux/amd64", None),
        ] {
            let entry = catalogue.default_for(java, &[platform(wanted)]);
            assert_eq!(entry.map(|entry| &*entry.name), expected, "{java} {wanted}");
        }
        for (line, wanted, expected) in [
            ("1.6", "linux/amd64", Some("ubuntu-jre8")),
            ("1.10", "linux/arm64", Some("ubuntu-jre8")),
            ("1.10", "linux/s390x", None),
            ("1.1", "linux/amd64", None),
            ("1.11", "linux/amd64", None),
        ] {
            let entry = catalogue.default_of(line, &[platform(wanted)]);
            assert_eq!(entry.map(|entry| &*entry.name), expected, "{line} {wanted}");
        }
        let both = ["linux/amd64", "linux/arm/v7"].map(platform);
        assert!(catalogue.default_for(17, &both).is_some());
        assert!(
            catalogue.default_for(21, &both).is_none(),
            "it is there for one of them"
        );
        assert_eq!(catalogue.closest("alpine-jre71"), Some("alpine-jre17"));
        assert_eq!(catalogue.closest("redis"), None);
    }

    #[test]
    fn a_folder_is_a_catalogue_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| fs::write_atomic(&folder.path().join(name), text.as_bytes());
        let count = Catalogue::read(folder.path()).unwrap_err().to_string();
        assert!(
            count.ends_with("it has 0 files that end with `.toml`"),
            "{count}"
        );
        let entry = |name: &str| {
            format!(
                "name = '{name}'\nreference = 'a/b'\njava = 17\nlibc = 'glibc'\nplatforms = ['linux/amd64']\n"
            )
        };
        write("b.toml", &entry("b")).unwrap();
        write("a.toml", &entry("a")).unwrap();
        write("README.md", "no base").unwrap();
        let catalogue = Catalogue::read(folder.path()).unwrap();
        let names: Vec<_> = catalogue
            .entries()
            .iter()
            .map(|entry| &*entry.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        let default = catalogue.default_for(17, &[platform("linux/amd64")]);
        assert_eq!(default, catalogue.named("a"), "the first that fits");
        write("c.toml", &entry("b")).unwrap();
        let error = Catalogue::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("c.toml` describes no base: `name` is not that of the file"),
            "{error}"
        );
    }
}
