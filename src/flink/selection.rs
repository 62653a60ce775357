//! What an image gets of the optional parts of a distribution: plugins that lie in `opt/`, Flink's jar for Python, and what
//! is left out because nobody chose it. A pure function of names and sizes; nothing is read here.

use std::collections::BTreeSet;

use super::distribution::{Distribution, DistributionFile, DistributionKind};
use super::lines::{Line, PythonJar};
use super::version::FlinkVersion;
use crate::error::{Explain, Kind, closest};
use crate::layer::{Entry, EntryKind, ImagePath, ImagePathError, Owner};

/// Where jars lie that not every job needs.
const OPT: &str = "opt/";
/// Where jars lie that are loaded apart from each other, each in a folder of its own.
const PLUGINS: &str = "plugins/";
/// What is left out when little is wanted.
const OPTIONAL: [&str; 2] = [OPT, "examples/"];
/// How Flink's jar for Python is called; Flink looks for it by this, and wants just one.
const PYTHON_JAR: &str = "flink-python";
/// The modules that Flink's jar for Python needs, in archives.
const PYTHON_FOLDER: &str = "opt/python/";

/// What of the optional parts is chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// Plugins, by the names of their jars.
    pub plugins: &'a [String],
    /// Whether what is not chosen is left out.
    pub slim: bool,
    /// Whether jobs are in Python.
    pub python: bool,
}

/// What is left out of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Saved {
    /// How many files.
    pub files: usize,
    /// The bytes in them.
    pub bytes: u64,
}

/// What an image gets of the optional parts of a distribution.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Links to jars in `opt/`, with the folders that they need, sorted by path.
    pub links: Vec<Entry>,
    /// Plugins that the distribution has in `plugins/` already, as they were asked for.
    pub already: Vec<String>,
    /// What is left out; nothing unless little is wanted.
    pub saved: Saved,
    left_out: BTreeSet<String>,
}

/// A choice that the distribution does not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// The line has no plugins.
    #[error("Flink {version} has no plugins, so `{name}` cannot be one")]
    NoPlugins {
        /// The version.
        version: FlinkVersion,
        /// What was asked for.
        name: String,
    },
    /// A word without a name.
    #[error("`--plugin` names no jar")]
    NoName,
    /// Flink's jar for Python, which is found where it is.
    #[error("`{0}` is no plugin, and Flink runs jobs in Python with it")]
    PythonPlugin(String),
    /// No such jar.
    #[error("`opt/` of Flink {version} has no jar `{name}`{}", listed(there))]
    Unknown {
        /// The version.
        version: FlinkVersion,
        /// What was asked for.
        name: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Several jars that the name stands for.
    #[error("`{name}` stands for several jars in `opt/` of Flink {version}: `{}`", found.join("`, `"))]
    Several {
        /// The version.
        version: FlinkVersion,
        /// What was asked for.
        name: String,
        /// What it stands for.
        found: Vec<String>,
    },
    /// The line has no jobs in Python.
    #[error("Flink {0} runs no jobs in Python")]
    NoPython(FlinkVersion),
    /// The distribution lacks what jobs in Python need.
    #[error(
        "`opt/` of this Flink {version} has {count} jars `{PYTHON_JAR}*`, and a job in Python needs just one"
    )]
    PythonJar {
        /// The version.
        version: FlinkVersion,
        /// How many there are.
        count: usize,
    },
    /// A path cannot be in an image.
    #[error(transparent)]
    Path(#[from] ImagePathError),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        ", nor any other".to_owned()
    } else {
        format!(", only `{}`", names.join("`, `"))
    }
}

impl Explain for SelectionError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoPlugins { .. } | Self::NoPython(_) => Kind::Incompatible,
            Self::NoName | Self::PythonPlugin(_) => Kind::Usage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPlugins { .. } => "put its jar into `lib/` with `--lib`".to_owned(),
            Self::NoName => {
                "name a jar of `opt/` of Flink, as `--plugin flink-s3-fs-hadoop`".to_owned()
            }
            Self::PythonPlugin(_) => "use `--python`".to_owned(),
            Self::Unknown { name, there, .. } => {
                let stems = there
                    .iter()
                    .map(|jar| jar.strip_suffix(".jar").unwrap_or(jar));
                match closest(name, stems) {
                    Some(meant) => format!("did you mean `--plugin {meant}`"),
                    None => "put a jar of your own into `lib/` with `--lib`, or into a folder below `/opt/flink/plugins` with `--add`".to_owned(),
                }
            }
            Self::Several { .. } => "write the whole name of one of them".to_owned(),
            Self::NoPython(_) => "choose Flink 1.9 or newer".to_owned(),
            Self::PythonJar { .. } => {
                "take Flink from a release, or leave `--python` out".to_owned()
            }
            Self::Path(_) => return None,
        })
    }
}

impl Selection {
    /// Refuses what a line has not, whatever is in its distributions.
    pub fn check_line(
        line: &Line,
        version: &FlinkVersion,
        choice: &Choice<'_>,
    ) -> Result<(), SelectionError> {
        if let Some(name) = choice.plugins.first().filter(|_| !line.has_plugins) {
            return Err(SelectionError::NoPlugins {
                version: version.clone(),
                name: name.clone(),
            });
        }
        for name in choice.plugins {
            if name.is_empty() {
                return Err(SelectionError::NoName);
            }
            if name.starts_with(PYTHON_JAR) {
                return Err(SelectionError::PythonPlugin(name.clone()));
            }
        }
        if choice.python && line.python == PythonJar::None {
            return Err(SelectionError::NoPython(version.clone()));
        }
        Ok(())
    }

    /// Finds what is chosen in a distribution that lies in `home`.
    pub fn new(
        distribution: &Distribution,
        line: &Line,
        home: &ImagePath,
        choice: &Choice<'_>,
    ) -> Result<Self, SelectionError> {
        let version = &distribution.version;
        Self::check_line(line, version, choice)?;
        let mut selection = Self::default();
        let mut kept = BTreeSet::new();
        for name in choice.plugins {
            let Some(jar) = find(distribution, name)? else {
                selection.already.push(name.clone());
                continue;
            };
            kept.insert(format!("{OPT}{jar}"));
            let folder = home.join(&format!("{PLUGINS}{}", stem(&jar, version)))?;
            let target = format!("../../{OPT}{jar}");
            selection
                .links
                .push(Entry::symlink(folder.join(&jar)?, target, Owner::FLINK));
            selection
                .links
                .push(Entry::directory(folder, false, Owner::FLINK));
        }
        if choice.python {
            let jar = python_jar(distribution)?;
            if line.python == PythonJar::Lib {
                let path = home.join(&format!("lib/{jar}"))?;
                let target = format!("../{OPT}{jar}");
                selection
                    .links
                    .push(Entry::symlink(path, target, Owner::FLINK));
            }
        }
        if choice.slim {
            let is_python = |path: &str| {
                choice.python
                    && (path.starts_with(PYTHON_FOLDER)
                        || path
                            .strip_prefix(OPT)
                            .is_some_and(|name| name.starts_with(PYTHON_JAR)))
            };
            for file in &distribution.files {
                let path = file.path.as_str();
                let is_optional = OPTIONAL.iter().any(|top| path.starts_with(top));
                if is_optional && !kept.contains(path) && !is_python(path) {
                    selection.saved.files += 1;
                    selection.saved.bytes += size(file);
                    selection
                        .left_out
                        .insert(format!("{}/{path}", home.as_str()));
                }
            }
        }
        selection.links.sort_by(|a, b| a.path.cmp(&b.path));
        selection.links.dedup_by(|b, a| a.path == b.path);
        Ok(selection)
    }

    /// Takes what is left out from the entries of a distribution, and folders in which nothing stays.
    pub fn thin_out(&self, entries: &mut Vec<Entry>) {
        if self.left_out.is_empty() {
            return;
        }
        entries.retain(|entry| !self.left_out.contains(entry.path.as_str()));
        let filled: BTreeSet<ImagePath> = entries
            .iter()
            .filter(|entry| !matches!(entry.kind, EntryKind::Directory))
            .flat_map(|entry| std::iter::successors(entry.path.parent(), ImagePath::parent))
            .collect();
        entries.retain(|entry| {
            !matches!(entry.kind, EntryKind::Directory) || filled.contains(&entry.path)
        });
    }
}

fn size(file: &DistributionFile) -> u64 {
    match &file.kind {
        DistributionKind::File { content, .. } => content.size,
        DistributionKind::Symlink(_) => 0,
    }
}

/// The names of the jars directly in `opt/`.
fn jars_in_opt(distribution: &Distribution) -> impl Iterator<Item = &str> {
    let names = distribution
        .files
        .iter()
        .filter_map(|file| file.path.as_str().strip_prefix(OPT));
    names.filter(|name| !name.contains('/') && name.strip_suffix(".jar").is_some())
}

/// The jar in `opt/` that a name stands for; `None` if it is a plugin of the distribution already.
fn find(distribution: &Distribution, name: &str) -> Result<Option<String>, SelectionError> {
    let version = &distribution.version;
    let is_meant = |jar: &&str| names(jar, version).contains(&name);
    let found: Vec<_> = jars_in_opt(distribution).filter(is_meant).collect();
    match found[..] {
        [jar] => return Ok(Some(jar.to_owned())),
        [] => {}
        // One whole name may be the beginning of another.
        _ => {
            return match found.iter().find(|jar| **jar == name) {
                Some(jar) => Ok(Some((*jar).to_owned())),
                None => Err(SelectionError::Several {
                    version: version.clone(),
                    name: name.to_owned(),
                    found: found.into_iter().map(ToOwned::to_owned).collect(),
                }),
            };
        }
    }
    let is_there = distribution.files.iter().any(|file| {
        let below = file.path.as_str().strip_prefix(PLUGINS);
        below
            .and_then(|below| below.split_once('/'))
            .is_some_and(|(folder, jar)| {
                folder == name
                    || jar.strip_suffix(".jar").is_some() && names(jar, version).contains(&name)
            })
    });
    if is_there {
        return Ok(None);
    }
    Err(SelectionError::Unknown {
        version: version.clone(),
        name: name.to_owned(),
        there: jars_in_opt(distribution).map(ToOwned::to_owned).collect(),
    })
}

/// The names that a jar is known by: whole, without `.jar`, without its version, and without the Scala that it is for.
fn names<'a>(jar: &'a str, version: &FlinkVersion) -> [&'a str; 4] {
    let whole = jar.strip_suffix(".jar").unwrap_or(jar);
    let stem = stem(jar, version);
    let bare = stem.rsplit_once('_').filter(|(_, scala)| is_version(scala));
    [jar, whole, stem, bare.map_or(stem, |(bare, _)| bare)]
}

/// The name of a jar without `.jar` and its version.
fn stem<'a>(jar: &'a str, version: &FlinkVersion) -> &'a str {
    let whole = jar.strip_suffix(".jar").unwrap_or(jar);
    let name = plugin_name(jar, version);
    if name != whole {
        return name;
    }
    whole
        .rsplit_once('-')
        .filter(|(_, version)| is_version(version))
        .map_or(whole, |(stem, _)| stem)
}

/// The shortest name that a word for a plugin of this version has whatever is in the distribution: words that have it in common
/// mean the same.
pub fn plugin_name<'a>(word: &'a str, version: &FlinkVersion) -> &'a str {
    let whole = word.strip_suffix(".jar").unwrap_or(word);
    whole.strip_suffix(&format!("-{version}")).unwrap_or(whole)
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Flink's jar for Python.
fn python_jar(distribution: &Distribution) -> Result<String, SelectionError> {
    let found: Vec<_> = jars_in_opt(distribution)
        .filter(|name| name.starts_with(PYTHON_JAR))
        .collect();
    match found[..] {
        [jar] => Ok(jar.to_owned()),
        _ => Err(SelectionError::PythonJar {
            version: distribution.version.clone(),
            count: found.len(),
        }),
    }
}

#[cfg(test)]
mod tests;
