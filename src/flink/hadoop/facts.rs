//! What a jar is: enough to plan with, and to compare with whatever a repository says of it.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::{Checksum, HadoopJar};
use crate::oci::Digest;

/// What is known of a jar without its bytes. It follows from them alone, whoever published them with which checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HadoopFacts {
    /// The name of the file.
    pub jar: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// The checksums that a repository may have instead.
    pub checksums: Vec<Checksum>,
}

impl HadoopFacts {
    /// What `jar` is when `reader` has its bytes.
    pub fn of(jar: &HadoopJar, reader: impl Read) -> io::Result<Self> {
        let (mut checksums, size) = Checksum::all_of(reader)?;
        let mut digests = checksums
            .iter()
            .map(|checksum| checksum.to_string().parse());
        // The other algorithms are no digests.
        let digest = digests.find_map(Result::ok);
        let digest: Digest = digest.expect("SHA-256 is one of them");
        checksums.retain(|checksum| checksum.to_string() != digest.to_string());
        Ok(Self {
            jar: jar.file_name(),
            digest,
            size,
            checksums,
        })
    }

    /// Whether they are about this jar.
    pub fn are_of(&self, jar: &HadoopJar) -> bool {
        self.jar == jar.file_name()
    }

    /// Whether the jar is the one that was published with this checksum.
    pub fn fit(&self, published: &Checksum) -> bool {
        published.to_string() == self.digest.to_string() || self.checksums.contains(published)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jar_is_known_by_any_checksum() {
        let jar = HadoopJar {
            artifact: "a",
            version: "1-2".to_owned(),
        };
        let facts = HadoopFacts::of(&jar, &b"abc"[..]).unwrap();
        assert_eq!((facts.digest, facts.size), (Digest::of(b"abc"), 3));
        assert!(facts.are_of(&jar));
        let (all, _) = Checksum::all_of(&b"abc"[..]).unwrap();
        assert_eq!((all.len(), facts.checksums.len()), (3, 2));
        assert!(all.iter().all(|checksum| facts.fit(checksum)));
        let (others, _) = Checksum::all_of(&b"abd"[..]).unwrap();
        assert!(!others.iter().any(|checksum| facts.fit(checksum)));
    }
}
