//! What a lock gives a build, so that nobody is asked: the documents of the base, the checksum of Flink, facts, recipes.

use super::changes::{Facts, add, changes};
use super::file::{LockedBase, LockedBaseLayer, LockedRequest};
use super::{Change, Lock, LockError};
use crate::base::{BaseDigests, BaseFacts, Java, JavaOverride};
use crate::build::bases::ChosenBase;
use crate::build::content::{OpenedContent, User};
use crate::build::{BuildRequest, FlinkSource};
use crate::flink::hadoop::{HadoopFacts, HadoopJar};
use crate::flink::release::{Release, Sha512};
use crate::layer::RECIPE_VERSION;
use crate::oci::{BlobSource, Digest, Layer, Platform, Platforms, Reference};
use crate::preflight::{Place, Setting, looks_secret};

/// What can be held against a lock before anything is opened.
#[derive(Debug)]
pub(in crate::build) struct Asked<'a> {
    pub(in crate::build) request: &'a BuildRequest,
    /// What of it is on this machine.
    pub(in crate::build) content: &'a OpenedContent,
    /// The base, as the catalogue or the user names it.
    pub(in crate::build) base: &'a ChosenBase,
    /// The release of Flink, if it is one.
    pub(in crate::build) release: Option<&'a Release>,
    /// The jar with Hadoop, if there is one.
    pub(in crate::build) hadoop: Option<&'a HadoopJar>,
}

impl LockedRequest {
    /// What is asked for, with the packages of the base's entry in the catalogue.
    pub(super) fn of(request: &BuildRequest, opened: &OpenedContent, of_base: &[String]) -> Self {
        let content = &request.content;
        let mut packages = [of_base, &request.packages].concat();
        packages.sort();
        packages.dedup();
        Self {
            compression: request.compression.to_string(),
            java_home: request.java.home.clone(),
            java_version: request.java.version.clone(),
            artifacts: false,
            packages,
            plugins: opened.plugins().to_vec(),
            slim: content.slim,
            python: content.python.map(|python| python.program().to_owned()),
            user: (content.user != User::default()).then(|| content.user.to_string()),
            log4j: opened.log4j(),
            flink_conf: opened.settings().written(),
        }
    }
}

/// Refuses settings that look like secrets: a lock has settings as they are, and to tell the digests of them, or of the layer
/// that they are in, would be to let everybody try what gives them.
pub(super) fn no_secrets(content: &OpenedContent) -> Result<(), LockError> {
    let settings = content.settings().iter();
    let mut settings = settings.map(|(key, value)| Setting {
        place: Place::Configuration,
        key: key.to_owned(),
        value: value.as_str().to_owned(),
    });
    match settings.find(looks_secret) {
        Some(Setting { key, .. }) => Err(LockError::Secret { key }),
        None => Ok(()),
    }
}

impl Lock {
    /// Whether the lock is one for what is asked for, as far as that can be told without a look at any input.
    pub(in crate::build) fn check_asked(&self, asked: &Asked<'_>) -> Result<(), LockError> {
        let Asked {
            request,
            content,
            base,
            release,
            hadoop,
        } = asked;
        no_secrets(content)?;
        let (mut old, mut new) = (Facts::new(), Facts::new());
        let mut found = LockedRequest::of(request, content, &base.packages);
        // Who locks says so, who builds does not.
        found.artifacts = self.request.artifacts;
        self.request.facts(self.recipe, &mut old);
        found.facts(RECIPE_VERSION, &mut new);
        let version = match &request.flink {
            FlinkSource::Release { .. } => release.map(|release| &release.version),
            FlinkSource::Archive { version, .. } | FlinkSource::Directory { version, .. } => {
                version.as_ref()
            }
        };
        if let Some(version) = version {
            let what = "The version of Flink";
            add(&mut old, what, Some(&self.flink.version.to_string()));
            add(&mut new, what, Some(&version.to_string()));
        }
        let what = "The release of Flink";
        add(&mut old, what, self.flink.release.as_deref());
        let name = release.map(Release::file_name);
        add(&mut new, what, name.as_deref());
        let what = "The jar with Hadoop";
        let locked = self.hadoop.as_ref();
        add(&mut old, what, locked.map(|locked| &*locked.jar));
        let name = hadoop.map(HadoopJar::file_name);
        add(&mut new, what, name.as_deref());
        for platform in request.platforms.iter() {
            let what = format!("The base for {platform}");
            let locked = self.platform(platform);
            add(&mut old, &what, locked.map(|locked| &*locked.base.name));
            add(&mut new, &what, Some(&base.locked_name(platform)));
        }
        LockError::stale(changes(&old, &new))
    }

    /// Where the base of a registry is for each platform, by the digest of its manifest. What a digest stands for is the same
    /// whoever has it, so that what the lock says of the base besides is found to be so.
    pub(in crate::build) fn manifests(
        &self,
        reference: &Reference,
        platforms: &Platforms,
    ) -> Vec<(Platform, Reference)> {
        let manifest = |platform: &Platform| self.platform(platform)?.base.manifest;
        let pinned = platforms
            .iter()
            .filter_map(|platform| Some((platform.clone(), reference.at(manifest(platform)?))));
        pinned.collect()
    }

    /// The checksum of a release, if it is the one that is locked.
    pub(in crate::build) fn checksum(&self, release: &Release) -> Option<Sha512> {
        let locked = self.flink.release.as_ref()?;
        if *locked != release.file_name() {
            return None;
        }
        self.flink.sha512
    }

    /// What is locked of the jar with Hadoop, if it is this one.
    pub(in crate::build) fn hadoop_facts(&self, jar: &HadoopJar) -> Option<&HadoopFacts> {
        let locked = self.hadoop.as_ref();
        locked.filter(|locked| locked.are_of(jar))
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
}

impl LockedBase {
    /// The layers, which are to be had from `source`.
    pub(super) fn layers_from(&self, source: &BlobSource) -> Vec<Layer> {
        let layer = |layer: &LockedBaseLayer| Layer {
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
