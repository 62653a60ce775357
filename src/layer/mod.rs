//! Entries become one deterministic blob: tar, compression and hashing in one pass.
//!
//! Nothing here knows where the entries come from or where the blob goes.

mod entry;

pub use entry::{Content, ContentSource, Entry, EntryKind, ImagePath, ImagePathError, Owner};
