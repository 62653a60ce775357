//! Sizes and ages, as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// What letters in front of the `B` multiply by, a step each.
const PREFIXES: &str = "kmgt";

/// Reads `500MB`, `1.5 GiB`, `2g` or a number of bytes. As everywhere but in memory, `k` is 1000 and `Ki` is 1024.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| {
        "expected a size, as `500MB`, `1.5GB`, `2GiB` or a number of bytes".to_owned()
    })
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let (step, prefix): (u128, _) = match unit.strip_suffix('i') {
        Some(prefix) => (1024, prefix),
        None => (1000, unit),
    };
    let factor = match (prefix, step) {
        ("", 1000) => 1,
        (prefix, _) if prefix.len() == 1 => {
            step.pow(u32::try_from(PREFIXES.find(prefix)?).ok()? + 1)
        }
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // More digits than this are less than a byte.
    let places = u32::try_from(fraction.len()).ok().filter(|n| *n <= 12)?;
    let bytes = whole.parse::<u64>().ok().map(u128::from)? * factor
        + fraction.parse::<u64>().ok().map(u128::from)? * factor / 10_u128.pow(places);
    u64::try_from(bytes).ok()
}

/// Reads `30m`, `12h`, `7d`, `2w`, or several of these.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration, as `30m`, `12h`, `7d` or `2w`".to_owned();
    let span: Span = text.parse().map_err(|_| expected())?;
    // Months and years have no one length, and are refused here.
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| expected())?;
    duration.try_into().map_err(|_| expected())
}

/// Reads `30s`, `5m`, `1h30m`; at least a second, as no server answers in less on a bad day.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration of a second or more, as `30s`, `5m` or `1h`".to_owned();
    let duration = age(text).map_err(|_| expected())?;
    if duration < Duration::from_secs(1) {
        return Err(expected());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("500MB", 500_000_000),
            ("1g", 1_000_000_000),
            ("2GiB", 2 << 30),
            ("2 gib", 2 << 30),
            ("1.5k", 1500),
            ("1.5Ki", 1536),
            ("3T", 3_000_000_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "MB",
            "-1",
            "1.2.3",
            "1.",
            ".5",
            "1x",
            "1ib",
            "1kk",
            "1e3",
            "99999999999TB",
            "5 %",
        ] {
            assert!(size(text).unwrap_err().starts_with("expected"), "{text}");
        }
    }

    #[test]
    fn ages() {
        const HOUR: u64 = 60 * 60;
        for (text, seconds) in [
            ("0s", 0),
            ("30m", HOUR / 2),
            ("12h", 12 * HOUR),
            ("7d", 7 * 24 * HOUR),
            ("2w", 14 * 24 * HOUR),
            ("1d 12h", 36 * HOUR),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "7", "d", "-7d", "7d ago", "1mo", "1y", "soon"] {
            assert!(age(text).unwrap_err().starts_with("expected"), "{text}");
        }
    }

    #[test]
    fn timeouts() {
        for (text, seconds) in [("1s", 1), ("5m", 300), ("1h30m", 5400), ("1d", 86400)] {
            assert_eq!(timeout(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["0s", "900ms", "-5m", "5", "soon", "1mo", ""] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }
}
