//! `flink-img inspect`

mod json;
mod layout;
mod text;

use super::args::{GlobalArgs, InspectArgs};
use super::output::{Printer, terminal_width};
use super::report::Failure;
use super::settings::{self, Environment};
use crate::base::ImageFile;
use crate::build::Context;
use crate::error::{Explain, Kind};
use crate::inspect::{Found, Subject, Summary, in_file, in_registry, in_store, tree};
use crate::oci::Reference;
use crate::progress::Reporter as _;

/// A registry cannot be asked for a file.
#[derive(Debug, thiserror::Error)]
#[error("`--remote` asks a registry, and `{0}` is on this machine")]
struct NotRemote(Subject);

impl Explain for NotRemote {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("leave `--remote` out, or give the name of an image".to_owned())
    }
}

pub(super) fn run(
    arguments: &InspectArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    if arguments.remote && !matches!(arguments.image, Subject::Name { .. }) {
        return Err(NotRemote(arguments.image.clone()).into());
    }
    let (found, context) = find(arguments, global, environment, printer)?;
    let summary = Summary::of(&found)?;
    let Some(choice) = &arguments.tree else {
        if arguments.json {
            printer.result(&json::image(&found, &summary).to_string())?;
        } else {
            let width = environment.columns.or_else(terminal_width);
            for line in text::image(&found, &summary, width) {
                printer.result(&line)?;
            }
        }
        return Ok(());
    };
    let (place, entries) = tree(&found, choice, &context)?;
    let layer = &summary.layers[place];
    if arguments.json {
        let object = json::tree(&found, (layer, summary.sizes()), &entries);
        printer.result(&object.to_string())?;
    } else if !entries.is_empty() {
        printer.result(&text::tree(&entries).join("\n"))?;
    }
    Ok(())
}

/// Finds the image, and what it takes to read its layers. Logins are read only if a registry is asked.
fn find(
    arguments: &InspectArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(Found, Context), Failure> {
    let asked = arguments.platform.as_ref();
    let context = |names: Option<&[Reference]>| {
        settings::context(global, environment, printer.reporter(), names)
    };
    let (name, file) = match &arguments.image {
        Subject::Name { name, file } => (name, file),
        Subject::File(file) => {
            let context = context(None)?;
            return Ok((in_file(file.clone(), asked, &context.store)?, context));
        }
        Subject::Path(path) => {
            let context = context(None)?;
            let file = ImageFile::at(path)?;
            return Ok((in_file(file, asked, &context.store)?, context));
        }
    };
    if !arguments.remote {
        let context = context(None)?;
        if let Some(found) = in_store(name, asked, &context.store)? {
            printer.detail(&format!(
                "`{}` was kept on this machine, so its registry is not asked",
                found.name
            ));
            return Ok((found, context));
        }
        printer.detail(&format!(
            "`{name}` is not kept on this machine, so its registry is asked"
        ));
    }
    let context = context(Some(std::slice::from_ref(name)))?;
    let found = in_registry(name, asked, &context).map_err(|error| {
        if arguments.remote {
            error
        } else {
            error.of_what_is_not_kept(name, file.as_deref())
        }
    })?;
    Ok((found, context))
}
