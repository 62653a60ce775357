//! What is refused, and what is said then: the whole sentence, and the way out behind an arrow.

use super::{read, told};

/// The beginning of each sentence.
const FILE: &str = "`config.yaml` ";

#[test]
fn each_mistake_has_one_sentence_with_its_line_its_key_and_a_way_out() {
    for (text, expected) in MISTAKES {
        let error = read(text).unwrap_err();
        assert_eq!(told(&error), format!("{FILE}{expected}"), "{text}");
    }
}

/// What a file has, and what is told of it.
const MISTAKES: &[(&str, &str)] = &[
    (
        "taskManager:\n  slots: two\n",
        "line 2: `taskManager.slots` is a text, and must be a whole number of at least 1",
    ),
    (
        "job:\n  parallelism: 0\n",
        "line 2: `job.parallelism` is `0`, and must be a whole number from 1 to 32768",
    ),
    (
        "job:\n  parallelism: 1.5\n",
        "line 2: `job.parallelism` is `1.5`, and must be a whole number from 1 to 32768",
    ),
    (
        "job:\n  parallelism: \"4\"\n",
        "line 2: `job.parallelism` is a text, and must be a whole number from 1 to 32768 -> leave the quotes out",
    ),
    (
        "job:\n  parallelism: 99999999\n",
        "line 2: `job.parallelism` is `99999999`, and must be a whole number from 1 to 32768",
    ),
    (
        "taskManagers: {slots: 2}\n",
        "line 1: there is no key `taskManagers` -> did you mean `taskManager`",
    ),
    (
        "taskmanager:\n  slots: 2\n",
        "line 1: there is no key `taskmanager` -> did you mean `taskManager`",
    ),
    (
        "taskManager:\n  slot: 2\n",
        "line 2: there is no key `taskManager.slot` -> did you mean `slots`",
    ),
    (
        "parallelism: 2\n",
        "line 1: there is no key `parallelism` -> `parallelism` belongs into `job`",
    ),
    (
        "memory: 1600\n",
        "line 1: there is no key `memory` -> the keys are `flink`, `highAvailability`, `image`, `job`, `jobManager`, `metrics`, `name`, `networkPolicy`, `operator`, `pod`, `podDisruptionBudget`, `podMonitor`, `probes`, `security`, `serviceAccount`, `spread`, `taskManager`, `ui`",
    ),
    (
        "job.parallelism: 2\n",
        "line 1: there is no key `job.parallelism` -> write it nested, as `job: {parallelism: ...}`",
    ),
    (
        "jobManager.resources.limits: {}\n",
        "line 1: there is no key `jobManager.resources.limits` -> write it nested, as `jobManager: {resources: {limits: ...}}`",
    ),
    (
        "taskmanager.numberOfTaskSlots: 2\n",
        "line 1: there is no key `taskmanager.numberOfTaskSlots` -> options of Flink belong into `flink.config`",
    ),
    (
        "flink.version: 2.3.0\n",
        "line 1: there is no key `flink.version` -> write it nested, as `flink: {version: ...}`",
    ),
    (
        "flink:\n  type: stream\n",
        "line 2: `flink.type` is `stream`, and must be `session` or `job`",
    ),
    (
        "flink:\n  type: Session\n",
        "line 2: `flink.type` is `Session`, and must be `session` or `job` -> did you mean `session`",
    ),
    (
        "flink.type: jobs\n",
        "line 1: `flink.type` is `jobs`, and must be `session` or `job` -> did you mean `job`",
    ),
    (
        "# comment\nflink.type: session\nflink:\n  type: job\n",
        "line 2: `flink.type` is `session`, and nested it is `job` -> say it once",
    ),
    (
        "flink:\n  version: 1.20\n",
        "line 2: `flink.version` is a number, and must be a version of Flink, as `2.3.0` or `2.3` -> put it in quotes, as `version: \"1.20\"`",
    ),
    (
        "flink:\n  version: v2.3\n",
        "line 2: `flink.version` is `v2.3`, and must be a version of Flink, as `2.3.0` or `2.3`",
    ),
    (
        "flink:\n  java: 17\n",
        "line 2: `flink.java` is a number, and must be a major version of Java, as `17` -> put it in quotes, as `java: \"17\"`",
    ),
    (
        "image:\n  tag: 1.0\n  repository: ghcr.io/acme/job\n",
        "line 2: `image.tag` is a number, and must be a tag of at most 128 letters, digits, `_`, `.` and `-` -> put it in quotes, as `tag: \"1.0\"`",
    ),
    (
        "image:\n  repository: ghcr.io/acme/job:1.0\n",
        "line 2: `image.repository` is `ghcr.io/acme/job:1.0`, and must be the name of a repository in lower case, as `registry.example.com/team/job`, without tag and digest -> put `1.0` into `image.tag`",
    ),
    (
        "image:\n  repository: ghcr.io/Acme/job\n  tag: x\n",
        "line 2: `image.repository` is `ghcr.io/Acme/job`, and must be the name of a repository in lower case, as `registry.example.com/team/job`, without tag and digest",
    ),
    (
        "image:\n  repository: 127.1/acme/job\n  tag: x\n",
        "line 2: `127.1/acme/job:x` is not an image name: the part before the first `/` is no host name -> write it as `registry.example.com/team/job`",
    ),
    (
        "image:\n  repository: ghcr.io/acme/job\n",
        "line 2: the image `ghcr.io/acme/job` has neither a tag nor a digest -> say `image.tag` or `image.digest`; with a flag, as `ghcr.io/acme/job:TAG`",
    ),
    (
        "image:\n  digest: sha256:12\n  repository: ghcr.io/acme/job\n",
        "line 2: `image.digest` is `sha256:12`, and must be `sha256:` and 64 hexadecimal digits",
    ),
    (
        "image:\n  tag: \"1\"\n",
        "line 2: `image.tag` is of no use without `image.repository` -> say `image.repository`",
    ),
    (
        "image:\n  repository: ghcr.io/acme/job\n  tag: \"1\"\n  pullPolicy: always\n",
        "line 4: `image.pullPolicy` is `always`, and must be `IfNotPresent`, `Always` or `Never` -> did you mean `Always`",
    ),
    (
        "job: null\n",
        "line 1: `job` is null, and must be a mapping -> leave `job` out for its default",
    ),
    (
        "job:\n  class: null\n",
        "line 2: `job.class` is null, and must be the name of a class, without blanks -> leave `class` out for its default",
    ),
    (
        "job:\n  class:\n\n  parallelism: 1\n",
        "line 2: `job.class` is null, and must be the name of a class, without blanks -> leave `class` out for its default",
    ),
    (
        "job: WordCount\n",
        "line 1: `job` is a text, and must be a mapping",
    ),
    (
        "pod: [a]\n",
        "line 1: `pod` is a list, and must be a mapping",
    ),
    (
        "security:\n  readOnlyRootFilesystem: \"false\"\n",
        "line 2: `security.readOnlyRootFilesystem` is a text, and must be `true` or `false` -> leave the quotes out",
    ),
    (
        "jobManager:\n  memory: 1600m\n",
        "line 2: `jobManager.memory` is a text, and must be a whole number of MiB from 256 to 16777216, without a unit",
    ),
    (
        "jobManager:\n  memory: 100\n",
        "line 2: `jobManager.memory` is `100`, and must be a whole number of MiB from 256 to 16777216, without a unit",
    ),
    (
        "jobManager:\n  cpu: 500M\n",
        "line 2: `jobManager.cpu` is `500M`, and must be a number of processors above 0, as `2`, `0.5` or `500m`",
    ),
    (
        "jobManager:\n  cpu: 0\n",
        "line 2: `jobManager.cpu` is `0`, and must be a number of processors above 0, as `2`, `0.5` or `500m`",
    ),
    (
        "jobManager:\n  resources:\n    limits:\n      memory: 1Gi\n",
        "line 4: `jobManager.resources.limits.memory` is `1Gi`, and must be left out: the `memory` beside `resources` is for the container and for Flink",
    ),
    (
        "jobManager:\n  resources:\n    limit: {}\n",
        "line 3: there is no key `jobManager.resources.limit` -> did you mean `limits`",
    ),
    (
        "pod:\n  env:\n  - name: A\n    value: 1\n",
        "line 4: `pod.env[0].value` is a number, and must be a text -> put it in quotes, as `value: \"1\"`",
    ),
    (
        "pod:\n  env:\n  - value: \"1\"\n",
        "line 3: `pod.env[0]` has no `name`, which must be the name of a variable other than `POD_IP` and `POD_NAMESPACE`, which options of Flink are made of",
    ),
    (
        "taskManager:\n  env:\n  - name: POD_IP\n    value: a\n",
        "line 3: `taskManager.env[0].name` is `POD_IP`, and must be the name of a variable other than `POD_IP` and `POD_NAMESPACE`, which options of Flink are made of",
    ),
    (
        "pod:\n  env:\n  - name: A\n  - name: FLINK_PROPERTIES\n    value: a\nflink:\n  config:\n    env.log.max: 3\n",
        "line 4: `pod.env[1].name` is `FLINK_PROPERTIES`, in which the jobmanager is given options already -> say its options in `flink.config`",
    ),
    (
        "flink: {type: session, version: '1.15.4'}\njobManager:\n  env:\n  - name: FLINK_PROPERTIES\n",
        "line 4: `jobManager.env[0].name` is `FLINK_PROPERTIES`, in which the jobmanager is given options already -> say its options in `flink.config`",
    ),
    (
        "pod:\n  volumeMounts:\n  - name: a\n    mountPath: /opt/flink/log/\n",
        "line 4: `pod.volumeMounts[0].mountPath` is `/opt/flink/log/`, and must be a path in the container other than `/tmp` and `/opt/flink/log`, where there are volumes already",
    ),
    (
        "flink:\n  version: 2.3.0-rc.\n",
        "line 2: `flink.version` is `2.3.0-rc.`, and must be a version of Flink, as `2.3.0` or `2.3`",
    ),
    (
        "podMonitor:\n  interval: 30s1m\n",
        "line 2: `podMonitor.interval` is `30s1m`, and must be a time, as `30s` or `1m`",
    ),
    (
        "pod:\n  env:\n    A: b\n",
        "line 3: `pod.env` is a mapping, and must be a list",
    ),
    (
        "pod:\n  volumes:\n  - name: tmp\n    emptyDir: {}\n",
        "line 3: `pod.volumes[0].name` is `tmp`, and must be the name of a volume other than `tmp`, `log` and `files`, which are there already",
    ),
    (
        "pod:\n  labels:\n    team: null\n",
        "line 3: `pod.labels.team` is null, and must be a text",
    ),
    (
        "pod:\n  annotations:\n    a: true\n",
        "line 3: `pod.annotations.a` is a truth, and must be a text -> put it in quotes, as `a: \"true\"`",
    ),
    (
        "name: Word_Count\n",
        "line 1: `name` is `Word_Count`, and must be at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit",
    ),
    (
        "name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
        "line 1: `name` is `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, and must be at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit",
    ),
    (
        "image:\n  repository: ghcr.io/acme/3d\n  tag: \"1\"\n",
        "line 2: `3d`, from the image `ghcr.io/acme/3d`, cannot be the name of objects, which must be at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit -> say `name`",
    ),
    (
        "ui:\n  type: nodePort\n",
        "line 2: `ui.type` is `nodePort`, and must be `ClusterIP`, `NodePort`, `LoadBalancer`, `None` or empty -> did you mean `NodePort`",
    ),
    (
        "ui:\n  nodePort: 100000\n",
        "line 2: `ui.nodePort` is `100000`, and must be a whole number from 1 to 65535 or null",
    ),
    (
        "metrics:\n  port: 8081\n",
        "line 2: `metrics.port` is `8081`, and must be a port from 1 to 65535 other than 6121, 6122, 6123, 6124 and 8081, which Flink uses already",
    ),
    (
        "podMonitor:\n  enabled: true\n",
        "line 2: `podMonitor.enabled` needs `metrics.enabled` -> say `metrics: {enabled: true}`",
    ),
    (
        "podMonitor:\n  interval: 30\n",
        "line 2: `podMonitor.interval` is a number, and must be a time, as `30s` or `1m`",
    ),
    (
        "podDisruptionBudget:\n  maxUnavailable: half\n",
        "line 2: `podDisruptionBudget.maxUnavailable` is `half`, and must be a whole number of at least 0, or a percentage, as `25%`",
    ),
    (
        "highAvailability:\n  enabled: true\n",
        "line 2: `highAvailability.enabled` needs `highAvailability.storageDir` -> say a folder that all job managers reach, as `s3://bucket/ha`",
    ),
    (
        "flink:\n  version: 1.11.6\nhighAvailability:\n  enabled: true\n  storageDir: s3://x\n",
        "line 4: `highAvailability.enabled` is for Flink 1.12 and later, and this is Flink 1.11 -> leave it out, or build the image with a later Flink",
    ),
    (
        "jobManager:\n  replicas: 2\n",
        "line 2: `jobManager.replicas` is `2`, and more than one need `highAvailability.enabled` -> say `highAvailability: {enabled: true, storageDir: ...}`, or leave `jobManager.replicas` out",
    ),
    (
        "flink:\n  config:\n    jobmanager:\n      rpc.port: 1\n",
        "line 4: `flink.config` may not have `jobmanager.rpc.port`, which follows from other values -> leave it out",
    ),
    (
        "flink:\n  config:\n    taskmanager.numberOfTaskSlots: 2\n",
        "line 3: `flink.config` may not have `taskmanager.numberOfTaskSlots`, which follows from other values -> say `taskManager.slots` instead",
    ),
    (
        "flink:\n  config:\n    parallelism.default: 2\n",
        "line 3: `flink.config` may not have `parallelism.default`, which follows from other values -> say `job.parallelism` instead",
    ),
    (
        "metrics: {enabled: true}\nflink:\n  config:\n    metrics.reporter.prom.interval: 5 s\n",
        "line 4: `flink.config` may not have `metrics.reporter.prom.interval`, which follows from other values -> leave it out",
    ),
    (
        "flink:\n  config:\n    a.b: 1\n    a:\n      b: 2\n",
        "line 5: `flink.config` has the option `a.b` twice -> write it once, nested or with dots",
    ),
    (
        "flink:\n  config:\n    a b: 1\n",
        "line 3: `flink.config` has `a b`, which must be the key of an option, without blanks, `=`, `:` and `#`",
    ),
    (
        "flink:\n  config:\n    x:\n    - y\n    - a=b: 1\n",
        "line 5: `flink.config.x[1]` is a mapping, and must be a text on one line, a number or a truth",
    ),
    (
        "flink:\n  config:\n    x:\n      y=z: 1\n",
        "line 4: `flink.config.x` has `y=z`, which must be the key of an option, without blanks, `=`, `:` and `#`",
    ),
    (
        "flink:\n  config:\n    x: 9223372036854775807\n",
        "line 3: `flink.config.x` is `9223372036854775807`, which Helm cannot hold as a number -> put it in quotes, as `x: \"9223372036854775807\"`",
    ),
    (
        "flink:\n  config:\n    x:\n",
        "line 3: `flink.config.x` is null, and must be a text on one line, a number, a truth, a list of these or a mapping",
    ),
    (
        "flink:\n  config:\n    x: \"a\\nb: c\"\n",
        "line 3: `flink.config.x` is `a…`, and must be a text on one line, a number, a truth, a list of these or a mapping",
    ),
    (
        "taskManager:\n  resources:\n    limits: {cpu: null}\n",
        "line 3: `taskManager.resources.limits.cpu` is null, and must be a number of processors, as `2`, `0.5` or `500m`, or empty for no limit",
    ),
    (
        "flink:\n  files:\n    config.yaml: x\n",
        "line 3: `flink.files` may not have `config.yaml`, which would hide that of the image -> say options in `flink.config`",
    ),
    (
        "flink:\n  files:\n    a/b: x\n",
        "line 3: `flink.files` has `a/b`, which must be the name of a file, of letters, digits, `_`, `.` and `-`",
    ),
    (
        "a: 1\na: 2\n",
        "cannot be read as a configuration: line 2 has the key `a` again",
    ),
    (
        "a: [\n",
        "cannot be read as a configuration: line 2 is no YAML: while parsing a node, did not find expected node content",
    ),
    (
        "- a\n",
        "cannot be read as a configuration: it is no mapping of keys to values",
    ),
    (
        "a: 1\n---\nb: 1\n",
        "cannot be read as a configuration: line 3 is of a second document",
    ),
    (
        "jobManager: &j\n  memory: 100\ntaskManager:\n  <<: *j\n  slots: 1\n",
        "line 2: `jobManager.memory` is `100`, and must be a whole number of MiB from 256 to 16777216, without a unit",
    ),
    (
        "taskManager:\n  slots: 0\njobManager:\n  memory: 1\n",
        "line 2: `taskManager.slots` is `0`, and must be a whole number of at least 1",
    ),
    (
        "operator:\n  mode: Standalone\n",
        "line 2: `operator.mode` is `Standalone`, and must be `native` or `standalone` -> did you mean `standalone`",
    ),
    (
        "job:\n  args: [1, [2]]\n",
        "line 2: `job.args[1]` is a list, and must be a text, a number or a truth",
    ),
    (
        "job:\n  args: --x\n",
        "line 2: `job.args` is a text, and must be a list",
    ),
    (
        "image:\n  repository: https://ghcr.io/acme/job\n  tag: x\n",
        "line 2: `image.repository` is `https://ghcr.io/acme/job`, and must be the name of a repository in lower case, as `registry.example.com/team/job`, without tag and digest -> leave out the `https://` in front",
    ),
    (
        "image: ghcr.io/acme/job:1\n",
        "line 1: `image` is a text, and must be a mapping -> write it as `image: {repository: ..., tag: ...}`, or with `digest`",
    ),
    (
        "image:\n  repository: ghcr.io/acme/job:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
        "line 2: `image.repository` is `ghcr.io/acme/job:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427…`, and must be the name of a repository in lower case, as `registry.example.com/team/job`, without tag and digest -> put `1` into `image.tag`, and the digest into `image.digest`",
    ),
    (
        "podDisruptionBudget:\n  maxUnavailable: 1.5\n",
        "line 2: `podDisruptionBudget.maxUnavailable` is `1.5`, and must be a whole number of at least 0, or a percentage, as `25%`",
    ),
    (
        "security:\n  runAsUser: 0\n",
        "line 2: `security.runAsUser` is `0`, and must be a whole number of at least 1 or null",
    ),
    (
        "a: !x 1\n",
        "cannot be read as a configuration: line 1 has a tag, as `!name`, which is not read",
    ),
    (
        "job:\n  args:\n  - null\n",
        "line 3: `job.args[0]` is null, and must be a text, a number or a truth",
    ),
    (
        "flink: session\nflink.type: session\n",
        "line 1: `flink` is a text, and must be a mapping",
    ),
    (
        "security: {runAsUser: 1, runAsuser: 2}\n",
        "line 1: there is no key `security.runAsuser` -> did you mean `runAsUser`",
    ),
    (
        "probes:\n  enabled: 'yes'\n",
        "line 2: `probes.enabled` is a text, and must be `true` or `false`",
    ),
    (
        "flink:\n  config:\n    kubernetes.cluster-id: a\n",
        "line 3: `flink.config` may not have `kubernetes.cluster-id`, which follows from other values -> say `name` instead",
    ),
    (
        "flink:\n  config:\n    high-availability:\n      type: zookeeper\n",
        "line 4: `flink.config` may not have `high-availability.type`, which follows from other values -> say `highAvailability.enabled` instead",
    ),
    (
        "taskManager:\n  parallelism: 2\n",
        "line 2: there is no key `taskManager.parallelism` -> `parallelism` belongs into `job`",
    ),
    (
        "foo.bar: 1\n",
        "line 1: there is no key `foo.bar` -> options of Flink belong into `flink.config`",
    ),
    (
        "flink: {config: {jobmanager.memory.process.size: 1g}}\n",
        "line 1: `flink.config` may not have `jobmanager.memory.process.size`, which follows from other values -> say `jobManager.memory` instead",
    ),
    (
        "image:\n  pullSecrets: [login]\n  tag: x\n  repository: ghcr.io/acme/job\n",
        "line 2: `image.pullSecrets[0]` is a text, and must be a mapping",
    ),
    (
        "name: 12\n",
        "line 1: `name` is a number, and must be at most 40 lower-case letters, digits and `-`, from a letter to a letter or digit",
    ),
    (
        "jobManager:\n  affinity: []\n",
        "line 2: `jobManager.affinity` is a list, and must be a mapping",
    ),
    (
        "ui.tpe: None\n",
        "line 1: there is no key `ui.tpe` -> write it nested, as `ui: {type: ...}`",
    ),
    (
        "jobManager: {cpu: [1]}\n",
        "line 1: `jobManager.cpu` is a list, and must be a number of processors above 0, as `2`, `0.5` or `500m`",
    ),
    (
        "job:\n  parallelism: 0\ntypo: 1\n",
        "line 2: `job.parallelism` is `0`, and must be a whole number from 1 to 32768",
    ),
];
