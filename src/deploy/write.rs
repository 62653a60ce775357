//! Objects as YAML, for readers of every version of it.
//!
//! kubectl and Helm keep words of YAML 1.1, where `yes` is a truth, `1:20` a number and `2026-11-27` a date; others do not.
//! So a text is written without quotes only where nobody takes it for anything else, and a text in quotes is never wrong.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::json;

/// Words that one reader or another takes for a truth, a number, nothing or a merge, in lower case.
const WORDS: [&str; 15] = [
    "y", "yes", "on", "true", "n", "no", "off", "false", "null", "~", "=", "<<", ".inf", ".nan",
    "---",
];

/// Objects as documents of one YAML text, each behind a `---`; keys are in the order of the alphabet.
///
/// ```
/// use flink_img::deploy::to_yaml;
///
/// let text = to_yaml(&[serde_json::json!({"data": {"a": "on", "b": ["x y"]}})]);
/// assert_eq!(text, "---\ndata:\n  a: 'on'\n  b:\n  - x y\n");
/// ```
pub fn to_yaml(objects: &[Value]) -> String {
    let mut out = String::new();
    for object in objects {
        out.push_str("---\n");
        match object {
            Value::Object(map) if !map.is_empty() => entries(object, 0, &mut out),
            Value::Array(items) if !items.is_empty() => entries(object, 0, &mut out),
            single => {
                scalar(single, 0, &mut out);
                out.push('\n');
            }
        }
    }
    out
}

/// A value behind the colon of its key, which is indented so far: a blank and a scalar, or lines of their own with a line
/// break before each. There is none at the end.
pub(super) fn behind_colon(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    value_of_key(value, indent, &mut out);
    out.truncate(out.len() - 1);
    out
}

/// Entries that are indented so far, with a line break before each and none at the end.
pub(super) fn lines(map: &Map<String, Value>, indent: usize) -> String {
    let entry = |(key, value): (&String, &Value)| {
        let value = behind_colon(value, indent);
        format!("\n{:indent$}{}:{value}", "", key_or_line(key))
    };
    map.iter().map(entry).collect()
}

/// The entries of a mapping or a list, the first of them where `out` ends.
fn entries(value: &Value, indent: usize, out: &mut String) {
    let mut is_first = true;
    let mut begin = |out: &mut String| {
        if !is_first {
            pad(indent, out);
        }
        is_first = false;
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                begin(out);
                out.push_str(&key_or_line(key));
                out.push(':');
                value_of_key(value, indent, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                begin(out);
                out.push_str("- ");
                if has_entries(item) {
                    entries(item, indent + 2, out);
                } else {
                    scalar(item, indent, out);
                    out.push('\n');
                }
            }
        }
        _ => unreachable!("only what has entries comes here"),
    }
}

/// A value behind the colon of its key, with the line break at its end.
fn value_of_key(value: &Value, indent: usize, out: &mut String) {
    // A list may stand as far left as its key.
    let below = indent + if value.is_array() { 0 } else { 2 };
    if has_entries(value) {
        out.push('\n');
        pad(below, out);
        entries(value, below, out);
    } else {
        out.push(' ');
        scalar(value, indent, out);
        out.push('\n');
    }
}

fn has_entries(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A value without entries, without the line break behind it.
fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(text) if is_block(text) => block(text, indent + 2, out),
        Value::String(text) => out.push_str(&key_or_line(text)),
        Value::Number(number) => {
            let text = json::number(number);
            // Without a point, some readers do not know an exponent.
            match text.split_once('e') {
                Some((digits, exponent)) if !digits.contains('.') => {
                    write!(out, "{digits}.0e{exponent}").expect("a string can be written to");
                }
                _ => out.push_str(&text),
            }
        }
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
    }
}

/// A text on one line, with quotes if it needs them.
fn key_or_line(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.chars().all(is_visible) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        quoted(text)
    }
}

/// Whether every reader sees the character and leaves it as it is.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether every reader takes it for this very text without quotes.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let begins = match first {
        // A sign of a list, unless more of a word follows.
        '-' => chars.next().is_some_and(|c| c != ' '),
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\''
        | '"' | '%' | '@' | '`' | ' ' => false,
        _ => true,
    };
    let lower = text.to_ascii_lowercase();
    let bare = lower.trim_start_matches(['-', '+', '_']);
    let is_word = WORDS.contains(&lower.as_str()) || WORDS.contains(&bare);
    // Numbers in all their notations, times of a day, dates and moments.
    let is_number = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && bare.contains(|c: char| c.is_ascii_digit())
        && (bare.starts_with("0x") || bare.chars().all(|c| "0123456789_.:+-ebotz ".contains(c)));
    begins
        && !is_word
        && !is_number
        && text.chars().all(is_visible)
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
}

/// In double quotes, with escapes for what is not seen.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            seen if is_visible(seen) => out.push(seen),
            other => {
                write!(out, "\\u{:04x}", u32::from(other)).expect("a string can be written to");
            }
        }
    }
    out.push('"');
    out
}

/// Whether a text is best written on lines of its own, and can be.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        // Lines without anything at the end would take those in that follow.
        && !text.ends_with("\n\n")
        && text.lines().all(|line| {
            let is_blank = !line.is_empty() && line.trim_matches([' ', '\t']).is_empty();
            let is_seen = line.chars().all(|c| c == '\t' || is_visible(c));
            !is_blank && is_seen
        })
        // `lines` takes it for a part of the line break.
        && !text.contains('\r')
}

fn block(text: &str, indent: usize, out: &mut String) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::{documents, to_value};

    fn read(text: &str) -> Vec<Value> {
        let documents = documents(text).unwrap();
        documents.iter().map(|one| to_value(one).unwrap()).collect()
    }

    #[test]
    fn a_text_has_quotes_where_a_reader_might_take_it_for_something_else() {
        for text in [
            "y",
            "Y",
            "yes",
            "Yes",
            "n",
            "No",
            "on",
            "OFF",
            "true",
            "True",
            "FALSE",
            "~",
            "null",
            "Null",
            "",
            "0777",
            "0o17",
            "0x1F",
            "0xdeadbeef",
            "-0x1F",
            "0b11",
            "12",
            "-12",
            "+12",
            "1e",
            "1e3",
            "1E3",
            "12e03",
            "1e+3",
            "0.1e-5",
            "1.5",
            ".5",
            "1.",
            "+.5",
            "1_000",
            "1_0.5",
            "089",
            "1:20",
            "190:20:30",
            "-1:20.5",
            ".inf",
            "-.Inf",
            "+.INF",
            ".NaN",
            "2026-11-27",
            "2026-11-27T10:00:00Z",
            "2026-11-27 10:00:00 +1",
            "=",
            "<<",
            "---",
            "--- a",
            "...",
            "-",
            "- a",
            "?",
            "? a",
            "a: b",
            "a:",
            ":",
            ": a",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            "> x",
            "{a",
            "[a",
            "}",
            "]",
            ",",
            " a",
            "a ",
            "'a'",
            "\"a\"",
        ] {
            let written = format!("---\nk: '{}'\n", text.replace('\'', "''"));
            assert_eq!(to_yaml(&[json!({"k": text})]), written);
            let key = to_yaml(&[json!({text: 1})]);
            assert_eq!(
                key,
                written.replace("k: ", "").trim_end().to_owned() + ": 1\n"
            );
        }
    }

    #[test]
    fn a_text_that_is_one_to_everybody_has_no_quotes() {
        for text in [
            "a",
            "yesterday",
            "no way",
            "nullable",
            "1600Mi",
            "500m",
            "1.10.3-rc1",
            "10.0.0.0/8",
            "25%",
            "sha256:12ab",
            "a:b",
            "-Dkey=value",
            "--job-classname",
            "$(POD_IP)",
            "/opt/flink/conf",
            "a'b",
            "a\"b",
            "a#b",
            "a, b",
            "a[0]",
            "<a",
            "é",
            "😀",
            "file:///a.jar;file:///b.jar",
            "kubernetes.io/arch",
            "e3",
            "12ab34cd",
            "=a",
            "~a",
            ".a",
        ] {
            let written = format!("---\nk: {text}\n");
            assert_eq!(to_yaml(&[json!({"k": text})]), written);
        }
    }

    #[test]
    fn what_is_not_seen_is_escaped_and_lines_are_kept() {
        for (text, written) in [
            ("a\tb", "\"a\\tb\""),
            ("a\r\nb\n", "\"a\\r\\nb\\n\""),
            ("\u{0}\u{7f}\u{85}", "\"\\u0000\\u007f\\u0085\""),
            ("\u{2028}\u{feff}", "\"\\u2028\\ufeff\""),
            ("\n", "\"\\n\""),
            (" a\nb\n", "\" a\\nb\\n\""),
            ("a\n \nb", "\"a\\n \\nb\""),
            ("a\n\u{1}\"\\b", "\"a\\n\\u0001\\\"\\\\b\""),
            ("a\n  b: # c\n\td\n", "|\n  a\n    b: # c\n  \td"),
            ("a\n\nb", "|-\n  a\n\n  b"),
            ("---\n...", "|-\n  ---\n  ..."),
            ("a\n\n", "\"a\\n\\n\""),
        ] {
            let object = [json!({"k": text, "z": 1})];
            let yaml = to_yaml(&object);
            assert_eq!(yaml, format!("---\nk: {written}\nz: 1\n"), "{text:?}");
            assert_eq!(read(&yaml), object, "{text:?}");
        }
    }

    #[test]
    fn every_form_of_value_is_read_back() {
        let objects = [
            json!({"a": [], "b": {}, "c": [[1, [2, {}]], {"x": {"y": [], "z": "1\n2\n"}}, "p\nq", null]}),
            json!({"yes": true, "": 0.5, "f": 1e21, "g": -1.5e-7, "h": u64::MAX, "i": i64::MIN, "j": 1e-7}),
            json!([]),
            json!("no"),
            json!([{"a": 1, "b": [{"c": 1}]}, "a: b"]),
        ];
        let text = to_yaml(&objects);
        assert_eq!(read(&text), objects);
        let first = "---\na: []\nb: {}\nc:\n- - 1\n  - - 2\n    - {}\n- x:\n    \"y\": []\n";
        assert!(text.starts_with(&first.replace('"', "'")), "{text}");
        assert!(text.contains("f: 1.0e+21\ng: -1.5e-7\n"), "{text}");
    }

    #[test]
    fn no_text_is_changed() {
        let parts: Vec<char> = "ab01e.:-+#'\"\\ \n\t\r,[]{}&*!|>%@`?~=<_/xyno\u{85}\u{2028}é"
            .chars()
            .collect();
        // A generator of numbers that gives the same ones each time.
        let mut state = 7_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..4_000 {
            let length = next(7);
            let text: String = (0..length).map(|_| parts[next(parts.len())]).collect();
            let objects = [
                json!({"k": [text], text.clone(): {"in": text}, "l": [{"m": text}]}),
                json!(text),
            ];
            assert_eq!(read(&to_yaml(&objects)), objects, "{text:?}");
        }
    }
}
