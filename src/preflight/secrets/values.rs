//! Secrets by the form of their values, and values that are none.

use super::Place;
use super::names::is_named_like_one;

/// The name in the first `NAME=SECRET` in a value: options of a JVM, the query of an address, what a login module is given. A
/// property of Java is one by its key, as if it were set at `place`.
pub(super) fn assignment(value: &str, place: Place) -> Option<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    value.match_indices('=').find_map(|(at, _)| {
        let before = value[..at].trim_end();
        let start = before.rfind(|c| !is_of_name(c));
        // What is no name is one byte long or more.
        let start = start.map_or(0, |start| {
            start + before[start..].chars().next().map_or(0, char::len_utf8)
        });
        let word = &before[start..];
        let property = word.strip_prefix("-D");
        let (name, place) = match property {
            Some(name) => (name, place),
            None => (word.trim_start_matches('-'), Place::Environment),
        };
        let after = value[at + 1..]
            .trim_start()
            .trim_start_matches(['"', '\'', '\\']);
        let ends = |c: char| {
            c.is_whitespace()
                || matches!(c, '"' | '\'' | '\\')
                || property.is_none() && matches!(c, '&' | ';' | ',')
        };
        let given = &after[..after.find(ends).unwrap_or(after.len())];
        let is_one = is_named_like_one(name, place) && !is_none(given) && !is_harmless(given);
        is_one.then_some(name)
    })
}

/// Whether there is nothing, or what something else is put for later.
pub(super) fn is_none(value: &str) -> bool {
    let is_filled_in = |open: &str, close: &str| {
        value
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(|inside| !inside.contains(close))
    };
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    value.is_empty()
        || is_variable
        || is_filled_in("${", "}")
        || is_filled_in("{{", "}}")
        || is_filled_in("<", ">")
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X'))
}

/// Whether a value is one that no secret has: a switch, a number, a time.
pub(super) fn is_harmless(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let without_unit = value
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim_end();
    matches!(&*value, "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null" | "default" | "auto")
        // Numbers as long as these are no counts any more.
        || (without_unit.len() <= 6
            && value.len() - without_unit.len() <= 13
            && without_unit.parse::<f64>().is_ok())
}

/// What kind of secret a value has in it, if its form is that of nothing else.
pub(super) fn form(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if has_url_password(value) {
        return Some("an address with a password");
    }
    // Letters, digits and `_-`, as all of these are.
    let mut tokens = value.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
    tokens.find_map(|token| {
        let is = |prefix: &str, length: std::ops::RangeInclusive<usize>| {
            token
                .strip_prefix(prefix)
                .is_some_and(|rest| length.contains(&rest.len()))
        };
        let is_upper = || {
            token
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
        if (is("AKIA", 16..=16) || is("ASIA", 16..=16)) && is_upper() {
            Some("an access key of AWS")
        } else if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]
            .iter()
            .any(|prefix| is(prefix, 36..=255))
            || is("github_pat_", 36..=255)
        {
            Some("a token of GitHub")
        } else if is("glpat-", 20..=255) {
            Some("a token of GitLab")
        } else if ["xoxb-", "xoxp-", "xoxa-", "xoxr-"]
            .iter()
            .any(|prefix| is(prefix, 20..=255))
        {
            Some("a token of Slack")
        } else if is("AIza", 35..=35) {
            Some("a key of Google")
        } else {
            None
        }
    })
}

/// Whether there is a `scheme://user:password@host` in which the password stands for itself.
fn has_url_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let rest = &value[at + 3..];
        let end =
            rest.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace());
        let authority = &rest[..end.unwrap_or(rest.len())];
        let Some((user, _)) = authority.rsplit_once('@') else {
            return false;
        };
        user.split_once(':')
            .is_some_and(|(_, password)| !is_none(password))
    })
}
