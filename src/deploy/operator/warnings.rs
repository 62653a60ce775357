//! What somebody asked for that a `FlinkDeployment` does not do, or does in another way.

use super::super::options::Role;
use super::cpu::unlimited;
use super::upgrade::{CHECKPOINTS, Mode, SAVEPOINTS, option};
use super::{Deployment, is_standalone};

/// A sentence for each.
pub(super) fn warnings(deployment: &Deployment, upgrade: Mode) -> Vec<String> {
    let values = &deployment.values;
    let (slots, replicas) = (values.task_manager.slots, values.task_manager.replicas);
    let mut warnings = Vec::new();
    let mut warn = |when: bool, text: String| {
        if when {
            warnings.push(text);
        }
    };
    for (key, is_on) in [
        ("podDisruptionBudget", values.pod_disruption_budget.enabled),
        ("networkPolicy", values.network_policy.enabled),
        ("podMonitor", values.pod_monitor.enabled),
    ] {
        let text = format!("A FlinkDeployment has no place for `{key}`, so nothing comes of it");
        warn(is_on, text);
    }
    let ui = &values.ui;
    warn(
        !ui.type_.is_empty()
            || ui.port != 8081
            || ui.node_port != Some(30081)
            || !ui.annotations.is_empty(),
        "The operator makes the service of the web interface, so nothing comes of `ui`; its type is \
         `kubernetes.rest-service.exposed.type` in `flink.config`"
            .to_owned(),
    );
    let account = &values.service_account;
    warn(
        account.create && !account.name.is_empty(),
        format!(
            "The service account `{}` is not made; it needs the rights of `{}`, which the operator's chart makes",
            account.name,
            super::SERVICE_ACCOUNT
        ),
    );
    warn(
        !account.annotations.is_empty(),
        "The service account is not made, so nothing comes of `serviceAccount.annotations`"
            .to_owned(),
    );
    warn(
        replicas.is_some() && !is_standalone(deployment),
        "In native mode Flink asks for as many task managers as it needs, so nothing comes of `taskManager.replicas`"
            .to_owned(),
    );
    for role in [Role::JobManager, Role::TaskManager] {
        if let Some((key, option)) = unlimited(deployment, role) {
            let text = format!(
                "Flink limits the processors of its containers, so nothing comes of an empty `{key}`; `{option}` in \
                 `flink.config` makes the limit larger"
            );
            warn(true, text);
        }
    }
    if !deployment.values.is_job() {
        return warnings;
    }
    warn(
        values.job.backoff_limit != 6,
        "The operator has its own way to start job managers again, so nothing comes of `job.backoffLimit`".to_owned(),
    );
    if let Some(all) = replicas.map(|replicas| u64::from(replicas) * u64::from(slots)) {
        let parallelism = values.job.parallelism;
        warn(
            is_standalone(deployment) && all != u64::from(parallelism),
            format!(
                "The operator uses all slots of `taskManager.replicas`: the parallelism is {all}, not {parallelism}"
            ),
        );
    }
    let [checkpoints, savepoints] =
        [CHECKPOINTS, SAVEPOINTS].map(|names| option(deployment, names));
    warn(
        upgrade == Mode::Stateless { was_said: false },
        format!(
            "Each upgrade of the job begins with no state: `flink.config` does not say both `{checkpoints}` and `{savepoints}`"
        ),
    );
    warnings
}
