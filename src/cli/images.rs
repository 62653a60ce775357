//! `flink-img images`

use serde_json::json;

use super::args::{GlobalArgs, ImagesArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};

pub(super) fn run(
    arguments: &ImagesArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let context = settings::context(global, environment, printer.reporter(), None)?;
    let images = context.store.images()?;
    if arguments.json {
        let images: Vec<_> = images
            .iter()
            .map(|image| json!({"name": image.name, "digest": image.descriptor.digest}))
            .collect();
        printer.result(&json!(images).to_string())?;
    } else {
        for image in images {
            printer.result(&format!("{} {}", image.name, image.descriptor.digest))?;
        }
    }
    Ok(())
}
