//! Configurations and what is rendered of each, as files in `fixtures/deploy`. `WRITE_DEPLOYMENTS=1` writes them anew.

use std::collections::BTreeSet;

use flink_img::deploy::{objects, to_yaml};
use flink_img::yaml::{documents, to_value};
use serde_json::{Value, json};

use crate::scene::{configs, deployment, find, folder, in_namespace, objects_of, pod, template};

#[test]
fn every_configuration_is_rendered_as_its_file_says() {
    let writes = std::env::var_os("WRITE_DEPLOYMENTS").is_some();
    let mut wrong = Vec::new();
    for (name, text) in configs() {
        let rendered = to_yaml(&objects(&deployment(&text)));
        let path = folder().join(format!("{name}.objects.yaml"));
        if writes {
            std::fs::write(&path, &rendered).unwrap();
        } else if std::fs::read_to_string(&path).ok() != Some(rendered) {
            wrong.push(name);
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:?} differ from what is rendered: run this with WRITE_DEPLOYMENTS=1 and read what changed"
    );
}

#[test]
fn there_is_a_configuration_for_every_file() {
    let names: BTreeSet<_> = configs().into_iter().map(|(name, _)| name).collect();
    assert!(names.len() >= 12, "{names:?}");
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let (name, _) = file.split_at(
            file.find(".config.")
                .or(file.find(".objects."))
                .unwrap_or(0),
        );
        assert!(name.is_empty() || names.contains(name), "{file}");
    }
}

#[test]
fn the_text_means_the_objects() {
    for (name, text) in configs() {
        let objects = objects(&deployment(&text));
        let documents = documents(&to_yaml(&objects)).unwrap();
        let read: Vec<_> = documents.iter().map(|one| to_value(one).unwrap()).collect();
        assert_eq!(read, objects, "{name}");
    }
}

/// Whether all labels of a selector are among the labels.
fn selects(selector: &Value, labels: &Value) -> bool {
    let mut wanted = selector.as_object().unwrap().iter();
    wanted.all(|(key, value)| labels.get(key) == Some(value))
}

#[test]
fn everything_that_is_named_is_there() {
    for (name, text) in configs() {
        let objects = objects(&deployment(&text));
        let pods: Vec<_> = objects.iter().filter_map(template).collect();
        assert_eq!(pods.len(), 2, "{name}");
        let selected = |selector: &Value| {
            let chosen = pods
                .iter()
                .filter(|pod| selects(selector, &pod["metadata"]["labels"]));
            let names = chosen.map(|pod| pod["spec"]["containers"][0]["name"].as_str().unwrap());
            names.collect::<Vec<_>>()
        };
        for object in &objects {
            let spec = &object["spec"];
            match object["kind"].as_str().unwrap() {
                "Service" => {
                    assert_eq!(selected(&spec["selector"]), ["jobmanager"], "{name}");
                    let ports = &pod(&objects, "jobmanager")["spec"]["containers"][0]["ports"];
                    for port in spec["ports"].as_array().unwrap() {
                        let is_it = |of: &Value| of["name"] == port["targetPort"];
                        assert!(ports.as_array().unwrap().iter().any(is_it), "{name}");
                    }
                }
                "Deployment" | "PodDisruptionBudget" => {
                    let role = object["metadata"]["labels"]["app.kubernetes.io/component"].clone();
                    assert_eq!(
                        selected(&spec["selector"]["matchLabels"]),
                        [role.as_str().unwrap()],
                        "{name}"
                    );
                }
                "NetworkPolicy" => assert_eq!(
                    selected(&spec["podSelector"]["matchLabels"]).len(),
                    2,
                    "{name}"
                ),
                "PodMonitor" => assert_eq!(
                    selected(&spec["selector"]["matchLabels"]).len(),
                    2,
                    "{name}"
                ),
                _ => {}
            }
        }
        for pod in pods {
            holds_together(&name, &objects, pod);
        }
    }
}

/// Volumes, ports, variables and the account of a pod.
fn holds_together(name: &str, objects: &[Value], pod: &Value) {
    let spec = &pod["spec"];
    let container = &spec["containers"][0];
    let names = |list: &Value| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for mount in names(&container["volumeMounts"]) {
        assert!(names(&spec["volumes"]).contains(&mount), "{name}: {mount}");
    }
    let ports = names(&container["ports"]);
    for probe in ["livenessProbe", "readinessProbe"] {
        let port = container[probe]["tcpSocket"]["port"].as_str();
        assert!(
            port.is_none_or(|port| ports.contains(&port.to_owned())),
            "{name}"
        );
    }
    for volume in spec["volumes"].as_array().unwrap() {
        let is_ours = volume["name"] == "files";
        let map = volume["configMap"]["name"].as_str().filter(|_| is_ours);
        assert!(
            map.is_none_or(|map| find(objects, "ConfigMap", map).is_some()),
            "{name}"
        );
    }
    // A variable is put in only where it was said before.
    let mut known = Vec::new();
    for variable in container["env"].as_array().into_iter().flatten() {
        let value = variable["value"].as_str().unwrap_or_default();
        for used in ["POD_IP", "POD_NAMESPACE"] {
            let is_used = value.contains(&format!("$({used})"));
            assert!(
                !is_used || known.contains(&used.to_owned()),
                "{name}: {used}"
            );
        }
        known.push(variable["name"].as_str().unwrap().to_owned());
    }
    let args = container["args"].to_string();
    for used in ["POD_IP", "POD_NAMESPACE"] {
        let is_used = args.contains(&format!("$({used})"));
        assert!(
            !is_used || known.contains(&used.to_owned()),
            "{name}: {used}"
        );
    }
    // Words in the command line are of one process alone: what is limited is what is asked for, and what Flink plans with.
    let resources = &container["resources"];
    assert_eq!(
        resources["limits"]["memory"], resources["requests"]["memory"],
        "{name}"
    );
}

#[test]
fn objects_have_a_namespace_only_if_one_is_named() {
    for (name, text) in configs() {
        let without = objects(&deployment(&text));
        let with = objects(&in_namespace(&text, Some("streams")));
        assert_eq!(without.len(), with.len());
        for (mut with, without) in with.into_iter().zip(without) {
            assert_eq!(without["metadata"].get("namespace"), None, "{name}");
            let metadata = with["metadata"].as_object_mut().unwrap();
            assert_eq!(
                metadata.remove("namespace"),
                Some(json!("streams")),
                "{name}"
            );
            assert_eq!(with, without, "{name}");
        }
    }
}

/// Name of the Job, and what the services choose.
fn revisions(text: &str) -> (String, Vec<String>) {
    let objects = objects_of(text);
    let job = find(&objects, "Job", "test-jobmanager-").unwrap();
    let name = job["metadata"]["name"].as_str().unwrap();
    let revision = name.strip_prefix("test-jobmanager-").unwrap();
    let label = |labels: &Value| labels["flink-img/revision"].as_str().unwrap().to_owned();
    let mut labels = vec![label(&template(job).unwrap()["metadata"]["labels"])];
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    labels.extend(services.map(|service| label(&service["spec"]["selector"])));
    (revision.to_owned(), labels)
}

#[test]
fn a_job_manager_has_another_revision_only_if_it_is_another() {
    let (first, labels) = revisions("");
    assert_eq!(first.len(), 8);
    assert_eq!(labels, vec![first.clone(); 3]);
    for (text, is_same) in [
        ("flink: {config: {}}", true),
        ("taskManager: {memory: 4096, replicas: 7}", true),
        ("taskManager: {labels: {a: b}}", true),
        ("ui: {type: ClusterIP}", true),
        ("job: {backoffLimit: 1}", true),
        ("job: {parallelism: 2}", false),
        ("job: {args: [a]}", false),
        ("jobManager: {memory: 2000}", false),
        ("jobManager: {annotations: {a: b}}", false),
        // All of the template of a Job cannot be changed.
        ("jobManager: {labels: {a: b}}", false),
        ("pod: {labels: {a: b}}", false),
        ("flink: {version: 2.3.1}", false),
        ("taskManager: {slots: 2}", false),
        ("flink: {java: '17'}", false),
        ("flink: {files: {log4j-console.properties: a}}", false),
        ("serviceAccount: {name: other}", false),
    ] {
        let (revision, labels) = revisions(text);
        assert_eq!(revision == first, is_same, "{text}");
        assert_eq!(labels, vec![revision; 3], "{text}");
    }
    let [one, other] =
        ["a", "b"].map(|file| revisions(&format!("flink: {{files: {{a.properties: {file}}}}}")));
    assert_ne!(one, other);
}

#[test]
fn users_labels_do_not_take_the_place_of_ours() {
    let text = "pod: {labels: {app.kubernetes.io/name: mine, flink-img/revision: mine, a: b}, annotations: {flink-img/java: '1'}}\n\
                flink: {java: '17'}\nmetrics: {enabled: true}\npodMonitor: {enabled: true, labels: {app.kubernetes.io/name: mine, c: d}}";
    let objects = objects_of(text);
    let metadata = &pod(&objects, "jobmanager")["metadata"];
    assert_eq!(metadata["labels"]["app.kubernetes.io/name"], "flink");
    assert_ne!(metadata["labels"]["flink-img/revision"], "mine");
    assert_eq!(metadata["labels"]["a"], "b");
    assert_eq!(metadata["annotations"]["flink-img/java"], "17");
    let labels = &find(&objects, "PodMonitor", "test").unwrap()["metadata"]["labels"];
    assert_eq!(
        (&labels["app.kubernetes.io/name"], &labels["c"]),
        (&json!("flink"), &json!("d"))
    );
}
