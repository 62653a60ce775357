//! Where each value was said, so that a message can name the line, the flag or the variable.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::yaml::{Node, NodeKind, is_merge_key, key};

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To the value of a key.
    Key(String),
    /// To a part of a list.
    Item(usize),
}

/// The way from the whole configuration to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    /// The way along keys, which are separated by dots here.
    pub(super) fn of(keys: &str) -> Self {
        Self(
            keys.split('.')
                .map(|key| Step::Key(key.to_owned()))
                .collect(),
        )
    }

    /// One step further, to the value of a key.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// One step further.
    pub(super) fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The key that it ends with.
    pub(super) fn last(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The way to what the last step begins at.
    pub(super) fn above(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// As `pod.env[0].name`.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        for step in &self.0 {
            match step {
                Step::Key(key) if told.is_empty() => told.push_str(key),
                Step::Key(key) => _ = write!(told, ".{key}"),
                Step::Item(index) => _ = write!(told, "[{index}]"),
            }
        }
        told
    }
}

/// What said a value over the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A flag or a variable.
    Word(&'static str),
    /// The labels of the image.
    Image,
}

/// Where a value was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// By a flag or a variable.
    Word(&'static str),
    /// By the labels of the image.
    Image,
    /// On a line of the file.
    Line(usize),
    /// Nowhere: it is a default.
    Nowhere,
}

/// The places of all values.
#[derive(Debug, Clone, Default)]
pub(in crate::deploy) struct Places {
    file: String,
    root: Option<Node>,
    over: BTreeMap<String, Source>,
}

/// A value in the file.
struct Found<'a> {
    key_line: usize,
    value_line: usize,
    /// Nothing, where it is in what an alias stands for.
    node: Option<&'a Node>,
}

impl Places {
    /// Those of the document of a file.
    pub(super) fn new(file: &str, root: Option<Node>) -> Self {
        Self {
            file: file.to_owned(),
            root,
            over: BTreeMap::new(),
        }
    }

    /// Notes that the value at these keys was said over the file.
    pub(super) fn put(&mut self, keys: &str, source: Source) {
        self.over.insert(keys.to_owned(), source);
    }

    /// Where a value is.
    pub(super) fn value(&self, path: &Path) -> Place {
        self.place(path, |found| found.value_line)
    }

    /// Where the key of a value is.
    pub(super) fn key(&self, path: &Path) -> Place {
        self.place(path, |found| found.key_line)
    }

    /// A scalar as it is written in the file, with the quotes that it has.
    pub(super) fn scalar(&self, path: &Path) -> Option<&str> {
        if self.over(path).is_some() {
            return None;
        }
        self.find(path)?.node?.text()
    }

    /// The beginning of a message about something at a place.
    pub(super) fn told(&self, place: Place) -> String {
        match place {
            Place::Word(word) => format!("`{word}`: "),
            Place::Image => "The labels of the image: ".to_owned(),
            Place::Line(line) => format!("`{}` line {line}: ", self.file),
            Place::Nowhere => String::new(),
        }
    }

    fn place(&self, path: &Path, line: impl Fn(&Found<'_>) -> usize) -> Place {
        match self.over(path) {
            Some(Source::Word(word)) => Place::Word(word),
            Some(Source::Image) => Place::Image,
            None => self
                .find(path)
                .map_or(Place::Nowhere, |found| Place::Line(line(&found))),
        }
    }

    fn over(&self, path: &Path) -> Option<Source> {
        (1..=path.0.len()).find_map(|end| {
            let keys = Path(path.0[..end].to_vec()).told();
            self.over.get(&keys).copied()
        })
    }

    fn find(&self, path: &Path) -> Option<Found<'_>> {
        let root = self.root.as_ref()?;
        find(root, path.0.iter()).or_else(|| {
            // `flink.type` may be one key.
            find(root, [Step::Key(path.told())].iter())
        })
    }
}

fn find<'a, 'p>(root: &'a Node, steps: impl Iterator<Item = &'p Step>) -> Option<Found<'a>> {
    let mut found = Found {
        key_line: root.line,
        value_line: root.line,
        node: Some(root),
    };
    for step in steps {
        let Some(node) = found.node else {
            break;
        };
        found = match (step, &node.kind) {
            (Step::Key(name), NodeKind::Mapping(entries)) => entry(entries, name)?,
            (Step::Item(index), NodeKind::Sequence(items)) => {
                let item = items.get(*index)?;
                Found {
                    key_line: item.line,
                    value_line: item.line,
                    node: Some(item),
                }
            }
            // All that an alias stands for is where the alias is.
            (_, NodeKind::Alias(_)) => Found {
                node: None,
                ..found
            },
            _ => return None,
        };
    }
    Some(found)
}

fn entry<'a>(entries: &'a [(Node, Node)], name: &str) -> Option<Found<'a>> {
    let own = entries
        .iter()
        .find(|(found, _)| !is_merge_key(found) && key(found).as_deref() == Some(name));
    if let Some((key, value)) = own {
        let value_line = if value.is_nothing() {
            key.line
        } else {
            value.line
        };
        return Some(Found {
            key_line: key.line,
            value_line,
            node: Some(value),
        });
    }
    // It is in one of those that are merged; which of several, their lines would not tell better.
    let (_, merged) = entries.iter().find(|(found, _)| is_merge_key(found))?;
    Some(Found {
        key_line: merged.line,
        value_line: merged.line,
        node: None,
    })
}
