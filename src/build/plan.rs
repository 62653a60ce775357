//! What will be: the layers to make and the config around them, as pure data that can be printed.

use serde::Serialize;

use super::runtime::{self, Labels};
use super::{BuildError, BuildRequest, Inputs, users};
use crate::flink::{FlinkLayout, FlinkVersion, JobLayout};
use crate::layer::{CREATED, Compression, LayerPlan, RECIPE_VERSION};
use crate::oci::{Config, DiffId, Digest, Platform};

/// The annotation that names the rules that an image was made by.
const RECIPE_ANNOTATION: &str = "flink-img.recipe";
/// The folders of a layer, for its title: `lib, bin, conf`.
const TITLE_FLINK: &str = "lib, bin, conf, plugins";
const TITLE_OPTIONAL: &str = "opt, examples";

/// An image that will be.
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
    #[serde(serialize_with = "with_keys")]
    pub layers: Vec<LayerPlan>,
    /// The config, but for the layers above.
    #[serde(skip)]
    pub config: Config,
    /// Annotations of the manifest.
    #[serde(skip)]
    pub annotations: Vec<(&'static str, String)>,
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

#[derive(Serialize)]
struct WithKey<'a> {
    key: Digest,
    #[serde(flatten)]
    plan: &'a LayerPlan,
}

fn with_keys<S: serde::Serializer>(layers: &[LayerPlan], serializer: S) -> Result<S::Ok, S::Error> {
    let key = |plan| WithKey {
        key: LayerPlan::key(plan),
        plan,
    };
    serializer.collect_seq(layers.iter().map(key))
}

/// Plans the image: which entries go into which layer, lowest first by how often they change.
///
/// Pure: the same request and inputs give the same plan.
pub fn plan(request: &BuildRequest, inputs: &Inputs) -> Result<BuildPlan, BuildError> {
    let distribution = &inputs.distribution;
    let version = &distribution.version;
    let mut layers = Vec::new();
    let mut add = |title: String, entries: Vec<_>, compression| {
        if !entries.is_empty() {
            layers.push(LayerPlan::new(title, entries, compression)?);
        }
        Ok::<(), BuildError>(())
    };
    let mut system = users::entries(&inputs.base.facts);
    system.push(runtime::entrypoint());
    add(
        "user flink, entrypoint".to_owned(),
        system,
        Compression::COMPACT,
    )?;
    let flink = FlinkLayout::new(distribution, inputs.line.line)?;
    add(
        format!("Flink {version}: {TITLE_FLINK}"),
        flink.flink,
        Compression::COMPACT,
    )?;
    add(
        format!("Flink {version}: {TITLE_OPTIONAL}"),
        flink.optional,
        Compression::COMPACT,
    )?;

    let job_jar = inputs.job_jar.as_ref();
    let job = JobLayout::new(job_jar.map(|jar| &jar.artifact), &inputs.job_artifacts)?;
    add(
        "job dependencies".to_owned(),
        job.dependencies,
        Compression::COMPACT,
    )?;
    // A jar is compressed already; trying again would cost seconds on every commit and save nothing.
    add("job".to_owned(), job.job, Compression::Stored)?;

    let jar_path = job_jar.map(|jar| format!("/opt/artifacts/{}", jar.artifact.name));
    let entry_class = job_jar.and_then(|jar| jar.entry_class.clone());
    let scala = distribution.scala.map(|scala| scala.to_string());
    let labels = Labels {
        flink: version.to_string(),
        scala: scala.clone(),
        java: inputs.java.version.clone(),
        job_jar: jar_path.clone(),
        job_class: entry_class.clone(),
    };
    let mut config = inputs.base.config.clone();
    config.complete_history(CREATED);
    let created = match request.created {
        Some(seconds) => jiff::Timestamp::from_second(seconds)
            .map_err(|_| BuildError::Created(seconds))?
            .to_string(),
        None => CREATED.to_owned(),
    };
    runtime::configure(&mut config, &inputs.java.home, &labels, &created);

    let mut annotations = vec![(RECIPE_ANNOTATION, RECIPE_VERSION.to_string())];
    if let Some(digest) = inputs.base.digest {
        annotations.push((
            oci_spec::image::ANNOTATION_BASE_IMAGE_DIGEST,
            digest.to_string(),
        ));
    }
    let is_job = job_jar.is_some() || !inputs.job_artifacts.is_empty();
    Ok(BuildPlan {
        recipe: RECIPE_VERSION,
        platform: request.platform.clone(),
        base: BaseSummary {
            name: inputs.base_name.clone(),
            digest: inputs.base.digest,
            diff_ids: inputs
                .base
                .layers
                .iter()
                .map(|layer| layer.diff_id)
                .collect(),
            os: inputs.base.facts.os.clone(),
            java_home: inputs.java.home.clone(),
            java_version: inputs.java.version.clone(),
        },
        flink: FlinkSummary {
            version: version.clone(),
            scala,
        },
        job: is_job.then_some(JobSummary {
            jar: jar_path,
            entry_class,
        }),
        layers,
        config,
        annotations,
    })
}
