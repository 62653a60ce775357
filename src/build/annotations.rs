//! What an image says of how it was made, for the next build: the annotations of its manifest and of its layers.
//!
//! They are functions of the inputs alone, as they are part of what the image's digest is taken of.

use serde::{Deserialize, Serialize};

use crate::base::{BaseFacts, Java};
use crate::flink::hadoop::HadoopFacts;
use crate::oci::{Descriptor, Digest, canonical};

/// On a manifest: the version of the rules that its own layers were made by.
pub(super) const RECIPE: &str = "flink-img.recipe";
/// On a manifest: what was found in the base ([`BaseNote`]).
pub(super) const BASE: &str = "flink-img.base";
/// On a manifest: what the jar with Hadoop is, if there is one.
pub(super) const HADOOP: &str = "flink-img.hadoop";
/// On a manifest: what stands for the content that follows from the release, and the recipe of its layer, if it has one.
pub(super) const CONTENT: &str = "flink-img.content";
/// On a manifest: the Python of the base, if jobs need one.
pub(super) const PYTHON: &str = "flink-img.python";
/// On a layer: the key of its recipe.
pub(super) const LAYER_RECIPE: &str = "flink-img.layer.recipe";
/// On a layer of a published release: the key of that release and the layer's place, as [`ReleasePlace`] writes them.
pub(super) const LAYER_RELEASE: &str = "flink-img.layer.release";

/// What was found in a base, so that the next build need not look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BaseNote {
    /// What stands for the base.
    key: Digest,
    java_home: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    java_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) os: Option<String>,
}

impl BaseNote {
    pub(super) fn new(key: Digest, facts: &BaseFacts, java: &Java) -> Self {
        Self {
            key,
            java_home: java.home.clone(),
            java_version: java.version.clone(),
            os: facts.os.clone(),
        }
    }

    /// Reads the note of an image; `None` if it is about another base than that of `key`.
    pub(super) fn read(text: &str, key: Digest) -> Option<Self> {
        let note = Self::of_any_base(text)?;
        (note.key == key).then_some(note)
    }

    /// Reads the note of an image, whatever its base is.
    pub(super) fn of_any_base(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn write(&self) -> String {
        String::from_utf8(canonical(self)).expect("JSON is text")
    }

    /// The facts, as far as they are noted. An image is only ever made on a base that lacks nothing.
    pub(super) fn facts(self) -> BaseFacts {
        BaseFacts {
            users: None,
            os: self.os,
            java: Some(Java {
                home: self.java_home,
                version: self.java_version,
            }),
            architecture: None,
            missing: Vec::new(),
            has_flink: false,
        }
    }
}

/// What the jar with Hadoop is, as it is noted.
pub(super) fn hadoop(facts: &HadoopFacts) -> String {
    String::from_utf8(canonical(facts)).expect("JSON is text")
}

/// The place of a layer among those of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReleasePlace {
    /// What stands for the release and for how it is laid out.
    pub(super) key: Digest,
    /// From 1.
    pub(super) place: usize,
    /// How many layers the release became.
    pub(super) count: usize,
}

impl ReleasePlace {
    /// `sha256:... 1/2`
    pub(super) fn write(&self) -> String {
        format!("{} {}/{}", self.key, self.place, self.count)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (key, place) = text.split_once(' ')?;
        let (place, count) = place.split_once('/')?;
        Some(Self {
            key: key.parse().ok()?,
            place: place.parse().ok()?,
            count: count.parse().ok()?,
        })
    }
}

/// What content in the home of Flink became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownContent {
    /// The recipe of its layer; none if it needed no layer.
    pub(super) recipe: Option<Digest>,
}

/// What is noted of the content that `key` stands for: that it can be, and the recipe of its layer.
pub(super) fn write_content(key: Digest, recipe: Option<Digest>) -> String {
    match recipe {
        Some(recipe) => format!("{key} {recipe}"),
        None => key.to_string(),
    }
}

/// Reads what is noted of the content that `key` stands for.
pub(super) fn read_content(text: &str, key: Digest) -> Option<KnownContent> {
    let rest = text.strip_prefix(&key.to_string())?;
    let recipe = match rest.strip_prefix(' ') {
        Some(recipe) => Some(recipe.parse().ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some(KnownContent { recipe })
}

/// The descriptor of one of our layers, as it stands in the manifest.
pub(super) fn annotated(
    descriptor: &Descriptor,
    recipe: Digest,
    release: Option<ReleasePlace>,
) -> Descriptor {
    // Whatever else the place that it was found in says of it is not ours to repeat.
    let mut own = Descriptor::new(
        descriptor.media_type.clone(),
        descriptor.digest,
        descriptor.size,
    );
    own.annotations
        .insert(LAYER_RECIPE.to_owned(), recipe.to_string());
    if let Some(release) = release {
        own.annotations
            .insert(LAYER_RELEASE.to_owned(), release.write());
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back() {
        let place = ReleasePlace {
            key: Digest::of(b"x"),
            place: 1,
            count: 2,
        };
        assert_eq!(ReleasePlace::read(&place.write()), Some(place));
        for text in ["", "sha256:12 1/2", &format!("{} 1", Digest::of(b"x"))] {
            assert_eq!(ReleasePlace::read(text), None, "{text}");
        }
    }

    #[test]
    fn content_comes_back_for_its_key_only() {
        let (key, recipe) = (Digest::of(b"key"), Digest::of(b"recipe"));
        for recipe in [None, Some(recipe)] {
            let text = write_content(key, recipe);
            assert_eq!(read_content(&text, key), Some(KnownContent { recipe }));
            assert_eq!(read_content(&text, Digest::of(b"other")), None);
            assert_eq!(read_content(&format!("{text}x"), key), None);
        }
    }

    #[test]
    fn a_note_is_believed_for_its_base_only() {
        let facts = BaseFacts {
            users: None,
            os: Some("Tiny Linux".to_owned()),
            java: None,
            architecture: None,
            missing: Vec::new(),
            has_flink: false,
        };
        let java = Java {
            home: "/opt/java".to_owned(),
            version: None,
        };
        let key = Digest::of(b"base");
        let text = BaseNote::new(key, &facts, &java).write();
        let found = BaseNote::read(&text, key).unwrap().facts();
        assert_eq!(found.java, Some(java));
        assert_eq!(found.os, facts.os);
        assert_eq!(BaseNote::read(&text, Digest::of(b"other")), None);
        assert_eq!(BaseNote::read("{", key), None);
    }
}
