//! What is in an image: what it says of itself, its layers, and the files of one of them.
//!
//! `subject` is what somebody names, `find` brings its manifest and config from wherever they are, `summary` reads them, and
//! `tree` lists the files of a layer. Nothing is built here, nothing is kept, and how it is shown is for the command line.

mod error;
mod find;
mod subject;
mod summary;
mod tree;

pub use error::InspectError;
pub use find::{Found, Origin, in_file, in_registry, in_store};
pub use subject::{Subject, SubjectError};
pub use summary::{FlinkOptions, LayerSummary, Sizes, Summary};
pub use tree::{EntryKind, LayerChoice, TreeEntry, tree};
