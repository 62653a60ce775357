//! What a value is, and what it must be, in words.

use serde_json::Value;

/// The largest number where none is told: it only is what Kubernetes can hold.
const NO_LIMIT: u64 = 2_147_483_647;
/// How much of a text is shown.
const SHOWN: usize = 60;

/// What a value is; of one that has the wrong type, only the type.
pub(super) fn got(value: &Value, is_type: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(_) if is_type => "a text".to_owned(),
        Value::Bool(_) if is_type => "a truth".to_owned(),
        Value::Number(_) if is_type => "a number".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => {
            let line = text.lines().next().unwrap_or_default();
            let shown: String = line.chars().take(SHOWN).collect();
            let more = if shown == *text { "" } else { "…" };
            format!("`{shown}{more}`")
        }
        other => format!("`{other}`"),
    }
}

/// What a part of the schema asks for. Where that is more than a type and a range, it says so in words of its own.
pub(super) fn wanted(schema: &Value, got: &Value) -> String {
    if let Some(words) = schema.get("$comment").and_then(Value::as_str) {
        return words.to_owned();
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        return one_of(options.iter().filter_map(Value::as_str));
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        _ => Vec::new(),
    };
    let words: Vec<String> = types
        .iter()
        .map(|one| type_words(one, schema, got))
        .collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((only, _)) => only.clone(),
        None => "something else".to_owned(),
    }
}

fn type_words(name: &str, schema: &Value, got: &Value) -> String {
    let words = match name {
        "integer" => {
            let limit = |name| schema.get(name).and_then(Value::as_u64);
            let (least, most) = (limit("minimum"), limit("maximum").unwrap_or(NO_LIMIT));
            let is_more = got.as_u64().is_some_and(|got| got > most);
            return match least {
                Some(least) if most < NO_LIMIT || is_more => {
                    format!("a whole number from {least} to {most}")
                }
                Some(least) => format!("a whole number of at least {least}"),
                None => "a whole number".to_owned(),
            };
        }
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a mapping",
        "null" => "null",
        _ => "a text",
    };
    words.to_owned()
}

/// Words that may be chosen, with the empty one at the end.
fn one_of<'a>(options: impl Iterator<Item = &'a str>) -> String {
    let (empty, full): (Vec<_>, Vec<_>) = options.partition(|option| option.is_empty());
    let mut words: Vec<String> = full.iter().map(|option| format!("`{option}`")).collect();
    if !empty.is_empty() {
        words.push("empty".to_owned());
    }
    let last = words.pop().unwrap_or_default();
    format!("{} or {last}", words.join(", "))
}
