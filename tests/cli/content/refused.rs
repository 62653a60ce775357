//! What cannot be put into an image, told before anything is made.

use super::{build, context};
use crate::support::context::{JAVA_17, base_entries};
use crate::support::fixtures::{self, Raw};

/// Flink, words, exit code, message, way out.
type Case = (
    &'static str,
    &'static [&'static str],
    i32,
    &'static str,
    &'static str,
);

const CASES: &[Case] = &[
    // Plugins.
    (
        "1.20.5",
        &["--plugin", "flink-s3-fs-hadop"],
        3,
        "`opt/` of Flink 1.20.5 has no jar `flink-s3-fs-hadop`, only `",
        "hint: did you mean `--plugin flink-s3-fs-hadoop-1.20.5`",
    ),
    (
        "1.20.5",
        &["--plugin", ""],
        2,
        "`--plugin` names no jar",
        "hint: name a jar of `opt/` of Flink",
    ),
    (
        "1.20.5",
        &["--plugin", "flink-python"],
        2,
        "`flink-python` is no plugin, and Flink runs jobs in Python with it",
        "hint: use `--python`",
    ),
    // Libraries.
    (
        "1.20.5",
        &["--lib", "notes.txt"],
        3,
        "`notes.txt` is not called `*.jar`, and Flink loads nothing else from `lib/`",
        "hint: put other files where you want them with `--add`",
    ),
    (
        "1.20.5",
        &["--lib", "lib/metrics.jar", "--lib", "twin/metrics.jar"],
        3,
        "`lib/metrics.jar` and `twin/metrics.jar` have the same name",
        "hint: rename",
    ),
    (
        "1.20.5",
        &[
            "--lib",
            "same/flink-dist-1.20.5.jar",
            "--allow",
            "jar-damaged",
        ],
        3,
        "`same/flink-dist-1.20.5.jar` cannot be `/opt/flink/lib/flink-dist-1.20.5.jar` in the image: Flink 1.20.5 has that place",
        "hint: give it another name",
    ),
    (
        "1.20.5",
        &["--lib", "none.jar"],
        3,
        "Failed to find `none.jar`",
        "hint: check the path",
    ),
    // Settings.
    (
        "1.20.5",
        &["--flink-conf", "rest.port"],
        2,
        "`rest.port` is no setting as `KEY=VALUE`, and there is no such file",
        "hint: write it as `KEY=VALUE`",
    ),
    (
        "1.20.5",
        &["--flink-conf", "s3.secret-key: s3cret"],
        2,
        "`s3.secret-key` is no setting as `KEY=VALUE`, and there is no such file",
        "hint: write it as `KEY=VALUE`",
    ),
    (
        "1.20.5",
        &["--flink-conf", "job.jar/s3.secret-key:s3cret"],
        2,
        "`job.jar/s3.secret-key` is no setting as `KEY=VALUE`",
        "hint: write it as `KEY=VALUE`",
    ),
    (
        "1.20.5",
        &["--flink-conf", "rest port=s3cret"],
        2,
        "`rest port` is no key of a setting: it has a blank",
        "hint: write it as the documentation of Flink does",
    ),
    (
        "1.20.5",
        &["--flink-conf", "rest=s3cret"],
        2,
        "`rest` is a group of settings in the `conf/config.yaml` of this Flink, as `rest.address`",
        "hint: set its parts, as `rest.address`",
    ),
    (
        "1.20.5",
        &["--flink-conf", "bad.yaml"],
        3,
        "`bad.yaml` is no file of settings: line 2 is no YAML",
        "hint: write one `key: value` on each line",
    ),
    // Logging.
    (
        "1.20.5",
        &["--log4j", "one.properties"],
        4,
        "`one.properties` is written for log4j 1, and Flink 1.20.5 has log4j 2",
        "hint: write it with `rootLogger` and `appender`",
    ),
    (
        "1.20.5",
        &["--log4j", "notes.txt"],
        3,
        "`notes.txt` is no configuration of log4j in the form of properties",
        "hint: take `conf/log4j-console.properties` of the distribution",
    ),
    // Files.
    (
        "1.20.5",
        &["--add", "notes.txt"],
        2,
        "`notes.txt` names no file and place",
        "hint: write it as `SRC:/opt/DEST`",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/etc/passwd"],
        2,
        "it is not below `/opt`",
        "hint: name a place below `/opt`",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/../etc/x"],
        2,
        "it has a `..`",
        "hint: name a place below `/opt`",
    ),
    (
        "1.20.5",
        &["--add", "none:/opt/x"],
        3,
        "Failed to find `none`",
        "hint: check the path",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/flink/bin/flink"],
        3,
        "`notes.txt` cannot be `/opt/flink/bin/flink` in the image: Flink 1.20.5 has that place",
        "hint: give it another name",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/flink/lib"],
        3,
        "`notes.txt` cannot be `/opt/flink/lib` in the image: Flink 1.20.5 has a folder there",
        "hint",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/flink/LICENSE/x"],
        3,
        "in the image: Flink 1.20.5 has `/opt/flink/LICENSE`, which is no folder",
        "hint",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/artifacts/job.jar"],
        3,
        "`notes.txt` cannot be `/opt/artifacts/job.jar` in the image: the job has that place",
        "hint",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/x", "--add", "bad.yaml:/opt/x"],
        3,
        "`bad.yaml` cannot be `/opt/x` in the image: `notes.txt` has that place",
        "hint",
    ),
    (
        "1.20.5",
        &[
            "--add",
            "notes.txt:/opt/flink/conf/config.yaml",
            "--flink-conf",
            "a=b",
        ],
        3,
        "`notes.txt` cannot be `/opt/flink/conf/config.yaml` in the image: the settings of Flink are there",
        "hint: put its settings into the configuration with `--flink-conf FILE`",
    ),
    (
        "1.20.5",
        &["--add", "notes.txt:/opt/flink/conf/flink-conf.yaml"],
        3,
        "`notes.txt` cannot be `/opt/flink/conf/flink-conf.yaml` in the image: Flink 1.20.5 would read nothing of `conf/config.yaml` then",
        "hint: put its settings into the configuration with `--flink-conf FILE`",
    ),
    (
        "1.20.5",
        &["--add", "old:/opt/flink/conf"],
        3,
        "`old/flink-conf.yaml` cannot be `/opt/flink/conf/flink-conf.yaml` in the image",
        "hint: put its settings into the configuration with `--flink-conf FILE`",
    ),
    (
        "1.20.5",
        &["--add", "leaving:/opt/x"],
        3,
        "`leaving/link` cannot be added: it is a link to `../job.jar`, outside of the folder",
        "hint: leave it out",
    ),
    (
        "1.20.5",
        &["--add", "removing:/opt/x"],
        3,
        "`.wh.` means a removal in an image",
        "hint: leave it out",
    ),
    (
        "1.20.5",
        &[
            "--java-home",
            "/opt/java",
            "--add",
            "notes.txt:/opt/java/lib/modules",
        ],
        3,
        "`notes.txt` cannot be `/opt/java/lib/modules` in the image: the Java of the base is in `/opt/java`",
        "hint: give it another name",
    ),
    // A Java deeper in there: neither its folders nor their owners change.
    (
        "1.20.5",
        &["--java-home", "/opt/jdk/17", "--add", "notes.txt:/opt/jdk"],
        3,
        "`notes.txt` cannot be `/opt/jdk` in the image: the Java of the base is in `/opt/jdk/17`",
        "hint: give it another name",
    ),
    (
        "1.20.5",
        &[
            "--java-home",
            "/opt/jdk/17",
            "--add",
            "notes.txt:/opt/jdk/x.txt",
        ],
        3,
        "`notes.txt` cannot be `/opt/jdk/x.txt` in the image: the Java of the base is in `/opt/jdk/17`",
        "hint: give it another name",
    ),
    // Variables, labels, annotations.
    (
        "1.20.5",
        &["--env", "s3cret"],
        2,
        "Value 1 of `--env` has no `=`",
        "hint: write it as `KEY=VALUE`",
    ),
    (
        "1.20.5",
        &["--env", "A=s3cret", "--env", "A=x"],
        2,
        "`--env` sets `A` twice, to different values",
        "hint: say it once",
    ),
    (
        "1.20.5",
        &["--env", "JAVA_HOME=s3cret"],
        2,
        "`--env` cannot set `JAVA_HOME`, which flink-img decides",
        "hint: name another Java of the base with `--java-home`",
    ),
    (
        "1.20.5",
        &["--env", "FLINK_HOME=x"],
        2,
        "`--env` cannot set `FLINK_HOME`",
        "hint: ",
    ),
    (
        "1.20.5",
        &["--env", "PATH=x"],
        2,
        "`--env` cannot set `PATH`",
        "hint: ",
    ),
    (
        "1.20.5",
        &["--label", "flink-img.job.jar=x"],
        2,
        "`--label` cannot set `flink-img.job.jar`",
        "hint: give it a name of your own",
    ),
    (
        "1.20.5",
        &["--label", "org.opencontainers.image.base.digest=x"],
        2,
        "`--label` cannot set `org.opencontainers.image.base.digest`",
        "hint: choose the base with `--base`",
    ),
    (
        "1.20.5",
        &["--annotation", "flink-img.recipe=x"],
        2,
        "`--annotation` cannot set `flink-img.recipe`",
        "hint: ",
    ),
    (
        "1.20.5",
        &["--annotation", "org.opencontainers.image.base.digest=x"],
        2,
        "`--annotation` cannot set `org.opencontainers.image.base.digest`",
        "hint: choose the base with `--base`",
    ),
    // Users.
    (
        "1.20.5",
        &["--user", "flink"],
        2,
        "`flink` is no number of a user, as `UID` or `UID:GID`",
        "hint: a name means another number",
    ),
    (
        "1.20.5",
        &["--user", "1:2:3"],
        2,
        "is no number of a user",
        "hint: ",
    ),
    // Python.
    (
        "1.20.5",
        &["--python"],
        4,
        "error[python-missing]: The base has no `python3`, which jobs in Python need",
        "hint: choose a base that has it",
    ),
    // What a line does not have.
    (
        "1.8.3",
        &["--add", "notes.txt:/opt/flink/conf/flink-conf.yaml"],
        3,
        "`notes.txt` cannot be `/opt/flink-1.8.3/conf/flink-conf.yaml` in the image: the settings of Flink are there",
        "hint: put its settings into the configuration with `--flink-conf FILE`",
    ),
    (
        "1.8.3",
        &["--plugin", "flink-s3-fs-hadoop"],
        4,
        "Flink 1.8.3 has no plugins, so `flink-s3-fs-hadoop` cannot be one",
        "hint: put its jar into `lib/` with `--lib`",
    ),
    (
        "1.8.3",
        &["--python"],
        4,
        "Flink 1.8.3 runs no jobs in Python",
        "hint: choose Flink 1.9 or newer",
    ),
    (
        "1.8.3",
        &["--flink-conf", "a=x#s3cret"],
        4,
        "The value of `a` cannot stand in a `flink-conf.yaml`: it has a `#`, which begins a comment there",
        "hint: set it when the container starts",
    ),
    (
        "1.8.3",
        &["--log4j", "log4j.properties"],
        4,
        "`log4j.properties` is written for log4j 2, and Flink 1.8.3 has log4j 1",
        "hint: write it with `log4j.rootLogger`",
    ),
    (
        "1.8.3",
        &[
            "--add",
            "notes.txt:/opt/flink/lib/job.jar",
            "--allow",
            "jar-damaged",
        ],
        3,
        "`notes.txt` cannot be `/opt/flink-1.8.3/lib/job.jar` in the image: the job has that place",
        "hint",
    ),
];

#[test]
fn what_cannot_be_is_refused_with_the_way_out() {
    let mut version = "";
    let mut scene = None;
    for (asked, words, code, message, hint) in CASES {
        if *asked != version {
            version = asked;
            scene = Some(prepared(version));
        }
        let context = scene.as_ref().unwrap();
        let run = build(context, words);
        assert_eq!(run.code, *code, "{words:?}: {run}");
        assert!(run.stderr.contains(message), "{words:?}: {run}");
        assert!(run.stderr.contains(hint), "{words:?}: {run}");
        assert!(!run.stderr.contains("s3cret"), "{words:?}: {run}");
        context.assert_nothing_kept();
    }
}

fn prepared(version: &str) -> crate::support::context::TestContext {
    let context = context(version);
    if version != "1.8.3" {
        let mut entries = base_entries(JAVA_17);
        for home in ["opt/java", "opt/jdk/17"] {
            entries.push(Raw {
                mode: 0o755,
                ..Raw::file(&format!("{home}/bin/java"), b"#!/nowhere\n")
            });
            entries.push(Raw::file(&format!("{home}/release"), JAVA_17.as_bytes()));
        }
        context.write("base.tar", fixtures::tar(&entries));
    }
    std::fs::create_dir(context.path("twin")).unwrap();
    context.write("twin/metrics.jar", "x");
    context.write("notes.txt", "x");
    context.write("one.properties", "log4j.rootLogger=INFO\n");
    context.write("bad.yaml", "a: [\n");
    std::fs::create_dir(context.path("leaving")).unwrap();
    std::os::unix::fs::symlink("../job.jar", context.path("leaving/link")).unwrap();
    std::fs::create_dir(context.path("removing")).unwrap();
    context.write("removing/.wh.x", "");
    std::fs::create_dir(context.path("old")).unwrap();
    context.write("old/flink-conf.yaml", "a: b\n");
    let dist = crate::support::lines::mini_release(version);
    let dist = dist
        .iter()
        .find(|file| file.path.starts_with("lib/flink-dist"))
        .unwrap();
    std::fs::create_dir(context.path("same")).unwrap();
    context.write("same/flink-dist.jar", "x");
    std::fs::rename(
        context.path("same/flink-dist.jar"),
        context.path(&format!("same/{}", dist.path.trim_start_matches("lib/"))),
    )
    .unwrap();
    context
}
