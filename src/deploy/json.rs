//! JSON as Go writes it, since the chart computes the same hashes by Helm's `toJson`, and the same words of numbers.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// A value as `json.Marshal` of Go writes it: keys sorted, no blanks, and what HTML might take for its own escaped.
pub(super) fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// A scalar as a word: a text as it is, and anything else as JSON.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => go_json(other),
    }
}

/// A number as Go writes it: without a point if it is whole.
pub(super) fn number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let size = float.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    if size < 1.0 {
        text
    } else {
        text.replace('e', "e+")
    }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(of) => out.push_str(&number(of)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // These two since Go 1.22.
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("a string can be written to");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_that_of_go() {
        for (value, written) in [
            (json!(null), "null"),
            (json!([true, false]), "[true,false]"),
            (
                json!({"b": 1, "a": {}, "B": []}),
                r#"{"B":[],"a":{},"b":1}"#,
            ),
            (json!("<a & b>"), r#""\u003ca \u0026 b\u003e""#),
            (
                json!({"<": "\u{2028}\u{2029}"}),
                r#"{"\u003c":"\u2028\u2029"}"#,
            ),
            (json!("\"\\/'"), r#""\"\\/'""#),
            (json!("\n\r\t"), r#""\n\r\t""#),
            (
                json!("\0\u{8}\u{c}\u{1b}\u{1f}"),
                r#""\u0000\b\f\u001b\u001f""#,
            ),
            (json!("\u{7f}\u{85}é😀"), "\"\u{7f}\u{85}é😀\""),
            (json!(1000.0), "1000"),
            (json!(-0.5), "-0.5"),
            (json!(0.0), "0"),
            (json!(0.000_001), "0.000001"),
            (json!(0.000_000_15), "1.5e-7"),
            (json!(1e20), "100000000000000000000"),
            (json!(1e21), "1e+21"),
            (json!(-2.5e300), "-2.5e+300"),
            (json!(0.1), "0.1"),
            (json!(9_007_199_254_740_993_u64), "9007199254740993"),
            (json!(-12), "-12"),
        ] {
            assert_eq!(go_json(&value), written);
        }
    }

    #[test]
    fn a_word_has_no_quotes() {
        let words = [json!("a \"b\""), json!(1e3), json!(0.5), json!(true)].map(|v| word(&v));
        assert_eq!(words, ["a \"b\"", "1000", "0.5", "true"]);
    }
}
