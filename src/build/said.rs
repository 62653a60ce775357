//! What an image says of how it was made: its labels and annotations, read back.

use oci_spec::image::{ANNOTATION_BASE_IMAGE_DIGEST, ANNOTATION_BASE_IMAGE_NAME};

use super::annotations::{self, BaseNote};
use super::runtime::{
    ENTRYPOINT, FLINK_LABEL, JAVA_LABEL, JOB_CLASS_LABEL, JOB_JAR_LABEL, SCALA_LABEL,
};
use crate::oci::{Config, Descriptor, Manifest};

/// What an image says of how it was made. Of an image that is not ours there is little.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The version of Flink.
    pub flink: Option<String>,
    /// The version of Scala that it is for.
    pub scala: Option<String>,
    /// The version of Java.
    pub java: Option<String>,
    /// The home of Java.
    pub java_home: Option<String>,
    /// The path of the job's jar.
    pub job_jar: Option<String>,
    /// The entry class of the job.
    pub job_class: Option<String>,
    /// The version of the rules that its own layers were made by.
    pub recipe: Option<String>,
    /// What the base is called, if its builder wrote that down.
    pub base_name: Option<String>,
    /// The digest of the manifest of the base.
    pub base_digest: Option<String>,
    /// What the base calls itself.
    pub base_os: Option<String>,
    /// Whether a container starts with the entrypoint of our images.
    pub has_entrypoint: bool,
}

impl Said {
    /// Reads what manifest and config of an image say.
    pub fn of(manifest: &Manifest, config: &Config) -> Self {
        let label = |name: &str| {
            let (_, value) = config.labels().find(|(label, _)| *label == name)?;
            Some(value.to_owned())
        };
        let annotation = |name: &str| manifest.annotations.get(name).cloned();
        let note = manifest.annotations.get(annotations::BASE);
        let note = note.and_then(|note| BaseNote::of_any_base(note));
        let flink = label(FLINK_LABEL);
        Self {
            scala: label(SCALA_LABEL),
            java: label(JAVA_LABEL),
            java_home: config.env("JAVA_HOME").map(ToOwned::to_owned),
            job_jar: label(JOB_JAR_LABEL),
            job_class: label(JOB_CLASS_LABEL),
            recipe: annotation(annotations::RECIPE),
            base_name: annotation(ANNOTATION_BASE_IMAGE_NAME),
            base_digest: annotation(ANNOTATION_BASE_IMAGE_DIGEST),
            base_os: note.and_then(|note| note.os),
            has_entrypoint: flink.is_some() && config.entrypoint() == [ENTRYPOINT],
            flink,
        }
    }

    /// Whether one of our images says this of a layer of its own; all others are those of its base. `None` where the image
    /// does not tell: it is not ours, or its annotations were lost on the way.
    pub fn is_own(&self, layer: &Descriptor) -> Option<bool> {
        self.recipe.as_ref()?;
        Some(layer.annotations.contains_key(annotations::LAYER_RECIPE))
    }
}
