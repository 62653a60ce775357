//! Texts as scalars of YAML 1.2: plain where they are read back as they are, and quoted where they are not.

use std::fmt::Write as _;

/// Where a scalar stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On a line of its own, or behind its key.
    Block,
    /// Within `[...]` or `{...}`.
    Flow,
}

/// Characters that mean something at the start of a scalar.
const INDICATORS: [char; 19] = [
    '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
];
/// Words that are no texts to some reader: to those of YAML 1.2 or of YAML 1.1.
const WORDS: [&str; 11] = [
    "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=",
];
/// How many digits a number can have and be written by Java as it was read.
const DIGITS: usize = 15;

/// A text, which is to be read back as this text.
pub(super) fn text(text: &str, place: Place) -> String {
    if is_plain(text, place) && (!is_typed(text) || is_canonical(text)) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// What was a plain scalar, which may be a number or a truth and is to stay one.
pub(super) fn plain(text: &str, place: Place) -> String {
    if is_plain(text, place) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Whether a plain scalar can be written so.
fn is_plain(text: &str, place: Place) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    // `-Xmx1g` is a text, `- Xmx1g` an item of a list.
    let is_word = first == '-'
        && chars
            .next()
            .is_some_and(|second| second.is_ascii_alphanumeric() || second == '-')
        && !text.starts_with("---");
    let in_flow = |c: char| matches!(c, ',' | '[' | ']' | '{' | '}');
    (!INDICATORS.contains(&first) || is_word)
        && text.trim() == text
        && !text.starts_with("...")
        && text.chars().all(is_printable)
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && (place == Place::Block || !text.contains(in_flow) && !text.contains(':'))
}

/// What can stand in a scalar without being escaped, on one line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether a plain scalar of this text is something other than a text.
fn is_typed(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_number = text
        .trim_start_matches(['-', '+', '.'])
        .starts_with(|c: char| c.is_ascii_digit());
    WORDS.contains(&&*lower)
        || is_number && is_number_like(&lower)
        || matches!(lower.trim_start_matches(['-', '+']), ".inf")
        || lower == ".nan"
}

/// Whether a text may be a number in some notation; more than that is no harm, as it is only quoted then.
fn is_number_like(lower: &str) -> bool {
    let digits = lower.trim_start_matches(['-', '+']);
    let is_of = |rest: &str, radix| rest.chars().all(|c| c.is_digit(radix) || c == '_');
    if let Some(rest) = digits.strip_prefix("0x") {
        return is_of(rest, 16);
    }
    let number =
        |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-' | '+' | '_' | 'o' | 'b' | ':');
    digits.chars().all(number)
}

/// Whether Java, when it reads a truth or a number and writes it again, writes it like this.
fn is_canonical(text: &str) -> bool {
    if matches!(text, "true" | "false") {
        return true;
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_whole = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let is_fraction = is_digits(fraction) && (fraction == "0" || !fraction.ends_with('0'));
    let is_fractional = digits.contains('.');
    // Outside of 0.001 to 10 000 000 Java writes an exponent, and it has no whole number `-0`.
    let in_range = !is_fractional
        || whole.len() <= 7 && !fraction.starts_with("000") && (fraction != "0" || whole != "0");
    let is_zero = whole == "0" && fraction == "0";
    is_whole
        && is_fraction
        && in_range
        && digits.len() <= DIGITS
        && !(is_zero && text.starts_with('-'))
}

/// A text in quotes: single ones, as these need no escapes, unless it has what can only be escaped.
fn quoted(text: &str) -> String {
    if text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_read_as_something_else_is_quoted() {
        for (value, written) in [
            ("rocksdb", "rocksdb"),
            ("1600m", "1600m"),
            ("-Xmx1g -Dx=y", "-Xmx1g -Dx=y"),
            ("--add-opens=a/b=ALL-UNNAMED", "--add-opens=a/b=ALL-UNNAMED"),
            ("s3://bucket/path", "s3://bucket/path"),
            ("a;b", "a;b"),
            ("a,b", "a,b"),
            ("4", "4"),
            ("-1", "-1"),
            ("0.4", "0.4"),
            ("true", "true"),
            ("10 s", "10 s"),
            ("${X}", "${X}"),
            // Read back by Java as another text.
            ("007", "'007'"),
            ("1.10", "'1.10'"),
            ("1e3", "'1e3'"),
            ("0x1F", "'0x1F'"),
            ("True", "'True'"),
            ("-0", "'-0'"),
            ("0.0001", "'0.0001'"),
            ("1234567890123456", "'1234567890123456'"),
            // No texts at all.
            ("", "''"),
            ("null", "'null'"),
            ("~", "'~'"),
            ("no", "'no'"),
            // Signs of YAML.
            ("a: b", "'a: b'"),
            ("a:", "'a:'"),
            ("a #b", "'a #b'"),
            ("a#b", "a#b"),
            ("#b", "'#b'"),
            ("[a]", "'[a]'"),
            ("{a: b}", "'{a: b}'"),
            ("*a", "'*a'"),
            ("- a", "'- a'"),
            ("-", "'-'"),
            ("---", "'---'"),
            ("it's", "it's"),
            ("'x'", "'''x'''"),
            ("\"x\"", "'\"x\"'"),
            (" a", "' a'"),
            ("a\nb", "\"a\\nb\""),
            ("a\t\u{1}\\\"", "\"a\\t\\U00000001\\\\\\\"\""),
        ] {
            assert_eq!(text(value, Place::Block), written, "{value:?}");
        }
        assert_eq!(text("a,b", Place::Flow), "'a,b'");
        assert_eq!(text("a:b", Place::Flow), "'a:b'");
        assert_eq!(plain("0x1F", Place::Block), "0x1F");
    }
}
