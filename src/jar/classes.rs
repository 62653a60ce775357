//! The classes in a jar: which there are, and which Java they need.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::content::Heads;
use super::directory::{Directory, Entry};
use super::error::JarError;
use crate::parallel::on_all_cores;

const SUFFIX: &[u8] = b".class";
const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
const META_INF: &str = "META-INF/";
const VERSIONS: &str = "META-INF/versions/";
const MODULE_INFO: &str = "module-info";
/// How many classes a thread takes at once: enough that its inflater is worth making.
const CHUNK: usize = 512;

/// One class file, without what is the same for all of its package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Box<str>, u32, u64)", into = "(Box<str>, u32, u64)")]
pub struct Class {
    /// The name without its package, and without `.class`.
    pub name: Box<str>,
    /// The CRC-32 of the class file.
    pub crc32: u32,
    /// The size of the class file.
    pub size: u64,
}

impl From<(Box<str>, u32, u64)> for Class {
    fn from((name, crc32, size): (Box<str>, u32, u64)) -> Self {
        Self { name, crc32, size }
    }
}

impl From<Class> for (Box<str>, u32, u64) {
    fn from(class: Class) -> Self {
        (class.name, class.crc32, class.size)
    }
}

impl Class {
    /// Whether both are the same bytes, as far as checksum and size tell.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.crc32, self.size) == (other.crc32, other.size)
    }
}

/// All class files outside of `META-INF`, by folder, but for `module-info.class`.
///
/// ```
/// use flink_img::jar::{Class, Classes};
///
/// let class = |crc32| Class { name: "Job".into(), crc32, size: 1000 };
/// let mine: Classes = [("org/example", class(1))].into_iter().collect();
/// let theirs: Classes = [("org/example", class(2))].into_iter().collect();
/// assert!(mine.get("org.example.Job").is_some());
/// let shared: Vec<_> = mine.shared_with(&theirs).collect();
/// assert_eq!(shared[0].name(), "org.example.Job");
/// assert!(!shared[0].is_same());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes(BTreeMap<Box<str>, Vec<Class>>);

impl Classes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The class of this name, with dots or slashes between its parts.
    pub fn get(&self, name: &str) -> Option<&Class> {
        let path = name.replace('.', "/");
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let classes = self.0.get(folder)?;
        let place = classes.binary_search_by(|class| (*class.name).cmp(name));
        Some(&classes[place.ok()?])
    }

    /// Whether there is a class in this package or below it; with dots or slashes between its parts.
    pub fn has_package(&self, name: &str) -> bool {
        let path = name.replace('.', "/");
        let below = format!("{path}/");
        self.0.contains_key(path.as_str())
            || self
                .0
                .range::<str, _>((Bound::Included(&*below), Bound::Unbounded))
                .next()
                .is_some_and(|(folder, _)| folder.starts_with(&below))
    }

    /// Each folder with its classes, both sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Class])> {
        self.0
            .iter()
            .map(|(folder, classes)| (&**folder, classes.as_slice()))
    }

    /// The classes that are in both jars, sorted by name.
    pub fn shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = SharedClass<'a>> {
        self.0.iter().flat_map(|(folder, ours)| {
            let theirs = other.0.get(folder).map_or(&[][..], Vec::as_slice);
            ours.iter().filter_map(move |class| {
                let place = theirs.binary_search_by(|other| other.name.cmp(&class.name));
                Some(SharedClass {
                    folder,
                    classes: [class, &theirs[place.ok()?]],
                })
            })
        })
    }
}

impl<'a> FromIterator<(&'a str, Class)> for Classes {
    /// Of several with one name, one is kept.
    fn from_iter<I: IntoIterator<Item = (&'a str, Class)>>(classes: I) -> Self {
        let mut folders: BTreeMap<Box<str>, Vec<Class>> = BTreeMap::new();
        for (folder, class) in classes {
            match folders.get_mut(folder) {
                Some(classes) => classes.push(class),
                None => {
                    folders.insert(folder.into(), vec![class]);
                }
            }
        }
        for classes in folders.values_mut() {
            classes.sort_by(|a, b| a.name.cmp(&b.name));
            classes.dedup_by(|a, b| a.name == b.name);
            classes.shrink_to_fit();
        }
        Self(folders)
    }
}

/// A class that two jars have.
#[derive(Debug, Clone, Copy)]
pub struct SharedClass<'a> {
    folder: &'a str,
    classes: [&'a Class; 2],
}

impl SharedClass<'_> {
    /// Its name, as in `org.example.Job`.
    pub fn name(&self) -> String {
        let name = &self.classes[0].name;
        if self.folder.is_empty() {
            return name.to_string();
        }
        format!("{}.{name}", self.folder.replace('/', "."))
    }

    /// Whether both are the same bytes.
    pub fn is_same(&self) -> bool {
        self.classes[0].is_same(self.classes[1])
    }
}

/// The classes of one major version of the class file format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassVersion {
    /// How many there are.
    pub count: usize,
    /// The path of the first of them by name, as it is in the jar.
    pub example: String,
}

/// What the classes of a jar need: major versions of the class file format, of which 52 is Java 8. Module descriptors are
/// left out: they are read from a module path only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassVersions {
    /// The classes outside of `META-INF`, by version.
    pub classes: BTreeMap<u16, ClassVersion>,
    /// The newest version below `META-INF/versions/N`, by N: only a Java that is at least N reads these.
    pub versioned: BTreeMap<u16, (u16, String)>,
}

impl ClassVersions {
    /// The newest version that every Java meets, with a class that has it.
    pub fn newest(&self) -> Option<(u16, &ClassVersion)> {
        self.classes
            .last_key_value()
            .map(|(major, classes)| (*major, classes))
    }

    /// The Java that reads this version of the class file format; `None` for versions before Java 1.1.
    pub fn java(major: u16) -> Option<u16> {
        major.checked_sub(44).filter(|java| *java > 0)
    }

    fn add(&mut self, name: String, major: u16) {
        let file = name.rsplit_once('/').map_or(&*name, |(_, file)| file);
        if file == "module-info.class" {
            return;
        }
        if let Some(version) = versioned(&name) {
            let newest = self.versioned.entry(version).or_default();
            *newest = std::mem::take(newest).max((major, name));
        } else if !name.starts_with(META_INF) {
            let found = self.classes.entry(major).or_insert_with(|| ClassVersion {
                count: 0,
                example: name.clone(),
            });
            found.count += 1;
            if name < found.example {
                found.example = name;
            }
        }
    }
}

/// The N of a path below `META-INF/versions/N`.
fn versioned(name: &str) -> Option<u16> {
    let (version, _) = name.strip_prefix(VERSIONS)?.split_once('/')?;
    version.parse().ok()
}

/// The entries that are class files.
pub(super) fn entries(directory: &Directory) -> Vec<&Entry> {
    let is_class = |entry: &&Entry| directory.name(entry).ends_with(SUFFIX);
    directory.entries.iter().filter(is_class).collect()
}

/// The classes by what the directory says of them.
pub(super) fn list(directory: &Directory) -> Classes {
    let entries = entries(directory);
    let names: Vec<String> = entries.iter().map(|entry| directory.text(entry)).collect();
    let classes = names.iter().zip(&entries).filter_map(|(name, entry)| {
        // A character that was replaced does not change the end, which is ASCII.
        let path = name.strip_suffix(".class")?;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if path.starts_with(META_INF) || name == MODULE_INFO {
            return None;
        }
        let class = Class {
            name: name.into(),
            crc32: entry.crc32,
            size: entry.size,
        };
        Some((folder, class))
    });
    classes.collect()
}

/// Reads the first bytes of each class file: its versions, and the names of those that are none.
pub(super) fn versions(directory: &Directory) -> Result<(ClassVersions, Vec<String>), JarError> {
    let mut entries = entries(directory);
    entries.retain(|entry| entry.is_readable());
    // In the order of the file, which is kinder to disks.
    entries.sort_by_key(|entry| entry.offset);
    let chunks: Vec<_> = entries.chunks(CHUNK).collect();
    let majors = on_all_cores(&chunks, |chunk| {
        let mut heads = Heads::new(directory);
        let major = |entry: &&Entry| Ok(heads.read(entry)?.and_then(major));
        chunk
            .iter()
            .map(major)
            .collect::<Result<Vec<_>, JarError>>()
    });
    let (mut versions, mut others) = (ClassVersions::default(), Vec::new());
    for (chunk, majors) in chunks.iter().zip(majors) {
        for (entry, major) in chunk.iter().zip(majors?) {
            match major {
                Some(major) => versions.add(directory.text(entry), major),
                None => others.push(directory.text(entry)),
            }
        }
    }
    others.sort();
    Ok((versions, others))
}

/// The major version in the first bytes of a class file, if they are that.
fn major(head: [u8; 8]) -> Option<u16> {
    let (magic, version) = head.split_at(MAGIC.len());
    (magic == MAGIC).then(|| u16::from_be_bytes([version[2], version[3]]))
}
