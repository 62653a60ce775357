//! A Flink distribution as a list of files, whether it comes as an archive or as a folder.
//!
//! Both give the same list for the same content: folders are left out (the layout makes them), a hard link is
//! the file that it names, and of the modes only one bit counts. A file can be executed when its owner may, or
//! when it starts with `#!`: wheels, zip files and some file systems lose the bit, and a distribution without
//! it would not start. What lies below `log/` is left out: a distribution that was used has logs there, and they
//! tell when and on which host.

mod archive;
mod error;
mod facts;
mod folder;
mod release;

use std::path::Path;

use crate::archive::{leaves, resolve};
use crate::layer::{Content, ImagePath};
use crate::memory::Memory;

use super::config::Syntax;
use super::version::{FlinkVersion, ScalaVersion};

pub use error::DistributionError;
pub use facts::RULES as LISTING_RULES;
pub(super) use release::Unpacked;

/// Configuration files are read into memory, so that the layout can change them without reading anything.
pub(super) const CONFIG_FILES: [&str; 2] = [Syntax::Yaml.file(), Syntax::Legacy.file()];

/// What a script begins with.
const SCRIPT: &[u8] = b"#!";

/// Larger than any configuration that people write.
const CONFIG_LIMIT: u64 = 4 << 20;

/// A Flink distribution that was found to be one.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The version that `lib/flink-dist*.jar` is named after.
    pub version: FlinkVersion,
    /// The Scala version that file names in `lib/` tell, if they do.
    pub scala: Option<ScalaVersion>,
    /// All files and links, sorted by path.
    pub files: Vec<DistributionFile>,
}

/// One file or link of a [`Distribution`].
#[derive(Debug, Clone)]
pub struct DistributionFile {
    /// Relative to the Flink root.
    pub path: ImagePath,
    /// What it is.
    pub kind: DistributionKind,
}

/// What a [`DistributionFile`] is.
#[derive(Debug, Clone)]
pub enum DistributionKind {
    /// A file.
    File {
        /// Its bytes.
        content: Content,
        /// Whether it can be executed.
        executable: bool,
    },
    /// A relative link that stays inside the distribution, with its target as written.
    Symlink(String),
}

impl Distribution {
    /// Reads an archive of a distribution; `spool` is the folder for the unpacked bytes of a compressed one.
    ///
    /// One that is known and did not change is not read before somebody wants the bytes of its files.
    ///
    /// ```no_run
    /// use std::path::Path;
    /// use flink_img::flink::Distribution;
    /// use flink_img::memory::Forgetful;
    ///
    /// let archive = Path::new("flink-2.3.0-bin-scala_2.12.tgz");
    /// let flink = Distribution::from_archive(archive, Path::new("/var/tmp"), &Forgetful)?;
    /// println!("{} files of Flink {}", flink.files.len(), flink.version);
    /// # Ok::<(), flink_img::flink::DistributionError>(())
    /// ```
    pub fn from_archive(
        path: &Path,
        spool: &Path,
        memory: &dyn Memory,
    ) -> Result<Self, DistributionError> {
        archive::open(path, spool, memory)
    }

    /// Reads a folder: the root of a distribution, or one that holds a single `flink-*` folder, as
    /// `flink-dist/target/flink-2.3.0-bin` does. It must not change until the image is made.
    pub fn from_directory(path: &Path, memory: &dyn Memory) -> Result<Self, DistributionError> {
        let root = folder::root(path)?;
        Self::check(path, folder::read(&root, memory)?)
    }

    /// Refuses a version other than the one that was asked for.
    pub fn expect_version(
        &self,
        source: &Path,
        asked: &FlinkVersion,
    ) -> Result<(), DistributionError> {
        if self.version == *asked {
            return Ok(());
        }
        Err(DistributionError::OtherVersion {
            path: source.to_owned(),
            found: self.version.clone(),
            asked: asked.clone(),
        })
    }

    /// The file at `path`, relative to the Flink root.
    pub fn file(&self, path: &str) -> Option<&DistributionFile> {
        self.files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()
            .map(|index| &self.files[index])
    }

    fn check(source: &Path, mut files: Vec<DistributionFile>) -> Result<Self, DistributionError> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for file in &files {
            let refuse = |why: String| DistributionError::Refused {
                path: source.to_owned(),
                entry: file.path.as_str().to_owned(),
                why,
            };
            // In a layer such a name removes files instead of adding one.
            if let Some(part) = file
                .path
                .as_str()
                .split('/')
                .find(|p| p.starts_with(".wh."))
            {
                return Err(refuse(format!(
                    "its name `{part}` means a removal in an image"
                )));
            }
            if let DistributionKind::Symlink(target) = &file.kind
                && (resolve(file.path.as_str(), target).is_none()
                    || leaves(file.path.as_str(), target, |path| link(&files, path)))
            {
                return Err(refuse(format!(
                    "it is a link to `{target}`, outside of the distribution"
                )));
            }
        }
        let names = || {
            files
                .iter()
                .filter_map(|file| file.path.as_str().strip_prefix("lib/"))
        };
        let dists: Vec<&str> = names()
            .filter(|name| !name.contains('/') && name.starts_with("flink-dist") && is_jar(name))
            .collect();
        let (version, scala) = match dists[..] {
            [] => {
                return Err(DistributionError::NoDist {
                    path: source.to_owned(),
                });
            }
            [name] => dist_version(name).ok_or_else(|| DistributionError::DistName {
                path: source.to_owned(),
                name: name.to_owned(),
            })?,
            [first, second, ..] => {
                return Err(DistributionError::SeveralDists {
                    path: source.to_owned(),
                    first: first.to_owned(),
                    second: second.to_owned(),
                });
            }
        };
        // From 1.15 on only `flink-scala_2.12-1.20.5.jar` tells.
        let scala = scala.or_else(|| {
            names().find_map(|name| {
                let (scala, _) = name.strip_prefix("flink-scala_")?.split_once('-')?;
                scala.parse().ok()
            })
        });
        let distribution = Self {
            version,
            scala,
            files,
        };
        // The part of a distribution that is published for Python has jars and no scripts.
        for script in ["bin/jobmanager.sh", "bin/taskmanager.sh"] {
            if distribution.file(script).is_none() {
                return Err(DistributionError::NoScript {
                    path: source.to_owned(),
                    script,
                });
            }
        }
        Ok(distribution)
    }
}

/// The target of the link at `path`, if there is one; `files` are sorted.
fn link<'a>(files: &'a [DistributionFile], path: &str) -> Option<&'a str> {
    let place = files.binary_search_by(|file| file.path.as_str().cmp(path));
    match &files[place.ok()?].kind {
        DistributionKind::Symlink(target) => Some(target),
        DistributionKind::File { .. } => None,
    }
}

/// Whether a file is called like a jar, which is all that Flink's scripts look at.
pub fn is_jar(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "jar")
}

/// Reads `flink-dist-1.20.5.jar` or `flink-dist_2.12-1.14.6.jar`.
fn dist_version(name: &str) -> Option<(FlinkVersion, Option<ScalaVersion>)> {
    let rest = name.strip_prefix("flink-dist")?.strip_suffix(".jar")?;
    let (scala, version) = match rest.strip_prefix('_') {
        Some(rest) => {
            let (scala, version) = rest.split_once('-')?;
            (Some(scala.parse().ok()?), version)
        }
        None => (None, rest.strip_prefix('-')?),
    };
    Some((version.parse().ok()?, scala))
}

/// Whether a file, by its path, is what a run of Flink left behind.
fn is_left_behind(path: &[u8]) -> bool {
    path.starts_with(b"log/")
}

/// What is executable, by its mode and whether it is a script.
fn is_executable(mode: u32, is_script: bool) -> bool {
    mode & 0o100 != 0 || is_script
}

/// Whether a file is kept in memory, as the layout is a pure function of what is known.
fn is_config(path: &str, size: u64) -> bool {
    CONFIG_FILES.contains(&path) && size <= CONFIG_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dist_jar_tells_versions() {
        for (name, version, scala) in [
            ("flink-dist-1.20.5.jar", "1.20.5", None),
            ("flink-dist-2.1-SNAPSHOT.jar", "2.1-SNAPSHOT", None),
            ("flink-dist_2.12-1.14.6.jar", "1.14.6", Some("2.12")),
        ] {
            let (found, found_scala) = dist_version(name).unwrap();
            assert_eq!(found.to_string(), version);
            assert_eq!(found_scala.map(|s| s.to_string()).as_deref(), scala);
        }
        for name in ["flink-dist.jar", "flink-dist-x.jar", "flink-dist_2.12.jar"] {
            assert!(dist_version(name).is_none(), "{name}");
        }
    }

    #[test]
    fn scripts_run_without_their_bit() {
        assert!(is_executable(0o644, true));
        assert!(is_executable(0o755, false));
        assert!(!is_executable(0o655, false));
    }
}
