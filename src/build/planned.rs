//! The layers that an image will have on top of its base: which there are, and what each is made of.

use serde::{Serialize, Serializer};

use super::annotations::ReleasePlace;
use super::content::{self, Arrangement, User};
use super::packages::{Packages, PackagesContent};
use super::{
    BuildError, BuildRequest, Flink, Inputs, PlatformBase, ResolvedHadoop, runtime, users,
};
use crate::base::Base;
use crate::flink::{FlinkLayout, JobLayout, Line};
use crate::layer::{Compression, LayerKind, LayerPlan, PlanError, RECIPE_VERSION};
use crate::oci::{Digest, canonical};

/// What the layer of packages is called.
const PACKAGES_TITLE: &str = "Alpine packages";
/// Raised whenever the layer of the user is made of other entries from the same base.
const SYSTEM_VERSION: u32 = 1;

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
fn system_layer(
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

/// Plans the layers that depend on the platform, which lie below all others.
pub(super) fn platform_layers(
    request: &BuildRequest,
    platform: &PlatformBase,
) -> Result<Vec<PlannedLayer>, BuildError> {
    let PlatformBase {
        base,
        packages,
        python,
        ..
    } = platform;
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
    Ok(layers)
}

/// Plans the layers that do not depend on the platform: which entries go into which, lowest first by how often they change.
pub(super) fn common_layers(
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

/// The layers of Flink.
fn flink_layers(
    request: &BuildRequest,
    inputs: &Inputs,
    arrangement: &Arrangement,
) -> Result<Vec<PlannedLayer>, BuildError> {
    let compression = request.compression.of(LayerKind::Jars);
    let key = inputs.release.as_ref().map(|release| release.keys.flink);
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
                    let release = key.map(|key| ReleasePlace {
                        key,
                        place: place + 1,
                        count,
                    });
                    let plan = LayerPlan::new(title(group), entries, compression)?;
                    Ok(planned(plan, LayerRole::Flink, release))
                })
                .collect()
        }
        Flink::Known { layers, .. } => Ok(layers
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
