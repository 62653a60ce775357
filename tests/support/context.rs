//! A user of their own for each test: an empty home, a clean environment, a folder with small inputs, and no way out of
//! this machine.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::fixtures::{self, Compress, Packing, Raw};

/// The base that most tests stand on, as `--base` takes it.
pub const BASE: &str = "rootfs:base.tar";
/// Who a test is when it must not be root.
pub const NOBODY: u32 = 65534;

/// A user with a home, a working folder with small inputs (`job.jar`, `base.tar`, `flink.tgz`, `flink-1.20.5/`), and
/// nothing in the environment.
#[derive(Debug)]
pub struct TestContext {
    _folder: TempDir,
    root: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    user: Option<u32>,
    shell: Option<String>,
    program: PathBuf,
}

impl TestContext {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("flink-img-test-")
            .tempdir()
            .unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let mut context = Self {
            _folder: folder,
            environment: BTreeMap::new(),
            user: None,
            shell: None,
            program: env!("CARGO_BIN_EXE_flink-img").into(),
            root,
        };
        context.set("HOME", context.root.join("home"));
        context.set("TMPDIR", context.root.join("tmp"));
        context.set("PATH", "/usr/bin:/bin");
        context.set("COLUMNS", "100");
        // Without this, logins that Podman keeps for the user of the tests would be read.
        context.set("XDG_RUNTIME_DIR", context.root.join("run"));
        // Registries and mirrors of the tests are on this machine and spoken to directly. Everything else would go
        // through this proxy, which is not there.
        context.set("HTTPS_PROXY", "http://127.0.0.1:1");
        // What this machine is set up for must not matter.
        let registries = context.root.join("registries.conf");
        std::fs::write(&registries, "").unwrap();
        context.set("CONTAINERS_REGISTRIES_CONF", registries);
        let work = context.work();
        fixtures::job_jar(&work.join("job.jar"), "org.example.Job");
        fixtures::mini_distribution(&work);
        fixtures::mini_archive(&work.join("flink.tgz"), &Packing::default());
        context.write("base.tar", base(JAVA_17));
        context
    }

    /// The folder that commands run in.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// A path below the folder that commands run in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// The folder with home, temporary files and working folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The local store.
    pub fn store(&self) -> PathBuf {
        self.root.join("home/.cache/flink-img")
    }

    /// Sets a variable of the environment.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment
            .insert(name.into(), value.as_ref().to_owned());
    }

    /// Takes a variable out of the environment.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(OsStr::new(name));
    }

    /// Leaves a login of `ada` for a registry where the program finds it.
    pub fn log_in(&mut self, registry: &str, password: &str) {
        let auth = STANDARD.encode(format!("ada:{password}"));
        let file = serde_json::json!({"auths": {registry: {"auth": auth}}});
        self.write("auth.json", file.to_string());
        self.set("REGISTRY_AUTH_FILE", "auth.json");
    }

    /// Runs this shell command in the process first: `umask 077`.
    pub fn first(&mut self, command: &str) {
        self.shell = Some(command.to_owned());
    }

    /// Becomes a user who may do nothing special: everybody but root is one already.
    pub fn become_nobody(&mut self) {
        if !is_root() {
            return;
        }
        self.user = Some(NOBODY);
        // The program may lie in a folder of root's.
        let program = self.root.join("flink-img");
        if std::fs::hard_link(&self.program, &program).is_err() {
            std::fs::copy(&self.program, &program).unwrap();
        }
        self.program = program;
        std::fs::set_permissions(&self.root, std::fs::Permissions::from_mode(0o755)).unwrap();
        give(&self.root, NOBODY, &self.program);
    }

    /// Writes a file.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Whether there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        std::fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// A command, not started yet.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = match &self.shell {
            Some(first) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]);
                shell.arg(&self.program);
                shell
            }
            None => Command::new(&self.program),
        };
        command
            .args(words)
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.work())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Run {
        self.finish(self.command(words))
    }

    /// Runs a command that was made by [`TestContext::command`] to its end.
    pub fn finish(&self, mut command: Command) -> Run {
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            root: self.root.display().to_string(),
        }
    }

    /// `build` with the usual base and the archive, and more words.
    pub fn build(&self, words: &[&str]) -> Run {
        let usual = ["build", "--base", BASE, "--from-archive", "flink.tgz"];
        self.run(usual.iter().chain(words))
    }

    /// Builds the usual job image with more words, and returns its digest.
    pub fn digest(&self, words: &[&str]) -> String {
        self.build(&[&["--job-jar", "job.jar"], words].concat())
            .digest()
    }

    /// Asserts that the store has no image, no blob and no unfinished work.
    pub fn assert_nothing_kept(&self) {
        let images = self.run(["images"]);
        assert_eq!((images.code, images.stdout.as_str()), (0, ""), "{images}");
        self.assert_nothing_unfinished();
    }

    /// Asserts that neither the store nor the temporary files have unfinished work.
    pub fn assert_nothing_unfinished(&self) {
        for folder in [self.store().join("tmp"), self.root.join("tmp")] {
            let left = names(&folder);
            assert!(left.is_empty(), "{} has {left:?}", folder.display());
        }
        let left: Vec<_> = names(&self.work())
            .into_iter()
            .filter(|name| name.starts_with('.'))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Changes a fact of a store as `edit` does, and vouches for it as the store would.
pub fn forge_fact(path: &Path, edit: impl FnOnce(&str) -> String) {
    let kind = path
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let key = path.file_stem().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let (fact, _) = text.rsplit_once('\n').unwrap();
    let fact = edit(fact);
    let sealed = format!("{kind}\nsha256:{key}\n{fact}");
    let seal = flink_img::oci::Digest::of(sealed.as_bytes());
    std::fs::write(path, format!("{fact}\n{seal}")).unwrap();
}

/// The names in a folder, sorted; none if there is no such folder.
pub fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give(folder: &Path, user: u32, except: &Path) {
    // The program is a link to that of all tests.
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == except {
            continue;
        }
        std::os::unix::fs::lchown(&path, Some(user), Some(user)).unwrap();
        if path.is_dir() && !path.is_symlink() {
            give(&path, user, except);
        }
    }
}

/// What a command did, shown without what differs from run to run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    root: String,
}

impl Run {
    /// Asserts that it went well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        self
    }

    /// The same with the lines of stderr sorted, for what happens in no order: uploads.
    pub fn sorted(mut self) -> Self {
        let mut lines: Vec<_> = self.stderr.lines().collect();
        lines.sort_unstable();
        self.stderr = lines.join("\n");
        self
    }

    /// Its result, without what differs.
    pub fn stdout_plain(&self) -> String {
        assert_eq!(self.code, 0, "{self}");
        self.plain(&self.stdout)
    }

    /// The digest in the first line of its result.
    pub fn digest(&self) -> String {
        assert_eq!(self.code, 0, "{self}");
        let line = self.stdout.lines().next().unwrap();
        let (_, digest) = line.split_once('@').unwrap();
        assert!(digest.starts_with("sha256:"), "{line}");
        digest.to_owned()
    }

    /// Its result as JSON.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, 0, "{self}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// A text of this run (or of a file that it wrote) without what differs: the folder of the test, ports. Digests
    /// become numbers in the order in which they appear, and sizes of layers, with the rates at which they went, become
    /// `[SIZE]`: the bytes themselves are pinned in `tests/reproducible.rs`, once.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace(&format!("{}/work", self.root), "[WORK]");
        let text = text.replace(&self.root, "[TEMP]");
        let text = replace_all(&text, "127.0.0.1:", |rest| {
            let port = rest.bytes().take_while(u8::is_ascii_digit).count();
            (port > 1).then(|| (port, "127.0.0.1:[PORT]".to_owned()))
        });
        let mut digests: Vec<String> = Vec::new();
        let text = replace_all(&text, "sha256:", |rest| {
            let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
            let hex = &rest[..length];
            if length < 12 {
                return None;
            }
            let place = digests
                .iter()
                .position(|known| known.starts_with(hex) || hex.starts_with(known.as_str()))
                .unwrap_or_else(|| {
                    digests.push(hex.to_owned());
                    digests.len() - 1
                });
            Some((length, format!("sha256:[{}]", place + 1)))
        });
        text.lines()
            .map(|line| {
                let line = line.trim_end();
                // `, 50.00 MiB, 200.00 MiB/s`, or the size alone.
                let with_rate = line.strip_suffix("/s").and_then(without_size);
                match without_size(with_rate.unwrap_or(line)) {
                    Some(told) => format!("{told}, [SIZE]\n"),
                    None => format!("{line}\n"),
                }
            })
            .collect()
    }
}

/// A line without the size that it ends with.
fn without_size(line: &str) -> Option<&str> {
    let number = [" B", " KiB", " MiB", " GiB"]
        .iter()
        .find_map(|unit| line.strip_suffix(unit))?;
    let (told, number) = number.rsplit_once(", ")?;
    number.parse::<f64>().is_ok().then_some(told)
}

/// Calls `with` with what follows each `needle`; it says how much of that is replaced too, and what by.
fn replace_all(
    text: &str,
    needle: &str,
    mut with: impl FnMut(&str) -> Option<(usize, String)>,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(needle) {
        out.push_str(&rest[..place]);
        rest = &rest[place + needle.len()..];
        match with(rest) {
            Some((length, replacement)) => {
                out.push_str(&replacement);
                rest = &rest[length..];
            }
            None => out.push_str(needle),
        }
    }
    out + rest
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code: {}", self.code)?;
        let both = format!("{}\0{}", self.stdout, self.stderr);
        let both = self.plain(&both);
        let (stdout, stderr) = both.split_once('\0').unwrap();
        for (name, text) in [("stdout", stdout), ("stderr", stderr)] {
            if !text.trim().is_empty() {
                write!(f, "----- {name} -----\n{}\n", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The `release` file of a Java 17.
pub const JAVA_17: &str = "JAVA_VERSION=\"17.0.15\"\n";

/// A tiny root file system with this `release` file in the home of its Java.
pub fn base(release: &str) -> Vec<u8> {
    fixtures::tar(&base_entries(release))
}

/// The entries of [`base`].
pub fn base_entries(release: &str) -> Vec<Raw> {
    let program = |name: &str| Raw {
        mode: 0o755,
        ..Raw::file(name, b"#!/nowhere\n")
    };
    vec![
        Raw::file("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n"),
        Raw::file("etc/group", b"root:x:0:\n"),
        Raw::file("etc/os-release", b"PRETTY_NAME=\"Tiny Linux 1\"\nID=tiny\n"),
        program("usr/bin/awk"),
        program("usr/bin/bash"),
        program("usr/bin/find"),
        program("usr/bin/grep"),
        program("usr/bin/sed"),
        Raw::symlink("bin", "usr/bin"),
        program("usr/lib/jvm/java-17/bin/java"),
        Raw::file("usr/lib/jvm/java-17/release", release.as_bytes()),
        Raw::symlink("usr/bin/java", "../lib/jvm/java-17/bin/java"),
    ]
}

/// The entries of [`base`] without those whose name begins so.
pub fn base_without(what: &str) -> Vec<u8> {
    let mut entries = base_entries(JAVA_17);
    entries.retain(|entry| !String::from_utf8_lossy(&entry.name).starts_with(what));
    fixtures::tar(&entries)
}

/// The config of an image for this platform whose one layer is `tar`.
pub fn base_config(architecture: &str, tar: &[u8]) -> Vec<u8> {
    serde_json::json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"], "Entrypoint": ["/own.sh"]},
        "rootfs": {"type": "layers", "diff_ids": [flink_img::oci::Digest::of(tar)]},
        "history": [{"created_by": "the base's own"}],
    })
    .to_string()
    .into_bytes()
}

/// A layer, compressed, with its media type.
pub fn layer(tar: &[u8], how: Compress) -> (flink_img::oci::MediaType, Vec<u8>) {
    use flink_img::oci::{LayerCompression, MediaType};
    let compression = match how {
        Compress::Gzip => LayerCompression::Gzip,
        Compress::Zstd => LayerCompression::Zstd,
        Compress::None | Compress::Xz => LayerCompression::None,
    };
    (MediaType::Layer(compression), fixtures::compress(tar, how))
}
