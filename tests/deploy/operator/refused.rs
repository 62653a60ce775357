//! What the operator would refuse, and is refused before: with its key, its line and a way out.

use super::*;

#[test]
fn nothing_that_the_operator_refuses_is_rendered() {
    let folders = "state.checkpoints.dir: s3://c, state.savepoints.dir: s3://s";
    let cases: [(String, &str, &str); 25] = [
        (
            "flink: {version: ''}".to_owned(),
            "`flink.version` is not known, and the operator must be told it",
            "say `flink.version`",
        ),
        (
            "flink: {version: 1.14.6}".to_owned(),
            "`flink.version` is 1.14.6, and the operator takes Flink 1.15 and newer",
            "render plain manifests with `--as yaml`, or a chart with `--as chart`",
        ),
        (
            "job: {jar: ''}".to_owned(),
            "`job.jar` is not known, and the operator must be told the path of the job's jar",
            "say `job.jar`, as `/opt/flink/usrlib/job.jar`",
        ),
        (
            "flink: {config: {high-availability.cluster-id: x}}".to_owned(),
            "`high-availability.cluster-id` may not be in `flink.config` of a FlinkDeployment",
            "use `name`",
        ),
        (
            "flink: {config: {kubernetes: {container.image: x}}}".to_owned(),
            "`kubernetes.container.image` may not be in `flink.config` of a FlinkDeployment",
            "use `image`",
        ),
        (
            "flink: {config: {kubernetes.service-account: x}}".to_owned(),
            "`kubernetes.service-account` may not be in `flink.config` of a FlinkDeployment",
            "use `serviceAccount.name`",
        ),
        (
            "flink: {config: {kubernetes.jobmanager.replicas: 2}}".to_owned(),
            "`kubernetes.jobmanager.replicas` may not be in `flink.config` of a FlinkDeployment",
            "use `jobManager.replicas`",
        ),
        (
            "flink: {config: {kubernetes.taskmanager.cpu: 2}}".to_owned(),
            "`kubernetes.taskmanager.cpu` may not be in `flink.config` of a FlinkDeployment",
            "use `taskManager.cpu`",
        ),
        (
            "flink: {files: {log4j.properties: x}}".to_owned(),
            "`flink.files` has `log4j.properties`, and of files in the conf folder the operator takes \
             `log4j-console.properties` and `logback-console.xml` only",
            "put it into the image, or mount it elsewhere with `pod.volumes` and `pod.volumeMounts`",
        ),
        (
            "operator: {upgradeMode: savepoint}".to_owned(),
            "`operator.upgradeMode` is `savepoint`, and `flink.config` has no folder for checkpoints",
            "say `execution.checkpointing.dir` in `flink.config`",
        ),
        (
            "{operator: {upgradeMode: savepoint}, flink: {config: {state.checkpoints.dir: s3://c}}}".to_owned(),
            "`operator.upgradeMode` is `savepoint`, and `flink.config` has no folder for savepoints",
            "say `execution.checkpointing.savepoint-dir` in `flink.config`",
        ),
        (
            "operator: {upgradeMode: last-state}".to_owned(),
            "`operator.upgradeMode` is `last-state`, and `flink.config` has no folder for checkpoints",
            "say `execution.checkpointing.dir` in `flink.config`",
        ),
        (
            "{operator: {upgradeMode: last-state}, flink: {config: {state.checkpoints.dir: ' '}}}".to_owned(),
            "`operator.upgradeMode` is `last-state`, and `flink.config` has no folder for checkpoints",
            "say `execution.checkpointing.dir` in `flink.config`",
        ),
        (
            // The newer name means nothing to this line.
            "{operator: {upgradeMode: last-state}, flink: {version: 1.19.3, config: {execution.checkpointing.dir: s3://c}}}"
                .to_owned(),
            "`operator.upgradeMode` is `last-state`, and `flink.config` has no folder for checkpoints",
            "say `state.checkpoints.dir` in `flink.config`",
        ),
        (
            "flink: {config: {kubernetes.operator.deployment.rollback.enabled: true}}".to_owned(),
            "`kubernetes.operator.deployment.rollback.enabled` needs high availability",
            "set `highAvailability.enabled`",
        ),
        (
            "flink: {config: {kubernetes.operator: {cluster.health-check.enabled: 'TRUE', \
             jm-deployment-recovery.enabled: false}}}"
                .to_owned(),
            "`kubernetes.operator.cluster.health-check.enabled` needs \
             `kubernetes.operator.jm-deployment-recovery.enabled`, which is off",
            "leave the second one out",
        ),
        (
            "flink: {config: {kubernetes.operator.periodic.savepoint.interval: 1h}}".to_owned(),
            "`kubernetes.operator.periodic.savepoint.interval` needs a folder for savepoints, and `flink.config` has none",
            "say `execution.checkpointing.savepoint-dir` as well",
        ),
        (
            "flink: {version: 1.18.1, config: {kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age: 1h}}"
                .to_owned(),
            "`kubernetes.operator.job.upgrade.last-state.max.allowed.checkpoint.age` needs a folder for savepoints, and \
             `flink.config` has none",
            "say `state.savepoints.dir` as well",
        ),
        (
            "taskManager: {resources: {limits: {cpu: 1Ki}}}".to_owned(),
            "`taskManager.resources.limits.cpu` is `1Ki`, and must be a number of processors",
            "write it as `2`, `0.5` or `500m`",
        ),
        (
            "{jobManager: {cpu: 2}, taskManager: {cpu: 2, resources: {limits: {cpu: 1500m}}}}".to_owned(),
            "`taskManager` is given more processors, 2000m, than it is limited to, 1500m",
            "mend `taskManager.resources.limits.cpu` or `taskManager.cpu`",
        ),
        (
            "jobManager: {resources: {requests: {cpu: 2}}}".to_owned(),
            "`jobManager` is given more processors, 2000m, than it is limited to, 1000m",
            "mend `jobManager.resources.requests.cpu` or `jobManager.cpu`",
        ),
        (
            "flink: {config: {kubernetes.taskmanager.cpu.amount: 2}}".to_owned(),
            "`kubernetes.taskmanager.cpu.amount` may not be in `flink.config` of a FlinkDeployment",
            "use `taskManager.cpu`",
        ),
        // These are as they should be.
        (format!("{{operator: {{upgradeMode: savepoint}}, flink: {{config: {{{folders}}}}}}}"), "", ""),
        (
            format!("flink: {{config: {{{folders}, kubernetes.operator.periodic.savepoint.interval: 1h}}}}"),
            "",
            "",
        ),
        (
            "flink: {config: {kubernetes.operator.cluster.health-check.enabled: true}}".to_owned(),
            "",
            "",
        ),
    ];
    for (more, problem, way_out) in cases {
        let result = with(&more);
        if problem.is_empty() {
            assert!(result.is_ok(), "{more}: {result:?}");
            continue;
        }
        let error = result.expect_err(&more);
        assert!(error.to_string().ends_with(problem), "{more}: {error}");
        assert_eq!(error.hint().as_deref(), Some(way_out), "{more}");
    }
}

#[test]
fn what_is_refused_is_named_with_its_line() {
    let text = "\
name: j
image: {repository: r.example/j, tag: '1'}
flink:
  version: 2.2.0
  config:
    high-availability:
      # of the operator
      cluster-id: x
";
    let cases = [
        (
            text.to_owned(),
            "`config.yaml` line 8: `high-availability.cluster-id` may not",
        ),
        (
            text.replace("2.2.0", "1.12.0"),
            "`config.yaml` line 4: `flink.version` is 1.12.0, and the operator",
        ),
        (
            text.replace("cluster-id: x", "x: y\noperator:\n  upgradeMode: savepoint"),
            "`config.yaml` line 10: `operator.upgradeMode` is `savepoint`",
        ),
        (
            text.replace(
                "config:\n    high-availability:\n      # of the operator\n      cluster-id: x",
                "files:\n    masters: x",
            ),
            "`config.yaml` line 6: `flink.files` has `masters`",
        ),
        (
            text.replace("cluster-id: x", "x: y\njob: {jar: ''}"),
            "`config.yaml` line 9: `job.jar` is not known",
        ),
    ];
    for (text, expected) in cases {
        let error = flink_deployment(&deployment(&text))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expected), "{text}\n{error}");
    }
}
