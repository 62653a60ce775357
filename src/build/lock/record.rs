//! From a build to its lock.

use std::collections::BTreeMap;

use super::file::{
    LockedArtifact, LockedBase, LockedBaseLayer, LockedFlink, LockedLayer, LockedPlatform,
    LockedRequest,
};
use super::{Change, Lock, LockError};
use crate::build::content::names_in_home;
use crate::build::{BuildPlan, BuildRequest, Inputs, LayerRole, PlatformBase};
use crate::flink::real_home;
use crate::oci::{Descriptor, DiffId, Digest, Layer};

impl Lock {
    /// What was resolved, without the layers that came of it.
    pub(in crate::build) fn of(
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Self {
        let recipes = |role: LayerRole| -> Vec<Digest> {
            let layers = plans.first().into_iter().flat_map(|plan| &plan.layers);
            let of_role = layers.filter(|layer| layer.role == role);
            of_role.map(|layer| layer.key).collect()
        };
        let release = inputs.release.as_ref();
        let keys = release.map(|release| release.keys);
        let home = real_home(inputs.line.line, &inputs.version);
        let places = names_in_home(&inputs.content, &home);
        let flink = LockedFlink {
            version: inputs.version.clone(),
            scala: inputs.flink.scala(),
            release: release.map(|found| found.release.file_name()),
            sha512: release.map(|found| found.sha512),
            signer: inputs
                .flink
                .signer()
                .map(|signer| signer.fingerprint.clone()),
            key: keys.map(|keys| keys.flink),
            layers: recipes(LayerRole::Flink),
            places: places.expect("they were checked when they were planned"),
            content: keys.and_then(|keys| keys.content),
            configuration: recipes(LayerRole::Configuration).first().copied(),
        };
        let request = LockedRequest::of(request, &inputs.content, &inputs.base_packages);
        let mut lock = Self::new(request, flink);
        lock.hadoop = inputs.hadoop.as_ref().map(|found| found.facts.clone());
        lock.platforms = inputs.bases.iter().map(LockedPlatform::of).collect();
        lock
    }

    /// Locks the files of the job as well, but for its jar.
    pub(in crate::build) fn lock_artifacts(&mut self, inputs: &Inputs) {
        self.request.artifacts = true;
        let artifacts = inputs.job_artifacts.iter();
        self.artifacts = artifacts
            .map(|artifact| LockedArtifact {
                name: artifact.name.clone(),
                digest: artifact.content.digest,
            })
            .collect();
        self.artifacts.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Locks what the layers of the plans became, but for those of the job; `became` tells it by their recipes.
    pub(in crate::build) fn lock_layers(
        &mut self,
        plans: &[BuildPlan],
        became: &BTreeMap<Digest, Layer>,
    ) {
        for plan in plans {
            for planned in &plan.layers {
                if !planned.role.is_locked() || self.layer(planned.key).is_some() {
                    continue;
                }
                let Some(layer) = became.get(&planned.key) else {
                    continue;
                };
                let has = |plan: &&BuildPlan| {
                    let mut layers = plan.layers.iter();
                    layers.any(|layer| layer.key == planned.key)
                };
                let having = plans.iter().filter(has).map(|plan| plan.platform.clone());
                let mut platforms: Vec<_> = having.collect();
                if platforms.len() == plans.len() {
                    platforms.clear();
                }
                self.layers.push(LockedLayer {
                    title: planned.title.clone(),
                    platforms,
                    recipe: planned.key,
                    digest: layer.descriptor.digest,
                    diff_id: layer.diff_id,
                    size: layer.descriptor.size,
                    media_type: layer.descriptor.media_type.clone(),
                });
            }
        }
    }

    /// Whether a build is of exactly what is locked. Files of the job may be any, unless they are locked as well, and it may be
    /// for some of the platforms that are locked.
    pub(in crate::build) fn check(
        &self,
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Result<(), LockError> {
        let mut found = self.found(request, inputs, plans);
        let mut locked = self.clone();
        locked
            .platforms
            .retain(|platform| found.platform(&platform.platform).is_some());
        for platform in &mut found.platforms {
            // The manifest was asked for by its digest, whatever index lists it.
            let base = self.platform(&platform.platform).map(|locked| &locked.base);
            let base = base.filter(|base| base.manifest == platform.base.manifest);
            if let Some(base) = base {
                platform.base.index = base.index;
            }
        }
        // The checksum is what counts: it is the same archive, whoever is found to have signed it today.
        if found.flink.sha512 == self.flink.sha512 {
            found.flink.signer.clone_from(&self.flink.signer);
        }
        let changes = locked.changed_inputs(&found);
        LockError::stale(self.or_recipes(changes, plans))
    }

    /// What differs in what everything is now from what is locked.
    pub(in crate::build) fn changes_in(
        &self,
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Vec<Change> {
        let mut found = self.found(request, inputs, plans);
        // Who signed is found out when the archive is fetched, which need not be done again.
        if found.flink.signer.is_none() && found.flink.sha512 == self.flink.sha512 {
            found.flink.signer.clone_from(&self.flink.signer);
        }
        self.or_recipes(self.changed_inputs(&found), plans)
    }

    /// The changes of inputs, of which recipes are no more than a consequence; without any, those of recipes.
    fn or_recipes(&self, changes: Vec<Change>, plans: &[BuildPlan]) -> Vec<Change> {
        if changes.is_empty() {
            self.changed_recipes(plans)
        } else {
            changes
        }
    }

    fn found(&self, request: &BuildRequest, inputs: &Inputs, plans: &[BuildPlan]) -> Self {
        let mut found = Self::of(request, inputs, plans);
        if self.request.artifacts {
            found.lock_artifacts(inputs);
        }
        found
    }

    /// Layers whose recipes are not locked, but for those of the job: this program makes them of the same inputs in another
    /// way, or somebody edited the lock.
    fn changed_recipes(&self, plans: &[BuildPlan]) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for plan in plans {
            let layers = plan.layers.iter();
            let own = layers.filter(|layer| layer.role.is_locked());
            for layer in own.filter(|layer| self.layer(layer.key).is_none()) {
                let is_for = |locked: &&LockedLayer| {
                    let platforms = &locked.platforms;
                    locked.title == layer.title
                        && (platforms.is_empty() || platforms.contains(&plan.platform))
                };
                let locked = self.layers.iter().find(is_for);
                let change = Change {
                    what: format!("The recipe of the layer `{}`", layer.title),
                    old: locked.map(|locked| locked.recipe.to_string()),
                    new: Some(layer.key.to_string()),
                };
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
        changes
    }

    /// Whether the layers became what is locked.
    pub(in crate::build) fn check_layers(
        &self,
        plans: &[BuildPlan],
        became: &BTreeMap<Digest, Layer>,
    ) -> Result<(), LockError> {
        let told = |blob: &Descriptor, diff_id: DiffId| {
            let Descriptor {
                digest,
                size,
                media_type,
                ..
            } = blob;
            format!("{digest}, {size} bytes of {media_type}, of {}", diff_id.0)
        };
        let mut changes: Vec<Change> = Vec::new();
        for planned in plans.iter().flat_map(|plan| &plan.layers) {
            let (Some(locked), Some(found)) = (self.layer(planned.key), became.get(&planned.key))
            else {
                continue;
            };
            let change = Change {
                what: format!("The layer `{}`", planned.title),
                old: Some(told(&locked.descriptor(), locked.diff_id)),
                new: Some(told(&found.descriptor, found.diff_id)),
            };
            if change.old != change.new && !changes.contains(&change) {
                changes.push(change);
            }
        }
        if changes.is_empty() {
            Ok(())
        } else {
            Err(LockError::OtherLayers { changes })
        }
    }
}

impl LockedPlatform {
    fn of(platform: &PlatformBase) -> Self {
        let PlatformBase {
            platform,
            base,
            locked_name,
            java,
            packages,
            python,
        } = platform;
        let selection = packages.as_ref().map(|packages| packages.selection.clone());
        let selection = selection.unwrap_or_default();
        let layer = |layer: &Layer| LockedBaseLayer {
            digest: layer.descriptor.digest,
            diff_id: layer.diff_id,
            size: layer.descriptor.size,
            media_type: layer.descriptor.media_type.clone(),
            annotations: layer.descriptor.annotations.clone(),
        };
        Self {
            platform: platform.clone(),
            base: LockedBase {
                name: locked_name.clone(),
                index: base.digests.and_then(|digests| digests.index),
                manifest: base.manifest_digest(),
                config_digest: base.digests.map(|digests| digests.config),
                os: base.facts.os.clone(),
                java_home: java.home.clone(),
                java_version: java.version.clone(),
                config: base.config.clone(),
                layers: base.layers.iter().map(layer).collect(),
            },
            python_link: python.as_ref().and_then(|python| python.link.clone()),
            wanted: selection.wanted,
            packages: selection.packages,
        }
    }
}
