//! What pods are reached by, and the files that they are given.

use serde_json::{Value, json};

use super::super::options::{BLOB_PORT, RPC_PORT, Role, UI_PORT};
use super::super::{Deployment, FlinkType};
use super::{Head, filled, labels, part};

/// The files that take the place of those in the image.
pub(super) fn files(deployment: &Deployment) -> Option<Value> {
    let files = &deployment.values.flink.files;
    (!files.is_empty()).then(|| {
        let head = Head {
            type_: ("v1", "ConfigMap"),
            name: part(deployment, "files"),
            role: None,
        };
        let mut object = head.object(deployment);
        object["data"] = json!(files);
        object
    })
}

/// The service by which task managers find the job manager.
pub(super) fn internal(deployment: &Deployment, revision: Option<&str>) -> Value {
    let port = |(name, port): (&str, u16)| json!({"name": name, "port": port, "targetPort": name});
    let ports = [("rpc", RPC_PORT), ("blob", BLOB_PORT), ("ui", UI_PORT)].map(port);
    let mut object = head(deployment, Role::JobManager.name()).object(deployment);
    object["spec"] = json!({
        "ports": ports,
        // Task managers look for it before it is ready.
        "publishNotReadyAddresses": true,
        "selector": labels::selector_of(deployment, Role::JobManager, revision),
    });
    object
}

/// The service for the web interface, if there is one.
pub(super) fn ui(deployment: &Deployment, revision: Option<&str>) -> Option<Value> {
    let ui = &deployment.values.ui;
    let type_ = match (ui.type_.as_str(), deployment.values.flink.type_) {
        ("None", _) => return None,
        ("", FlinkType::Job) => "NodePort",
        ("", FlinkType::Session) => "ClusterIP",
        (type_, _) => type_,
    };
    let node_port = ui.node_port.filter(|_| type_ == "NodePort");
    let mut object = head(deployment, "ui").object(deployment);
    if !ui.annotations.is_empty() {
        object["metadata"]["annotations"] = json!(ui.annotations);
    }
    object["spec"] = json!({
        "type": type_,
        "ports": [filled([
            ("name", json!("ui")),
            ("port", json!(ui.port)),
            ("targetPort", json!("ui")),
            ("nodePort", json!(node_port)),
        ])],
        "selector": labels::selector_of(deployment, Role::JobManager, revision),
    });
    Some(object)
}

fn head(deployment: &Deployment, name: &str) -> Head<'static> {
    Head {
        type_: ("v1", "Service"),
        name: part(deployment, name),
        role: Some(Role::JobManager),
    }
}
