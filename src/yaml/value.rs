//! What a document means as a JSON value, as Helm and Kubernetes read it.
//!
//! Both read YAML by a library of Go that keeps words of YAML 1.1 (`yes` is a truth, `0777` is octal), so that is done here
//! too: <https://github.com/kubernetes-sigs/yaml/tree/master/goyaml.v2>.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Node, NodeKind, Style};

/// How many nodes a document may have once aliases stand for what they mean.
const SIZE_LIMIT: usize = 1_000_000;

/// A document that does not mean one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A mapping has a key twice.
    #[error("line {line} has the key `{key}` again")]
    Twice {
        /// The line of the second one.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key is a list, a mapping or nothing.
    #[error("line {line} has a key that is no text")]
    Key {
        /// Its line.
        line: usize,
    },
    /// An alias has no meaning, or one that has no end.
    #[error("line {line} has an alias that means nothing")]
    Alias {
        /// Its line.
        line: usize,
    },
    /// A tag, which the readers do not agree on.
    #[error("line {line} has a tag, as `!name`, which is not read")]
    Tag {
        /// Its line.
        line: usize,
    },
    /// Its aliases make it too large.
    #[error("its aliases make it larger than {SIZE_LIMIT} values")]
    Size,
}

/// The value of a document.
///
/// ```
/// use flink_img::yaml::{documents, to_value};
///
/// let document = &documents("on: &x {memory: 1_600, cpu: '1'}\nto: *x\n")?[0];
/// let value = to_value(document)?;
/// assert_eq!(value.to_string(), r#"{"to":{"cpu":"1","memory":1600},"true":{"cpu":"1","memory":1600}}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_value(document: &Node) -> Result<Value, ValueError> {
    let mut reader = Reader {
        anchors: BTreeMap::new(),
        size: 0,
    };
    reader.value(document)
}

/// Whether a key of a mapping says that the entries of others are merged into it.
pub fn is_merge_key(key: &Node) -> bool {
    matches!(&key.kind, NodeKind::Scalar { text, style: Style::Plain } if text == "<<")
}

/// The text that a scalar is as a key: `on` is `true`.
pub fn key(node: &Node) -> Option<String> {
    match &node.kind {
        NodeKind::Scalar {
            text,
            style: Style::Plain,
        } => key_text(plain(text)),
        NodeKind::Scalar { text, .. } => Some(text.clone()),
        _ => None,
    }
}

/// A value as a key, as Go's JSON writes it.
fn key_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

struct Reader {
    /// What was read under each anchor. One that is not complete yet is not in it.
    anchors: BTreeMap<usize, (Value, usize)>,
    size: usize,
}

impl Reader {
    fn value(&mut self, node: &Node) -> Result<Value, ValueError> {
        let before = self.size;
        self.grow(1)?;
        if node.is_tagged {
            return Err(ValueError::Tag { line: node.line });
        }
        let value = match &node.kind {
            NodeKind::Scalar {
                text,
                style: Style::Plain,
            } => plain(text),
            NodeKind::Scalar { text, .. } => Value::String(text.clone()),
            NodeKind::Sequence(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.value(item)).collect();
                Value::Array(items?)
            }
            NodeKind::Mapping(entries) => Value::Object(self.mapping(entries)?),
            NodeKind::Alias(anchor) => {
                let meant = self.anchors.get(anchor).cloned();
                let (value, size) = meant.ok_or(ValueError::Alias { line: node.line })?;
                self.grow(size)?;
                value
            }
        };
        if let Some(anchor) = node.anchor {
            self.anchors
                .insert(anchor, (value.clone(), self.size - before));
        }
        Ok(value)
    }

    fn mapping(&mut self, entries: &[(Node, Node)]) -> Result<Map<String, Value>, ValueError> {
        let mut map = Map::new();
        let mut merged = Vec::new();
        for (name, value) in entries {
            if is_merge_key(name) {
                merged.push((name.line, self.value(value)?));
                continue;
            }
            let key = key_text(self.value(name)?).ok_or(ValueError::Key { line: name.line })?;
            let value = self.value(value)?;
            if map.insert(key.clone(), value).is_some() {
                return Err(ValueError::Twice {
                    line: name.line,
                    key,
                });
            }
        }
        for (line, source) in merged {
            let sources = match source {
                Value::Array(sources) => sources,
                one => vec![one],
            };
            for source in sources {
                let Value::Object(source) = source else {
                    return Err(ValueError::Alias { line });
                };
                for (key, value) in source {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(map)
    }

    fn grow(&mut self, by: usize) -> Result<(), ValueError> {
        self.size = self.size.saturating_add(by);
        if self.size > SIZE_LIMIT {
            return Err(ValueError::Size);
        }
        Ok(())
    }
}

/// What a plain scalar means.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    // Go looks at the first character before it drops those between digits, and drops none behind a point.
    if text.starts_with('_') || text.starts_with('.') && text.contains('_') {
        return None;
    }
    let digits = text.replace('_', "");
    if let Some(whole) = whole(&digits) {
        return Some(whole);
    }
    let unsigned = digits.trim_start_matches(['-', '+']);
    let is_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if !is_number {
        return None;
    }
    Number::from_f64(digits.parse().ok()?)
}

/// A whole number, in the notations that Go takes for one.
fn whole(digits: &str) -> Option<Number> {
    let (sign, unsigned) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let lower = unsigned.to_ascii_lowercase();
    let (radix, rest) = match (lower.get(..2), &lower) {
        (Some("0x"), _) => (16, &lower[2..]),
        (Some("0b"), _) => (2, &lower[2..]),
        (Some("0o"), _) => (8, &lower[2..]),
        (Some(_), octal) if octal.starts_with('0') => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    if rest.starts_with(['-', '+']) {
        return None;
    }
    let signed = i64::from_str_radix(&format!("{sign}{rest}"), radix);
    let unsigned = || u64::from_str_radix(rest, radix).ok();
    match signed {
        Ok(number) => Some(number.into()),
        Err(_) if sign.is_empty() => unsigned().map(Number::from),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::documents;

    fn read(text: &str) -> Result<Value, ValueError> {
        to_value(&documents(text).unwrap()[0])
    }

    #[test]
    fn a_plain_scalar_means_what_helm_takes_it_for() {
        for (text, value) in [
            ("yes", "true"),
            ("off", "false"),
            ("'yes'", "\"yes\""),
            ("~", "null"),
            ("", "null"),
            ("12", "12"),
            ("-12", "-12"),
            ("+12", "12"),
            ("1_000", "1000"),
            ("-_1", "-1"),
            ("_1", "\"_1\""),
            ("_1.5", "\"_1.5\""),
            (".5_0", "\".5_0\""),
            ("0_.5", "0.5"),
            ("0777", "511"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("089", "89.0"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("1.10.3", "\"1.10.3\""),
            ("1-2", "\"1-2\""),
            ("1600m", "\"1600m\""),
            ("18446744073709551615", "18446744073709551615"),
            ("2026-11-27", "\"2026-11-27\""),
            ("a b", "\"a b\""),
        ] {
            let found = read(&format!("k: {text}\n")).unwrap();
            assert_eq!(found["k"].to_string(), value, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_found_by_the_text_that_it_became() {
        let text = "on: 1\n'on': 2\n0x10: 3\n<<: {}\n'<<': 5\n[a]: 6\n~: 7\n";
        let NodeKind::Mapping(entries) = &documents(text).unwrap()[0].kind else {
            panic!("it is a mapping");
        };
        let found: Vec<_> = entries.iter().map(|(name, _)| key(name)).collect();
        let expected = [
            Some("true"),
            Some("on"),
            Some("16"),
            Some("<<"),
            Some("<<"),
            None,
            None,
        ];
        assert_eq!(found, expected.map(|key| key.map(ToOwned::to_owned)));
        let merged: Vec<_> = entries.iter().map(|(name, _)| is_merge_key(name)).collect();
        assert_eq!(merged, [false, false, false, true, false, false, false]);
    }

    #[test]
    fn mappings_are_merged_and_aliases_have_an_end() {
        let merged = read("a: &a {x: 1, z: 2}\nb: {<<: *a, z: 3}\n").unwrap();
        assert_eq!(merged["b"].to_string(), r#"{"x":1,"z":3}"#);
        let twice = ValueError::Twice {
            line: 3,
            key: "a".to_owned(),
        };
        assert_eq!(read("a: 1\nb: 2\na: 3\n"), Err(twice));
        assert_eq!(read("a: &a [*a]\n"), Err(ValueError::Alias { line: 1 }));
        assert_eq!(read("[a]: 1\n"), Err(ValueError::Key { line: 1 }));
        assert_eq!(read("a: !x 1\n"), Err(ValueError::Tag { line: 1 }));
        let laughs = (1..10).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            format!("{text}a{level}: &a{level} [{below}]\n")
        });
        assert_eq!(read(&laughs), Err(ValueError::Size));
    }
}
