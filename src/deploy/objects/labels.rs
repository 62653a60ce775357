//! Labels: of objects, of pods, and those that pods are chosen by.

use serde_json::{Map, Value};

use super::super::Deployment;
use super::super::options::Role;

/// The label with the revision of the job manager.
pub(super) const REVISION: &str = "flink-img/revision";

/// The labels that choose the pods of a role, or of all.
pub(in crate::deploy) fn selector(
    deployment: &Deployment,
    role: Option<Role>,
) -> Map<String, Value> {
    let mut labels = Map::new();
    let mut set = |key: &str, value: &str| labels.insert(key.to_owned(), value.into());
    set("app.kubernetes.io/name", "flink");
    set("app.kubernetes.io/instance", &deployment.name);
    if let Some(role) = role {
        set("app.kubernetes.io/component", role.name());
    }
    labels
}

/// The same, but only for the pods of a revision.
pub(super) fn selector_of(
    deployment: &Deployment,
    role: Role,
    revision: Option<&str>,
) -> Map<String, Value> {
    let mut labels = selector(deployment, Some(role));
    if let Some(revision) = revision {
        labels.insert(REVISION.to_owned(), revision.into());
    }
    labels
}

/// The labels of an object, which belongs to a role or to all.
pub(in crate::deploy) fn of_object(
    deployment: &Deployment,
    role: Option<Role>,
) -> Map<String, Value> {
    let mut labels = with_version(deployment, selector(deployment, role));
    // Never in a pod: what rendered it is no reason for a new one.
    let manager = "flink-img".into();
    labels.insert("app.kubernetes.io/managed-by".to_owned(), manager);
    labels
}

/// Our labels of the pods of a role.
pub(in crate::deploy) fn of_pod(deployment: &Deployment, role: Role) -> Map<String, Value> {
    with_version(deployment, selector(deployment, Some(role)))
}

fn with_version(deployment: &Deployment, mut labels: Map<String, Value>) -> Map<String, Value> {
    let version = &deployment.values.flink.version;
    if !version.is_empty() {
        let key = "app.kubernetes.io/version".to_owned();
        labels.insert(key, version.as_str().into());
    }
    labels
}
