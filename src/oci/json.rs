//! The one way in which this crate turns a value into JSON bytes that have a digest.

use serde::{Deserialize, Deserializer, Serialize};

/// Serialises `value` canonically: keys sorted, no blanks, no final newline.
///
/// Goes through [`serde_json::Value`], whose maps are sorted as long as nobody in the dependency tree
/// switches on `preserve_order`; a test holds that.
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).expect("our types have string keys");
    serde_json::to_vec(&value).expect("a JSON value can be written")
}

/// Reads `null` as if the field were not there, which is what Go's programs mean by it.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_keys_whatever_the_tree_of_dependencies_enables() {
        let value: serde_json::Value =
            serde_json::from_str(r#"{"b": {"z": 1, "a": [3, 2]}, "a": "<&>"}"#).unwrap();
        assert_eq!(
            String::from_utf8(canonical(&value)).unwrap(),
            r#"{"a":"<&>","b":{"a":[3,2],"z":1}}"#
        );
    }
}
