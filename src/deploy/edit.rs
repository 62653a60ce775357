//! Values put into a text, in the places of those that are there, so that its comments and its order stay.

use std::ops::Range;

use serde_json::{Map, Value};

use super::write::{behind_colon, lines};
use crate::yaml::{Node, NodeKind, Style, ValueError, YamlError, documents, to_value};

/// A text that values cannot be put into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EditError {
    /// It is no YAML.
    #[error(transparent)]
    Syntax(#[from] YamlError),
    /// It does not mean one value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// It is not one mapping of keys to values.
    #[error("it is no mapping of keys to values")]
    NoMapping,
    /// A key is written in a way that is not changed.
    #[error(
        "line {line} is written in a way that is not changed: it has a tag, an anchor, an alias or a value on a line of its own"
    )]
    Unusual {
        /// The line of its key.
        line: usize,
    },
    /// What was written does not mean what it should.
    #[error("what was written is not read back")]
    Lost,
}

/// A part of the text, and what takes its place.
type Change = (Range<usize>, String);

/// The text with values in it: mappings are gone through key by key, all else takes the place of what is there, and new
/// keys come at the end of their mapping. The result is read back.
pub(super) fn with_values(text: &str, values: &Map<String, Value>) -> Result<String, EditError> {
    let before = documents(text)?;
    let [root] = &before[..] else {
        return Err(EditError::NoMapping);
    };
    let NodeKind::Mapping(entries) = &root.kind else {
        return Err(EditError::NoMapping);
    };
    if !is_block(text, root) {
        return Err(EditError::NoMapping);
    }
    let mut changes = Vec::new();
    put(text, entries, values, &mut changes)?;
    // Of those at the same place the first comes first.
    changes.sort_by_key(|(range, _)| range.start);
    let mut changed = String::new();
    let mut at = 0;
    for (range, written) in changes {
        changed.push_str(text.get(at..range.start).ok_or(EditError::Lost)?);
        changed.push_str(&written);
        at = range.end;
    }
    changed.push_str(&text[at..]);
    let after = documents(&changed)?;
    let [after] = &after[..] else {
        return Err(EditError::Lost);
    };
    let values = Value::Object(values.clone());
    if is_put(&to_value(root)?, &values, &to_value(after)?) {
        Ok(changed)
    } else {
        Err(EditError::Lost)
    }
}

/// Finds what has to be changed in a mapping in block style.
fn put(
    text: &str,
    there: &[(Node, Node)],
    values: &Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Result<(), EditError> {
    let (Some((first, _)), Some(last)) = (there.first(), there.last()) else {
        return Err(EditError::NoMapping);
    };
    let line = text[..first.range.start].rfind('\n').map_or(0, |at| at + 1);
    let indent = first.range.start - line;
    let mut new = Map::new();
    for (key, value) in values {
        let Some((name, node)) = there.iter().find(|(name, _)| name.text() == Some(key)) else {
            new.insert(key.clone(), value.clone());
            continue;
        };
        match (&node.kind, value) {
            // It stays as it is written.
            _ if to_value(node).as_ref() == Ok(value) => {}
            (NodeKind::Mapping(below), Value::Object(values)) if is_block(text, node) => {
                put(text, below, values, changes)?;
            }
            (NodeKind::Mapping(below), Value::Object(values)) if !below.is_empty() => {
                // On one line: written anew with all that it had.
                let mut merged = to_value(node)?;
                lay_over(&mut merged, values);
                replace(text, (name, node), &merged, indent, changes)?;
            }
            _ => replace(text, (name, node), value, indent, changes)?,
        }
    }
    if !new.is_empty() {
        let (name, value) = last;
        // A value that is not written has its place somewhere behind.
        let end = if value.is_nothing() {
            name.range.end
        } else {
            value.range.end
        };
        let end = line_end(text, end);
        changes.push((end..end, lines(&new, indent)));
    }
    Ok(())
}

/// Puts a value behind the colon of its key.
fn replace(
    text: &str,
    (name, node): (&Node, &Node),
    value: &Value,
    indent: usize,
    changes: &mut Vec<Change>,
) -> Result<(), EditError> {
    let unusual = EditError::Unusual { line: name.line };
    let colon = text[name.range.end..].find(':').ok_or(unusual.clone())? + name.range.end + 1;
    let end = if node.is_nothing() {
        colon
    } else {
        node.range.end
    };
    let between = text
        .get(colon..node.range.start.max(colon))
        .unwrap_or_default();
    let is_block_text = matches!(
        node.kind,
        NodeKind::Scalar {
            style: Style::Block,
            ..
        }
    );
    // Of a text on lines of its own, what stands behind the colon is no part.
    let is_here =
        node.is_nothing() || is_block_text || between.trim_matches([' ', '\t']).is_empty();
    if !is_here
        || node.anchor.is_some()
        || node.is_tagged
        || matches!(node.kind, NodeKind::Alias(_))
    {
        return Err(unusual);
    }
    let written = behind_colon(value, indent);
    // A comment behind the value stays behind the key. One that follows a text on lines of its own is not there.
    let is_one_line = !text[colon..end].contains('\n');
    match written.find('\n') {
        Some(lines) if is_one_line => {
            let line_end = line_end(text, end);
            changes.push((colon..end, written[..lines].to_owned()));
            changes.push((line_end..line_end, written[lines..].to_owned()));
        }
        _ => changes.push((colon..end, written)),
    }
    Ok(())
}

/// Whether a node is a mapping with lines of its own, which keys can be added to.
fn is_block(text: &str, node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Mapping(entries) if !entries.is_empty())
        && !text[node.range.start..].starts_with('{')
        && node.anchor.is_none()
        && !node.is_tagged
}

/// The end of the line that this place is in.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// Puts values over others, mappings key by key.
fn lay_over(under: &mut Value, values: &Map<String, Value>) {
    let Value::Object(under) = under else {
        return;
    };
    for (key, value) in values {
        match (under.get_mut(key), value) {
            (Some(below @ Value::Object(_)), Value::Object(values)) => lay_over(below, values),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Whether a value is what another becomes when these are put over it.
fn is_put(before: &Value, values: &Value, after: &Value) -> bool {
    let mut expected = before.clone();
    match values {
        Value::Object(values) => lay_over(&mut expected, values),
        other => expected = other.clone(),
    }
    expected == *after
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(text: &str, values: &Value) -> Result<String, EditError> {
        with_values(text, values.as_object().unwrap())
    }

    #[test]
    fn values_take_the_places_of_those_that_are_there() {
        for (text, values, expected) in [
            ("a: 1\n", json!({"a": "x"}), "a: x\n"),
            ("a: 1 # one\n", json!({"a": [1]}), "a: # one\n- 1\n"),
            (
                "a: \"\"\nb: 2",
                json!({"a": "1", "b": null}),
                "a: '1'\nb: null",
            ),
            (
                "a:\nb: 2\n",
                json!({"a": {"c": true}}),
                "a:\n  c: true\nb: 2\n",
            ),
            ("a:\n", json!({"b": 1}), "a:\nb: 1\n"),
            (
                "a:\n  # x\n  b: {} # y\n  # z\nc: []\n",
                json!({"a": {"b": {"k": 1}, "d": "e"}, "c": [{"f": 1, "g": []}]}),
                "a:\n  # x\n  b: # y\n    k: 1\n  d: e\n  # z\nc:\n- f: 1\n  g: []\n",
            ),
            (
                "a: {b: 1, c: 2}\n",
                json!({"a": {"b": 3}}),
                "a:\n  b: 3\n  c: 2\n",
            ),
            ("a: |\n  x\n  y\nb: 1\n", json!({"a": "z"}), "a: z\nb: 1\n"),
            ("a: 'x'\n", json!({"a": "1\n2\n"}), "a: |\n  1\n  2\n"),
            ("\"a\" : x\n", json!({"a": "z"}), "\"a\" : z\n"),
            ("a:\n  b: 1\n", json!({"a": {}}), "a:\n  b: 1\n"),
            (
                "a: \"1\"\nb:\n  - 2\n",
                json!({"a": "1", "b": [2]}),
                "a: \"1\"\nb:\n  - 2\n",
            ),
            ("# only\na: 1\n# end\n", json!({}), "# only\na: 1\n# end\n"),
        ] {
            assert_eq!(put(text, &values).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_changed_is_refused() {
        let unusual = EditError::Unusual { line: 1 };
        for (text, values, expected) in [
            ("a:\n  - 1\n", json!({"a": [2]}), unusual.clone()),
            ("a: &x 1\n", json!({"a": 2}), unusual.clone()),
            ("a: !x 1\n", json!({"a": 2}), unusual),
            ("- 1\n", json!({"a": 2}), EditError::NoMapping),
            ("{}\n", json!({"a": 2}), EditError::NoMapping),
            ("a: 1\n---\na: 2\n", json!({"a": 2}), EditError::NoMapping),
            ("{a: 1}\n", json!({"b": 2}), EditError::NoMapping),
            (
                "a: 1\nb: *x\n",
                json!({"a": 2}),
                EditError::Syntax(YamlError::Depth),
            ),
        ] {
            let found = put(text, &values).unwrap_err();
            match (&found, &expected) {
                (EditError::Syntax(_), EditError::Syntax(_)) => {}
                _ => assert_eq!(found, expected, "{text}"),
            }
        }
    }
}
