//! `flink-img config`

use std::path::PathBuf;

use super::args::{ConfigArgs, ConfigCommand};
use super::file::{SCHEMA, TEMPLATE};
use super::output::Printer;
use super::report::Failure;
use crate::error::{Explain, Kind};
use crate::fs;

/// A file that is there already.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is there already", .0.display())]
struct Exists(PathBuf);

impl Explain for Exists {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("name another file, or replace it with `--force`".to_owned())
    }
}

pub(super) fn run(arguments: &ConfigArgs, printer: &Printer) -> Result<(), Failure> {
    match &arguments.command {
        ConfigCommand::Schema(_) => printer.result(SCHEMA.trim_end())?,
        ConfigCommand::Init(init) => {
            if !init.force && fs::symlink_metadata(&init.file).is_ok() {
                return Err(Exists(init.file.clone()).into());
            }
            fs::write_atomic(&init.file, TEMPLATE.as_bytes())?;
            printer.result(&init.file.display().to_string())?;
        }
    }
    Ok(())
}
