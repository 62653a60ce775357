//! What an image says of itself, as far as that matters to whoever runs it.

use crate::flink::FlinkVersion;
use crate::oci::Reference;

/// An image, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its name: with its digest, if that is known.
    pub name: Reference,
    /// The version of Flink.
    pub flink: Option<FlinkVersion>,
    /// The major version of Java.
    pub java: Option<String>,
    /// The path of the job's jar.
    pub job_jar: Option<String>,
    /// The entry class of the job.
    pub job_class: Option<String>,
    /// Whether it could be looked at. If so, what is `None` above is not said by the image.
    pub was_read: bool,
}
