//! A folder with what was rendered in one form takes no other.

use insta::assert_snapshot;

use super::render;
use crate::support::context::{Run, TestContext, names};

#[test]
fn a_chart_does_not_take_the_place_of_objects_and_says_what_is_there() {
    let context = TestContext::new();
    let into = |folder: &str, form: &str| -> Run {
        let image = "registry.example.com/team/job:1";
        let words = ["--image", image, "--offline", "-q", "-o", folder, "--as"];
        render(&context, &[&words[..], &[form]].concat())
    };
    into("k8s", "yaml").ok();
    into("chart", "chart").ok();
    let before = ["k8s", "chart"].map(|folder| names(&context.path(folder)));
    assert_snapshot!(into("k8s", "chart"), @"
    exit code: 2
    ----- stderr -----
    error: `k8s` has objects that flink-img rendered, and a chart cannot take the place
    hint: name a folder that is new or empty
    ");
    assert_snapshot!(into("chart", "operator"), @"
    exit code: 2
    ----- stderr -----
    error: `chart` has a chart that flink-img rendered, and objects cannot take the place
    hint: name a folder that is new or empty
    ");
    assert_eq!(
        ["k8s", "chart"].map(|folder| names(&context.path(folder))),
        before
    );
}
