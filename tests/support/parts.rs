//! Where the real parts are that `make parts` gathers: Flink distributions, bases with Java, compiled jobs.
#![allow(
    clippy::disallowed_methods,
    reason = "tests read the environment themselves"
)]

use std::env;
use std::path::{Path, PathBuf};

/// One line of Flink, as its release archive and the test jobs compiled against it.
pub(crate) struct FlinkParts {
    /// The archive of the distribution, named as releases are.
    pub(crate) archive: PathBuf,
    /// The distribution itself.
    pub(crate) folder: PathBuf,
    /// The job of `fixtures/jobs/bounded-sum`.
    pub(crate) bounded_sum: PathBuf,
    /// The job of `fixtures/jobs/counting`.
    pub(crate) counting: PathBuf,
}

impl FlinkParts {
    /// Finds the parts of a version such as `2.3.0`.
    pub(crate) fn of(version: &str) -> Self {
        let line = version
            .rsplit_once('.')
            .expect("a version has a patch number")
            .0;
        Self {
            archive: part(&format!("flink-{version}-bin-scala_2.12.tgz")),
            folder: part(&format!("flink-{version}")),
            bounded_sum: part(&format!("jobs/bounded-sum-{line}.jar")),
            counting: part(&format!("jobs/counting-{line}.jar")),
        }
    }
}

/// The last line whose job image was built by Flink's own `build.sh`.
pub(crate) struct HistoricParts {
    /// The archive of the distribution, named as releases are.
    pub(crate) archive: PathBuf,
    /// The job of `fixtures/jobs/counting`.
    pub(crate) counting: PathBuf,
    /// A root file system with Java 11, which is the newest that the line works with.
    pub(crate) base: PathBuf,
}

impl HistoricParts {
    pub(crate) fn find() -> Self {
        Self {
            archive: part("flink-1.10.3-bin-scala_2.11.tgz"),
            counting: part("jobs/counting-1.10.jar"),
            base: part("jre11.tar"),
        }
    }
}

/// What a job in Python needs of Flink 1.20, besides its distribution.
pub(crate) struct PythonParts {
    /// A root file system with Java 11 and Python 3, and nothing of PyFlink.
    pub(crate) base: PathBuf,
    /// The modules that a release has in `opt/python`, and those that it lacks.
    pub(crate) modules: PathBuf,
}

impl PythonParts {
    pub(crate) fn find() -> Self {
        Self {
            base: part("jre11.tar"),
            modules: part("python-1.20.5"),
        }
    }
}

/// A root file system with Java 17, as a tar.
pub(crate) fn jre_base() -> PathBuf {
    part("jre17.tar")
}

/// Where all parts are.
pub(crate) fn folder() -> PathBuf {
    env::var_os("FLINK_IMG_PARTS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/parts"),
        PathBuf::from,
    )
}

fn part(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make parts` first",
        path.display()
    );
    path
}
