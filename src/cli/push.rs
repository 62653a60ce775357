//! `flink-img push`

use serde_json::json;

use super::args::{GlobalArgs, PushArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::{self, BuildError, CacheUse, Targets};

pub(super) fn run(
    arguments: &PushArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let names = if arguments.target.is_empty() {
        vec![arguments.name.clone()]
    } else {
        settings::distinct(arguments.target.clone())
    };
    if let Some(name) = names.iter().find(|name| name.digest().is_some()) {
        return Err(BuildError::PushByDigest(name.clone()).into());
    }
    let context = settings::context(global, environment, printer.reporter(), Some(&names))?;
    let targets = Targets {
        names,
        push: true,
        outputs: Vec::new(),
        cache: CacheUse::default(),
    };
    let (images, published) = build::push_kept(&arguments.name, &targets, &context)?;
    if arguments.json {
        let object = json!({"digest": images.digest(), "names": targets.names, "references": published.references});
        printer.result(&object.to_string())?;
    } else {
        for reference in &published.references {
            printer.result(&reference.to_string())?;
        }
    }
    Ok(())
}
