//! Hashes in names and labels, by which a change of what a pod is given becomes a new pod.

use serde_json::Value;

use super::json::go_json;
use crate::oci::Digest;

/// How many digits of a hash are shown.
const DIGITS: usize = 8;

/// The hash of a value, the same that the chart computes.
pub(super) fn short_hash(value: &Value) -> String {
    let mut digits = Digest::of(go_json(value).as_bytes()).hex();
    digits.truncate(DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_is_that_of_the_json_of_go() {
        // printf '{"args":["\\u003ca\\u003e"],"port":80}' | sha256sum
        let value = json!({"port": 80.0, "args": ["<a>"]});
        assert_eq!(short_hash(&value), "4347ca9f");
    }
}
