//! The arguments of a job in one variable.

use serde_json::Value;

/// The words in a text: as a shell splits it, or as a list of JSON has them. The templates of old put the text between `[`
/// and `]`, behind other words, so that it is such a list without these, and may end with a comma. `None` if a quote is
/// not closed.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    list(text).or_else(|| shlex::split(text))
}

fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    let inner = match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => text.strip_prefix(',').unwrap_or(text),
    };
    let inner = inner.trim_end();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    // Numbers alone are words of a shell too.
    if !inner.trim_start().starts_with('"') {
        return None;
    }
    let items: Vec<Value> = serde_json::from_str(&format!("[{inner}]")).ok()?;
    let word = |item: Value| match item {
        Value::String(word) => Some(word),
        Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    items.into_iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_a_job_are_split_as_a_template_or_a_shell_does() {
        for (text, expected) in [
            (
                "--input a --output b",
                &["--input", "a", "--output", "b"][..],
            ),
            ("'b c' \"d e\" f\\ g", &["b c", "d e", "f g"]),
            ("\"a\", \"b c\",", &["a", "b c"]),
            ("\"a\",\"b c\"", &["a", "b c"]),
            (", \"a\", \"b\"", &["a", "b"]),
            ("[\"a\", \"b\"]", &["a", "b"]),
            ("\"--n\", 5, true, ", &["--n", "5", "true"]),
            ("\"a \\\"b\\\" \\u00fc\"", &["a \"b\" ü"]),
            ("\"a\" \"b\"", &["a", "b"]),
            ("\"a\"", &["a"]),
            ("\"\"", &[""]),
            ("a,b", &["a,b"]),
            ("[a]", &["[a]"]),
            ("5, 6", &["5,", "6"]),
            ("\"a\", {}", &["a,", "{}"]),
            ("  ", &[]),
        ] {
            let found = words(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found, expected, "{text}");
        }
        for text in ["\"a", "it's", "\"a\", \"b"] {
            assert_eq!(words(text), None, "{text}");
        }
    }
}
