//! Finds the places of a text that name images.

use std::collections::BTreeMap;

use super::triple::{Anchors, KUSTOMIZATION, Keys, VALUES};
use super::written::replace;
use super::{Edit, Place};
use crate::oci::Reference;
use crate::yaml::{Node, NodeKind, Style};

/// The key whose text is an image and nothing else.
const IMAGE: &str = "image";

/// A part of a text: what it says, without how it is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Document,
    Scalar {
        text: String,
        /// Plain ones may be numbers.
        is_plain: bool,
        node: Properties,
    },
    Alias(usize),
    List(Properties),
    Mapping(Properties),
    End,
}

/// Anchor, and whether there is a tag.
pub(super) type Properties = (Option<usize>, bool);

/// What a node is to the one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The value of the key `image`.
    Image,
    /// The value of the key `repository`, or of one beside a tag, which names an image only with a tag of its own.
    Repository,
    /// The list `images` of a kustomization.
    Overrides,
    /// One of that list.
    Override,
    /// A part of an image that is in several.
    Part,
    /// Anything else.
    Other,
}

/// What was found in a text.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tokens: Vec<Token>,
    pub(super) places: Vec<Place>,
}

/// All that documents say, and the places in them that name images.
pub(super) fn find(text: &str, documents: &[Node]) -> Found {
    let mut finder = Finder {
        text,
        anchors: Anchors::new(),
        uses: BTreeMap::new(),
        found: Found {
            tokens: Vec::new(),
            places: Vec::new(),
        },
    };
    for document in documents {
        finder.note_anchors(document, Role::Other);
    }
    for document in documents {
        finder.found.tokens.push(Token::Document);
        let overrides = overrides(document);
        finder.visit(document, Role::Other, overrides);
    }
    finder.found
}

/// The list of images that a kustomization changes; its `kind` may be left out.
fn overrides(document: &Node) -> Option<&Node> {
    let kind = document.get("kind").map(Node::text);
    let is_one = matches!(kind, None | Some(Some("Kustomization" | "Component")));
    document.get("images").filter(|_| is_one)
}

struct Finder<'a> {
    text: &'a str,
    anchors: Anchors<'a>,
    /// Which anchors are used under the keys `image` and `repository` too. Of both, the second one counts.
    uses: BTreeMap<usize, Role>,
    found: Found,
}

impl<'a> Finder<'a> {
    fn note_anchors(&mut self, node: &'a Node, role: Role) {
        if let Some(anchor) = node.anchor {
            self.anchors.insert(anchor, node);
        }
        match &node.kind {
            NodeKind::Scalar { .. } => {}
            NodeKind::Alias(anchor) => match role {
                Role::Repository => drop(self.uses.insert(*anchor, role)),
                Role::Image => drop(self.uses.entry(*anchor).or_insert(role)),
                _ => {}
            },
            NodeKind::Sequence(items) => {
                for item in items {
                    self.note_anchors(item, Role::Other);
                }
            }
            NodeKind::Mapping(entries) => {
                let has_tag = has_tag(entries);
                for (key, value) in entries {
                    self.note_anchors(key, Role::Other);
                    self.note_anchors(value, role_of(key, value, has_tag));
                }
            }
        }
    }

    /// Goes through a node; `overrides` is the list of a kustomization, if that can be in it.
    fn visit(&mut self, node: &'a Node, role: Role, overrides: Option<&'a Node>) {
        let used = node.anchor.and_then(|anchor| self.uses.get(&anchor));
        let role = match used {
            Some(used) if role != Role::Part => *used,
            _ => role,
        };
        let properties = (node.anchor, node.is_tagged);
        let at = self.found.tokens.len();
        match &node.kind {
            NodeKind::Alias(anchor) => self.found.tokens.push(Token::Alias(*anchor)),
            NodeKind::Scalar { text, style } => {
                self.found.tokens.push(Token::Scalar {
                    text: text.clone(),
                    is_plain: *style == Style::Plain,
                    node: properties,
                });
                if role != Role::Part {
                    let place = string(self.text, node, text, role).map(|place| place.at(at));
                    self.found.places.extend(place);
                }
            }
            NodeKind::Sequence(items) => {
                self.found.tokens.push(Token::List(properties));
                let role = match role {
                    Role::Overrides => Role::Override,
                    _ => Role::Other,
                };
                for item in items {
                    self.visit(item, role, None);
                }
                self.found.tokens.push(Token::End);
            }
            NodeKind::Mapping(entries) => {
                self.found.tokens.push(Token::Mapping(properties));
                self.mapping(node, entries, role, overrides);
                self.found.tokens.push(Token::End);
            }
        }
    }

    fn mapping(
        &mut self,
        node: &'a Node,
        entries: &'a [(Node, Node)],
        role: Role,
        overrides: Option<&'a Node>,
    ) {
        let keys: Keys = match role {
            Role::Override => KUSTOMIZATION,
            _ => VALUES,
        };
        let alone = matches!(role, Role::Image | Role::Override);
        let triple = keys.read(self.text, node, &self.anchors, alone);
        let has_tag = has_tag(entries);
        let mut entry_at = 0;
        for (number, (key, value)) in entries.iter().enumerate() {
            self.visit(key, Role::Part, None);
            let is_part = triple.is_some() && key.text().is_some_and(|key| keys.have(key));
            let role = if is_part {
                Role::Part
            } else if overrides.is_some_and(|list| std::ptr::eq(list, value)) {
                Role::Overrides
            } else {
                role_of(key, value, has_tag)
            };
            if triple.as_ref().is_some_and(|triple| triple.entry == number) {
                entry_at = self.found.tokens.len();
            }
            self.visit(value, role, None);
        }
        let Some(triple) = triple else {
            return;
        };
        let is_new = triple.is_new;
        self.found.places.push(Place {
            line: triple.line,
            is_image: role == Role::Image,
            // Without a tag, a chart takes one of its own.
            may_be_asked: triple.image.tag().is_some() && triple.image.digest().is_none(),
            image: triple.image,
            written: triple.written,
            edit: triple.gap.map(|gap| Edit {
                gap,
                name: None,
                token: entry_at,
                is_new,
            }),
            anchor: node.anchor,
            inherits: triple.inherits,
        });
    }
}

/// Whether something is said under `tag`, `imageTag`, `IMAGE_TAG`. What is beside it may be put together with it.
fn has_tag(entries: &[(Node, Node)]) -> bool {
    entries.iter().any(|(key, value)| {
        let key = key.text().unwrap_or_default().to_ascii_lowercase();
        key.ends_with("tag") && !value.is_nothing()
    })
}

fn role_of(key: &Node, value: &Node, has_tag: bool) -> Role {
    match key.text() {
        _ if has_tag && matches!(value.kind, NodeKind::Scalar { .. } | NodeKind::Alias(_)) => {
            Role::Repository
        }
        Some(IMAGE) => Role::Image,
        Some("repository") => Role::Repository,
        _ => Role::Other,
    }
}

/// The place that a scalar is, if it may name an image.
fn string(text: &str, node: &Node, scalar: &str, role: Role) -> Option<Place> {
    let image: Reference = scalar.parse().ok()?;
    let is_image = role == Role::Image;
    let name = scalar.split('@').next().unwrap_or(scalar);
    let name = match image.tag() {
        Some(tag) => name.strip_suffix(tag)?.strip_suffix(':')?,
        None => name,
    };
    // On Docker Hub the registry may be left out, and then `library/` too.
    let has_host = name != image.repository() && format!("library/{name}") != image.repository();
    let has_selector = image.tag().is_some() || image.digest().is_some();
    // `acme/job` may be a path, and `job` anything, but for where an image must be.
    if !is_image && !has_selector && (!has_host || role == Role::Repository) {
        return None;
    }
    let is_tagged = image.tag().is_some();
    Some(Place {
        line: node.line,
        is_image,
        may_be_asked: image.digest().is_none() && (is_image || has_host && is_tagged),
        image,
        written: scalar.to_owned(),
        edit: replace(text, node).map(|gap| Edit {
            gap,
            name: Some(name.to_owned()),
            token: 0,
            is_new: false,
        }),
        anchor: None,
        inherits: Vec::new(),
    })
}
