//! The rules that no schema can tell, since they are about several values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::merge::merged;
use super::options::Said;
use super::places::{Path, Places, Step};
use super::problem::{At, Problem};
use crate::deploy::options::{Role, properties};
use crate::deploy::{Deployment, Values};
use crate::flink::{JavaVersion, is_sensitive};

/// How long the name may be: something is put behind it.
const NAME_LIMIT: usize = 40;
/// What a name must be, for messages.
const NAME_FORM: &str =
    "at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit";
/// The first line of Flink with high availability by Kubernetes.
const HA_LINE: (u16, u16) = (1, 12);
/// Files of the options, which are given in another way.
const OPTION_FILES: [&str; 2] = ["config.yaml", "flink-conf.yaml"];
/// Where options for the metrics' reporter begin.
const REPORTER: &str = "metrics.reporter.prom.";

/// The variable for options that cannot be words.
const PROPERTIES: &str = "FLINK_PROPERTIES";
/// The option by which the configuration in an image opens modules of Java, since Flink 1.18.
const JAVA_OPTIONS: &str = "env.java.opts.all";
/// The first Java that keeps them closed.
const CLOSED_SINCE: u16 = 17;

/// Options that follow from values, and the value to say instead, if there is one.
const RESERVED: [(&str, Option<&str>); 17] = [
    ("blob.server.port", None),
    ("high-availability", Some("highAvailability.enabled")),
    (
        "high-availability.storageDir",
        Some("highAvailability.storageDir"),
    ),
    ("high-availability.type", Some("highAvailability.enabled")),
    ("jobmanager.heap.size", Some("jobManager.memory")),
    ("jobmanager.memory.process.size", Some("jobManager.memory")),
    ("jobmanager.rpc.address", None),
    ("jobmanager.rpc.port", None),
    ("kubernetes.cluster-id", Some("name")),
    ("kubernetes.namespace", None),
    ("rest.port", Some("ui.port")),
    ("taskmanager.data.port", None),
    ("taskmanager.heap.size", Some("taskManager.memory")),
    ("taskmanager.host", None),
    (
        "taskmanager.memory.process.size",
        Some("taskManager.memory"),
    ),
    ("taskmanager.numberOfTaskSlots", Some("taskManager.slots")),
    ("taskmanager.rpc.port", None),
];

/// What all objects are called: as was said, else after the image.
pub(super) fn name(values: &Values) -> String {
    if !values.name.is_empty() {
        return values.name.clone();
    }
    let repository = &values.image.repository;
    let last = repository.rsplit('/').next().unwrap_or(repository);
    let name = last.replace(['_', '.'], "-");
    let cut: String = name.chars().take(NAME_LIMIT).collect();
    cut.trim_matches('-').to_owned()
}

/// What is wrong with values that hold to the schema.
pub(super) fn problems(
    values: &Values,
    line: (u16, u16),
    options: &[Said],
    name: &str,
    namespace: Option<&str>,
    places: &Places,
) -> Vec<Problem> {
    let mut found = Vec::new();
    found.extend(of_name(values, name));
    found.extend(namespace.and_then(of_namespace));
    let ha = &values.high_availability;
    if ha.enabled && ha.storage_dir.is_empty() {
        found.push(Problem::of(
            "highAvailability.enabled",
            "`highAvailability.enabled` needs `highAvailability.storageDir`".to_owned(),
            "say a folder that all job managers reach, as `s3://bucket/ha`",
        ));
    }
    if ha.enabled && line < HA_LINE {
        let (major, minor) = line;
        found.push(Problem::of(
            "highAvailability.enabled",
            format!("`highAvailability.enabled` is for Flink 1.12 and later, and this is Flink {major}.{minor}"),
            "leave it out, or build the image with a later Flink",
        ));
    }
    let replicas = values.job_manager.replicas;
    if replicas > 1 && !ha.enabled {
        found.push(Problem::of(
            "jobManager.replicas",
            format!("`jobManager.replicas` is `{replicas}`, and more than one need `highAvailability.enabled`"),
            "say `highAvailability: {enabled: true, storageDir: ...}`, or leave `jobManager.replicas` out",
        ));
    }
    if values.pod_monitor.enabled && !values.metrics.enabled {
        found.push(Problem::of(
            "podMonitor.enabled",
            "`podMonitor.enabled` needs `metrics.enabled`".to_owned(),
            "say `metrics: {enabled: true}`",
        ));
    }
    found.extend(values.flink.files.keys().filter_map(|file| of_file(file)));
    found.extend(options.iter().filter_map(|said| of_option(said, values)));
    found.extend(twice(options, places));
    found
}

fn of_name(values: &Values, name: &str) -> Option<Problem> {
    // The schema was asked for a name that was said.
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase());
    (!is_name).then(|| {
        Problem::of(
            "image.repository",
            format!(
                "`{name}`, from the image `{}`, cannot be the name of objects, which must be {NAME_FORM}",
                values.image.repository
            ),
            "say `name`",
        )
    })
}

fn of_namespace(namespace: &str) -> Option<Problem> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = (1..=63).contains(&namespace.len())
        && namespace.chars().all(is_plain)
        && !namespace.starts_with('-')
        && !namespace.ends_with('-');
    (!is_name).then(|| {
        Problem::of(
            "--namespace",
            format!("`--namespace` is `{namespace}`, which no namespace of Kubernetes is called"),
            "write at most 63 lower-case letters, digits and `-`, from a letter or digit to another",
        )
    })
}

fn of_file(file: &str) -> Option<Problem> {
    OPTION_FILES.contains(&file).then(|| {
        let text =
            format!("`flink.files` may not have `{file}`, which would hide that of the image");
        let way_out = "say options in `flink.config`".to_owned();
        Problem::at(
            At::Key,
            Path::of("flink.files").key(file),
            text,
            Some(way_out),
        )
    })
}

fn of_option(said: &Said, values: &Values) -> Option<Problem> {
    let instead = match &*said.key {
        "parallelism.default" if values.is_job() => Some("job.parallelism"),
        "metrics.reporter.prom.port" if values.metrics.enabled => Some("metrics.port"),
        key if values.metrics.enabled && key.starts_with(REPORTER) => None,
        key => RESERVED.iter().find(|(reserved, _)| *reserved == key)?.1,
    };
    let text = format!(
        "`flink.config` may not have `{}`, which follows from other values",
        said.key
    );
    let way_out = match instead {
        Some(key) => format!("say `{key}` instead"),
        None => "leave it out".to_owned(),
    };
    Some(Problem::at(At::Key, said.path.clone(), text, Some(way_out)))
}

/// Options that are there nested and with dots.
fn twice(options: &[Said], places: &Places) -> Vec<Problem> {
    let mut seen: BTreeMap<&str, &Said> = BTreeMap::new();
    let mut found = Vec::new();
    for said in options {
        let Some(other) = seen.insert(&said.key, said) else {
            continue;
        };
        let later = [said, other]
            .into_iter()
            .max_by_key(|said| places.key(&said.path))
            .expect("there are two");
        let text = format!("`flink.config` has the option `{}` twice", said.key);
        let way_out = "write it once, nested or with dots".to_owned();
        found.push(Problem::at(
            At::Key,
            later.path.clone(),
            text,
            Some(way_out),
        ));
    }
    found
}

/// Variables that would take the place of the one which options are in.
pub(super) fn of_variables(deployment: &Deployment) -> Vec<Problem> {
    let values = &deployment.values;
    let all = ("pod", &values.pod.all);
    let mut found = Vec::new();
    for (role, own) in [
        (Role::JobManager, ("jobManager", &values.job_manager.pod)),
        (Role::TaskManager, ("taskManager", &values.task_manager.pod)),
    ] {
        if properties(deployment, role).is_empty() {
            continue;
        }
        for (section, values) in [all, own] {
            let names = values.env.iter().map(|variable| &variable["name"]);
            let Some(at) = names.into_iter().position(|name| name == PROPERTIES) else {
                continue;
            };
            let path = Path::of(section)
                .key("env")
                .step(Step::Item(at))
                .key("name");
            let text = format!(
                "`{}` is `{PROPERTIES}`, in which the {} is given options already",
                path.told(),
                role.name()
            );
            let way_out = Some("say its options in `flink.config`".to_owned());
            found.push(Problem::at(At::Value, path, text, way_out));
        }
    }
    found
}

/// What is no error, and yet may not be meant.
pub(super) fn warnings(
    values: &Values,
    options: &[Said],
    given: &Map<String, Value>,
    places: &Places,
) -> Vec<String> {
    let secrets = options.iter().filter(|said| is_secret(said)).map(|said| {
        format!(
            "{}`flink.config` has a secret, `{}`, which everybody who may read pods can read; give it as a line of `{PROPERTIES}` in a Secret, by `pod.envFrom`",
            places.told(places.key(&said.path)),
            said.key
        )
    });
    let closing = options.iter().filter(|said| closes_modules(said, values));
    let closing = closing.map(|said| {
        format!(
            "{}`{JAVA_OPTIONS}` takes the place of that in the image, which opens modules of Java to Flink; say `env.java.opts.jobmanager` and `env.java.opts.taskmanager` instead, which add to it",
            places.told(places.key(&said.path))
        )
    });
    let mut warnings: Vec<String> = secrets.chain(closing).collect();
    if !values.is_job() {
        let defaults = &merged(&Map::new())["job"];
        let said = given.get("job").and_then(Value::as_object);
        let unused = said
            .into_iter()
            .flatten()
            .filter(|(key, value)| defaults[*key] != **value);
        warnings.extend(unused.map(|(key, _)| {
            let path = Path::of("job").key(key);
            format!(
                "{}`{}` is for a job, and has no use in a session",
                places.told(places.value(&path)),
                path.told()
            )
        }));
    }
    warnings
}

/// Whether an option takes away what Flink needs to run with a Java that keeps its modules closed.
fn closes_modules(said: &Said, values: &Values) -> bool {
    let java: Option<JavaVersion> = values.flink.java.parse().ok();
    let is_open = java.is_some_and(|java| java.major() < CLOSED_SINCE);
    said.key == JAVA_OPTIONS && !is_open && !said.text.contains("--add-opens")
}

/// Whether an option is one that Flink hides in its logs, and its value is more than a switch.
fn is_secret(said: &Said) -> bool {
    let text = said.text.trim();
    let is_switch = text.is_empty() || text.parse::<bool>().is_ok() || text.parse::<f64>().is_ok();
    is_sensitive(&said.key) && !is_switch
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the chart says of options.
    const CHART: &str = include_str!("../../../charts/flink/templates/_options.tpl");

    /// The parts of a line that are in these marks.
    fn quoted(line: &str, mark: char) -> Vec<&str> {
        line.split(mark).skip(1).step_by(2).collect()
    }

    #[test]
    fn the_chart_has_the_same_options_reserved_and_the_same_values_instead() {
        let (_, list) = CHART.split_once("$reserved := dict\n").unwrap();
        let (list, _) = list.split_once("\n}}").unwrap();
        let mut theirs: Vec<_> = list
            .lines()
            .map(|line| (quoted(line, '"')[0], quoted(line, '`').first().copied()))
            .collect();
        theirs.sort_unstable();
        assert_eq!(theirs, RESERVED);
    }
}
