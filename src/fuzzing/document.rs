//! Manifests, indexes and configs.

use serde_json::Value;

use crate::oci::{Config, Descriptor, DiffId, Digest, Document, Index, Manifest, Platform};

/// A document that is accepted can be read in one way only, is written canonically, and says the same after that. A
/// config keeps what it is not told to change, and can be changed without surprises.
pub fn document(bytes: &[u8]) {
    for content_type in [None, Some("application/vnd.oci.image.index.v1+json")] {
        if let Ok(document) = Document::parse(bytes, content_type) {
            check_document(bytes, &document);
        }
    }
    if let Ok(config) = Config::parse(bytes) {
        check_config(bytes, &config);
    }
}

fn check_document(bytes: &[u8], document: &Document) {
    let source = value(bytes);
    let has = |name: &str| source.get(name).is_some_and(|field| !field.is_null());
    let written = match document {
        Document::Manifest(manifest) => {
            assert!(has("layers") && !has("manifests"), "two ways to read it");
            manifest.to_bytes()
        }
        Document::Index(index) => {
            assert!(has("manifests") && !has("layers"), "two ways to read it");
            check_choice(index);
            index.to_bytes()
        }
    };
    let again = Document::parse(&written, None).expect("we wrote it");
    assert_eq!(&again, document);
    let (text, descriptors) = match &again {
        Document::Manifest(manifest) => (manifest.to_bytes(), descriptors(manifest)),
        Document::Index(index) => (index.to_bytes(), index.manifests.clone()),
    };
    assert_eq!(text, written, "it is written in one way");
    assert_eq!(crate::oci::canonical(&value(&written)), written);
    for descriptor in descriptors {
        let digest = descriptor.digest.to_string();
        let hex = digest.strip_prefix("sha256:").expect("there is no other");
        assert!(hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    }
    assert!(find(&value(&written), "urls").is_none(), "a way elsewhere");
}

fn descriptors(manifest: &Manifest) -> Vec<Descriptor> {
    let mut all = vec![manifest.config.clone()];
    all.extend_from_slice(&manifest.layers);
    all
}

/// Whatever is chosen from an index is there, and is for what was asked for.
fn check_choice(index: &Index) {
    for asked in ["linux/amd64", "linux/arm64", "linux/arm/v7"] {
        let asked: Platform = asked.parse().expect("it is a platform");
        if let Ok(chosen) = index.for_platform(&asked) {
            let platform = chosen.platform.as_ref().expect("it was chosen by it");
            assert!(platform.serves(&asked), "{platform} for {asked}");
            assert!(index.manifests.contains(chosen));
        }
    }
}

/// A field of this name, in a descriptor.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let free = key == "annotations";
            (key == name)
                .then_some(value)
                .or_else(|| find(value, name).filter(|_| !free))
        }),
        Value::Array(list) => list.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

fn check_config(bytes: &[u8], config: &Config) {
    let written = config.to_bytes();
    let again = Config::parse(&written).expect("we wrote it");
    assert_eq!(&again, config);
    assert_eq!(again.to_bytes(), written, "it is written in one way");
    assert_eq!(value(bytes), value(&written), "nothing is lost");

    let mut changed = config.clone();
    let layers = config.diff_ids().expect("it was looked at").len();
    changed.complete_history("1980-01-01T00:00:01Z");
    changed.push_layer(DiffId(Digest::of(b"")), "1980-01-01T00:00:01Z", "x");
    changed.set_env("FLINK_HOME", "/opt/flink");
    changed.set_label("name", "value");
    changed.set_user("9999:9999", "/opt/flink");
    changed.set_command(&["/entrypoint.sh"], &["help"]);
    changed.expose(&[8081]);
    let changed = Config::parse(&changed.to_bytes()).expect("it still is a config");
    assert_eq!(
        changed.diff_ids().expect("they are there").len(),
        layers + 1
    );
    assert_eq!(changed.env("FLINK_HOME"), Some("/opt/flink"));
    assert!(changed.labels().any(|label| label == ("name", "value")));
    assert_eq!(changed.platform().ok(), config.platform().ok());
    let (before, after) = (value(bytes), value(&changed.to_bytes()));
    let lines = after["history"].as_array().expect("it has a history");
    let full = lines.iter().filter(|line| line["empty_layer"] != true);
    assert!(full.count() > layers, "each layer has its line");
    for (key, old) in before.as_object().expect("it is one") {
        let own = ["config", "history", "rootfs"].contains(&key.as_str());
        assert!(own || after[key] == *old, "`{key}` is not ours");
    }
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("it was read before")
}
