//! Whether the classes of a jar mention a name.
//!
//! All names that a class refers to, and all texts in it, are in its constant pool, which is at its beginning
//! (<https://docs.oracle.com/javase/specs/jvms/se21/html/jvms-4.html#jvms-4.4>). Every class has to be unpacked for it, so
//! this is asked only when there is a reason to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, Read};
use std::path::Path;

use memchr::memmem::Finder;

use super::classes;
use super::directory::{Directory, Entry};
use super::error::JarError;
use crate::parallel::on_all_cores;

const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
/// Larger than any class, whose methods have 64 KiB at most.
const CLASS_LIMIT: u64 = 64 << 20;
/// More than all classes of a jar.
const TOTAL_LIMIT: u64 = 4 << 30;
const CHUNK: usize = 256;

/// Which of `names` the classes of the jar at `path` mention that are `wanted` by their paths, with the paths of those that
/// mention each, sorted and without `.class`. A name is one as `org/apache/flink/api/common/JobID`, and mentioned as a class,
/// in a type, or in a text.
///
/// A class that cannot be read mentions none.
pub fn users<'a>(
    path: &Path,
    names: &[&'a str],
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<&'a str, BTreeSet<String>>, JarError> {
    let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    if names.is_empty() {
        return Ok(found);
    }
    let directory = Directory::read(path)?;
    let mut left = TOTAL_LIMIT;
    let mut entries = classes::entries(&directory);
    entries.retain(|entry| {
        let read = entry.is_readable()
            && entry.size <= CLASS_LIMIT.min(left)
            && wanted(&directory.text(entry));
        left -= if read { entry.size } else { 0 };
        read
    });
    entries.sort_by_key(|entry| entry.offset);
    let finders: Vec<_> = names.iter().map(Finder::new).collect();
    // Most texts have nothing of any name, and what all names begin with is looked for once.
    let beginning = Finder::new(beginning(names));
    let chunks: Vec<_> = entries.chunks(CHUNK).collect();
    let pairs = on_all_cores(&chunks, |chunk| {
        let mut pairs = Vec::new();
        for &entry in *chunk {
            let mut mentioned = vec![false; names.len()];
            search(&directory, entry, |text| {
                if beginning.find(text).is_none() {
                    return;
                }
                for (finder, mentioned) in finders.iter().zip(&mut mentioned) {
                    *mentioned = *mentioned || finder.find(text).is_some();
                }
            })?;
            let of_entry = names.iter().zip(mentioned);
            pairs.extend(of_entry.filter_map(|(name, found)| found.then_some((*name, entry))));
        }
        Ok::<_, JarError>(pairs)
    });
    for pairs in pairs {
        for (name, entry) in pairs? {
            let path = directory.text(entry);
            let class = path.strip_suffix(".class").unwrap_or(&path);
            found.entry(name).or_default().insert(class.to_owned());
        }
    }
    Ok(found)
}

/// What all of the names begin with.
fn beginning<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, rest)) = names.split_first() else {
        return "";
    };
    let shared = |name: &&str| {
        let pairs = first.bytes().zip(name.bytes());
        pairs.take_while(|(ours, theirs)| ours == theirs).count()
    };
    let length = rest.iter().map(shared).min().unwrap_or(first.len());
    first.get(..length).unwrap_or_default()
}

fn search(directory: &Directory, entry: &Entry, each: impl FnMut(&[u8])) -> Result<(), JarError> {
    let content = BufReader::new(directory.reader(entry)?);
    // One that breaks off was searched up to there.
    texts(content, each).or(Ok(()))
}

/// Calls `each` with every text in the constant pool of a class.
fn texts(mut class: impl Read, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut head = [0; 10];
    class.read_exact(&mut head)?;
    if head[..4] != MAGIC {
        return Ok(());
    }
    let count = u16::from_be_bytes([head[8], head[9]]);
    let mut text = Vec::new();
    let mut rest = [0; 8];
    let mut index = 1;
    while index < count {
        let mut tag = [0];
        class.read_exact(&mut tag)?;
        let length = match tag[0] {
            1 => {
                let mut length = [0; 2];
                class.read_exact(&mut length)?;
                text.resize(usize::from(u16::from_be_bytes(length)), 0);
                class.read_exact(&mut text)?;
                each(&text);
                0
            }
            // Class, string, method type, module, package.
            7 | 8 | 16 | 19 | 20 => 2,
            // Method handle.
            15 => 3,
            // Numbers, members, names with types, what is computed.
            3 | 4 | 9..=12 | 17 | 18 => 4,
            // Long numbers, which count twice.
            5 | 6 => 8,
            _ => return Ok(()),
        };
        class.read_exact(&mut rest[..length])?;
        index = index.saturating_add(if length == 8 { 2 } else { 1 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_begin_with_is_what_all_of_them_have() {
        assert_eq!(beginning(&["org/a/B", "org/a/C", "org/b/B"]), "org/");
        assert_eq!(beginning(&["org/a/B"]), "org/a/B");
        assert_eq!(beginning(&["org/a/B", "com/a/B"]), "");
        assert_eq!(beginning(&[]), "");
    }

    #[test]
    fn all_texts_of_a_class_are_found_behind_constants_of_every_kind() {
        let mut class = [&MAGIC[..], &[0, 0, 0, 52, 0, 22]].concat();
        for (tag, length) in [
            (7, 2),
            (8, 2),
            (16, 2),
            (19, 2),
            (20, 2),
            (15, 3),
            (3, 4),
            (4, 4),
            (9, 4),
            (10, 4),
            (11, 4),
            (12, 4),
            (17, 4),
            (18, 4),
            (5, 8),
            (6, 8),
        ] {
            class.push(tag);
            class.extend(vec![0xff; length]);
            if length == 8 {
                class.extend([1, 0, 1, b'x']);
            }
        }
        class.extend([1, 0, 3, b'e', b'n', b'd']);
        // What follows is no constant any more.
        class.extend([1, 0, 1, b'y']);
        let mut found = Vec::new();
        texts(&class[..], |text| found.push(text.to_vec())).unwrap();
        assert_eq!(found, [&b"x"[..], b"x", b"end"]);
        // A class that breaks off, at each place.
        for end in 0..class.len() {
            let _ = texts(&class[..end], |_| ());
        }
    }
}
