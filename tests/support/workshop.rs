//! A folder with all that a small build needs, and the program to build with: a base of a few files, the miniature
//! Flink, a job. A build takes a tenth of a second, so tests that ask what others make of an image need not wait.
#![allow(
    clippy::disallowed_methods,
    reason = "the files of a test's temporary folder need no careful errors"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use flink_img::memory::Memory;
use flink_img::oci::Digest;
use serde_json::Value;
use tempfile::TempDir;

use super::fixtures::{Packing, Raw, job_jar, mini_archive, tar};

/// The tag of every image that a workshop builds.
pub const TAG: &str = "1.0";
/// Much smaller than what counts, larger than any buffer.
const ARTIFACT_SIZE: usize = 3 * 1024 * 1024 + 17;

/// The folder.
#[derive(Debug)]
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// Makes the inputs: `base.tar`, `flink.tgz`, `job.jar`, `data.bin`.
    pub fn new() -> Self {
        Self::with_base(&tar(&small_root()))
    }

    /// The same on another root file system.
    pub fn with_base(base: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Self { folder };
        std::fs::write(workshop.path("base.tar"), base).unwrap();
        std::fs::write(workshop.path("registries.conf"), "").unwrap();
        mini_archive(&workshop.path("flink.tgz"), &Packing::default());
        job_jar(&workshop.path("job.jar"), "com.example.Job");
        std::fs::write(workshop.path("data.bin"), noise(ARTIFACT_SIZE)).unwrap();
        workshop
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Something in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, with a home, a cache and logins of its own: what this machine knows must not matter.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flink-img"));
        command
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.folder())
            .env("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf"))
            .env("FLINK_IMG_CACHE_DIR", self.path("cache"));
        command
    }

    /// `flink-img build` of the job on the base `base`.
    pub fn build_on(&self, base: &str) -> Command {
        let mut command = self.program();
        command
            .args(["build", "--from-archive", "flink.tgz", "--base", base])
            .args(["--job-jar", "job.jar", "--job-artifacts", "data.bin"]);
        command
    }

    /// `flink-img build` of the job on the root file system.
    pub fn build(&self) -> Command {
        self.build_on("rootfs:base.tar")
    }
}

/// Runs a build that must succeed, and returns what `--json` says of it.
pub fn built(build: &mut Command) -> Value {
    let output = succeed(build.arg("--json"));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns once what was written in `folder` so far is old enough for its digests to be remembered. That is a matter of
/// the file system's clock, so it is that clock which is watched.
pub fn settle(folder: &Path) {
    let stamp = || {
        let probe = tempfile::tempfile_in(folder).unwrap();
        probe.metadata().unwrap().modified().unwrap()
    };
    let start = stamp();
    let fraction = start.duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let margin = Duration::from_millis(if fraction == 0 { 3000 } else { 40 });
    let passed = (0..10_000_000).any(|_| stamp().duration_since(start).is_ok_and(|p| p > margin));
    assert!(passed, "the clock of the file system stands still");
}

/// A memory whose facts can be changed: a lie that is believed proves that nothing was read.
#[derive(Debug, Default)]
pub struct Notes(Mutex<BTreeMap<(String, Digest), Vec<u8>>>);

impl Memory for Notes {
    fn recall_bytes(&self, kind: &str, key: Digest) -> Option<Vec<u8>> {
        let notes = self.0.lock().unwrap();
        notes.get(&(kind.to_owned(), key)).cloned()
    }

    fn remember_bytes(&self, kind: &str, key: Digest, bytes: &[u8]) {
        let mut notes = self.0.lock().unwrap();
        notes.insert((kind.to_owned(), key), bytes.to_vec());
    }
}

impl Notes {
    /// Puts one text in the place of another in every fact; tells in how many.
    pub fn replace(&self, from: &str, to: &str) -> usize {
        let mut count = 0;
        for bytes in self.0.lock().unwrap().values_mut() {
            let text = String::from_utf8(bytes.clone()).unwrap();
            count += usize::from(text.contains(from));
            *bytes = text.replace(from, to).into_bytes();
        }
        count
    }

    /// Cuts every fact short.
    pub fn damage(&self) {
        for bytes in self.0.lock().unwrap().values_mut() {
            bytes.truncate(bytes.len() / 2);
        }
    }

    /// How many facts there are.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A root file system in which a build finds what it looks for. None of it can run.
pub fn small_root() -> Vec<Raw> {
    let program = |path: &str| Raw {
        mode: 0o755,
        ..Raw::file(path, b"#!/bin/false\n")
    };
    let mut entries: Vec<Raw> = [
        "bin",
        "etc",
        "opt",
        "usr",
        "usr/lib",
        "usr/lib/jvm",
        "usr/lib/jvm/17",
        "usr/lib/jvm/17/bin",
    ]
    .map(Raw::folder)
    .into();
    entries.extend([
        program("bin/awk"),
        program("bin/bash"),
        program("bin/find"),
        program("bin/grep"),
        program("bin/sed"),
        Raw::symlink("bin/rbash", "bash"),
        Raw::file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
        Raw::file("etc/group", b"root:x:0:\n"),
        Raw::file("etc/os-release", b"PRETTY_NAME=\"Small 1\"\n"),
        program("usr/lib/jvm/17/bin/java"),
        Raw::file("usr/lib/jvm/17/release", b"JAVA_VERSION=\"17.0.15\"\n"),
    ]);
    entries
}

/// Bytes that no compression makes smaller, the same ones every time.
pub fn noise(size: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    std::iter::repeat_with(|| random.next().to_le_bytes())
        .flatten()
        .take(size)
        .collect()
}

/// A generator of numbers that are all but random: each run of a test sees the same ones.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Runs a command that must succeed.
pub fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A program of another project; `package` is the Debian package to install when it is missing.
pub fn tool(name: &str, package: &str) -> Command {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\"", name])
        .output()
        .unwrap();
    assert!(
        found.status.success(),
        "`{name}` is missing: install the Debian package `{package}` (`scripts/parts.sh apt` does)"
    );
    Command::new(name)
}

/// All files of an OCI layout by path. Reading them checks that every blob is what its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// The layout in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for name in ["oci-layout", "index.json"] {
            files.insert(name.to_owned(), std::fs::read(folder.join(name)).unwrap());
        }
        for blob in std::fs::read_dir(folder.join("blobs/sha256")).unwrap() {
            let path = blob.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            files.insert(
                format!("blobs/sha256/{name}"),
                std::fs::read(&path).unwrap(),
            );
        }
        Self(files).checked()
    }

    /// The layout in a tar.
    pub fn in_archive(path: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut archive = ::tar::Archive::new(std::fs::File::open(path).unwrap());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            if entry.header().entry_type().is_dir() {
                continue;
            }
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert!(files.insert(name.clone(), bytes).is_none(), "{name} twice");
        }
        Self(files).checked()
    }

    fn checked(self) -> Self {
        for (name, bytes) in &self.0 {
            if let Some(hex) = name.strip_prefix("blobs/sha256/") {
                assert_eq!(
                    Digest::of(bytes).hex(),
                    hex,
                    "A blob is not what it is called"
                );
            }
        }
        self
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// A file.
    pub fn bytes(&self, name: &str) -> &[u8] {
        &self.0[name]
    }

    /// A file of JSON.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.bytes(name)).unwrap()
    }

    /// The blob that a descriptor speaks of; it must be as long as the descriptor says.
    pub fn blob(&self, descriptor: &Value) -> &[u8] {
        let hex = digest_of(descriptor).strip_prefix("sha256:").unwrap();
        let bytes = self.bytes(&format!("blobs/sha256/{hex}"));
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    /// The manifest and the config of the only image.
    pub fn image(&self) -> (Value, Value) {
        let index = self.json("index.json");
        let manifests = index["manifests"].as_array().unwrap();
        assert_eq!(manifests.len(), 1, "{index}");
        let manifest: Value = serde_json::from_slice(self.blob(&manifests[0])).unwrap();
        let config = serde_json::from_slice(self.blob(&manifest["config"])).unwrap();
        (manifest, config)
    }

    /// The digest of the only image.
    pub fn digest(&self) -> String {
        digest_of(&self.json("index.json")["manifests"][0]).to_owned()
    }
}

/// The digest of a descriptor.
pub fn digest_of(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}
