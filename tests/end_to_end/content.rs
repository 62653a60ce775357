//! What is put into an image on request, seen in clusters that run: plugins, settings, a configuration of logging.
//!
//! Flink's Python packages, of which the distributions of these tests are made, have no plugin in `opt/` since 1.11. So
//! their reporter for Prometheus is moved there, where older releases had it: that it is loaded is then due to
//! `--plugin` alone, and its metrics are the proof.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cluster::{Cluster, Start};
use crate::image::{Built, Yard, words};
use crate::rest::Rest;
use crate::support::parts::{FlinkParts, HistoricParts, jre_base};
use crate::support::podman::free_ports;

const PLUGIN: &str = "flink-metrics-prometheus";

pub(crate) const LOG4J_2: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = as the test wants it: %p %c{1} %m%n
";

/// It also tells which file systems there are.
const LOG4J_1: &str = "\
log4j.rootLogger=INFO, console
log4j.logger.org.apache.flink.core.fs.FileSystem=DEBUG
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=as the test wants it: %p %c{1} %m%n
";

/// Where lines of both begin.
pub(crate) const MARK: &str = "as the test wants it: INFO ";

#[test]
fn a_slim_image_of_flink_1_20_has_the_plugin_settings_and_logging_that_were_asked_for() {
    has_what_was_asked_for("1.20.5");
}

#[test]
fn a_slim_image_of_flink_2_0_has_the_plugin_settings_and_logging_that_were_asked_for() {
    has_what_was_asked_for("2.0.2");
}

#[test]
fn a_slim_image_of_flink_2_3_has_the_plugin_settings_and_logging_that_were_asked_for() {
    has_what_was_asked_for("2.3.0");
}

/// Flink 1.10 has file systems in `opt/` and takes them as plugins only.
#[test]
fn a_slim_image_of_flink_1_10_knows_the_file_system_of_a_plugin() {
    let yard = Yard::new();
    let parts = HistoricParts::find();
    let log4j = file(&yard, "log4j.properties", LOG4J_1);
    let mut words = words(&[
        (&"--job-jar", &parts.counting),
        (&"--from-archive", &parts.archive),
        (&"--plugin", &"flink-s3-fs-hadoop"),
        (&"--log4j", &log4j),
    ]);
    words.push("--slim".into());
    let image = yard.build(&parts.base, &words);
    let start = Start::of(yard.podman(), &image);
    let class = ["--job-classname", "com.example.Counting"];
    let cluster = Cluster::start(&start, &class, &["--until", "100"]);
    cluster.finish("with a plugin");
    let log = cluster.job_manager.stdout();
    for scheme in ["s3", "s3a"] {
        let line = format!("FileSystem Added file system {scheme}:");
        assert!(log.contains(&line), "{scheme}\n{}", cluster.logs());
    }
}

fn has_what_was_asked_for(version: &str) {
    let yard = Yard::new();
    let image = build(&yard, version);
    assert!(
        image.stderr.contains("`--slim` leaves out"),
        "{}",
        image.stderr
    );
    let names = "cd /opt/flink && echo opt/* plugins/flink* && ! test -e examples";
    let jar = format!("{PLUGIN}-{version}.jar");
    assert_eq!(
        yard.podman()
            .output_of(&image.reference, &["sh", "-c", names]),
        format!("opt/{jar} plugins/{PLUGIN}\n")
    );

    // Two processes on one network cannot have the same port: each takes one that the other has not.
    let ports: [u16; 2] = free_ports();
    let port = format!("-Dmetrics.reporter.prom.port={},{}", ports[0], ports[1]);
    let start = Start {
        settings: &[&port],
        ..Start::of(yard.podman(), &image)
    };
    let class = ["--job-classname", "com.example.Counting"];
    let cluster = Cluster::start(&start, &class, &["--until", "20000", "--pause", "50"]);
    let job = cluster.rest.running_job();
    // The plugin is loaded by both.
    for name in [
        "flink_jobmanager_numRunningJobs",
        "flink_taskmanager_Status_JVM_CPU_Time",
    ] {
        wait_for_metric(&ports, name);
    }
    // What was set one by one, what in a file, and what Flink came with.
    let whole = |path: &str| {
        cluster
            .rest
            .wait(path, "of itself", |answer| Some(answer.clone()))
    };
    let config = whole("/jobmanager/config");
    assert_eq!(setting(&config, "web.refresh-interval"), "1234");
    assert_eq!(setting(&config, "metrics.scope.jm"), "said.in.a.file");
    let java = whole("/jobmanager/environment")["jvm"]["options"].to_string();
    for option in ["-Dsaid.by=the-test", "java.base/java.util=ALL-UNNAMED"] {
        assert!(java.contains(option), "{option} is not in {java}");
    }
    let log = cluster.job_manager.stdout();
    assert!(log.contains(MARK), "{}", cluster.logs());

    cluster.rest.cancel(&job);
    cluster.finish("after it was cancelled");
}

/// Builds an image with something of everything.
fn build(yard: &Yard, version: &str) -> Built {
    let parts = FlinkParts::of(version);
    let flink = with_plugin_in_opt(yard, version, &parts.folder);
    let log4j = file(yard, "log4j.properties", LOG4J_2);
    let settings = file(
        yard,
        "settings.yaml",
        "# Of the test.\nmetrics:\n  scope:\n    jm: said.in.a.file\nmetrics.reporter.prom.factory.class: org.apache.flink.metrics.prometheus.PrometheusReporterFactory\n",
    );
    let mut words = words(&[
        (&"--job-jar", &parts.counting),
        (&"--from-local-dist", &flink),
        (&"--plugin", &PLUGIN),
        (&"--flink-conf", &settings),
        (&"--flink-conf", &"web.refresh-interval=1234"),
        (&"--flink-conf", &"env.java.opts.all=-Dsaid.by=the-test"),
        (&"--log4j", &log4j),
    ]);
    words.push("--slim".into());
    yard.build(&jre_base(), &words)
}

/// Copies a distribution, with the plugin where it has to be chosen.
fn with_plugin_in_opt(yard: &Yard, version: &str, from: &Path) -> PathBuf {
    let to = yard.copy(from);
    let jar = format!("{PLUGIN}-{version}.jar");
    let folder = to.join("plugins/metrics-prometheus");
    fs::rename(folder.join(&jar), to.join("opt").join(&jar)).unwrap();
    fs::remove_dir(folder).unwrap();
    to
}

fn file(yard: &Yard, name: &str, text: &str) -> PathBuf {
    let path = yard.folder().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Waits until one of the processes tells a metric.
fn wait_for_metric(ports: &[u16], name: &str) {
    let processes: Vec<Rest> = ports.iter().map(|&port| Rest::at(port)).collect();
    let processes: Vec<&Rest> = processes.iter().collect();
    Rest::wait_for_any(&processes, "/metrics", name, |answer| {
        answer
            .as_str()?
            .contains(&format!("\n{name}{{"))
            .then_some(())
    });
}

/// A setting in the answer of a job manager.
fn setting<'a>(config: &'a Value, key: &str) -> &'a str {
    let settings = config.as_array().expect("the configuration is a list");
    let found = settings.iter().find(|setting| setting["key"] == key);
    found
        .and_then(|setting| setting["value"].as_str())
        .unwrap_or_else(|| panic!("{key} is not in {config}"))
}
