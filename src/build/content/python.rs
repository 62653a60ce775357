//! What jobs in Python need of the base: an interpreter, under the name that Flink calls it by.
//!
//! Flink calls `python` unless `python.executable` says otherwise, and most bases have `python3` only: then a link gets that
//! name, as the historic job image had it. On Alpine the interpreter is put in; elsewhere the base must have it. The modules
//! of PyFlink are not put in: the base has them, or the job brings them (`-pyarch`, `-pyreq`).

use serde::Serialize;

use super::ContentError;
use crate::base::Base;
use crate::base::python::Pythons;
use crate::build::context::Fetcher;
use crate::build::planned::planned;
use crate::build::{
    BuildError, BuildRequest, LayerRole, Packages, PackagesContent, PlannedLayer, PlatformBase,
};
use crate::layer::{Compression, Entry, ImagePath, LayerPlan, Owner, PlanError};
use crate::oci::{Digest, Platform, canonical};

/// Raised whenever the same base is judged in another way.
const PYTHON_VERSION: u32 = 1;
/// What the layer of the link is called.
const TITLE: &str = "python";
/// What is written down of a base that lacks it; no path is written so.
const MISSING: &str = "-";
/// What Flink calls.
const NAME: &str = "python";

/// Which Python jobs are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Python {
    /// Python 2, which Flink 1.9 and 1.10 can run.
    Two,
    /// Python 3.
    Three,
}

/// The Python of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPython {
    /// The program that the base lacks, if it does.
    pub missing: Option<&'static str>,
    /// Where a link with the name that Flink calls is to be, unless the base has such a program.
    pub link: Option<String>,
}

impl Python {
    /// The program, and the package of Alpine that has it.
    pub fn program(self) -> &'static str {
        match self {
            Self::Two => "python2",
            Self::Three => "python3",
        }
    }
}

impl FoundPython {
    /// What is written down of it: the key of the base, and the place of the link if there is one.
    pub(in crate::build) fn write(&self, base: Digest, python: Python) -> String {
        let key = key(base, python);
        match (&self.link, self.missing) {
            (_, Some(_)) => format!("{key} {MISSING}"),
            (Some(link), None) => format!("{key} {link}"),
            (None, None) => key.to_string(),
        }
    }

    /// Reads what was written down of this base.
    pub(in crate::build) fn read(text: &str, base: Digest, python: Python) -> Option<Self> {
        let (found, link) = match text.split_once(' ') {
            Some((found, link)) => (found, Some(link.to_owned())),
            None => (text, None),
        };
        if found != key(base, python).to_string() {
            return None;
        }
        let is_missing = link.as_deref() == Some(MISSING);
        Some(Self {
            missing: is_missing.then(|| python.program()),
            link: link.filter(|_| !is_missing),
        })
    }
}

fn key(base: Digest, python: Python) -> Digest {
    Digest::of(&canonical(&(PYTHON_VERSION, base, python)))
}

/// Finds the Python that is asked for, if one is, in a base with packages.
pub(in crate::build) fn find(
    request: &BuildRequest,
    platform: &Platform,
    (base, name): (&Base, &str),
    packages: Option<&Packages>,
    fetcher: &Fetcher<'_>,
) -> Result<Option<FoundPython>, BuildError> {
    let Some(python) = request.content.python else {
        return Ok(None);
    };
    if let Some(known) = fetcher.python(base.facts_key, python)? {
        return Ok(Some(known));
    }
    let content = packages.map(|packages| &packages.content);
    // Packages are known by a lock, and so is the base below them: what is locked has its Python.
    if let (Some(PackagesContent::Known), Some(lock)) = (content, &request.lock)
        && let Some(locked) = lock.platform(platform)
    {
        return Ok(Some(FoundPython {
            missing: None,
            link: locked.python_link.clone(),
        }));
    }
    let mut pythons = Pythons::of(name, base, &fetcher.surroundings(request))?;
    if let Some(PackagesContent::Entries(entries)) = content {
        pythons.add(entries);
    }
    let program = python.program();
    let folder = pythons.folder(program);
    let link = pythons.folder(NAME).is_none().then_some(folder);
    Ok(Some(FoundPython {
        missing: folder.is_none().then_some(program),
        link: link.flatten().map(|folder| format!("{folder}/{NAME}")),
    }))
}

/// Refuses bases that lack it.
pub(in crate::build) fn check(bases: &[PlatformBase]) -> Result<(), ContentError> {
    let lacking = bases.iter().find_map(|base| {
        let program = base.python.as_ref()?.missing?;
        Some(ContentError::NoPython {
            base: base.locked_name.clone(),
            program,
        })
    });
    lacking.map_or(Ok(()), Err)
}

/// The layer of the link, if there is one.
pub(in crate::build) fn layer(
    request: &BuildRequest,
    found: Option<&FoundPython>,
    compression: Compression,
) -> Result<Option<PlannedLayer>, PlanError> {
    let (Some(python), Some(link)) = (
        request.content.python,
        found.and_then(|found| found.link.as_deref()),
    ) else {
        return Ok(None);
    };
    // What an image or a lock says of itself is believed, and still no path of ours unless it is one.
    let Ok(path) = ImagePath::new(link) else {
        return Ok(None);
    };
    let entry = Entry::symlink(path, python.program(), Owner::ROOT);
    let plan = LayerPlan::new(TITLE, vec![entry], compression)?;
    Ok(Some(planned(plan, LayerRole::System, None)))
}
