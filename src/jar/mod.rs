//! What is in a jar: its manifest, classes, libraries, native libraries, signature and times.
//!
//! Knows zip files, class files, manifests and ELF, and nothing of Flink or of images. It finds facts; what they mean for
//! a job is decided elsewhere. A jar is foreign bytes: whatever it says of itself is held against the file before it costs
//! memory or time. Of a large jar only the directory and the first bytes of each class are read, on all cores.

mod classes;
mod content;
mod directory;
mod elf;
mod end;
mod error;
mod fields;
mod libraries;
mod manifest;
mod native;
mod normalize;
mod oddity;
mod services;
mod signature;
mod times;
mod users;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::directory::Directory;

pub use self::classes::{Class, ClassVersion, ClassVersions, Classes, SharedClass};
pub use self::error::JarError;
pub use self::libraries::Library;
pub use self::manifest::Manifest;
pub use self::native::{Libc, NativeLibrary};
pub use self::normalize::{Normalized, normalize};
pub use self::oddity::Oddity;
pub use self::signature::Signature;
pub use self::times::{DosTime, Times};
pub use self::users::users;

/// What is remembered of jars by what is found in them is known by this; raised whenever other facts are found in the same
/// bytes.
pub const FACTS_VERSION: &str = "1";

/// What is in a jar.
///
/// ```no_run
/// use std::path::Path;
/// use flink_img::jar::JarFacts;
///
/// let facts = JarFacts::read(Path::new("target/job.jar"))?;
/// if let Some((major, classes)) = facts.class_versions.newest() {
///     println!("{} classes, the newest as `{}`: {major}", facts.classes.len(), classes.example);
/// }
/// # Ok::<(), flink_img::jar::JarError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JarFacts {
    /// The attributes of the manifest.
    pub manifest: Manifest,
    /// How many entries it has, folders too.
    pub entries: usize,
    /// Its classes, to be found in other jars.
    pub classes: Classes,
    /// Which Java its classes need.
    pub class_versions: ClassVersions,
    /// The libraries that it says are in it.
    pub libraries: Vec<Library>,
    /// The classes that offer a service, by service.
    pub services: BTreeMap<String, Vec<String>>,
    /// Its native libraries for Linux, sorted by path.
    pub natives: Vec<NativeLibrary>,
    /// Whether it is signed, and still what was signed.
    pub signature: Signature,
    /// The times of its entries; `None` without entries.
    pub times: Option<Times>,
    /// Whether its entries are in the order of their names, but for the manifest.
    pub sorted: bool,
    /// Why it cannot be normalised, if that is so.
    pub obstacle: Option<String>,
    /// What is odd about it, what is fatal first.
    pub oddities: Vec<Oddity>,
}

impl JarFacts {
    /// Reads what is in the jar at `path`.
    pub fn read(path: &Path) -> Result<Self, JarError> {
        let directory = Directory::read(path)?;
        let (class_versions, no_classes) = classes::versions(&directory)?;
        let signature = signature::read(&directory)?;
        let manifest = Manifest::of(&directory)?;
        Ok(Self {
            entries: directory.entries.len(),
            classes: classes::list(&directory),
            class_versions,
            libraries: libraries::read(&directory),
            services: services::read(&directory),
            natives: native::read(&directory)?,
            obstacle: normalize::obstacle(&directory, &signature)?,
            signature,
            times: times::read(&directory),
            sorted: directory.is_sorted(),
            oddities: oddity::find(&directory, &no_classes, manifest.entry_class()),
            manifest,
        })
    }
}

/// The bytes of the file `name` in the jar at `path`; `None` if there is none. One that is longer than `limit` is taken for
/// damage.
pub fn file_in(path: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>, JarError> {
    let directory = Directory::read(path)?;
    let entry = directory.find(name.as_bytes());
    entry.map(|entry| directory.bytes(entry, limit)).transpose()
}
