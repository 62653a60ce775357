//! Something that is wrong with a configuration.

use super::places::{Path, Place, Places};
use crate::deploy::DeployError;

/// What of an entry is wrong, which decides what line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Its key.
    Key,
    /// Its value.
    Value,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    at: At,
    path: Path,
    text: String,
    way_out: Option<String>,
    is_contradiction: bool,
}

impl Problem {
    /// A value or a key that is wrong by itself.
    pub(super) fn at(at: At, path: Path, text: String, way_out: Option<String>) -> Self {
        Self {
            at,
            path,
            text,
            way_out,
            is_contradiction: false,
        }
    }

    /// A value that breaks a rule; its keys are separated by dots.
    pub(super) fn of(keys: &str, text: String, way_out: impl Into<String>) -> Self {
        Self::at(At::Value, Path::of(keys), text, Some(way_out.into()))
    }

    /// A value that is not what the image says.
    pub(super) fn contradiction(keys: &str, text: String, way_out: impl Into<String>) -> Self {
        Self {
            is_contradiction: true,
            ..Self::of(keys, text, way_out)
        }
    }

    /// Where it is.
    fn place(&self, places: &Places) -> Place {
        match self.at {
            At::Key => places.key(&self.path),
            At::Value => places.value(&self.path),
        }
    }

    /// The error that names it, with its place.
    pub(super) fn tell(self, places: &Places) -> DeployError {
        let place = places.told(self.place(places));
        let problem = self.text;
        match self.way_out {
            Some(way_out) if self.is_contradiction => DeployError::Contradiction {
                place,
                problem,
                way_out,
            },
            way_out => DeployError::Invalid {
                place,
                problem,
                way_out,
            },
        }
    }
}

/// The one that is told: that of a flag or a variable, else the first in the file.
pub(super) fn first(problems: Vec<Problem>, places: &Places) -> Result<(), DeployError> {
    let first = problems
        .into_iter()
        .min_by_key(|problem| problem.place(places));
    first.map_or(Ok(()), |problem| Err(problem.tell(places)))
}
