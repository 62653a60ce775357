//! A small disk, where nobody else sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::workshop::succeed;

/// The ways to where one may mount: as root, and as anybody.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// The beginning of a command that runs the rest of its words where it may mount; `None` where nobody may.
pub(crate) fn where_one_may_mount() -> Option<Command> {
    WAYS.into_iter().find(|way| may_mount(way)).map(unshare)
}

fn unshare(way: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(way);
    command
}

/// Whether a file system can be mounted after this way.
fn may_mount(way: &[&str]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut command = unshare(way);
    command.args(["mount", "-t", "tmpfs", "tmpfs"]);
    let output = command.arg(folder.path()).output();
    output.is_ok_and(|output| output.status.success())
}

/// A small disk, which is mounted until it is dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `limit` is an option of tmpfs: `size=4096`
    pub(crate) fn new(limit: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("mode=0700,{limit}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]);
        succeed(mount.arg(folder.path()));
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes room, or takes it.
    pub(crate) fn resize(&self, limit: &str) {
        let options = format!("remount,{limit}");
        succeed(
            Command::new("mount")
                .args(["-o", &options])
                .arg(self.folder.path()),
        );
    }

    /// Writes a file into all the room that is left.
    pub(crate) fn fill(&self) {
        let mut ballast = std::fs::File::create(self.path("ballast")).unwrap();
        let left = std::io::copy(&mut std::io::repeat(1), &mut ballast).unwrap_err();
        assert_eq!(left.kind(), std::io::ErrorKind::StorageFull);
    }

    /// Everything on the disk that looks as if it were not finished.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        let mut found = paths(self.folder.path());
        found.retain(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(".flink-img-") || path.parent().unwrap().ends_with("cache/tmp")
        });
        found
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// Everything below a folder.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(paths(&path));
        }
        found.push(path);
    }
    found
}
