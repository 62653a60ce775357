//! `config.yaml`: read by a parser of YAML that tells where each value stands, and changed at just that place.
//!
//! Flink flattens the file: mappings in mappings are keys with dots, and a key may have dots of its own at any depth. So a
//! value is looked for under its full key, however that is divided. What is not there comes at the end, on a line with the
//! full key. The changed text is read again, and must say what the old one did but for the one key.

use std::collections::BTreeMap;

use super::quote::{self, Place};
use super::{ConfigError, Setting};
use crate::yaml::{Node, NodeKind, Style, YamlError, documents};

/// A key with all its parts, the node of its last part, and its value.
struct Leaf<'a> {
    key: String,
    name: &'a Node,
    value: &'a Node,
}

/// Reads a text with one document; none at all is `None`. What is wrong reads as the end of a sentence.
fn read(text: &str) -> Result<Option<Node>, String> {
    let documents = documents(text).map_err(|error| match error {
        YamlError::Syntax { line, .. } => format!("line {line} is no YAML"),
        error @ YamlError::Depth => error.to_string(),
    })?;
    let mut documents = documents.into_iter();
    let root = documents.next();
    // Behind the end of a document (`...`) there may be nothing.
    if documents.all(|document| document.is_nothing()) {
        Ok(root)
    } else {
        Err("it has several documents".to_owned())
    }
}

/// All keys with their values, in the order of the text; nothing for an empty document.
fn leaves(root: Option<&Node>) -> Result<Vec<Leaf<'_>>, String> {
    let mut found = Vec::new();
    match root {
        None => {}
        Some(Node {
            kind: NodeKind::Mapping(entries),
            ..
        }) => flatten(entries, "", &mut found)?,
        Some(node) if node.is_nothing() => {}
        Some(_) => return Err("it is no mapping of keys to values".to_owned()),
    }
    Ok(found)
}

fn flatten<'a>(
    entries: &'a [(Node, Node)],
    prefix: &str,
    found: &mut Vec<Leaf<'a>>,
) -> Result<(), String> {
    for (name, value) in entries {
        let NodeKind::Scalar { text, .. } = &name.kind else {
            return Err("it has a key that is no text".to_owned());
        };
        let key = format!("{prefix}{text}");
        match &value.kind {
            NodeKind::Mapping(inner) if !inner.is_empty() => {
                flatten(inner, &format!("{key}."), found)?;
            }
            _ => found.push(Leaf { key, name, value }),
        }
    }
    Ok(())
}

/// What a value says, whatever its form.
fn meaning(node: &Node) -> Setting {
    match &node.kind {
        NodeKind::Scalar { text, style } => Setting::Text {
            text: text.clone(),
            typed: *style == Style::Plain,
        },
        _ => Setting::List(flow(node)),
    }
}

/// A node in flow style, on one line.
fn flow(node: &Node) -> String {
    match &node.kind {
        NodeKind::Scalar {
            text,
            style: Style::Plain,
        } => quote::plain(text, Place::Flow),
        NodeKind::Scalar { text, .. } => quote::text(text, Place::Flow),
        NodeKind::Sequence(items) => {
            let items: Vec<_> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        NodeKind::Mapping(entries) => {
            let entry = |(key, value): &(Node, Node)| format!("{}: {}", flow(key), flow(value));
            let entries: Vec<_> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        NodeKind::Alias(_) => "*".to_owned(),
    }
}

/// Whether a node, or one in it, is another name of something.
fn has_alias(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar { .. } => false,
        NodeKind::Alias(_) => true,
        NodeKind::Sequence(items) => items.iter().any(has_alias),
        NodeKind::Mapping(entries) => entries
            .iter()
            .any(|(key, value)| has_alias(key) || has_alias(value)),
    }
}

/// The settings that a text says, in its order.
pub(super) fn settings(text: &str) -> Result<Vec<(String, Setting)>, String> {
    let root = read(text)?;
    if root.as_ref().is_some_and(has_alias) {
        return Err("it has an alias, as `*name`".to_owned());
    }
    let leaves = leaves(root.as_ref())?;
    leaves
        .into_iter()
        .map(|leaf| match &leaf.value.kind {
            _ if leaf.value.is_nothing() => Err(format!("`{}` has no value", leaf.key)),
            NodeKind::Mapping(_) => Err(format!("`{}` has no value", leaf.key)),
            _ => Ok((leaf.key, meaning(leaf.value))),
        })
        .collect()
}

/// The value of a key, if it is a single text.
pub(super) fn value(text: &str, key: &str) -> Option<String> {
    let root = read(text).ok()?;
    let leaves = leaves(root.as_ref()).ok()?;
    let leaf = leaves.into_iter().find(|leaf| leaf.key == key)?;
    match &leaf.value.kind {
        NodeKind::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// The text of the file that is called `file` in messages, with a key set.
pub(super) fn set(
    file: &str,
    text: &str,
    key: &str,
    setting: &Setting,
) -> Result<String, ConfigError> {
    let fail = |why: String| ConfigError::Unchangeable {
        key: key.to_owned(),
        file: file.to_owned(),
        why,
    };
    let root = read(text).map_err(fail)?;
    let before = leaves(root.as_ref()).map_err(fail)?;
    let group = format!("{key}.");
    if let Some(below) = before.iter().find(|leaf| leaf.key.starts_with(&group)) {
        return Err(ConfigError::Group {
            key: key.to_owned(),
            below: below.key.clone(),
            file: file.to_owned(),
        });
    }
    let mut same = before.iter().filter(|leaf| leaf.key == key);
    let written = setting.to_yaml();
    let changed = match (same.next(), same.next()) {
        (Some(_), Some(_)) => return Err(fail("it is there twice".to_owned())),
        (Some(leaf), None) => replace(text, leaf, &written),
        (None, _) => append(text, root.as_ref(), key, &written),
    };
    let changed = changed.ok_or_else(|| fail("it is written in an unusual way".to_owned()))?;
    check(&before, &changed, key, setting).map_err(fail)?;
    Ok(changed)
}

/// The text with another value of a leaf.
fn replace(text: &str, leaf: &Leaf<'_>, written: &str) -> Option<String> {
    let behind = leaf.name.range.end;
    let behind = behind + text[behind..].find(':')? + 1;
    let (before, rest) = text.split_at(behind);
    // The parser tells where a list with the indent of its key ends, but not where it begins; and a tag is a part of it.
    let between = &rest[..rest.len() - begin(rest).len()];
    let Some(rest) = text
        .get(leaf.value.range.end..)
        .filter(|_| behind + between.len() < leaf.value.range.end)
    else {
        return Some(format!("{before} {written}{rest}"));
    };
    Some(if between.contains('\n') {
        format!("{before} {written}{}{rest}", between.trim_end())
    } else {
        format!("{before}{between}{written}{rest}")
    })
}

/// The text from where a value begins: without the blanks and comments before it.
fn begin(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if !rest.starts_with('#') {
            return rest;
        }
        rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
}

/// The text with one more line.
fn append(text: &str, root: Option<&Node>, key: &str, written: &str) -> Option<String> {
    let indent = match root {
        Some(Node {
            kind: NodeKind::Mapping(entries),
            ..
        }) => {
            let start = entries.first()?.0.range.start;
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            &text[line..start]
        }
        _ => "",
    };
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let key = quote::text(key, Place::Block);
    Some(format!("{text}{end}{indent}{key}: {written}\n"))
}

/// Whether a changed text says what the old one did, and of the key what it should.
fn check(before: &[Leaf<'_>], changed: &str, key: &str, setting: &Setting) -> Result<(), String> {
    let all = |leaves: &[Leaf<'_>]| -> BTreeMap<String, Setting> {
        leaves
            .iter()
            .map(|leaf| (leaf.key.clone(), meaning(leaf.value)))
            .collect()
    };
    let root = read(changed)?;
    let after = leaves(root.as_ref())?;
    let (mut expected, mut found) = (all(before), all(&after));
    expected.remove(key);
    let is_set = match (found.remove(key), setting) {
        (Some(Setting::Text { text, .. }), Setting::Text { text: wanted, .. }) => text == *wanted,
        (Some(found), wanted) => found == *wanted,
        (None, _) => false,
    };
    if is_set && found == expected && after.len() == expected.len() + 1 {
        Ok(())
    } else {
        Err("it is written in an unusual way".to_owned())
    }
}
