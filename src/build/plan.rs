//! What will be: the layers to make and the config around them, as pure data that can be printed.

use serde::{Serialize, Serializer};

use super::annotations::{self, BaseNote, ReleasePlace};
use super::content::{self, Arrangement, User};
use super::packages::{Packages, PackagesContent};
use super::runtime::{self, Labels};
use super::{BuildError, BuildRequest, Flink, Inputs, PlatformBase, ResolvedHadoop, users};
use crate::base::Base;
use crate::flink::release::Sha512;
use crate::flink::{
    FlinkLayout, FlinkVersion, JobLayout, JobPlaces, LAYOUT_VERSION, LISTING_RULES, Line,
    layout_rules,
};
use crate::layer::{
    CREATED, Compression, CompressionChoice, LayerKind, LayerPlan, PlanError, RECIPE_VERSION,
};
use crate::oci::{Config, DiffId, Digest, Platform, canonical};

/// What the layer of packages is called.
const PACKAGES_TITLE: &str = "Alpine packages";
/// Raised whenever the layer of the user is made of other entries from the same base.
const SYSTEM_VERSION: u32 = 1;

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

/// What a layer is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerRole {
    /// Packages of the base's distribution.
    Packages,
    /// The user and the entrypoint.
    System,
    /// Flink.
    Flink,
    /// Hadoop.
    Hadoop,
    /// Plugins and settings in the home of Flink.
    Configuration,
    /// Jars of the user in `lib/`.
    Libraries,
    /// Files of the user.
    Files,
    /// The job and its files.
    Job,
}

impl LayerRole {
    /// Whether a lock holds what such a layer becomes: not of what may change with every commit.
    pub(super) fn is_locked(self) -> bool {
        !matches!(self, Self::Libraries | Self::Files | Self::Job)
    }
}

/// A layer of an image that will be.
#[derive(Debug, Clone)]
pub struct PlannedLayer {
    /// What it is, in a few words; becomes its line of history.
    pub title: String,
    /// What it is there for.
    pub role: LayerRole,
    /// What stands for its bytes: the same key, the same bytes.
    pub key: Digest,
    /// How it is compressed.
    pub compression: Compression,
    /// Which part of a published release it is, if it is one.
    pub(super) release: Option<ReleasePlace>,
    /// What it is made of; `None` when only its key is known, as the layer of an earlier image has it.
    pub plan: Option<LayerPlan>,
}

impl Serialize for PlannedLayer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            key: Digest,
            title: &'a str,
            #[serde(flatten)]
            plan: Option<&'a LayerPlan>,
        }
        let form = Form {
            key: self.key,
            title: &self.title,
            plan: self.plan.as_ref(),
        };
        form.serialize(serializer)
    }
}

/// What stands for a published release and for how it becomes layers; known without a look into its archive.
pub(super) fn release_key(checksum: &Sha512, line: &Line, choice: CompressionChoice) -> Digest {
    let always = (
        RECIPE_VERSION,
        LAYOUT_VERSION,
        LISTING_RULES,
        line.binds_to_localhost,
        choice.of(LayerKind::Jars),
        checksum.to_string(),
    );
    // The keys of later lines are older than these rules.
    Digest::of(&match layout_rules(line) {
        None => canonical(&always),
        Some(rules) => canonical(&(always, rules)),
    })
}

/// What the layers of Flink are called, lowest first.
fn flink_titles(line: &Line) -> [&'static str; 2] {
    let first = if line.has_plugins {
        "lib, bin, conf, plugins"
    } else {
        "lib, bin, conf"
    };
    [first, "opt, examples"]
}

/// What stands for the layer of the user: everything that it is made of follows from the base and from this program.
pub(super) fn system_key(base: Digest, compression: Compression, user: User) -> Digest {
    let always = (
        RECIPE_VERSION,
        SYSTEM_VERSION,
        base,
        runtime::entrypoint(),
        compression,
    );
    Digest::of(&if user == User::default() {
        canonical(&always)
    } else {
        canonical(&(always, user.to_string()))
    })
}

/// The layer of the user, which can be named without knowing the users of the base.
pub(super) fn system_layer(
    base: &Base,
    compression: Compression,
    user: User,
) -> Result<PlannedLayer, PlanError> {
    let title = "user flink, entrypoint".to_owned();
    let key = system_key(base.facts_key, compression, user);
    let plan = base.facts.users.as_ref().map(|users| {
        let mut entries = users::entries(users, user);
        entries.push(runtime::entrypoint());
        LayerPlan::new(title.clone(), entries, compression)
    });
    Ok(PlannedLayer {
        title,
        role: LayerRole::System,
        key,
        compression,
        release: None,
        plan: plan.transpose()?,
    })
}

/// The layer of packages, if they bring anything.
fn packages_layer(
    packages: &Packages,
    compression: Compression,
) -> Result<Option<PlannedLayer>, PlanError> {
    let plan = match &packages.content {
        PackagesContent::Nothing => return Ok(None),
        PackagesContent::Known => None,
        PackagesContent::Entries(entries) => {
            let plan = LayerPlan::new(PACKAGES_TITLE, entries.clone(), compression)?;
            Some(plan)
        }
    };
    Ok(Some(PlannedLayer {
        title: PACKAGES_TITLE.to_owned(),
        role: LayerRole::Packages,
        key: packages.key,
        compression,
        release: None,
        plan,
    }))
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

/// Plans the layers that do not depend on the platform: which entries go into which, lowest first by how often they change.
fn common_layers(
    request: &BuildRequest,
    inputs: &Inputs,
    job: JobLayout,
) -> Result<Vec<PlannedLayer>, BuildError> {
    let arrangement = content::arranged(request, inputs)?;
    let mut layers = flink_layers(request, inputs, &arrangement)?;
    let compression = |kind| request.compression.of(kind);
    if let Some(ResolvedHadoop { jar, content, .. }) = &inputs.hadoop {
        let entries = jar.entries(content.clone(), inputs.line.line, &inputs.version)?;
        let title = format!("Hadoop {}", jar.version());
        let plan = LayerPlan::new(title, entries, compression(LayerKind::Jars))?;
        layers.push(planned(plan, LayerRole::Hadoop, None));
    }
    layers.extend(content::layers(request, inputs, arrangement)?);
    for (title, entries, compression) in [
        (
            "job dependencies",
            job.dependencies,
            compression(LayerKind::Jars),
        ),
        ("job", job.job, compression(LayerKind::Job)),
    ] {
        if !entries.is_empty() {
            let plan = LayerPlan::new(title, entries, compression)?;
            layers.push(planned(plan, LayerRole::Job, None));
        }
    }
    Ok(layers)
}

/// Plans the image for one platform: what depends on it is below the layers that all have in `common`, among them those of
/// the `job`.
fn plan_image(
    request: &BuildRequest,
    inputs: &Inputs,
    platform: &PlatformBase,
    (common, job): (&[PlannedLayer], Option<&JobSummary>),
) -> Result<BuildPlan, BuildError> {
    let PlatformBase {
        platform,
        base,
        java,
        packages,
        python,
        ..
    } = platform;
    let version = &inputs.version;
    let compression = request.compression.of(LayerKind::Files);
    let mut layers = Vec::new();
    if let Some(packages) = packages {
        layers.extend(packages_layer(packages, compression)?);
    }
    layers.extend(content::python_layer(
        request,
        python.as_ref(),
        compression,
    )?);
    layers.push(system_layer(base, compression, request.content.user)?);
    layers.extend_from_slice(common);

    let scala = inputs.flink.scala();
    let labels = Labels {
        flink: version.to_string(),
        scala: scala.clone(),
        java: java.version.clone(),
        job_jar: job.and_then(|job| job.jar.clone()),
        job_class: job.and_then(|job| job.entry_class.clone()),
    };
    let mut config = base.config.clone();
    config.complete_history(CREATED);
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
    runtime::configure(&mut config, &start);
    for (name, value) in request.content.env.iter() {
        config.set_env(name, value);
    }
    for (name, value) in request.content.labels.iter() {
        config.set_label(name, value);
    }

    let note = BaseNote::new(base.facts_key, &base.facts, java);
    let mut annotations = vec![
        (annotations::RECIPE.to_owned(), RECIPE_VERSION.to_string()),
        (annotations::BASE.to_owned(), note.write()),
    ];
    if let Some(digest) = base.manifest_digest() {
        let name = oci_spec::image::ANNOTATION_BASE_IMAGE_DIGEST.to_owned();
        annotations.push((name, digest.to_string()));
    }
    if let Some(hadoop) = &inputs.hadoop {
        annotations.push((
            annotations::HADOOP.to_owned(),
            annotations::hadoop(&hadoop.facts),
        ));
    }
    if let Some(note) = content_note(request, inputs, &layers)? {
        annotations.push((annotations::CONTENT.to_owned(), note));
    }
    if let (Some(python), Some(found)) = (request.content.python, python) {
        let note = found.write(base.facts_key, python);
        annotations.push((annotations::PYTHON.to_owned(), note));
    }
    let given = request.content.annotations.iter();
    let given: Vec<_> = given
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    annotations.extend_from_slice(&given);
    Ok(BuildPlan {
        recipe: RECIPE_VERSION,
        platform: platform.clone(),
        base: BaseSummary {
            name: inputs.base_name.clone(),
            digest: base.manifest_digest(),
            diff_ids: base.layers.iter().map(|layer| layer.diff_id).collect(),
            os: base.facts.os.clone(),
            java_home: java.home.clone(),
            java_version: java.version.clone(),
        },
        flink: FlinkSummary {
            version: version.clone(),
            scala,
        },
        job: job.cloned(),
        layers,
        config,
        annotations,
        given_annotations: given,
    })
}

/// What an image says of the content that follows from a release, for the next build.
fn content_note(
    request: &BuildRequest,
    inputs: &Inputs,
    layers: &[PlannedLayer],
) -> Result<Option<String>, BuildError> {
    let Some(key) = inputs.content_keys(request)?.and_then(|keys| keys.content) else {
        return Ok(None);
    };
    let mut layers = layers.iter();
    let layer = layers.find(|layer| layer.role == LayerRole::Configuration);
    Ok(Some(annotations::write_content(
        key,
        layer.map(|layer| layer.key),
    )))
}

/// A layer whose entries are known.
pub(super) fn planned(
    plan: LayerPlan,
    role: LayerRole,
    release: Option<ReleasePlace>,
) -> PlannedLayer {
    PlannedLayer {
        title: plan.title.clone(),
        role,
        key: plan.key(),
        compression: plan.compression,
        release,
        plan: Some(plan),
    }
}

/// The layers of Flink.
fn flink_layers(
    request: &BuildRequest,
    inputs: &Inputs,
    arrangement: &Arrangement,
) -> Result<Vec<PlannedLayer>, BuildError> {
    let compression = request.compression.of(LayerKind::Jars);
    let keys = inputs.content_keys(request)?;
    let titles = flink_titles(inputs.line.line);
    let title = |place: usize| format!("Flink {}: {}", inputs.version, titles[place]);
    match &inputs.flink {
        Flink::Listed { distribution, .. } => {
            let mut layout = FlinkLayout::new(distribution, inputs.line.line)?;
            arrangement.thin_out(&mut layout);
            let groups: Vec<_> = [layout.flink, layout.optional]
                .into_iter()
                .enumerate()
                .filter(|(_, entries)| !entries.is_empty())
                .collect();
            let count = groups.len();
            groups
                .into_iter()
                .enumerate()
                .map(|(place, (group, entries))| {
                    let release = keys.map(|keys| ReleasePlace {
                        key: keys.flink,
                        place: place + 1,
                        count,
                    });
                    let plan = LayerPlan::new(title(group), entries, compression)?;
                    Ok(planned(plan, LayerRole::Flink, release))
                })
                .collect()
        }
        Flink::Known { key, layers, .. } => Ok(layers
            .iter()
            .enumerate()
            .map(|(place, recipe)| PlannedLayer {
                title: title(place),
                role: LayerRole::Flink,
                key: *recipe,
                compression,
                release: key.map(|key| ReleasePlace {
                    key,
                    place: place + 1,
                    count: layers.len(),
                }),
                plan: None,
            })
            .collect()),
    }
}
