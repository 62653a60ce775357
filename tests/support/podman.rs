//! Runs images under podman, in a storage of its own: what the user of this machine keeps in podman is not touched.
//!
//! Every call has a time limit, every container is removed when its value is dropped, and so also when a test panics.
#![allow(
    clippy::disallowed_methods,
    reason = "tests look at the machine themselves"
)]

use std::net::TcpListener;
use std::process::{self, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::kube_play::PodFiles;

/// No call that is not about waiting should take longer; a pull unpacks some 700 MB.
const LIMIT: Duration = Duration::from_secs(300);

/// podman with storage of its own.
pub(crate) struct Podman {
    /// Images and layers: large, so it lies with the build's other output rather than in memory.
    storage: TempDir,
    /// State and sockets: podman wants a short path here.
    state: TempDir,
}

impl Podman {
    pub(crate) fn new() -> Self {
        Self {
            storage: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                .expect("the target folder takes files"),
            state: tempfile::tempdir().expect("the temporary folder takes files"),
        }
    }

    /// Pulls an image from a registry on this machine.
    pub(crate) fn pull(&self, reference: &str) {
        self.succeed(LIMIT, &["pull", "--quiet", "--tls-verify=false", reference]);
    }

    /// Pulls the image for an architecture from a registry on this machine, and tells which one the image itself is for.
    pub(crate) fn pull_for(&self, architecture: &str, reference: &str) -> String {
        let words = ["pull", "--quiet", "--tls-verify=false", "--arch"];
        let id = self.succeed(LIMIT, &[&words[..], &[architecture, reference]].concat());
        let words = [
            "image",
            "inspect",
            "--format",
            "{{.Architecture}}",
            id.trim(),
        ];
        self.succeed(LIMIT, &words).trim().to_owned()
    }

    /// Starts a container of an image on the host's network; `options` are podman's, `words` the entrypoint's.
    pub(crate) fn start(&self, image: &str, options: &[&str], words: &[&str]) -> Container<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "flink-img-{}-{}",
            process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        // Made before podman is called: a start that fails half way leaves a container, too.
        let container = Container { podman: self, name };
        let limits = [
            "--ulimit",
            "nofile=1024:20000",
            "--ulimit",
            "nproc=4096:4096",
        ];
        let mut arguments = vec![
            "run",
            "--detach",
            "--network",
            "host",
            "--log-driver",
            "k8s-file",
        ];
        arguments.extend(limits);
        arguments.extend(["--name", &container.name]);
        arguments.extend(options);
        arguments.push(image);
        arguments.extend(words);
        self.succeed(LIMIT, &arguments);
        container
    }

    /// Starts a pod, whose images must be there.
    pub(crate) fn play(&self, pod: &PodFiles) -> Pod<'_> {
        // Made before podman is called, as containers are.
        let played = Pod {
            container: Container {
                podman: self,
                name: pod.container.clone(),
            },
            name: pod.name.clone(),
        };
        let manifest = pod.manifest.to_str().expect("the path is text");
        let mut command = self.command(LIMIT);
        command.env("CONTAINERS_CONF", &pod.settings);
        succeeded(&mut command, &["kube", "play", "--quiet", manifest]);
        played
    }

    /// What a program in an image prints that must end well.
    pub(crate) fn output_of(&self, image: &str, words: &[&str]) -> String {
        let mut arguments = vec!["run", "--rm", "--network", "host"];
        arguments.extend(["--ulimit", "nofile=1024:20000"]);
        arguments.extend(["--ulimit", "nproc=4096:4096", image]);
        arguments.extend(words);
        self.succeed(LIMIT, &arguments)
    }

    /// Loads an archive, and returns the name that podman gave to the image in it.
    pub(crate) fn load(&self, archive: &std::path::Path) -> String {
        let archive = archive.to_str().expect("the path is text");
        let output = self.succeed(LIMIT, &["load", "--quiet", "--input", archive]);
        let name = output.trim_end().strip_prefix("Loaded image: ");
        name.unwrap_or_else(|| panic!("podman load said {output:?}"))
            .to_owned()
    }

    /// Imports the tar of a root file system as the image `name`.
    pub(crate) fn import(&self, tar: &std::path::Path, name: &str) {
        let tar = tar.to_str().expect("the path is text");
        self.succeed(LIMIT, &["import", "--quiet", tar, name]);
    }

    /// Writes an image to an archive of a format.
    pub(crate) fn save(&self, name: &str, format: &str, archive: &std::path::Path) {
        let archive = archive.to_str().expect("the path is text");
        let words = [
            "save", "--quiet", "--format", format, "--output", archive, name,
        ];
        self.succeed(LIMIT, &words);
    }

    fn succeed(&self, limit: Duration, arguments: &[&str]) -> String {
        succeeded(&mut self.command(limit), arguments)
    }

    fn run(&self, limit: Duration, arguments: &[&str]) -> Output {
        output_of(self.command(limit).args(arguments))
    }

    /// podman, still without words of its own.
    fn command(&self, limit: Duration) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=10", &limit.as_secs().to_string(), "podman"])
            .arg("--root")
            .arg(self.storage.path())
            .arg("--runroot")
            .arg(self.state.path())
            // runc and plain cgroup files work without systemd, and where cgroups of both versions are mixed.
            .args(["--cgroup-manager=cgroupfs", "--runtime=runc"]);
        command
    }
}

/// What podman prints when it is given these words, which must end well.
fn succeeded(podman: &mut Command, arguments: &[&str]) -> String {
    let output = output_of(podman.args(arguments));
    assert!(
        output.status.success(),
        "podman {arguments:?} ended with {}:\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn output_of(podman: &mut Command) -> Output {
    podman.output().expect("timeout is part of every Debian")
}

/// A pod that was started; dropping it stops and removes it.
pub(crate) struct Pod<'podman> {
    /// The one that is not podman's own.
    pub(crate) container: Container<'podman>,
    name: String,
}

impl Drop for Pod<'_> {
    fn drop(&mut self) {
        let words = ["pod", "rm", "--force", "--ignore", "--time", "0"];
        let podman = self.container.podman;
        podman.run(LIMIT, &[&words[..], &[&self.name]].concat());
    }
}

/// A container that was started; dropping it stops and removes it.
pub(crate) struct Container<'podman> {
    podman: &'podman Podman,
    name: String,
}

impl Container<'_> {
    /// Waits for the container to end by itself, and returns its exit code, or `None` if it is still running then.
    pub(crate) fn exit_code(&self, within: Duration) -> Option<i32> {
        let output = self.podman.run(within, &["wait", &self.name]);
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }

    /// Asks the container to end, and waits until it has.
    pub(crate) fn stop(&self) {
        self.podman.succeed(LIMIT, &["stop", &self.name]);
    }

    /// What the container wrote to its standard output.
    pub(crate) fn stdout(&self) -> String {
        let output = self.podman.run(LIMIT, &["logs", &self.name]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the standard output satisfies a condition, and returns it: what a process writes takes a moment to
    /// reach the log. When time is up, the output is returned as it is.
    pub(crate) fn stdout_when(&self, within: Duration, enough: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + within;
        loop {
            let stdout = self.stdout();
            if enough(&stdout) || Instant::now() >= deadline {
                return stdout;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The user ids of the container's first process, as the container sees them: real, effective, saved, file system.
    pub(crate) fn user_ids(&self) -> Vec<u32> {
        let line = self.output_of(&["grep", "^Uid:", "/proc/1/status"]);
        line.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    }

    /// What a program prints in the container, in which it must end well.
    pub(crate) fn output_of(&self, words: &[&str]) -> String {
        let words = [&["exec", &self.name], words].concat();
        self.podman.succeed(LIMIT, &words)
    }

    /// The end of both streams, for the message of a test that fails.
    pub(crate) fn last_words(&self) -> String {
        let output = self
            .podman
            .run(LIMIT, &["logs", "--tail", "200", &self.name]);
        format!(
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.podman.run(
            LIMIT,
            &["rm", "--force", "--ignore", "--time", "0", &self.name],
        );
    }
}

/// Ports on which nobody listens now. They are all held until the last is found, so they differ from each other.
pub(crate) fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners =
        [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").expect("there is a free port"));
    listeners.map(|listener| {
        listener
            .local_addr()
            .expect("a listener has an address")
            .port()
    })
}
