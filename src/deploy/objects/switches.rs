//! What is only made when it is switched on.

use serde_json::{Value, json};

use super::super::Deployment;
use super::super::options::{Role, UI_PORT};
use super::{Head, filled, labels, over, part};

/// How many pods may be ended at once.
pub(super) fn disruption_budgets(deployment: &Deployment) -> Vec<Value> {
    let budget = &deployment.values.pod_disruption_budget;
    if !budget.enabled {
        return Vec::new();
    }
    let object = |role: Role, key: &str, value: &Value| {
        let head = Head {
            type_: ("policy/v1", "PodDisruptionBudget"),
            name: part(deployment, role.name()),
            role: Some(role),
        };
        let mut object = head.object(deployment);
        object["spec"] = json!({
            key: value,
            "selector": {"matchLabels": labels::selector(deployment, Some(role))},
        });
        object
    };
    let max = &budget.max_unavailable;
    let mut budgets = vec![object(Role::TaskManager, "maxUnavailable", max)];
    // For a single one it would only keep nodes from being drained.
    if deployment.values.job_manager.replicas > 1 {
        budgets.push(object(Role::JobManager, "minAvailable", &json!(1)));
    }
    budgets
}

/// Who may talk to the pods.
pub(super) fn network_policy(deployment: &Deployment) -> Option<Value> {
    let policy = &deployment.values.network_policy;
    let metrics = &deployment.values.metrics;
    policy.enabled.then(|| {
        let pods = labels::selector(deployment, None);
        let port = |port: u16| json!([{"port": port, "protocol": "TCP"}]);
        let mut ingress = vec![
            json!({"from": [{"podSelector": {"matchLabels": pods}}]}),
            filled([("ports", port(UI_PORT)), ("from", json!(policy.ui_from))]),
        ];
        if metrics.enabled {
            ingress.push(json!({"ports": port(metrics.port)}));
        }
        let head = Head {
            type_: ("networking.k8s.io/v1", "NetworkPolicy"),
            name: deployment.name.clone(),
            role: None,
        };
        let mut object = head.object(deployment);
        object["spec"] = json!({
            "podSelector": {"matchLabels": pods},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        });
        object
    })
}

/// What tells the operator of Prometheus of the pods.
pub(super) fn pod_monitor(deployment: &Deployment) -> Option<Value> {
    let monitor = &deployment.values.pod_monitor;
    monitor.enabled.then(|| {
        let head = Head {
            type_: ("monitoring.coreos.com/v1", "PodMonitor"),
            name: deployment.name.clone(),
            role: None,
        };
        let mut object = head.object(deployment);
        let ours = labels::of_object(deployment, None);
        object["metadata"]["labels"] = json!(over(&monitor.labels, &ours));
        object["spec"] = json!({
            "selector": {"matchLabels": labels::selector(deployment, None)},
            "podMetricsEndpoints": [filled([
                ("port", json!("metrics")),
                ("interval", json!(monitor.interval)),
            ])],
        });
        object
    })
}
