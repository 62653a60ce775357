//! The chart with the values of one deployment.

use flink_img::yaml::{documents, to_value};
use serde_json::{Value, json};

use super::{job_labels, put_image, render};
use crate::support::context::{TestContext, names};
use crate::support::registry::Registry;

/// The values file of the chart, as it is in the source.
const VALUES: &str = include_str!("../../../charts/flink/values.yaml");

fn read(text: &str) -> Value {
    to_value(&documents(text).unwrap()[0]).unwrap()
}

#[test]
fn the_chart_is_whole_and_has_what_was_said_in_its_values() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, digest) = put_image(&registry, "1", &job_labels());
    context.write(
        "config.yaml",
        "flink.type: job\ntaskManager: {slots: 2, tolerations: [{key: a, operator: Exists}]}\nflink: {config: {a.b: 'yes'}}\n",
    );
    let words = [
        "--image",
        &name,
        "-f",
        "config.yaml",
        "--as",
        "chart",
        "-o",
        "out",
    ];
    let run = render(
        &context,
        &[&words[..], &["--namespace", "x", "--", "a", "1"]].concat(),
    )
    .ok();
    assert_eq!(run.stdout, "out\n");
    assert!(
        run.stderr
            .contains("`--namespace` is of no use for a chart"),
        "{run}"
    );
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/flink");
    for folder in ["", "templates", "templates/tests"] {
        let there = names(&context.path("out").join(folder));
        assert_eq!(there, names(&source.join(folder)), "{folder}");
        for name in there {
            let path = std::path::Path::new(folder).join(name);
            let Ok(text) = std::fs::read_to_string(source.join(&path)) else {
                continue;
            };
            let written = std::fs::read_to_string(context.path("out").join(&path)).unwrap();
            match path.to_str().unwrap() {
                "values.yaml" => {}
                "Chart.yaml" => assert!(written.ends_with(&text), "{written}"),
                path => assert_eq!(written, text, "{path}"),
            }
        }
    }
    let values = String::from_utf8(context.read("out/values.yaml")).unwrap();
    let mut expected = read(VALUES);
    expected["image"]["repository"] = format!("{}/team/job", registry.address()).into();
    expected["image"]["tag"] = "1".into();
    expected["image"]["digest"] = digest.into();
    expected["flink"]["version"] = "1.20.5".into();
    expected["flink"]["java"] = "17".into();
    expected["flink"]["config"] = json!({"a.b": "yes"});
    expected["job"]["class"] = "org.example.Job".into();
    expected["job"]["jar"] = "/opt/artifacts/job.jar".into();
    expected["job"]["args"] = json!(["a", "1"]);
    expected["taskManager"]["slots"] = 2.into();
    expected["taskManager"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
    assert_eq!(read(&values), expected);
    let comments = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.trim().starts_with('#'));
        lines.map(ToOwned::to_owned).collect()
    };
    assert_eq!(comments(&values)[1..], comments(VALUES));
    assert!(!values.contains("\nflink.type"), "{values}");
}

#[test]
fn the_values_of_a_chart_can_be_rendered_again() {
    let (context, registry) = (TestContext::new(), Registry::start());
    let (name, _) = put_image(&registry, "1", &job_labels());
    let words = ["--image", &name, "--name", "count", "--parallelism", "3"];
    let first = render(&context, &words).ok();
    render(
        &context,
        &[&words[..], &["--as", "chart", "-o", "out"]].concat(),
    )
    .ok();
    let again = render(&context, &["-f", "out/values.yaml"]).ok();
    assert_eq!(again.stdout, first.stdout);
    let values = context.read("out/values.yaml");
    render(
        &context,
        &["-f", "out/values.yaml", "--as", "chart", "-o", "out"],
    )
    .ok();
    assert_eq!(context.read("out/values.yaml"), values);
}
