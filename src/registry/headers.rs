//! Headers that say where bytes belong in a blob, as pure functions of their text.

/// From which byte to which, both included: `0-1233`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Span {
    /// Reads digits, a dash and digits, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let span = Self {
            first: number(first)?,
            last: number(last)?,
        };
        (span.first <= span.last).then_some(span)
    }
}

/// Which part of how much is sent: the value of `Content-Range` (RFC 9110, section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) span: Span,
    /// How long the whole is, if the server says so.
    pub(super) total: Option<u64>,
}

impl Part {
    /// Reads `bytes 5-20/21` or `bytes 5-20/*`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (unit, rest) = text.trim().split_once(' ')?;
        let (span, total) = rest.trim_start().split_once('/')?;
        let span = Span::parse(span)?;
        let total = match total {
            "*" => None,
            total => Some(number(total)?),
        };
        let fits = total.is_none_or(|total| span.last < total);
        (unit.eq_ignore_ascii_case("bytes") && fits).then_some(Self { span, total })
    }
}

/// How many bytes a registry has, by the `Range` of an upload: `0-99` are 100. `0-0` is what it says of none, too; that is
/// what it is taken for, as one byte is soon sent again.
pub(super) fn received(range: &str) -> Option<u64> {
    let range = range.trim();
    match Span::parse(range.strip_prefix("bytes=").unwrap_or(range))? {
        Span { first: 0, last: 0 } => Some(0),
        Span { first: 0, last } => last.checked_add(1),
        Span { .. } => None,
    }
}

/// A number of digits alone: no sign, no blank.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parts_and_refuses_what_contradicts_itself() {
        let part = |first, last, total| {
            let span = Span { first, last };
            Some(Part { span, total })
        };
        for (text, expected) in [
            ("bytes 5-20/21", part(5, 20, Some(21))),
            ("Bytes 5-20/*", part(5, 20, None)),
            (" bytes  0-0/1 ", part(0, 0, Some(1))),
            ("bytes 5-20", None),
            ("bytes 5-20/20", None),
            ("bytes 20-5/21", None),
            ("bytes 5-/21", None),
            ("bytes -5/21", None),
            ("bytes */21", None),
            ("bytes +5-20/21", None),
            ("bytes=5-20/21", None),
            ("items 5-20/21", None),
            ("bytes 5-99999999999999999999/*", None),
            ("", None),
        ] {
            assert_eq!(Part::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn reads_how_much_arrived() {
        for (range, expected) in [
            ("0-99", Some(100)),
            (" 0-99 ", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(0)),
            ("0-18446744073709551614", Some(u64::MAX)),
            ("0-18446744073709551615", None),
            ("5-99", None),
            ("0-+5", None),
            ("0-", None),
            ("-1", None),
            ("", None),
            ("0--1", None),
        ] {
            assert_eq!(received(range), expected, "{range}");
        }
    }
}
