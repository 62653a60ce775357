//! The command line: words in, exit code out. Nothing in the library depends on it.

mod args;
mod build;
mod images;
mod output;
mod push;
mod report;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

pub use report::exit_code;

/// Runs the program with `words`, the first of which is its own name.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match args::Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come as errors that go to stdout and exit with 0. A closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(report::USAGE));
        }
    };
    let printer = output::Printer::new(&arguments.global);
    if arguments.global.verbose {
        output::log_to_stderr();
    }
    let environment = settings::Environment::read();
    let result = match &arguments.command {
        args::Command::Build(build) => build::run(build, &arguments.global, &environment, &printer),
        args::Command::Push(push) => push::run(push, &arguments.global, &environment, &printer),
        args::Command::Images(images) => {
            images::run(images, &arguments.global, &environment, &printer)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report::report(&error, &printer),
    }
}
