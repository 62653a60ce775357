use std::path::Path;

use super::*;
use crate::error::Explain as _;

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (key, value) in pairs {
        settings.insert(key, value).unwrap();
    }
    settings
}

fn yaml(text: &str, pairs: &[(&str, &str)]) -> Result<String, ConfigError> {
    configure(text, Syntax::Yaml, &settings(pairs)).map(|done| done.text)
}

fn legacy(text: &str, pairs: &[(&str, &str)]) -> Result<String, ConfigError> {
    let settings = settings(pairs);
    configure(text, Syntax::Legacy, &settings).map(|done| done.text)
}

#[test]
fn a_value_is_replaced_however_its_key_is_written() {
    for (before, after) in [
        // Nested, dotted, half of each, quoted, in flow style.
        ("a:\n  b:\n    c: 1\n", "a:\n  b:\n    c: x\n"),
        ("a.b.c: 1\n", "a.b.c: x\n"),
        ("a:\n  b.c: 1\n", "a:\n  b.c: x\n"),
        ("a.b:\n    c: 1", "a.b:\n    c: x"),
        ("\"a.b\":\n  'c': \"1\"\n", "\"a.b\":\n  'c': x\n"),
        ("a: {b: {c: 1, d: 2}}\n", "a: {b: {c: x, d: 2}}\n"),
        ("a:\n  b: {c: 1}\n", "a:\n  b: {c: x}\n"),
        // Comments, blanks, line ends.
        (
            "# c\na.b.c:   1   # d\n# e\n",
            "# c\na.b.c:   x   # d\n# e\n",
        ),
        ("a.b.c : 1\r\nd: 2\r\n", "a.b.c : x\r\nd: 2\r\n"),
        ("ä: ö # ü\na.b.c: ß # é\n", "ä: ö # ü\na.b.c: x # é\n"),
        ("---\na.b.c: 1\n", "---\na.b.c: x\n"),
        // Values of several lines.
        ("a.b.c:\n  - 1\n  - 2\nd: 3\n", "a.b.c: x\nd: 3\n"),
        ("a.b.c:\n- 1\n- 2 # two\nd: 3\n", "a.b.c: x # two\nd: 3\n"),
        (
            "a.b.c: # why\n  - 1\n\n# d\nd: 3\n",
            "a.b.c: x # why\n\n# d\nd: 3\n",
        ),
        ("a.b.c: [1,\n  2] # l\nd: 3\n", "a.b.c: x # l\nd: 3\n"),
        ("a.b.c: 1\n  2\n  3\nd: 3\n", "a.b.c: x\nd: 3\n"),
        (
            "a.b.c: |\n  1\n  # no comment\n\n# d\nd: 3\n",
            "a.b.c: x\n\n# d\nd: 3\n",
        ),
        ("a.b.c: >-\n  1\n  2\n", "a.b.c: x\n"),
        (
            "a:\n  b:\n    c:\n      - k: v\n        l: w\n    d: 1\n",
            "a:\n  b:\n    c: x\n    d: 1\n",
        ),
        // What says more of a value goes with it.
        ("a.b.c: !!int 1\nd: 3\n", "a.b.c: x\nd: 3\n"),
        ("a.b.c: &n\n  - 1\nd: 3\n", "a.b.c: x\nd: 3\n"),
        // No value at all.
        ("a.b.c:\nd: 3\n", "a.b.c: x\nd: 3\n"),
        ("a.b.c: # none\nd: 3\n", "a.b.c: x # none\nd: 3\n"),
        ("a.b.c: {}\nd: 3\n", "a.b.c: x\nd: 3\n"),
        ("a:\n  b:\n    c:\n", "a:\n  b:\n    c: x\n"),
        // Not there.
        ("", "a.b.c: x\n"),
        ("# only a comment", "# only a comment\na.b.c: x\n"),
        ("d: 3", "d: 3\na.b.c: x\n"),
        ("a:\n  b:\n    d: 1\n", "a:\n  b:\n    d: 1\na.b.c: x\n"),
        ("  d: 3\n  e: 4\n", "  d: 3\n  e: 4\n  a.b.c: x\n"),
        ("note: |\n  a.b.c: 1\n", "note: |\n  a.b.c: 1\na.b.c: x\n"),
        ("list:\n  - a.b.c: 1\n", "list:\n  - a.b.c: 1\na.b.c: x\n"),
    ] {
        let found = yaml(before, &[("a.b.c", "x")]).map_err(|error| error.to_string());
        assert_eq!(found, Ok(after.to_owned()), "{before}");
    }
}

#[test]
fn what_would_not_be_read_as_it_was_meant_is_refused() {
    for (before, message) in [
        (
            "a.b.c.d: 1\n",
            "`a.b.c` is a group of settings in the `conf/config.yaml` of this Flink, as `a.b.c.d`",
        ),
        (
            "a.b.c: 1\na:\n  b:\n    c: 2\n",
            "`a.b.c` cannot be set in the `conf/config.yaml` of this Flink: it is there twice",
        ),
        (
            "{d: 3}\n",
            "`a.b.c` cannot be set in the `conf/config.yaml` of this Flink: line 2 is no YAML",
        ),
        (
            "- d\n",
            "`a.b.c` cannot be set in the `conf/config.yaml` of this Flink: it is no mapping of keys to values",
        ),
        (
            "d: 3\n...\n",
            "`a.b.c` cannot be set in the `conf/config.yaml` of this Flink: it has several documents",
        ),
        (
            "d: 'x\n",
            "`a.b.c` cannot be set in the `conf/config.yaml` of this Flink: line 1 is no YAML",
        ),
    ] {
        let error = yaml(before, &[("a.b.c", "x")]).unwrap_err();
        assert_eq!(error.to_string(), message, "{before}");
        assert!(error.hint().is_some());
    }
    let deep = "[".repeat(100_000);
    assert!(yaml(&deep, &[("a", "x")]).is_err());
}

#[test]
fn a_line_without_yaml_is_replaced_where_flink_reads_it() {
    for (before, after) in [
        ("a.b: 1\n", "a.b: x: y\n"),
        ("a.b: 1 # c\r\n", "a.b: x: y # c\r\n"),
        ("  a.b  :  1  \nc: 2", "  a.b  :  x: y  \nc: 2"),
        ("  a.b:  1  \nc: 2", "  a.b:  x: y  \nc: 2"),
        // The last one counts.
        ("a.b: 1\na.b: 2\n", "a.b: 1\na.b: x: y\n"),
        // Nothing that Flink reads.
        (
            "#a.b: 1\na.b:1\na.b: \n",
            "#a.b: 1\na.b:1\na.b: \na.b: x: y\n",
        ),
        ("", "a.b: x: y\n"),
    ] {
        assert_eq!(
            legacy(before, &[("a.b", "x: y")]).unwrap(),
            after,
            "{before}"
        );
    }
    for (value, why) in [
        ("a#b", "it has a `#`, which begins a comment there"),
        (
            "a\nb: c",
            "it has more than one line, or a control character",
        ),
        ("", "it is empty, or begins or ends with a blank"),
        (" a", "it is empty, or begins or ends with a blank"),
    ] {
        let error = legacy("", &[("k", value)]).unwrap_err().to_string();
        assert!(error.ends_with(why), "{error}");
    }
}

#[test]
fn keys_are_those_of_flink() {
    for key in [
        "rest.port",
        "s3.access-key",
        "metrics.reporter.prom.factory.class",
        "a_b.$c/d",
    ] {
        Settings::default().insert(key, "x").unwrap();
    }
    for key in [
        "", "a b", "a:", "a#", ".a", "a.", "a..b", "1a", "-a", "a\nb", "a=b", "ä",
    ] {
        assert!(Settings::default().insert(key, "x").is_err(), "{key:?}");
    }
}

fn from_file(text: &str, syntax: Syntax) -> Result<Vec<(String, String)>, String> {
    let mut settings = Settings::default();
    settings
        .insert_file(Path::new("my.yaml"), text, syntax)
        .map_err(|error| error.to_string())?;
    let written = settings
        .iter()
        .map(|(key, setting)| (key.to_owned(), setting.to_yaml()));
    Ok(written.collect())
}

#[test]
fn a_file_is_merged_key_by_key() {
    let text = "\
rest:\n  port: 9091 # here\n  bind: {address: '0.0.0.0'}\nstate.backend.type: \"rocksdb\"
taskmanager.numberOfTaskSlots: '4'\nhex: 0x1F\npipeline.jars:\n  - file:///a.jar\n  - b c\n  - {k: v}\nlong: |\n  one\n  two\n";
    let expected = [
        ("hex", "0x1F"),
        ("long", "\"one\\ntwo\\n\""),
        ("pipeline.jars", "['file:///a.jar', b c, {k: v}]"),
        ("rest.bind.address", "0.0.0.0"),
        ("rest.port", "9091"),
        ("state.backend.type", "rocksdb"),
        ("taskmanager.numberOfTaskSlots", "4"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    for syntax in [Syntax::Yaml, Syntax::Legacy] {
        let mut found = from_file(text, syntax).unwrap();
        // A text that has two dots is no number.
        found[3].1 = found[3].1.trim_matches('\'').to_owned();
        assert_eq!(found, expected);
    }
    // A document may say where it begins and ends.
    let whole = from_file("---\na: b\n...\n", Syntax::Yaml).unwrap();
    assert_eq!(whole, [("a".to_owned(), "b".to_owned())]);
    // What is not YAML may be written as the file that it goes into.
    let flat = "# c\na.b: x: y\na.b: z: 1 # d\n\nc: [\n";
    let found = from_file(flat, Syntax::Legacy).unwrap();
    assert_eq!(found[0], ("a.b".to_owned(), "'z: 1'".to_owned()));
    assert!(from_file(flat, Syntax::Yaml).is_err());
}

#[test]
fn a_file_that_is_none_is_refused_with_the_place() {
    for (text, why) in [
        (
            "a: [\n",
            "`my.yaml` is no file of settings: line 2 is no YAML",
        ),
        (
            "- a\n",
            "`my.yaml` is no file of settings: it is no mapping of keys to values",
        ),
        (
            "a\n",
            "`my.yaml` is no file of settings: it is no mapping of keys to values",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "`my.yaml` is no file of settings: it has several documents",
        ),
        (
            "a: 1\n...\nb: 1\n",
            "`my.yaml` is no file of settings: it has several documents",
        ),
        ("a:\n", "`my.yaml` is no file of settings: `a` has no value"),
        (
            "a: &x 1\nb: *x\n",
            "`my.yaml` is no file of settings: it has an alias, as `*name`",
        ),
        (
            "[a]: 1\n",
            "`my.yaml` is no file of settings: it has a key that is no text",
        ),
        ("a.b: 1\na: {b: 2}\n", "`my.yaml` sets `a.b` twice"),
        ("a b: 1\n", "`a b` is no key of a setting: it has a blank"),
    ] {
        assert_eq!(from_file(text, Syntax::Yaml).unwrap_err(), why, "{text}");
    }
    assert_eq!(from_file("# nothing\n", Syntax::Yaml).unwrap(), []);
}

#[test]
fn words_that_open_modules_are_kept_with_a_note() {
    let text =
        "env:\n  java:\n    opts:\n      all: --add-exports=a/b=U --add-opens=c/d=U # needed\n";
    let settings = settings(&[("env.java.opts.all", "-Dx=y --add-opens=c/d=U")]);
    let done = configure(text, Syntax::Yaml, &settings).unwrap();
    assert_eq!(
        done.text,
        "env:\n  java:\n    opts:\n      all: --add-exports=a/b=U -Dx=y --add-opens=c/d=U # needed\n"
    );
    assert_eq!(
        done.notes,
        [
            "`env.java.opts.all` keeps 1 words of `conf/config.yaml` that open modules of Java, which Flink needs"
        ]
    );
    let flat = "env.java.opts.all: --add-opens=c/d=U\n";
    let done = configure(flat, Syntax::Legacy, &settings).unwrap();
    assert_eq!(
        (done.text, done.notes.len()),
        ("env.java.opts.all: -Dx=y --add-opens=c/d=U\n".to_owned(), 0)
    );
}

#[test]
fn what_was_set_is_read_back_as_it_was_said() {
    let nasty = [
        "",
        " ",
        "a: b",
        "#",
        "'",
        "\"",
        "\\",
        "- x",
        "[x]",
        "{x}",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x",
        "|",
        ">",
        "?",
        ":",
        "x:",
        "null",
        "~",
        "true",
        "007",
        "1e3",
        "0x1F",
        "a\nb",
        "a\tb",
        "ü",
        "\u{1F600}",
        "\u{7f}",
        "...",
        "---",
        "a #b",
        "x,y",
        "<<",
        "=",
    ];
    for value in nasty {
        let text = yaml("k: 1\n", &[("k", value), ("new.key", value)]).unwrap();
        for key in ["k", "new.key"] {
            assert_eq!(
                super::yaml::value(&text, key).as_deref(),
                Some(value),
                "{text}"
            );
        }
    }
}
