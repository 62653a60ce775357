//! The options that Flink gets from the deployment, and the words and variables that bring them into its processes.
//!
//! They go on the command line, so that the configuration in the image stays in force: a ConfigMap in its place would hide the
//! options of Java there, without which a job of Flink 2.0 does not start on Java 17. What is not read there goes into
//! `FLINK_PROPERTIES`, which the entrypoint puts over that configuration.

use std::collections::BTreeMap;

use super::json::word;
use super::{Deployment, FlinkType};

/// The ports that Flink listens at in a container, by the names that services and probes know them by.
pub(super) const RPC_PORT: u16 = 6123;
pub(super) const BLOB_PORT: u16 = 6124;
pub(super) const UI_PORT: u16 = 8081;
pub(super) const TASK_MANAGER_RPC_PORT: u16 = 6122;
pub(super) const DATA_PORT: u16 = 6121;

/// What differs between the lines of Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// The first word of the job manager of a job.
    pub(super) job_word: &'static str,
    /// The first word of a task manager.
    pub(super) task_manager_word: &'static str,
    /// How a job manager is told of its memory.
    pub(super) job_manager_memory: Memory,
    /// How a task manager is told of its memory.
    pub(super) task_manager_memory: Memory,
    /// Whether the job manager of a session takes options as words (FLINK-28733).
    pub(super) session_takes_words: bool,
    /// The option that chooses high availability by Kubernetes, if there is that.
    pub(super) high_availability: Option<(&'static str, &'static str)>,
    /// The option that has metrics shown to Prometheus.
    pub(super) prometheus: (&'static str, &'static str),
}

/// What the option for memory is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// The heap, for which three quarters of the container are taken.
    Heap,
    /// All that the process needs.
    Process,
}

/// Options that Flink's scripts read, besides `env.*`. They know the file with the configuration and nothing else; without
/// them they start Java with another size.
const OF_SCRIPTS: [&str; 5] = [
    "jobmanager.heap.mb",
    "jobmanager.heap.size",
    "taskmanager.compute.numa",
    "taskmanager.heap.mb",
    "taskmanager.heap.size",
];

const RULES_1_6: Rules = Rules {
    job_word: "job-cluster",
    task_manager_word: "task-manager",
    job_manager_memory: Memory::Heap,
    task_manager_memory: Memory::Heap,
    session_takes_words: false,
    high_availability: None,
    prometheus: (
        "metrics.reporter.prom.class",
        "org.apache.flink.metrics.prometheus.PrometheusReporter",
    ),
};
const RULES_1_10: Rules = Rules {
    task_manager_memory: Memory::Process,
    ..RULES_1_6
};
const RULES_1_11: Rules = Rules {
    job_word: "standalone-job",
    task_manager_word: "taskmanager",
    job_manager_memory: Memory::Process,
    prometheus: (
        "metrics.reporter.prom.factory.class",
        "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
    ),
    ..RULES_1_10
};
const RULES_1_12: Rules = Rules {
    high_availability: Some((
        "high-availability",
        "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory",
    )),
    ..RULES_1_11
};
const RULES_1_16: Rules = Rules {
    session_takes_words: true,
    ..RULES_1_12
};
/// The key is another one since FLINK-29372.
const RULES_1_17: Rules = Rules {
    high_availability: Some(("high-availability.type", "kubernetes")),
    ..RULES_1_16
};

/// The first line that each holds for, the newest first.
const RULES: [((u16, u16), Rules); 6] = [
    ((1, 17), RULES_1_17),
    ((1, 16), RULES_1_16),
    ((1, 12), RULES_1_12),
    ((1, 11), RULES_1_11),
    ((1, 10), RULES_1_10),
    ((0, 0), RULES_1_6),
];

impl Rules {
    /// Those of a line, which is given by its major and minor number.
    pub(super) fn of(line: (u16, u16)) -> Self {
        let row = RULES.iter().find(|(from, _)| *from <= line);
        row.expect("the last row is for every line").1
    }
}

/// What a pod is in a cluster of Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It runs the job manager.
    JobManager,
    /// It runs a task manager.
    TaskManager,
}

impl Role {
    /// The component in labels, the container, and the last part of names.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::JobManager => "jobmanager",
            Self::TaskManager => "taskmanager",
        }
    }
}

/// All options of the processes of a role.
pub(super) fn options(deployment: &Deployment, role: Role) -> BTreeMap<String, String> {
    let values = &deployment.values;
    let rules = Rules::of(deployment.line);
    let is_available = values.high_availability.enabled;
    let mut options = BTreeMap::new();
    let mut set = |key: &str, value: String| options.insert(key.to_owned(), value);

    set("jobmanager.rpc.port", RPC_PORT.to_string());
    // With several job managers each has to be told its own address (FLINK-21382).
    let address = match role {
        Role::JobManager if is_available => "$(POD_IP)".to_owned(),
        _ => format!("{}-{}", deployment.name, Role::JobManager.name()),
    };
    set("jobmanager.rpc.address", address);
    set(
        "taskmanager.numberOfTaskSlots",
        values.task_manager.slots.to_string(),
    );
    match role {
        Role::JobManager => {
            set("blob.server.port", BLOB_PORT.to_string());
            set("rest.port", UI_PORT.to_string());
            let (key, size) = memory(role, rules.job_manager_memory, values.job_manager.memory);
            set(&key, size);
            if values.is_job() {
                set("parallelism.default", values.job.parallelism.to_string());
                set("web.submit.enable", "false".to_owned());
                set("web.cancel.enable", "false".to_owned());
            }
        }
        Role::TaskManager => {
            set("taskmanager.rpc.port", TASK_MANAGER_RPC_PORT.to_string());
            set("taskmanager.data.port", DATA_PORT.to_string());
            set("taskmanager.host", "$(POD_IP)".to_owned());
            let (key, size) = memory(role, rules.task_manager_memory, values.task_manager.memory);
            set(&key, size);
        }
    }
    if let Some((key, value)) = rules.high_availability.filter(|_| is_available) {
        set(key, value.to_owned());
        let folder = &values.high_availability.storage_dir;
        set("high-availability.storageDir", folder.clone());
        set("kubernetes.cluster-id", deployment.name.clone());
        set("kubernetes.namespace", "$(POD_NAMESPACE)".to_owned());
    }
    if values.metrics.enabled {
        set(rules.prometheus.0, rules.prometheus.1.to_owned());
        set(
            "metrics.reporter.prom.port",
            values.metrics.port.to_string(),
        );
    }
    options.extend(deployment.options.clone());
    options
}

/// The words for the container of a role; the first chooses what the image runs.
pub(super) fn words(deployment: &Deployment, role: Role) -> Vec<String> {
    let values = &deployment.values;
    let rules = Rules::of(deployment.line);
    let options = options(deployment, role)
        .into_iter()
        .filter(|(key, _)| is_word(deployment, role, key))
        .map(|(key, value)| format!("{key}={value}"));
    let dynamic = |option: String| format!("-D{option}");
    match (role, values.flink.type_) {
        (Role::TaskManager, _) => [rules.task_manager_word.to_owned()]
            .into_iter()
            .chain(options.map(dynamic))
            .collect(),
        (Role::JobManager, FlinkType::Session) => ["jobmanager".to_owned()]
            .into_iter()
            // `-D` has to be a word of its own there.
            .chain(options.flat_map(|option| ["-D".to_owned(), option]))
            .collect(),
        (Role::JobManager, FlinkType::Job) => {
            let job = &values.job;
            let mut words = vec![rules.job_word.to_owned()];
            let mut say = |flag: &str, value: &str| {
                if !value.is_empty() {
                    words.extend([flag.to_owned(), value.to_owned()]);
                }
            };
            say("--job-classname", &job.class);
            say("--fromSavepoint", &job.from_savepoint);
            if job.allow_non_restored_state {
                words.push("--allowNonRestoredState".to_owned());
            }
            words.extend(options.map(dynamic));
            if !job.args.is_empty() {
                // What comes behind it is for the job even if it looks like an option of Flink.
                words.push("--".to_owned());
                words.extend(job.args.iter().map(word));
            }
            words
        }
    }
}

/// The options that cannot be words, as lines for `FLINK_PROPERTIES`.
pub(super) fn properties(deployment: &Deployment, role: Role) -> String {
    let lines: Vec<_> = options(deployment, role)
        .into_iter()
        .filter(|(key, _)| !is_word(deployment, role, key))
        // One may end with a line break, as a folded text does.
        .map(|(key, value)| format!("{key}: {}\n", value.replace('\n', " ")))
        .collect();
    lines.concat()
}

/// Whether an option goes on the command line, and not into `FLINK_PROPERTIES`.
fn is_word(deployment: &Deployment, role: Role, key: &str) -> bool {
    let is_session = !deployment.values.is_job();
    let takes_words =
        role == Role::TaskManager || !is_session || Rules::of(deployment.line).session_takes_words;
    let is_of_scripts = key.starts_with("env.") || OF_SCRIPTS.contains(&key);
    takes_words && !is_of_scripts
}

/// How many task managers run.
pub(super) fn task_managers(deployment: &Deployment) -> u32 {
    let values = &deployment.values;
    let needed = match values.flink.type_ {
        FlinkType::Job => values.job.parallelism.div_ceil(values.task_manager.slots),
        FlinkType::Session => 1,
    };
    values.task_manager.replicas.unwrap_or(needed)
}

/// The option for the memory of a role that has this many MiB.
fn memory(role: Role, kind: Memory, size: u32) -> (String, String) {
    let (kind, size) = match kind {
        Memory::Heap => ("heap.size", u64::from(size) * 3 / 4),
        Memory::Process => ("memory.process.size", u64::from(size)),
    };
    (format!("{}.{kind}", role.name()), format!("{size}m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_knows_the_same_options_of_scripts() {
        let chart = include_str!("../../charts/flink/templates/_options.tpl");
        let (_, list) = chart.split_once("$ofScripts := list ").unwrap();
        let (list, _) = list.split_once("}}").unwrap();
        let theirs: Vec<_> = list.split('"').skip(1).step_by(2).collect();
        assert_eq!(theirs, OF_SCRIPTS);
    }
}
