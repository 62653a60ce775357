//! How the images of these tests come to be: built by the program, pushed to a registry, pulled by podman.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::podman::Podman;
use crate::support::workshop::succeed;
use tempfile::TempDir;

/// A registry, a podman and a cache. What the images of several tests have in common is made, sent and unpacked once.
struct Place {
    registry: DockerRegistry,
    podman: Podman,
    cache: TempDir,
}

impl Place {
    /// The one that another test holds, or else a new one. The last test that holds it takes it away.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Place>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let place = Arc::new(Self {
                registry: DockerRegistry::start(&Kind::Plain),
                podman: Podman::new(),
                cache: large_folder(),
            });
            *shared = Arc::downgrade(&place);
            place
        })
    }
}

/// Where one test has its images made, and runs them.
pub(crate) struct Yard {
    folder: TempDir,
    /// Two Java processes are enough for a small machine, so the tests take turns.
    _turn: MutexGuard<'static, ()>,
    place: Arc<Place>,
}

impl Yard {
    /// Waits until it is this test's turn.
    pub(crate) fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        // Held while this test waits, so that it outlives the test before.
        let place = Place::shared();
        Self {
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
            folder: large_folder(),
            place,
        }
    }

    pub(crate) fn podman(&self) -> &Podman {
        &self.place.podman
    }

    /// A folder that goes with this value.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Copies a folder into that, under its own name.
    pub(crate) fn copy(&self, from: &Path) -> PathBuf {
        let name = from.file_name().expect("a part has a name");
        let to = self.folder().join(name);
        succeed(
            Command::new("cp")
                .args(["--recursive", "--reflink=auto"])
                .args([from, &to]),
        );
        to
    }

    /// Builds an image on a root file system, from these words, and pushes it.
    pub(crate) fn try_build<Word: AsRef<OsStr>>(&self, base: &Path, words: &[Word]) -> Output {
        Command::new("timeout")
            .args(["--kill-after=10", "600", env!("CARGO_BIN_EXE_flink-img")])
            .args(["build", "--push", "-t", &format!("{}:1", self.name())])
            .arg("--base")
            .arg(format!("rootfs:{}", base.display()))
            .args(words)
            .env("FLINK_IMG_CACHE_DIR", self.place.cache.path())
            .output()
            .expect("timeout is part of every Debian")
    }

    /// Builds an image that must come to be, and has podman pull it.
    pub(crate) fn build<Word: AsRef<OsStr>>(&self, base: &Path, words: &[Word]) -> Built {
        let output = self.try_build(base, words);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "flink-img ended with {}:\n{stderr}",
            output.status
        );
        let stdout = std::str::from_utf8(&output.stdout).expect("the name of an image is ASCII");
        let reference = stdout.trim_end();
        let digest = reference.strip_prefix(&format!("{}@sha256:", self.name()));
        assert!(
            digest.is_some_and(|digits| digits.len() == 64),
            "Standard output is not the image by its digest: {stdout:?}\n{stderr}"
        );
        self.podman().pull(reference);
        Built {
            reference: reference.to_owned(),
            stderr,
        }
    }

    /// What `flink-img render` makes of a configuration and the image that was built last, of which it knows the tag alone.
    pub(crate) fn render(&self, config: &Path, name: &str) -> String {
        let output = succeed(
            Command::new("timeout")
                .args(["--kill-after=10", "60", env!("CARGO_BIN_EXE_flink-img")])
                .args(["render", "--require-digest", "--name", name, "--file"])
                .arg(config)
                .args(["--image", &format!("{}:1", self.name())])
                // Nothing is kept there.
                .env("FLINK_IMG_CACHE_DIR", self.folder().join("empty")),
        );
        String::from_utf8(output.stdout).expect("YAML is text")
    }

    /// What images are called.
    fn name(&self) -> String {
        format!("{}/end-to-end/job", self.place.registry.address())
    }
}

/// A folder for what is large: it lies with the build's other output rather than in memory.
fn large_folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder takes files")
}

/// An image that podman has.
pub(crate) struct Built {
    /// Its name, by digest.
    pub(crate) reference: String,
    /// What was said while it was built.
    pub(crate) stderr: String,
}

/// The words that name a job and the archive of Flink to run it.
pub(crate) fn of_archive(job: &Path, archive: &Path) -> Vec<OsString> {
    words(&[(&"--job-jar", &job), (&"--from-archive", &archive)])
}

/// Flags and their values as words.
pub(crate) fn words(pairs: &[(&dyn AsRef<OsStr>, &dyn AsRef<OsStr>)]) -> Vec<OsString> {
    let both = pairs
        .iter()
        .flat_map(|(flag, value)| [flag.as_ref(), value.as_ref()]);
    both.map(OsStr::to_owned).collect()
}
