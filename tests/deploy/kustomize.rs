//! kustomize, as kubectl has it, over what is rendered: it can pin another image, and changes nothing else.

use std::path::Path;
use std::process::Command;

use flink_img::deploy::{objects, to_yaml};
use flink_img::yaml::{documents, to_value};
use serde_json::{Value, json};

use crate::operator::rendered;
use crate::scene::{configs, deployment};

/// What takes the place of each image.
const NAME: &str = "mirror.example.com/pinned";
const DIGEST: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
/// Where the image of a FlinkDeployment is, which kustomize does not know by itself.
const CONFIGURATION: &str = "images:\n- path: spec/image\n  kind: FlinkDeployment\n";

/// What kubectl makes of objects and further lines of a kustomization, in the order of kinds and names.
fn kustomized(objects: &[Value], image: &str, more: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("objects.yaml", &to_yaml(objects));
    write("flink.yaml", CONFIGURATION);
    let name = repository(image);
    write(
        "kustomization.yaml",
        &format!(
            "resources: [objects.yaml]\nimages:\n- {{name: {name}, newName: {NAME}, digest: '{DIGEST}'}}\n{more}"
        ),
    );
    sorted(read(&kubectl(folder.path())))
}

fn kubectl(folder: &Path) -> String {
    let output = Command::new("kubectl")
        .arg("kustomize")
        .arg(folder)
        .output();
    let output = output.expect("kubectl is there: it is in the Debian package kubernetes-client");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

fn read(text: &str) -> Vec<Value> {
    let documents = documents(text).unwrap();
    documents
        .iter()
        .map(|document| to_value(document).unwrap())
        .collect()
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(|object| format!("{}/{}", object["kind"], object["metadata"]["name"]));
    objects
}

/// The name of an image without its tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap();
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

/// The same objects with the other image, and how many there were of it.
fn pinned(objects: &[Value], image: &str) -> (Vec<Value>, usize) {
    fn replace(value: &mut Value, image: &str) -> usize {
        match value {
            Value::Object(map) => map
                .iter_mut()
                .map(|(key, value)| match value {
                    Value::String(text) if key == "image" && text == image => {
                        *text = format!("{NAME}@{DIGEST}");
                        1
                    }
                    value => replace(value, image),
                })
                .sum(),
            Value::Array(items) => items.iter_mut().map(|item| replace(item, image)).sum(),
            _ => 0,
        }
    }
    let mut objects = Value::Array(objects.to_vec());
    let replaced = replace(&mut objects, image);
    (sorted(serde_json::from_value(objects).unwrap()), replaced)
}

/// An image in the forms that this kustomize knows: that in kubectl before 1.21 has no eye for digests, as it tells.
fn forms(image: &str) -> Vec<String> {
    let tagged = format!("{}:7", repository(image));
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "probe", "image": format!("{}@{DIGEST}", repository(image))}]},
    });
    let found = kustomized(&[pod], image, "");
    let name = found[0]["spec"]["containers"][0]["image"].as_str().unwrap();
    if name.starts_with(NAME) {
        vec![tagged, image.to_owned()]
    } else {
        eprintln!("this kubectl pins images with tags only, so those with digests were not tried");
        vec![tagged]
    }
}

#[test]
fn kustomize_pins_the_image_of_every_pod_and_changes_nothing_else() {
    for (name, text) in configs() {
        let mut deployment = deployment(&text);
        for image in forms(&deployment.image) {
            deployment.image = image;
            let objects = objects(&deployment);
            let (expected, replaced) = pinned(&objects, &deployment.image);
            assert_eq!(replaced, 2, "{name}");
            let found = kustomized(&objects, &deployment.image, "");
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn kustomize_pins_the_image_of_a_flink_deployment_if_it_is_told_where_it_is() {
    for (path, mut value, _) in rendered() {
        let image = value["spec"]["image"].as_str().unwrap().to_owned();
        let forms = forms(&image);
        // What knows no digests does not let itself be told either.
        let can_be_told = forms.len() > 1;
        for image in forms {
            value["spec"]["image"] = json!(image);
            let objects = [value.clone()];
            let untold = kustomized(&objects, &image, "");
            assert_eq!(untold, objects, "{}", path.display());
            if !can_be_told {
                continue;
            }
            let told = kustomized(&objects, &image, "configurations: [flink.yaml]\n");
            let (expected, replaced) = pinned(&objects, &image);
            assert_eq!(replaced, 1, "{}", path.display());
            assert_eq!(told, expected, "{}", path.display());
        }
    }
}
