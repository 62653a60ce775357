//! Who the pods are to Kubernetes, and what they may do there.

use serde_json::{Value, json};

use super::super::Deployment;
use super::Head;

/// The API of roles.
const RBAC: &str = "rbac.authorization.k8s.io";

/// The service account that pods run as.
pub(super) fn account_name(deployment: &Deployment) -> &str {
    let account = &deployment.values.service_account;
    match (account.name.as_str(), account.create) {
        ("", true) => &deployment.name,
        ("", false) => "default",
        (name, _) => name,
    }
}

/// Whether pods get a token; only high availability talks to Kubernetes.
pub(super) fn has_token(deployment: &Deployment) -> bool {
    deployment.values.high_availability.enabled
}

pub(super) fn objects(deployment: &Deployment) -> Vec<Value> {
    let mut objects = Vec::new();
    if deployment.values.service_account.create {
        objects.push(account(deployment));
    }
    if has_token(deployment) {
        objects.extend([role(deployment), binding(deployment)]);
    }
    objects
}

fn account(deployment: &Deployment) -> Value {
    let head = Head {
        type_: ("v1", "ServiceAccount"),
        name: account_name(deployment).to_owned(),
        role: None,
    };
    let mut object = head.object(deployment);
    object["automountServiceAccountToken"] = has_token(deployment).into();
    let annotations = &deployment.values.service_account.annotations;
    if !annotations.is_empty() {
        object["metadata"]["annotations"] = json!(annotations);
    }
    object
}

fn role(deployment: &Deployment) -> Value {
    let head = Head {
        type_: (&format!("{RBAC}/v1"), "Role"),
        name: deployment.name.clone(),
        role: None,
    };
    let mut object = head.object(deployment);
    // The leader is elected, and its jobs are remembered, in config maps.
    object["rules"] = json!([{
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }]);
    object
}

fn binding(deployment: &Deployment) -> Value {
    let head = Head {
        type_: (&format!("{RBAC}/v1"), "RoleBinding"),
        name: deployment.name.clone(),
        role: None,
    };
    let mut object = head.object(deployment);
    object["roleRef"] = json!({"apiGroup": RBAC, "kind": "Role", "name": deployment.name});
    // Without a namespace it is the one of the binding, which may not be known here.
    object["subjects"] = json!([{"kind": "ServiceAccount", "name": account_name(deployment)}]);
    object
}
