//! Plain manifests: what the chart in `charts/flink` renders too, object for object. A test holds the two to each other.

mod access;
pub(super) mod labels;
pub(super) mod pod;
mod services;
mod switches;
mod workloads;

use serde_json::{Map, Value, json};

use super::Deployment;
use super::options::Role;
use super::revision::short_hash;

/// Everything that Kubernetes has to have, in the order in which it is best made.
///
/// ```
/// use flink_img::deploy::{Config, ImageFacts, objects};
///
/// let config = Config::parse("config.yaml", "name: wordcount\nimage: {repository: acme/wordcount, tag: '1'}\n")?;
/// let image = ImageFacts {
///     name: "acme/wordcount:1".parse().unwrap(),
///     flink: None,
///     java: None,
///     job_jar: None,
///     job_class: None,
///     was_read: false,
/// };
/// let deployment = config.complete(&image, None)?;
/// let kinds: Vec<_> = objects(&deployment).iter().map(|object| object["kind"].clone()).collect();
/// assert_eq!(kinds, ["ServiceAccount", "Service", "Service", "Job", "Deployment"]);
/// # Ok::<(), flink_img::deploy::DeployError>(())
/// ```
pub fn objects(deployment: &Deployment) -> Vec<Value> {
    let leader = pod::template(deployment, Role::JobManager);
    let worker = pod::template(deployment, Role::TaskManager);
    // The template of a Job cannot be changed, so each has a Job of its own, with another name.
    let revision = deployment.values.is_job().then(|| short_hash(&leader));
    let revision = revision.as_deref();
    let mut objects = access::objects(deployment);
    objects.extend(services::files(deployment));
    objects.push(services::internal(deployment, revision));
    objects.extend(services::ui(deployment, revision));
    objects.push(workloads::job_manager(deployment, leader, revision));
    objects.push(workloads::task_managers(deployment, &worker));
    objects.extend(switches::disruption_budgets(deployment));
    objects.extend(switches::network_policy(deployment));
    objects.extend(switches::pod_monitor(deployment));
    objects
}

/// What an object is called and belongs to.
struct Head<'a> {
    /// Its API and kind, as `apps/v1` and `Deployment`.
    type_: (&'a str, &'a str),
    name: String,
    role: Option<Role>,
}

impl Head<'_> {
    /// The object, without what it says beyond its metadata.
    fn object(self, deployment: &Deployment) -> Value {
        let metadata = filled([
            ("name", json!(self.name)),
            ("namespace", json!(deployment.namespace)),
            ("labels", json!(labels::of_object(deployment, self.role))),
        ]);
        json!({"apiVersion": self.type_.0, "kind": self.type_.1, "metadata": metadata})
    }
}

/// A mapping without the fields that have nothing in them.
pub(super) fn filled<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let is_filled = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let fields = fields.into_iter().filter(|(_, value)| is_filled(value));
    Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A mapping with all that the second one says over it.
pub(super) fn over(under: &Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    let mut both = under.clone();
    both.extend(over.clone());
    both
}

/// The name of an object that is one part of the deployment.
fn part(deployment: &Deployment, part: &str) -> String {
    format!("{}-{part}", deployment.name)
}
