//! A pod of a job manager or a task manager, which holds to the restricted Pod Security Standard.

use serde_json::{Map, Value, json};

use super::super::Deployment;
use super::super::json::word;
use super::super::options::{
    BLOB_PORT, DATA_PORT, RPC_PORT, Role, TASK_MANAGER_RPC_PORT, UI_PORT, properties, words,
};
use super::super::revision::short_hash;
use super::super::values::RoleValues;
use super::{access, filled, labels, over, part};

/// How often a job manager is asked whether it is ready, in seconds.
const READINESS_PERIOD: u32 = 10;

/// The template of a pod, before it is known what its revision is.
pub(super) fn template(deployment: &Deployment, role: Role) -> Value {
    let all = &deployment.values.pod.all;
    let own = own(deployment, role);
    let users = over(&all.labels, &own.labels);
    let annotations = annotations(deployment, over(&all.annotations, &own.annotations));
    let metadata = filled([
        ("annotations", json!(annotations)),
        (
            "labels",
            json!(over(&users, &labels::of_pod(deployment, role))),
        ),
    ]);
    json!({"metadata": metadata, "spec": spec(deployment, role)})
}

/// What is said of one role alone.
pub(in crate::deploy) fn own(deployment: &Deployment, role: Role) -> &RoleValues {
    match role {
        Role::JobManager => &deployment.values.job_manager.pod,
        Role::TaskManager => &deployment.values.task_manager.pod,
    }
}

/// What all pods have, and then what those of one role have.
pub(in crate::deploy) fn both(
    deployment: &Deployment,
    role: Role,
    list: fn(&RoleValues) -> &Vec<Value>,
) -> impl Iterator<Item = Value> + use<'_> {
    let all = list(&deployment.values.pod.all);
    all.iter().chain(list(own(deployment, role))).cloned()
}

fn annotations(deployment: &Deployment, users: Map<String, Value>) -> Map<String, Value> {
    let flink = &deployment.values.flink;
    let mut annotations = users;
    if !flink.java.is_empty() {
        annotations.insert("flink-img/java".to_owned(), flink.java.as_str().into());
    }
    if !flink.files.is_empty() {
        // A file that is mounted by its name does not change in a pod that runs, so there has to be a new one.
        let hash = short_hash(&json!(flink.files));
        annotations.insert("flink-img/files".to_owned(), hash.into());
    }
    annotations
}

fn spec(deployment: &Deployment, role: Role) -> Value {
    let values = &deployment.values;
    let (pod, own, security) = (&values.pod, own(deployment, role), &values.security);
    let ends = role == Role::JobManager && values.is_job();
    let affinity = if own.affinity.is_empty() {
        &pod.all.affinity
    } else {
        &own.affinity
    };
    filled([
        (
            "automountServiceAccountToken",
            json!(access::has_token(deployment)),
        ),
        ("enableServiceLinks", json!(false)),
        ("restartPolicy", json!(ends.then_some("OnFailure"))),
        (
            "serviceAccountName",
            json!(access::account_name(deployment)),
        ),
        (
            "terminationGracePeriodSeconds",
            json!(pod.termination_grace_period_seconds),
        ),
        ("priorityClassName", json!(pod.priority_class_name)),
        (
            "nodeSelector",
            json!(over(&pod.all.node_selector, &own.node_selector)),
        ),
        (
            "tolerations",
            both(deployment, role, |of| &of.tolerations).collect(),
        ),
        ("affinity", json!(affinity)),
        ("imagePullSecrets", json!(values.image.pull_secrets)),
        (
            "securityContext",
            filled([
                ("runAsNonRoot", json!(true)),
                ("runAsUser", json!(security.run_as_user)),
                ("runAsGroup", json!(security.run_as_group)),
                ("fsGroup", json!(security.fs_group)),
                ("seccompProfile", json!({"type": "RuntimeDefault"})),
            ]),
        ),
        ("topologySpreadConstraints", spread(deployment, role)),
        ("containers", json!([container(deployment, role)])),
        ("volumes", volumes(deployment, role)),
    ])
}

pub(in crate::deploy) fn spread(deployment: &Deployment, role: Role) -> Value {
    let spread = &deployment.values.spread;
    if !spread.enabled || role != Role::TaskManager {
        return Value::Null;
    }
    json!([{
        "maxSkew": 1,
        "topologyKey": spread.topology_key,
        "whenUnsatisfiable": spread.when_unsatisfiable,
        "labelSelector": {"matchLabels": labels::selector(deployment, Some(role))},
    }])
}

fn container(deployment: &Deployment, role: Role) -> Value {
    let values = &deployment.values;
    let probes = &values.probes;
    let (liveness, readiness) = if probes.enabled {
        let liveness = json!({
            "tcpSocket": {"port": "rpc"},
            "initialDelaySeconds": probes.initial_delay_seconds,
            "periodSeconds": probes.period_seconds,
        });
        let readiness = json!({
            "tcpSocket": {"port": "ui"},
            "periodSeconds": READINESS_PERIOD,
        });
        let readiness = (role == Role::JobManager).then_some(readiness);
        (liveness, json!(readiness))
    } else {
        (Value::Null, Value::Null)
    };
    filled([
        ("name", json!(role.name())),
        ("image", json!(deployment.image)),
        ("imagePullPolicy", json!(values.image.pull_policy)),
        ("args", json!(words(deployment, role))),
        ("env", env(deployment, role)),
        (
            "envFrom",
            both(deployment, role, |of| &of.env_from).collect(),
        ),
        ("ports", ports(deployment, role)),
        ("resources", resources(deployment, role)),
        (
            "securityContext",
            json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": values.security.read_only_root_filesystem,
            }),
        ),
        ("livenessProbe", liveness),
        ("readinessProbe", readiness),
        ("volumeMounts", mounts(deployment, role)),
    ])
}

/// Variables. Those that others name by `$(NAME)` come first, as Kubernetes wants it.
fn env(deployment: &Deployment, role: Role) -> Value {
    let is_available = deployment.values.high_availability.enabled;
    let field = |name: &str, path: &str| json!({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}});
    let mut env = Vec::new();
    if is_available || role == Role::TaskManager {
        env.push(field("POD_IP", "status.podIP"));
    }
    if is_available {
        env.push(field("POD_NAMESPACE", "metadata.namespace"));
    }
    let lines = properties(deployment, role);
    if !lines.is_empty() {
        env.push(json!({"name": "FLINK_PROPERTIES", "value": lines}));
    }
    env.extend(both(deployment, role, |of| &of.env));
    Value::Array(env)
}

fn ports(deployment: &Deployment, role: Role) -> Value {
    let metrics = &deployment.values.metrics;
    let mut ports = match role {
        Role::JobManager => vec![("rpc", RPC_PORT), ("blob", BLOB_PORT), ("ui", UI_PORT)],
        Role::TaskManager => vec![("rpc", TASK_MANAGER_RPC_PORT), ("data", DATA_PORT)],
    };
    if metrics.enabled {
        ports.push(("metrics", metrics.port));
    }
    let port = |(name, port)| json!({"name": name, "containerPort": port});
    ports.into_iter().map(port).collect()
}

/// What the container is given, and limited to: the same, so that Flink has what it plans with.
fn resources(deployment: &Deployment, role: Role) -> Value {
    let values = &deployment.values;
    let (memory, cpu, more) = match role {
        Role::JobManager => {
            let of = &values.job_manager;
            (of.memory, &of.cpu, &of.resources)
        }
        Role::TaskManager => {
            let of = &values.task_manager;
            (of.memory, &of.cpu, &of.resources)
        }
    };
    let ours = json!({"cpu": word(cpu), "memory": format!("{memory}Mi")});
    let mut resources = json!({"requests": ours, "limits": ours});
    for (key, value) in more {
        match (&mut resources[key], value) {
            (Value::Object(under), Value::Object(over)) => {
                under.extend(over.clone());
                // A limit that is not wanted is empty.
                under.retain(|_, amount| amount != "");
            }
            (place, value) => *place = value.clone(),
        }
    }
    resources
}

fn mounts(deployment: &Deployment, role: Role) -> Value {
    let mut mounts = vec![
        json!({"name": "tmp", "mountPath": "/tmp"}),
        json!({"name": "log", "mountPath": "/opt/flink/log"}),
    ];
    // Each by itself, so that the others in the folder, and the configuration among them, stay.
    mounts.extend(deployment.values.flink.files.keys().map(|name| {
        json!({
            "name": "files",
            "mountPath": format!("/opt/flink/conf/{name}"),
            "subPath": name,
            "readOnly": true,
        })
    }));
    mounts.extend(both(deployment, role, |of| &of.volume_mounts));
    Value::Array(mounts)
}

fn volumes(deployment: &Deployment, role: Role) -> Value {
    let mut volumes = vec![
        json!({"name": "tmp", "emptyDir": {}}),
        json!({"name": "log", "emptyDir": {}}),
    ];
    if !deployment.values.flink.files.is_empty() {
        let name = part(deployment, "files");
        volumes.push(json!({"name": "files", "configMap": {"name": name}}));
    }
    volumes.extend(both(deployment, role, |of| &of.volumes));
    Value::Array(volumes)
}
