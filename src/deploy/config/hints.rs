//! What to write instead of what is wrong.

use serde_json::Value;

use super::places::{Path, Step};
use super::schema::{keys, schema_of, takes};
use crate::error::closest;
use crate::oci::Reference;

/// The way out of an unknown key.
pub(super) fn for_unknown(path: &Path) -> Option<String> {
    let key = path.last()?;
    let schema = schema_of(&path.above())?;
    let is_top = path.0.len() == 1;
    if is_top && let Some((head, tail)) = key.split_once('.') {
        return Some(for_dotted(head, tail));
    }
    if let Some(known) = like(key, keys(schema)) {
        return Some(format!("did you mean `{known}`"));
    }
    // It may be known elsewhere.
    let top = schema_of(&Path::default())?;
    let mut owners = keys(top).filter(|section| {
        let section = schema_of(&Path::default().key(section));
        section.is_some_and(|section| keys(section).any(|known| known == key))
    });
    if let (Some(owner), None) = (owners.next(), owners.next()) {
        return Some(format!("`{key}` belongs into `{owner}`"));
    }
    let known: Vec<String> = keys(schema)
        .filter(|key| !key.contains('.') && *key != "global")
        .map(|key| format!("`{key}`"))
        .collect();
    let known = known.join(", ");
    Some(match &*path.above().told() {
        "" => format!("the keys are {known}"),
        above => format!("the keys of `{above}` are {known}"),
    })
}

/// The way out of a key with dots, where only `flink.type` may have one.
fn for_dotted(head: &str, tail: &str) -> String {
    let top = Path::default();
    let sections = schema_of(&top).map(|schema| keys(schema).collect::<Vec<_>>());
    let known = sections.into_iter().flatten().find(|known| *known == head);
    let section = known.and_then(|known| schema_of(&top.key(known)));
    let Some(section) = section else {
        return "options of Flink belong into `flink.config`".to_owned();
    };
    let (first, rest) = tail.split_once('.').unwrap_or((tail, ""));
    let Some(first) = like(first, keys(section)) else {
        return "options of Flink belong into `flink.config`".to_owned();
    };
    let parts = [head, first].into_iter().chain(rest.split('.'));
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    let (open, close) = (parts.join(": {"), "}".repeat(parts.len() - 1));
    format!("write it nested, as `{open}: ...{close}`")
}

/// The way out of a value that is wrong; `quoted` is the text that it would be in quotes, if that would be right.
pub(super) fn for_value(
    path: &Path,
    value: &Value,
    schema: &Value,
    quoted: Option<&str>,
) -> Option<String> {
    if let (Some(options), Some(word)) = (schema.get("enum"), value.as_str()) {
        let options = options.as_array()?.iter().filter_map(Value::as_str);
        return Some(format!("did you mean `{}`", like(word, options)?));
    }
    let takes = |name| takes(schema, name);
    // An amount is no better in quotes. An option is: it is too large for a number.
    let is_quotable = !(takes("number") || takes("integer")) || takes("boolean");
    match value {
        Value::Number(_) | Value::Bool(_) if takes("string") && is_quotable => {
            let quoted = quoted?;
            Some(match path.0.last() {
                Some(Step::Key(key)) => format!("put it in quotes, as `{key}: \"{quoted}\"`"),
                _ => format!("put it in quotes, as `\"{quoted}\"`"),
            })
        }
        // Only quotes make a text of these.
        Value::String(text) if takes("integer") && text.parse::<i64>().is_ok() => {
            Some("leave the quotes out".to_owned())
        }
        Value::String(text) if takes("boolean") && text.parse::<bool>().is_ok() => {
            Some("leave the quotes out".to_owned())
        }
        Value::String(text) if *path == Path::of("image.repository") => for_repository(text),
        Value::String(_) if *path == Path::of("image") => {
            Some("write it as `image: {repository: ..., tag: ...}`, or with `digest`".to_owned())
        }
        _ => None,
    }
}

/// The way out of a repository that is more than one.
fn for_repository(text: &str) -> Option<String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Some(format!("leave out the `{scheme}://` in front"));
    }
    let image: Reference = text.parse().ok()?;
    let tag = image.tag().map(|tag| format!("`{tag}` into `image.tag`"));
    let digest = image
        .digest()
        .map(|_| "the digest into `image.digest`".to_owned());
    let parts: Vec<String> = tag.into_iter().chain(digest).collect();
    (!parts.is_empty()).then(|| format!("put {}", parts.join(", and ")))
}

/// The known word that another looks like: by all but the case of its letters, or nearly.
fn like<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let mut same = known.clone();
    let same = same.find(|known| known.eq_ignore_ascii_case(word));
    same.or_else(|| closest(word, known.filter(|known| !known.is_empty())))
}
