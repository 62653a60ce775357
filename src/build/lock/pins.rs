//! What a lock gives a build, so that nobody is asked: the documents of the base, the checksum of Flink, facts, recipes.

use super::changes::{Facts, changes};
use super::file::{LockedBase, LockedFlink, LockedRequest};
use super::{Change, Lock, LockError};
use crate::base::{BaseDigests, BaseError, BaseFacts, Java, JavaOverride, OpenedBase};
use crate::build::bases::ChosenBase;
use crate::build::{BuildPlan, BuildRequest, FlinkSource, LayerRole};
use crate::flink::release::{Release, Sha512};
use crate::layer::RECIPE_VERSION;
use crate::oci::{BlobSource, Digest, Layer, Platforms, Reference};

/// What can be held against a lock before anything is opened.
#[derive(Debug)]
pub(in crate::build) struct Asked<'a> {
    pub(in crate::build) request: &'a BuildRequest,
    /// The base, as the catalogue or the user names it.
    pub(in crate::build) base: &'a ChosenBase,
    /// The release of Flink, if it is one.
    pub(in crate::build) release: Option<&'a Release>,
}

impl LockedRequest {
    /// What is asked for, with the packages of the base's entry in the catalogue.
    pub(super) fn of(request: &BuildRequest, of_base: &[String]) -> Self {
        let mut packages = [of_base, &request.packages].concat();
        packages.sort();
        packages.dedup();
        Self {
            compression: request.compression.to_string(),
            java_home: request.java.home.clone(),
            java_version: request.java.version.clone(),
            packages,
        }
    }
}

impl Lock {
    /// Whether the lock is one for what is asked for, as far as that can be told without a look at any input.
    pub(in crate::build) fn check_asked(&self, asked: &Asked<'_>) -> Result<(), LockError> {
        let Asked {
            request,
            base,
            release,
        } = asked;
        let facts = |request: &LockedRequest, recipe: u32, flink: Option<&LockedFlink>| {
            let mut facts = Facts::new();
            request.facts(recipe, &mut facts);
            if let Some(flink) = flink {
                flink.asked_facts(&mut facts);
            }
            facts
        };
        let asked_flink = match &request.flink {
            FlinkSource::Release { .. } => release.map(|release| LockedFlink {
                version: release.version.clone(),
                scala: None,
                release: Some(release.file_name()),
                sha512: None,
                signer: None,
                layers: Vec::new(),
            }),
            FlinkSource::Archive { .. } | FlinkSource::Directory { .. } => None,
        };
        let locked_flink = asked_flink.is_some().then_some(&self.flink);
        let mut old = facts(&self.request, self.recipe, locked_flink);
        let asked_request = LockedRequest::of(request, &base.packages);
        let mut new = facts(&asked_request, RECIPE_VERSION, asked_flink.as_ref());
        for platform in request.platforms.iter() {
            let what = format!("The base for {platform}");
            if let Some(locked) = self.platform(platform) {
                old.push((what.clone(), locked.base.name.clone()));
            }
            new.push((what, base.locked_name()));
        }
        LockError::stale(changes(&old, &new))
    }

    /// The base for each platform, by the documents that are locked.
    pub(in crate::build) fn open_bases(
        &self,
        reference: &Reference,
        platforms: &Platforms,
    ) -> Result<Vec<OpenedBase>, BaseError> {
        platforms
            .iter()
            .filter_map(|platform| Some((platform, &self.platform(platform)?.base)))
            .map(|(platform, base)| {
                let place = base
                    .manifest
                    .map_or_else(|| reference.clone(), |manifest| reference.at(manifest));
                OpenedBase::of_image(
                    &base.name,
                    platform,
                    base.config.clone(),
                    base.layers_from(&BlobSource::Registry(place)),
                    base.digests(),
                )
            })
            .collect()
    }

    /// The checksum of a release, if it is the one that is locked.
    pub(in crate::build) fn checksum(&self, release: &Release) -> Option<Sha512> {
        let locked = self.flink.release.as_ref()?;
        if *locked != release.file_name() {
            return None;
        }
        self.flink.sha512.as_ref()?.parse().ok()
    }

    /// What is in the base that this key stands for, as far as it is locked.
    pub(in crate::build) fn base_facts(
        &self,
        key: Digest,
        java: &JavaOverride,
    ) -> Option<BaseFacts> {
        self.platforms.iter().find_map(|platform| {
            let base = &platform.base;
            // What is locked is known of the base with its packages, and to choose those it has to be read.
            let is_bare = platform.selection().is_none();
            (is_bare && base.facts_key(java) == key).then(|| base.facts())
        })
    }

    /// Whether all layers of the plans are locked, but for those of the job.
    pub(in crate::build) fn check_recipes(&self, plans: &[BuildPlan]) -> Result<(), LockError> {
        let layers = plans.iter().flat_map(|plan| &plan.layers);
        let mut own = layers.filter(|layer| layer.role != LayerRole::Job);
        match own.find(|layer| self.layer(layer.key).is_none()) {
            None => Ok(()),
            Some(layer) => Err(LockError::OtherRecipe {
                title: layer.title.clone(),
            }),
        }
    }
}

impl LockedBase {
    /// The layers, which are to be had from `source`.
    pub(super) fn layers_from(&self, source: &BlobSource) -> Vec<Layer> {
        let layer = |layer: &super::file::LockedBaseLayer| Layer {
            descriptor: layer.descriptor(),
            diff_id: layer.diff_id,
            source: source.clone(),
        };
        self.layers.iter().map(layer).collect()
    }

    pub(super) fn digests(&self) -> Option<BaseDigests> {
        Some(BaseDigests {
            index: self.index,
            manifest: self.manifest?,
            config: self.config_digest?,
        })
    }

    pub(super) fn java(&self) -> Java {
        Java {
            home: self.java_home.clone(),
            version: self.java_version.clone(),
        }
    }

    /// What is locked of what is in the base: enough for a base on which everything else is known.
    pub(super) fn facts(&self) -> BaseFacts {
        BaseFacts {
            users: None,
            os: self.os.clone(),
            java: Some(self.java()),
            architecture: None,
            missing: Vec::new(),
            has_flink: false,
        }
    }

    pub(super) fn facts_key(&self, java: &JavaOverride) -> Digest {
        let layers = self.layers_from(&BlobSource::Bytes(Vec::new().into()));
        BaseFacts::key(&self.config, &layers, java)
    }
}

impl LockError {
    /// An error, if there is any change.
    pub(in crate::build) fn stale(changes: Vec<Change>) -> Result<(), Self> {
        if changes.is_empty() {
            Ok(())
        } else {
            Err(Self::Stale { changes })
        }
    }
}
