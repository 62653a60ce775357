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
