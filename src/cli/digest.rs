//! `flink-img digest`

use super::args::{DigestArgs, GlobalArgs};
use super::file::{self, JobJar};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::lock::{self, Lock};

pub(super) fn run(
    arguments: &DigestArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let reporter = printer.reporter();
    let (input, global) = &file::complete_input(&arguments.input, global, JobJar::Read)?;
    let request = settings::request(input, environment, &*reporter)?;
    let lock = Lock::read(&settings::lock_path(&arguments.lock, input))?;
    // Nobody is asked, so no login is needed.
    let context = settings::context(global, environment, reporter, None)?;
    let images = lock::digest(&request, &lock, &context)?;
    printer.result(&images.digest().to_string())?;
    Ok(())
}
