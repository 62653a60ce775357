//! What will be: the layers to make and the config around them, as pure data that can be printed.

use serde::Serialize;

use super::annotations::{self, BaseNote};
use super::planned::{LayerRole, PlannedLayer, common_layers, platform_layers};
use super::runtime::{self, Labels};
use super::{BuildError, BuildRequest, Inputs, PlatformBase};
use crate::flink::{FlinkVersion, JobLayout, JobPlaces};
use crate::layer::{CREATED, RECIPE_VERSION};
use crate::oci::{Config, DiffId, Digest, Platform};

/// An image that will be, for one platform.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildPlan {
    /// The version of the rules that turn the plan into bytes.
    pub recipe: u32,
    /// What the image is for.
    pub platform: Platform,
    /// What it stands on.
    pub base: BaseSummary,
    /// The Flink in it.
    pub flink: FlinkSummary,
    /// The job in it, if there is one.
    pub job: Option<JobSummary>,
    /// The layers on top of the base, lowest first.
    pub layers: Vec<PlannedLayer>,
    /// The config, but for the layers above.
    #[serde(skip)]
    pub config: Config,
    /// Annotations of the manifest.
    #[serde(skip)]
    pub annotations: Vec<(String, String)>,
    /// Those of them that the user gave, which the index of several images has as well.
    #[serde(skip)]
    pub given_annotations: Vec<(String, String)>,
}

/// The base of a plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BaseSummary {
    /// As it was named.
    pub name: String,
    /// The digest of its manifest; none for what has no manifest: a root file system, a docker-archive.
    pub digest: Option<Digest>,
    /// The diff ids of its layers.
    pub diff_ids: Vec<DiffId>,
    /// The operating system that it says it is.
    pub os: Option<String>,
    /// The home of its Java.
    pub java_home: String,
    /// The version of its Java.
    pub java_version: Option<String>,
}

/// The Flink of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct FlinkSummary {
    /// Its version.
    pub version: FlinkVersion,
    /// The Scala that it is for, where that is known.
    pub scala: Option<String>,
}

/// The job of a plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobSummary {
    /// Where its jar is in the image.
    pub jar: Option<String>,
    /// The class that its manifest names.
    pub entry_class: Option<String>,
}

/// Plans the image for each platform, in their order.
///
/// Pure: the same request and inputs give the same plans.
pub fn plan(request: &BuildRequest, inputs: &Inputs) -> Result<Vec<BuildPlan>, BuildError> {
    let places = JobPlaces::of(inputs.line.line, &inputs.version);
    let job_jar = inputs.job_jar.as_ref().map(|jar| &jar.artifact);
    let job = JobLayout::new(&places, job_jar, &inputs.job_artifacts)?;
    let summary = request.has_job().then(|| JobSummary {
        jar: job.jar.as_ref().map(ToString::to_string),
        entry_class: job.entry_class.clone(),
    });
    let common = common_layers(request, inputs, job)?;
    let bases = inputs.bases.iter();
    bases
        .map(|base| plan_image(request, inputs, base, (&common, summary.as_ref())))
        .collect()
}

/// Plans the image for one platform: what depends on it is below the layers that all have in `common`, among them those of
/// the `job`.
fn plan_image(
    request: &BuildRequest,
    inputs: &Inputs,
    platform: &PlatformBase,
    (common, job): (&[PlannedLayer], Option<&JobSummary>),
) -> Result<BuildPlan, BuildError> {
    let PlatformBase { base, java, .. } = platform;
    let mut layers = platform_layers(request, platform)?;
    layers.extend_from_slice(common);
    let given = request.content.annotations.iter();
    let given: Vec<_> = given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut annotations = own_annotations(request, inputs, platform, &layers);
    annotations.extend_from_slice(&given);
    Ok(BuildPlan {
        recipe: RECIPE_VERSION,
        platform: platform.platform.clone(),
        base: BaseSummary {
            name: inputs.base_name.clone(),
            digest: base.manifest_digest(),
            diff_ids: base.layers.iter().map(|layer| layer.diff_id).collect(),
            os: base.facts.os.clone(),
            java_home: java.home.clone(),
            java_version: java.version.clone(),
        },
        flink: FlinkSummary {
            version: inputs.version.clone(),
            scala: inputs.flink.scala(),
        },
        job: job.cloned(),
        layers,
        config: config(request, inputs, platform, job)?,
        annotations,
        given_annotations: given,
    })
}

/// The config, but for the layers: what a container starts with, and what the image says of itself to people.
fn config(
    request: &BuildRequest,
    inputs: &Inputs,
    platform: &PlatformBase,
    job: Option<&JobSummary>,
) -> Result<Config, BuildError> {
    let PlatformBase { base, java, .. } = platform;
    let labels = Labels {
        flink: inputs.version.to_string(),
        scala: inputs.flink.scala(),
        java: java.version.clone(),
        job_jar: job.and_then(|job| job.jar.clone()),
        job_class: job.and_then(|job| job.entry_class.clone()),
    };
    let created = match request.created {
        Some(seconds) => jiff::Timestamp::from_second(seconds)
            .map_err(|_| BuildError::Created(seconds))?
            .to_string(),
        None => CREATED.to_owned(),
    };
    let start = runtime::Start {
        line: inputs.line.line,
        java_home: &java.home,
        labels: &labels,
        created: &created,
        user: request.content.user,
    };
    let mut config = base.config.clone();
    config.complete_history(CREATED);
    runtime::configure(&mut config, &start);
    for (name, value) in request.content.env.iter() {
        config.set_env(name, value);
    }
    for (name, value) in request.content.labels.iter() {
        config.set_label(name, value);
    }
    Ok(config)
}

/// What the manifest of an image with these layers says to the next build.
fn own_annotations(
    request: &BuildRequest,
    inputs: &Inputs,
    platform: &PlatformBase,
    layers: &[PlannedLayer],
) -> Vec<(String, String)> {
    let PlatformBase { base, java, .. } = platform;
    let note = BaseNote::new(base.facts_key, &base.facts, java);
    let mut found = vec![
        (annotations::RECIPE, RECIPE_VERSION.to_string()),
        (annotations::BASE, note.write()),
    ];
    if let Some(digest) = base.manifest_digest() {
        let name = oci_spec::image::ANNOTATION_BASE_IMAGE_DIGEST;
        found.push((name, digest.to_string()));
    }
    if let Some(hadoop) = &inputs.hadoop {
        found.push((annotations::HADOOP, annotations::hadoop(&hadoop.facts)));
    }
    let release = inputs.release.as_ref();
    if let Some(key) = release.and_then(|release| release.keys.content) {
        let mut layers = layers.iter();
        let layer = layers.find(|layer| layer.role == LayerRole::Configuration);
        let note = annotations::write_content(key, layer.map(|layer| layer.key));
        found.push((annotations::CONTENT, note));
    }
    if let (Some(python), Some(of_base)) = (request.content.python, &platform.python) {
        let note = of_base.write(base.facts_key, python);
        found.push((annotations::PYTHON, note));
    }
    let found = found.into_iter();
    found
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
