//! How an error is told: its sentence, its causes, its hint, and the exit code.

use std::error::Error;

use super::output::Printer;
use crate::error::{Explain, Kind};

/// The exit code of a command line that makes no sense; clap uses the same.
pub(super) const USAGE: u8 = 2;

/// An error of any module, as the commands return it.
pub(super) type Failure = Box<dyn Explain>;

impl<E: Explain + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// The exit code of each kind of error; the table is in the README.
pub fn exit_code(kind: Kind) -> u8 {
    match kind {
        Kind::Internal => 1,
        Kind::Usage => USAGE,
        Kind::Input => 3,
        Kind::Incompatible => 4,
        Kind::Unauthorized => 5,
        Kind::NotFound => 6,
        Kind::Network => 7,
        Kind::Integrity => 8,
        Kind::Storage => 9,
        Kind::Hostile => 10,
    }
}

/// Prints `error` and returns its exit code.
pub(super) fn report(error: &Failure, printer: &Printer) -> u8 {
    let prefix = match error.kind() {
        Kind::Internal => "internal error",
        _ => "error",
    };
    printer.error(prefix, &error.to_string());
    let mut cause = error.source();
    let mut said = error.to_string();
    let mut causes = Vec::new();
    while let Some(error) = cause {
        let text = error.to_string();
        // Many libraries repeat their cause in their own text.
        if !said.contains(&text) {
            causes.push(text.clone());
        }
        said = text;
        cause = Error::source(error);
    }
    // The first is ours and the last is what happened; those between are how a library is built.
    if causes.len() > 2 && !printer.is_verbose() {
        causes.drain(1..causes.len() - 1);
    }
    for text in causes {
        printer.cause(&text);
    }
    if let Some(hint) = error.hint() {
        printer.hint(&hint);
    }
    exit_code(error.kind())
}
