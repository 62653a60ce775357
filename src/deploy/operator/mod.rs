//! A deployment as a `FlinkDeployment`, for the Flink Kubernetes Operator.
//!
//! The operator makes the objects and most of the options itself; it is told the rest. One form is written for all operators
//! from 1.10 on: options as texts only, and `resource`, which newer ones call deprecated, for `resources`. What the operator's
//! webhook would refuse is refused here.

mod cpu;
mod options;
mod pods;
mod upgrade;
mod warnings;

use serde_json::{Value, json};

use super::json::word;
use super::objects::{filled, labels};
use super::options::Role;
use super::{DeployError, Deployment};
use cpu::Cpu;

/// The service account that the chart of the operator makes in the namespaces of its clusters.
const SERVICE_ACCOUNT: &str = "flink";
/// The first line of Flink that operators which are still in use take.
const OLDEST_LINE: (u16, u16) = (1, 15);
/// The files that operators put beside the options, for the logs of either kind.
const LOG_FILES: [&str; 2] = ["log4j-console.properties", "logback-console.xml"];

/// The deployment as a `FlinkDeployment`, and what is to be known about it.
pub fn flink_deployment(deployment: &Deployment) -> Result<(Value, Vec<String>), DeployError> {
    let values = &deployment.values;
    let version = flink_version(deployment)?;
    let upgrade = upgrade::mode(deployment)?;
    let [job_manager, task_manager] = cpus(deployment)?;
    let options = options::flink_configuration(deployment, job_manager, task_manager)?;
    let templates = pods::templates(deployment);
    let mode = is_standalone(deployment).then_some("standalone");
    let job_manager = role(
        values.job_manager.memory,
        job_manager,
        Some(values.job_manager.replicas),
        templates.job_manager,
    );
    let task_manager = role(
        values.task_manager.memory,
        task_manager,
        task_managers(deployment),
        templates.task_manager,
    );
    let spec = filled([
        ("flinkVersion", json!(version)),
        ("image", json!(deployment.image)),
        ("imagePullPolicy", json!(values.image.pull_policy)),
        ("serviceAccount", json!(service_account(deployment))),
        ("mode", json!(mode)),
        ("flinkConfiguration", json!(options)),
        ("logConfiguration", log_configuration(deployment)?),
        ("jobManager", job_manager),
        ("taskManager", task_manager),
        ("podTemplate", templates.common),
        ("job", job(deployment, upgrade)?),
    ]);
    let object = json!({
        "apiVersion": "flink.apache.org/v1beta1",
        "kind": "FlinkDeployment",
        "metadata": filled([
            ("name", json!(deployment.name)),
            ("namespace", json!(deployment.namespace)),
            ("labels", json!(labels::of_object(deployment, None))),
        ]),
        "spec": spec,
    });
    Ok((object, warnings::warnings(deployment, upgrade)))
}

/// Whether the operator makes the task managers, and not Flink.
fn is_standalone(deployment: &Deployment) -> bool {
    deployment.values.operator.mode == "standalone"
}

/// The line, by the name that the operator has for it.
fn flink_version(deployment: &Deployment) -> Result<String, DeployError> {
    let key = "flink.version";
    let Some(version) = &deployment.flink else {
        let problem = "`flink.version` is not known, and the operator must be told it".to_owned();
        return Err(deployment.refused(key, problem, "say `flink.version`"));
    };
    let (major, minor) = version.line();
    if (major, minor) < OLDEST_LINE {
        let (oldest_major, oldest_minor) = OLDEST_LINE;
        let problem = format!(
            "`flink.version` is {version}, and the operator takes Flink {oldest_major}.{oldest_minor} and newer"
        );
        let way_out = "render plain manifests with `--as yaml`, or a chart with `--as chart`";
        return Err(deployment.refused(key, problem, way_out));
    }
    Ok(format!("v{major}_{minor}"))
}

/// The service account of all pods.
fn service_account(deployment: &Deployment) -> &str {
    match deployment.values.service_account.name.as_str() {
        "" => SERVICE_ACCOUNT,
        name => name,
    }
}

/// The processors of job managers and of task managers.
fn cpus(deployment: &Deployment) -> Result<[Cpu; 2], DeployError> {
    Ok([
        Cpu::of(deployment, Role::JobManager)?,
        Cpu::of(deployment, Role::TaskManager)?,
    ])
}

/// How many task managers there are, if somebody has to say so. With a job, the operator takes it for the parallelism
/// as well, and counts them itself otherwise; in native mode Flink asks for as many as it needs.
fn task_managers(deployment: &Deployment) -> Option<u32> {
    match (is_standalone(deployment), deployment.values.is_job()) {
        (false, _) => None,
        (true, true) => deployment.values.task_manager.replicas,
        (true, false) => Some(deployment.values.task_manager.replicas.unwrap_or(1)),
    }
}

fn role(memory: u32, cpu: Cpu, replicas: Option<u32>, template: Value) -> Value {
    filled([
        ("replicas", json!(replicas)),
        (
            "resource",
            json!({"cpu": cpu.amount(), "memory": format!("{memory}m")}),
        ),
        ("podTemplate", template),
    ])
}

/// Files for the logs. The operator's own conf folder hides all others that might be put into it.
fn log_configuration(deployment: &Deployment) -> Result<Value, DeployError> {
    let files = &deployment.values.flink.files;
    if let Some(other) = files
        .keys()
        .find(|name| !LOG_FILES.contains(&name.as_str()))
    {
        let [log4j, logback] = LOG_FILES;
        let problem = format!(
            "`flink.files` has `{other}`, and of files in the conf folder the operator takes `{log4j}` and `{logback}` only"
        );
        let way_out = "put it into the image, or mount it elsewhere with `pod.volumes` and `pod.volumeMounts`";
        return Err(deployment.refused_file(other, problem, way_out));
    }
    Ok(json!(files))
}

/// The job; a session has none.
fn job(deployment: &Deployment, upgrade: upgrade::Mode) -> Result<Value, DeployError> {
    if !deployment.values.is_job() {
        return Ok(Value::Null);
    }
    let job = &deployment.values.job;
    if job.jar.is_empty() {
        let problem =
            "`job.jar` is not known, and the operator must be told the path of the job's jar"
                .to_owned();
        let way_out = "say `job.jar`, as `/opt/flink/usrlib/job.jar`";
        return Err(deployment.refused("job.jar", problem, way_out));
    }
    let args: Vec<String> = job.args.iter().map(word).collect();
    Ok(filled([
        ("jarURI", json!(format!("local://{}", job.jar))),
        ("entryClass", json!(job.class)),
        ("args", json!(args)),
        ("parallelism", json!(job.parallelism)),
        ("state", json!("running")),
        ("upgradeMode", json!(upgrade.name())),
        ("initialSavepointPath", json!(job.from_savepoint)),
        (
            "allowNonRestoredState",
            json!(job.allow_non_restored_state.then_some(true)),
        ),
    ]))
}
