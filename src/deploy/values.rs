//! The values of `charts/flink/values.yaml` as types. What they mean is written there; which are valid, in the schema beside
//! it, which has been asked before anything becomes a [`Values`].
#![allow(
    missing_docs,
    reason = "each is explained in the values file of the chart"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Everything that decides what is rendered, with all defaults put in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Values {
    pub name: String,
    pub flink: FlinkValues,
    pub image: ImageValues,
    pub job: JobValues,
    pub job_manager: JobManagerValues,
    pub task_manager: TaskManagerValues,
    pub pod: PodValues,
    pub security: SecurityValues,
    pub probes: ProbesValues,
    pub ui: UiValues,
    pub service_account: ServiceAccountValues,
    pub high_availability: HighAvailabilityValues,
    pub metrics: MetricsValues,
    pub pod_monitor: PodMonitorValues,
    pub pod_disruption_budget: PodDisruptionBudgetValues,
    pub network_policy: NetworkPolicyValues,
    pub spread: SpreadValues,
    pub operator: OperatorValues,
}

impl Values {
    /// Whether the cluster is for the one job in its image.
    pub fn is_job(&self) -> bool {
        self.flink.type_ == FlinkType::Job
    }
}

/// Whether a cluster takes jobs, or is for the one in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlinkType {
    /// It takes jobs.
    Session,
    /// It is for one job.
    Job,
}

/// `flink` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlinkValues {
    #[serde(rename = "type")]
    pub type_: FlinkType,
    pub version: String,
    pub java: String,
    pub config: Map<String, Value>,
    pub files: BTreeMap<String, String>,
}

/// `image` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageValues {
    pub repository: String,
    pub tag: String,
    pub digest: String,
    pub pull_policy: String,
    pub pull_secrets: Vec<Value>,
}

/// `job` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobValues {
    pub class: String,
    pub jar: String,
    pub args: Vec<Value>,
    pub parallelism: u32,
    pub from_savepoint: String,
    pub allow_non_restored_state: bool,
    pub backoff_limit: u32,
}

/// `jobManager` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobManagerValues {
    pub memory: u32,
    pub cpu: Value,
    pub replicas: u32,
    pub resources: Map<String, Value>,
    #[serde(flatten)]
    pub pod: RoleValues,
}

/// `taskManager` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerValues {
    pub memory: u32,
    pub cpu: Value,
    pub slots: u32,
    #[serde(default)]
    pub replicas: Option<u32>,
    pub resources: Map<String, Value>,
    #[serde(flatten)]
    pub pod: RoleValues,
}

/// What `jobManager`, `taskManager` and `pod` say alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleValues {
    pub env: Vec<Value>,
    pub env_from: Vec<Value>,
    pub volumes: Vec<Value>,
    pub volume_mounts: Vec<Value>,
    pub annotations: Map<String, Value>,
    pub labels: Map<String, Value>,
    pub node_selector: Map<String, Value>,
    pub tolerations: Vec<Value>,
    pub affinity: Map<String, Value>,
}

/// `pod` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodValues {
    #[serde(flatten)]
    pub all: RoleValues,
    pub priority_class_name: String,
    pub termination_grace_period_seconds: u32,
}

/// `security` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityValues {
    #[serde(default)]
    pub run_as_user: Option<u32>,
    #[serde(default)]
    pub run_as_group: Option<u32>,
    #[serde(default)]
    pub fs_group: Option<u32>,
    pub read_only_root_filesystem: bool,
}

/// `probes` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbesValues {
    pub enabled: bool,
    pub initial_delay_seconds: u32,
    pub period_seconds: u32,
}

/// `ui` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UiValues {
    #[serde(rename = "type")]
    pub type_: String,
    pub port: u16,
    #[serde(default)]
    pub node_port: Option<u16>,
    pub annotations: Map<String, Value>,
}

/// `serviceAccount` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountValues {
    pub create: bool,
    pub name: String,
    pub annotations: Map<String, Value>,
}

/// `highAvailability` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HighAvailabilityValues {
    pub enabled: bool,
    pub storage_dir: String,
}

/// `metrics` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricsValues {
    pub enabled: bool,
    pub port: u16,
}

/// `podMonitor` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodMonitorValues {
    pub enabled: bool,
    pub interval: String,
    pub labels: Map<String, Value>,
}

/// `podDisruptionBudget` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodDisruptionBudgetValues {
    pub enabled: bool,
    pub max_unavailable: Value,
}

/// `networkPolicy` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicyValues {
    pub enabled: bool,
    pub ui_from: Vec<Value>,
}

/// `spread` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpreadValues {
    pub enabled: bool,
    pub topology_key: String,
    pub when_unsatisfiable: String,
}

/// `operator` of the values file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperatorValues {
    pub mode: String,
    pub upgrade_mode: String,
}
