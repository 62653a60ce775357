//! `flink-img build`

use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{BuildArgs, GlobalArgs};
use super::output::Printer;
use super::paths;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::{self, Built, Targets};
use crate::oci::Digest;

pub(super) fn run(
    arguments: &BuildArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let reporter = printer.reporter();
    // Everything that can be wrong with the request itself comes before any work.
    let names = settings::names(arguments)?;
    let request = settings::request(arguments, environment, &*reporter)?;
    let targets = Targets {
        names: names.all.clone(),
        push: arguments.push,
        outputs: arguments.output.clone(),
        cache: settings::cache_use(arguments),
    };
    targets.check_files()?;
    if let Some(path) = &arguments.metadata_file {
        paths::check_metadata(path)?;
    }
    paths::check_distinct(
        &request,
        &global.network,
        &targets.outputs,
        arguments.metadata_file.as_deref(),
    )?;
    let registries = targets.needs_registries() || paths::local_base(&request).is_none();
    let registries = registries.then(|| names.said());
    let context = settings::context(global, environment, Arc::clone(&reporter), registries)?;
    if arguments.dry_run {
        let plan = build::dry_run(&request, &context)?;
        let text = serde_json::to_string_pretty(&plan).expect("a plan can be written as JSON");
        printer.result(&text)?;
        return Ok(());
    }
    let built = build::build(&request, &targets, &context)?;
    let metadata = metadata(&built, &targets);
    let published = &built.published;
    if let Some(path) = &arguments.metadata_file {
        let text = format!("{metadata}\n");
        paths::write_metadata(path, text.as_bytes())?;
    }
    if published.kept {
        let name = &targets.names[0];
        reporter.note(&format!(
            "Kept on this machine; `flink-img push {name}` sends it to its registry"
        ));
    }
    if arguments.json {
        printer.result(&metadata.to_string())?;
    } else {
        for reference in &published.references {
            printer.result(&reference.to_string())?;
        }
    }
    Ok(())
}

/// The object of `--json` and `--metadata-file`.
fn metadata(built: &Built, targets: &Targets) -> Value {
    let Built {
        plan,
        image,
        published,
    } = built;
    let own = image.layers.len() - plan.layers.len();
    let layers: Vec<_> = image
        .layers
        .iter()
        .enumerate()
        .map(|(place, layer)| {
            let title = place
                .checked_sub(own)
                .map(|place| plan.layers[place].title.as_str());
            json!({
                "digest": layer.descriptor.digest,
                "diffId": layer.diff_id,
                "mediaType": layer.descriptor.media_type,
                "size": layer.descriptor.size,
                "title": title.unwrap_or("base"),
            })
        })
        .collect();
    json!({
        "digest": image.digest(),
        "configDigest": Digest::of(&image.config),
        "names": targets.names,
        "references": published.references,
        "pushed": targets.push,
        "kept": published.kept,
        "outputs": targets.outputs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "base": plan.base,
        "flink": plan.flink,
        "job": plan.job,
        "layers": layers,
    })
}
