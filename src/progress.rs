//! How the library tells what it is doing, without knowing of a terminal.

use std::fmt::Debug;

/// Receives what happens during a build or a transfer.
///
/// All methods may be called from several threads. The command line draws bars or prints lines;
/// [`Silent`] does nothing.
pub trait Reporter: Debug + Send + Sync {
    /// One sentence about a step that was decided or done: "Using Flink 2.3.0, the default".
    fn note(&self, message: &str);

    /// One sentence that only somebody who looks closely wants to read: which file, which login.
    fn detail(&self, message: &str);

    /// One sentence about something that is legal and probably not wanted.
    fn warn(&self, message: &str);

    /// What a check found. Whoever tells it in no other way tells it as a warning.
    fn notice(&self, notice: &Notice<'_>) {
        self.warn(&format!(
            "[{}] {}; {}",
            notice.code, notice.message, notice.hint
        ));
    }

    /// Starts a transfer or another piece of work that is counted in bytes; `total` is `None` when unknown.
    fn start(&self, label: &str, total: Option<u64>) -> Box<dyn Progress>;
}

/// What a check found: a sentence with a code, and the way out.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// Whether nothing goes on because of it.
    pub is_error: bool,
    /// What it is known by.
    pub code: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// What can be done.
    pub hint: &'a str,
}

/// One running piece of work; dropping it ends it.
pub trait Progress: Debug + Send + Sync {
    /// Counts `bytes` more.
    fn advance(&self, bytes: u64);

    /// Ends the work with a word on how it went: "pushed", "already in the registry".
    fn finish(&self, outcome: &str);
}

/// The reporter that says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn note(&self, _message: &str) {}
    fn detail(&self, _message: &str) {}
    fn warn(&self, _message: &str) {}
    fn notice(&self, _notice: &Notice<'_>) {}
    fn start(&self, _label: &str, _total: Option<u64>) -> Box<dyn Progress> {
        Box::new(Self)
    }
}

impl Progress for Silent {
    fn advance(&self, _bytes: u64) {}
    fn finish(&self, _outcome: &str) {}
}
