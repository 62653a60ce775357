//! The program: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    flink_img::cli::main(std::env::args_os())
}
