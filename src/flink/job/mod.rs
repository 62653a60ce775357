//! The job: its jar and what else it needs, opened and checked. Where they lie in an image is told in [`layout`].

mod layout;

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Explain, FileError, IoResultExt, Kind};
use crate::fs;
use crate::jar::{JarError, Manifest};
use crate::layer::{Content, ContentSource};
use crate::memory::{Memory, Sighting};
use crate::oci::{Digest, HashingReader};

use crate::parallel::on_all_cores;

pub(super) use layout::USRLIB;
pub use layout::{JobLayout, JobPlaces, check_names};

/// Longest file name (`NAME_MAX` of Linux).
const NAME_LIMIT: usize = 255;

/// How the name of a file ends whose manifest is looked for.
const JAR_ENDING: &str = ".jar";

/// The kinds under which files are remembered, each with a version that is raised when other things are learnt.
const ARTIFACT: (&str, &str) = ("artifact", "2");
const JAR: (&str, &str) = ("jar", "1");

/// A file that goes along with the job, under its own name.
///
/// ```no_run
/// use std::path::Path;
/// use flink_img::flink::{Artifact, JobJar, JobLayout, JobPlaces, Known};
/// use flink_img::memory::Forgetful;
///
/// let job = JobJar::open(Path::new("target/job.jar"), &Forgetful)?;
/// let connector = Artifact::open(Path::new("flink-connector-kafka.jar"), &Forgetful)?;
/// let version = "1.20.5".parse()?;
/// let places = JobPlaces::of(Known::of(&version)?.line, &version);
/// let layout = JobLayout::new(&places, Some(&job.artifact), &[connector])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Where it came from.
    pub source: PathBuf,
    /// Its base name, which it keeps.
    pub name: String,
    /// Its bytes.
    pub content: Content,
    /// The class that its manifest names, if it is a jar that can be read: `program-class`, which only Flink reads, or else
    /// `Main-Class`.
    pub entry_class: Option<String>,
}

/// The jar of the job.
#[derive(Debug, Clone)]
pub struct JobJar {
    /// The file.
    pub artifact: Artifact,
}

/// What is remembered of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Facts {
    digest: Digest,
    size: u64,
    entry_class: Option<String>,
}

/// A job that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the messages say")]
pub enum JobError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder or something else that is no file.
    #[error("`{}` is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
    /// A name that cannot be a file in an image.
    #[error("`{}` cannot keep its name in the image: {why}", path.display())]
    Name { path: PathBuf, why: &'static str },
    /// Two files with one name.
    #[error("`{}` and `{}` have the same name, and only one file can have it in the image", first.display(), second.display())]
    SameName { first: PathBuf, second: PathBuf },
    /// A link whose name is taken.
    #[error("{owner} has `{link}` already, and `{}` needs that name for a link", path.display())]
    NameTaken {
        owner: String,
        link: String,
        path: PathBuf,
    },
    /// A jar that is none, or is damaged.
    #[error(transparent)]
    Jar(#[from] JarError),
}

impl Explain for JobError {
    fn kind(&self) -> Kind {
        match self {
            Self::File(error) => error.kind(),
            Self::Jar(error) => error.kind(),
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File(error) => return error.hint(),
            Self::Jar(error) => return error.hint(),
            Self::NotAFile { .. } => "name each file by itself",
            Self::Name { .. } | Self::SameName { .. } => "rename it",
            Self::NameTaken { .. } => "rename one of the two",
        };
        Some(hint.to_owned())
    }
}

/// Learns something of a file by reading all of it, unless that was done before and the file did not change since.
fn learn<T: Serialize + DeserializeOwned>(
    path: &Path,
    memory: &dyn Memory,
    (kind, rules): (&str, &str),
    read: impl FnOnce() -> Result<T, JobError>,
) -> Result<T, JobError> {
    let sighting = Sighting::new(path, &fs::metadata(path)?, fs::now());
    if let Some(known) = sighting.recall(memory, kind, rules) {
        return Ok(known);
    }
    let learnt = read()?;
    sighting.remember(memory, kind, rules, &fs::metadata(path)?, &learnt);
    Ok(learnt)
}

impl Facts {
    /// Reads a file whose manifest, if it has one, was read.
    fn read(path: &Path, manifest: &Manifest) -> Result<Self, JobError> {
        let file = io::BufReader::with_capacity(128 << 10, fs::open(path)?);
        let (digest, size) = HashingReader::new(file).finish().at("read", path)?;
        Ok(Self {
            digest,
            size,
            entry_class: manifest.entry_class().map(ToOwned::to_owned),
        })
    }
}

/// The jar that a job starts with: the one that is named as such, or else the only one among its files that names an
/// entry class, which is how Flink finds it.
fn main_jar<'a>(named: Option<&'a Artifact>, dependencies: &'a [Artifact]) -> Option<&'a Artifact> {
    let mut entries = dependencies.iter().filter(|it| it.entry_class.is_some());
    let only = entries.next().filter(|_| entries.next().is_none());
    named.or(only)
}

impl Artifact {
    /// Whether it is named as a jar, as what Flink puts on the class path is.
    pub fn is_jar(&self) -> bool {
        self.name.ends_with(JAR_ENDING)
    }

    /// Reads a file once, to know its digest; not at all if it did not change since that was done before.
    pub fn open(path: &Path, memory: &dyn Memory) -> Result<Self, JobError> {
        let name = usable_name(path)?;
        let facts = learn(path, memory, ARTIFACT, || {
            // What is wrong with a jar that cannot be read is told by the checks.
            let manifest = if name.ends_with(JAR_ENDING) {
                Manifest::read(path).unwrap_or_default()
            } else {
                Manifest::default()
            };
            Facts::read(path, &manifest)
        })?;
        Ok(Self::new(path, name, facts))
    }

    /// Opens several files, as many at a time as there are cores. Of several errors the first is returned.
    pub fn open_all(paths: &[PathBuf], memory: &dyn Memory) -> Result<Vec<Self>, JobError> {
        let opened = on_all_cores(paths, |path| Self::open(path, memory));
        opened.into_iter().collect()
    }

    fn new(path: &Path, name: String, facts: Facts) -> Self {
        let Facts {
            digest,
            size,
            entry_class,
        } = facts;
        Self {
            source: path.to_owned(),
            name,
            content: Content {
                digest,
                size,
                source: ContentSource::Path(path.to_owned()),
            },
            entry_class,
        }
    }
}

/// The name that a file keeps in the image, if it is a file and has such a name.
fn usable_name(path: &Path) -> Result<String, JobError> {
    if let Some(what) = fs::other_than_file(path)? {
        return Err(JobError::NotAFile {
            path: path.to_owned(),
            what,
        });
    }
    name(path).map_err(|why| JobError::Name {
        path: path.to_owned(),
        why,
    })
}

/// The base name, if it is one that a file in `usrlib` can have.
fn name(path: &Path) -> Result<String, &'static str> {
    let name = path.file_name().ok_or("it has none")?;
    let name = name.to_str().ok_or("it is not UTF-8")?;
    if name.starts_with(".wh.") {
        return Err("`.wh.` means a removal there");
    }
    if name.chars().any(char::is_control) {
        return Err("it has a control character");
    }
    if name.contains(':') {
        return Err("it has a `:`, which separates the entries of a class path");
    }
    if name.len() > NAME_LIMIT {
        return Err("it is longer than 255 bytes");
    }
    Ok(name.to_owned())
}

impl JobJar {
    /// Opens the jar and reads its manifest; nothing of that if it did not change since that was done before.
    pub fn open(path: &Path, memory: &dyn Memory) -> Result<Self, JobError> {
        let name = usable_name(path)?;
        let facts = learn(path, memory, JAR, || {
            Facts::read(path, &Manifest::read(path)?)
        })?;
        Ok(Self {
            artifact: Artifact::new(path, name, facts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_harm_an_image_are_refused() {
        for bad in [
            ".wh.job.jar",
            ".wh..wh..opq",
            "a\nb.jar",
            "a:b.jar",
            &"x".repeat(256),
            "/",
            "..",
        ] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
        }
        assert_eq!(name(Path::new("x/jöb 1.jar")).unwrap(), "jöb 1.jar");
    }
}
