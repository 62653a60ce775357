//! What programs are told of an image.

use flink_img::oci::Digest;
use insta::assert_snapshot;
use serde_json::Value;

use super::inspect;
use crate::support::context::TestContext;
use crate::support::workshop::Files;

/// Each layer of a layout, as its manifest says.
fn layers_of(context: &TestContext, folder: &str) -> Value {
    let (manifest, _) = Files::in_folder(&context.path(folder)).image();
    manifest["layers"].clone()
}

#[test]
fn programs_are_told_everything() {
    let context = TestContext::new();
    let digest = context.digest(&["-o", "oci:out", "--no-cache"]);
    let run = inspect(&context, &["oci:out", "--json"]);
    let mut json = run.json();
    assert_eq!(json["digest"], digest);
    let layers = layers_of(&context, "out");
    let layers = layers.as_array().unwrap();
    let told = json["layers"].as_array().unwrap();
    assert_eq!(told.len(), layers.len());
    // The base has one layer, and all that is put upon it is our own.
    let base = Digest::of(&context.read("base.tar")).to_string();
    assert_eq!(told[0]["diffId"], base);
    let mut sums = [0, 0];
    for (place, (told, layer)) in told.iter().zip(layers).enumerate() {
        assert_eq!(told["number"], place + 1);
        for key in ["digest", "size", "mediaType"] {
            assert_eq!(told[key], layer[key], "{place} {key}");
        }
        let is_own = told["diffId"] != base;
        assert_eq!(told["from"], if is_own { "own" } else { "base" });
        sums[usize::from(is_own)] += layer["size"].as_u64().unwrap();
    }
    let size = &json["size"];
    assert_eq!(
        [size["base"].as_u64(), size["own"].as_u64()],
        sums.map(Some)
    );
    assert_eq!(size["total"], sums[0] + sums[1]);
    let shares = told.iter().map(|layer| layer["share"].as_f64().unwrap());
    assert!((shares.sum::<f64>() - 100.0).abs() < 0.1);
    // What is left is the same for each build of this job, but for bytes.
    json["size"] = Value::Null;
    json["layers"] = json["layers"][0].clone();
    json["layers"]["share"] = Value::Null;
    let text = serde_json::to_string_pretty(&json).unwrap();
    assert_snapshot!(run.plain(&text), @r#"
    {
      "annotations": {
        "flink-img.base": "{\"javaHome\":\"/usr/lib/jvm/java-17\",\"javaVersion\":\"17.0.15\",\"key\":\"sha256:[1]\",\"os\":\"Tiny Linux 1\"}",
        "flink-img.recipe": "2"
      },
      "base": {
        "digest": null,
        "name": null,
        "os": "Tiny Linux 1"
      },
      "command": [
        "help"
      ],
      "commands": [
        {
          "description": "Run the job of this image: a job manager for this one job",
          "words": [
            "job-cluster",
            "standalone-job"
          ]
        },
        {
          "description": "Run a task manager",
          "words": [
            "task-manager",
            "taskmanager"
          ]
        },
        {
          "description": "Run the job manager of a session cluster",
          "words": [
            "jobmanager"
          ]
        },
        {
          "description": "Run the history server",
          "words": [
            "history-server",
            "historyserver"
          ]
        },
        {
          "description": "Print this help",
          "words": [
            "help",
            "--help",
            "-h"
          ]
        }
      ],
      "configDigest": "sha256:[2]",
      "created": "1980-01-01T00:00:01Z",
      "digest": "sha256:[3]",
      "entrypoint": [
        "/docker-entrypoint.sh"
      ],
      "environment": [
        "PATH=/opt/flink/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "JAVA_HOME=/usr/lib/jvm/java-17",
        "FLINK_HOME=/opt/flink",
        "FLINK_INSTALL_PATH=/opt",
        "FLINK_LIB_DIR=/opt/flink/lib",
        "FLINK_PLUGINS_DIR=/opt/flink/plugins",
        "FLINK_OPT_DIR=/opt/flink/opt",
        "FLINK_JOB_ARTIFACTS_DIR=/opt/artifacts",
        "FLINK_USR_LIB_DIR=/opt/flink/usrlib"
      ],
      "flink": {
        "isAssumed": false,
        "jobOptions": [
          {
            "isRequired": false,
            "names": [
              "-j",
              "--job-classname"
            ],
            "value": "CLASS"
          },
          {
            "isRequired": false,
            "names": [
              "-D"
            ],
            "value": "KEY=VALUE"
          },
          {
            "isRequired": false,
            "names": [
              "-r",
              "--webui-port"
            ],
            "value": "PORT"
          },
          {
            "isRequired": false,
            "names": [
              "-s",
              "--fromSavepoint"
            ],
            "value": "PATH"
          },
          {
            "isRequired": false,
            "names": [
              "-n",
              "--allowNonRestoredState"
            ],
            "value": null
          },
          {
            "isRequired": false,
            "names": [
              "-jid",
              "--job-id"
            ],
            "value": "ID"
          },
          {
            "isRequired": false,
            "names": [
              "-h",
              "--host"
            ],
            "value": "HOST"
          },
          {
            "isRequired": false,
            "names": [
              "-jars",
              "--jars"
            ],
            "value": "JAR,..."
          }
        ],
        "line": "1.20",
        "scala": "2.12",
        "version": "1.20.5"
      },
      "index": null,
      "java": {
        "home": "/usr/lib/jvm/java-17",
        "version": "17.0.15"
      },
      "job": {
        "entryClass": "org.example.Job",
        "jar": "/opt/artifacts/job.jar"
      },
      "labels": {
        "flink-img.flink.scala": "2.12",
        "flink-img.flink.version": "1.20.5",
        "flink-img.java.version": "17.0.15",
        "flink-img.job.class": "org.example.Job",
        "flink-img.job.jar": "/opt/artifacts/job.jar"
      },
      "layers": {
        "annotations": {},
        "diffId": "sha256:[4]",
        "digest": "sha256:[5]",
        "from": "base",
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "number": 1,
        "share": null,
        "size": 442,
        "title": "root file system"
      },
      "name": "oci:out",
      "names": [
        "docker.io/library/flink-job:latest"
      ],
      "platform": "linux/amd64",
      "ports": [
        "6123/tcp",
        "8081/tcp"
      ],
      "recipe": "2",
      "size": null,
      "source": {
        "kind": "oci",
        "path": "out"
      },
      "user": "9999:9999",
      "workingDirectory": "/opt/flink"
    }
    "#);
}
