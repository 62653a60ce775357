//! Media types of the image specification and their Docker twins, in one table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the bytes of a blob are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum MediaType {
    /// An image manifest.
    Manifest,
    /// An image index, or a Docker manifest list.
    Index,
    /// An image config.
    Config,
    /// A layer, compressed in the given way.
    Layer(LayerCompression),
    /// Docker's manifest, schema 2.
    DockerManifest,
    /// Docker's manifest list.
    DockerIndex,
    /// Docker's image config.
    DockerConfig,
    /// Docker's layer, compressed in the given way (Docker defines no zstd; some builders write it).
    DockerLayer(LayerCompression),
    /// Docker's manifest of 2013, signed (`true`) or not; unsafe by design, always refused.
    DockerSchema1 {
        /// Whether it is the signed form.
        signed: bool,
    },
    /// Anything else.
    Other(String),
}

/// How the tar of a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerCompression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

const TABLE: &[(MediaType, &str)] = &[
    (
        MediaType::Manifest,
        "application/vnd.oci.image.manifest.v1+json",
    ),
    (MediaType::Index, "application/vnd.oci.image.index.v1+json"),
    (
        MediaType::Config,
        "application/vnd.oci.image.config.v1+json",
    ),
    (
        MediaType::Layer(LayerCompression::None),
        "application/vnd.oci.image.layer.v1.tar",
    ),
    (
        MediaType::Layer(LayerCompression::Gzip),
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    (
        MediaType::Layer(LayerCompression::Zstd),
        "application/vnd.oci.image.layer.v1.tar+zstd",
    ),
    (
        MediaType::DockerManifest,
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    (
        MediaType::DockerIndex,
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    (
        MediaType::DockerConfig,
        "application/vnd.docker.container.image.v1+json",
    ),
    (
        MediaType::DockerLayer(LayerCompression::None),
        "application/vnd.docker.image.rootfs.diff.tar",
    ),
    (
        MediaType::DockerLayer(LayerCompression::Gzip),
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        MediaType::DockerLayer(LayerCompression::Zstd),
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ),
    (
        MediaType::DockerSchema1 { signed: false },
        "application/vnd.docker.distribution.manifest.v1+json",
    ),
    (
        MediaType::DockerSchema1 { signed: true },
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ),
];

impl MediaType {
    /// The manifests that a pull asks for, best first; the value of an `Accept` header.
    pub const ACCEPTED: [Self; 4] = [
        Self::Manifest,
        Self::Index,
        Self::DockerManifest,
        Self::DockerIndex,
    ];

    /// The registered name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => TABLE
                .iter()
                .find_map(|(media_type, text)| (media_type == known).then_some(*text))
                .expect("the table has every known type"),
        }
    }

    /// The type with the same meaning in the OCI specification; what goes into the manifests that we write.
    #[must_use]
    pub fn to_oci(self) -> Self {
        match self {
            Self::DockerManifest => Self::Manifest,
            Self::DockerIndex => Self::Index,
            Self::DockerConfig => Self::Config,
            Self::DockerLayer(compression) => Self::Layer(compression),
            other => other,
        }
    }

    /// How a layer of this type is compressed; `None` when it is no layer that can be unpacked.
    pub fn layer_compression(&self) -> Option<LayerCompression> {
        match self {
            Self::Layer(compression) | Self::DockerLayer(compression) => Some(*compression),
            _ => None,
        }
    }
}

impl From<String> for MediaType {
    fn from(text: String) -> Self {
        TABLE
            .iter()
            .find(|(_, known)| *known == text)
            .map_or_else(|| Self::Other(text), |(media_type, _)| media_type.clone())
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.as_str().to_owned()
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_type_round_trips_and_maps_to_an_oci_type() {
        for (media_type, text) in TABLE {
            assert_eq!(MediaType::from((*text).to_owned()), *media_type);
            assert_eq!(media_type.as_str(), *text);
            if !matches!(media_type, MediaType::DockerSchema1 { .. }) {
                assert!(
                    media_type.clone().to_oci().as_str().contains(".oci."),
                    "{text}"
                );
            }
        }
        let other = MediaType::from("text/plain".to_owned());
        assert_eq!(other.as_str(), "text/plain");
        assert_eq!(other.layer_compression(), None);
    }
}
