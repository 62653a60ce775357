//! Runs `base-layers/docker-entrypoint.sh` under every shell that `/bin/sh` may be, with stubs in the place of Flink.
//!
//! As the image will be used, so is it tested: a folder that the process may not write to, no passwd entry, group 0. When
//! the tests run as root, they drop to such a user. A stub `java` gives away any start of a JVM.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what fails here fails the test"
)]

#[path = "entrypoint/home.rs"]
mod home;
#[path = "entrypoint/old_lines.rs"]
mod old_lines;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use home::{Home, shells};

const DEFAULTS: &str =
    "jobmanager:\n  rpc:\n    address: jm # the leader\n    port: 6123\nblob.server.port: 6124\n";

/// The rows of a table in a file: cells between ` | `, with `\n` for a line break.
fn rows<const CELLS: usize>(table: &str) -> Vec<[String; CELLS]> {
    let rows = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "));
    rows.map(|row| {
        let cells: Vec<_> = row
            .split(" | ")
            .map(|cell| cell.replace("\\n", "\n"))
            .collect();
        cells
            .try_into()
            .unwrap_or_else(|_| panic!("A row needs {CELLS} cells: {row}"))
    })
    .collect()
}

/// Merges `properties` into `config.yaml` (or another file) and compares the whole outcome.
#[track_caller]
fn assert_merge(file: &str, before: &str, properties: &str, after: &str) {
    for shell in shells() {
        let home = Home::new(&shell, &[(file, before)]);
        let variables = [
            ("FLINK_PROPERTIES", properties),
            ("WHO", "o'neill \"$HOME\" \\&x"),
            ("LINES_2", "one\ntwo"),
        ];
        home.run_quietly(&["history-server"], &variables);
        assert_eq!(home.merged(file), after, "{properties}");
        assert!(!home.path("evil").exists(), "{properties} was executed");
    }
}

#[track_caller]
fn assert_yaml(before: &str, properties: &str, after: &str) {
    assert_merge("config.yaml", before, properties, after);
}

#[test]
fn every_word_starts_its_script_with_all_arguments() {
    let words = [
        ("job-cluster", "standalone-job.sh"),
        ("standalone-job", "standalone-job.sh"),
        ("task-manager", "taskmanager.sh"),
        ("taskmanager", "taskmanager.sh"),
        ("jobmanager", "jobmanager.sh"),
        ("history-server", "historyserver.sh"),
        ("historyserver", "historyserver.sh"),
    ];
    let arguments = [
        "a b",
        "*",
        "",
        "it's",
        "\"q\"",
        "$HOME `x`",
        "-Dk=y  z",
        "--",
    ];
    for shell in shells() {
        let home = Home::new(&shell, &[("config.yaml", DEFAULTS)]);
        for (word, script) in words {
            home.run_quietly(&[&[word], &arguments[..]].concat(), &[]);
            let expected = format!("{script}\nstart-foreground\n{}\n", arguments.join("\n"));
            assert_eq!(home.told("words"), expected, "{word}");
            // Nothing to change: the configuration stays where it is.
            assert_eq!(home.told("conf"), "unset", "{word}");
        }
        assert_eq!(home.left_in_tmp(), 0);
    }
}

const EVERYTHING_SET: [(&str, &str); 5] = [
    ("JOB_MANAGER_RPC_ADDRESS", "elsewhere"),
    ("TASK_MANAGER_NUMBER_OF_TASK_SLOTS", "4"),
    ("FLINK_PROPERTIES", "nonsense"),
    ("ENABLE_BUILT_IN_PLUGINS", "unknown.jar"),
    ("DISABLE_JEMALLOC", "false"),
];

#[test]
fn help_prints_the_usage_and_does_nothing_else() {
    for shell in shells() {
        let home = Home::new(&shell, &[]);
        for words in [
            &[][..],
            &["help"],
            &["--help"],
            &["-h"],
            &["help", "job-cluster"],
        ] {
            let outcome = home.run(words, &EVERYTHING_SET);
            assert_eq!(
                (outcome.code, outcome.stderr.as_str()),
                (0, ""),
                "{words:?}"
            );
            assert!(outcome.stdout.starts_with("Usage: docker-entrypoint.sh"));
            for name in ["job-cluster", "task-manager"]
                .iter()
                .chain(EVERYTHING_SET.iter().map(|(name, _)| name))
            {
                assert!(outcome.stdout.contains(name), "{name} is not in the help");
            }
            assert_eq!(
                (home.left_in_tmp(), home.told("words").as_str()),
                (0, "not run")
            );
        }
    }
}

#[test]
fn any_other_command_is_executed_as_it_is() {
    let tell = "printf '%s\\n' \"$@\" >\"$OUT/words\"; printf %s \"${FLINK_CONF_DIR-unset}\" >\"$OUT/conf\"; exit 7";
    for shell in shells() {
        let home = Home::new(
            &shell,
            &[("config.yaml", "jobmanager.rpc.address: localhost\n")],
        );
        let outcome = home.run(
            &["sh", "-c", tell, "sh", "a b", "*", "", "job-cluster"],
            &EVERYTHING_SET[..3],
        );
        assert_eq!(
            (outcome.code, outcome.stdout + &outcome.stderr),
            (7, String::new())
        );
        assert_eq!(home.told("words"), "a b\n*\n\njob-cluster\n");
        assert_eq!(
            (home.told("conf").as_str(), home.left_in_tmp()),
            ("unset", 0)
        );
        // `native-k8s` was a word for one release only.
        for word in ["native-k8s", "Job-Cluster", ""] {
            // 126 when a folder of `PATH` is closed to this user.
            assert!(matches!(home.run(&[word], &[]).code, 126 | 127), "{word}");
        }
    }
}

#[test]
fn properties_arrive_in_config_yaml_as_they_were_meant() {
    let table = rows::<2>(include_str!("entrypoint/properties.txt"));
    let column = |cell: usize| {
        table
            .iter()
            .map(|row| row[cell].clone() + "\n")
            .collect::<String>()
    };
    assert_yaml("", &column(0), &column(1));
    assert_yaml("", "lines: ${LINES_2}", "lines: \"one\\ntwo\"\n");
}

#[test]
fn a_property_takes_the_place_of_a_value_however_it_was_written() {
    for before in [
        "a:\n  b:\n    c: 1\n  d: 2\n",
        "a.b.c: 1\na.d: 2\n",
        "a.b:\n    c: 1 # one\n\na:\n  'd': 2\n",
    ] {
        assert_yaml(before, "a.b.c: x", "a.b.c: x\na.d: 2\n");
    }
    let value_forms = [
        " [x,\n  y]",
        "\n- x\n# why\n- y: 1\n  z: 2",
        "\n  - x\n",
        " |\n  d: 5\n\n   text",
        " >-\n  text",
        " one\n  two",
        "\n  one",
        " \"one\n  d: 5\"",
    ];
    for form in value_forms {
        let before = format!("# head\na: {{p: q}}\nb:{form}\nd: 2\r\n");
        assert_yaml(&before, "b: x", "a: {p: q}\nb: x\nd: 2\n");
        let after = format!("a: {{p: q}}\nb:{}\nd: x\n", form.trim_end());
        assert_yaml(&before, "d: x", &after);
    }
    // What was a map gets a value of its own, what is inside a flow map is overridden after it.
    assert_yaml(
        "ha:\n  type: zookeeper\n",
        "ha: x",
        "ha.type: zookeeper\nha: x\n",
    );
    assert_yaml("a: {b: 1}\n", "a.b: 2", "a: {b: 1}\na.b: 2\n");
    // The last one wins, among the properties and in a file that says a thing twice.
    assert_yaml(
        "a.b: 1\na:\n  b: 2\n",
        "c: 1\nd: 1\nc: 2",
        "a.b: 2\nc: 2\nd: 1\n",
    );
}

#[test]
fn flink_conf_yaml_is_merged_by_its_own_rules() {
    let before = "# head\njobmanager.rpc.port: 6123  # port\nodd line\nopts: -Da=b -Dc=d\n";
    let properties =
        "opts: -Dx=y   -Dz='a b'\ncolon: a: b\nlist: [a, b]\nquote: \"a\"\nwho: $WHO\nnumber: 007";
    let after = "jobmanager.rpc.port: 6123\nopts: -Dx=y   -Dz='a b'\ncolon: a: b\nlist: [a, b]\nquote: \"a\"\n\
                 who: o'neill \"$HOME\" \\&x\nnumber: 007\n";
    assert_merge("flink-conf.yaml", before, properties, after);

    for shell in shells() {
        let home = Home::new(&shell, &[("flink-conf.yaml", "")]);
        let outcome = home.run(
            &["history-server"],
            &[("FLINK_PROPERTIES", "a.key: secret#1")],
        );
        assert_eq!(outcome.code, 0);
        assert!(
            outcome.stderr.contains("`a.key`") && !outcome.stderr.contains("secret"),
            "{}",
            outcome.stderr
        );

        // With both files it is Flink's own scripts that tell which one it reads.
        for (scripts, read, ignored) in [
            ("flink-conf.yaml", "flink-conf.yaml", "config.yaml"),
            ("", "config.yaml", "flink-conf.yaml"),
        ] {
            let home = Home::new(
                &shell,
                &[("flink-conf.yaml", "a: 1\n"), ("config.yaml", "a: 1\n")],
            );
            home.write("flink/bin/bash-java-utils.sh", scripts);
            home.run_quietly(&["history-server"], &[("FLINK_PROPERTIES", "a: 2")]);
            assert_eq!(
                (home.merged(read), home.merged(ignored)),
                ("a: 2\n".into(), "a: 1\n".into())
            );
        }
    }
}

#[test]
fn variables_and_defaults_give_way_in_the_right_order() {
    let cases = rows::<4>(include_str!("entrypoint/variables.txt"));
    for shell in shells() {
        for [word, variables, before, after] in &cases {
            let home = Home::new(&shell, &[("config.yaml", before)]);
            let variables: Vec<_> = variables
                .split(',')
                .filter_map(|one| one.split_once('='))
                .collect();
            home.run_quietly(&[word], &variables);
            if after == "as before" {
                assert_eq!(home.told("conf"), "unset", "{before}");
                continue;
            }
            let mut host = home.command();
            host.args(["-c", "hostname -f 2>/dev/null || hostname"]);
            let host = String::from_utf8(host.output().unwrap().stdout).unwrap();
            let after = after.replace("HOST", host.trim());
            assert_eq!(home.merged("config.yaml"), after, "{before}");
        }
    }
}

#[test]
fn a_config_map_stays_alive_and_its_copy_is_private() {
    for shell in shells() {
        // As the kubelet mounts it: links to links, all of it read-only.
        let home = Home::new(&shell, &[]);
        let mount = home.path("mount");
        fs::create_dir_all(mount.join("..2026")).unwrap();
        fs::write(mount.join("..2026/config.yaml"), "a: 1").unwrap();
        fs::write(mount.join("..2026/log4j-console.properties"), "old").unwrap();
        symlink("..2026", mount.join("..data")).unwrap();
        for name in ["config.yaml", "log4j-console.properties"] {
            symlink(format!("..data/{name}"), mount.join(name)).unwrap();
        }
        home.protect("mount", 0o555);

        home.run_quietly(
            &["history-server"],
            &[("FLINK_CONF_DIR", "mount"), ("FLINK_PROPERTIES", "b: 2")],
        );
        assert_eq!(home.merged("config.yaml"), "a: 1\nb: 2\n");
        let conf = PathBuf::from(home.told("conf"));
        assert_eq!(fs::read_dir(&conf).unwrap().count(), 2);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (
                mode(conf.parent().unwrap()),
                mode(&conf.join("config.yaml"))
            ),
            (0o700, 0o600)
        );

        // log4j looks again every 30 seconds.
        fs::write(mount.join("..2026/log4j-console.properties"), "new").unwrap();
        assert_eq!(home.merged("log4j-console.properties"), "new");
        home.protect("mount", 0o755);
    }
}

#[test]
fn secrets_are_never_printed() {
    let properties = "s3.secret-key: hunter2\nhunter2 without a colon\n: hunter2\na key: hunter2\ns3.token: $TOKEN";
    for shell in shells() {
        let home = Home::new(&shell, &[("config.yaml", "")]);
        let outcome = home.run(
            &["job-cluster"],
            &[("FLINK_PROPERTIES", properties), ("TOKEN", "hunter3")],
        );
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
        assert!(!outcome.stderr.contains("hunter"), "{}", outcome.stderr);
        let warnings: String = [2, 3, 4]
            .map(|n| {
                format!("warning: Line {n} of FLINK_PROPERTIES is not `key: value`, skipping it\n")
            })
            .concat();
        assert_eq!(outcome.stderr, warnings);
        assert!(
            home.merged("config.yaml")
                .starts_with("s3.secret-key: hunter2\ns3.token: hunter3\n")
        );

        // Not even when the file cannot be understood.
        let home = Home::new(&shell, &[("config.yaml", "a: 1\n[hunter2]\n")]);
        let outcome = home.run(&["job-cluster"], &[]);
        assert_eq!((outcome.code, home.told("words").as_str()), (1, "not run"));
        assert!(
            outcome.stderr.contains("Line 2 of config.yaml") && !outcome.stderr.contains("hunter")
        );
    }
}

#[test]
fn nothing_but_the_temporary_folder_needs_to_be_writable() {
    let folders = ["", "flink", "flink/conf", "flink/log", "flink/plugins"];
    for shell in shells() {
        let home = Home::new(&shell, &[("config.yaml", DEFAULTS)]);
        home.protect_all(&folders, 0o555);
        let jars = " flink-s3-fs-hadoop-2.3.0.jar;;flink-gs-fs-hadoop-2.3.0.jar";
        home.run_quietly(&["task-manager"], &[("ENABLE_BUILT_IN_PLUGINS", jars)]);
        let plugins = PathBuf::from(home.told("plugins"));
        for file in [
            "gpu/gpu.jar",
            "flink-s3-fs-hadoop-2.3.0/flink-s3-fs-hadoop-2.3.0.jar",
            "flink-gs-fs-hadoop-2.3.0/flink-gs-fs-hadoop-2.3.0.jar",
        ] {
            assert!(plugins.join(file).is_file(), "{file}");
        }
        let config = home.merged("config.yaml");
        let log = config
            .lines()
            .find_map(|line| line.strip_prefix("env.log.dir: "))
            .expect("a folder for logs");
        assert!(
            Path::new(log).starts_with(home.path("tmp")) && Path::new(log).is_dir(),
            "{log}"
        );

        // The user's own folder for logs stands.
        home.run_quietly(
            &["task-manager"],
            &[("FLINK_PROPERTIES", "env.log.dir: /logs")],
        );
        assert!(home.merged("config.yaml").ends_with("env.log.dir: /logs\n"));
        home.run_quietly(&["task-manager"], &[("FLINK_LOG_DIR", "/logs")]);
        assert_eq!(home.told("conf"), "unset");

        home.protect("tmp", 0o555);
        let outcome = home.run(&["task-manager"], &[]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert!(
            outcome
                .stderr
                .starts_with("error: Cannot make a folder in ")
                && outcome.stderr.lines().count() == 1,
            "{}",
            outcome.stderr
        );
        home.protect_all(&folders, 0o755);
    }
}

#[test]
fn built_in_plugins_are_linked_once_or_refused_as_a_whole() {
    let good = "flink-s3-fs-hadoop-2.3.0.jar";
    for shell in shells() {
        let home = Home::new(&shell, &[("config.yaml", DEFAULTS)]);
        for bad in ["unknown.jar", "../opt/x.jar", "..", "*"] {
            for words in [&["job-cluster"][..], &["true"]] {
                let outcome = home.run(
                    words,
                    &[("ENABLE_BUILT_IN_PLUGINS", &format!("{good};{bad}"))],
                );
                assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{bad}");
                assert!(
                    outcome
                        .stderr
                        .contains(&format!("error: Built-in plugin `{bad}` ")),
                    "{}",
                    outcome.stderr
                );
                assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
            }
            assert_eq!(
                fs::read_dir(home.path("flink/plugins")).unwrap().count(),
                1,
                "{bad}"
            );
        }
        // Twice, as after a restart; the second time nothing has to be written. Native Kubernetes passes through.
        for (words, mode) in [
            (&["job-cluster"][..], 0o777),
            (&["taskmanager"], 0o555),
            (&["true"], 0o555),
        ] {
            home.protect("flink/plugins", mode);
            home.run_quietly(words, &[("ENABLE_BUILT_IN_PLUGINS", good)]);
            assert_eq!(
                (home.told("plugins").as_str(), home.left_in_tmp()),
                ("unset", 0)
            );
        }
        let link = home
            .path("flink/plugins/flink-s3-fs-hadoop-2.3.0")
            .join(good);
        assert_eq!(
            fs::read_link(link).unwrap(),
            home.path("flink/opt").join(good)
        );
        home.protect("flink/plugins", 0o777);
    }
}

#[test]
fn jemalloc_is_preloaded_when_it_is_there_and_not_disabled() {
    let architecture = std::env::consts::ARCH;
    let library = ["so", "so.2"]
        .map(|end| format!("/usr/lib/{architecture}-linux-gnu/libjemalloc.{end}"))
        .into_iter()
        .find(|library| Path::new(library).exists());
    // A library that the loader finds everywhere on glibc, and that changes nothing.
    let own = "libm.so.6";
    let appended = library
        .as_ref()
        .map_or(own.to_owned(), |library| format!("{own}:{library}"));
    let alone = library.clone().unwrap_or("unset".to_owned());
    for shell in shells() {
        let home = Home::new(&shell, &[("config.yaml", DEFAULTS)]);
        for (variables, expected) in [
            (&[][..], alone.as_str()),
            (&[("LD_PRELOAD", own)], appended.as_str()),
            (&[("DISABLE_JEMALLOC", "true")], "unset"),
            (&[("DISABLE_JEMALLOC", "true"), ("LD_PRELOAD", own)], own),
        ] {
            home.run_quietly(&["job-cluster"], variables);
            assert_eq!(home.told("preload"), expected, "{variables:?}");
        }
        let stderr = home
            .run(&["job-cluster"], &[("DISABLE_JEMALLOC", "false")])
            .stderr;
        assert_eq!(stderr.is_empty(), library.is_some(), "{stderr}");
    }
}

#[test]
fn root_is_warned() {
    for shell in shells() {
        let mut home = Home::new(&shell, &[("config.yaml", DEFAULTS)]);
        home.as_root = true;
        if !home.is_owned_by_root() {
            return;
        }
        let outcome = home.run(&["job-cluster"], &[]);
        assert_eq!(outcome.code, 0);
        assert!(
            outcome.stderr.starts_with("warning: Running as root"),
            "{}",
            outcome.stderr
        );
        assert_eq!(home.run(&["true"], &[]).stderr, "");
    }
}
