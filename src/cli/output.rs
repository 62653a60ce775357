//! What people see: the result on stdout, everything else on stderr, bars on a terminal and lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::args::{Color, GlobalArgs};
use crate::error::{FileError, IoResultExt as _};
use crate::progress::{Progress, Reporter};

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
        let line = if self.color {
            format!("\x1b[{color}m{prefix}:\x1b[0m {text}")
        } else {
            format!("{prefix}: {text}")
        };
        self.plain(&line);
    }

    fn plain(&self, line: &str) {
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
        })
    }
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
        let bytes = self.bytes.load(Ordering::Relaxed);
        let size = if bytes > 0 {
            format!(", {}", HumanBytes(bytes))
        } else {
            String::new()
        };
        self.printer
            .plain(&format!("{}: {outcome}{size}", self.label));
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
