//! `flink-img render`

mod error;
mod facts;
mod words;

use std::path::Path;

use serde_json::json;

use super::args::{Form, GlobalArgs, RenderArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::Environment;
use crate::deploy::{
    Config, Deployment, FolderForm, chart, check_folder, flink_deployment, object_files, objects,
    to_yaml, write_folder,
};
use crate::fs;
use crate::oci::Reference;
use crate::progress::Reporter as _;

use error::RenderError;

/// The file that means stdin.
const STDIN: &str = "-";
/// The tag of a name that has none.
const DEFAULT_TAG: &str = "latest";

pub(super) fn run(
    arguments: &RenderArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let form = match arguments.form {
        Form::Yaml | Form::Operator => FolderForm::Objects,
        Form::Chart => FolderForm::Chart,
    };
    match &arguments.output {
        Some(folder) => check_folder(folder, form)?,
        None if arguments.form == Form::Chart => return Err(RenderError::NoFolder.into()),
        None => {}
    }
    let mut config = match &arguments.file {
        Some(file) => read(file)?,
        None => Config::empty(),
    };
    say(arguments, &mut config)?;
    let image = config.image()?.ok_or(RenderError::NoImage)?;
    let facts = facts::facts(&image, arguments, (global, environment), printer)?;
    let deployment = config.complete(&facts, arguments.namespace.clone())?;
    warn(arguments, &deployment, printer);
    let objects = match arguments.form {
        Form::Yaml => objects(&deployment),
        Form::Operator => {
            let (object, warnings) = flink_deployment(&deployment)?;
            for warning in warnings {
                printer.warn(&warning);
            }
            vec![object]
        }
        Form::Chart => Vec::new(),
    };
    let Some(folder) = &arguments.output else {
        let text = to_yaml(&objects);
        printer.result(text.strip_suffix('\n').unwrap_or(&text))?;
        return Ok(());
    };
    let files = match form {
        FolderForm::Objects => object_files(&deployment.name, &objects),
        FolderForm::Chart => chart(&deployment),
    };
    write_folder(folder, form, &deployment.name, &files)?;
    printer.result(&folder.display().to_string())?;
    Ok(())
}

/// Reads the file of values.
fn read(file: &Path) -> Result<Config, Failure> {
    let (name, text) = if file == Path::new(STDIN) {
        ("stdin".to_owned(), fs::read_stdin()?)
    } else {
        (file.display().to_string(), fs::read_to_string(file)?)
    };
    Ok(Config::parse(&name, &text)?)
}

/// Says what flags and variables say over what the file says.
fn say(arguments: &RenderArgs, config: &mut Config) -> Result<(), RenderError> {
    let source = |field: &str, flag: &'static str, variable: &'static str| {
        if arguments.variables.say(field) {
            variable
        } else {
            flag
        }
    };
    if let Some(image) = &arguments.image {
        let source = source("image", "--image", "FLINK_IMAGE_NAME");
        config.set_image(&with_tag(image), source);
    }
    if let Some(name) = &arguments.name {
        config.set("name", json!(name), "--name");
    }
    if let Some(class) = &arguments.job_classname {
        let source = source("job_classname", "--job-classname", "FLINK_JOB");
        config.set("job.class", json!(class), source);
    }
    if let Some(text) = &arguments.parallelism {
        let source = source("parallelism", "--parallelism", "FLINK_JOB_PARALLELISM");
        // What is no number is told with the others that do not hold to the schema.
        let number: Option<u64> = text.trim().parse().ok();
        let value = number.map_or_else(|| json!(text), |number| json!(number));
        config.set("job.parallelism", value, source);
    }
    if let Some(path) = &arguments.from_savepoint {
        config.set("job.fromSavepoint", json!(path), "--from-savepoint");
    }
    if arguments.allow_non_restored_state {
        let flag = "--allow-non-restored-state";
        config.set("job.allowNonRestoredState", json!(true), flag);
    }
    let words = match &arguments.job_arguments[..] {
        [text] if arguments.variables.say("job_arguments") => {
            words::words(text).ok_or(RenderError::Arguments)?
        }
        words => words.to_vec(),
    };
    if !words.is_empty() {
        let source = source("job_arguments", "--", "FLINK_JOB_ARGUMENTS");
        config.set("job.args", json!(words), source);
    }
    Ok(())
}

/// A name that says what it means without a tag and a digest.
fn with_tag(image: &Reference) -> Reference {
    if image.tag().is_some() || image.digest().is_some() {
        return image.clone();
    }
    let full = format!("{image}:{DEFAULT_TAG}");
    full.parse().expect("a name takes a tag")
}

/// Tells what is no error, and yet may not be meant.
fn warn(arguments: &RenderArgs, deployment: &Deployment, printer: &Printer) {
    for warning in &deployment.warnings {
        printer.warn(warning);
    }
    if arguments.form == Form::Chart && arguments.namespace.is_some() {
        printer.warn(
            "`--namespace` is of no use for a chart: `helm install --namespace` says where it goes",
        );
    }
}
