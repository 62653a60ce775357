//! Values that the chart does not take, and what the real Helm says of them then.

use crate::helm::{ENGINES, IMAGE, object, template};
use crate::support::helm::chart;

#[test]
fn what_is_wrong_is_refused_with_its_key() {
    let long = "a".repeat(41);
    let cases = [
        // By the schema.
        ("unknown: 1", "unknown"),
        ("jobManager: {memroy: 1}", "memroy"),
        ("name: 7", "name"),
        ("name: Capital", "name"),
        (&*format!("name: {long}"), "name"),
        ("flink: {type: batch}", "flink.type"),
        ("flink.type: batch", "flink.type"),
        ("flink: {version: two}", "flink.version"),
        ("flink: {files: {../x: ''}}", "../x"),
        ("flink: {config: {a: null}}", "flink.config.a"),
        // It would be another option on a line of its own.
        (r#"flink: {config: {a: "x\nb: y"}}"#, "flink.config.a"),
        (r#"flink: {config: {a: ["x\n"]}}"#, "flink.config.a.0"),
        ("image: {repository: 'a:b'}", "image.repository"),
        ("image: {digest: sha256:1}", "image.digest"),
        ("job: null", "job"),
        ("job: {args: null}", "args"),
        ("job: {parallelism: 0}", "job.parallelism"),
        ("job: {parallelism: two}", "job.parallelism"),
        ("jobManager: {memory: 1g}", "jobManager.memory"),
        (
            "jobManager: {resources: {limits: {memory: 1Gi}}}",
            "jobManager.resources.limits.memory",
        ),
        (
            "jobManager: {resources: {limits: {cpu: null}}}",
            "jobManager.resources.limits.cpu",
        ),
        (
            "taskManager: {resources: {requests: {cpu: ''}}}",
            "taskManager.resources.requests.cpu",
        ),
        ("taskManager: {slots: 1.5}", "taskManager.slots"),
        ("pod: {env: [{value: x}]}", "pod.env.0"),
        ("pod: {env: [{name: POD_IP}]}", "pod.env.0.name"),
        (
            "jobManager: {volumeMounts: [{name: a, mountPath: /tmp}]}",
            "jobManager.volumeMounts.0.mountPath",
        ),
        ("ui: {type: Ingress}", "ui.type"),
        // By what the schema cannot tell.
        ("image: {repository: ''}", "`image.repository`"),
        ("image: {tag: ''}", "`image.tag`"),
        ("jobManager: {replicas: 2}", "`jobManager.replicas`"),
        (
            "highAvailability: {enabled: true}",
            "`highAvailability.storageDir`",
        ),
        (
            "{highAvailability: {enabled: true, storageDir: s3://b/ha}, flink: {version: 1.9.3}}",
            "`flink.version` is `1.9.3`",
        ),
        ("podMonitor: {enabled: true}", "`metrics.enabled`"),
        (
            "{flink: {config: {env.log.max: 3}}, pod: {env: [{name: A}, {name: FLINK_PROPERTIES}]}}",
            "`FLINK_PROPERTIES`, in which the jobmanager",
        ),
        (
            "{flink: {version: 1.9.3}, taskManager: {env: [{name: FLINK_PROPERTIES}]}}",
            "`FLINK_PROPERTIES`, in which the taskmanager",
        ),
        (
            "flink: {files: {flink-conf.yaml: ''}}",
            "`flink-conf.yaml`; options belong into `flink.config`",
        ),
        (
            "flink: {config: {jobmanager: {rpc: {port: 1}}}}",
            "`jobmanager.rpc.port`",
        ),
        (
            "flink: {config: {parallelism.default: 2}}",
            "set `job.parallelism`",
        ),
        (
            "flink: {config: {taskmanager.numberOfTaskSlots: 2}}",
            "set `taskManager.slots`",
        ),
        (
            "flink: {config: {high-availability.type: zookeeper}}",
            "set `highAvailability.enabled`",
        ),
        (
            "{flink: {config: {metrics.reporter.prom.port: 1}}, metrics: {enabled: true}}",
            "set `metrics.port`",
        ),
        (
            "flink: {config: {state: {backend: {type: hashmap}}, state.backend: {type: rocksdb}}}",
            "`state.backend.type` twice",
        ),
        ("{flink: {type: session}, flink.type: job}", "`flink.type`"),
    ];
    for engine in &*ENGINES {
        for (wrong, key) in cases {
            // Each stands over values that are right, as in a second file.
            let right = engine.read(IMAGE).remove(0);
            let mut values = engine.read(wrong).remove(0);
            for (key, value) in right["image"].as_object().unwrap() {
                let image = &mut values["image"];
                if image.get(key).is_none() {
                    image[key] = value.clone();
                }
            }
            let result = engine.template(&chart(), &values.to_string(), "release");
            let message = result.expect_err(wrong);
            // Older ones write `job.parallelism`, newer ones `/job/parallelism`.
            let is_named = message.contains(key) || message.replace('/', ".").contains(key);
            assert!(is_named, "{}: {wrong}: {message}", engine.name);
        }
    }
}

#[test]
fn a_name_is_that_of_the_release_and_may_not_be_too_long() {
    for engine in &*ENGINES {
        let rendered = template(engine, IMAGE);
        object(&rendered.objects, "Deployment", "release-taskmanager");
        let long = "r".repeat(41);
        let message = engine.template(&chart(), IMAGE, &long).unwrap_err();
        assert!(
            message.contains("`name` may have 40"),
            "{}: {message}",
            engine.name
        );
    }
}
