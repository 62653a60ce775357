//! Templates of pods, as far as the operator and Flink do not fill them in: no image, no command, no memory and processors.
//!
//! The operator puts the template of a role over the one of both, and merges lists by the places of their items. So a list
//! that is not the same in both roles is not in the common template at all.

use serde_json::{Map, Value, json};

use super::super::objects::pod::{both, own, spread};
use super::super::objects::{filled, labels, over};
use super::super::options::{RPC_PORT, Role, TASK_MANAGER_RPC_PORT};
use super::cpu::resources;
use super::{Deployment, is_standalone};

/// What Flink calls its container.
const CONTAINER: &str = "flink-main-container";
/// Where jobs are looked for.
const USER_LIBRARIES: &str = "/opt/flink/usrlib";
/// Mappings that are told apart key by key; all others are kept whole.
const MERGED: [&str; 6] = [
    "metadata",
    "annotations",
    "labels",
    "spec",
    "nodeSelector",
    "containers",
];

/// The templates of a `FlinkDeployment`.
#[derive(Debug)]
pub(super) struct Templates {
    /// What both roles have in common.
    pub(super) common: Value,
    /// What only job managers have.
    pub(super) job_manager: Value,
    /// What only task managers have.
    pub(super) task_manager: Value,
}

/// The templates of both roles.
pub(super) fn templates(deployment: &Deployment) -> Templates {
    let [job_manager, task_manager] =
        [Role::JobManager, Role::TaskManager].map(|role| template(deployment, role));
    let (common, job_manager, task_manager) = split(&job_manager, &task_manager);
    Templates {
        common: Value::Object(common),
        job_manager: Value::Object(job_manager),
        task_manager: Value::Object(task_manager),
    }
}

/// The whole template of a role.
fn template(deployment: &Deployment, role: Role) -> Map<String, Value> {
    let values = &deployment.values;
    let (all, own) = (&values.pod.all, own(deployment, role));
    let mut volumes = vec![
        json!({"name": "tmp", "emptyDir": {}}),
        json!({"name": "log", "emptyDir": {}}),
    ];
    let mut mounts = vec![
        json!({"name": "tmp", "mountPath": "/tmp"}),
        json!({"name": "log", "mountPath": "/opt/flink/log"}),
    ];
    volumes.extend(both(deployment, role, |of| &of.volumes));
    mounts.extend(both(deployment, role, |of| &of.volume_mounts));
    if hides_the_job(deployment, role, &mounts) {
        // Beside the folder, and the operator takes it for one in it.
        volumes.push(json!({"name": "usrlib-of-the-image", "emptyDir": {}}));
        let path = format!("{USER_LIBRARIES}-of-the-image");
        mounts.push(json!({"name": "usrlib-of-the-image", "mountPath": path}));
    }
    let container = filled([
        ("name", json!(CONTAINER)),
        ("env", both(deployment, role, |of| &of.env).collect()),
        (
            "envFrom",
            both(deployment, role, |of| &of.env_from).collect(),
        ),
        ("ports", ports(deployment)),
        ("resources", more_resources(deployment, role)),
        (
            "securityContext",
            json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": values.security.read_only_root_filesystem,
            }),
        ),
        ("livenessProbe", liveness(deployment, role)),
        ("volumeMounts", json!(mounts)),
    ]);
    let affinity = if own.affinity.is_empty() {
        &all.affinity
    } else {
        &own.affinity
    };
    let spec = filled([
        ("enableServiceLinks", json!(false)),
        (
            "terminationGracePeriodSeconds",
            json!(values.pod.termination_grace_period_seconds),
        ),
        ("priorityClassName", json!(values.pod.priority_class_name)),
        (
            "nodeSelector",
            json!(over(&all.node_selector, &own.node_selector)),
        ),
        (
            "tolerations",
            both(deployment, role, |of| &of.tolerations).collect(),
        ),
        ("affinity", json!(affinity)),
        ("imagePullSecrets", json!(values.image.pull_secrets)),
        ("securityContext", security(deployment)),
        ("topologySpreadConstraints", spread(deployment, role)),
        ("containers", json!([container])),
        ("volumes", json!(volumes)),
    ]);
    let metadata = filled([
        (
            "annotations",
            annotations(deployment, over(&all.annotations, &own.annotations)),
        ),
        (
            "labels",
            json!(over(
                &over(&all.labels, &own.labels),
                &labels::of_pod(deployment, role)
            )),
        ),
    ]);
    let parts = [("metadata", metadata), ("spec", spec)];
    parts
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
}

/// Whether the operator would put an empty folder over the one with the job: for a standalone job it does where no mount of
/// the job manager's begins with that path.
fn hides_the_job(deployment: &Deployment, role: Role, mounts: &[Value]) -> bool {
    let begins = |path: &str| path.starts_with(USER_LIBRARIES);
    let is_mounted = |mount: &Value| mount["mountPath"].as_str().is_some_and(begins);
    role == Role::JobManager
        && deployment.values.is_job()
        && is_standalone(deployment)
        && begins(&deployment.values.job.jar)
        && !mounts.iter().any(is_mounted)
}

/// Flink's own ports are added by Flink.
fn ports(deployment: &Deployment) -> Value {
    let metrics = &deployment.values.metrics;
    let port = || json!([{"name": "metrics", "containerPort": metrics.port}]);
    metrics.enabled.then(port).into()
}

/// What `resources` says but for the processors, which Flink sets.
fn more_resources(deployment: &Deployment, role: Role) -> Value {
    let (_, resources) = resources(deployment, role);
    let mut resources = resources.clone();
    for kind in ["requests", "limits"] {
        if let Some(Value::Object(map)) = resources.get_mut(kind) {
            map.remove("cpu");
            if map.is_empty() {
                resources.remove(kind);
            }
        }
    }
    Value::Object(resources)
}

/// Flink listens on this port in either mode. Whether a job manager is ready, the operator asks itself.
fn liveness(deployment: &Deployment, role: Role) -> Value {
    let probes = &deployment.values.probes;
    let port = match role {
        Role::JobManager => RPC_PORT,
        Role::TaskManager => TASK_MANAGER_RPC_PORT,
    };
    let probe = || {
        json!({
            "tcpSocket": {"port": port},
            "initialDelaySeconds": probes.initial_delay_seconds,
            "periodSeconds": probes.period_seconds,
        })
    };
    probes.enabled.then(probe).into()
}

/// Who the processes in a pod are, within the restricted Pod Security Standard.
fn security(deployment: &Deployment) -> Value {
    let security = &deployment.values.security;
    filled([
        ("runAsNonRoot", json!(true)),
        ("runAsUser", json!(security.run_as_user)),
        ("runAsGroup", json!(security.run_as_group)),
        ("fsGroup", json!(security.fs_group)),
        ("seccompProfile", json!({"type": "RuntimeDefault"})),
    ])
}

fn annotations(deployment: &Deployment, users: Map<String, Value>) -> Value {
    let java = &deployment.values.flink.java;
    let mut annotations = users;
    if !java.is_empty() {
        annotations.insert("flink-img/java".to_owned(), json!(java));
    }
    Value::Object(annotations)
}

/// What two mappings have in common, and what is left of each.
fn split(
    left: &Map<String, Value>,
    right: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>, Map<String, Value>) {
    let mut common = Map::new();
    let (mut only_left, mut only_right) = (left.clone(), right.clone());
    for (key, value) in left {
        let Some(other) = right.get(key) else {
            continue;
        };
        let is_merged = MERGED.contains(&key.as_str());
        if value == other {
            common.insert(key.clone(), value.clone());
            only_left.remove(key);
            only_right.remove(key);
            continue;
        }
        let parts = match (value, other) {
            (Value::Object(value), Value::Object(other)) if is_merged => {
                let (a, b, c) = split(value, other);
                [a, b, c].map(Value::Object)
            }
            (Value::Array(value), Value::Array(other)) if is_merged => {
                split_containers(value, other)
            }
            _ => continue,
        };
        for (map, part) in [&mut common, &mut only_left, &mut only_right]
            .into_iter()
            .zip(parts)
        {
            if part.as_object().is_some_and(Map::is_empty) {
                map.remove(key);
            } else {
                map.insert(key.clone(), part);
            }
        }
    }
    (common, only_left, only_right)
}

/// The same of the one container, which keeps its name everywhere.
fn split_containers(left: &[Value], right: &[Value]) -> [Value; 3] {
    let map = |containers: &[Value]| containers[0].as_object().cloned().unwrap_or_default();
    let (common, left, right) = split(&map(left), &map(right));
    [common, left, right].map(|mut container| {
        container.insert("name".to_owned(), json!(CONTAINER));
        json!([container])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second over the first, as the operator does it: lists by the places of their items.
    fn merge(under: &mut Value, over: &Value) {
        match (under, over) {
            (Value::Object(under), Value::Object(over)) => {
                for (key, value) in over {
                    match under.get_mut(key) {
                        Some(below) if below.is_object() || below.is_array() => merge(below, value),
                        _ => drop(under.insert(key.clone(), value.clone())),
                    }
                }
            }
            (Value::Array(under), Value::Array(over)) => {
                for (at, value) in over.iter().enumerate() {
                    match under.get_mut(at) {
                        Some(below) => merge(below, value),
                        None => under.push(value.clone()),
                    }
                }
            }
            _ => {}
        }
    }

    #[test]
    fn templates_that_the_operator_merges_are_those_of_the_roles() {
        let container = |more: Value| {
            let mut container = json!({"name": CONTAINER, "tty": true});
            merge(&mut container, &more);
            json!({"spec": {"containers": [container], "hostNetwork": false}})
        };
        let cases = [
            (container(json!({})), container(json!({}))),
            (container(json!({"stdin": true})), container(json!({}))),
            (
                container(json!({"env": [{"name": "A"}, {"name": "B"}]})),
                container(json!({"env": [{"name": "A"}, {"name": "C"}]})),
            ),
            (
                container(json!({"livenessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 2}})),
                container(json!({"livenessProbe": {"tcpSocket": {"port": 3}, "periodSeconds": 2}})),
            ),
            (
                json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"nodeSelector": {"x": "y"}}}),
                json!({"metadata": {"labels": {"a": "1", "b": "3"}}, "spec": {"nodeSelector": {"x": "z"}}}),
            ),
            (
                json!({"spec": {"affinity": {"podAffinity": {"a": 1}, "nodeAffinity": {"b": 2}}}}),
                json!({"spec": {"affinity": {"podAffinity": {"a": 1}}}}),
            ),
        ];
        for (left, right) in cases {
            let map = |value: &Value| value.as_object().unwrap().clone();
            let (common, only_left, only_right) = split(&map(&left), &map(&right));
            for (own, expected) in [(only_left, &left), (only_right, &right)] {
                let mut merged = Value::Object(common.clone());
                merge(&mut merged, &Value::Object(own));
                assert_eq!(&merged, expected, "from {common:?}");
            }
        }
    }
}
