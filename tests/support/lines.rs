//! Miniature distributions of any line of Flink: the names, places and configuration that a release of that line has, and
//! almost nothing in the files.
//!
//! The scripts and licences are those of `fixtures/mini-flink`. What is said here of a line is what its release has; it is not
//! taken from the table of the program, so that the two can differ.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::fixtures::{Compress, MiniFile, Raw, compress, jar, mini_files, tar};

/// Major and minor number of a version.
pub fn line_of(version: &str) -> (u16, u16) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// The Scala version that the miniature release is for: the one that most images of its line have.
pub fn mini_scala(version: &str) -> &'static str {
    if line_of(version) < (1, 8) {
        "2.11"
    } else {
        "2.12"
    }
}

/// The files of a miniature release without Hadoop, sorted.
pub fn mini_release(version: &str) -> Vec<MiniFile> {
    let line = line_of(version);
    // These are the same in all lines.
    let mut files: Vec<MiniFile> = mini_files()
        .into_iter()
        .filter(|file| {
            let top = file.path.split('/').next().unwrap();
            ["LICENSE", "NOTICE", "bin", "licenses"].contains(&top)
        })
        .collect();
    files.extend(configuration(line));
    for path in jars(version, line) {
        files.push(MiniFile {
            bytes: jar(&[("Implementation-Title", &path)]),
            path,
            executable: false,
        });
    }
    if line >= (1, 9) {
        files.push(text("plugins/README.txt", "Plugins go here.\n"));
    }
    if line >= (1, 11) {
        files.push(MiniFile {
            executable: true,
            ..text(
                "plugins/external-resource-gpu/nvidia-gpu-discovery.sh",
                "#!/usr/bin/env bash\necho 0\n",
            )
        });
    }
    files.push(text("examples/python/count.py", "print(1)\n"));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The same with Hadoop in `lib/`, as releases of 1.6 and 1.7 were published too.
pub fn mini_hadoop_release(version: &str) -> Vec<MiniFile> {
    let mut files = mini_release(version);
    let path = format!("lib/flink-shaded-hadoop2-uber-{version}.jar");
    files.push(MiniFile {
        bytes: jar(&[("Implementation-Title", &path)]),
        path,
        executable: false,
    });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// A miniature release as it is published.
pub fn mini_release_archive(version: &str) -> Vec<u8> {
    packed(version, &mini_release(version))
}

/// A miniature release with Hadoop as it was published.
pub fn mini_hadoop_release_archive(version: &str) -> Vec<u8> {
    packed(version, &mini_hadoop_release(version))
}

/// Files of a distribution as an archive with the one top folder `flink-VERSION/`.
pub fn packed(version: &str, files: &[MiniFile]) -> Vec<u8> {
    let top = format!("flink-{version}");
    let mut entries = vec![Raw::folder(&top), Raw::folder(&format!("{top}/log"))];
    entries.extend(files.iter().map(|file| Raw {
        mode: if file.executable { 0o755 } else { 0o644 },
        ..Raw::file(&format!("{top}/{}", file.path), &file.bytes)
    }));
    compress(&tar(&entries), Compress::Gzip)
}

/// Lays a miniature release out in `folder`/flink-VERSION, and returns that path.
pub fn mini_release_folder(folder: &Path, version: &str) -> PathBuf {
    laid_out(folder, version, &mini_release(version))
}

/// Lays files of a distribution out in `folder`/flink-VERSION, and returns that path.
pub fn laid_out(folder: &Path, version: &str, files: &[MiniFile]) -> PathBuf {
    let root = folder.join(format!("flink-{version}"));
    for file in files {
        let path = root.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.bytes).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::fs::create_dir_all(root.join("log")).unwrap();
    root
}

fn text(path: &str, text: &str) -> MiniFile {
    MiniFile {
        path: path.to_owned(),
        bytes: text.into(),
        executable: false,
    }
}

/// The jars of a release, by their names.
fn jars(version: &str, line: (u16, u16)) -> Vec<String> {
    let scala = mini_scala(version);
    // A jar whose name has the Scala version, and one that gave it up in 1.15 (FLINK-14105).
    let of_scala = |name: &str| format!("{name}_{scala}-{version}.jar");
    let once_of_scala = |name: &str| {
        if line < (1, 15) {
            of_scala(name)
        } else {
            format!("{name}-{version}.jar")
        }
    };
    let plain = |name: &str| format!("{name}-{version}.jar");
    let mut lib = vec![once_of_scala("flink-dist")];
    lib.extend(
        match line {
            (1, ..11) => &["log4j-1.2.17.jar", "slf4j-log4j12-1.7.15.jar"][..],
            _ => &[
                "log4j-1.2-api-2.17.1.jar",
                "log4j-api-2.17.1.jar",
                "log4j-core-2.17.1.jar",
                "log4j-slf4j-impl-2.17.1.jar",
            ],
        }
        .iter()
        .map(ToString::to_string),
    );
    let mut opt = vec![
        plain("flink-s3-fs-hadoop"),
        plain("flink-s3-fs-presto"),
        once_of_scala("flink-sql-client"),
    ];
    match line {
        (1, ..8) => {
            lib.push(of_scala("flink-python"));
            opt.push(of_scala("flink-table"));
            opt.push(of_scala("flink-streaming-python"));
        }
        (1, 8) => opt.extend([of_scala("flink-table"), of_scala("flink-streaming-python")]),
        (1, 9..15) => {
            lib.extend([of_scala("flink-table"), of_scala("flink-table-blink")]);
            opt.push(of_scala("flink-python"));
        }
        _ => {
            lib.extend([
                plain("flink-table-api-java-uber"),
                plain("flink-table-planner-loader"),
                of_scala("flink-scala"),
            ]);
            opt.extend([plain("flink-python"), of_scala("flink-table-planner")]);
        }
    }
    // Reporters of metrics became plugins in 1.11 (FLINK-16963).
    let mut plugins = Vec::new();
    for reporter in ["prometheus", "slf4j"] {
        let jar = plain(&format!("flink-metrics-{reporter}"));
        if line < (1, 11) {
            opt.push(jar);
        } else {
            plugins.push(format!("metrics-{reporter}/{jar}"));
        }
    }
    [("lib", lib), ("opt", opt), ("plugins", plugins)]
        .into_iter()
        .flat_map(|(folder, names)| {
            names
                .into_iter()
                .map(move |name| format!("{folder}/{name}"))
        })
        .chain(["examples/streaming/WordCount.jar".to_owned()])
        .collect()
}

/// The files of `conf/`.
fn configuration(line: (u16, u16)) -> Vec<MiniFile> {
    let console = if line < (1, 11) {
        "log4j.rootLogger=INFO, console\n"
    } else {
        "rootLogger.level = INFO\nrootLogger.appenderRef.console.ref = ConsoleAppender\n"
    };
    let session = if line < (1, 11) {
        "conf/log4j-yarn-session.properties"
    } else {
        "conf/log4j-session.properties"
    };
    let (workers, hosts) = if line < (1, 11) {
        ("conf/slaves", "localhost\n")
    } else {
        ("conf/workers", "localhost\n")
    };
    let (name, main) = match line {
        (1, ..15) => ("conf/flink-conf.yaml", FLAT.to_owned()),
        (1, ..19) => ("conf/flink-conf.yaml", format!("{FLAT}{FLAT_LOCALHOST}")),
        (1, _) => ("conf/config.yaml", nested("")),
        _ => (
            "conf/config.yaml",
            nested(" --add-opens=java.base/java.util=ALL-UNNAMED"),
        ),
    };
    vec![
        text(name, &main),
        text("conf/log4j-cli.properties", console),
        text("conf/log4j-console.properties", console),
        text(session, console),
        text("conf/log4j.properties", console),
        text("conf/logback-console.xml", "<configuration/>\n"),
        text("conf/masters", "localhost:8081\n"),
        text(workers, hosts),
        text("conf/zoo.cfg", "clientPort=2181\n"),
    ]
}

const FLAT: &str = "\
# The address that the job manager is reached at.
jobmanager.rpc.address: localhost
jobmanager.rpc.port: 6123

# The number of slots of each task manager.
taskmanager.numberOfTaskSlots: 1
parallelism.default: 1

# state.backend: filesystem
";

/// What 1.15 to 1.18 have besides (FLINK-24474).
const FLAT_LOCALHOST: &str = "\
jobmanager.bind-host: localhost
taskmanager.bind-host: localhost
# The address that the others find this task manager at.
taskmanager.host: localhost
rest.address: localhost
rest.bind-address: localhost
";

/// From 1.19 on, with a few of the many options for Java.
fn nested(more: &str) -> String {
    format!(
        "\
# Options that all of Flink's processes need on Java 17.
env:
  java:
    opts:
      all: --add-exports=java.base/sun.net.util=ALL-UNNAMED --add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED{more}

jobmanager:
  # To reach it from outside, bind it to 0.0.0.0.
  bind-host: localhost
  rpc:
    # The address that the job manager is reached at.
    address: localhost
    port: 6123
  memory:
    process:
      size: 1600m

taskmanager:
  bind-host: localhost
  # The address that the others find this task manager at.
  host: localhost
  numberOfTaskSlots: 1

parallelism:
  default: 1

rest:
  address: localhost
  bind-address: localhost
  # port: 8081
"
    )
}
