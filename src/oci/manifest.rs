//! Image manifests and indexes: read leniently, written canonically.
//!
//! Unknown fields are ignored on reading; what must be refused is refused here: Docker's schema 1, and documents that
//! could be read both as a manifest and as an index (CVE-2021-41190).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::null_as_default;
use super::{Descriptor, MediaType, Platform, canonical};

/// The largest manifest or index, in bytes; the limit that distribution-spec asks registries to support.
pub const MANIFEST_LIMIT: u64 = 4 * 1024 * 1024;

const SCHEMA_VERSION: u64 = 2;

/// An image manifest (image-spec, `manifest.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u64,
    media_type: MediaType,
    /// The image config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Further facts, free in form.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

/// An image index (image-spec, `image-index.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    schema_version: u64,
    media_type: MediaType,
    /// The manifests, each with its platform where it has one.
    pub manifests: Vec<Descriptor>,
    /// Further facts, free in form.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
}

/// What a registry or a layout answers when asked for a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several images, one a platform.
    Index(Index),
}

/// A document that is neither a manifest nor an index that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Docker's first format.
    #[error("The manifest has Docker's schema 1, which proves nothing about its layers")]
    Schema1,
    /// A document with both `layers` and `manifests`.
    #[error(
        "The manifest has both `layers` and `manifests`, so that two readers would see two images"
    )]
    Ambiguous,
    /// A document with neither.
    #[error("The document is neither an image manifest nor an index (media type `{0}`)")]
    Unknown(String),
    /// Not JSON, or JSON of another shape.
    #[error("The manifest cannot be read")]
    Json(#[from] serde_json::Error),
}

impl Manifest {
    /// An OCI manifest of `config` and `layers`.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            media_type: MediaType::Manifest,
            config,
            layers,
            annotations: BTreeMap::new(),
        }
    }

    /// The bytes that the manifest's digest is taken of.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self)
    }
}

impl Index {
    /// An OCI index of `manifests`.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            media_type: MediaType::Index,
            manifests,
            annotations: BTreeMap::new(),
        }
    }

    /// The manifest for `platform`; when there is none, the platforms that there are, as a list for people.
    pub fn for_platform(&self, platform: &Platform) -> Result<&Descriptor, String> {
        let find = |fits: fn(&Platform, &Platform) -> bool| {
            self.manifests.iter().find(|manifest| {
                manifest
                    .platform
                    .as_ref()
                    .is_some_and(|found| fits(found, platform))
            })
        };
        // The exact variant first: an index may list `linux/arm/v6` before `linux/arm/v7`.
        find(Platform::is_same)
            .or_else(|| find(Platform::serves))
            .ok_or_else(|| {
                let found: Vec<_> = self.platforms().iter().map(ToString::to_string).collect();
                if found.is_empty() {
                    "none".to_owned()
                } else {
                    found.join(", ")
                }
            })
    }

    /// The manifest for the platform that is asked for. When nobody asks, that for `linux/amd64`, whatever machine this is,
    /// or else the only one; when it is not to be had, the platforms that there are, as a list for people.
    pub fn choose(&self, asked: Option<&Platform>) -> Result<&Descriptor, String> {
        if let Some(platform) = asked {
            return self.for_platform(platform);
        }
        self.for_platform(&Platform::linux_amd64())
            .or_else(|found| match &self.platforms()[..] {
                [only] => self.for_platform(only),
                _ => Err(found),
            })
    }

    /// The platforms that there are images for, sorted.
    pub fn platforms(&self) -> Vec<Platform> {
        let mut found: Vec<_> = self
            .manifests
            .iter()
            .filter_map(|manifest| manifest.platform.clone())
            // Attestations are filed under a platform that does not exist.
            .filter(|platform| platform.os != "unknown")
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// The bytes that the index's digest is taken of.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self)
    }
}

impl Document {
    /// Reads a manifest or an index. `content_type` is what the source said it is, where it said so; the
    /// document's own `mediaType` wins.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, ManifestError> {
        let mut value: Value = serde_json::from_slice(bytes)?;
        let field = |name: &str| value.get(name).is_some_and(|field| !field.is_null());
        let (layers, manifests) = (field("layers"), field("manifests"));
        if layers && manifests {
            return Err(ManifestError::Ambiguous);
        }
        let stated = value
            .get("mediaType")
            .and_then(Value::as_str)
            .or(content_type)
            .map(|text| text.split(';').next().unwrap_or(text).trim().to_owned());
        let media_type = stated.clone().map(MediaType::from);
        if value.get("schemaVersion").and_then(Value::as_u64) == Some(1)
            || matches!(media_type, Some(MediaType::DockerSchema1 { .. }))
        {
            return Err(ManifestError::Schema1);
        }
        // Old OCI documents state no type; then the shape decides, and it cannot be both.
        let media_type = match media_type {
            Some(MediaType::Other(_)) | None if layers => MediaType::Manifest,
            Some(MediaType::Other(_)) | None if manifests => MediaType::Index,
            other => other.unwrap_or_else(|| MediaType::Other(String::new())),
        };
        let agrees = match media_type.clone().to_oci() {
            MediaType::Manifest => layers,
            MediaType::Index => manifests,
            _ => false,
        };
        if !agrees {
            return Err(ManifestError::Unknown(stated.unwrap_or_default()));
        }
        value["mediaType"] = Value::String(media_type.as_str().to_owned());
        Ok(if layers {
            Self::Manifest(serde_json::from_value(value)?)
        } else {
            Self::Index(serde_json::from_value(value)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest_json(extra: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,{extra}"config":{{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"{DIGEST}","size":2,"new":1}},"layers":[]}}"#
        )
    }

    #[test]
    fn reads_oci_and_docker_documents_with_and_without_a_type() {
        let docker = r#""mediaType":"application/vnd.docker.distribution.manifest.v2+json","#;
        for extra in ["", docker, r#""artifactType":"x/y","#] {
            let Document::Manifest(manifest) =
                Document::parse(manifest_json(extra).as_bytes(), None).unwrap()
            else {
                panic!("not a manifest")
            };
            assert_eq!(manifest.config.media_type, MediaType::DockerConfig);
        }
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert!(matches!(
            Document::parse(
                index.as_bytes(),
                Some("application/vnd.oci.image.index.v1+json; charset=utf-8")
            ),
            Ok(Document::Index(_))
        ));
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let text = manifest_json(r#""annotations":null,"manifests":null,"#)
            .replace(r#""new":1"#, r#""annotations":null,"platform":null"#);
        let Document::Manifest(manifest) = Document::parse(text.as_bytes(), None).unwrap() else {
            panic!("not a manifest")
        };
        assert!(manifest.annotations.is_empty() && manifest.config.annotations.is_empty());
        let text = r#"{"schemaVersion":2,"annotations":null,"manifests":[],"layers":null}"#;
        assert!(matches!(
            Document::parse(text.as_bytes(), None),
            Ok(Document::Index(_))
        ));
        let neither = r#"{"schemaVersion":2,"layers":null}"#;
        assert!(matches!(
            Document::parse(neither.as_bytes(), None),
            Err(ManifestError::Unknown(_))
        ));
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        let both = manifest_json(r#""manifests":[],"#);
        assert!(matches!(
            Document::parse(both.as_bytes(), None),
            Err(ManifestError::Ambiguous)
        ));
        let lie = manifest_json(r#""mediaType":"application/vnd.oci.image.index.v1+json","#);
        assert!(matches!(
            Document::parse(lie.as_bytes(), None),
            Err(ManifestError::Unknown(_))
        ));
        let schema1 = r#"{"schemaVersion":1,"fsLayers":[]}"#;
        assert!(matches!(
            Document::parse(schema1.as_bytes(), None),
            Err(ManifestError::Schema1)
        ));
        assert!(matches!(
            Document::parse(b"{}", Some("text/html")),
            Err(ManifestError::Unknown(_))
        ));
        assert!(matches!(
            Document::parse(b"<html>", None),
            Err(ManifestError::Json(_))
        ));
        let evil = manifest_json("").replace(DIGEST, "sha256:../../../../etc/passwd");
        assert!(matches!(
            Document::parse(evil.as_bytes(), None),
            Err(ManifestError::Json(_))
        ));
    }

    #[test]
    fn chooses_the_exact_variant_before_one_that_would_do() {
        let index = |variants: &[&str]| {
            let manifests = variants.iter().map(|variant| {
                let text =
                    format!(r#"{{"os":"linux","architecture":"arm64","variant":{variant}}}"#);
                let mut manifest = Descriptor::of(MediaType::Manifest, variant.as_bytes());
                manifest.platform = Some(serde_json::from_str(&text).unwrap());
                manifest
            });
            let mut unknown = Descriptor::of(MediaType::Manifest, b"attestation");
            unknown.platform = serde_json::from_str(r#"{"os":"unknown","architecture":"unknown"}"#)
                .expect("a platform");
            Index::new(manifests.chain([unknown]).collect())
        };
        let arm: Platform = "linux/arm64".parse().unwrap();
        for (variants, expected) in [
            (&[r#""v9""#, r#""v8""#][..], 1),
            (&[r#""v9""#, "null"], 1),
            (&[r#""v8""#, r#""v9""#], 0),
            (&[r#""v9""#], 0),
        ] {
            let index = index(variants);
            let chosen = index.for_platform(&arm).unwrap();
            assert_eq!(chosen, &index.manifests[expected], "{variants:?}");
        }
        let index = index(&[r#""v9""#, r#""v8""#, r#""v8""#]);
        assert_eq!(
            index.for_platform(&Platform::linux_amd64()).unwrap_err(),
            "linux/arm64/v8, linux/arm64/v9"
        );
    }

    #[test]
    fn who_asks_for_no_platform_gets_the_usual_one_or_the_only_one() {
        let index = |platforms: &[&str]| {
            let manifests = platforms.iter().map(|text| {
                let mut manifest = Descriptor::of(MediaType::Manifest, text.as_bytes());
                manifest.platform = Some(text.parse().unwrap());
                manifest
            });
            Index::new(manifests.collect())
        };
        let chosen = |platforms: &[&str], asked: Option<&str>| {
            let asked: Option<Platform> = asked.map(|text| text.parse().unwrap());
            let index = index(platforms);
            let manifest = index.choose(asked.as_ref())?;
            Ok(manifest.platform.clone().unwrap().to_string())
        };
        let answer = |text: &str| Ok(text.to_owned());
        let both = ["linux/arm64", "linux/amd64"];
        assert_eq!(chosen(&both, None), answer("linux/amd64"));
        assert_eq!(chosen(&both, Some("linux/arm64")), answer("linux/arm64"));
        assert_eq!(chosen(&both[..1], None), answer("linux/arm64"));
        let refused = Err("linux/arm64".to_owned());
        assert_eq!(chosen(&both[..1], Some("linux/amd64")), refused);
        let refused = Err("linux/arm64, linux/s390x".to_owned());
        assert_eq!(chosen(&["linux/arm64", "linux/s390x"], None), refused);
        assert_eq!(chosen(&[], None), Err("none".to_owned()));
    }

    #[test]
    fn writes_what_the_specification_wants() {
        let config = Descriptor::of(MediaType::Config, b"{}");
        let text = String::from_utf8(Manifest::new(config, vec![]).to_bytes()).unwrap();
        assert!(text.ends_with(
            r#""layers":[],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#
        ));
    }
}
