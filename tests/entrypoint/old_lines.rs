//! Homes of old lines: a link to a folder with the version, one configuration file that is no YAML, no plugins, and scripts
//! that look for themselves through links.

use std::fs;
use std::os::unix::fs::symlink;

use crate::home::{Home, Shell, shells};

/// The start of a script of 1.6 to 1.10; there in bash. Called through links, it finds the folder that it is really in.
const FIND_ITSELF: &str = r#"#!/bin/sh
target=$0
while [ -L "$target" ]; do
    next=$(readlink "$target")
    case $next in
    /*) target=$next ;;
    *) target=$(dirname "$target")/$next ;;
    esac
done
home=$(cd "$(dirname "$target")/.." && pwd -P)
conf=${FLINK_CONF_DIR:-$home/conf}
cp "$conf/flink-conf.yaml" "$OUT/flink-conf.yaml"
printf '%s' "$home" >"$OUT/home"
[ "$1" = start-foreground ] || exit 1
shift
"#;

/// The process of a job has the folder of the configuration before the words of the user.
const JOB: &str = "printf '%s\\n' --configDir \"$conf\" \"$@\" >\"$OUT/words\"\n";

/// A task manager has it behind them.
const TASK_MANAGER: &str = "printf '%s\\n' \"$@\" --configDir \"$conf\" >\"$OUT/words\"\n";

/// A home as the layout of an old line makes it.
fn home(shell: &Shell, version: &str) -> Home {
    let home = Home::new(
        shell,
        &[(
            "flink-conf.yaml",
            "# head\njobmanager.rpc.address: localhost\njobmanager.rpc.port: 6123\n",
        )],
    );
    home.write(
        "flink/bin/standalone-job.sh",
        &format!("{FIND_ITSELF}{JOB}"),
    );
    home.write(
        "flink/bin/taskmanager.sh",
        &format!("{FIND_ITSELF}{TASK_MANAGER}"),
    );
    fs::remove_dir_all(home.path("flink/plugins")).unwrap();
    let real = home.path(&format!("flink-{version}"));
    fs::rename(home.path("flink"), &real).unwrap();
    symlink(&real, home.path("flink")).unwrap();
    home
}

#[test]
fn scripts_of_old_lines_find_their_home_through_the_link() {
    for shell in shells() {
        for version in ["1.6.0", "1.10.3"] {
            let home = home(&shell, version);
            let merged = |words: &[&str], variables: &[(&str, &str)]| {
                home.run_quietly(words, variables);
                let real = home.path(&format!("flink-{version}"));
                let real = real.canonicalize().unwrap();
                assert_eq!(home.told("home"), real.to_str().unwrap(), "{words:?}");
                home.told("flink-conf.yaml")
            };
            let job = [
                "job-cluster",
                "--job-classname",
                "a.B",
                "-Dparallelism.default=2",
                "x y",
            ];
            let variables = [
                ("JOB_MANAGER_RPC_ADDRESS", "jm"),
                ("FLINK_PROPERTIES", "a: 1"),
            ];
            assert_eq!(
                merged(&job, &variables),
                "jobmanager.rpc.address: jm\njobmanager.rpc.port: 6123\na: 1\nblob.server.port: 6124\n"
            );
            let words = home.told("words");
            let lines: Vec<_> = words.lines().collect();
            assert_eq!(lines[0], "--configDir");
            assert!(
                lines[1].ends_with("/conf") && lines[1].contains("/tmp/flink-img."),
                "{words}"
            );
            assert_eq!(lines[2..], job[1..]);

            merged(&["task-manager", "-Djobmanager.rpc.address=jm"], &variables);
            let words = home.told("words");
            assert!(
                words.starts_with("-Djobmanager.rpc.address=jm\n--configDir\n"),
                "{words}"
            );
        }
    }
}

#[test]
fn logs_go_elsewhere_where_the_real_folder_may_not_be_written_to() {
    for shell in shells() {
        let home = home(&shell, "1.8.3");
        home.protect("flink-1.8.3/log", 0o555);
        home.run_quietly(&["taskmanager"], &[]);
        let merged = home.told("flink-conf.yaml");
        assert!(
            merged.contains("env.log.dir: ") && merged.contains("/tmp/flink-img."),
            "{merged}"
        );
        assert!(!home.path("flink/plugins").exists());
    }
}
