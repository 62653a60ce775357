//! Configurations of the fixtures, and deployments of them for which no image is looked at.

use std::path::PathBuf;

use flink_img::deploy::{Config, Deployment, ImageFacts};
use flink_img::yaml::documents;
use serde_json::Value;

/// The folder with the configurations.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/deploy")
}

/// Name and text of each configuration.
pub(crate) fn configs() -> Vec<(String, String)> {
    let mut configs = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix(".config.yaml") {
            configs.push((name.to_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    configs.sort();
    configs
}

/// The deployment of a configuration that names its image.
pub(crate) fn deployment(text: &str) -> Deployment {
    in_namespace(text, None)
}

/// The same, with a namespace for its objects.
pub(crate) fn in_namespace(text: &str, namespace: Option<&str>) -> Deployment {
    let document = &documents(text).unwrap()[0];
    let said = |key| document.get("image")?.get(key)?.text();
    let name = match (said("digest"), said("tag")) {
        (Some(digest), _) => format!("{}@{digest}", said("repository").unwrap()),
        (_, tag) => format!("{}:{}", said("repository").unwrap(), tag.unwrap()),
    };
    let image = ImageFacts {
        name: name.parse().unwrap(),
        flink: None,
        java: None,
        job_jar: None,
        job_class: None,
        was_read: false,
    };
    let config = Config::parse("config.yaml", text).unwrap();
    let namespace = namespace.map(ToOwned::to_owned);
    config.complete(&image, namespace).unwrap()
}

/// The objects of a configuration that has a name and an image before what is given.
pub(crate) fn objects_of(text: &str) -> Vec<Value> {
    let image = format!("repository: acme/job, digest: 'sha256:{}'", "ab".repeat(32));
    let text = format!("name: test\nimage: {{{image}}}\n{text}");
    flink_img::deploy::objects(&deployment(&text))
}

/// The object of a kind whose name begins so.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    objects.iter().find(|object| {
        let found = object["metadata"]["name"].as_str().unwrap();
        object["kind"] == kind && found.starts_with(name)
    })
}

/// The template of the pods of a workload, if it is one.
pub(crate) fn template(object: &Value) -> Option<&Value> {
    object["spec"].get("template")
}

/// The template of a job manager or task manager.
pub(crate) fn pod<'a>(objects: &'a [Value], role: &str) -> &'a Value {
    let is_it = |template: &&Value| template["spec"]["containers"][0]["name"] == role;
    let mut templates = objects.iter().filter_map(template);
    templates.find(is_it).unwrap()
}

/// The words for the container of a job manager or task manager.
pub(crate) fn words(objects: &[Value], role: &str) -> Vec<String> {
    let args = &pod(objects, role)["spec"]["containers"][0]["args"];
    let args = args.as_array().unwrap().iter();
    args.map(|word| word.as_str().unwrap().to_owned()).collect()
}
