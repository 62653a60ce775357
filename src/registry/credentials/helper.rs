//! Credential helpers: programs called `docker-credential-NAME` that keep logins for others.
//!
//! `get` is their only verb that is used. A helper is found on the search path and nowhere else, runs without a shell and
//! in a process group of its own, and is stopped with all its children when it does not come to an end. What it says
//! about a failure is not repeated: nobody knows what is in it.
//!
//! The price of the group: a signal that ends the program while a helper runs, such as that of Ctrl-C, does not reach the
//! helper, and nobody is left to stop it. It lives on until it ends by itself.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{Credentials, Secret};

/// What every helper's program begins with.
const PREFIX: &str = "docker-credential-";
/// The largest answer that is read; real ones have at most a few kilobytes, for tokens.
const ANSWER_LIMIT: u64 = 64 * 1024;
/// What helpers say when they have nothing for a registry (docker-credential-helpers, `credentials/error.go`). It is part of
/// their protocol, and some say more around it.
const MISS: &str = "credentials not found";

/// How helpers are run.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The folders that they are looked for in, as in `PATH`.
    pub(super) search_path: OsString,
    /// How long one may take. Some ask their user first.
    pub(super) patience: Duration,
}

/// Why a helper gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelperFailure {
    /// Its name is no plain name.
    Name,
    /// There is no such program on the search path.
    Missing,
    /// It could not be started or spoken to.
    Start(io::ErrorKind),
    /// It did not come to an end.
    Silent(Duration),
    /// It failed.
    Exit(Option<i32>),
    /// Its answer is longer than any login.
    TooLong,
    /// Its answer is no login.
    Nonsense,
}

impl fmt::Display for HelperFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("has a name that no helper may have"),
            Self::Missing => f.write_str("is not on the search path"),
            Self::Start(kind) => write!(f, "could not be run: {kind}"),
            Self::Silent(patience) => {
                write!(f, "gave no answer in {} seconds", patience.as_secs_f64())
            }
            Self::Exit(Some(code)) => write!(f, "failed with exit code {code}"),
            Self::Exit(None) => f.write_str("was ended by a signal"),
            Self::TooLong => write!(f, "gave an answer of more than {ANSWER_LIMIT} bytes"),
            Self::Nonsense => f.write_str("gave an answer that is no login"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: Secret,
}

/// Asks a helper for the login of a server; `None` if it has none.
pub(super) async fn get(
    setting: &Setting,
    name: &str,
    server: &str,
) -> Result<Option<Credentials>, HelperFailure> {
    let program = find(&setting.search_path, name)?;
    tracing::debug!(helper = name, server, "asking a credential helper");
    let child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| HelperFailure::Start(error.kind()))?;
    let mut running = Running(child);
    let conversation = tokio::time::timeout(setting.patience, running.converse(server));
    match conversation.await {
        Ok(answer) => read(&answer?),
        Err(_) => Err(HelperFailure::Silent(setting.patience)),
    }
}

/// What came out of a helper that ended by itself.
struct Output {
    success: bool,
    code: Option<i32>,
    stdout: Vec<u8>,
}

fn read(output: &Output) -> Result<Option<Credentials>, HelperFailure> {
    if !output.success {
        let text = String::from_utf8_lossy(&output.stdout).to_ascii_lowercase();
        return if text.contains(MISS) {
            Ok(None)
        } else {
            Err(HelperFailure::Exit(output.code))
        };
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).map_err(|_| HelperFailure::Nonsense)?;
    let Answer { username, secret } = answer;
    Ok((!secret.reveal().is_empty()).then(|| Credentials::of_login(username, secret)))
}

/// The program of a helper: a plain name, so that no file leads out of the folders of the search path. Of these, only those
/// count that do not depend on where we are.
fn find(search_path: &OsStr, name: &str) -> Result<PathBuf, HelperFailure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(HelperFailure::Name);
    }
    std::env::split_paths(search_path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("{PREFIX}{name}")))
        .find(|program| {
            crate::fs::metadata(program).is_ok_and(|found| found.is_file())
                && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok()
        })
        .ok_or(HelperFailure::Missing)
}

/// A helper that runs, and that is stopped with its whole group unless it ends by itself.
struct Running(Child);

impl Running {
    async fn converse(&mut self, server: &str) -> Result<Output, HelperFailure> {
        let failed = |error: io::Error| HelperFailure::Start(error.kind());
        let mut stdin = self.0.stdin.take().expect("it was asked for");
        let stdout = self.0.stdout.take().expect("it was asked for");
        match stdin.write_all(format!("{server}\n").as_bytes()).await {
            // One that does not read the question may still have an answer.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
            _ => drop(stdin),
        }
        let mut bytes = Vec::new();
        let mut limited = stdout.take(ANSWER_LIMIT + 1);
        limited.read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() as u64 > ANSWER_LIMIT {
            return Err(HelperFailure::TooLong);
        }
        let status = self.0.wait().await.map_err(failed)?;
        Ok(Output {
            success: status.success(),
            code: status.code(),
            stdout: bytes,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There is no id any more when it has ended. The group has the number of its first process.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
