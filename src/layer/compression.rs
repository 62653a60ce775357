//! What compressions there are, how they are written, and which one a layer gets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Explain, Kind};
use crate::oci::{LayerCompression, MediaType};

/// The level of gzip when none is named: what most tools use, so that nobody's images grow.
const GZIP_LEVEL: u8 = 6;
/// The level of gzip for what is compressed already.
const GZIP_FASTEST: u8 = 1;
/// The level of zstd when none is named: the one that zstd itself takes.
const ZSTD_LEVEL: u8 = 3;
/// The highest level of gzip.
const GZIP_HIGHEST: u8 = 9;
/// The highest level of zstd that needs no more memory to unpack than the others.
const ZSTD_HIGHEST: u8 = 19;

/// How a layer is compressed.
///
/// ```
/// use flink_img::layer::Compression;
///
/// assert_eq!("gzip".parse(), Ok(Compression::Gzip(6)));
/// assert_eq!(Compression::Zstd(3).to_string(), "zstd:3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Gzip around the bytes as they are.
    Stored,
    /// Gzip at a level from 1 to 9.
    Gzip(u8),
    /// Zstandard at a level from 1 to 19.
    Zstd(u8),
}

impl Compression {
    /// For files of any kind, in layers that are made once and pulled often.
    pub const COMPACT: Self = Self::Gzip(GZIP_LEVEL);

    /// The media type of a layer that is compressed like this.
    pub fn media_type(self) -> MediaType {
        MediaType::Layer(match self {
            Self::Stored | Self::Gzip(_) => LayerCompression::Gzip,
            Self::Zstd(_) => LayerCompression::Zstd,
        })
    }
}

/// What a layer holds, as far as that decides how it is compressed best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Files of any kind, made once and pulled often.
    Files,
    /// Jars and little else: what can be saved is soon found.
    Jars,
    /// One jar, and another one on every commit: the job.
    Job,
}

/// The compression that the user chose.
///
/// ```
/// use flink_img::layer::{Compression, CompressionChoice, LayerKind};
///
/// let choice = CompressionChoice::default();
/// assert_eq!(choice.of(LayerKind::Job), Compression::Stored);
/// let choice: CompressionChoice = "zstd:9".parse()?;
/// assert_eq!(choice.of(LayerKind::Job), Compression::Zstd(9));
/// # Ok::<(), flink_img::layer::CompressionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompressionChoice {
    /// What fits each layer.
    #[default]
    Auto,
    /// The same for all layers that are made.
    All(Compression),
}

impl CompressionChoice {
    /// The compression of a layer.
    pub fn of(self, kind: LayerKind) -> Compression {
        match (self, kind) {
            (Self::All(compression), _) => compression,
            (Self::Auto, LayerKind::Files) => Compression::COMPACT,
            (Self::Auto, LayerKind::Jars) => Compression::Gzip(GZIP_FASTEST),
            // Trying again would cost time on every commit and save nothing.
            (Self::Auto, LayerKind::Job) => Compression::Stored,
        }
    }
}

/// A text that is no compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    /// There is no such compression.
    #[error("`{0}` is not a compression of layers")]
    Unknown(String),
    /// There is, but not with this level.
    #[error("`{text}` has no such level: {format} has those from 1 to {highest}")]
    Level {
        /// The text.
        text: String,
        /// What it asked for.
        format: &'static str,
        /// The highest level.
        highest: u8,
    },
    /// What stores has no levels.
    #[error("`{0}` has a level, but `stored` does not compress")]
    Stored(String),
}

impl Explain for CompressionError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown(_) => format!(
                "use `auto`, `gzip[:LEVEL]` with a level from 1 to {GZIP_HIGHEST}, `zstd[:LEVEL]` with one from 1 to \
                 {ZSTD_HIGHEST}, or `stored`"
            ),
            Self::Level {
                format, highest, ..
            } => format!("use `{format}`, or `{format}:1` to `{format}:{highest}`"),
            Self::Stored(_) => "use `stored`, or `gzip:1` for the least work".to_owned(),
        })
    }
}

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, CompressionError> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let level = |format, default, highest| match level {
            None => Ok(default),
            Some(level) => (1..=highest)
                // Not `parse`, which takes `+6` and `06` too: one level has one name.
                .find(|known: &u8| known.to_string() == level)
                .ok_or_else(|| CompressionError::Level {
                    text: text.to_owned(),
                    format,
                    highest,
                }),
        };
        match name {
            "gzip" => level("gzip", GZIP_LEVEL, GZIP_HIGHEST).map(Self::Gzip),
            "zstd" => level("zstd", ZSTD_LEVEL, ZSTD_HIGHEST).map(Self::Zstd),
            "stored" if text == name => Ok(Self::Stored),
            "stored" => Err(CompressionError::Stored(text.to_owned())),
            _ => Err(CompressionError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored => f.write_str("stored"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl FromStr for CompressionChoice {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, CompressionError> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::All),
        }
    }
}

impl fmt::Display for CompressionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::All(compression) => compression.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_read_as_it_is_written() {
        for (text, choice, written) in [
            ("auto", CompressionChoice::Auto, "auto"),
            (
                "stored",
                CompressionChoice::All(Compression::Stored),
                "stored",
            ),
            (
                "gzip",
                CompressionChoice::All(Compression::COMPACT),
                "gzip:6",
            ),
            (
                "gzip:9",
                CompressionChoice::All(Compression::Gzip(9)),
                "gzip:9",
            ),
            (
                "zstd",
                CompressionChoice::All(Compression::Zstd(3)),
                "zstd:3",
            ),
            (
                "zstd:19",
                CompressionChoice::All(Compression::Zstd(19)),
                "zstd:19",
            ),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), written);
            assert_eq!(written.parse(), Ok(choice));
        }
    }

    #[test]
    fn what_is_no_compression_is_refused_with_a_way_out() {
        for (text, message, hint) in [
            ("", "`` is not a compression of layers", "`zstd[:LEVEL]`"),
            (
                "GZIP",
                "`GZIP` is not a compression of layers",
                "`gzip[:LEVEL]`",
            ),
            ("none", "`none` is not a compression of layers", "`stored`"),
            (
                "auto:1",
                "`auto:1` is not a compression of layers",
                "`auto`",
            ),
            (
                "gzip:0",
                "`gzip:0` has no such level: gzip has those from 1 to 9",
                "`gzip:9`",
            ),
            (
                "gzip:",
                "`gzip:` has no such level: gzip has those from 1 to 9",
                "`gzip`",
            ),
            (
                "gzip:+6",
                "`gzip:+6` has no such level: gzip has those from 1 to 9",
                "`gzip`",
            ),
            (
                "zstd:20",
                "`zstd:20` has no such level: zstd has those from 1 to 19",
                "`zstd:19`",
            ),
            (
                "zstd:03",
                "`zstd:03` has no such level: zstd has those from 1 to 19",
                "`zstd`",
            ),
            (
                "stored:6",
                "`stored:6` has a level, but `stored` does not compress",
                "`gzip:1`",
            ),
        ] {
            let error = text.parse::<CompressionChoice>().unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.hint().unwrap().contains(hint), "{text}");
        }
    }

    #[test]
    fn a_layer_gets_what_fits_it_or_what_was_asked_for() {
        let auto = CompressionChoice::default();
        assert_eq!(auto.of(LayerKind::Files), Compression::Gzip(6));
        assert_eq!(auto.of(LayerKind::Job), Compression::Stored);
        let fixed = CompressionChoice::All(Compression::Zstd(1));
        for kind in [LayerKind::Files, LayerKind::Job] {
            assert_eq!(fixed.of(kind), Compression::Zstd(1));
        }
    }

    #[test]
    fn recipes_name_it_as_they_always_did() {
        for (compression, json) in [
            (Compression::Stored, r#""stored""#),
            (Compression::Gzip(6), r#"{"gzip":6}"#),
            (Compression::Zstd(3), r#"{"zstd":3}"#),
        ] {
            assert_eq!(serde_json::to_string(&compression).unwrap(), json);
            assert_eq!(
                serde_json::from_str::<Compression>(json).unwrap(),
                compression
            );
        }
    }
}
