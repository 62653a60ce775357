//! Which image of a build a name means.

use super::Place;
use super::error::ResolveError;
use crate::oci::{Digest, Reference};

/// An image that was built, under one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The name, with or without a tag.
    pub name: Reference,
    /// What the name leads to.
    pub digest: Digest,
    /// Where this is known from, for messages: "`build.json`".
    pub from: String,
}

/// How well a name fits an image that was built.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It says no tag, so it may mean any image of the repository.
    Repository,
    /// It says the tag.
    Tag,
}

impl Built {
    fn fit(&self, image: &Reference) -> Option<Fit> {
        if image.name() != self.name.name() {
            return None;
        }
        // What was built has no digest in its name, so this is the tag.
        let tag = self.name.selector().to_string();
        match (image.tag(), image.digest()) {
            (Some(other), _) => (other == tag).then_some(Fit::Tag),
            (None, None) if image.selector().to_string() == tag => Some(Fit::Tag),
            (None, _) => Some(Fit::Repository),
        }
    }

    /// The image in messages.
    fn told(&self) -> String {
        let Self { name, digest, from } = self;
        format!("`{name}@{digest}` of {from}")
    }
}

/// The digest of the image that a place names, if it was built.
pub(super) fn digest(
    place: &Place,
    built: &[Built],
    file: &str,
) -> Result<Option<Digest>, ResolveError> {
    let fits: Vec<_> = built
        .iter()
        .filter_map(|built| Some((built.fit(&place.image)?, built)))
        .collect();
    let Some(best) = fits.iter().map(|(fit, _)| fit).max() else {
        return Ok(None);
    };
    let mut best = fits
        .iter()
        .filter(|(fit, _)| fit == best)
        .map(|(_, built)| *built);
    let first = best.next().expect("the best is one of them");
    // The digest that it has already may be that of any of them.
    let now = place.image.digest();
    if now.is_some()
        && best
            .clone()
            .chain([first])
            .any(|built| Some(built.digest) == now)
    {
        return Ok(now);
    }
    match best.find(|other| other.digest != first.digest) {
        None => Ok(Some(first.digest)),
        Some(other) => Err(ResolveError::Ambiguous {
            file: file.to_owned(),
            line: place.line,
            image: place.written.clone(),
            one: first.told(),
            other: other.told(),
        }),
    }
}
