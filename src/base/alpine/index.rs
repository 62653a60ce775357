//! `APKINDEX`: what a repository has.
//!
//! An index is believed only with a signature by a trusted key: it alone tells which version is the newest, and which
//! checksum a package has to have.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::AlpineError;
use super::error::{on_one_line, shown};
use super::record::{Record, RecordError, stanzas};
use super::repository::Repository;
use super::segments::{Head, invalid};
use super::signature::Keys;
use crate::base::entries::each_entry;

/// The name of an index in a repository, below the folder of its architecture.
pub(super) const FILE_NAME: &str = "APKINDEX.tar.gz";
/// How large an index may be as it is stored; that of all of Alpine's community packages has 2 MB.
pub(super) const STORED_LIMIT: u64 = 64 << 20;
/// How large it may be unpacked.
const TEXT_LIMIT: u64 = 512 << 20;

/// The packages that a repository has for one architecture.
#[derive(Debug, Clone)]
pub struct Index {
    pub(super) repository: Repository,
    pub(super) records: Vec<Record>,
    /// Why records cannot be read, by the names of their packages.
    pub(super) unreadable: BTreeMap<String, RecordError>,
}

impl Index {
    /// Checks and reads the index of `repository` in `bytes`, the file as it is stored.
    pub fn read(
        repository: &Repository,
        arch: &str,
        bytes: &[u8],
        keys: &Keys,
    ) -> Result<Self, AlpineError> {
        let what = format!("The index of `{repository}`");
        let unreadable = |source: io::Error| AlpineError::Unreadable {
            what: what.clone(),
            source: on_one_line(source),
        };
        let (signatures, length) = Head::signatures(bytes).map_err(unreadable)?;
        if signatures.is_empty() {
            return Err(AlpineError::Unsigned { what });
        }
        let signed = &bytes[length..];
        keys.verify(&what, &signatures, signed)?;
        let text = text_of(signed).map_err(unreadable)?;
        let (mut records, unreadable) = read(&what, &text);
        records.retain(|record| {
            let arch_fits = |found: &String| found == arch || found == "noarch";
            !record.is_unknown && record.arch.as_ref().is_none_or(arch_fits)
        });
        Ok(Self {
            repository: repository.clone(),
            records,
            unreadable,
        })
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// The records of an index. One that cannot be read is passed over: it matters to those who need its package only.
fn read(what: &str, text: &str) -> (Vec<Record>, BTreeMap<String, RecordError>) {
    let (mut records, mut unreadable) = (Vec::new(), BTreeMap::new());
    for stanza in stanzas(text) {
        match Record::parse(stanza) {
            Ok(record) => records.push(record),
            Err(error) => {
                let name = stanza.lines().find_map(|line| line.strip_prefix("P:"));
                let name = name.unwrap_or_default();
                tracing::debug!(
                    "{what} has a record of `{}` that is passed over: {error}",
                    shown(name)
                );
                unreadable.insert(name.to_owned(), error);
            }
        }
    }
    (records, unreadable)
}

/// The file `APKINDEX` in the signed part.
fn text_of(signed: &[u8]) -> io::Result<String> {
    let mut text = None;
    each_entry(MultiGzDecoder::new(signed).take(TEXT_LIMIT), |entry| {
        if entry.path == "APKINDEX" {
            if entry.size >= TEXT_LIMIT {
                return Err(invalid("it has more than 512 MiB"));
            }
            let mut found = String::new();
            entry.content.read_to_string(&mut found)?;
            text = Some(found);
        }
        Ok(())
    })?;
    text.ok_or_else(|| invalid("there is no `APKINDEX` in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_leaves_the_others() {
        let sum = "C:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=";
        let text = format!("{sum}\nP:a\nV:1\n\n{sum}\nP:b\nV:1/2\n\n{sum}\nP:c\nV:1\n\n");
        let (records, unreadable) = read("The index", &text);
        let labels: Vec<_> = records.iter().map(Record::label).collect();
        assert_eq!(labels, ["a-1", "c-1"]);
        assert!(unreadable.into_keys().eq(["b"]));
    }
}
