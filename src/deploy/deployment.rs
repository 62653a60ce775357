//! Everything that is known before anything is rendered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Values;
use super::config::Places;
use crate::flink::FlinkVersion;

/// Everything that decides what is rendered.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The values, with all defaults put in.
    pub values: Values,
    /// What was said of them: by the file, by flags and by the image; no defaults.
    pub given: Map<String, Value>,
    /// What all objects are called.
    pub name: String,
    /// The namespace that is written into them.
    pub namespace: Option<String>,
    /// The image, as Kubernetes is told: `REPOSITORY@DIGEST`, else `REPOSITORY:TAG`.
    pub image: String,
    /// The version of Flink, if it is known.
    pub flink: Option<FlinkVersion>,
    /// Major and minor number of the line whose rules hold; of an unknown version, that of the newest.
    pub line: (u16, u16),
    /// The options in `flink.config`, with all parts of their keys.
    pub options: BTreeMap<String, String>,
    /// What is no error, and yet may not be meant; a sentence each.
    pub warnings: Vec<String>,
    /// Where the values were said, for what only some renderers refuse.
    pub(super) places: Places,
}
