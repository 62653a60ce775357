//! The values of the chart, and how others are put over them.

use std::sync::LazyLock;

use serde_json::{Map, Number, Value};

use crate::yaml::{documents, to_value};

/// The values of the chart, which are the defaults.
const DEFAULTS: &str = include_str!("../../../charts/flink/values.yaml");

static DEFAULT_VALUES: LazyLock<Value> = LazyLock::new(|| {
    let documents = documents(DEFAULTS).expect("our file is YAML");
    to_value(&documents[0]).expect("our file has one value")
});

/// Up to here, every whole number is one that Helm's floats can hold.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// What was said, put over the defaults.
pub(super) fn merged(given: &Map<String, Value>) -> Value {
    let mut merged = DEFAULT_VALUES.clone();
    put(&mut merged, &Value::Object(given.clone()));
    merged
}

/// Puts values over others, as Helm does: mappings key by key, all else as a whole. A null takes a default away; where there
/// is none, it stays a null.
fn put(under: &mut Value, over: &Value) {
    let (Value::Object(under), Value::Object(over)) = (&mut *under, over) else {
        *under = over.clone();
        return;
    };
    for (key, value) in over {
        match under.get_mut(key) {
            Some(_) if value.is_null() => {
                under.remove(key);
            }
            Some(below) => put(below, value),
            None => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Makes whole numbers of those that are whole and were not written so, as `2.0` and `1e3`: JSON knows no difference.
pub(super) fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            if let Some(float) = float.filter(|float| float.fract() == 0.0 && float.abs() <= SAFE) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it is whole and not too large"
                )]
                let whole = float as i64;
                *number = Number::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(map) => map.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_put_over_others_as_helm_does() {
        for (under, over, expected) in [
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": 3}}),
                json!({"a": {"b": 3, "c": 2}}),
            ),
            // Lists are replaced.
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": [1]}), json!({"a": []}), json!({"a": []})),
            (
                json!({"a": {"b": 1}}),
                json!({"a": {}}),
                json!({"a": {"b": 1}}),
            ),
            // A null deletes a default, and is a value where there is none.
            (json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2})),
            (json!({"a": {"b": 1}}), json!({"a": null}), json!({})),
            (
                json!({"a": {}}),
                json!({"a": {"b": null}}),
                json!({"a": {"b": null}}),
            ),
            (
                json!({}),
                json!({"a": {"b": null}}),
                json!({"a": {"b": null}}),
            ),
            // What was said has another type: the schema tells that.
            (json!({"a": {"b": 1}}), json!({"a": 5}), json!({"a": 5})),
            (
                json!({"a": 5}),
                json!({"a": {"b": 1}}),
                json!({"a": {"b": 1}}),
            ),
        ] {
            let mut found = under.clone();
            put(&mut found, &over);
            assert_eq!(found, expected, "{over} over {under}");
        }
    }

    #[test]
    fn a_whole_number_is_whole_however_it_was_written() {
        let mut value = json!({"a": [2.0, 1e3, -1.0, 0.5, 1e300], "b": 9_007_199_254_740_993_u64});
        make_whole(&mut value);
        let expected = r#"{"a":[2,1000,-1,0.5,1e+300],"b":9007199254740993}"#;
        assert_eq!(value.to_string(), expected);
    }
}
