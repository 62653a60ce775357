//! Flink, its connectors, its Scala and what it logs with.

use super::*;

#[test]
fn flink_in_a_jar_is_a_warning_and_another_flink_an_error() {
    const CORE: &[(&str, u32)] = &[
        ("org/example/Job", 1),
        ("org/apache/flink/api/common/ExecutionConfig", 1),
        ("org/apache/flink/runtime/taskexecutor/TaskExecutor", 1),
    ];
    let fat = || main_class(with_classes(jar("job.jar"), CORE), "org.example.Job");
    let of = |version: &str| Jar {
        flink_version: Some(version.to_owned()),
        ..fat()
    };
    let by_maven = |version: &str| {
        with(fat(), |facts| {
            facts.libraries.push(library("flink-runtime_2.12", version));
        })
    };
    let by_manifest = |vendor: &str| {
        with(fat(), |facts| {
            facts.manifest.implementation_vendor_id = Some(vendor.to_owned());
            facts.manifest.implementation_version = Some("1.18.1".to_owned());
        })
    };
    for (jar, expected) in [
        (fat(), "flink-bundled"),
        (of("1.20.5"), "flink-bundled"),
        (of("1.18.1"), "flink-bundled-version"),
        (by_maven("1.20.5"), "flink-bundled"),
        (by_maven("1.20.4"), "flink-bundled-version"),
        (by_manifest("org.apache.flink"), "flink-bundled-version"),
        // That is the version of the job.
        (by_manifest("com.acme"), "flink-bundled"),
    ] {
        assert_eq!(codes("1.20.5", &[jar]), [expected]);
    }
    let found = on("1.20.5", &[], &[of("1.18.1")]);
    assert_eq!(
        found[0].message,
        "`job.jar` bundles `flink-core` and `flink-runtime` of Flink 1.18.1, and the image has Flink 1.20.5"
    );
    let found = on("1.20.5", &[], &[fat()]);
    assert_eq!(
        found[0].message,
        "`job.jar` bundles `flink-core` and `flink-runtime` of a version that it does not name, and the image has Flink 1.20.5"
    );
    // Before 1.9 a job had to bring the Table API, and connectors it brings today.
    let table = with_classes(
        job(),
        &[
            ("org/example/Job", 1),
            ("org/apache/flink/table/api/TableEnvironment", 1),
        ],
    );
    assert_eq!(
        codes("1.8.3", &[main_class(table, "org.example.Job")]),
        NONE
    );
    let connector = with_classes(
        job(),
        &[
            ("org/example/Job", 1),
            ("org/apache/flink/connector/kafka/source/KafkaSource", 1),
        ],
    );
    assert_eq!(codes("1.20.5", &[connector]), NONE);
}

#[test]
fn flink_of_another_major_version_is_known_by_its_classes() {
    const ONE: &[(&str, u32)] = &[
        ("org/example/Job", 1),
        (
            "org/apache/flink/streaming/api/environment/StreamExecutionEnvironment",
            1,
        ),
        (
            "org/apache/flink/streaming/api/functions/source/SourceFunction",
            1,
        ),
    ];
    const TWO: &[(&str, u32)] = &[
        ("org/example/Job", 1),
        (
            "org/apache/flink/streaming/api/environment/StreamExecutionEnvironment",
            1,
        ),
        (
            "org/apache/flink/streaming/api/functions/source/legacy/SourceFunction",
            1,
        ),
    ];
    for (flink, classes, expected) in [
        ("1.20.5", ONE, "flink-bundled"),
        ("2.3.0", ONE, "flink-bundled-version"),
        ("2.3.0", TWO, "flink-bundled"),
        ("1.20.5", TWO, "flink-bundled-version"),
    ] {
        assert_eq!(codes(flink, &[with_classes(job(), classes)]), [expected]);
    }
    let found = on("2.3.0", &[], &[with_classes(job(), ONE)]);
    assert_eq!(
        found[0].message,
        "`job.jar` bundles `flink-streaming-java` of another major version of Flink, and the image has Flink 2.3.0"
    );
}

#[test]
fn the_planner_must_not_be_in_a_jar_since_it_is_hidden_in_the_distribution() {
    let has = |class: &str| with_classes(job(), &[("org/example/Job", 1), (class, 1)]);
    let planner = "org/apache/flink/table/planner/delegation/StreamPlanner";
    let loader = "org/apache/flink/table/planner/loader/PlannerModule";
    for (flink, class, expected) in [
        ("1.8.3", planner, &[][..]),
        ("1.14.6", planner, &["flink-bundled"]),
        ("1.15.4", planner, &["flink-planner-bundled"]),
        ("2.3.0", planner, &["flink-planner-bundled"]),
        ("1.14.6", loader, &[]),
        ("1.15.4", loader, &["flink-bundled"]),
        ("1.14.6", "org/apache/flink/cep/CEP", &[]),
        ("1.20.5", "org/apache/flink/cep/CEP", &["flink-bundled"]),
    ] {
        assert_eq!(codes(flink, &[has(class)]), expected, "{flink} {class}");
    }
}

/// A jar whose classes mention names of another major version, as it is after looking.
fn mentions(classes: &[(&'static str, &[&str])]) -> Jar {
    let foreign = classes.iter().map(|(name, users)| {
        let users = users.iter().map(ToString::to_string).collect();
        (*name, users)
    });
    Jar {
        foreign: Some(foreign.collect()),
        ..job()
    }
}

#[test]
fn classes_that_use_what_is_in_another_major_version_only_are_told() {
    const SOURCE: &str = "org/apache/flink/streaming/api/functions/source/SourceFunction";
    const SINK: &str = "org/apache/flink/api/connector/sink2/TwoPhaseCommittingSink";
    let kafka = "org/apache/flink/connector/kafka/sink/KafkaSink";
    let old = "org/apache/flink/streaming/connectors/kafka/FlinkKafkaConsumer";
    let found = on(
        "2.0.2",
        &[],
        &[mentions(&[(SOURCE, &[old]), (SINK, &[kafka])])],
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, Code::ConnectorMajor);
    assert_eq!(
        (&*found[0].message, &*found[0].way_out),
        (
            "`job.jar` has `org.apache.flink.connector.kafka.sink.KafkaSink` and another class of a connector, built for \
             another major version: `org.apache.flink.api.connector.sink2.TwoPhaseCommittingSink` and \
             `org.apache.flink.streaming.api.functions.source.SourceFunction` are in no Flink 2.0.2",
            "take the version of the connector whose name ends with `-2.0`, if there is one",
        )
    );
    let both = || {
        mentions(&[(
            SOURCE,
            &[old, "org/example/A", "org/example/B", "org/example/C"],
        )])
    };
    let found = on("2.0.2", &[], &[both()]);
    let told: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(told, [Code::FlinkApi, Code::ConnectorMajor]);
    assert_eq!(
        found[0].message,
        "`job.jar` has `org.example.A` and 2 other classes, built for another major version: \
         `org.apache.flink.streaming.api.functions.source.SourceFunction` is in no Flink 2.0.2"
    );
    // The version was told already; and what a jar brings is there.
    let named = with(mentions(&[(SOURCE, &[old])]), |facts| {
        facts
            .libraries
            .push(library("flink-connector-kafka", "3.2.0-1.19"));
    });
    assert_eq!(codes("2.0.2", &[named]), ["connector-major"]);
    let brings = with_classes(jar("flink.jar"), &[(SOURCE, 1)]);
    assert_eq!(codes("2.0.2", &[both(), brings]), NONE);
    // Another Flink is one thing to cure.
    let bundles = with_classes(
        both(),
        &[
            ("org/example/Job", 1),
            ("org/apache/flink/api/common/ExecutionConfig", 1),
        ],
    );
    let bundles = Jar {
        flink_version: Some("1.20.5".to_owned()),
        ..bundles
    };
    assert_eq!(codes("2.0.2", &[bundles]), ["flink-bundled-version"]);
}

#[test]
fn connectors_of_before_they_had_versions_of_their_own_are_to_be_taken_from_the_same_flink() {
    let has = |version: &str| {
        with(job(), |facts| {
            facts
                .libraries
                .push(library("flink-connector-kafka_2.12", version));
        })
    };
    for (flink, version, expected) in [
        ("1.12.7", "1.14.6", "take its version 1.12.x"),
        (
            "1.20.5",
            "1.14.6",
            "take its version 1.20.x, or the one whose name ends with `-1.20`",
        ),
        (
            "1.20.5",
            "3.2.0-1.19",
            "take the version of the connector whose name ends with `-1.20`, if there is one",
        ),
    ] {
        let found = on(flink, &[], &[has(version)]);
        assert_eq!(found[0].way_out, expected, "{flink} {version}");
    }
}

#[test]
fn connectors_are_for_a_line() {
    let has = |artifact: &str, version: &str| {
        with(job(), |facts| {
            facts.libraries.push(library(artifact, version));
        })
    };
    let is = |file: &str, version: &str| {
        with(jar(file), |facts| {
            facts.manifest.implementation_vendor_id = Some("org.apache.flink".to_owned());
            facts.manifest.implementation_version = Some(version.to_owned());
        })
    };
    for (flink, jar, expected) in [
        (
            "1.20.5",
            has("flink-connector-kafka", "3.3.0-1.20"),
            &[][..],
        ),
        (
            "1.20.5",
            has("flink-connector-kafka", "3.2.0-1.19"),
            &["connector-line"],
        ),
        (
            "2.3.0",
            has("flink-connector-kafka", "3.3.0-1.20"),
            &["connector-major"],
        ),
        (
            "1.20.5",
            has("flink-connector-kafka", "4.0.1-2.0"),
            &["connector-major"],
        ),
        ("1.20.5", has("flink-connector-files", "1.20.5"), &[]),
        ("1.20.5", has("flink-connector-mysql-cdc", "1.14.0"), &[]),
        ("1.20.5", has("flink-json", "1.19.0"), &[]),
        (
            "1.20.5",
            is("flink-sql-connector-kafka-3.2.0-1.19.jar", "3.2.0-1.19"),
            &["connector-line"],
        ),
        // The file was renamed, and says nothing by its name.
        ("1.20.5", is("kafka.jar", "3.2.0-1.19"), &[]),
        ("1.20.5", jar("flink-connector-acme-1.0-1.19.jar"), &[]),
    ] {
        let found = codes(flink, &[job(), jar]);
        let found: Vec<_> = found
            .iter()
            .filter(|code| code.starts_with("connector"))
            .copied()
            .collect();
        assert_eq!(found, expected);
    }
    let found = on("2.3.0", &[], &[has("flink-connector-kafka", "3.2.0-1.19")]);
    assert_eq!(
        (&*found[0].message, &*found[0].way_out),
        (
            "`job.jar` has `flink-connector-kafka:3.2.0-1.19`, built for Flink 1.19, and the image has Flink 2.3.0",
            "take the version of the connector whose name ends with `-2.3`, if there is one",
        )
    );
}

#[test]
fn parts_of_flink_are_for_a_scala() {
    let has = |artifact: &str| {
        with(job(), |facts| {
            facts.libraries.push(library(artifact, "1.14.6"));
        })
    };
    for (artifact, expected) in [
        ("flink-connector-kafka_2.11", &["scala-suffix"][..]),
        ("flink-connector-kafka_2.12", &[]),
        ("flink-connector-kafka", &[]),
        ("flink-odd_2.x", &[]),
    ] {
        assert_eq!(codes("1.14.6", &[has(artifact)]), expected, "{artifact}");
    }
    // Where it is not known which Scala it is, either may be.
    let version: FlinkVersion = "1.14.6".parse().unwrap();
    let line = Known::of(&version).unwrap();
    let jars = [
        has("flink-connector-kafka_2.11"),
        has("flink-connector-kafka_2.13"),
    ];
    let found = check(&Subject {
        jars: &jars[..1],
        flink: Some(Target {
            version: &version,
            line,
            scala: None,
        }),
        ..Subject::default()
    });
    assert_eq!(found, []);
    let found = check(&Subject {
        jars: &jars[1..],
        flink: Some(Target {
            version: &version,
            line,
            scala: None,
        }),
        ..Subject::default()
    });
    assert_eq!(found[0].code, Code::ScalaSuffix);
}

#[test]
fn libraries_that_log_are_told_and_what_they_are_called_by_is_not() {
    for (class, expected) in [
        (
            "org/slf4j/impl/StaticLoggerBinder",
            &["logging-binding"][..],
        ),
        (
            "org/apache/logging/log4j/core/LoggerContext",
            &["logging-binding"],
        ),
        ("org/apache/log4j/LogManager", &["logging-binding"]),
        ("ch/qos/logback/classic/Logger", &["logging-binding"]),
        ("org/slf4j/LoggerFactory", &[]),
        ("org/apache/logging/log4j/LogManager", &[]),
        ("com/acme/shaded/org/slf4j/impl/StaticLoggerBinder", &[]),
    ] {
        let fat = with_classes(job(), &[("org/example/Job", 1), (class, 1)]);
        assert_eq!(codes("1.20.5", &[fat]), expected, "{class}");
    }
    let provider = with(job(), |facts| {
        let service = "org.slf4j.spi.SLF4JServiceProvider".to_owned();
        facts.services.insert(
            service,
            vec!["org.apache.logging.slf4j.SLF4JServiceProvider".to_owned()],
        );
    });
    assert_eq!(codes("1.20.5", &[provider]), ["logging-binding"]);
}
