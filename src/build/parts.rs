//! What several images have in common: the layers of all plans, each once.

use super::{BuildPlan, PlannedLayer};
use crate::oci::Platform;

/// A layer that one image or several will have.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) planned: &'a PlannedLayer,
    /// What people know it as: its title, and its platforms where not all have it.
    pub(super) label: String,
}

/// The layers of all images on top of their bases, each once, in the order of the plans.
pub(super) fn parts(plans: &[BuildPlan]) -> Vec<Part<'_>> {
    let mut found: Vec<(&PlannedLayer, Vec<&Platform>)> = Vec::new();
    for plan in plans {
        for planned in &plan.layers {
            let known = found.iter_mut().find(|(known, _)| known.key == planned.key);
            match known {
                Some((_, platforms)) => platforms.push(&plan.platform),
                None => found.push((planned, vec![&plan.platform])),
            }
        }
    }
    found
        .into_iter()
        .map(|(planned, platforms)| Part {
            planned,
            label: label_for(&planned.title, &platforms, plans.len()),
        })
        .collect()
}

/// A label that names the platforms that it is about, when it is not about all of an image's.
pub(super) fn label_for(label: &str, platforms: &[&Platform], all: usize) -> String {
    if platforms.len() == all {
        return label.to_owned();
    }
    let names: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    format!("{label} ({})", names.join(", "))
}
