//! What was said where, and what of it counts.

use flink_img::deploy::{Config, FlinkType};
use serde_json::json;

use super::{complete, read, told};

const IMAGE: &str = "image: {repository: ghcr.io/acme/job, tag: '1'}\n";

#[test]
fn words_come_before_the_file_and_the_file_before_the_defaults() {
    let text = format!("{IMAGE}job: {{class: a.B, parallelism: 4}}\ntaskManager: {{slots: 2}}\n");
    let mut config = Config::parse("config.yaml", &text).unwrap();
    config.set("job.parallelism", json!(8), "--parallelism");
    config.set("name", json!("counted"), "--name");
    let deployment = complete(config).unwrap();
    let values = &deployment.values;
    assert_eq!((values.job.parallelism, &*values.job.class), (8, "a.B"));
    assert_eq!(
        (values.task_manager.slots, values.task_manager.memory),
        (2, 1728)
    );
    assert_eq!(deployment.name, "counted");
    let expected = json!({
        "image": {"repository": "ghcr.io/acme/job", "tag": "1"},
        "job": {"class": "a.B", "parallelism": 8},
        "name": "counted",
        "taskManager": {"slots": 2},
    });
    assert_eq!(json!(deployment.given), expected);
}

#[test]
fn an_image_that_is_set_takes_the_place_of_all_that_the_file_says_of_one() {
    let mut config = Config::parse("config.yaml", IMAGE).unwrap();
    config.set_image(&"localhost:5000/other:2".parse().unwrap(), "--image");
    assert_eq!(
        config.image().unwrap().unwrap().to_string(),
        "localhost:5000/other:2"
    );
    config.set_image(&"localhost:5000/other".parse().unwrap(), "--image");
    assert_eq!(
        told(&config.image().unwrap_err()),
        "`--image`: the image `localhost:5000/other` has neither a tag nor a digest -> \
         say `image.tag` or `image.digest`; with a flag, as `localhost:5000/other:TAG`"
    );
    assert_eq!(Config::empty().image().unwrap(), None);
}

#[test]
fn a_word_that_is_wrong_is_named_and_comes_before_what_is_wrong_in_the_file() {
    let mut config = Config::parse("config.yaml", "typo: 1\njob: {class: a}\n").unwrap();
    config.set("job.class", json!("a b"), "FLINK_JOB");
    assert_eq!(
        told(&config.image().unwrap_err()),
        "`FLINK_JOB`: `job.class` is `a b`, and must be the name of a class, without blanks"
    );
    // What it took the place of is not asked.
    let mut config = Config::parse("config.yaml", "job: {parallelism: 0}\n").unwrap();
    config.set("job.parallelism", json!(1), "--parallelism");
    assert!(complete(config).is_ok());
}

#[test]
fn the_type_is_nested_or_one_key() {
    for (text, expected) in [
        ("", FlinkType::Job),
        ("flink.type: session\n", FlinkType::Session),
        ("flink.type: job\n", FlinkType::Job),
        ("flink: {type: session}\n", FlinkType::Session),
        (
            "flink.type: session\nflink: {type: session}\n",
            FlinkType::Session,
        ),
        (
            "flink.type: session\nflink: {java: '17'}\n",
            FlinkType::Session,
        ),
    ] {
        let deployment = read(text).unwrap();
        assert_eq!(deployment.values.flink.type_, expected, "{text}");
        // The chart is given one of them.
        assert!(!deployment.given.contains_key("flink.type"), "{text}");
    }
}

#[test]
fn nulls_and_lists_are_what_they_are_for_helm() {
    let deployment = read(
        "taskManager: {replicas: null}\nsecurity: {runAsUser: null}\nui: {nodePort: null}\n\
         pod: {env: [{name: A, value: b}]}\nglobal: {a: 1}\njob: {parallelism: 2.0}\n",
    );
    let values = deployment.unwrap().values;
    assert_eq!(values.task_manager.replicas, None);
    assert_eq!(
        (values.security.run_as_user, values.security.fs_group),
        (None, Some(9999))
    );
    assert_eq!(values.ui.node_port, None);
    assert_eq!(
        json!(values.pod.all.env),
        json!([{"name": "A", "value": "b"}])
    );
    assert_eq!(values.job.parallelism, 2);
}

#[test]
fn options_are_words_of_one_level() {
    let deployment = read(
        "flink:\n  config:\n    a: {b: 1, c.d: true}\n    e.f: [x, 2]\n    g: 1e3\n    h: '007'\n    i: 0777\n",
    );
    let options = deployment.unwrap().options;
    let found: Vec<_> = options
        .iter()
        .map(|(key, text)| format!("{key}={text}"))
        .collect();
    assert_eq!(
        found,
        ["a.b=1", "a.c.d=true", "e.f=x;2", "g=1000", "h=007", "i=511"]
    );
}

#[test]
fn the_name_is_that_of_the_image_if_none_is_said() {
    for (repository, expected) in [
        ("ghcr.io/acme/word-count", "word-count"),
        ("job", "job"),
        ("localhost:5000/word_count.v2", "word-count-v2"),
        (
            "ghcr.io/acme/a-name-that-is-longer-than-what-is-l-eft-for-it",
            "a-name-that-is-longer-than-what-is-l-eft",
        ),
        (
            "ghcr.io/acme/a-name-that-is-longer-than-what-is-left-for-it",
            "a-name-that-is-longer-than-what-is-left",
        ),
    ] {
        let deployment = read(&format!(
            "image: {{repository: '{repository}', tag: '1'}}\n"
        ));
        assert_eq!(deployment.unwrap().name, expected);
    }
}

#[test]
fn a_namespace_is_one_of_kubernetes() {
    for (namespace, is_one) in [
        ("flink", true),
        ("team-1", true),
        ("Team", false),
        ("-a", false),
        ("", false),
    ] {
        let config = Config::parse("config.yaml", IMAGE).unwrap();
        let facts = super::unread("ghcr.io/acme/job:1");
        let found = config.complete(&facts, Some(namespace.to_owned()));
        assert_eq!(found.is_ok(), is_one, "{namespace}");
        if let Err(error) = found {
            let expected = format!(
                "`--namespace` is `{namespace}`, which no namespace of Kubernetes is called"
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn lines_are_those_of_the_file_with_every_way_to_write_one() {
    for (text, line) in [
        ("# x\r\n\r\njob:\r\n  # y\r\n  parallelism: 0\r\n", 5),
        ("\u{feff}# x\njob: {class: a,\n  parallelism: 0}\n", 3),
        ("---\n# x\njob:\n  parallelism:\n    0\n", 5),
        ("job:\n  \"parallelism\": 0 # y\n", 2),
        ("job:\n  class: |\n    a\n  parallelism: 0\n", 3),
        // What is in an alias is where the alias is.
        (
            "jobManager:\n  resources: &r\n    limits: {a: 1}\ntaskManager:\n  memory: 1\n  resources: *r\n",
            5,
        ),
        (
            "pod:\n  annotations: &x\n    parallelism: '0'\njob: *x\n",
            4,
        ),
        (
            "pod:\n  annotations: &x\n    parallelism: '0'\njob:\n  class: a\n  <<: *x\n",
            6,
        ),
        (
            "pod:\n  annotations: &x\n    parallelism: '0'\njob:\n  <<: [\n    *x]\n",
            5,
        ),
    ] {
        let error = read(text).unwrap_err().to_string();
        let place = format!("`config.yaml` line {line}: ");
        assert!(error.starts_with(&place), "{text}: {error}");
    }
}

#[test]
fn what_may_not_be_meant_is_told() {
    let text = "flink.type: session\nflink:\n  config:\n    s3:\n      secret-key: hunter2\n    \
                security.ssl.rest.key-password: ''\n    security.delegation.tokens.enabled: true\n\
                job:\n  class: a.B\n  args: []\n  parallelism: 4\n  backoffLimit: 6\n";
    assert_eq!(
        read(text).unwrap().warnings,
        [
            "`config.yaml` line 5: `flink.config` has a secret, `s3.secret-key`, which everybody who may read pods can read; \
             give it as a line of `FLINK_PROPERTIES` in a Secret, by `pod.envFrom`",
            "`config.yaml` line 9: `job.class` is for a job, and has no use in a session",
            "`config.yaml` line 11: `job.parallelism` is for a job, and has no use in a session",
        ]
    );
    assert!(read("job: {class: a.B}\n").unwrap().warnings.is_empty());
}

#[test]
fn options_for_java_that_hide_those_of_the_image_are_told() {
    let told = "`config.yaml` line 3: `env.java.opts.all` takes the place of that in the image, which opens modules of Java to Flink; \
                say `env.java.opts.jobmanager` and `env.java.opts.taskmanager` instead, which add to it";
    for (option, java, is_told) in [
        ("env.java.opts.all: -Xlog:gc*", "", true),
        ("env.java.opts: {all: -Xlog:gc*}", "17", true),
        ("env.java.opts.all: -Xlog:gc*", "11", false),
        (
            "env.java.opts.all: --add-opens=java.base/java.util=ALL-UNNAMED",
            "17",
            false,
        ),
        ("env.java.opts.taskmanager: -Xlog:gc*", "17", false),
    ] {
        let text = format!("flink:\n  config:\n    {option}\n  java: '{java}'\n");
        let expected: &[&str] = if is_told { &[told] } else { &[] };
        assert_eq!(read(&text).unwrap().warnings, expected, "{text}");
    }
}
