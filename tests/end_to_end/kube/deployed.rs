//! Deployments: rendered from values, and run.

use std::fs;

use flink_img::yaml::{documents, to_value};
use serde_json::{Value, json};

use crate::cluster::PATIENCE;
use crate::image::{Built, Yard};
use crate::rest::Rest;
use crate::support::helm::{Helm, chart};
use crate::support::kube_play::Pods;
use crate::support::podman::Pod;

/// The port of the REST interface, as it is rendered.
const REST: u64 = 8081;

/// Who renders.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Renderer {
    /// `flink-img render`, which asks the registry what the image is, by its tag.
    FlinkImg,
    /// The chart, by Helm.
    Helm,
}

impl Renderer {
    /// Objects that are called `name`, for an image and values.
    pub(crate) fn objects(
        self,
        yard: &Yard,
        name: &str,
        image: &Built,
        mut values: Value,
    ) -> Vec<Value> {
        // A task manager that is up before the job manager listens would wait 10 seconds before it asks again.
        values["flink"]["config"]["cluster.registration.error-delay"] = json!(200);
        match self {
            Self::FlinkImg => {
                let config = yard.folder().join("config.yaml");
                fs::write(&config, values.to_string()).unwrap();
                read(&yard.render(&config, name))
            }
            Self::Helm => {
                let reference = image.reference.split_once('@');
                let (repository, digest) = reference.expect("it has a digest");
                values["name"] = json!(name);
                values["image"] = json!({ "repository": repository, "digest": digest });
                let rendered = Helm::library().template(&chart(), &values.to_string(), name);
                rendered.unwrap().objects
            }
        }
    }
}

/// What a text of several documents says.
fn read(text: &str) -> Vec<Value> {
    let documents = documents(text).unwrap();
    let objects = documents.iter().map(to_value);
    objects.collect::<Result<_, _>>().unwrap()
}

/// The one pod of the job manager and that of the task manager. Dropping it ends both.
pub(crate) struct Deployed<'yard> {
    pub(crate) job_manager: Pod<'yard>,
    pub(crate) task_manager: Pod<'yard>,
    pub(crate) rest: Rest,
}

impl<'yard> Deployed<'yard> {
    pub(crate) fn start(yard: &'yard Yard, objects: &[Value]) -> Self {
        let pods = pods(yard, objects);
        let job_manager = pods.of("jobmanager");
        Self {
            job_manager: yard.podman().play(job_manager),
            task_manager: yard.podman().play(pods.of("taskmanager")),
            rest: Rest::of(&job_manager.address, pods.port(REST)),
        }
    }

    /// Waits for the job manager to end, which must have gone well.
    pub(crate) fn finish(&self) {
        let exit_code = self.job_manager.container.exit_code(PATIENCE);
        assert_eq!(exit_code, Some(0), "{}", self.logs());
    }

    /// The end of what both have said, for the message of a test that fails.
    pub(crate) fn logs(&self) -> String {
        format!(
            "--- job manager\n{}\n--- task manager\n{}",
            self.job_manager.container.last_words(),
            self.task_manager.container.last_words()
        )
    }
}

/// Objects as pods, with a new folder for what they write.
pub(crate) fn pods(yard: &Yard, objects: &[Value]) -> Pods {
    let number = fs::read_dir(yard.folder()).unwrap().count();
    let folder = yard.folder().join(format!("pods-{number}"));
    fs::create_dir(&folder).unwrap();
    Pods::new(objects, &folder)
}
