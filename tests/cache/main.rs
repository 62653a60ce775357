//! The cache: what is in it, what is taken from it, what happens when it is damaged, and many users at once.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod platforms;
mod prune;
mod sharing;
mod torture;
mod usage;
mod verify;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flink_img::oci::Digest;
use sha2::{Digest as _, Sha512};

use support::context::{Run, TestContext, names};
use support::files::FileServer;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The archive of the release that [`mirror`] has.
const RELEASE: &str = "flink-1.20.5-bin-scala_2.12.tgz";

/// All files below a folder, sorted; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(name);
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The blobs of the store.
fn blobs(context: &TestContext) -> Vec<PathBuf> {
    files(&context.store().join("blobs"))
}

/// The largest of the blobs, which is a layer.
fn largest_blob(context: &TestContext) -> PathBuf {
    let size = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
    blobs(context).into_iter().max_by_key(size).unwrap()
}

fn total(files: &[PathBuf]) -> u64 {
    let size = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
    files.iter().map(size).sum()
}

/// Makes it so that a file was used last so long ago.
fn age(path: &Path, age: Duration) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// Asserts that every blob of the store is what its name says, and that nothing is unfinished.
fn assert_sound(context: &TestContext) {
    for path in blobs(context) {
        let digest = Digest::of(&std::fs::read(&path).unwrap());
        assert!(path.ends_with(digest.hex()), "{}", path.display());
    }
    context.assert_nothing_unfinished();
    for path in files(&context.store()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!name.starts_with('.'), "{}", path.display());
    }
}

/// A build that leaves layers in the store and keeps no image.
fn build_unkept(context: &TestContext) -> Run {
    context.build(&["--job-jar", "job.jar", "-o", "oci-archive:image.tar"])
}

/// A mirror with one release: the miniature one.
fn mirror(context: &TestContext) -> FileServer {
    let archive = context.read("flink.tgz");
    let digest = Sha512::digest(&archive);
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let sum = format!("{}  {RELEASE}\n", hex.concat());
    let folder = "/flink/flink-1.20.5";
    FileServer::start(BTreeMap::from([
        (format!("{folder}/{RELEASE}"), archive),
        (format!("{folder}/{RELEASE}.sha512"), sum.into_bytes()),
    ]))
}

/// A build of the release that the mirror has.
fn build_release(context: &TestContext, mirror: &FileServer, words: &[&str]) -> Run {
    let url = format!("{}/flink", mirror.url());
    let usual = ["build", "--base", support::context::BASE, "--job-jar"];
    let more = ["job.jar", "--flink-version", "1.20.5", "--release-mirror"];
    context.run(
        usual
            .iter()
            .chain(&more)
            .chain(&[url.as_str()])
            .chain(words),
    )
}
