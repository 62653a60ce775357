//! `flinkConfiguration`: what of the options the operator does not set itself, and what it refuses.

use std::collections::BTreeMap;

use super::super::options::{Role, Rules};
use super::cpu::{Cpu, limit_factor};
use super::upgrade::{SAVEPOINTS, has_folder, option};
use super::{DeployError, Deployment};

/// Options that a `FlinkDeployment` may not have, or has another place for, and that place. Those that no deployment may have
/// are refused before.
const FORBIDDEN: [(&str, &str); 12] = [
    // The operator's validator refuses it.
    ("high-availability.cluster-id", "use `name`"),
    // It writes over these without a word.
    ("kubernetes.container.image", "use `image`"),
    ("kubernetes.container.image.ref", "use `image`"),
    (
        "kubernetes.container.image.pull-policy",
        "use `image.pullPolicy`",
    ),
    ("kubernetes.service-account", "use `serviceAccount.name`"),
    (
        "kubernetes.jobmanager.replicas",
        "use `jobManager.replicas`",
    ),
    ("kubernetes.jobmanager.cpu", "use `jobManager.cpu`"),
    ("kubernetes.jobmanager.cpu.amount", "use `jobManager.cpu`"),
    ("kubernetes.taskmanager.cpu", "use `taskManager.cpu`"),
    ("kubernetes.taskmanager.cpu.amount", "use `taskManager.cpu`"),
    (
        "kubernetes.pod-template-file.jobmanager",
        "use `pod` and `jobManager`",
    ),
    (
        "kubernetes.pod-template-file.taskmanager",
        "use `pod` and `taskManager`",
    ),
];
/// Options of the operator that need a folder for savepoints.
const NEED_SAVEPOINTS: [&str; 2] = [
    "kubernetes.operator.periodic.savepoint.interval",
    "kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age",
];
const ROLLBACK: &str = "kubernetes.operator.deployment.rollback.enabled";
const HEALTH_CHECK: &str = "kubernetes.operator.cluster.health-check.enabled";
const RECOVERY: &str = "kubernetes.operator.jm-deployment-recovery.enabled";

/// All options, as texts: those of older operators know nothing else. The address, ports and memory, the parallelism and
/// what the web interface may do are the operator's to set.
pub(super) fn flink_configuration(
    deployment: &Deployment,
    job_manager: Cpu,
    task_manager: Cpu,
) -> Result<BTreeMap<String, String>, DeployError> {
    check(deployment)?;
    let values = &deployment.values;
    let mut options = BTreeMap::new();
    let mut set = |key: &str, value: String| options.insert(key.to_owned(), value);
    set(
        "taskmanager.numberOfTaskSlots",
        values.task_manager.slots.to_string(),
    );
    for (role, cpu) in [
        (Role::JobManager, job_manager),
        (Role::TaskManager, task_manager),
    ] {
        if let Some(factor) = cpu.limit_factor() {
            set(&limit_factor(role), factor);
        }
    }
    let rules = Rules::of(deployment.line);
    if let Some((key, value)) = rules.high_availability
        && values.high_availability.enabled
    {
        set(key, value.to_owned());
        let folder = &values.high_availability.storage_dir;
        set("high-availability.storageDir", folder.clone());
    }
    if values.metrics.enabled {
        let (key, value) = rules.prometheus;
        set(key, value.to_owned());
        set(
            "metrics.reporter.prom.port",
            values.metrics.port.to_string(),
        );
    }
    options.extend(deployment.options.clone());
    Ok(options)
}

/// What the operator's validator, or nobody, would tell.
fn check(deployment: &Deployment) -> Result<(), DeployError> {
    let refuse = |name: &str, problem: String, way_out: &str| {
        Err(deployment.refused_option(name, problem, way_out))
    };
    let said = |name: &str| deployment.options.get(name).map(|text| text.trim());
    let is_on = |name: &str| said(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    for (name, way_out) in FORBIDDEN {
        if said(name).is_some() {
            let problem = format!("`{name}` may not be in `flink.config` of a FlinkDeployment");
            return refuse(name, problem, way_out);
        }
    }
    if is_on(ROLLBACK) && !deployment.values.high_availability.enabled {
        let problem = format!("`{ROLLBACK}` needs high availability");
        return refuse(ROLLBACK, problem, "set `highAvailability.enabled`");
    }
    if is_on(HEALTH_CHECK) && said(RECOVERY).is_some_and(|text| text.eq_ignore_ascii_case("false"))
    {
        let problem = format!("`{HEALTH_CHECK}` needs `{RECOVERY}`, which is off");
        return refuse(HEALTH_CHECK, problem, "leave the second one out");
    }
    for name in NEED_SAVEPOINTS {
        let has_folder = || has_folder(deployment, SAVEPOINTS);
        if deployment.values.is_job() && said(name).is_some() && !has_folder() {
            let problem =
                format!("`{name}` needs a folder for savepoints, and `flink.config` has none");
            let way_out = format!("say `{}` as well", option(deployment, SAVEPOINTS));
            return refuse(name, problem, &way_out);
        }
    }
    Ok(())
}
