//! Jars: what is found in them, which are refused, and how they are put in order. The jars of `facts`, `hostile`, `signed` and
//! `normalized` are made by hand; those of `real` by the tools of a JDK, which also say whether we are right.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod facts;
mod hostile;
mod normalized;
#[cfg(feature = "real-parts")]
mod real;
mod signed;

use std::path::PathBuf;

use flink_img::jar::{JarError, JarFacts};
use tempfile::TempDir;

/// A folder with a jar in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.path("job.jar");
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// What is found in a jar of these bytes. It can be remembered: it is the same when it was written down.
fn facts(bytes: &[u8]) -> Result<JarFacts, JarError> {
    let place = Place::new();
    let facts = JarFacts::read(&place.write(bytes))?;
    let written = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<JarFacts>(&written).unwrap(), facts);
    Ok(facts)
}
