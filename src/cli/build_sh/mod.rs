//! The program under the name `build.sh`: the words of Flink's historic script become those of `flink-img build`.
//!
//! Three generations of that script were released (1.6.0 to 1.8.0, 1.8.1 to 1.8.3, 1.9 and 1.10), and the words of all are
//! taken. What the script did without a word, as to ignore some of its words, is done and told; where it went on with what
//! cannot become an image, this stops before anything is downloaded. `docs/build-sh.md` has the differences.

mod translate;
mod unknown;
mod words;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ContextKind;

use super::output::Printer;
use super::report;
use super::{parse, print, run};
use crate::progress::Reporter as _;
use translate::{Refusal, translate};

/// The name under which this is the script.
const NAME: &str = "build.sh";
/// The exit code of the script for words that make no sense; that of `flink-img` is another.
const USAGE: u8 = 1;
/// What the script says of itself.
const USAGE_TEXT: &str = include_str!("usage.txt");

/// The script, by the path that it was started under.
#[derive(Debug)]
pub(super) struct Script {
    /// Its folder; none when it was found in the search path.
    folder: Option<PathBuf>,
}

impl Script {
    /// The script, if the program was started under its name.
    pub(super) fn of(name: &OsStr) -> Option<Self> {
        let path = Path::new(name);
        if path.file_name() != Some(OsStr::new(NAME)) {
            return None;
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        Some(Self {
            folder: folder.map(Path::to_owned),
        })
    }

    /// Does what the script is told in `words`, and returns its exit code.
    pub(super) fn run(&self, words: &[OsString]) -> u8 {
        let translation = match translate(words, self.folder.as_deref()) {
            Ok(translation) => translation,
            Err(refusal) => return refuse(&refusal),
        };
        let code = match parse(translation.words) {
            Ok(arguments) => run(&arguments, &translation.warnings),
            Err(mut error) => {
                // It is of `flink-img build`, with words that nobody typed here.
                error.remove(ContextKind::Usage);
                print(&error)
            }
        };
        match code {
            report::USAGE => USAGE,
            code => code,
        }
    }
}

/// Tells how the script is used, and why if it was not used so.
fn refuse(refusal: &Refusal) -> u8 {
    // No word was read that says how to print.
    let printer = match parse(["flink-img", "build"].map(OsString::from)) {
        Ok(arguments) => Printer::new(&arguments.global),
        Err(error) => return print(&error).min(USAGE),
    };
    let Refusal::Misuse(message) = refusal else {
        // Nobody who went away is owed the rest of it.
        let _ = printer.result(USAGE_TEXT.trim_end());
        return 0;
    };
    printer.error("error", message);
    printer.note(USAGE_TEXT.trim_end());
    USAGE
}
