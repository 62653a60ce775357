//! The command line: words in, exit code out. Nothing in the library depends on it.

mod args;
mod auth;
mod bases;
mod build;
mod build_sh;
mod cache;
mod check;
mod config;
mod digest;
mod file;
mod images;
mod inspect;
mod lock;
mod login;
mod output;
mod paths;
mod push;
mod quantity;
mod render;
mod report;
mod resolve;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{Command, CommandFactory as _, FromArgMatches as _};

use crate::progress::Reporter as _;
use build_sh::Script;

pub use report::exit_code;

/// Runs the program with `words`, the first of which is its own name.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let script = words.first().and_then(|name| Script::of(name));
    ExitCode::from(match script {
        Some(script) => script.run(&words[1..]),
        None => match parse(words) {
            Ok(arguments) => run(&arguments, &[]),
            Err(error) => print(&error),
        },
    })
}

/// Does what `arguments` say, after `warnings` about them, and returns the exit code.
fn run(arguments: &args::Arguments, warnings: &[String]) -> u8 {
    let printer = output::Printer::new(&arguments.global);
    if arguments.global.verbose {
        output::log_to_stderr();
    }
    for warning in warnings {
        printer.warn(warning);
    }
    let environment = settings::Environment::read();
    let result = match &arguments.command {
        args::Command::Build(build) => build::run(build, &arguments.global, &environment, &printer),
        args::Command::Check(check) => check::run(check, &printer),
        args::Command::Push(push) => push::run(push, &arguments.global, &environment, &printer),
        args::Command::Images(images) => {
            images::run(images, &arguments.global, &environment, &printer)
        }
        args::Command::Inspect(inspect) => {
            inspect::run(inspect, &arguments.global, &environment, &printer)
        }
        args::Command::Render(render) => {
            render::run(render, &arguments.global, &environment, &printer)
        }
        args::Command::Resolve(resolve) => {
            resolve::run(resolve, &arguments.global, &environment, &printer)
        }
        args::Command::Auth(auth) => auth::run(auth, &arguments.global, &environment, &printer),
        args::Command::Cache(cache) => cache::run(cache, &arguments.global, &environment, &printer),
        args::Command::Lock(lock) => lock::run(lock, &arguments.global, &environment, &printer),
        args::Command::Digest(digest) => {
            digest::run(digest, &arguments.global, &environment, &printer)
        }
        args::Command::Bases(bases) => bases::run(bases, &printer),
        args::Command::Config(config) => config::run(config, &printer),
    };
    match result {
        Ok(()) => 0,
        Err(error) => report::report(&error, &printer),
    }
}

/// Prints what the parser says, and returns its exit code.
fn print(error: &clap::Error) -> u8 {
    // Help and version come as errors that go to stdout and exit with 0. A closed pipe is nobody's fault.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(report::USAGE)
}

fn parse(words: impl IntoIterator<Item = OsString>) -> Result<args::Arguments, clap::Error> {
    let mut command = without_empty_variables(args::Arguments::command());
    let matches = command.try_get_matches_from_mut(words)?;
    args::Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A variable that is set to nothing, as CI systems do for what is not configured, is as good as none.
fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|argument| match argument.get_env() {
            Some(name) if settings::is_empty_variable(name) => argument.env(Resettable::Reset),
            _ => argument,
        })
        .mut_subcommands(without_empty_variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &[&str]) -> String {
        let words = ["flink-img"].iter().chain(words).map(OsString::from);
        parse(words).unwrap_err().to_string()
    }

    #[test]
    fn the_words_are_consistent() {
        args::Arguments::command().debug_assert();
        let error = refusal(&["build", "--jobs", "100000"]);
        assert!(error.contains("1..=256"), "{error}");
        refusal(&["build", "--jobs", "0"]);
    }

    #[test]
    fn a_mirror_is_not_echoed_by_the_parser() {
        let words = [
            "flink-img",
            "build",
            "--release-mirror",
            "ftp://user:secret@host",
        ];
        parse(words.map(OsString::from)).unwrap();
    }
}
