//! The options in `flink.config`, with all parts of their keys.

use serde_json::{Map, Value};

use super::places::Path;
use crate::deploy::json::word;

/// An option, and where it was said.
#[derive(Debug)]
pub(super) struct Said {
    /// With all parts.
    pub(super) key: String,
    /// The value, as Flink is told.
    pub(super) text: String,
    /// Where it is in the configuration.
    pub(super) path: Path,
}

/// All options, in the order of their keys at each level.
pub(super) fn options(config: &Map<String, Value>) -> Vec<Said> {
    let mut found = Vec::new();
    flatten(config, "", &Path::of("flink.config"), &mut found);
    found
}

fn flatten(map: &Map<String, Value>, above: &str, path: &Path, found: &mut Vec<Said>) {
    for (key, value) in map {
        let path = path.key(key);
        let key = match above {
            "" => key.clone(),
            above => format!("{above}.{key}"),
        };
        if let Value::Object(below) = value {
            flatten(below, &key, &path, found);
            continue;
        }
        let text = match value {
            Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(";"),
            one => word(one),
        };
        found.push(Said { key, text, path });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_flattened_and_keep_their_places() {
        let config = json!({
            "a.b": 1,
            "c": {"d": {"e": true}, "f.g": "x"},
            "h": ["s3:.*", 2, false],
            "i": {},
            "j": [],
        });
        let found: Vec<_> = options(config.as_object().unwrap())
            .into_iter()
            .map(|said| format!("{}={} at {}", said.key, said.text, said.path.told()))
            .collect();
        assert_eq!(
            found,
            [
                "a.b=1 at flink.config.a.b",
                "c.d.e=true at flink.config.c.d.e",
                "c.f.g=x at flink.config.c.f.g",
                "h=s3:.*;2;false at flink.config.h",
                "j= at flink.config.j",
            ]
        );
    }
}
