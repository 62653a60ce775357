//! Secrets by the names of their keys.

use super::Place;
use crate::flink::is_sensitive;

/// Words of other keys, by which secrets go.
const WORDS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
];

/// Pairs of words that are a secret together only.
const PAIRS: [(&str, &str); 5] = [
    ("api", "key"),
    ("private", "key"),
    ("access", "key"),
    ("account", "key"),
    ("encryption", "key"),
];

/// Last words of keys that name where a secret is, or something about it.
const ABOUT: [&str; 22] = [
    "file",
    "path",
    "dir",
    "directory",
    "location",
    "name",
    "id",
    "provider",
    "providers",
    "type",
    "class",
    "interval",
    "timeout",
    "ttl",
    "enabled",
    "url",
    "uri",
    "endpoint",
    "length",
    "size",
    "mode",
    "ratio",
];

/// Whether a key sounds like that of a secret.
pub(super) fn is_named_like_one(key: &str, place: Place) -> bool {
    let words = words(key);
    let last = words.last().map(String::as_str);
    if last.is_some_and(|last| ABOUT.contains(&last)) {
        return false;
    }
    let lower = key.to_ascii_lowercase();
    if place == Place::Configuration && is_sensitive(key) {
        return true;
    }
    let has = |word: &str| words.iter().any(|known| known == word);
    let follow = |pair: &(&str, &str)| {
        words
            .windows(2)
            .any(|two| two[0] == pair.0 && two[1] == pair.1)
    };
    // An access key of AWS is an identity, as long as it is no secret one; its form is known.
    let is_identity = place == Place::Configuration && lower.ends_with("access-key")
        || lower.ends_with("access.key");
    WORDS.iter().any(|word| has(word)) || !is_identity && PAIRS.iter().any(follow)
}

/// The words of a key in lower case: `dbPassword`, `DB_PASSWORD` and `db.password` have the same.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && was_lower {
                words.push(String::new());
            }
            let word = words.last_mut().expect("there is one");
            word.push(c.to_ascii_lowercase());
        } else {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}
