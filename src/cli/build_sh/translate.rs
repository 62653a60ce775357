//! From the words of the script to those of `flink-img build`. Reads nothing but whether files are there.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Id;

use super::unknown::{Before, ignored};
use super::words::{Known as Word, Words};
use crate::cli::settings::LOCAL_DIST;
use crate::flink::lines::Hadoop;
use crate::flink::{FlinkVersion, Known};
use crate::fs;

/// Words of the script that have a value.
const WITH_VALUE: [&str; 8] = [
    JOB_JAR,
    JOB_ARTIFACTS,
    ARCHIVE,
    FLINK_VERSION,
    SCALA_VERSION,
    HADOOP_VERSION,
    IMAGE_NAME,
    CERTIFICATES,
];
const JOB_JAR: &str = "--job-jar";
const JOB_ARTIFACTS: &str = "--job-artifacts";
const ARCHIVE: &str = "--from-archive";
const FLINK_VERSION: &str = "--flink-version";
const SCALA_VERSION: &str = "--scala-version";
const HADOOP_VERSION: &str = "--hadoop-version";
const IMAGE_NAME: &str = "--image-name";
const CERTIFICATES: &str = "--kubernetes-certificates";
/// What is only read with a release. Empty, as scripts hand on a variable that is not set, it is as good as not said.
const OF_RELEASE: [&str; 3] = [FLINK_VERSION, SCALA_VERSION, HADOOP_VERSION];

/// Words of the script that have none.
const SWITCHES: [&str; 5] = [RELEASE, LOCAL, PYTHON_2, PYTHON_3, PYTHON];
const RELEASE: &str = "--from-release";
pub(super) const LOCAL: &str = "--from-local-dist";
const PYTHON_2: &str = "--with-python2";
const PYTHON_3: &str = "--with-python3";
/// No word of the script, but another for the same: of the three the last counts.
const PYTHON: &str = "--python";

/// What keeps a build from reading a file of settings.
const NO_CONFIG: &str = "--no-config";

/// The words of `flink-img build`, and what has to be told of those of the script.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) words: Vec<OsString>,
    pub(super) warnings: Vec<String>,
}

/// Why nothing is built.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was asked how the script is used.
    Help,
    /// It was not used so.
    Misuse(String),
}

/// A distribution in a folder.
#[derive(Debug, Clone)]
enum Local {
    /// The one that was compiled; the script knew where.
    Compiled,
    /// One that is named, which the script could not do.
    Folder(OsString),
}

/// What the script was told. Of a word that is said again, the last counts, unless it is one that makes a list.
#[derive(Debug, Default)]
struct Told {
    values: Vec<(&'static str, OsString)>,
    release: bool,
    local: Option<Local>,
    python: Option<&'static str>,
    /// Words of `flink-img build`, each with its value.
    passed: Vec<(Id, OsString)>,
    warnings: Vec<String>,
}

/// Translates `words`, of a script that lies in `folder`.
pub(super) fn translate(words: &[OsString], folder: Option<&Path>) -> Result<Translation, Refusal> {
    let mut told = Told::read(words)?;
    let mut built: Vec<OsString> = ["flink-img", "build"].map(OsString::from).into();
    built.extend(told.source(folder)?);
    built.extend(told.job());
    if let Some(python) = told.python {
        built.push(python.into());
    }
    for name in [IMAGE_NAME, CERTIFICATES] {
        built.extend(told.value(name).map(|value| joined(name, value)));
    }
    let mut passed: Vec<_> = told.passed.into_iter().map(|(_, word)| word).collect();
    let is_config = |word: &OsString| {
        let word = word.to_string_lossy();
        word == NO_CONFIG || word.starts_with("--config=")
    };
    // A script that worked without such a file must not be changed by one that nobody told it of.
    if !passed.iter().any(is_config) {
        built.push(NO_CONFIG.into());
    }
    built.append(&mut passed);
    Ok(Translation {
        words: built,
        warnings: told.warnings,
    })
}

/// `--flag=value`, which is one word whatever the value begins with.
fn joined(flag: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(format!("{flag}="));
    word.push(value);
    word
}

fn misuse<T>(message: String) -> Result<T, Refusal> {
    Err(Refusal::Misuse(message))
}

impl Told {
    fn read(words: &[OsString]) -> Result<Self, Refusal> {
        let known = Words::new();
        let mut told = Self::default();
        let mut rest = words.iter();
        let mut before = Before::default();
        while let Some(word) = rest.next() {
            let lossy = word.to_string_lossy();
            let (flag, given) = split(word);
            if matches!(&*flag, "--help" | "-h") {
                return Err(Refusal::Help);
            }
            if let Some(name) = WITH_VALUE.into_iter().find(|name| *name == flag) {
                let value = match given {
                    Some(value) => value,
                    None => next(name, &mut rest)?,
                };
                told.take(name, value)?;
                before = Before::Whole;
            } else if let Some(name) = SWITCHES.into_iter().find(|name| *name == flag) {
                before = match given {
                    Some(_) => Before::Whole,
                    None => Before::Switch(flag),
                };
                told.switch(name, given)?;
            } else if let Some(found) = known.find(&lossy) {
                if found.takes_next {
                    let value = next(&flag, &mut rest)?;
                    // One word, as a value may begin with `-`, and is no flag for that.
                    told.pass(found, joined(&flag, &value));
                    before = Before::Whole;
                } else {
                    told.pass(found, word.clone());
                    before = match given {
                        Some(_) => Before::Whole,
                        None => Before::Switch(flag),
                    };
                }
            } else {
                let (warning, after) = ignored(&lossy, &before);
                told.warnings.push(warning);
                before = after;
            }
        }
        Ok(told)
    }

    fn take(&mut self, name: &'static str, value: OsString) -> Result<(), Refusal> {
        if value.is_empty() && !OF_RELEASE.contains(&name) {
            return misuse(format!("The value of `{name}` is empty"));
        }
        self.values.retain(|(known, _)| *known != name);
        if value.is_empty() {
            let warning = format!("`{name}` is ignored, as its value is empty");
            self.warnings.push(warning);
        } else {
            self.values.push((name, value));
        }
        Ok(())
    }

    fn switch(&mut self, name: &'static str, value: Option<OsString>) -> Result<(), Refusal> {
        match (name, value) {
            (LOCAL, value) => self.local = Some(value.map_or(Local::Compiled, Local::Folder)),
            (_, Some(_)) => return misuse(format!("`{name}` takes no value")),
            (RELEASE, None) => self.release = true,
            (python, None) => self.python = Some(python),
        }
        Ok(())
    }

    /// Passes a word on, in place of what was said before, as a build takes most of them once.
    fn pass(&mut self, known: Word, word: OsString) {
        if !known.is_list {
            self.passed.retain(|(id, _)| *id != known.id);
        }
        self.passed.push((known.id, word));
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let mut values = self.values.iter();
        let found = values.find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_os_str())
    }

    fn warn(&mut self, names: &[&str], why: &str) {
        for name in names {
            self.warnings.push(format!("`{name}` is ignored{why}"));
        }
    }

    /// Where Flink comes from: a release, else what was compiled, else an archive.
    fn source(&mut self, folder: Option<&Path>) -> Result<Vec<OsString>, Refusal> {
        let is_archive = self.value(ARCHIVE).is_some();
        let losers: Vec<_> = [(LOCAL, self.local.is_some()), (ARCHIVE, is_archive)]
            .into_iter()
            .filter_map(|(name, is_said)| is_said.then_some(name))
            .collect();
        if self.release {
            self.warn(&losers, ", as `--from-release` comes before it");
            return self.release();
        }
        let unread: Vec<_> = OF_RELEASE
            .into_iter()
            .filter(|name| self.value(name).is_some())
            .collect();
        let source = if let Some(local) = &self.local {
            match local {
                Local::Compiled => {
                    let folder = folder.unwrap_or(Path::new(""));
                    joined(LOCAL, folder.join(LOCAL_DIST).as_os_str())
                }
                Local::Folder(place) => joined(LOCAL, place),
            }
        } else if let Some(path) = self.value(ARCHIVE) {
            joined(ARCHIVE, path)
        } else {
            return misuse("Nothing says where Flink comes from".to_owned());
        };
        if self.local.is_some() && is_archive {
            self.warn(&[ARCHIVE], ", as `--from-local-dist` comes before it");
        }
        self.warn(&unread, ", as only `--from-release` reads it");
        Ok(vec![source])
    }

    fn release(&self) -> Result<Vec<OsString>, Refusal> {
        let mut words = vec![RELEASE.into()];
        for name in [FLINK_VERSION, SCALA_VERSION] {
            match self.value(name) {
                Some(value) => words.push(joined(name, value)),
                None => return misuse(format!("`{RELEASE}` needs `{name}`")),
            }
        }
        let version = self.value(FLINK_VERSION).and_then(OsStr::to_str);
        match self.value(HADOOP_VERSION) {
            Some(value) => words.push(joined(HADOOP_VERSION, value)),
            None => {
                if let Some(version) = version.filter(|version| is_with_hadoop(version)) {
                    let message =
                        format!("`{RELEASE}` needs `{HADOOP_VERSION}` for Flink {version}");
                    return misuse(message);
                }
            }
        }
        Ok(words)
    }

    /// The files of the job.
    fn job(&mut self) -> Vec<OsString> {
        let mut words = Vec::new();
        words.extend(self.value(JOB_JAR).map(|path| joined(JOB_JAR, path)));
        let artifacts = self.value(JOB_ARTIFACTS).map(OsStr::to_owned);
        for path in artifacts.iter().flat_map(|list| self.artifacts(list)) {
            words.push(joined(JOB_ARTIFACTS, &path));
        }
        if words.is_empty() {
            self.warnings.push(
                "Neither `--job-jar` nor `--job-artifacts` is given; the script made no such image"
                    .to_owned(),
            );
        }
        words
    }

    /// The paths of a list, which are separated by commas. The script took blanks as well, so those are separators too, unless
    /// there is a file with such a name.
    fn artifacts(&mut self, list: &OsStr) -> Vec<OsString> {
        let Some(text) = list.to_str() else {
            return vec![list.to_owned()];
        };
        let mut paths = Vec::new();
        for part in text.split(',').map(str::trim) {
            let words: Vec<_> = part.split_ascii_whitespace().collect();
            if words.len() > 1 && !is_there(part) && words.iter().all(|word| is_there(word)) {
                self.warnings.push(format!(
                    "`{part}` is taken as {} files; separate them with commas",
                    words.len()
                ));
                paths.extend(words.into_iter().map(OsString::from));
            } else if !part.is_empty() {
                paths.push(part.into());
            }
        }
        paths
    }
}

/// A flag, and the value that is in the same word.
fn split(word: &OsStr) -> (String, Option<OsString>) {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let bytes = word.as_bytes();
    let place = bytes.iter().position(|byte| *byte == b'=');
    match place.filter(|_| bytes.starts_with(b"--")) {
        Some(place) => (
            String::from_utf8_lossy(&bytes[..place]).into_owned(),
            Some(OsString::from_vec(bytes[place + 1..].to_vec())),
        ),
        None => (word.to_string_lossy().into_owned(), None),
    }
}

/// The next word, which is the value of a flag. A flag is none: somebody forgot the value, or a variable was empty.
fn next<'a>(
    flag: &str,
    words: &mut impl Iterator<Item = &'a OsString>,
) -> Result<OsString, Refusal> {
    match words.next() {
        Some(value) if !value.to_string_lossy().starts_with("--") => Ok(value.clone()),
        _ => misuse(format!("`{flag}` needs a value")),
    }
}

/// Whether releases of this line were published with Hadoop, of which one has to be named.
fn is_with_hadoop(version: &str) -> bool {
    let version: Option<FlinkVersion> = version.parse().ok();
    version
        .and_then(|version| Known::of(&version).ok())
        .is_some_and(|known| matches!(known.line.hadoop, Hadoop::Variants(_)))
}

fn is_there(path: &str) -> bool {
    fs::metadata(Path::new(path)).is_ok()
}

#[cfg(test)]
mod tests;
