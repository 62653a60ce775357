//! What runs the pods.

use serde_json::{Value, json};

use super::super::Deployment;
use super::super::options::{self, Role};
use super::{Head, filled, labels, part};

/// What runs the job manager: a Job for a job, since that has an end; its name has the revision.
pub(super) fn job_manager(
    deployment: &Deployment,
    mut template: Value,
    revision: Option<&str>,
) -> Value {
    let replicas = deployment.values.job_manager.replicas;
    let Some(revision) = revision else {
        return deployed(deployment, Role::JobManager, replicas, &template);
    };
    template["metadata"]["labels"][labels::REVISION] = revision.into();
    let head = Head {
        type_: ("batch/v1", "Job"),
        name: part(
            deployment,
            &format!("{}-{revision}", Role::JobManager.name()),
        ),
        role: Some(Role::JobManager),
    };
    let mut object = head.object(deployment);
    object["spec"] = filled([
        ("backoffLimit", json!(deployment.values.job.backoff_limit)),
        // Those beyond the first wait until it is lost.
        ("parallelism", json!((replicas > 1).then_some(replicas))),
        ("template", template),
    ]);
    object
}

/// What runs the task managers.
pub(super) fn task_managers(deployment: &Deployment, template: &Value) -> Value {
    let replicas = options::task_managers(deployment);
    deployed(deployment, Role::TaskManager, replicas, template)
}

fn deployed(deployment: &Deployment, role: Role, replicas: u32, template: &Value) -> Value {
    let head = Head {
        type_: ("apps/v1", "Deployment"),
        name: part(deployment, role.name()),
        role: Some(role),
    };
    let mut object = head.object(deployment);
    object["spec"] = json!({
        "replicas": replicas,
        // Old and new ones would be two clusters, or one of two versions.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels::selector(deployment, Some(role))},
        "template": template,
    });
    object
}
