//! The layer of packages: their files, and apk's own files as apk would leave them, so that scanners and a later `apk` see
//! what is there.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::AlpineError;
use super::assemble::Assembly;
use super::dependency::Dependency;
use super::fetch::Source;
use super::installed;
use super::package::Selection;
use super::scripts::{self, Kept, Script, is_harmless};
use super::system::{System, WORLD, unreadable};
use super::unpack::Spool;
use crate::base::facts::Student;
use crate::base::{BaseFacts, JavaOverride};
use crate::layer::{Content, Entry, ImagePath, Owner};
use crate::oci::Config;

/// What a layer of packages is made of.
#[derive(Debug, Clone)]
pub struct PackagesLayer {
    /// Files, folders and links.
    pub entries: Vec<Entry>,
    /// The facts of the base with what the packages bring.
    pub facts: BaseFacts,
    /// What is not as `apk add` would have left it, or might surprise.
    pub notices: Vec<Notice>,
}

/// Something that whoever adds packages should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Notice {
    /// A script was not run, and it is not known that nobody misses what it does.
    Skipped {
        /// The package.
        package: String,
        /// The script.
        script: Script,
    },
    /// A file of the base stayed where the package has another.
    Kept {
        /// The package.
        package: String,
        /// The file.
        path: String,
    },
    /// A file of the base that belongs to no package gave way.
    Replaced {
        /// The package.
        package: String,
        /// The file.
        path: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { package, script } => {
                write!(
                    f,
                    "The `{script}` script of the package `{package}` was not run"
                )
            }
            Self::Kept { package, path } => write!(
                f,
                "The base's own `{path}` stays; the package `{package}` has another"
            ),
            Self::Replaced { package, path } => write!(
                f,
                "The file `{path}` of the package `{package}` takes the place of the base's own"
            ),
        }
    }
}

/// Makes the layer of the chosen packages upon a base with `config`. Nothing in a package is run.
///
/// Every package is checked by its signature, its identity, and the checksums of its files. The bytes of files are in a
/// temporary file of the store until the entries are dropped.
pub fn layer(
    system: &System,
    selection: &Selection,
    (config, java): (&Config, &JavaOverride),
    source: &Source<'_>,
) -> Result<PackagesLayer, AlpineError> {
    let installed = system.installed()?;
    for package in &selection.packages {
        let mut records = installed.records.iter();
        if let Some(record) = records.find(|record| record.name == package.name) {
            return Err(AlpineError::OtherBase {
                package: package.label(),
                installed: record.label(),
            });
        }
    }
    let mut spool = Spool::new(&source.store.temporary())?;
    let mut assembly = Assembly::new(system.tree.clone(), installed);
    let mut kept = Vec::new();
    for package in &selection.packages {
        let mut unpacked = source.unpack(package, &mut spool)?;
        let time = unpacked.info.build_time;
        for (script, text) in std::mem::take(&mut unpacked.scripts) {
            kept.push(Kept {
                package: package.label(),
                identity: package.checksum,
                script,
                text,
                time,
            });
        }
        let record = unpacked.info.record(package.checksum, package.size);
        assembly.add(record, unpacked)?;
    }
    spool.finish()?;
    skip_scripts(system, &mut assembly, &kept)?;
    let mut entries = assembly.entries();
    entries.extend(databases(system, selection, &assembly, &kept)?);
    let mut notices = assembly.notices;
    notices.sort();
    Ok(PackagesLayer {
        entries,
        facts: Student::of(assembly.tree).facts(config, java),
        notices,
    })
}

/// Notes which scripts apk would have run and nobody knows to be harmless: those of the packages, and the triggers of the
/// base that watch a folder in which something changed.
fn skip_scripts(
    system: &System,
    assembly: &mut Assembly,
    kept: &[Kept],
) -> Result<(), AlpineError> {
    for added in &assembly.added {
        let package = added.record.label();
        let of_package = kept.iter().filter(|kept| kept.package == package);
        for kept in of_package {
            let name = &added.record.name;
            if !is_harmless(name, kept.script, &kept.text, &assembly.tree) {
                assembly.notices.push(Notice::Skipped {
                    package: package.clone(),
                    script: kept.script,
                });
            }
        }
    }
    let (scripts, _) = system.scripts()?;
    let path = system.database("scripts.tar");
    let texts = scripts::triggers_in(&scripts).map_err(|source| unreadable(&path, source))?;
    for line in system.text(&system.database("triggers"))?.lines() {
        let mut words = line.split_ascii_whitespace();
        let identity = words.next().unwrap_or_default();
        let mut records = assembly.installed.records.iter();
        let Some(record) = records.find(|it| it.checksum.to_string() == identity) else {
            continue;
        };
        let text = texts.get(identity).map_or(&[][..], Vec::as_slice);
        let is_run = words.any(|pattern| {
            let mut changed = assembly.changed.iter();
            changed.any(|folder| scripts::watches(pattern, folder))
        });
        if is_run && !is_harmless(&record.name, Script::Trigger, text, &assembly.tree) {
            assembly.notices.push(Notice::Skipped {
                package: record.label(),
                script: Script::Trigger,
            });
        }
    }
    Ok(())
}

/// apk's own files, as far as they change.
fn databases(
    system: &System,
    selection: &Selection,
    assembly: &Assembly,
    kept: &[Kept],
) -> Result<Vec<Entry>, AlpineError> {
    let mut files = Vec::new();
    let world = world(system.world()?, &selection.wanted);
    if world != system.text(WORLD)? {
        files.push((WORLD.to_owned(), world.into_bytes()));
    }
    if !assembly.added.is_empty() {
        let more: Vec<_> = assembly
            .added
            .iter()
            .map(|added| {
                let identity = (added.record.checksum, added.record.size);
                installed::entry(&added.info, identity, &added.listing)
            })
            .collect();
        let text = assembly.installed.text(&more);
        files.push((system.database("installed"), text.into_bytes()));
    }
    let mut lines = Vec::new();
    for added in &assembly.added {
        let folders = added.info.triggers.join(" ");
        if !folders.is_empty() {
            lines.push(format!("{} {folders}\n", added.record.checksum));
        }
    }
    if !lines.is_empty() {
        let path = system.database("triggers");
        let text = system.text(&path)? + &lines.concat();
        files.push((path, text.into_bytes()));
    }
    if !kept.is_empty() {
        let (old, is_packed) = system.scripts()?;
        let name = if is_packed {
            "scripts.tar.gz"
        } else {
            "scripts.tar"
        };
        let path = system.database(name);
        let scripts = scripts::append(&old, kept).and_then(|scripts| {
            if is_packed {
                scripts::pack(&scripts)
            } else {
                Ok(scripts)
            }
        });
        files.push((
            path.clone(),
            scripts.map_err(|source| unreadable(&path, source))?,
        ));
    }
    let entry = |(path, bytes): (String, Vec<u8>)| {
        let path = system.tree.target(&path).unwrap_or(path);
        let path = ImagePath::new(&path).expect("it is a path of ours");
        Entry::file(path, Content::from_bytes(bytes), false, Owner::ROOT)
    };
    Ok(files.into_iter().map(entry).collect())
}

/// What is asked for by name, a line for each name, sorted; what is asked for now takes the place of what was, and of two
/// wishes for one name the later one counts, which says more (`bash`, `bash>5`).
fn world(mut world: Vec<Dependency>, wanted: &[Dependency]) -> String {
    let is_kept = |old: &Dependency| !wanted.iter().any(|new| new.name() == old.name());
    world.retain(is_kept);
    let lines = world.iter().chain(wanted);
    let lines: BTreeMap<_, _> = lines.map(|it| (it.name(), it.to_string())).collect();
    let mut lines: Vec<_> = lines.into_values().collect();
    lines.sort();
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_line_in_the_world() {
        let list = |text: &str| -> Vec<Dependency> {
            let words = text.split_ascii_whitespace();
            words.map(|word| word.parse().unwrap()).collect()
        };
        for (old, wanted, expected) in [
            ("b a<2", "a c", "a\nb\nc\n"),
            ("", "bash bash>5", "bash>5\n"),
            ("a b", "", "a\nb\n"),
        ] {
            assert_eq!(world(list(old), &list(wanted)), expected);
        }
    }
}
