//! From a build to its lock.

use std::collections::BTreeMap;

use super::file::{
    LockedArtifact, LockedBase, LockedBaseLayer, LockedFlink, LockedLayer, LockedPlatform,
    LockedRequest,
};
use super::{Change, Lock, LockError};
use crate::build::{BuildPlan, BuildRequest, Inputs, LayerRole, PlatformBase};
use crate::oci::{Digest, Layer};

impl Lock {
    /// What was resolved, without the layers that came of it.
    pub(in crate::build) fn of(
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Self {
        let recipes = plans.first().map_or_else(Vec::new, |plan| {
            let layers = plan.layers.iter();
            let flink = layers.filter(|layer| layer.role == LayerRole::Flink);
            flink.map(|layer| layer.key).collect()
        });
        let release = inputs.release.as_ref();
        let flink = LockedFlink {
            version: inputs.version.clone(),
            scala: inputs.flink.scala(),
            release: release.map(|found| found.release.file_name()),
            sha512: release.map(|found| found.sha512.to_string()),
            signer: inputs
                .flink
                .signer()
                .map(|signer| signer.fingerprint.clone()),
            layers: recipes,
        };
        let mut lock = Self::new(LockedRequest::of(request, &inputs.base_packages), flink);
        let base = |base: &PlatformBase| LockedPlatform::of(base, &inputs.locked_name);
        lock.platforms = inputs.bases.iter().map(base).collect();
        lock
    }

    /// Locks the files of the job as well, but for its jar.
    pub(in crate::build) fn lock_artifacts(&mut self, inputs: &Inputs) {
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
                if planned.role == LayerRole::Job || self.layer(planned.key).is_some() {
                    continue;
                }
                let Some(layer) = became.get(&planned.key) else {
                    continue;
                };
                let has = |plan: &&BuildPlan| {
                    let mut layers = plan.layers.iter();
                    layers.any(|layer| layer.key == planned.key)
                };
                let is_common = plans.iter().filter(has).count() == plans.len();
                self.layers.push(LockedLayer {
                    title: planned.title.clone(),
                    platform: (!is_common).then(|| plan.platform.clone()),
                    recipe: planned.key,
                    digest: layer.descriptor.digest,
                    diff_id: layer.diff_id,
                    size: layer.descriptor.size,
                    media_type: layer.descriptor.media_type.clone(),
                });
            }
        }
    }

    /// Whether a build is of exactly what is locked. Files of the job may be any, unless they are locked as well.
    pub(in crate::build) fn check(
        &self,
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Result<(), LockError> {
        LockError::stale(self.changes_in(request, inputs, plans))?;
        self.check_recipes(plans)
    }

    /// What differs in a build from what is locked.
    pub(in crate::build) fn changes_in(
        &self,
        request: &BuildRequest,
        inputs: &Inputs,
        plans: &[BuildPlan],
    ) -> Vec<Change> {
        let mut found = Self::of(request, inputs, plans);
        if !self.artifacts.is_empty() {
            found.lock_artifacts(inputs);
        }
        // Who signed is found out when the archive is fetched, which need not be done again.
        if found.flink.signer.is_none() && found.flink.sha512 == self.flink.sha512 {
            found.flink.signer.clone_from(&self.flink.signer);
        }
        let mut locked = self.clone();
        // It may be for one of the platforms that are locked.
        locked
            .platforms
            .retain(|platform| found.platform(&platform.platform).is_some());
        locked.changed_inputs(&found)
    }

    /// Whether the layers became what is locked.
    pub(in crate::build) fn check_layers(
        &self,
        plans: &[BuildPlan],
        became: &BTreeMap<Digest, Layer>,
    ) -> Result<(), LockError> {
        let mut changes = Vec::new();
        for planned in plans.iter().flat_map(|plan| &plan.layers) {
            let (Some(locked), Some(found)) = (self.layer(planned.key), became.get(&planned.key))
            else {
                continue;
            };
            let (old, new) = (locked.digest, found.descriptor.digest);
            if old != new {
                changes.push(Change {
                    what: format!("The layer `{}`", planned.title),
                    old: Some(old.to_string()),
                    new: Some(new.to_string()),
                });
            }
        }
        changes.dedup();
        if changes.is_empty() {
            Ok(())
        } else {
            Err(LockError::OtherLayers { changes })
        }
    }
}

impl LockedPlatform {
    fn of(platform: &PlatformBase, name: &str) -> Self {
        let PlatformBase {
            platform,
            base,
            java,
            packages,
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
                name: name.to_owned(),
                index: base.digests.and_then(|digests| digests.index),
                manifest: base.manifest_digest(),
                config_digest: base.digests.map(|digests| digests.config),
                os: base.facts.os.clone(),
                java_home: java.home.clone(),
                java_version: java.version.clone(),
                config: base.config.clone(),
                layers: base.layers.iter().map(layer).collect(),
            },
            wanted: selection.wanted,
            packages: selection.packages,
        }
    }
}
