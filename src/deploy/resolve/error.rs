//! Why the images of a text are not pinned.

use crate::error::{Explain, Kind};

/// A text whose images cannot be pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// It is no YAML.
    #[error("`{file}` {why}")]
    Syntax {
        /// The file.
        file: String,
        /// What is wrong, with the line, as the end of a sentence.
        why: String,
        /// Whether it looks like a template of Helm.
        is_template: bool,
    },
    /// Two images were built that it may mean.
    #[error("`{file}` line {line}: `{image}` may be {one}, or {other}")]
    Ambiguous {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// As it is written.
        image: String,
        /// The one image, with its digest and where that is known from.
        one: String,
        /// The other.
        other: String,
    },
    /// The registry does not have it.
    #[error("`{file}` line {line}: the registry of `{image}` does not have that image")]
    Unknown {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// As it is written.
        image: String,
    },
    /// There is no place for a digest, or writing it there would change what else the file says.
    #[error(
        "`{file}` line {line}: the digest of `{image}` has no place there, as that is written in an unusual way"
    )]
    Unusual {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// As it is written.
        image: String,
    },
    /// A mapping takes its digest from another one, which is of another image.
    #[error(
        "`{file}` line {line}: `{image}` would take over by `<<` the digest that another image gets in line {from}"
    )]
    Inherited {
        /// The file.
        file: String,
        /// From 1.
        line: usize,
        /// As it is written.
        image: String,
        /// The line of the other mapping.
        from: usize,
    },
}

impl Explain for ResolveError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax { is_template, .. } => {
                if !is_template {
                    return None;
                }
                "it looks like a template of Helm, which is YAML only when it is rendered: `helm template CHART | flink-img \
                 resolve -f -`"
            }
            Self::Ambiguous { .. } => {
                "write the tag that is meant, or name the metadata of one build with `--metadata-file`"
            }
            Self::Unknown { .. } => {
                "push it first, check the name, or leave `--all` out and resolve only what was built"
            }
            Self::Unusual { .. } => {
                "write each value on one line, behind its key, without a block (`|`, `>`)"
            }
            Self::Inherited { .. } => {
                "give it a `digest` of its own; it may be empty: `digest: \"\"`"
            }
        };
        Some(hint.to_owned())
    }
}
