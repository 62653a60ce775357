//! Keys and signatures as people make them, with the `gpg` of Debian, at any time of the past.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::workshop::tool;

/// A folder with keys of its own, and the agent that keeps them.
pub(crate) struct Gnupg {
    home: tempfile::TempDir,
}

/// What a key is made with; the name is that of its owner.
#[derive(Clone, Copy)]
pub(crate) struct KeyPlan<'a> {
    pub(crate) name: &'a str,
    pub(crate) algorithm: &'a str,
    pub(crate) usage: &'a str,
    /// The day it is made, as `20200101`.
    pub(crate) made: &'a str,
    /// How long it is good for, as `2y`; `0` for ever.
    pub(crate) lasts: &'a str,
}

impl Default for KeyPlan<'_> {
    fn default() -> Self {
        Self {
            name: "Release Manager <manager@example.org>",
            algorithm: "ed25519",
            usage: "sign",
            made: "20200101",
            lasts: "0",
        }
    }
}

impl Gnupg {
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        Self { home }
    }

    /// Runs `gpg` on a day, with something to read, and gives what it writes.
    pub(crate) fn run(&self, day: &str, words: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = tool("gpg", "gnupg");
        command
            .env("GNUPGHOME", self.home.path())
            .args(["--no-tty", "--yes", "--quiet"])
            .args(["--pinentry-mode", "loopback", "--passphrase", ""])
            .args(["--faked-system-time", &format!("{day}T120000!")])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "gpg {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Makes a key and gives its fingerprint.
    pub(crate) fn key(&self, plan: KeyPlan<'_>, more: &[&str]) -> String {
        let KeyPlan {
            name,
            algorithm,
            usage,
            made,
            lasts,
        } = plan;
        let words = [
            "--batch",
            "--quick-generate-key",
            name,
            algorithm,
            usage,
            lasts,
        ];
        self.run(made, &[more, &words].concat(), b"");
        self.fingerprints(made, name)[0].clone()
    }

    /// Adds a subkey for signing and gives its fingerprint.
    pub(crate) fn subkey(&self, day: &str, key: &str, lasts: &str) -> String {
        let words = ["--batch", "--quick-add-key", key, "ed25519", "sign", lasts];
        self.run(day, &words, b"");
        self.fingerprints(day, key).pop().unwrap()
    }

    fn fingerprints(&self, day: &str, key: &str) -> Vec<String> {
        let words = [
            "--batch",
            "--with-colons",
            "--with-subkey-fingerprint",
            "--list-keys",
            key,
        ];
        let listed = String::from_utf8(self.run(day, &words, b"")).unwrap();
        let lines = listed.lines().filter(|line| line.starts_with("fpr:"));
        lines
            .map(|line| line.split(':').nth(9).unwrap().to_owned())
            .collect()
    }

    /// A detached signature, made on a day; a `!` behind a fingerprint is for just that subkey.
    pub(crate) fn sign(&self, day: &str, key: &str, more: &[&str], bytes: &[u8]) -> Vec<u8> {
        let words = ["--batch", "--armor", "--detach-sign", "--local-user", key];
        self.run(day, &[more, &words].concat(), bytes)
    }

    /// The certificates in ASCII armor, in one block.
    pub(crate) fn export(&self, keys: &[&str]) -> Vec<u8> {
        self.run(
            "20250101",
            &[&["--batch", "--armor", "--export"], keys].concat(),
            b"",
        )
    }

    /// A key with its secret part, in ASCII armor.
    pub(crate) fn export_secret(&self, key: &str) -> Vec<u8> {
        let words = ["--batch", "--armor", "--export-secret-keys", key];
        self.run("20250101", &words, b"")
    }

    /// Revokes a key with the certificate that was made with it, which gives no reason.
    pub(crate) fn revoke(&self, day: &str, key: &str) {
        let path = format!("openpgp-revocs.d/{key}.rev");
        let text = std::fs::read_to_string(self.home.path().join(path)).unwrap();
        let block = text.replace(":-----BEGIN", "-----BEGIN");
        self.run(day, &["--batch", "--import"], block.as_bytes());
    }

    /// Revokes a key for a reason of the menu of `gpg`: 1 compromised, 2 superseded, 3 retired.
    pub(crate) fn revoke_for(&self, day: &str, key: &str, reason: u8) {
        let answers = format!("y\n{reason}\n\ny\n");
        let words = ["--command-fd", "0", "--armor", "--gen-revoke", key];
        let block = self.run(day, &words, answers.as_bytes());
        self.run(day, &["--batch", "--import"], &block);
    }

    /// Revokes the first subkey of a key for a reason.
    pub(crate) fn revoke_subkey_for(&self, day: &str, key: &str, reason: u8) {
        let answers = format!("key 1\nrevkey\ny\n{reason}\n\ny\nsave\n");
        self.run(
            day,
            &["--command-fd", "0", "--edit-key", key],
            answers.as_bytes(),
        );
    }

    /// Prolongs or shortens the life of a key.
    pub(crate) fn expire(&self, day: &str, key: &str, lasts: &str) {
        self.run(day, &["--batch", "--quick-set-expire", key, lasts], b"");
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let mut kill = Command::new("gpgconf");
        kill.env("GNUPGHOME", self.home.path());
        let _ = kill.args(["--kill", "all"]).status();
    }
}

/// A file with something in it.
pub(crate) fn file(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("archive.tgz");
    std::fs::write(&path, bytes).unwrap();
    path
}
