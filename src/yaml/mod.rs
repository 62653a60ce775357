//! YAML as a tree of nodes that know where they stand in the text, so that a reader can tell the line of what is wrong, and
//! an editor can change a value at just its place.
//!
//! The parser is a library; here is the tree, and what a node means as a JSON value. Nothing is written here.

mod value;

use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

pub use value::{ValueError, is_merge_key, key, to_value};

/// How deep mappings and lists may lie in each other.
const DEPTH_LIMIT: usize = 64;

/// A node of a document, and where it is in the text.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its bytes, from the first to behind the last. A block begins with its first entry and ends with its last one; of an
    /// empty scalar there are none.
    pub range: Range<usize>,
    /// Its line, from 1.
    pub line: usize,
    /// The number under which aliases mean it, if it has an anchor.
    pub anchor: Option<usize>,
    /// Whether a tag says of what type it is.
    pub is_tagged: bool,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// A single text.
    Scalar {
        /// Without quotes and escapes.
        text: String,
        /// How it is written.
        style: Style,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and their values, in the order of the text.
    Mapping(Vec<(Node, Node)>),
    /// Another name of the node with this anchor.
    Alias(usize),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is, so that it may be a number.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// On lines of its own, behind `|` or `>`.
    Block,
}

/// A text that is no YAML, or is deeper than anybody writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The parser refuses it.
    #[error("line {line} is no YAML: {why}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// It has more levels than anybody writes.
    #[error("its parts lie more than {DEPTH_LIMIT} deep")]
    Depth,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let NodeKind::Mapping(entries) = &self.kind else {
            return None;
        };
        let entry = entries.iter().find(|(name, _)| name.text() == Some(key));
        entry.map(|(_, value)| value)
    }

    /// Whether it is what stands for a node that is not there.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, style: Style::Plain } if text.is_empty())
    }
}

/// The documents of a text, in their order; an empty one is a scalar without a text, and a text without any has none.
///
/// ```
/// use flink_img::yaml::documents;
///
/// let documents = documents("a: 1\n---\nb: [2, 3]\n")?;
/// assert_eq!(documents.len(), 2);
/// assert_eq!(documents[1].get("b").unwrap().line, 3);
/// # Ok::<(), flink_img::yaml::YamlError>(())
/// ```
pub fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let bytes: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let byte = |marker: &Marker| bytes[marker.index().min(bytes.len() - 1)];
    let place = |span: &Span| byte(&span.start)..byte(&span.end);
    let mut open: Vec<Open> = Vec::new();
    let mut roots = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::Syntax {
            line: error.marker().line(),
            why: error.info().to_owned(),
        })?;
        let range = place(&span);
        let line = span.start.line();
        let node = match event {
            Event::SequenceStart(anchor, tag) => {
                let start = Open::new(range.start, line, false, anchor, tag.is_some());
                push(&mut open, start)?;
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                let start = Open::new(range.start, line, true, anchor, tag.is_some());
                push(&mut open, start)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let is_flow = text[range.start..].starts_with([']', '}']);
                let begun = open.pop().expect("what ends has begun");
                begun.close(range.start, is_flow)
            }
            Event::Scalar(text_of, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let written = text[range.clone()].trim_end().len();
                Node {
                    kind: NodeKind::Scalar {
                        text: text_of.into_owned(),
                        style,
                    },
                    range: range.start..range.start + written,
                    line,
                    anchor: number(anchor),
                    is_tagged: tag.is_some(),
                }
            }
            Event::Alias(anchor) => Node {
                kind: NodeKind::Alias(anchor),
                range,
                line,
                anchor: None,
                is_tagged: false,
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => roots.push(node),
        }
    }
    Ok(roots)
}

/// A list or a mapping whose end was not read yet.
struct Open {
    start: usize,
    line: usize,
    is_mapping: bool,
    anchor: Option<usize>,
    is_tagged: bool,
    children: Vec<Node>,
}

impl Open {
    fn new(start: usize, line: usize, is_mapping: bool, anchor: usize, is_tagged: bool) -> Self {
        Self {
            start,
            line,
            is_mapping,
            anchor: number(anchor),
            is_tagged,
            children: Vec::new(),
        }
    }

    /// The node, with what was read of it up to where its end was seen.
    fn close(self, seen: usize, is_flow: bool) -> Node {
        // Of a block the end is seen where the next thing begins: it ends with its last part.
        let end = match self.children.last() {
            Some(last) if !is_flow => last.range.end,
            _ => seen + usize::from(is_flow),
        };
        let kind = if self.is_mapping {
            NodeKind::Mapping(pairs(self.children))
        } else {
            NodeKind::Sequence(self.children)
        };
        Node {
            kind,
            range: self.start..end.max(self.start),
            line: self.line,
            anchor: self.anchor,
            is_tagged: self.is_tagged,
        }
    }
}

fn push(open: &mut Vec<Open>, start: Open) -> Result<(), YamlError> {
    if open.len() == DEPTH_LIMIT {
        return Err(YamlError::Depth);
    }
    open.push(start);
    Ok(())
}

/// The parser counts anchors from 1; 0 is none.
fn number(anchor: usize) -> Option<usize> {
    (anchor != 0).then_some(anchor)
}

fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut pairs = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let (Some(key), Some(value)) = (children.next(), children.next()) {
        pairs.push((key, value));
    }
    pairs
}
