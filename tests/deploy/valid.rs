//! Every object is one that Kubernetes takes: by its schemas, and by the restricted Pod Security Standard.

use flink_img::deploy::objects;
use serde_json::{Value, json};

use crate::helm::{ENGINES, template};
use crate::scene::{configs, deployment};
use crate::support::helm::Python;

/// The oldest that is supported, and the newest that there is a schema of.
const VERSIONS: [&str; 2] = ["1.25", "newest"];

/// What is not right with an object, but for whether its kind is known.
fn problems(schemas: &Python, object: &Value) -> Vec<String> {
    if object["kind"] == "PodMonitor" {
        return pod_monitor_problems(object);
    }
    let ask = |version: &str| schemas.ask(&json!({"version": version, "object": object}));
    VERSIONS
        .into_iter()
        .filter_map(|version| {
            ask(version)
                .err()
                .map(|error| format!("{version}: {error}"))
        })
        .collect()
}

/// A `PodMonitor` is no kind of Kubernetes itself. These are fields that the operator of Prometheus has known from the first:
/// <https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PodMonitor>.
fn pod_monitor_problems(object: &Value) -> Vec<String> {
    let known = [
        ("", &["apiVersion", "kind", "metadata", "spec"][..]),
        ("/metadata", &["name", "namespace", "labels"]),
        ("/spec", &["selector", "podMetricsEndpoints"]),
        ("/spec/selector", &["matchLabels"]),
        ("/spec/podMetricsEndpoints/0", &["port", "interval"]),
    ];
    let mut found = Vec::new();
    for (place, keys) in known {
        let Some(Value::Object(map)) = object.pointer(place) else {
            found.push(format!("{place}: is no mapping"));
            continue;
        };
        let unknown = map.keys().filter(|key| !keys.contains(&key.as_str()));
        found.extend(unknown.map(|key| format!("{place}: `{key}` is not known")));
    }
    if object["apiVersion"] != "monitoring.coreos.com/v1" {
        found.push("apiVersion: is another".to_owned());
    }
    if object["spec"]["podMetricsEndpoints"][0]["port"] != "metrics" {
        found.push("port: is no port of the pods".to_owned());
    }
    found
}

/// The pod in an object, if there is one.
fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str().unwrap() {
        "Pod" => Some(&object["spec"]),
        "Job" | "Deployment" => Some(&object["spec"]["template"]["spec"]),
        _ => None,
    }
}

/// What the restricted Pod Security Standard asks of a pod without volumes of nodes and ports of hosts:
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>.
fn is_restricted(pod: &Value) -> bool {
    let container = &pod["containers"][0]["securityContext"];
    let volumes = pod["volumes"].as_array().cloned().unwrap_or_default();
    pod["containers"].as_array().unwrap().len() == 1
        && pod["securityContext"]["runAsNonRoot"] == true
        && pod["securityContext"]["runAsUser"] != 0
        && pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        && container["allowPrivilegeEscalation"] == false
        && container["capabilities"] == json!({"drop": ["ALL"]})
        && container.get("privileged").is_none()
        && volumes
            .iter()
            .all(|volume| volume.get("hostPath").is_none())
        && ["hostNetwork", "hostPID", "hostIPC"]
            .iter()
            .all(|key| pod.get(key).is_none())
}

fn assert_valid(schemas: &Python, name: &str, objects: &[Value]) {
    for object in objects {
        let problems = problems(schemas, object);
        assert!(problems.is_empty(), "{name}: {object:#}: {problems:#?}");
        if let Some(pod) = pod(object) {
            assert!(is_restricted(pod), "{name}: {pod:#}");
        }
    }
}

#[test]
fn what_helm_renders_is_valid() {
    let schemas = Python::start("valid.py");
    for engine in &*ENGINES {
        for (name, values) in configs() {
            let rendered = template(engine, &values);
            assert_valid(&schemas, &name, &rendered.objects);
            assert_valid(&schemas, &name, &rendered.hooks);
        }
    }
}

#[test]
fn what_we_render_is_valid() {
    let schemas = Python::start("valid.py");
    for (name, config) in configs() {
        assert_valid(&schemas, &name, &objects(&deployment(&config)));
    }
}

#[test]
fn what_is_wrong_is_seen() {
    let schemas = Python::start("valid.py");
    let service = |port: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [port]}});
    assert_eq!(problems(&schemas, &service(json!({"port": 1}))), [""; 0]);
    for wrong in [json!({"port": "1"}), json!({"port": 1, "prot": "TCP"})] {
        assert_eq!(problems(&schemas, &service(wrong)).len(), 2);
    }
    let unknown = json!({"apiVersion": "v1", "kind": "Sevrice", "metadata": {"name": "a"}});
    assert_eq!(problems(&schemas, &unknown).len(), 2);
    let monitor = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "a"},
        "spec": {"selector": {}, "podMetricsEndpoints": [{"port": "metrics", "every": "30s"}]},
    });
    assert_eq!(problems(&schemas, &monitor).len(), 1);
}
