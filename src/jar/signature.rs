//! Whether a signed jar still is what was signed, as the JVM finds it out
//! (<https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#signed-jar-file>).
//!
//! A signer has a file of digests (`META-INF/NAME.SF`) and a block with the signature of that file (`.RSA`, `.DSA` or
//! `.EC`). The file has the digest of the manifest and of each of its sections; a section has that of an entry. What is merged
//! into another jar keeps the file and the block, and the manifest is another: then no class can be loaded. Who signed, and
//! whether the block is that of the file, is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use aws_lc_rs::digest::{self, Context};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::directory::{Directory, Entry, harmless};
use super::error::JarError;
use super::manifest::{self, MANIFEST, Section};
use crate::parallel::on_all_cores;

const META_INF: &str = "META-INF/";
const BLOCKS: [&str; 3] = [".RSA", ".DSA", ".EC"];
/// More signers than any jar has.
const SIGNER_LIMIT: usize = 64;
/// More than what is in any jar that is signed; all of it has to be read.
const TOTAL_LIMIT: u64 = 4 << 30;
/// How many entries are read before it is looked whether one is damaged.
const BATCH: usize = 1024;

/// What is known of the signature of a jar. Only that it fits what is in the jar is checked, not who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Signature {
    /// The JVM makes nothing of a signature: there is none, or it lacks its block or the manifest, or all its digests
    /// are by algorithms of which nobody thinks much any more.
    None,
    /// All that was signed is unchanged.
    Intact,
    /// Something was changed: the JVM throws a `SecurityException`.
    Damaged {
        /// What does not fit, as the end of a sentence about the jar.
        why: String,
    },
    /// The same, but all that shows it are digests by SHA-1. Java 17 and newer do not look at these, unless a time stamp
    /// says that they were made before 2019; older ones do.
    Outdated {
        /// What does not fit, in the same form.
        why: String,
    },
}

/// By which algorithms digests count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Those that every JVM looks at.
    Strong,
    /// SHA-1 too.
    All,
}

/// Checks all signatures, up to the first thing that does not fit. Each entry is read once.
pub(super) fn read(directory: &Directory) -> Result<Signature, JarError> {
    let files = signature_files(directory);
    let (Some(manifest), false) = (directory.find(MANIFEST.as_bytes()), files.is_empty()) else {
        return Ok(Signature::None);
    };
    let bytes = directory.bytes(manifest, manifest::LIMIT)?;
    let manifest = Sections::of(&bytes);
    let strong = match signed_names(directory, &manifest, &files, Trust::Strong)? {
        Ok(names) => names,
        Err(why) => return Ok(Signature::Damaged { why }),
    };
    let all = signed_names(directory, &manifest, &files, Trust::All)?;
    let damaged = damaged_entries(directory, &manifest, &strong, all.as_ref().ok())?;
    Ok(match (damaged, all) {
        ([Some(why), _], _) => Signature::Damaged { why },
        (_, Err(why)) | ([None, Some(why)], Ok(_)) => Signature::Outdated { why },
        (_, Ok(names)) if names.is_empty() => Signature::None,
        _ => Signature::Intact,
    })
}

/// The names of the entries that these files of digests sign by what counts, or what does not fit.
fn signed_names(
    directory: &Directory,
    manifest: &Sections<'_>,
    files: &[&Entry],
    trust: Trust,
) -> Result<Result<BTreeSet<Vec<u8>>, String>, JarError> {
    let mut signed = BTreeSet::new();
    for entry in files {
        let name = directory.text(entry);
        let file = directory.bytes(entry, manifest::LIMIT)?;
        match check_file(&name, manifest, &Sections::of(&file), trust) {
            Ok(names) => signed.extend(names),
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(signed))
}

/// The files of digests that have a block beside them.
fn signature_files(directory: &Directory) -> Vec<&Entry> {
    let mut named: BTreeMap<String, (Option<&Entry>, bool)> = BTreeMap::new();
    for entry in &directory.entries {
        let Ok(name) = std::str::from_utf8(directory.name(entry)) else {
            continue;
        };
        let name = name.to_ascii_uppercase();
        let Some(file) = name.strip_prefix(META_INF) else {
            continue;
        };
        if file.contains('/') {
            continue;
        }
        if let Some(signer) = file.strip_suffix(".SF") {
            named.entry(signer.to_owned()).or_default().0 = Some(entry);
        } else if let Some(signer) = BLOCKS.iter().find_map(|end| file.strip_suffix(end)) {
            named.entry(signer.to_owned()).or_default().1 = true;
        }
    }
    let whole = named.into_values().filter(|(_, block)| *block);
    whole
        .filter_map(|(file, _)| file)
        .take(SIGNER_LIMIT)
        .collect()
}

/// The main section and the others by name, of a manifest or a file of digests.
struct Sections<'a> {
    whole: &'a [u8],
    main: Option<Section<'a>>,
    /// A name may have more than one section.
    named: BTreeMap<Vec<u8>, Vec<Section<'a>>>,
}

impl<'a> Sections<'a> {
    fn of(whole: &'a [u8]) -> Self {
        let mut sections = manifest::sections(whole);
        let main = sections.next();
        let mut named: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for section in sections {
            if let Some(name) = section.name() {
                named.entry(name).or_default().push(section);
            }
        }
        Self { whole, main, named }
    }
}

/// Holds a file of digests against the manifest: the names of the entries that it signs, or what does not fit.
fn check_file(
    name: &str,
    manifest: &Sections<'_>,
    file: &Sections<'_>,
    trust: Trust,
) -> Result<BTreeSet<Vec<u8>>, String> {
    let mut signed = BTreeSet::new();
    let Some(main) = &file.main else {
        return Ok(signed);
    };
    let attributes = main.attributes();
    let version = attributes
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("Signature-Version"));
    // The JVM takes no other for a signature.
    if version.is_none_or(|(_, version)| version != "1.0") {
        return Ok(signed);
    }
    let digests = |suffix| digests(&attributes, suffix, trust);
    let whole = digests("-Digest-Manifest").any(|digest| digest.is_of(&[manifest.whole]));
    let main = manifest.main.as_ref().map_or(&[][..], |main| main.whole);
    let of_main = digests("-Digest-Manifest-Main-Attributes").all(|digest| digest.is_of(&[main]));
    if !whole && !of_main {
        return Err(format!(
            "the main section of its manifest is not what `{name}` signs"
        ));
    }
    for (entry, sections) in &file.named {
        if !whole {
            let attributes: Vec<_> = sections.iter().flat_map(Section::attributes).collect();
            let expected: Vec<_> = self::digests(&attributes, "-Digest", trust).collect();
            // Signed by nothing that counts.
            if expected.is_empty() {
                continue;
            }
            let Some(found) = manifest.named.get(entry) else {
                let entry = harmless(entry);
                return Err(format!(
                    "its manifest has nothing about `{entry}`, which `{name}` signs"
                ));
            };
            if !expected.iter().all(|digest| digest.is_of_sections(found)) {
                let entry = harmless(entry);
                return Err(format!(
                    "its manifest says something else of `{entry}` than what `{name}` signs"
                ));
            }
        }
        let plain = entry.strip_prefix(b"./").unwrap_or(entry);
        signed.insert(plain.strip_prefix(b"/").unwrap_or(plain).to_vec());
    }
    Ok(signed)
}

/// What is wrong with the first of the signed entries that has not the digest of the manifest: by those of `strong` with
/// digests that every JVM looks at, and by those of `all` with any.
fn damaged_entries(
    directory: &Directory,
    manifest: &Sections<'_>,
    strong: &BTreeSet<Vec<u8>>,
    all: Option<&BTreeSet<Vec<u8>>>,
) -> Result<[Option<String>; 2], JarError> {
    let mut entries = Vec::new();
    let mut total = 0_u64;
    for entry in &directory.entries {
        let name = directory.name(entry);
        let in_all = all.is_some_and(|all| all.contains(name));
        let trust = match (in_all, strong.contains(name)) {
            (true, _) => Trust::All,
            (false, true) => Trust::Strong,
            (false, false) => continue,
        };
        let Some(sections) = manifest.named.get(name) else {
            continue;
        };
        let attributes: Vec<_> = sections.iter().flat_map(Section::attributes).collect();
        let digests: Vec<_> = digests(&attributes, "-Digest", trust).collect();
        if entry.is_readable() && !digests.is_empty() {
            total = total.saturating_add(entry.size);
            entries.push((entry, digests));
        }
    }
    if total > TOTAL_LIMIT {
        return Err(JarError::TooLarge {
            path: directory.path.clone(),
            reason: "it is signed, and more than 4 GiB".to_owned(),
        });
    }
    let mut found = [None, None];
    for batch in entries.chunks(BATCH) {
        let wrong = on_all_cores(batch, |(entry, digests)| wrong(directory, entry, digests));
        for ((entry, digests), wrong) in batch.iter().zip(wrong) {
            let wrong = wrong?;
            let is_signed = strong.contains(directory.name(entry));
            let is_strong = |place: &usize| is_signed && digests[*place].is_strong();
            let why = || {
                let name = directory.text(entry);
                format!("its entry `{name}` is not the one that was signed")
            };
            if wrong.iter().any(is_strong) {
                return Ok([Some(why()), None]);
            }
            if !wrong.is_empty() {
                found[1].get_or_insert_with(why);
            }
        }
    }
    Ok(found)
}

/// The places of the digests that an entry has not.
fn wrong(directory: &Directory, entry: &Entry, digests: &[Digest]) -> Result<Vec<usize>, JarError> {
    let mut contexts: Vec<_> = digests
        .iter()
        .map(|digest| Context::new(digest.algorithm))
        .collect();
    let mut content = directory.reader(entry)?;
    let mut buffer = [0; 8 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => contexts
                .iter_mut()
                .for_each(|context| context.update(&buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let name = directory.text(entry);
                return Err(
                    directory.damaged(format!("its entry `{name}` cannot be read: {error}"))
                );
            }
        }
    }
    let found = contexts.into_iter().zip(digests).enumerate();
    let wrong =
        found.filter(|(_, (context, digest))| context.clone().finish().as_ref() != digest.value);
    Ok(wrong.map(|(place, _)| place).collect())
}

/// A digest that something should have.
#[derive(Debug)]
struct Digest {
    algorithm: &'static digest::Algorithm,
    value: Vec<u8>,
}

impl Digest {
    /// Whether every JVM looks at it.
    fn is_strong(&self) -> bool {
        *self.algorithm != digest::SHA1_FOR_LEGACY_USE_ONLY
    }

    fn is_of(&self, parts: &[&[u8]]) -> bool {
        let mut context = Context::new(self.algorithm);
        for part in parts {
            context.update(part);
        }
        context.finish().as_ref() == self.value
    }

    /// Whether it is that of these sections, with or without the empty lines at their ends: old tools left these out.
    fn is_of_sections(&self, sections: &[Section<'_>]) -> bool {
        let whole: Vec<_> = sections.iter().map(|section| section.whole).collect();
        let bare: Vec<_> = sections.iter().map(|section| section.bare).collect();
        self.is_of(&whole) || self.is_of(&bare)
    }
}

/// The digests in attributes named as an algorithm and this. Those by algorithms that are not known say nothing.
fn digests<'a>(
    attributes: &'a [(String, String)],
    suffix: &'a str,
    trust: Trust,
) -> impl Iterator<Item = Digest> + 'a {
    attributes.iter().filter_map(move |(key, value)| {
        let place = key.len().checked_sub(suffix.len())?;
        let (name, end) = key.split_at_checked(place)?;
        if !end.eq_ignore_ascii_case(suffix) {
            return None;
        }
        let algorithm = algorithm(&name.to_ascii_uppercase(), trust)?;
        // What is no digest fits nothing.
        let value = STANDARD.decode(value.trim()).unwrap_or_default();
        Some(Digest { algorithm, value })
    })
}

fn algorithm(name: &str, trust: Trust) -> Option<&'static digest::Algorithm> {
    Some(match name {
        "SHA" | "SHA1" | "SHA-1" if trust == Trust::All => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "SHA-256" | "SHA256" => &digest::SHA256,
        "SHA-384" | "SHA384" => &digest::SHA384,
        "SHA-512" | "SHA512" => &digest::SHA512,
        _ => return None,
    })
}
