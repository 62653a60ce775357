//! FlinkDeployments under the schemas of three operators, as the API server holds them to these.
//!
//! The schemas are large, so they are not in this repository; where their folder is not beside it, the tests say so and end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::operator::rendered;

/// The folder with the definitions, beside this repository or above it.
const FOLDER: &str = "shared/data/flink-operator-crds";
/// How many configurations each operator must be able to take at least.
const FEWEST: usize = 6;

/// The definition of the resource by one operator.
struct Definition {
    name: String,
    /// The lines of Flink that it knows.
    lines: Vec<Value>,
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Definition {
    fn read(path: &Path) -> Self {
        let mut text = String::new();
        let file = std::fs::File::open(path).unwrap();
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .unwrap();
        let definition: Value = yaml_serde::from_str(&text).unwrap();
        let pointer = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        let mut spec = definition.pointer(pointer).unwrap().clone();
        let lines = spec["properties"]["flinkVersion"]["enum"]
            .as_array()
            .unwrap()
            .clone();
        refuse_unknown_fields(&mut spec);
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///spec", spec).unwrap();
        let schema = compiler.compile("file:///spec", &mut schemas).unwrap();
        Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            lines,
            schemas,
            schema,
        }
    }

    fn check(&self, deployment: &Value) -> Result<(), String> {
        let checked = self.schemas.validate(&deployment["spec"], self.schema);
        checked.map_err(|error| format!("{}: {error:#}", self.name))
    }
}

/// An API server drops fields that a schema does not name; here they are errors.
fn refuse_unknown_fields(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let is_open = map.contains_key("x-kubernetes-preserve-unknown-fields")
                || map.contains_key("additionalProperties");
            if map.get("properties").is_some_and(Value::is_object) && !is_open {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            map.values_mut().for_each(refuse_unknown_fields);
        }
        Value::Array(items) => items.iter_mut().for_each(refuse_unknown_fields),
        _ => {}
    }
}

/// All definitions; none, and a word about it, where they are not. They take long to read.
static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let Some(folder) = folders
        .map(|above| above.join(FOLDER))
        .find(|folder| folder.is_dir())
    else {
        eprintln!("skipped: there is no `{FOLDER}` beside the repository");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 3, "only {paths:?} are there");
    paths.iter().map(|path| Definition::read(path)).collect()
});

#[test]
fn every_flink_deployment_is_valid_for_every_operator_that_knows_its_line() {
    let rendered = rendered();
    for definition in &*DEFINITIONS {
        let mut checked = 0;
        for (path, value, _) in &rendered {
            if definition.lines.contains(&value["spec"]["flinkVersion"]) {
                definition
                    .check(value)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                checked += 1;
            }
        }
        assert!(checked >= FEWEST, "{} took only {checked}", definition.name);
        eprintln!(
            "{}: {checked} of {} checked",
            definition.name,
            rendered.len()
        );
    }
    for (path, value, _) in &rendered {
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            keys(value),
            ["apiVersion", "kind", "metadata", "spec"],
            "{}",
            path.display()
        );
        assert_eq!(
            keys(&value["metadata"]),
            ["labels", "name"],
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_wrong_flink_deployment_is_refused_by_every_operator() {
    let (_, right, _) = rendered()
        .into_iter()
        .find(|(path, ..)| path.ends_with("operator/last-state.config.yaml"))
        .unwrap();
    let wrongs: [(&str, &str, Value); 9] = [
        ("/spec", "flinkVersions", json!("v1_19")),
        ("/spec", "flinkVersion", json!("v1_99")),
        ("/spec", "image", json!(7)),
        ("/spec", "mode", json!("Standalone")),
        ("/spec/job", "parallelism", json!("4")),
        ("/spec/job", "args", json!("--topic x")),
        ("/spec/job", "jarUri", json!("local:///x.jar")),
        ("/spec/jobManager/resource", "cpu", json!("500m")),
        ("/spec/podTemplate/spec", "container", json!([])),
    ];
    for definition in &*DEFINITIONS {
        definition.check(&right).unwrap();
        for (at, key, value) in &wrongs {
            let mut wrong = right.clone();
            let map = wrong.pointer_mut(at).unwrap().as_object_mut().unwrap();
            map.insert((*key).to_owned(), value.clone());
            let refused = definition.check(&wrong);
            assert!(
                refused.is_err(),
                "{} takes `{key}` of {at}",
                definition.name
            );
        }
    }
}
