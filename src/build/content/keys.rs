//! What stands for content that follows from a release, so that an image can be built again where the release is not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::layers::names_in_home;
use super::{Content, ContentError, OpenedContent, Python};
use crate::flink::release::Sha512;
use crate::flink::{FlinkVersion, LAYOUT_VERSION, LISTING_RULES, Line, layout_rules, real_home};
use crate::layer::{CompressionChoice, LayerKind, RECIPE_VERSION};
use crate::oci::{Digest, canonical};

/// Raised whenever the same content becomes other entries in the home of Flink, or other places are refused.
const CONTENT_VERSION: u32 = 1;

/// What stands for the layers of Flink, and for the content that follows from it.
#[derive(Debug, Clone, Copy)]
pub(in crate::build) struct ContentKeys {
    /// For the release and how it becomes layers.
    pub(in crate::build) flink: Digest,
    /// For what the content becomes in its home; none when nothing there depends on the release.
    pub(in crate::build) content: Option<Digest>,
}

/// What decides the content in the home of Flink, besides the release.
#[derive(Serialize)]
struct Decides<'a> {
    plugins: &'a [String],
    /// As they are written: what is said in another way may be the same.
    settings: BTreeMap<String, String>,
    log4j: Option<Digest>,
    python: Option<Python>,
    /// These were not taken, or the image would not have been made.
    names: &'a [String],
}

/// What stands for a published release and for how it becomes layers; known without a look into its archive.
fn release_key(checksum: &Sha512, line: &Line, choice: CompressionChoice) -> Digest {
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

impl ContentKeys {
    /// The keys of an image with this content, of the release with this checksum.
    pub(in crate::build) fn new(
        release: &Sha512,
        (content, opened): (&Content, &OpenedContent),
        (line, version): (&Line, &FlinkVersion),
        choice: CompressionChoice,
    ) -> Result<Self, ContentError> {
        let release = release_key(release, line, choice);
        let plugins = opened.plugins();
        let flink = if content.slim {
            let key = (
                release,
                "slim",
                CONTENT_VERSION,
                plugins,
                content.python.is_some(),
            );
            Digest::of(&canonical(&key))
        } else {
            release
        };
        let names = names_in_home(opened, &real_home(line, version))?;
        let decides = Decides {
            plugins,
            settings: opened.settings().written(),
            log4j: opened.log4j(),
            python: content.python,
            names: &names,
        };
        let is_any = !plugins.is_empty()
            || !decides.settings.is_empty()
            || decides.log4j.is_some()
            || decides.python.is_some()
            || !names.is_empty();
        let content = is_any.then(|| {
            let key = (CONTENT_VERSION, flink, choice.of(LayerKind::Files), decides);
            Digest::of(&canonical(&key))
        });
        Ok(Self { flink, content })
    }
}
