//! `flink-img lock`

use std::sync::Arc;

use super::args::{GlobalArgs, LockArgs};
use super::file::{self, JobJar};
use super::output::Printer;
use super::paths;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::lock::{self, Lock, LockError};
use crate::store::replaced;

pub(super) fn run(
    arguments: &LockArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let reporter = printer.reporter();
    let (input, global) = &file::complete_input(&arguments.input, global, JobJar::Ignored)?;
    let request = settings::request(input, environment, &*reporter)?;
    let path = settings::lock_path(&arguments.lock, input);
    let registries = paths::local_base(&request).is_none().then_some(&[][..]);
    let context = settings::context(global, environment, Arc::clone(&reporter), registries)?;
    if arguments.check {
        let changes = lock::stale(&request, &Lock::read(&path)?, &context)?;
        for change in &changes {
            printer.result(&change.to_string())?;
        }
        if changes.is_empty() {
            let message = format!("`{}` is as everything is now", path.display());
            reporter.note(&message);
            return Ok(());
        }
        return Err(LockError::Old { path }.into());
    }
    paths::check_distinct(
        &request,
        (&global.network, input.file.config.as_ref(), None),
        &[],
        Some(&path),
    )?;
    let path = replaced(&path)?;
    let before = Lock::before(&path)?;
    let lock = lock::take(&request, arguments.artifacts, &context)?;
    if before.as_ref() == Some(&lock) {
        reporter.note("Nothing changed");
    } else {
        lock.write(&path)?;
    }
    if let Some(before) = before.filter(|before| *before != lock) {
        let changes = before.changed_inputs(&lock);
        if changes.is_empty() {
            reporter.note("The inputs are the same, and their layers are others");
        }
        for change in changes {
            reporter.note(&change.to_string());
        }
    }
    printer.result(&path.display().to_string())?;
    Ok(())
}
