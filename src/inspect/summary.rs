//! What manifest and config say of an image, and of each layer.

use super::{Found, InspectError};
use crate::build::Said;
use crate::flink::lines::JobOption;
use crate::flink::{FlinkVersion, Known};
use crate::oci::{Config, Descriptor, DiffId, Digest, Document, Manifest, Platform};
use crate::store::LayoutError;

/// What is known of an image without its layers.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The digest of its manifest; none where there is no manifest but one that was made up.
    pub digest: Option<Digest>,
    /// The digest of its config.
    pub config_digest: Digest,
    /// What it is for.
    pub platform: Platform,
    /// What it says of how it was made.
    pub said: Said,
    /// What the job process of its Flink understands, if it is known which Flink that is.
    pub options: Option<FlinkOptions>,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its config.
    pub config: Config,
    /// Its layers, lowest first.
    pub layers: Vec<LayerSummary>,
}

/// What the job process of a release of Flink understands before the arguments of the job.
#[derive(Debug, Clone)]
pub struct FlinkOptions {
    /// The line of the release, as `1.20`.
    pub line: String,
    /// Whether the release is of a line that is not known, and is treated like one of this line.
    pub is_assumed: bool,
    /// The options.
    pub options: Vec<&'static JobOption>,
}

/// What is known of a layer.
#[derive(Debug, Clone)]
pub struct LayerSummary {
    /// From 1, the lowest.
    pub number: usize,
    /// What made it, as the history says.
    pub title: Option<String>,
    /// Its blob.
    pub descriptor: Descriptor,
    /// Its tar.
    pub diff_id: DiffId,
    /// Whether it was put upon the base, and is not shared with it; none where the image does not tell.
    pub is_own: Option<bool>,
}

/// How many bytes layers have as they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// All of them.
    pub total: u64,
    /// Those of the base, if it is known which these are.
    pub base: Option<u64>,
    /// Those that were put upon it.
    pub own: Option<u64>,
}

impl Summary {
    /// Reads the documents of an image.
    pub fn of(found: &Found) -> Result<Self, InspectError> {
        let image = &found.image;
        let fail = |error: LayoutError| InspectError::of_layout(&found.name, error);
        let document =
            Document::parse(&image.manifest, None).map_err(|error| fail(error.into()))?;
        let Document::Manifest(manifest) = document else {
            return Err(fail(LayoutError::Nested));
        };
        let config = Config::parse(&image.config).map_err(|error| fail(error.into()))?;
        let said = Said::of(&manifest, &config);
        let mut titles = config.titles().into_iter();
        let layers = image.layers.iter().enumerate().map(|(place, layer)| {
            let title = titles.next().flatten();
            LayerSummary {
                number: place + 1,
                title: title.map(ToOwned::to_owned),
                descriptor: layer.descriptor.clone(),
                diff_id: layer.diff_id,
                is_own: said.is_own(&layer.descriptor),
            }
        });
        Ok(Self {
            digest: (!found.listing.lacks_manifest).then(|| image.digest()),
            config_digest: Digest::of(&image.config),
            platform: config.platform().map_err(|error| fail(error.into()))?,
            options: said.flink.as_deref().and_then(FlinkOptions::of),
            layers: layers.collect(),
            said,
            manifest,
            config,
        })
    }

    /// How large the layers are.
    pub fn sizes(&self) -> Sizes {
        let sum = |is_meant: &dyn Fn(&LayerSummary) -> bool| {
            let meant = self.layers.iter().filter(|layer| is_meant(layer));
            // A hostile manifest may state any size.
            meant.fold(0_u64, |sum, layer| {
                sum.saturating_add(layer.descriptor.size)
            })
        };
        // Only images with a recipe tell which layers are their own.
        let is_told = self.said.recipe.is_some();
        let of_kind = |is_own: bool| is_told.then(|| sum(&|layer| layer.is_own == Some(is_own)));
        Sizes {
            total: sum(&|_| true),
            base: of_kind(false),
            own: of_kind(true),
        }
    }
}

impl Sizes {
    /// Which part of all layers so many bytes are, in per cent.
    pub fn share(&self, bytes: u64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "it is rounded for people anyway"
        )]
        let (bytes, total) = (bytes as f64, self.total.max(1) as f64);
        bytes / total * 100.0
    }
}

impl FlinkOptions {
    fn of(version: &str) -> Option<Self> {
        let version: FlinkVersion = version.parse().ok()?;
        let known = Known::of(&version).ok()?;
        let (major, minor) = known.line.number;
        Some(Self {
            line: format!("{major}.{minor}"),
            is_assumed: known.assumed,
            options: known.options(&version).collect(),
        })
    }
}
