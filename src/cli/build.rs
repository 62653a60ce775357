//! `flink-img build`

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{BuildArgs, GlobalArgs};
use super::file;
use super::output::Printer;
use super::paths;
use super::report::Failure;
use super::settings::{self, Environment};
use crate::build::lock::Lock;
use crate::build::{self, BuildPlan, Built, Targets};
use crate::oci::{Digest, Image};
use crate::store::Output;

pub(super) fn run(
    arguments: &BuildArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    let reporter = printer.reporter();
    let (arguments, global) = &file::complete(arguments, global)?;
    // Everything that can be wrong with the request itself comes before any work.
    let names = settings::names(arguments)?;
    let input = &arguments.input;
    let mut request = settings::request(input, environment, &*reporter)?;
    request.checks = settings::policy(&arguments.checks);
    let lock = arguments
        .locked
        .then(|| settings::lock_path(&arguments.lock, input));
    if let Some(path) = &lock {
        request.lock = Some(Lock::read(path)?);
    }
    let targets = Targets {
        names: names.all.clone(),
        push: arguments.push,
        outputs: arguments.output.clone(),
        cache: settings::cache_use(arguments),
    };
    targets.check_files(&request.platforms)?;
    if let Some(path) = &arguments.metadata_file {
        paths::check_metadata(path)?;
    }
    paths::check_distinct(
        &request,
        (&global.network, input.file.config.as_ref(), lock.as_ref()),
        &targets.outputs,
        arguments.metadata_file.as_deref(),
    )?;
    let is_docker = |output: &Output| matches!(output, Output::DockerArchive(_));
    if request.content.annotations.iter().next().is_some() && targets.outputs.iter().any(is_docker)
    {
        reporter.note("`docker load` keeps no annotations, and so none that `--annotation` gives");
    }
    let registries = targets.needs_registries() || paths::local_base(&request).is_none();
    let registries = registries.then(|| names.said());
    let context = settings::context(global, environment, Arc::clone(&reporter), registries)?;
    if arguments.dry_run {
        let plans = build::dry_run(&request, &context)?;
        let text = match &plans[..] {
            [plan] => serde_json::to_string_pretty(plan),
            several => serde_json::to_string_pretty(&BTreeMap::from([("images", several)])),
        };
        printer.result(&text.expect("a plan can be written as JSON"))?;
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

/// The object of `--json` and `--metadata-file`. What is said of an image stands in it for one platform, and in the list
/// `images` for several; `digest` is always what the names lead to.
fn metadata(built: &Built, targets: &Targets) -> Value {
    let Built {
        plans,
        images,
        published,
    } = built;
    let outputs: Vec<_> = targets.outputs.iter().map(ToString::to_string).collect();
    let mut object = BTreeMap::from([
        ("digest", json!(images.digest())),
        ("names", json!(targets.names)),
        ("references", json!(published.references)),
        ("pushed", json!(targets.push)),
        ("kept", json!(published.kept)),
        ("outputs", json!(outputs)),
        ("flink", json!(plans[0].flink)),
        ("job", json!(plans[0].job)),
    ]);
    match (&plans[..], images.images()) {
        ([plan], [image]) => object.extend(of_image(plan, image)),
        (plans, images) => {
            let of_platform = |(plan, image): (&BuildPlan, &Image)| {
                let mut object = of_image(plan, image);
                object.insert("platform", json!(plan.platform));
                object
            };
            let images: Vec<_> = plans.iter().zip(images).map(of_platform).collect();
            object.insert("images", json!(images));
        }
    }
    json!(object)
}

/// What there is to say of the image for one platform.
fn of_image(plan: &BuildPlan, image: &Image) -> BTreeMap<&'static str, Value> {
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
    BTreeMap::from([
        ("digest", json!(image.digest())),
        ("configDigest", json!(Digest::of(&image.config))),
        ("base", json!(plan.base)),
        ("layers", json!(layers)),
    ])
}
