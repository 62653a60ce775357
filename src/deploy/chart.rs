//! The chart of `charts/flink`, as it is in the program, with the values of one deployment.

use std::path::Path;

use super::Deployment;
use super::edit::with_values;
use super::output::{RenderedFile, marked};

macro_rules! files {
    ($($path:literal,)*) => {
        [$(($path, include_str!(concat!("../../charts/flink/", $path)))),*]
    };
}

/// All files of the chart, in the order of their paths.
const FILES: [(&str, &str); 20] = files![
    ".helmignore",
    "Chart.yaml",
    "README.md",
    "templates/NOTES.txt",
    "templates/_helpers.tpl",
    "templates/_options.tpl",
    "templates/_pod.tpl",
    "templates/_rules.tpl",
    "templates/configmap.yaml",
    "templates/jobmanager.yaml",
    "templates/networkpolicy.yaml",
    "templates/poddisruptionbudget.yaml",
    "templates/podmonitor.yaml",
    "templates/rbac.yaml",
    "templates/serviceaccount.yaml",
    "templates/services.yaml",
    "templates/taskmanager.yaml",
    "templates/tests/connection.yaml",
    "values.schema.json",
    "values.yaml",
];

/// The chart, with what was said of a deployment in its values.
pub fn chart(deployment: &Deployment) -> Vec<RenderedFile> {
    let file = |(path, text): &(&str, &str)| {
        let bytes = match *path {
            "Chart.yaml" => marked(&deployment.name, text),
            "values.yaml" => {
                let values = with_values(text, &deployment.given);
                let values = values.expect("every value can be written into our own file");
                marked(&deployment.name, &values)
            }
            _ => text.as_bytes().to_vec(),
        };
        ((*path).to_owned(), bytes)
    };
    FILES.iter().map(file).collect()
}

/// Whether the chart has a file of this path.
pub(super) fn has_file(path: &Path) -> bool {
    FILES.iter().any(|(file, _)| path == Path::new(file))
}

/// Whether the chart has files below this path.
pub(super) fn has_folder(path: &Path) -> bool {
    let is_below = |(file, _): &(&str, &str)| Path::new(file).starts_with(path);
    FILES.iter().any(is_below) && !has_file(path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::deploy::{Config, ImageFacts};
    use crate::yaml::{documents, to_value};

    const VALUES: &str = include_str!("../../charts/flink/values.yaml");

    fn values_of(text: &str) -> String {
        let facts = ImageFacts {
            name: "registry.example.com/team/job:1".parse().unwrap(),
            flink: None,
            java: None,
            job_jar: None,
            job_class: None,
            was_read: false,
        };
        let config = Config::parse("config.yaml", text).unwrap();
        let files = chart(&config.complete(&facts, None).unwrap());
        let (_, values) = files
            .into_iter()
            .find(|(path, _)| path == "values.yaml")
            .unwrap();
        String::from_utf8(values).unwrap()
    }

    fn read(text: &str) -> Value {
        to_value(&documents(text).unwrap()[0]).unwrap()
    }

    #[test]
    fn all_files_of_the_chart_are_in_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/flink");
        let there: Vec<_> = crate::fs::walk(&folder)
            .unwrap()
            .into_iter()
            .filter(|entry| entry.metadata.is_file())
            .map(|entry| entry.relative.display().to_string())
            .collect();
        assert_eq!(FILES.map(|(path, _)| path.to_owned()).to_vec(), there);
        assert!(has_folder(Path::new("templates/tests")) && !has_folder(Path::new("values.yaml")));
    }

    #[test]
    fn values_are_put_where_the_defaults_were_and_comments_stay() {
        let values = values_of(
            "flink.type: session\n\
             image: {repository: registry.example.com/team/job, digest: 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}\n\
             taskManager:\n  slots: 4\n  resources: {limits: {nvidia.com/gpu: 1}}\n\
             security: {runAsUser: null}\n\
             flink:\n  config: {state.backend.type: rocksdb, 'a': {b: [1, 'yes']}}\n  files: {log4j-console.properties: \"a=b\\nc=d\\n\"}\n\
             pod: {env: [{name: A, value: \"1\"}]}\n",
        );
        let read = read(&values);
        let mut expected = self::read(VALUES);
        expected["flink"]["type"] = json!("session");
        expected["taskManager"]["slots"] = json!(4);
        expected["taskManager"]["resources"] = json!({"limits": {"nvidia.com/gpu": 1}});
        expected["security"]["runAsUser"] = json!(null);
        expected["flink"]["config"] =
            json!({"state.backend.type": "rocksdb", "a": {"b": [1, "yes"]}});
        expected["flink"]["files"] = json!({"log4j-console.properties": "a=b\nc=d\n"});
        expected["pod"]["env"] = json!([{"name": "A", "value": "1"}]);
        for key in ["repository", "digest", "tag"] {
            expected["image"][key] = read["image"][key].clone();
        }
        assert_eq!(read["image"]["repository"], "registry.example.com/team/job");
        assert_eq!(read, expected);
        let mut lines = values.lines();
        for comment in VALUES.lines().filter(|line| line.trim().starts_with('#')) {
            assert!(lines.any(|line| line == comment), "{comment}");
        }
        assert!(values.contains("  type: session\n"), "{values}");
        assert!(!values.contains("\nflink.type"), "{values}");
    }

    #[test]
    fn every_text_can_be_a_value() {
        let odd = [
            "",
            " ",
            "~",
            "null",
            "on",
            "0777",
            "1e3",
            "1:20",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "'",
            "\"",
            "\\",
            "a\tb",
            "a\n",
            "a\nb",
            "a\nb\n",
            "a\n\n",
            "a\n\nb\n\n\n",
            "\na",
            " a\nb",
            "a\r\nb",
            "a\u{85}b",
            "\u{feff}a",
            "😀",
            "# a\n# b\n",
            "---\n...\n",
            "a\n \nb",
            "a\n\tb\n",
            "{{ .Values }}",
            "$(POD_IP)",
        ];
        // Options are on one line.
        let config: serde_json::Map<_, _> = odd
            .iter()
            .filter(|text| !text.contains(['\n', '\r']))
            .enumerate()
            .map(|(number, text)| (format!("key.{number}"), json!(text)))
            .collect();
        let files: serde_json::Map<_, _> = odd
            .iter()
            .enumerate()
            .map(|(number, text)| (format!("file-{number}"), json!(text)))
            .collect();
        let given = json!({
            "image": {"repository": "registry.example.com/team/job", "tag": "1"},
            "flink": {"config": config, "files": files},
            "job": {"args": odd[..]},
            "pod": {"env": [{"name": "A", "value": "a\n\n"}], "annotations": {"a: b": "x", "on": "off"}},
        });
        // JSON is YAML.
        let values = read(&values_of(&given.to_string()));
        for (group, keys) in given.as_object().unwrap() {
            for (key, value) in keys.as_object().unwrap() {
                assert_eq!(values[group][key], *value, "{group}.{key}");
            }
        }
    }
}
