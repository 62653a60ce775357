//! Two renderers, one result: what the real Helm makes of the chart is what we render.

use flink_img::deploy::objects;
use serde_json::{Map, Value, json};

use crate::helm::ENGINES;
use crate::scene::{configs, deployment};
use crate::support::helm::{Helm, chart};

/// How many configurations are put together by chance.
const BY_CHANCE: u64 = 120;

/// Labels that say who rendered an object.
const RENDERER: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];

/// Objects in an order of their own, without what only one renderer says.
fn plain(objects: Vec<Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects
        .into_iter()
        .map(|mut object| {
            let labels = object["metadata"]["labels"].as_object_mut().unwrap();
            for label in RENDERER {
                labels.remove(label);
            }
            whole(object)
        })
        .collect();
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

/// A value where 1.0 is 1, as it is in JSON.
pub(crate) fn whole(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect(),
        Value::Number(number) => match number.as_f64() {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "it has no fraction, and is small"
            )]
            Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => json!(float as i64),
            _ => Value::Number(number),
        },
        other => other,
    }
}

fn assert_alike(engine: &Helm, text: &str) {
    let ours = deployment(text);
    let theirs = engine.template(&chart(), text, &ours.name);
    let theirs = theirs.unwrap_or_else(|error| panic!("{}: {error}\n{text}", engine.name));
    let (ours, theirs) = (plain(objects(&ours)), plain(theirs.objects));
    let names = |objects: &[Value]| -> Vec<String> {
        let name = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
        objects.iter().map(name).collect()
    };
    let mut found = Vec::new();
    for (ours, theirs) in ours.iter().zip(&theirs) {
        differences("", ours, theirs, &mut found);
    }
    assert!(found.is_empty(), "{}: {found:#?}\n{text}", engine.name);
    assert_eq!(names(&ours), names(&theirs), "{}\n{text}", engine.name);
}

/// Where two values differ, and how.
fn differences(place: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(our_map), Value::Object(their_map)) => {
            for key in our_map
                .keys()
                .chain(their_map.keys().filter(|key| !our_map.contains_key(*key)))
            {
                differences(&format!("{place}/{key}"), &ours[key], &theirs[key], found);
            }
        }
        (Value::Array(our_items), Value::Array(their_items))
            if our_items.len() == their_items.len() =>
        {
            for (index, (ours, theirs)) in our_items.iter().zip(their_items).enumerate() {
                differences(&format!("{place}/{index}"), ours, theirs, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!("{place}: ours {ours}, Helm's {theirs}")),
    }
}

/// Keys, and values that they may have besides the default.
const CHOICES: &str = include_str!("choices.json");

/// A configuration that is the same for the same seed, and that no rule refuses.
fn by_chance(seed: u64) -> Value {
    let mut state = seed;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    // Some say little, some much.
    let rarity = 1 + next(6);
    let mut config = json!({"name": "chance", "image": {"repository": "registry.example.com/team/job", "tag": "1.0"}});
    let choices: Map<String, Value> = serde_json::from_str(CHOICES).unwrap();
    for (key, values) in choices {
        if next(rarity) != 0 {
            continue;
        }
        let values = values.as_array().unwrap();
        let value = values[next(values.len())].clone();
        let mut place = &mut config;
        for part in key.split('.') {
            let map = place.as_object_mut().unwrap();
            place = map.entry(part).or_insert_with(|| Value::Object(Map::new()));
        }
        *place = value;
    }
    let highly = json!({"enabled": true, "storageDir": "s3://bucket/ha"});
    let is_high = config.get("highAvailability").is_some();
    if config["jobManager"].get("replicas").is_some() && !is_high {
        config["highAvailability"] = highly;
    }
    if config.get("highAvailability").is_some() {
        let version = config["flink"]["version"].as_str().unwrap_or_default();
        let is_old = ["1.6", "1.9", "1.10", "1.11"]
            .iter()
            .any(|old| version.starts_with(old));
        if is_old {
            config["flink"]["version"] = "1.12.7".into();
        }
    }
    if config.get("podMonitor").is_some() && config.get("metrics").is_none() {
        config["metrics"] = json!({"enabled": true});
    }
    config
}

/// JSON, which is YAML but for two characters that end lines there.
fn text(value: &Value) -> String {
    value
        .to_string()
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[test]
fn helm_renders_what_we_render() {
    for engine in &*ENGINES {
        for (_, text) in configs() {
            assert_alike(engine, &text);
        }
    }
}

#[test]
fn helm_renders_what_we_render_whatever_is_said() {
    for engine in &*ENGINES {
        // Starting a program for each takes its time.
        let count = if engine.is_library() {
            BY_CHANCE
        } else {
            BY_CHANCE / 4
        };
        for seed in 0..count {
            assert_alike(engine, &text(&by_chance(seed)));
        }
    }
}

#[test]
fn a_difference_is_seen() {
    let mut found = Vec::new();
    let ours = json!({"a": [1, {"b": "x"}], "c": 1, "e": {}});
    let theirs = json!({"a": [1, {"b": "y"}], "d": 1, "e": {}});
    differences("", &ours, &theirs, &mut found);
    let expected = [
        r#"/a/1/b: ours "x", Helm's "y""#,
        "/c: ours 1, Helm's null",
        "/d: ours null, Helm's 1",
    ];
    assert_eq!(found, expected);
}
