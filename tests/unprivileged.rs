//! The build as a CI runner without any privilege does it: user and group 65534, no capabilities, no new privileges, no
//! user namespaces, a home that cannot be written to. With the real Flink and the real base, into a real registry.
//!
//! What forbids namespaces here is strace: it answers `unshare`, `setns`, `mount`, `pivot_root` and `chroot` with EPERM,
//! as a locked-down container does, and its log shows that the build never asked, made no process, and ran no program.
//! Where the tests do not run as root, the build keeps their user; all else is the same.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::docker_registry::{DockerRegistry, Kind};
use support::parts::{FlinkParts, jre_base};
use support::workshop::{succeed, tool};
use tempfile::TempDir;

/// The user and group "nobody" of Debian.
const NOBODY: u32 = 65534;
/// What makes or enters namespaces, mounts, or changes the root. A `?` marks what some processors do not have.
const FORBIDDEN: &str = "unshare,setns,mount,pivot_root,chroot";
const WATCHED: &str =
    "umount2,fsopen,open_tree,move_mount,clone,clone3,?fork,?vfork,execve,execveat";

/// A place to build in that belongs to the user without privileges.
struct Cell {
    folder: TempDir,
}

impl Cell {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let cell = Self { folder };
        for (name, mode) in [("home", 0o555), ("tmp", 0o700), ("work", 0o700)] {
            let path = cell.path(name);
            std::fs::create_dir(&path).unwrap();
            // The home stays root's, so that nobody else may write there.
            if is_root() && name != "home" {
                chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(cell.folder.path(), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        cell
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program inside.
    fn run(&self, program: impl AsRef<OsStr>, words: &[&OsStr]) -> Output {
        let mut command = tool("strace", "strace");
        command
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .args(["-f", "--seccomp-bpf", "-qq", "-o"])
            .arg(self.path("log"))
            .arg(format!("--trace={FORBIDDEN},{WATCHED}"))
            .arg(format!("--inject={FORBIDDEN}:error=EPERM"))
            .args(["setpriv", "--no-new-privs", "--inh-caps=-all"]);
        if is_root() {
            let id = NOBODY.to_string();
            command
                .args(["--reuid", &id, "--regid", &id])
                .args(["--clear-groups", "--bounding-set=-all"]);
        }
        command.arg(program).args(words).output().unwrap()
    }

    /// The system calls of the last run, without the number of the process.
    fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(self.path("log"))
            .unwrap()
            .lines()
            .filter_map(|line| Some(line.split_once(' ')?.1.trim_start().to_owned()))
            .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
            .collect()
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_build_needs_no_privileges_and_gives_the_same_digest() {
    let _ = tool("setpriv", "util-linux");
    let cell = Cell::new();
    assert_that_the_cell_is_closed(&cell);

    let registry = DockerRegistry::start(&Kind::Plain);
    let parts = FlinkParts::of("2.3.0");
    let base = format!("rootfs:{}", jre_base().display());
    for path in [&parts.archive, &parts.bounded_sum, &jre_base(), &program()] {
        let seen = cell.run("test", &[OsStr::new("-r"), path.as_os_str()]);
        assert!(
            seen.status.success(),
            "the user {NOBODY} may not read {}: check this tree out where everybody may look, or set FLINK_IMG_PARTS_DIR",
            path.display()
        );
    }
    let name = |user: &str| format!("{}/unprivileged/{user}:1", registry.address());
    let words = |name: &str| -> Vec<std::ffi::OsString> {
        let mut words: Vec<std::ffi::OsString> = vec![
            "build".into(),
            "--from-archive".into(),
            (&parts.archive).into(),
        ];
        words.extend(["--job-jar".into(), (&parts.bounded_sum).into()]);
        words.extend(["--base", &base, "--push", "-t", name].map(Into::into));
        words
    };

    // As whoever runs the tests, at the same time: there are two cores.
    let cache = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let expected = std::thread::scope(|scope| {
        let ordinary = scope.spawn(|| {
            let mut command = Command::new(program());
            command.env("FLINK_IMG_CACHE_DIR", cache.path());
            digest(&succeed(command.args(words(&name("tests")))))
        });
        let words = words(&name("nobody"));
        let words: Vec<&OsStr> = words.iter().map(AsRef::as_ref).collect();
        let output = cell.run(program(), &words);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = digest(&output);
        let expected = ordinary.join().unwrap();
        assert_eq!(found, expected);
        expected
    });
    assert!(expected.starts_with("sha256:"));

    assert_that_nothing_was_tried(&cell.calls());
    assert_eq!(std::fs::read_dir(cell.path("home")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(cell.path("work")).unwrap().count(), 0);
}

/// The conditions must be what this test says that they are.
fn assert_that_the_cell_is_closed(cell: &Cell) {
    let status = succeed_inside(cell, "cat", &["/proc/self/status"]);
    let field = |name: &str| -> Vec<String> {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .skip(1)
            .map(ToOwned::to_owned)
            .collect()
    };
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    if is_root() {
        let id = NOBODY.to_string();
        assert_eq!(field("CapBnd:"), ["0000000000000000"]);
        assert_eq!(field("Uid:"), [id.as_str(); 4]);
        assert_eq!(field("Gid:"), [id.as_str(); 4]);
        assert_eq!(field("Groups:"), [""; 0]);
    }
    let namespace = cell.run("unshare", &["--user".as_ref(), "true".as_ref()]);
    assert!(!namespace.status.success(), "a user namespace was made");
    assert!(cell.calls().iter().any(|call| call.starts_with("unshare(")));
    let file = cell.path("home").join("x");
    let home = cell.run("touch", &[file.as_os_str()]);
    assert!(!home.status.success(), "the home can be written to");
}

fn succeed_inside(cell: &Cell, program: &str, words: &[&str]) -> String {
    let words: Vec<&OsStr> = words.iter().map(AsRef::as_ref).collect();
    let output = cell.run(program, &words);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Threads, and one program: the build itself.
fn assert_that_nothing_was_tried(calls: &[String]) {
    let mut programs = Vec::new();
    let mut threads = 0;
    for call in calls {
        let (name, rest) = call.split_once('(').unwrap_or((call, ""));
        match name {
            "execve" => {
                let path = rest.split(',').next().unwrap().trim_matches('"');
                programs.extend(Path::new(path).file_name());
            }
            // A thread shares everything with the process; a call that was interrupted is told in two lines.
            "clone" | "clone3" => {
                assert!(call.contains("CLONE_THREAD"), "{call}");
                assert!(!call.contains("CLONE_NEW"), "{call}");
                threads += 1;
            }
            _ if call.starts_with("<... clone") || call.starts_with("<... exec") => {}
            _ => panic!("the build called {call}"),
        }
    }
    assert_eq!(programs, ["setpriv", "flink-img"]);
    assert!(threads > 0, "the log misses what the build did");
}

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_flink-img").into()
}

/// The digest behind the name on standard output.
fn digest(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (_, digest) = stdout.trim_end().split_once('@').unwrap();
    digest.to_owned()
}
