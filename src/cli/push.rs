//! `flink-img push`

use serde_json::json;

use super::args::{GlobalArgs, PushArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::{self, Targets};

pub(super) fn run(
    arguments: &PushArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let context = settings::context(global, environment, printer.reporter())?;
    let mut image = context.store.image(&arguments.name)?;
    let names = if arguments.target.is_empty() {
        vec![arguments.name.clone()]
    } else {
        arguments.target.clone()
    };
    let targets = Targets {
        names,
        push: true,
        outputs: Vec::new(),
        base: None,
    };
    let published = build::publish(&mut image, &targets, &context)?;
    if arguments.json {
        let object = json!({"digest": image.digest(), "names": targets.names, "references": published.references});
        printer.result(&object.to_string())?;
    } else {
        for reference in &published.references {
            printer.result(&reference.to_string())?;
        }
    }
    Ok(())
}
