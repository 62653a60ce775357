//! What Flink is told: by line, by role, and what of it is the user's.

use serde_json::Value;

use crate::scene::{find, objects_of, pod, words};

/// The values of options among the words of a role.
fn option(objects: &[Value], role: &str, key: &str) -> Option<String> {
    let start = format!("-D{key}=");
    let words = words(objects, role);
    let found = words.iter().find_map(|word| word.strip_prefix(&start));
    found.map(ToOwned::to_owned)
}

/// The lines of `FLINK_PROPERTIES` of a role.
fn properties(objects: &[Value], role: &str) -> String {
    let env = &pod(objects, role)["spec"]["containers"][0]["env"];
    let mut variables = env.as_array().into_iter().flatten();
    let found = variables.find(|variable| variable["name"] == "FLINK_PROPERTIES");
    found.map_or(String::new(), |it| it["value"].as_str().unwrap().to_owned())
}

#[test]
fn each_line_has_its_own_words_and_options() {
    let old_metrics = "class=org.apache.flink.metrics.prometheus.PrometheusReporter";
    let new_metrics = "factory.class=org.apache.flink.metrics.prometheus.PrometheusReporterFactory";
    let process = Some("-Djobmanager.memory.process.size=1001m");
    let of_workers = Some("-Dtaskmanager.memory.process.size=1201m");
    let old = ["job-cluster", "task-manager"];
    let new = ["standalone-job", "taskmanager"];
    for (version, [leader, worker], of_leader, of_worker, metrics) in [
        ("1.6.4", old, None, None, old_metrics),
        ("1.9.3", old, None, None, old_metrics),
        ("1.10.3", old, None, of_workers, old_metrics),
        ("1.11.6", new, process, of_workers, new_metrics),
        ("1.20.5", new, process, of_workers, new_metrics),
        ("2.3.0", new, process, of_workers, new_metrics),
        ("", new, process, of_workers, new_metrics),
    ] {
        let objects = objects_of(&format!(
            "flink: {{version: '{version}'}}\njobManager: {{memory: 1001}}\ntaskManager: {{memory: 1201}}\nmetrics: {{enabled: true, port: 9250}}\n"
        ));
        for (role, first, memory, heap) in [
            (
                "jobmanager",
                leader,
                of_leader,
                "jobmanager.heap.size: 750m\n",
            ),
            (
                "taskmanager",
                worker,
                of_worker,
                "taskmanager.heap.size: 900m\n",
            ),
        ] {
            let words = words(&objects, role);
            assert_eq!(words[0], first, "{version}");
            for word in [
                format!("-Dmetrics.reporter.prom.{metrics}"),
                "-Dmetrics.reporter.prom.port=9250".to_owned(),
            ] {
                assert!(words.contains(&word), "{version} {role}: {word} {words:?}");
            }
            // The heap is not for the command line, which the scripts do not read it from.
            let sizes: Vec<_> = words
                .iter()
                .filter(|word| word.contains(".size="))
                .collect();
            assert_eq!(
                sizes,
                memory.into_iter().collect::<Vec<_>>(),
                "{version} {role}"
            );
            let lines = if memory.is_some() { "" } else { heap };
            assert_eq!(properties(&objects, role), lines, "{version} {role}");
        }
    }
}

#[test]
fn what_the_scripts_of_flink_read_is_in_the_configuration() {
    let config = "flink: {config: {env: {java.opts: {all: -Da=b, taskmanager: \"-Dc -Dd\\n\"}}, taskmanager.compute.numa: true, environment: x}}\n";
    let lines = "env.java.opts.all: -Da=b\nenv.java.opts.taskmanager: -Dc -Dd \ntaskmanager.compute.numa: true\n";
    for text in [
        config.to_owned(),
        config.replace("{config", "{type: session, config"),
    ] {
        let objects = objects_of(&text);
        for role in ["jobmanager", "taskmanager"] {
            assert_eq!(properties(&objects, role), lines, "{text} {role}");
            let words = words(&objects, role).join(" ");
            assert!(
                !words.contains("env.") && !words.contains("numa"),
                "{words}"
            );
            assert!(words.contains("environment=x"), "{words}");
        }
    }
}

#[test]
fn high_availability_is_chosen_by_the_key_of_the_line() {
    let factory = "org.apache.flink.kubernetes.highavailability.KubernetesHaServicesFactory";
    for (version, key, value) in [
        ("1.12.7", "high-availability", factory),
        ("1.16.3", "high-availability", factory),
        ("1.17.2", "high-availability.type", "kubernetes"),
        ("2.3.0", "high-availability.type", "kubernetes"),
    ] {
        let objects = objects_of(&format!(
            "flink: {{version: '{version}'}}\nhighAvailability: {{enabled: true, storageDir: 's3://b/ha'}}\n"
        ));
        for (role, address) in [
            ("jobmanager", "$(POD_IP)"),
            ("taskmanager", "test-jobmanager"),
        ] {
            for (key, value) in [
                (key, value),
                ("high-availability.storageDir", "s3://b/ha"),
                ("kubernetes.cluster-id", "test"),
                ("kubernetes.namespace", "$(POD_NAMESPACE)"),
                ("jobmanager.rpc.address", address),
            ] {
                assert_eq!(
                    option(&objects, role, key).as_deref(),
                    Some(value),
                    "{version} {role} {key}"
                );
            }
            let chosen = words(&objects, role);
            let chosen = chosen
                .iter()
                .filter(|word| word.starts_with("-Dhigh-availability"));
            assert_eq!(chosen.count(), 2, "{version}");
            let spec = &pod(&objects, role)["spec"];
            assert_eq!(spec["automountServiceAccountToken"], true);
        }
        assert!(find(&objects, "RoleBinding", "test").is_some());
    }
    let objects = objects_of("");
    assert!(find(&objects, "Role", "test").is_none());
    assert_eq!(
        option(&objects, "taskmanager", "kubernetes.cluster-id"),
        None
    );
}

#[test]
fn a_session_takes_options_as_its_line_can() {
    let text =
        |version| format!("flink: {{type: session, version: '{version}', config: {{a: b c}}}}\n");
    for version in ["1.9.3", "1.15.4"] {
        let objects = objects_of(&text(version));
        assert_eq!(words(&objects, "jobmanager"), ["jobmanager"], "{version}");
        let lines = properties(&objects, "jobmanager");
        assert!(
            lines.starts_with("a: b c\nblob.server.port: 6124\njobmanager."),
            "{lines}"
        );
        assert!(
            lines.ends_with("taskmanager.numberOfTaskSlots: 1\n"),
            "{lines}"
        );
    }
    for version in ["1.16.3", "2.3.0"] {
        let objects = objects_of(&text(version));
        let words = words(&objects, "jobmanager");
        let first = ["jobmanager", "-D", "a=b c", "-D", "blob.server.port=6124"];
        assert_eq!(words[..5], first, "{version}");
        assert_eq!(properties(&objects, "jobmanager"), "", "{version}");
    }
}

#[test]
fn a_job_has_its_words_in_the_order_that_flink_reads_them_in() {
    let objects = objects_of(
        "job: {class: com.example.Main, fromSavepoint: s3://b/s, allowNonRestoredState: true, parallelism: 3, args: [--a, 1, 0.5, 1e3, true, '']}\n\
         jobManager: {memory: 1600}\n",
    );
    assert_eq!(
        words(&objects, "jobmanager"),
        [
            "standalone-job",
            "--job-classname",
            "com.example.Main",
            "--fromSavepoint",
            "s3://b/s",
            "--allowNonRestoredState",
            "-Dblob.server.port=6124",
            "-Djobmanager.memory.process.size=1600m",
            "-Djobmanager.rpc.address=test-jobmanager",
            "-Djobmanager.rpc.port=6123",
            "-Dparallelism.default=3",
            "-Drest.port=8081",
            "-Dtaskmanager.numberOfTaskSlots=1",
            "-Dweb.cancel.enable=false",
            "-Dweb.submit.enable=false",
            "--",
            "--a",
            "1",
            "0.5",
            "1000",
            "true",
            "",
        ]
    );
    assert_eq!(
        words(&objects, "taskmanager"),
        [
            "taskmanager",
            "-Djobmanager.rpc.address=test-jobmanager",
            "-Djobmanager.rpc.port=6123",
            "-Dtaskmanager.data.port=6121",
            "-Dtaskmanager.host=$(POD_IP)",
            "-Dtaskmanager.memory.process.size=1728m",
            "-Dtaskmanager.numberOfTaskSlots=1",
            "-Dtaskmanager.rpc.port=6122",
        ]
    );
}

#[test]
fn options_of_the_user_are_over_ours_in_both_roles() {
    let objects = objects_of(
        "flink: {config: {web: {submit.enable: true}, state.backend.type: rocksdb, pipeline.jars: [a, b], taskmanager.memory.managed.fraction: 0.25}}\n",
    );
    for role in ["jobmanager", "taskmanager"] {
        for (key, value) in [
            ("web.submit.enable", "true"),
            ("state.backend.type", "rocksdb"),
            ("pipeline.jars", "a;b"),
            ("taskmanager.memory.managed.fraction", "0.25"),
        ] {
            assert_eq!(
                option(&objects, role, key).as_deref(),
                Some(value),
                "{role} {key}"
            );
        }
    }
    assert_eq!(
        option(&objects, "jobmanager", "web.cancel.enable").as_deref(),
        Some("false")
    );
}

#[test]
fn there_are_as_many_task_managers_as_the_job_needs() {
    for (text, replicas) in [
        ("", 1),
        ("job: {parallelism: 5}", 5),
        ("job: {parallelism: 5}\ntaskManager: {slots: 2}", 3),
        ("job: {parallelism: 6}\ntaskManager: {slots: 2}", 3),
        ("job: {parallelism: 2}\ntaskManager: {slots: 8}", 1),
        ("job: {parallelism: 5}\ntaskManager: {replicas: 2}", 2),
        ("job: {parallelism: 5}\ntaskManager: {replicas: null}", 5),
        ("flink: {type: session}\njob: {parallelism: 5}", 1),
        ("flink: {type: session}\ntaskManager: {replicas: 4}", 4),
    ] {
        let objects = objects_of(text);
        let workers = find(&objects, "Deployment", "test-taskmanager").unwrap();
        assert_eq!(workers["spec"]["replicas"], replicas, "{text}");
    }
}

#[test]
fn resources_are_one_number_and_what_is_added_to_it() {
    let objects = objects_of(
        "jobManager: {cpu: 0.5, memory: 2000, resources: {requests: {cpu: 250m}, limits: {ephemeral-storage: 2Gi}, claims: [{name: gpu}]}}\n\
         taskManager: {cpu: 2, resources: {limits: {cpu: '', nvidia.com/gpu: 1}}}\n",
    );
    let of = |role| pod(&objects, role)["spec"]["containers"][0]["resources"].to_string();
    assert_eq!(
        of("jobmanager"),
        r#"{"claims":[{"name":"gpu"}],"limits":{"cpu":"0.5","ephemeral-storage":"2Gi","memory":"2000Mi"},"requests":{"cpu":"250m","memory":"2000Mi"}}"#
    );
    assert_eq!(
        of("taskmanager"),
        r#"{"limits":{"memory":"1728Mi","nvidia.com/gpu":1},"requests":{"cpu":"2","memory":"1728Mi"}}"#
    );
}

#[test]
fn the_interface_is_shown_as_it_is_safe() {
    for (text, type_, node_port) in [
        ("", "NodePort", Some(30081)),
        ("ui: {nodePort: null}", "NodePort", None),
        ("ui: {type: ClusterIP}", "ClusterIP", None),
        ("ui: {type: LoadBalancer}", "LoadBalancer", None),
        ("flink: {type: session}", "ClusterIP", None),
        (
            "flink: {type: session}\nui: {type: NodePort}",
            "NodePort",
            Some(30081),
        ),
    ] {
        let objects = objects_of(text);
        let spec = &find(&objects, "Service", "test-ui").unwrap()["spec"];
        assert_eq!(spec["type"], type_, "{text}");
        assert_eq!(spec["ports"][0]["nodePort"].as_u64(), node_port, "{text}");
    }
    assert!(find(&objects_of("ui: {type: None}"), "Service", "test-ui").is_none());
}
