//! Images in several parts: `repository` and `tag` in the values of a chart, `name` and `newTag` in a kustomization.

use std::collections::{BTreeMap, BTreeSet};

use super::written::{DIGEST, Gap, new_digest, replace_digest};
use crate::oci::{Digest, Reference};
use crate::yaml::{Node, NodeKind, Style};

/// The nodes that aliases mean.
pub(super) type Anchors<'a> = BTreeMap<usize, &'a Node>;

/// What the parts of an image are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    registry: Option<&'static str>,
    /// The first one that is there says it.
    repository: &'static [&'static str],
    tag: &'static str,
}

/// In the values of charts.
pub(super) const VALUES: Keys = Keys {
    registry: Some("registry"),
    repository: &["repository"],
    tag: "tag",
};

/// In the list `images` of a kustomization: what an image becomes, and else what it was.
pub(super) const KUSTOMIZATION: Keys = Keys {
    registry: None,
    repository: &["newName", "name"],
    tag: "newTag",
};

/// An image in parts.
#[derive(Debug)]
pub(super) struct Triple {
    /// What it names, with the digest that it has.
    pub(super) image: Reference,
    /// The same, in the words of the text.
    pub(super) written: String,
    pub(super) line: usize,
    /// Where the digest goes, if there is a place.
    pub(super) gap: Option<Gap>,
    /// The entry that the digest is the value of, or else the one that it comes behind.
    pub(super) entry: usize,
    /// Whether the key of the digest is not there yet.
    pub(super) is_new: bool,
    /// The anchors of the mappings that it merges, if it takes its digest from them.
    pub(super) inherits: Vec<usize>,
}

/// The anchor and the entries of a mapping that is merged.
type Source<'a> = (Option<usize>, &'a [(Node, Node)]);

/// A mapping with those that it merges.
struct Merged<'a> {
    entries: &'a [(Node, Node)],
    /// With their anchors; the first that has a key says it.
    sources: Vec<Source<'a>>,
    anchors: &'a Anchors<'a>,
}

impl Keys {
    /// Whether an entry is a part of an image.
    pub(super) fn have(self, key: &str) -> bool {
        self.registry == Some(key)
            || self.repository.contains(&key)
            || self.tag == key
            || key == DIGEST
    }

    /// The image that a mapping names in parts. With the repository alone it is one where nothing else can stand, as under the
    /// key `image`.
    pub(super) fn read(
        self,
        text: &str,
        mapping: &Node,
        anchors: &Anchors<'_>,
        alone: bool,
    ) -> Option<Triple> {
        let NodeKind::Mapping(entries) = &mapping.kind else {
            return None;
        };
        let merged = Merged::new(entries, anchors);
        let own = |key: &str| {
            entries
                .iter()
                .position(|(name, _)| name.text() == Some(key))
        };
        // What says nothing of its own is what it merges.
        let first = entries
            .iter()
            .position(|(name, _)| name.text().is_some_and(|key| self.have(key)))?;
        let mut repository = None;
        for key in self.repository {
            repository = repository.or(merged.text(key)?);
        }
        let repository = repository?;
        let tag = merged.text(self.tag)?;
        let digest = merged.text(DIGEST)?;
        let is_said = |key: &str| merged.value(key).is_some();
        if !alone && !is_said(self.tag) && !is_said(DIGEST) {
            return None;
        }
        let registry = match self.registry {
            Some(key) => merged.text(key)?,
            None => None,
        };
        let mut written = match registry {
            Some(registry) => format!("{}/{repository}", registry.trim_end_matches('/')),
            None => repository.to_owned(),
        };
        let name: Reference = written.parse().ok()?;
        if name.tag().is_some() || name.digest().is_some() {
            return None;
        }
        if let Some(tag) = tag {
            written = format!("{written}:{tag}");
        }
        let mut image: Reference = written.parse().ok()?;
        if let Some(digest) = digest {
            let _: Digest = digest.parse().ok()?;
            image = format!("{written}@{digest}").parse().ok()?;
        }
        let digest_at = own(DIGEST);
        let behind = || {
            let has_value = |at: &usize| !entries[*at].1.is_nothing();
            let repository = self.repository.iter().find_map(|key| own(key));
            own(self.tag).filter(has_value).or(repository)
        };
        let entry = digest_at.or_else(behind).unwrap_or(first);
        let line = entries[own(self.repository[0]).unwrap_or(first)].0.line;
        Some(Triple {
            image,
            written,
            line,
            gap: match digest_at {
                Some(at) => replace_digest(text, &entries[at]),
                None => new_digest(text, mapping, &entries[entry]),
            },
            entry,
            is_new: digest_at.is_none(),
            inherits: if digest_at.is_none() {
                merged
                    .sources
                    .iter()
                    .filter_map(|(anchor, _)| *anchor)
                    .collect()
            } else {
                Vec::new()
            },
        })
    }
}

impl<'a> Merged<'a> {
    fn new(entries: &'a [(Node, Node)], anchors: &'a Anchors<'a>) -> Self {
        let mut sources = Vec::new();
        merge(entries, anchors, &mut BTreeSet::new(), &mut sources);
        Self {
            entries,
            sources,
            anchors,
        }
    }

    /// The value of a key: its own, or else the first that is merged.
    fn value(&self, key: &str) -> Option<&'a Node> {
        let of = |entries: &'a [(Node, Node)]| {
            let entry = entries.iter().find(|(name, _)| name.text() == Some(key));
            entry.map(|(_, value)| meant(value, self.anchors))
        };
        of(self.entries).or_else(|| self.sources.iter().find_map(|(_, entries)| of(entries)))
    }

    /// The text of a key: none in it if it is not there or says nothing, and no answer if it is no text.
    #[expect(clippy::option_option, reason = "a text that is not there, or no text")]
    fn text(&self, key: &str) -> Option<Option<&'a str>> {
        let Some(value) = self.value(key) else {
            return Some(None);
        };
        match &value.kind {
            NodeKind::Scalar {
                style: Style::Block,
                ..
            } => None,
            NodeKind::Scalar {
                text,
                style: Style::Plain,
            } if matches!(text.as_str(), "~" | "null" | "Null" | "NULL") => Some(None),
            NodeKind::Scalar { text, .. } => Some((!text.is_empty()).then_some(text.as_str())),
            _ => None,
        }
    }
}

/// Finds what a mapping merges, and what that merges; each anchor once, as one may be in itself.
fn merge<'a>(
    entries: &'a [(Node, Node)],
    anchors: &Anchors<'a>,
    seen: &mut BTreeSet<usize>,
    found: &mut Vec<Source<'a>>,
) {
    let merges = entries
        .iter()
        .filter(|(name, _)| name.text() == Some("<<"))
        .flat_map(|(_, value)| match &value.kind {
            NodeKind::Sequence(items) => items.iter().collect(),
            _ => vec![value],
        });
    for source in merges {
        let node = meant(source, anchors);
        if node.anchor.is_some_and(|anchor| !seen.insert(anchor)) {
            continue;
        }
        if let NodeKind::Mapping(entries) = &node.kind {
            found.push((node.anchor, entries));
            merge(entries, anchors, seen, found);
        }
    }
}

/// The node itself, or what it is another name of.
pub(super) fn meant<'a>(node: &'a Node, anchors: &Anchors<'a>) -> &'a Node {
    match node.kind {
        NodeKind::Alias(anchor) => anchors.get(&anchor).copied().unwrap_or(node),
        _ => node,
    }
}
