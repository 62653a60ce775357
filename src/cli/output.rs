//! What people see: the result on stdout, everything else on stderr, bars on a terminal and lines elsewhere.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::{Color, GlobalArgs};
use crate::error::{FileError, IoResultExt as _};
use crate::progress::{Notice, Progress, Reporter};

/// With fewer bytes or less time than this, a rate says more of the machine's mood than of the transfer.
const RATE_BYTES: u64 = 1024 * 1024;
const RATE_TIME: Duration = Duration::from_millis(200);

/// Prints for people and machines.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    quiet: bool,
    verbose: bool,
    color: bool,
    bars: Option<MultiProgress>,
}

impl Printer {
    pub(super) fn new(arguments: &GlobalArgs) -> Self {
        let terminal = std::io::stderr().is_terminal();
        // With `-v` there are lines all the time, which bars would only tear apart.
        let bars = terminal && !arguments.quiet && !arguments.verbose && !arguments.no_progress;
        Self {
            quiet: arguments.quiet,
            verbose: arguments.verbose,
            color: match arguments.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !super::settings::no_color(),
            },
            bars: bars.then(MultiProgress::new),
        }
    }

    /// Prints a line of the result.
    pub(super) fn result(&self, line: &str) -> Result<(), FileError> {
        let print = || {
            let mut output = io::stdout().lock();
            writeln!(output, "{line}")?;
            output.flush()
        };
        let printed = match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        };
        match printed {
            // A reader that went away has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            printed => printed.at("write", Path::new("stdout")),
        }
    }

    fn line(&self, color: &str, prefix: &str, text: &str) {
        let text = harmless(text);
        self.write(&if self.color {
            format!("\x1b[{color}m{prefix}:\x1b[0m {text}")
        } else {
            format!("{prefix}: {text}")
        });
    }

    fn plain(&self, line: &str) {
        self.write(&harmless(line));
    }

    fn write(&self, line: &str) {
        // If nobody can be told, nobody can be told that either.
        let print = || {
            let _ = writeln!(io::stderr(), "{line}");
        };
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    pub(super) fn error(&self, prefix: &str, text: &str) {
        self.line("1;31", prefix, text);
    }

    /// Whether the user wants to know more.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub(super) fn cause(&self, text: &str) {
        self.plain(&format!("  caused by: {text}"));
    }

    pub(super) fn hint(&self, text: &str) {
        self.line("1;36", "hint", text);
    }

    /// The reporter that the library talks to.
    pub(super) fn reporter(&self) -> Arc<dyn Reporter> {
        Arc::new(self.clone())
    }
}

impl Reporter for Printer {
    fn note(&self, message: &str) {
        if !self.quiet {
            self.plain(message);
        }
    }

    fn detail(&self, message: &str) {
        if self.verbose {
            self.plain(message);
        }
    }

    fn warn(&self, message: &str) {
        if !self.quiet {
            self.line("1;33", "warning", message);
        }
    }

    fn notice(&self, notice: &Notice<'_>) {
        let (color, kind) = match notice.is_error {
            true => ("1;31", "error"),
            false if self.quiet => return,
            false => ("1;33", "warning"),
        };
        self.line(color, &format!("{kind}[{}]", notice.code), notice.message);
        self.hint(notice.hint);
    }

    fn start(&self, label: &str, total: Option<u64>) -> Box<dyn Progress> {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = match total {
                Some(total) => ProgressBar::new(total).with_style(style(
                    "{msg:44!} [{bar:24}] {bytes:>10} of {total_bytes:<10} {bytes_per_sec}",
                )),
                None => ProgressBar::no_length().with_style(style("{msg:44!} {bytes:>10}")),
            };
            bars.add(bar).with_message(label.to_owned())
        });
        Box::new(Work {
            label: label.to_owned(),
            printer: self.clone(),
            bar,
            bytes: AtomicU64::new(0),
            started: Instant::now(),
        })
    }
}

/// How many columns the terminal has that the result goes to; none where it goes elsewhere.
pub(super) fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.into())
}

/// A text without what moves the cursor, sets colours or turns the direction of writing: parts of it come from registries
/// and archives.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let harms = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harms) {
        return text.into();
    }
    let mut clean = String::new();
    for c in text.chars() {
        if harms(c) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean.into()
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("the templates above are valid")
        .progress_chars("=> ")
}

/// Sends what this crate logs (requests, retries, tokens asked for; never a secret) to stderr, for `-v`.
pub(super) fn log_to_stderr() {
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(lines.with_filter(own))
        .init();
}

/// A running piece of work: a bar that vanishes, and a line when it ends.
#[derive(Debug)]
struct Work {
    label: String,
    printer: Printer,
    bar: Option<ProgressBar>,
    bytes: AtomicU64,
    started: Instant,
}

impl Progress for Work {
    fn advance(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    fn finish(&self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.printer.quiet {
            return;
        }
        let size = size_and_rate(self.bytes.load(Ordering::Relaxed), self.started.elapsed());
        self.printer
            .plain(&format!("{}: {outcome}{size}", self.label));
    }
}

/// `, 47.70 MiB, 210.33 MiB/s`: nothing for nothing, and no rate for what took no noticeable time.
fn size_and_rate(bytes: u64, time: Duration) -> String {
    if bytes == 0 {
        return String::new();
    }
    let size = HumanBytes(bytes);
    if bytes < RATE_BYTES || time < RATE_TIME {
        return format!(", {size}");
    }
    let rate = u128::from(bytes) * 1000 / time.as_millis();
    let rate = HumanBytes(u64::try_from(rate).unwrap_or(u64::MAX));
    format!(", {size}, {rate}/s")
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_do_not_move_the_cursor() {
        for (text, expected) in [
            ("`jöb` is\tfine\n", "`jöb` is\tfine\n"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("over\rwritten", "over\\u{d}written"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }

    #[test]
    fn a_rate_is_told_only_of_what_took_noticeable_time() {
        const MIB: u64 = 1024 * 1024;
        for (bytes, milliseconds, expected) in [
            (0, 0, ""),
            (0, 5000, ""),
            (700, 5000, ", 700 B"),
            (50 * MIB, 199, ", 50.00 MiB"),
            (50 * MIB, 250, ", 50.00 MiB, 200.00 MiB/s"),
            (3 * MIB, 6000, ", 3.00 MiB, 512.00 KiB/s"),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(size_and_rate(bytes, time), expected);
        }
    }
}
