//! Entries become one deterministic blob: tar, compression and hashing in one pass.
//!
//! Nothing here knows where the entries come from or where the blob goes. Everything that decides the bytes is part
//! of a [`LayerPlan`], and every rule about them belongs to [`RECIPE_VERSION`].

mod aside;
mod block;
mod compress;
mod compression;
mod content;
mod entry;
mod make;
mod plan;
pub(crate) mod tar;
mod watch;

pub use compress::Compressor;
pub use compression::{Compression, CompressionChoice, CompressionError, LayerKind};
pub use content::ContentError;
pub use entry::{Content, ContentSource, Entry, EntryKind, ImagePath, ImagePathError, Owner};
pub use make::{LayerError, LayerFacts, Remake, measure, write};
pub use plan::{LayerPlan, PlanError};

/// The version of the rules that turn entries into bytes: order, headers, times, blocks, levels.
///
/// Raised whenever the same entries give other bytes. The golden digests in the tests change with it, and the
/// changelog says so.
pub const RECIPE_VERSION: u32 = 2;

/// 1980-01-01T00:00:01Z, in seconds: the time of every file and folder that a layer holds.
///
/// Not 0, which makes tools treat files as missing, and not before 1980, which zip cannot express.
pub const MODIFIED: u64 = 315_532_801;

/// [`MODIFIED`] as RFC 3339 writes it: when images were "created", unless `SOURCE_DATE_EPOCH` says otherwise.
pub const CREATED: &str = "1980-01-01T00:00:01Z";
