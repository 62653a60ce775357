//! How nodes are written: where the bytes of a value are, and where a new one can stand.

use std::ops::Range;

use crate::yaml::{Node, NodeKind, Style};

/// The key of a digest.
pub(super) const DIGEST: &str = "digest";

/// Bytes that become a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    /// Those that go.
    pub(super) range: Range<usize>,
    /// What comes before the value.
    pub(super) before: String,
    /// What comes behind it.
    pub(super) after: &'static str,
}

/// The text behind the properties of a node (`&anchor`, `!tag`) and the blanks and comments around them.
fn content(text: &str, start: usize) -> usize {
    let mut rest = &text[start..];
    loop {
        rest = rest.trim_start();
        let end = match rest.chars().next() {
            Some('#') => rest.find('\n'),
            Some('&' | '!') => rest.find(char::is_whitespace),
            _ => return text.len() - rest.len(),
        };
        rest = &rest[end.unwrap_or(rest.len())..];
    }
}

/// The bytes of a scalar on one line with its quotes, or of an alias; a block begins behind
/// its indicator. The parser counts in what is around them.
fn bytes(text: &str, node: &Node) -> Option<Range<usize>> {
    if node.is_nothing() {
        return None;
    }
    let start = content(text, node.range.start);
    let rest = &text[start..];
    let length = match &node.kind {
        NodeKind::Scalar {
            text: meant,
            style: Style::Plain | Style::Block,
        } => rest.starts_with(meant.as_str()).then_some(meant.len())?,
        NodeKind::Scalar {
            style: Style::Quoted,
            ..
        } => quoted(rest)?,
        NodeKind::Alias(_) => rest
            .find(|c: char| c.is_whitespace() || ",]}".contains(c))
            .unwrap_or(rest.len()),
        _ => return None,
    };
    (!rest[..length].contains('\n')).then_some(start..start + length)
}

/// The length of a scalar in quotes.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| "'\"".contains(*c))?;
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        match c {
            '\\' if quote == '"' => drop(inside.next()),
            '\'' if quote == '\'' && inside.peek().is_some_and(|(_, next)| *next == '\'') => {
                inside.next();
            }
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where a new text for a scalar goes; quotes stay.
pub(super) fn replace(text: &str, scalar: &Node) -> Option<Gap> {
    let range = bytes(text, scalar)?;
    let quote = match text[range.start..].chars().next() {
        Some('\'') => "'",
        Some('"') => "\"",
        _ => "",
    };
    Some(Gap {
        range,
        before: quote.to_owned(),
        after: quote,
    })
}

/// Where a digest goes whose key is there.
pub(super) fn replace_digest(text: &str, (key, value): &(Node, Node)) -> Option<Gap> {
    let name = bytes(text, key)?;
    // JSON has no plain texts.
    let quote = if text[name.start..].starts_with('"') {
        "\""
    } else {
        ""
    };
    if !value.is_nothing() {
        let gap = replace(text, value)?;
        return Some(if gap.after.is_empty() {
            Gap {
                before: quote.to_owned(),
                after: quote,
                ..gap
            }
        } else {
            gap
        });
    }
    let colon = behind_colon(text, &name).filter(|_| value.anchor.is_none() && !value.is_tagged)?;
    Some(Gap {
        range: colon..colon,
        before: format!(" {quote}"),
        after: quote,
    })
}

/// Where a digest goes whose key is not there: behind another key and its value in the mapping.
pub(super) fn new_digest(text: &str, mapping: &Node, (key, value): &(Node, Node)) -> Option<Gap> {
    let name = bytes(text, key)?;
    let end = match bytes(text, value) {
        Some(value) => value.end,
        None if value.is_nothing() => behind_colon(text, &name)?,
        None => return None,
    };
    let line = text[..name.start].rfind('\n').map_or(0, |at| at + 1);
    let indent = text[line..name.start].trim_start_matches('\u{feff}');
    let rest = &text[end..];
    let line_end = rest.find('\n').unwrap_or(rest.len());
    let behind = rest[..line_end].trim_end_matches('\r');
    let line_break = line_break(text, end + line_end);
    if text[content(text, mapping.range.start)..].starts_with('{') {
        let is_quoted = text[name.start..].starts_with('"');
        let quote = if is_quoted { "\"" } else { "" };
        // On a line of its own, if the other key has one.
        let is_alone = indent.trim().is_empty() && matches!(behind.trim(), "" | ",");
        let between = if is_alone {
            format!("{line_break}{indent}")
        } else {
            " ".to_owned()
        };
        return Some(Gap {
            range: end..end,
            before: format!(",{between}{quote}{DIGEST}{quote}: {quote}"),
            after: quote,
        });
    }
    // A mapping in a list may begin on the line of the dash.
    let is_indent = indent.chars().all(|c| matches!(c, ' ' | '-'));
    let indent = is_indent.then(|| " ".repeat(indent.len()))?;
    let at = end + behind.len();
    Some(Gap {
        range: at..at,
        before: format!("{line_break}{indent}{DIGEST}: "),
        after: "",
    })
}

/// The line break at a place, or else the one that the text has.
fn line_break(text: &str, at: usize) -> &'static str {
    let end = if at < text.len() {
        Some(at)
    } else {
        text.find('\n')
    };
    let is_windows = end.is_some_and(|end| text[..end].ends_with('\r'));
    if is_windows { "\r\n" } else { "\n" }
}

/// The place behind the colon of a key.
fn behind_colon(text: &str, key: &Range<usize>) -> Option<usize> {
    let rest = &text[key.end..];
    let colon = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    rest[colon..]
        .starts_with(':')
        .then_some(key.end + colon + 1)
}
