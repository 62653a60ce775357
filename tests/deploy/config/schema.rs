//! The schema and the values of the chart belong together.

use std::collections::BTreeSet;

use flink_img::deploy::objects;
use serde_json::{Value, json};

use super::read as configured;

fn read(name: &str) -> String {
    let path = format!("{}/charts/flink/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&read("values.schema.json")).unwrap()
}

fn values() -> Value {
    let text = read("values.yaml");
    let documents = flink_img::yaml::documents(&text).unwrap();
    flink_img::yaml::to_value(&documents[0]).unwrap()
}

/// What holds at a place, without the name that it goes by.
fn resolved<'a>(schema: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(address) => schema.pointer(&address[1..]).unwrap(),
        None => part,
    }
}

/// The keys of the schema, as `section.key`, with what holds for each.
fn keys_of_the_schema(schema: &Value) -> Vec<(String, &Value)> {
    let mut keys = Vec::new();
    for (name, section) in schema["properties"].as_object().unwrap() {
        keys.push((name.clone(), section));
        for (key, part) in section["properties"].as_object().into_iter().flatten() {
            keys.push((format!("{name}.{key}"), resolved(schema, part)));
        }
    }
    keys
}

#[test]
fn every_value_is_in_the_schema_and_the_other_way_round() {
    let (schema, values) = (schema(), values());
    let mut expected = BTreeSet::from(["flink.type".to_owned(), "global".to_owned()]);
    for (name, section) in values.as_object().unwrap() {
        expected.insert(name.clone());
        for key in section.as_object().into_iter().flat_map(|map| map.keys()) {
            expected.insert(format!("{name}.{key}"));
        }
    }
    let found: BTreeSet<String> = keys_of_the_schema(&schema)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_value_that_a_null_would_delete_is_required() {
    let (schema, values) = (schema(), values());
    let mut places = vec![("the top".to_owned(), &schema, &values)];
    for (name, section) in schema["properties"].as_object().unwrap() {
        if values[name].is_object() {
            places.push((name.clone(), section, &values[name]));
        }
    }
    for (name, section, values) in places {
        let required: BTreeSet<&str> = section["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let not_null = values
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null());
        // These have a default, and null says something else.
        let nullable = ["runAsUser", "runAsGroup", "fsGroup", "nodePort"];
        let expected: BTreeSet<&str> = not_null
            .map(|(key, _)| key.as_str())
            .filter(|key| !nullable.contains(key))
            .collect();
        assert_eq!(required, expected, "{name}");
        assert_eq!(section["additionalProperties"], false, "{name}");
    }
}

#[test]
fn every_key_of_the_schema_is_explained_and_has_a_type() {
    let schema = schema();
    for (key, part) in keys_of_the_schema(&schema) {
        let description = part["description"].as_str().unwrap_or_default();
        assert!(
            description.ends_with('.'),
            "{key} is not explained: {description:?}"
        );
        assert!(!part["type"].is_null(), "{key} has no type");
        // A pattern says nothing to people, so that messages have words for it.
        let has_form = part.get("pattern").is_some() || part.get("not").is_some();
        assert!(
            !has_form || part["$comment"].is_string(),
            "{key} has no words for its form"
        );
    }
}

/// Values at the edges of what a part of the schema takes, and others.
fn edges(part: &Value) -> Vec<Value> {
    let mut edges = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(""),
        json!("a"),
        json!("1"),
        json!(-1),
        json!(0),
        json!(1),
        json!(0.5),
        json!(65_536),
        json!(1_u64 << 32),
        json!(u64::MAX),
        json!(1e300),
        json!([]),
        json!([{"name": "a", "mountPath": "/a"}]),
        json!({}),
        json!({"a": "b"}),
    ];
    edges.extend(part["enum"].as_array().into_iter().flatten().cloned());
    edges.extend(["minimum", "maximum"].map(|limit| part[limit].clone()));
    edges
}

#[test]
fn what_the_schema_takes_can_be_rendered() {
    let schema = schema();
    for (key, part) in keys_of_the_schema(&schema) {
        let mut taken = 0;
        for value in edges(part) {
            let config = match key.split_once('.') {
                Some((section, key)) => json!({section: {key: value}}),
                _ => json!({&key: value}),
            };
            // A value that fits no type would be a panic.
            if let Ok(deployment) = configured(&config.to_string()) {
                assert!(!objects(&deployment).is_empty(), "{config}");
                taken += 1;
            }
        }
        assert!(taken > 0, "{key} takes none of the values");
    }
}
