//! Packages of Alpine Linux, added to a base without apk and without running anything.
//!
//! ```text
//! system         what the base has: packages, keys, file tree
//! Repository     an index, believed only with a signature by a trusted key
//! choose         which packages it takes, as pure data that a lock file can hold
//! packages_key   what stands for the layer without a look at any package
//! layer          the packages, checked from signature to file, as entries of one layer
//! ```
//!
//! The formats are those of apk-tools 2 (`APKINDEX`, packages of concatenated gzip members), which apk 3 reads as well, as
//! described in its manual pages (apk-package(5), apk-repositories(5), apk-world(5)) and seen in its source.

mod assemble;
mod checksum;
mod dependency;
mod error;
mod fetch;
mod index;
mod installed;
mod layer;
mod package;
mod pkginfo;
mod record;
mod repository;
mod resolve;
mod scripts;
mod segments;
mod signature;
mod system;
mod unpack;
mod version;

pub use checksum::{Checksum, ChecksumError};
pub use dependency::{Dependency, DependencyError};
pub use error::AlpineError;
pub use fetch::Source;
pub use index::Index;
pub use layer::{Notice, PackagesLayer, layer};
pub use package::{Package, Selection, choose, packages_key};
pub use record::RecordError;
pub use repository::{Download, DownloadError, Repository, RepositoryError};
pub use resolve::ResolveError;
pub use scripts::Script;
pub use signature::Keys;
pub use system::{System, system};
pub use version::{Version, VersionError};
