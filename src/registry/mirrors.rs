//! `registries.conf`, the file in which users of podman, skopeo and CRI-O say where else the images of a registry are:
//! version 2 of containers-registries.conf(5), as far as it is about reading images.
//!
//! This module reads the file and tells which places a name stands for; asking them is for `route`. It knows nothing of
//! short names: what a name without a registry means is fixed here, whatever a machine is set up for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::mirror_error::MirrorError;
use crate::error::IoResultExt as _;
use crate::oci::Reference;

/// It is written by hand.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;

/// Where images are read from instead of, or before, the place that their names say.
///
/// ```
/// use std::sync::Arc;
///
/// use flink_img::http::HttpSettings;
/// use flink_img::progress::Silent;
/// use flink_img::registry::{Client, CredentialStore, Mirrors};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("registries.conf");
/// let text = "[[registry]]\nlocation = \"quay.io\"\n[[registry.mirror]]\nlocation = \"near.example.com/quay\"\n";
/// flink_img::fs::write_atomic(&path, text.as_bytes())?;
/// let mirrors = Mirrors::default().with_file(&path)?;
/// let client = Client::new(HttpSettings::default(), CredentialStore::default(), Arc::new(Silent))?;
/// let client = client.with_mirrors(mirrors);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Mirrors {
    /// By prefix, as a later file replaces what an earlier one says of the same.
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The file that it is from.
    path: Arc<Path>,
    /// Empty where a name stands as it is.
    location: String,
    insecure: bool,
    blocked: bool,
    mirrors: Vec<Mirror>,
}

#[derive(Debug, Clone)]
struct Mirror {
    location: String,
    insecure: bool,
    used_for: Pulls,
}

/// For which pulls a mirror is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pulls {
    #[default]
    #[serde(alias = "")]
    All,
    DigestOnly,
    TagOnly,
}

/// A place that an image may be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What to ask for there.
    pub(super) reference: Reference,
    /// Whether there is a place to go when this one fails.
    pub(super) is_mirror: bool,
    used_for: Pulls,
    /// Whether it may be spoken to without TLS, for this pull and nothing else.
    pub(super) insecure: bool,
}

impl Source {
    /// The very place that a name says, with no more trust than its registry has.
    pub(super) fn direct(reference: &Reference) -> Self {
        Self {
            reference: reference.clone(),
            is_mirror: false,
            used_for: Pulls::All,
            insecure: false,
        }
    }

    /// Whether it may be asked for what has only a digest.
    pub(super) fn by_digest(&self) -> bool {
        self.used_for != Pulls::TagOnly
    }

    /// Whether it may be asked for what has only a tag.
    pub(super) fn by_tag(&self) -> bool {
        self.used_for != Pulls::DigestOnly
    }
}

/// The places that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Places {
    /// Nowhere: this file forbids it, in its entry with this prefix.
    Blocked { path: PathBuf, prefix: String },
    /// These, in this order. There is at least one, and the last one is no mirror.
    Sources(Vec<Source>),
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    registry: Vec<RegistryTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RegistryTable {
    #[serde(default, deserialize_with = "place")]
    prefix: String,
    #[serde(default, deserialize_with = "place")]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorTable {
    #[serde(default, deserialize_with = "place")]
    location: String,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<Pulls>,
}

/// A prefix or a location. People end folders with a slash.
fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.trim_end_matches('/').to_owned())
}

impl Mirrors {
    /// Adds a file. What it says of a prefix goes before what files that were added earlier say of it.
    pub fn with_file(mut self, path: &Path) -> Result<Self, MirrorError> {
        let bytes = crate::fs::read_limited(path, FILE_LIMIT)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8"))
            .at("read", path)?;
        let file: File = toml::from_str(&text).map_err(|source| MirrorError::Toml {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let path: Arc<Path> = path.into();
        for table in file.registry {
            let (prefix, entry) = table.checked(&path)?;
            self.entries.insert(prefix, entry);
        }
        Ok(self)
    }

    /// Adds the files of a folder whose names end with `.conf`, in their order. A folder that is not there is empty.
    pub fn with_folder(mut self, folder: &Path) -> Result<Self, MirrorError> {
        let paths = match crate::fs::list(folder) {
            Ok(paths) => paths,
            Err(error) if error.is_not_found() => return Ok(self),
            Err(error) => return Err(error.into()),
        };
        for path in paths {
            let is_file = crate::fs::metadata(&path).is_ok_and(|found| found.is_file());
            if is_file
                && path
                    .extension()
                    .is_some_and(|extension| extension == "conf")
            {
                self = self.with_file(&path)?;
            }
        }
        Ok(self)
    }

    /// Where to look for what a name leads to.
    pub(super) fn places(&self, name: &Reference) -> Places {
        let text = name.to_string();
        let matches = self.entries.iter().filter_map(|(prefix, entry)| {
            let length = matched(&text, prefix)?;
            Some((prefix, entry, length))
        });
        // The longest prefix, and of two of the same length the one without a wildcard.
        let best = matches.max_by_key(|(prefix, ..)| (prefix.len(), !prefix.starts_with('*')));
        let Some((prefix, entry, length)) = best else {
            return Places::Sources(vec![Source::direct(name)]);
        };
        if entry.blocked {
            return Places::Blocked {
                path: entry.path.to_path_buf(),
                prefix: prefix.clone(),
            };
        }
        let moved = |location: &str| moved(&text, length, location);
        let mut sources: Vec<_> = entry
            .mirrors
            .iter()
            .filter_map(|mirror| {
                let reference = moved(&mirror.location)?;
                Some(Source {
                    reference,
                    is_mirror: true,
                    used_for: mirror.used_for,
                    insecure: mirror.insecure,
                })
            })
            .collect();
        let last = moved(&entry.location).unwrap_or_else(|| name.clone());
        sources.push(Source {
            insecure: entry.insecure,
            ..Source::direct(&last)
        });
        Places::Sources(sources)
    }
}

impl RegistryTable {
    /// The prefix, and what is to be done with names that begin with it.
    fn checked(self, path: &Arc<Path>) -> Result<(String, Entry), MirrorError> {
        let fail = |entry: &str, reason| MirrorError::Entry {
            path: path.to_path_buf(),
            entry: entry.to_owned(),
            reason,
        };
        let prefix = if self.prefix.is_empty() {
            self.location.clone()
        } else {
            self.prefix
        };
        let host = prefix.strip_prefix("*.");
        if prefix.is_empty() {
            return Err(fail("", "has neither a `prefix` nor a `location`"));
        }
        if host.is_some_and(|host| host.contains(['/', '@'])) || !is_place(host.unwrap_or(&prefix))
        {
            return Err(fail(&prefix, "has a prefix that begins no image name"));
        }
        let location = if self.location.is_empty() && host.is_none() {
            prefix.clone()
        } else {
            self.location
        };
        if !location.is_empty() && !is_place(&location) {
            return Err(fail(&prefix, "has a location that begins no image name"));
        }
        let mut mirrors = Vec::new();
        for mirror in self.mirror {
            if !is_place(&mirror.location) {
                let reason = "has a mirror without a location that begins an image name";
                return Err(fail(&prefix, reason));
            }
            let used_for = match (self.mirror_by_digest_only, mirror.pull_from_mirror) {
                (true, None) => Pulls::DigestOnly,
                (false, used_for) => used_for.unwrap_or_default(),
                (true, Some(_)) => {
                    let reason = "has both `mirror-by-digest-only` and `pull-from-mirror`";
                    return Err(fail(&prefix, reason));
                }
            };
            mirrors.push(Mirror {
                location: mirror.location,
                insecure: mirror.insecure,
                used_for,
            });
        }
        let entry = Entry {
            path: Arc::clone(path),
            location,
            insecure: self.insecure,
            blocked: self.blocked,
            mirrors,
        };
        Ok((prefix, entry))
    }
}

/// Whether image names can begin so: with a host, and then parts of a repository, a tag or a digest.
fn is_place(text: &str) -> bool {
    let name = if text.contains('/') {
        text.to_owned()
    } else {
        format!("{text}/x")
    };
    // A word without a dot is a folder of Docker Hub to image names, and never a host.
    let found: Option<Reference> = name.parse().ok();
    found.is_some_and(|found| found.registry() != "docker.io" || host_of(text).contains('.'))
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

/// How much of a name a prefix covers, if it does: whole parts of the path, and the whole of a host with its port.
fn matched(name: &str, prefix: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = host_of(name);
        return (host.len() > domain.len() && host.ends_with(domain)).then_some(host.len());
    }
    let rest = name.strip_prefix(prefix)?;
    let ends = match rest.chars().next() {
        None | Some('/') => true,
        Some(':' | '@') => prefix.contains('/'),
        Some(_) => false,
    };
    ends.then_some(prefix.len())
}

/// The name with another beginning; as it is when the beginning stays. `None` if that makes no name.
fn moved(name: &str, length: usize, location: &str) -> Option<Reference> {
    if location.is_empty() {
        return name.parse().ok();
    }
    format!("{location}{}", &name[length..]).parse().ok()
}

#[cfg(test)]
mod tests;
