//! FlinkDeployments: what is in them, what is refused, and what is told besides.
//!
//! `WRITE_DEPLOYMENTS=1 cargo test --test deploy operator` writes the files anew that they are compared with.

mod pods;
mod refused;

use std::path::{Path, PathBuf};

use flink_img::deploy::{
    Config, DeployError, Deployment, ImageFacts, flink_deployment, objects, to_yaml,
};
use flink_img::error::Explain;
use serde_json::{Map, Value, json};

use crate::scene;

/// Where configurations are, for all renderers and for this one alone.
const FOLDERS: [&str; 2] = ["fixtures/deploy", "fixtures/deploy/operator"];
/// What the image says of its jar, where the configuration does not.
const JAR: &str = "/opt/flink/usrlib/job.jar";
/// Configurations of `fixtures/deploy` that operators have no use for, and the beginning of what is said about them.
const REFUSED: [(&str, &str); 4] = [
    ("job-1.9", "`flink.version` is 1.9.3"),
    ("job-1.10", "`flink.version` is 1.10.3"),
    ("no-ui", "`flink.version` is 1.11.6"),
    ("files", "`flink.files` has `masters`"),
];

/// What is deployed with a configuration.
fn deployment(text: &str) -> Deployment {
    in_namespace(text, None)
}

fn in_namespace(text: &str, namespace: Option<&str>) -> Deployment {
    let mut config = Config::parse("config.yaml", text).unwrap();
    let values: Value = yaml_serde::from_str(text).unwrap();
    if values.pointer("/job/jar").is_none() {
        config.set("job.jar", json!(JAR), "--jar");
    }
    let facts = ImageFacts {
        name: config.image().unwrap().unwrap(),
        flink: None,
        java: None,
        job_jar: None,
        job_class: None,
        was_read: false,
    };
    let namespace = namespace.map(ToOwned::to_owned);
    config.complete(&facts, namespace).unwrap()
}

/// All configurations, by their names.
fn configurations() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.to_string_lossy().ends_with(".config.yaml") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Every configuration that operators have a use for, as a `FlinkDeployment`, and its warnings.
pub(crate) fn rendered() -> Vec<(PathBuf, Value, Vec<String>)> {
    let all = configurations().into_iter();
    let of_use = all.filter(|(path, _)| !REFUSED.iter().any(|(name, _)| *name == stem(path)));
    of_use
        .map(|(path, text)| {
            let (value, warnings) = flink_deployment(&deployment(&text))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, value, warnings)
        })
        .collect()
}

/// The name of a configuration.
fn stem(path: &Path) -> &str {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.strip_suffix(".config.yaml").unwrap()
}

/// A job that all is well with, and what more is said of it.
fn with(more: &str) -> Result<(Value, Vec<String>), DeployError> {
    let mut config: Value = yaml_serde::from_str(
        "{name: j, flink: {version: 2.2.0}, image: {repository: r.example/j, tag: '1'}, operator: {upgradeMode: stateless}}",
    )
    .unwrap();
    merge(&mut config, &yaml_serde::from_str(more).unwrap());
    flink_deployment(&deployment(&to_yaml(&[config])))
}

fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

#[test]
fn every_configuration_becomes_the_flink_deployment_that_is_written_down() {
    let rendered = rendered();
    assert!(rendered.len() >= 20, "only {} are there", rendered.len());
    for (path, value, warnings) in rendered {
        let told = warnings
            .iter()
            .map(|warning| format!("# warning: {warning}\n"));
        let text: String = told.chain([to_yaml(&[value])]).collect();
        let golden = path.with_file_name(format!("{}.operator.yaml", stem(&path)));
        if std::env::var_os("WRITE_DEPLOYMENTS").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&golden)
            .unwrap_or_else(|error| panic!("{}: {error}", golden.display()));
        assert_eq!(text, expected, "{}", golden.display());
    }
}

#[test]
fn what_operators_have_no_use_for_is_refused() {
    for (name, expected) in REFUSED {
        let all = configurations();
        let (_, text) = all.iter().find(|(path, _)| stem(path) == name).unwrap();
        let error = flink_deployment(&deployment(text)).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn options_are_texts_only() {
    for (path, value, _) in rendered() {
        let options = value["spec"]["flinkConfiguration"].as_object().unwrap();
        assert!(options.values().all(Value::is_string), "{}", path.display());
    }
    let (value, _) =
        with("flink: {config: {a: 1, b: true, c: {d: 0.5, e: [1, x]}, f: ''}}").unwrap();
    let expected = json!({
        "a": "1", "b": "true", "c.d": "0.5", "c.e": "1;x", "f": "", "taskmanager.numberOfTaskSlots": "1",
    });
    assert_eq!(value["spec"]["flinkConfiguration"], expected);
}

#[test]
fn what_has_no_place_in_a_flink_deployment_is_told() {
    let cases = [
        ("{}", ""),
        (
            "podDisruptionBudget: {enabled: true}",
            "`podDisruptionBudget`",
        ),
        ("networkPolicy: {enabled: true}", "`networkPolicy`"),
        (
            "{metrics: {enabled: true}, podMonitor: {enabled: true}}",
            "`podMonitor`",
        ),
        ("metrics: {enabled: true}", ""),
        ("spread: {enabled: true}", ""),
        ("ui: {type: NodePort}", "`ui`"),
        ("ui: {type: None}", "`ui`"),
        ("ui: {port: 80}", "`ui`"),
        ("ui: {nodePort: null}", "`ui`"),
        ("ui: {annotations: {a: b}}", "`ui`"),
        ("serviceAccount: {name: own}", "`own` is not made"),
        ("serviceAccount: {create: false, name: own}", ""),
        (
            "serviceAccount: {annotations: {a: b}}",
            "`serviceAccount.annotations`",
        ),
        ("job: {backoffLimit: 0}", "`job.backoffLimit`"),
        ("taskManager: {replicas: 2}", "`taskManager.replicas`"),
        (
            "{taskManager: {replicas: 2}, operator: {mode: standalone}}",
            "the parallelism is 2, not 1",
        ),
        (
            "{taskManager: {replicas: 2}, operator: {mode: standalone}, job: {parallelism: 2}}",
            "",
        ),
        (
            "operator: {upgradeMode: ''}",
            "does not say both `execution.checkpointing.dir` and `execution.checkpointing.savepoint-dir`",
        ),
        (
            "{operator: {upgradeMode: ''}, flink: {version: 1.19.3, config: {state.checkpoints.dir: x}}}",
            "does not say both `state.checkpoints.dir` and `state.savepoints.dir`",
        ),
        ("{operator: {upgradeMode: ''}, flink: {type: session}}", ""),
        (
            "jobManager: {resources: {limits: {cpu: ''}}}",
            "nothing comes of an empty `jobManager.resources.limits.cpu`; `kubernetes.jobmanager.cpu.limit-factor`",
        ),
        (
            "{taskManager: {resources: {limits: {cpu: ''}}}, flink: {type: session}}",
            "`kubernetes.taskmanager.cpu.limit-factor`",
        ),
        ("taskManager: {resources: {limits: {cpu: 2}}}", ""),
    ];
    for (more, expected) in cases {
        let (_, warnings) = with(more).unwrap();
        if expected.is_empty() {
            assert!(warnings.is_empty(), "{more}: {warnings:?}");
        } else {
            assert_eq!(warnings.len(), 1, "{more}: {warnings:?}");
            assert!(warnings[0].contains(expected), "{more}: {warnings:?}");
        }
    }
}

#[test]
fn a_mode_of_upgrades_is_chosen_by_the_folders() {
    let cases = [
        (
            "2.2.0",
            "execution.checkpointing: {dir: c, savepoint-dir: s}",
            "savepoint",
        ),
        (
            "2.2.0",
            "{state.checkpoints.dir: c, state.savepoints.dir: s}",
            "savepoint",
        ),
        ("2.2.0", "execution.checkpointing: {dir: c}", "stateless"),
        ("2.2.0", "state.savepoints.dir: s", "stateless"),
        (
            "1.19.3",
            "{state.checkpoints.dir: c, state.savepoints.dir: s}",
            "savepoint",
        ),
        (
            "1.19.3",
            "execution.checkpointing: {dir: c, savepoint-dir: s}",
            "stateless",
        ),
    ];
    for (version, options, expected) in cases {
        let more = format!(
            "{{operator: {{upgradeMode: ''}}, flink: {{version: {version}, config: {options}}}}}",
            options = if options.starts_with('{') {
                options.to_owned()
            } else {
                format!("{{{options}}}")
            },
        );
        let (value, _) = with(&more).unwrap();
        assert_eq!(value["spec"]["job"]["upgradeMode"], expected, "{more}");
    }
}

#[test]
fn task_managers_are_counted_by_whoever_makes_them() {
    let cases = [
        ("taskManager: {replicas: 3}", None),
        ("{flink: {type: session}, taskManager: {replicas: 3}}", None),
        ("operator: {mode: standalone}", None),
        (
            "{operator: {mode: standalone}, taskManager: {replicas: 3}}",
            Some(3),
        ),
        (
            "{operator: {mode: standalone}, flink: {type: session}}",
            Some(1),
        ),
        (
            "{operator: {mode: standalone}, flink: {type: session}, taskManager: {replicas: 3}}",
            Some(3),
        ),
    ];
    for (more, expected) in cases {
        let (value, _) = with(more).unwrap();
        assert_eq!(
            value["spec"]["taskManager"].get("replicas"),
            expected.map(|n| json!(n)).as_ref(),
            "{more}"
        );
        let mode = value["spec"].get("mode");
        assert_eq!(
            mode.is_some(),
            more.contains("standalone"),
            "{more}: {mode:?}"
        );
    }
}

#[test]
fn an_operator_that_makes_the_job_manager_does_not_hide_its_jar() {
    let mount = "pod: {volumes: [{name: x, emptyDir: {}}], volumeMounts: [{name: x, mountPath: /opt/flink/usrlib/x}]}";
    let cases = [
        ("operator: {mode: standalone}".to_owned(), true),
        ("operator: {mode: native}".to_owned(), false),
        (
            "{operator: {mode: standalone}, flink: {type: session}}".to_owned(),
            false,
        ),
        (
            "{operator: {mode: standalone}, job: {jar: /jobs/job.jar}}".to_owned(),
            false,
        ),
        (
            format!("{{operator: {{mode: standalone}}, {mount}}}"),
            false,
        ),
    ];
    for (more, expected) in cases {
        let (value, _) = with(&more).unwrap();
        let text = value["spec"].to_string();
        assert_eq!(
            text.contains("/opt/flink/usrlib-of-the-image"),
            expected,
            "{more}: {text}"
        );
        let task_managers = value["spec"]["taskManager"].to_string();
        assert!(!task_managers.contains("usrlib-of-the-image"), "{more}");
    }
}

#[test]
fn a_namespace_is_written_only_if_one_is_named() {
    let (_, text) = configurations().remove(0);
    for namespace in [None, Some("streams")] {
        let (value, _) = flink_deployment(&in_namespace(&text, namespace)).unwrap();
        let written = value["metadata"].get("namespace").and_then(Value::as_str);
        assert_eq!(written, namespace);
    }
}
