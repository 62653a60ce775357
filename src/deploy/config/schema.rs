//! The schema of the chart's values, and what in a configuration does not hold to it.
//!
//! A validator finds what is wrong; what is told of it is ours, in words that say what to write.

use std::sync::LazyLock;

use boon::{Compiler, ErrorKind, InstanceToken, SchemaIndex, Schemas, ValidationError};
use serde_json::Value;

use super::hints;
use super::places::{Path, Places, Step};
use super::problem::{At, Problem};
use super::wording::{got, wanted};

/// The schema, which is Helm's too.
const TEXT: &str = include_str!("../../../charts/flink/values.schema.json");
/// What it is called for the validator.
const ADDRESS: &str = "file:///values.schema.json";

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(TEXT).expect("our schema is JSON"));

static COMPILED: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    let added = compiler.add_resource(ADDRESS, SCHEMA.clone());
    added.expect("our schema has one address");
    let index = compiler.compile(ADDRESS, &mut schemas);
    (schemas, index.expect("our schema is one"))
});

/// Something that does not hold to the schema.
struct Leaf<'a> {
    /// What has to hold there.
    schema: &'a Value,
    path: Path,
    kind: &'a ErrorKind<'a, 'a>,
}

/// What is wrong with values. `given` are those without defaults.
pub(super) fn problems(values: &Value, given: &Value, places: &Places) -> Vec<Problem> {
    let (schemas, index) = &*COMPILED;
    let Err(error) = schemas.validate(values, *index) else {
        return Vec::new();
    };
    let mut leaves = Vec::new();
    gather(&error, &mut leaves);
    leaves
        .iter()
        .flat_map(|leaf| tell(leaf, values, given, places))
        .collect()
}

fn gather<'a>(error: &'a ValidationError<'a, 'a>, leaves: &mut Vec<Leaf<'a>>) {
    if !error.causes.is_empty() && !matches!(error.kind, ErrorKind::PropertyName { .. }) {
        for cause in &error.causes {
            gather(cause, leaves);
        }
        return;
    }
    let steps = error
        .instance_location
        .tokens
        .iter()
        .map(|token| match token {
            InstanceToken::Prop(key) => Step::Key(key.to_string()),
            InstanceToken::Item(index) => Step::Item(*index),
        });
    leaves.push(Leaf {
        schema: part(error.schema_url),
        path: Path(steps.collect()),
        kind: &error.kind,
    });
}

/// The part of the schema that an address is of.
fn part(address: &str) -> &'static Value {
    let (_, pointer) = address.split_once('#').unwrap_or_default();
    SCHEMA
        .pointer(pointer)
        .expect("the validator names parts of the schema")
}

/// What holds for the value of a key.
fn below(schema: &'static Value, key: &str) -> Option<&'static Value> {
    let property = schema.get("properties")?.get(key)?;
    Some(match property.get("$ref").and_then(Value::as_str) {
        Some(address) => part(address),
        None => property,
    })
}

/// What holds for the value at a path along keys.
pub(super) fn schema_of(path: &Path) -> Option<&'static Value> {
    path.0.iter().try_fold(&*SCHEMA, |schema, step| match step {
        Step::Key(key) => below(schema, key),
        Step::Item(_) => None,
    })
}

/// The keys that a part of the schema knows.
pub(super) fn keys(schema: &Value) -> impl Iterator<Item = &str> + Clone {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
}

fn tell(leaf: &Leaf<'_>, values: &Value, given: &Value, places: &Places) -> Vec<Problem> {
    let path = &leaf.path;
    match leaf.kind {
        ErrorKind::AdditionalProperties { got } => {
            got.iter().map(|key| unknown(&path.key(key))).collect()
        }
        ErrorKind::Required { want } => want
            .iter()
            .map(|key| missing(path, key, leaf.schema, given))
            .collect(),
        ErrorKind::PropertyName { prop } => {
            // The validator does not tell where. Only in the options and in the files have keys a form.
            let flink = values.get("flink").unwrap_or(&Value::Null);
            let path = find_key(flink, &Path::of("flink"), prop).unwrap_or_else(|| path.key(prop));
            let form = wanted(&leaf.schema["propertyNames"], &Value::Null);
            let above = path.above().told();
            let text = format!("`{above}` has `{prop}`, which must be {form}");
            vec![Problem::at(At::Key, path, text, None)]
        }
        kind => vec![wrong(leaf, kind, values, places)],
    }
}

/// A value that is not what it must be.
fn wrong(leaf: &Leaf<'_>, kind: &ErrorKind<'_, '_>, values: &Value, places: &Places) -> Problem {
    let path = &leaf.path;
    let value = value_at(values, path).unwrap_or(&Value::Null);
    let told = path.told();
    let text = match kind {
        ErrorKind::Maximum { .. } | ErrorKind::Minimum { .. } if takes(leaf.schema, "boolean") => {
            format!("`{told}` is `{value}`, which Helm cannot hold as a number")
        }
        _ => {
            let is_type = matches!(kind, ErrorKind::Type { .. });
            // A fraction is a number too, though no whole one.
            let is_type = is_type && !(value.is_f64() && takes(leaf.schema, "integer"));
            let (got, wanted) = (got(value, is_type), wanted(leaf.schema, value));
            format!("`{told}` is {got}, and must be {wanted}")
        }
    };
    let written = places
        .scalar(path)
        .map_or_else(|| value.to_string(), ToOwned::to_owned);
    let quoted = fits(values, path, &written).then_some(&*written);
    let way_out = hints::for_value(path, value, leaf.schema, quoted);
    Problem::at(At::Value, path.clone(), text, way_out)
}

/// Whether a value would hold to the schema if it was this text.
fn fits(values: &Value, path: &Path, text: &str) -> bool {
    let mut values = values.clone();
    let place = path
        .0
        .iter()
        .try_fold(&mut values, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Item(index) => value.get_mut(index),
        });
    if let Some(place) = place {
        *place = Value::String(text.to_owned());
    }
    let mut leaves = Vec::new();
    let (schemas, index) = &*COMPILED;
    if let Err(error) = schemas.validate(&values, *index) {
        gather(&error, &mut leaves);
        return leaves.iter().all(|leaf| leaf.path != *path);
    }
    true
}

/// Whether a part of the schema takes values of a type.
pub(super) fn takes(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == name),
        one => one == name,
    }
}

fn unknown(path: &Path) -> Problem {
    let text = format!("there is no key `{}`", path.told());
    Problem::at(At::Key, path.clone(), text, hints::for_unknown(path))
}

/// A key is not there: it was taken away by a null, or it is one that has no default.
fn missing(above: &Path, key: &str, schema: &Value, given: &Value) -> Problem {
    let path = above.key(key);
    let wanted = match schema_of(&path) {
        Some(schema) => wanted(schema, &Value::Null),
        None => wanted(&schema["properties"][key], &Value::Null),
    };
    if value_at(given, &path).is_some() {
        let text = format!("`{}` is null, and must be {wanted}", path.told());
        let way_out = format!("leave `{key}` out for its default");
        return Problem::at(At::Value, path, text, Some(way_out));
    }
    let text = format!("`{}` has no `{key}`, which must be {wanted}", above.told());
    Problem::at(At::Value, above.clone(), text, None)
}

/// The value at a path.
pub(super) fn value_at<'a>(values: &'a Value, path: &Path) -> Option<&'a Value> {
    path.0.iter().try_fold(values, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Item(index) => value.get(index),
    })
}

/// The path to a key somewhere below a value.
fn find_key(value: &Value, path: &Path, key: &str) -> Option<Path> {
    let map = value.as_object()?;
    if map.contains_key(key) {
        return Some(path.key(key));
    }
    map.iter()
        .find_map(|(name, value)| find_key(value, &path.key(name), key))
}
