//! `flink-img render`: from an image to objects, a FlinkDeployment or a chart.

mod chart;
mod folder;
mod forms;
mod image;
mod refused;
mod words;

use flink_img::oci::{
    BlobSource, Config, Descriptor, DiffId, Digest, Image, ImageSet, Layer, Platform,
};
use flink_img::yaml::{documents, to_value};
use serde_json::{Value, json};

use crate::support::context::{Run, TestContext, base_config, layer};
use crate::support::fixtures::{Compress, Raw, tar};
use crate::support::platforms::put;
use crate::support::registry::Registry;

/// `render` with more words. What fails is not tried again.
fn render(context: &TestContext, words: &[&str]) -> Run {
    context.run(["render", "--retry", "0"].iter().chain(words))
}

/// The objects that a run wrote.
fn objects(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, 0, "{run}");
    let documents = documents(&run.stdout).unwrap();
    documents.iter().map(|one| to_value(one).unwrap()).collect()
}

/// The object of this kind whose name ends so.
fn object<'a>(objects: &'a [Value], kind: &str, end: &str) -> &'a Value {
    let is_it = |object: &&Value| {
        let name = object["metadata"]["name"].as_str().unwrap();
        object["kind"] == kind && name.contains(end)
    };
    objects
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("{objects:#?}"))
}

/// The words of the container of an object.
fn args(object: &Value) -> Vec<&str> {
    let args = object["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
    args.unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect()
}

/// The images of all containers, each once.
fn images(objects: &[Value]) -> Vec<&str> {
    let mut found: Vec<_> = objects
        .iter()
        .filter_map(|object| object["spec"]["template"]["spec"]["containers"][0]["image"].as_str())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What an image of a job says of itself.
fn job_labels() -> Value {
    json!({
        "flink-img.flink.version": "1.20.5",
        "flink-img.java.version": "17.0.15",
        "flink-img.job.jar": "/opt/artifacts/job.jar",
        "flink-img.job.class": "org.example.Job",
    })
}

/// An image for this architecture with these labels.
fn image(architecture: &str, labels: &Value) -> (Platform, Image) {
    let tar = tar(&[Raw::file("file", architecture.as_bytes())]);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let mut config: Value = serde_json::from_slice(&base_config(architecture, &tar)).unwrap();
    config["config"]["Labels"] = labels.clone();
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    let layers = vec![Layer {
        descriptor: Descriptor::of(media_type, &bytes),
        diff_id: DiffId(Digest::of(&tar)),
        source: BlobSource::Bytes(bytes.into()),
    }];
    let platform = format!("linux/{architecture}").parse().unwrap();
    (platform, Image::new(&config, layers, &[]))
}

/// Puts an image with these labels into a registry, as `team/job:TAG`, and tells its name and its digest.
fn put_image(registry: &Registry, tag: &str, labels: &Value) -> (String, String) {
    put_set(registry, tag, vec![image("amd64", labels)])
}

fn put_set(registry: &Registry, tag: &str, images: Vec<(Platform, Image)>) -> (String, String) {
    let set = ImageSet::new(images);
    put(registry, "team/job", tag, &set);
    let name = format!("{}/team/job:{tag}", registry.address());
    (name, set.digest().to_string())
}

/// The requests so far, in words.
fn requests(registry: &Registry, run: &Run) -> String {
    run.plain(&registry.lines().join("\n"))
}
