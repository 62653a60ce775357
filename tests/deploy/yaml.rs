//! Objects that we write as YAML are read by others as they were meant: by Helm, which reads as kubectl does, and by Python.

use flink_img::deploy::to_yaml;
use serde_json::{Map, Value, json};

use crate::alike::whole;
use crate::scene::{configs, deployment};
use crate::support::helm::Helm;

#[test]
fn our_yaml_is_read_as_it_was_meant() {
    let engine = Helm::library();
    let words = [
        "yes",
        "No",
        "on",
        "OFF",
        "y",
        "N",
        "true",
        "~",
        "null",
        "",
        "0777",
        "0o17",
        "0x1f",
        "0b1",
        "1e3",
        "1E3",
        "1.",
        ".5",
        "+1",
        "1_000",
        "1:20",
        "1:20:30.5",
        ".inf",
        "-.INF",
        ".NaN",
        "2026-11-27",
        "2026-11-27T10:00:00Z",
        "=",
        "<<",
        "-",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "{",
        "[",
        "'",
        "\"",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "a\n\n",
        "\n",
        " a\nb",
        "a\n b\n",
        "\ta",
        "a\tb",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}x\n",
        "\u{feff}",
        "é\u{1f600}",
        "---",
        "...",
        "\\",
        "$(X)",
        "a\r\nb",
    ];
    let by_key: Map<String, Value> = words
        .iter()
        .map(|word| ((*word).to_owned(), json!(word)))
        .collect();
    let numbers = json!([0, -1, 1.5, 1e-7, 1e21, 123_456_789_012_i64, true, false, null, {}, [], [[1]], [{"a": []}]]);
    let objects = [
        json!({"words": words[..]}),
        json!({"keys": by_key}),
        json!({"numbers": numbers}),
    ];
    let yaml = to_yaml(&objects);
    assert_eq!(
        plain_numbers(engine.read(&yaml)),
        plain_numbers(objects.to_vec())
    );
    assert_eq!(
        plain_numbers(engine.read_in_python(&yaml)),
        plain_numbers(objects.to_vec())
    );

    for (name, config) in configs() {
        let objects = flink_img::deploy::objects(&deployment(&config));
        let yaml = to_yaml(&objects);
        assert_eq!(
            plain_numbers(engine.read(&yaml)),
            plain_numbers(objects.clone()),
            "{name}"
        );
        assert_eq!(
            plain_numbers(engine.read_in_python(&yaml)),
            plain_numbers(objects),
            "{name}"
        );
    }
}

fn plain_numbers(values: Vec<Value>) -> Vec<Value> {
    values.into_iter().map(whole).collect()
}
