//! What is different between two locks, in words.

use std::collections::BTreeMap;
use std::fmt;

use super::file::{Lock, LockedBase, LockedBaseLayer, LockedFlink, LockedPlatform, LockedRequest};
use crate::flink::hadoop::HadoopFacts;
use crate::oci::Digest;

/// A fact that is another one than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What the fact is about.
    pub what: String,
    /// What it was; `None` for what is new.
    pub old: Option<String>,
    /// What it is; `None` for what is gone.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{what} was `{old}` and is `{new}`"),
            (Some(old), None) => write!(f, "{what} was `{old}` and is gone"),
            (None, Some(new)) => write!(f, "{what} is new: `{new}`"),
            (None, None) => f.write_str(what),
        }
    }
}

/// Facts under the names that people know them by, in the order of the file.
pub(super) type Facts = Vec<(String, String)>;

impl Lock {
    /// The inputs that are others in `new`: whatever has to be resolved or asked for. The layers follow from these.
    pub fn changed_inputs(&self, new: &Self) -> Vec<Change> {
        changes(&self.inputs(), &new.inputs())
    }

    fn inputs(&self) -> Facts {
        let mut facts = Facts::new();
        self.request.facts(self.recipe, &mut facts);
        self.flink.facts(&mut facts);
        if let Some(hadoop) = &self.hadoop {
            hadoop_facts(hadoop, &mut facts);
        }
        for artifact in &self.artifacts {
            let what = format!("The artifact `{}`", artifact.name);
            facts.push((what, artifact.digest.to_string()));
        }
        for platform in &self.platforms {
            platform.facts(&mut facts);
        }
        facts
    }
}

/// Adds a fact, if it is one.
pub(super) fn add(facts: &mut Facts, what: &str, value: Option<&str>) {
    if let Some(value) = value {
        facts.push((what.to_owned(), value.to_owned()));
    }
}

impl LockedRequest {
    /// What was asked for, and by which rules it becomes layers.
    pub(super) fn facts(&self, recipe: u32, facts: &mut Facts) {
        add(
            facts,
            "The version of the recipe",
            Some(&recipe.to_string()),
        );
        add(facts, "The compression", Some(&self.compression));
        add(facts, "The given home of Java", self.java_home.as_deref());
        let version = self.java_version.as_deref();
        add(facts, "The given version of Java", version);
        if self.artifacts {
            add(facts, "The lock of the artifacts", Some("on"));
        }
        let packages = (!self.packages.is_empty()).then(|| self.packages.join(", "));
        add(facts, "The list of packages", packages.as_deref());
        let plugins = (!self.plugins.is_empty()).then(|| self.plugins.join(", "));
        add(facts, "The list of plugins", plugins.as_deref());
        if self.slim {
            add(facts, "The leaving out of what is not chosen", Some("on"));
        }
        add(facts, "The Python of jobs", self.python.as_deref());
        add(facts, "The user", self.user.as_deref());
        let log4j = self.log4j.map(|digest| digest.to_string());
        add(facts, "The configuration of logging", log4j.as_deref());
        for (key, value) in &self.flink_conf {
            add(facts, &format!("The setting `{key}`"), Some(value));
        }
    }
}

impl LockedFlink {
    fn facts(&self, facts: &mut Facts) {
        let checksum = self.sha512.map(|sha512| sha512.to_string());
        add(
            facts,
            "The version of Flink",
            Some(&self.version.to_string()),
        );
        add(facts, "The release of Flink", self.release.as_deref());
        add(facts, "The Scala of Flink", self.scala.as_deref());
        add(facts, "The SHA-512 checksum of Flink", checksum.as_deref());
        add(facts, "The signer of Flink", self.signer.as_deref());
        if self.release.is_none() {
            // There is no checksum that stands for what is in it.
            for (place, recipe) in self.layers.iter().enumerate() {
                let what = format!("The content of Flink's layer {}", place + 1);
                add(facts, &what, Some(&recipe.to_string()));
            }
        }
    }
}

fn hadoop_facts(hadoop: &HadoopFacts, facts: &mut Facts) {
    let HadoopFacts {
        jar, digest, size, ..
    } = hadoop;
    add(facts, "The jar with Hadoop", Some(jar));
    let content = format!("{digest}, {size} bytes");
    add(facts, "The content of the jar with Hadoop", Some(&content));
}

impl LockedPlatform {
    fn facts(&self, facts: &mut Facts) {
        let platform = &self.platform;
        let LockedBase {
            name,
            index,
            manifest,
            config_digest,
            os,
            java_home,
            java_version,
            config,
            layers,
        } = &self.base;
        let digest = |digest: &Option<Digest>| digest.map(|digest| digest.to_string());
        let content = Digest::of(&config.to_bytes()).to_string();
        for (what, value) in [
            ("base", Some(name.clone())),
            ("base's index", digest(index)),
            ("base's manifest", digest(manifest)),
            ("base's config", digest(config_digest)),
            ("content of the base's config", Some(content)),
            ("operating system", os.clone()),
            ("home of Java", Some(java_home.clone())),
            ("version of Java", java_version.clone()),
        ] {
            add(
                facts,
                &format!("The {what} for {platform}"),
                value.as_deref(),
            );
        }
        for (place, layer) in layers.iter().enumerate() {
            let what = format!("The base's layer {} for {platform}", place + 1);
            let LockedBaseLayer {
                digest,
                diff_id,
                size,
                media_type,
                annotations,
            } = layer;
            let value = format!("{digest}, {size} bytes of {media_type}, of {}", diff_id.0);
            let value = annotations
                .iter()
                .fold(value, |value, (key, text)| format!("{value}, {key}={text}"));
            add(facts, &what, Some(&value));
        }
        let what = format!("The link `python` for {platform}");
        add(facts, &what, self.python_link.as_deref());
        let wanted: Vec<_> = self.wanted.iter().map(ToString::to_string).collect();
        let wanted = (!wanted.is_empty()).then(|| wanted.join(", "));
        let what = format!("The list of packages for {platform}");
        add(facts, &what, wanted.as_deref());
        for package in &self.packages {
            let what = format!("The package `{}` for {platform}", package.name);
            let value = format!(
                "{} {} from {}",
                package.version, package.checksum, package.repository
            );
            add(facts, &what, Some(&value));
        }
    }
}

/// What was, in its order, and then what is new, in its own.
pub(super) fn changes(old: &Facts, new: &Facts) -> Vec<Change> {
    let lookup = |facts: &Facts| -> BTreeMap<String, String> { facts.iter().cloned().collect() };
    let (was, is) = (lookup(old), lookup(new));
    let gone_or_other = old
        .iter()
        .filter(|(what, value)| is.get(what) != Some(value))
        .map(|(what, value)| Change {
            what: what.clone(),
            old: Some(value.clone()),
            new: is.get(what).cloned(),
        });
    let added = new
        .iter()
        .filter(|(what, _)| !was.contains_key(what))
        .map(|(what, value)| Change {
            what: what.clone(),
            old: None,
            new: Some(value.clone()),
        });
    gone_or_other.chain(added).collect()
}
