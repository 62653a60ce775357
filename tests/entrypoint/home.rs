//! Flink's home in small, with stubs for its scripts, and the shells to run the entrypoint under.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The uid of the tests when they are started by root: one without a passwd entry.
const FOREIGN_UID: u32 = 12345;

/// What the stubs of Flink's scripts do: tell how they were called, and keep a copy of the configuration.
const STUB: &str = r#"#!/bin/sh
printf '%s\n' "${0##*/}" "$@" >"$OUT/words"
printf '%s' "${FLINK_PLUGINS_DIR-unset}" >"$OUT/plugins"
printf '%s' "${LD_PRELOAD-unset}" >"$OUT/preload"
printf '%s' "${FLINK_CONF_DIR-unset}" >"$OUT/conf"
"#;

#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<PathBuf>,
}

/// All three; a missing one is a failure, since each has found mistakes that the others did not.
pub(crate) fn shells() -> Vec<Shell> {
    let shell = |name, package| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.exists())
            .unwrap_or_else(|| panic!("No `{name}` on PATH: the entrypoint must be tested under it, install the Debian package `{package}`"))
    };
    vec![
        Shell {
            name: "dash",
            command: vec![shell("dash", "dash")],
        },
        Shell {
            name: "busybox",
            command: vec![shell("busybox", "busybox-static"), "sh".into()],
        },
        Shell {
            name: "bash",
            command: vec![shell("bash", "bash")],
        },
    ]
}

/// A root file system in small: Flink's home, a `PATH`, a `TMPDIR` and a folder for what the stubs tell.
#[derive(Debug)]
pub(crate) struct Home {
    root: TempDir,
    shell: Shell,
    pub(crate) as_root: bool,
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// `files` are those below `conf/`. Prints the shell, which is shown when the test fails.
    pub(crate) fn new(shell: &Shell, files: &[(&str, &str)]) -> Self {
        #[expect(
            clippy::print_stdout,
            reason = "the test harness shows it when the test fails"
        )]
        {
            println!("Under {}", shell.name);
        }
        let home = Self {
            root: TempDir::new().unwrap(),
            shell: shell.clone(),
            as_root: false,
        };
        for folder in [
            "flink/bin",
            "flink/conf",
            "flink/log",
            "flink/opt",
            "flink/plugins/gpu",
            "path",
            "tmp",
            "out",
        ] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        for script in [
            "standalone-job",
            "taskmanager",
            "jobmanager",
            "historyserver",
        ] {
            home.write(&format!("flink/bin/{script}.sh"), STUB);
        }
        for plugin in [
            "flink-s3-fs-hadoop-2.3.0.jar",
            "flink-gs-fs-hadoop-2.3.0.jar",
        ] {
            home.write(&format!("flink/opt/{plugin}"), "");
        }
        home.write("flink/plugins/gpu/gpu.jar", "");
        home.write("path/java", "#!/bin/sh\ntouch \"$OUT/jvm\"\n");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("base-layers/docker-entrypoint.sh");
        home.write("docker-entrypoint.sh", &fs::read_to_string(script).unwrap());
        if shell.name == "busybox" {
            let applets = Command::new(&shell.command[0])
                .arg("--list")
                .output()
                .unwrap()
                .stdout;
            for applet in String::from_utf8(applets).unwrap().lines() {
                symlink(&shell.command[0], home.path("path").join(applet)).unwrap();
            }
        }
        for (name, text) in files {
            home.write(&format!("flink/conf/{name}"), text);
        }
        home.protect("", 0o755);
        home.protect("tmp", 0o777);
        home.protect("out", 0o777);
        home.protect("flink/log", 0o777);
        home.protect("flink/plugins", 0o777);
        home
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    pub(crate) fn write(&self, inside: &str, text: &str) {
        fs::write(self.path(inside), text).unwrap();
        self.protect(inside, if text.starts_with("#!") { 0o755 } else { 0o444 });
    }

    pub(crate) fn protect(&self, inside: &str, mode: u32) {
        fs::set_permissions(self.path(inside), Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn protect_all(&self, folders: &[&str], mode: u32) {
        for folder in folders {
            self.protect(folder, mode);
        }
    }

    pub(crate) fn command(&self) -> Command {
        let mut path = self.path("path").into_os_string();
        if self.shell.name != "busybox" {
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap());
        }
        let mut command = Command::new(&self.shell.command[0]);
        command
            .args(&self.shell.command[1..])
            .env_clear()
            .current_dir(self.root.path());
        command
            .env("PATH", path)
            .env("HOME", "/")
            .env("OUT", self.path("out"));
        command
            .env("TMPDIR", self.path("tmp"))
            .env("FLINK_HOME", self.path("flink"));
        if self.is_owned_by_root() && !self.as_root {
            command.uid(FOREIGN_UID).gid(0);
        }
        command
    }

    pub(crate) fn run(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.command();
        command
            .arg(self.path("docker-entrypoint.sh"))
            .args(words)
            .envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(
            !self.path("out/jvm").exists(),
            "{}: {words:?} started a JVM",
            self.shell.name
        );
        Outcome {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs what must succeed without a word.
    pub(crate) fn run_quietly(&self, words: &[&str], variables: &[(&str, &str)]) {
        let Outcome {
            code,
            stdout,
            stderr,
        } = self.run(words, variables);
        assert_eq!(
            (code, stdout.as_str(), stderr.as_str()),
            (0, "", ""),
            "{}: {words:?}",
            self.shell.name
        );
    }

    pub(crate) fn told(&self, what: &str) -> String {
        fs::read_to_string(self.path("out").join(what)).unwrap_or_else(|_| "not run".to_owned())
    }

    /// The file of the configuration that Flink was started with.
    pub(crate) fn merged(&self, name: &str) -> String {
        fs::read_to_string(Path::new(&self.told("conf")).join(name)).unwrap()
    }

    /// True when the tests run as root.
    pub(crate) fn is_owned_by_root(&self) -> bool {
        fs::metadata(self.root.path()).unwrap().uid() == 0
    }

    pub(crate) fn left_in_tmp(&self) -> usize {
        fs::read_dir(self.path("tmp")).unwrap().count()
    }
}
