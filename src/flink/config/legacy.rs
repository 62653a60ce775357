//! `flink-conf.yaml` as Flink reads it: lines, of which what stands behind a `#` is a comment, and the rest is a key and a
//! value with `: ` between them. Of a key that is there twice the last counts.

use std::ops::Range;

/// The key of a line, and where its value is in it. Flink passes over a line that has none.
pub(super) fn parse(line: &str) -> Option<(&str, Range<usize>)> {
    let body = &line[..line.find('#').unwrap_or(line.len())];
    // What Flink does: trim, then split at the first `: `.
    let body = body.trim_end();
    let (key, rest) = body.split_once(": ")?;
    let value = rest.trim_start();
    let start = body.len() - value.len();
    (!key.trim().is_empty() && !value.is_empty()).then(|| (key.trim(), start..body.len()))
}

/// Where the value of a key is in the text.
fn find(text: &str, key: &str) -> Option<Range<usize>> {
    let mut at = 0;
    let mut found = None;
    for line in text.split_inclusive('\n') {
        if let Some((name, value)) = parse(line)
            && name == key
        {
            found = Some(at + value.start..at + value.end);
        }
        at += line.len();
    }
    found
}

/// The value of a key.
pub(super) fn value(text: &str, key: &str) -> Option<String> {
    find(text, key).map(|range| text[range].to_owned())
}

/// The text with a key set.
pub(super) fn set(text: &str, key: &str, value: &str) -> String {
    let mut out = text.to_owned();
    if let Some(range) = find(text, key) {
        out.replace_range(range, value);
        return out;
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(key);
    out.push_str(": ");
    out.push_str(value);
    out.push('\n');
    out
}
