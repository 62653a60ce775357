//! What a container of the image starts with: environment, user, ports, command, labels.

use serde::Serialize;

use crate::base::DEFAULT_PATH;
use crate::flink::{HOME, Line, VERSION_LABEL};
use crate::layer::{Content, Entry, ImagePath, Owner};
use crate::oci::Config;

use super::content::User;

/// Fixed by what calls it: Kubernetes tools for Flink name this path.
pub(super) const ENTRYPOINT: &str = "/docker-entrypoint.sh";
/// What its help says of words that are no command.
const ANYTHING_ELSE: &str = "anything else";
const ENTRYPOINT_SCRIPT: &str = include_str!("../../base-layers/docker-entrypoint.sh");

/// RPC and web.
const PORTS: [u16; 2] = [6123, 8081];
/// What all labels of this program begin with.
const LABEL_PREFIX: &str = "flink-img.";
/// The label with the version of Flink.
pub(super) const FLINK_LABEL: &str = VERSION_LABEL;
/// The label with the version of Scala.
pub(super) const SCALA_LABEL: &str = "flink-img.flink.scala";
/// The label with the version of Java.
pub(super) const JAVA_LABEL: &str = "flink-img.java.version";
/// The label with the path of the job's jar in the image.
pub(super) const JOB_JAR_LABEL: &str = "flink-img.job.jar";
/// The label with the entry class of the job.
pub(super) const JOB_CLASS_LABEL: &str = "flink-img.job.class";

/// What the image says of itself; `flink-img render` and people read it.
#[derive(Debug, Clone, Default)]
pub(super) struct Labels {
    pub(super) flink: String,
    pub(super) scala: Option<String>,
    pub(super) java: Option<String>,
    pub(super) job_jar: Option<String>,
    pub(super) job_class: Option<String>,
}

/// What a container starts with, as far as that is not the same for all.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) line: &'a Line,
    /// The Java that was looked at, which is the one that Flink must find.
    pub(super) java_home: &'a str,
    pub(super) labels: &'a Labels,
    /// When the image was created.
    pub(super) created: &'a str,
    /// Whom it runs as.
    pub(super) user: User,
}

/// The entrypoint as an entry of a layer.
pub(super) fn entrypoint() -> Entry {
    let content = Content::from_bytes(ENTRYPOINT_SCRIPT.as_bytes());
    let path = ImagePath::fixed("docker-entrypoint.sh");
    Entry::file(path, content, true, Owner::ROOT)
}

/// A command that the entrypoint understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntrypointCommand {
    /// The words that mean it.
    pub words: Vec<&'static str>,
    /// What it does.
    pub description: &'static str,
}

/// The commands that the entrypoint of our images understands, as its own help lists them. What else it is given is
/// executed as it is.
pub fn entrypoint_commands() -> Vec<EntrypointCommand> {
    let commands = ENTRYPOINT_SCRIPT
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    commands
        .filter_map(|line| line.trim().split_once("  "))
        .filter(|(words, _)| *words != ANYTHING_ELSE)
        .map(|(words, description)| EntrypointCommand {
            words: words.split(", ").collect(),
            description: description.trim(),
        })
        .collect()
}

/// Patches the base's config into that of a Flink image. The base's own entrypoint is replaced.
pub(super) fn configure(config: &mut Config, start: &Start<'_>) {
    let Start { line, labels, .. } = start;
    let home = format!("/{HOME}");
    let programs = format!("{home}/bin");
    config.set_env("JAVA_HOME", start.java_home);
    let path = config.env("PATH").unwrap_or(DEFAULT_PATH).to_owned();
    if !path.split(':').any(|folder| folder == programs) {
        let path = if line.programs_first {
            format!("{programs}:{path}")
        } else {
            format!("{path}:{programs}")
        };
        config.set_env("PATH", &path);
    }
    for (name, value) in line.environment {
        config.set_env(name, value);
    }
    config.set_command(&[ENTRYPOINT], &["help"]);
    config.set_user(&start.user.to_string(), &home);
    config.expose(&PORTS);
    config.set_created(start.created);
    // What a base says of a job of its own is not true of this image.
    config.remove_labels(LABEL_PREFIX);
    for (name, value) in [
        (FLINK_LABEL, Some(&labels.flink)),
        (SCALA_LABEL, labels.scala.as_ref()),
        (JAVA_LABEL, labels.java.as_ref()),
        (JOB_JAR_LABEL, labels.job_jar.as_ref()),
        (JOB_CLASS_LABEL, labels.job_class.as_ref()),
    ] {
        if let Some(value) = value {
            config.set_label(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::Known;
    use crate::oci::Platform;

    fn start<'a>(version: &str, labels: &'a Labels) -> Start<'a> {
        Start {
            line: Known::of(&version.parse().unwrap()).unwrap().line,
            java_home: "/opt/java",
            labels,
            created: "1980-01-01T00:00:01Z",
            user: User::FLINK,
        }
    }

    #[test]
    fn each_command_of_the_help_is_one_that_the_script_looks_for() {
        let commands = entrypoint_commands();
        assert_eq!(commands[0].words, ["job-cluster", "standalone-job"]);
        assert!(
            commands
                .iter()
                .all(|command| !command.description.is_empty())
        );
        let cases: Vec<_> = ENTRYPOINT_SCRIPT
            .lines()
            .filter_map(|line| line.trim().split_once(')'))
            .map(|(words, _)| words.split(" | ").collect::<Vec<_>>())
            .collect();
        for EntrypointCommand { words, .. } in commands {
            let is_it = |case: &&[&str]| words.iter().all(|word| case.contains(word));
            // The job manager has one word, in the case and in the help.
            let found = cases.iter().map(Vec::as_slice).find(is_it);
            assert_eq!(found.map(<[_]>::len), Some(words.len()), "{words:?}");
        }
    }

    #[test]
    fn patches_a_config_and_does_so_only_once() {
        let mut config = Config::empty(&Platform::linux_amd64());
        config.set_env("PATH", "/opt/java/bin:/bin");
        config.set_command(&["/__cacert_entrypoint.sh"], &["jshell"]);
        let labels = Labels {
            flink: "2.3.0".to_owned(),
            job_class: Some("com.acme.Job".to_owned()),
            ..Labels::default()
        };
        config.set_label("flink-img.job.jar", "/opt/artifacts/other.jar");
        let start = start("2.3.0", &labels);
        configure(&mut config, &start);
        let once = config.clone();
        configure(&mut config, &start);
        assert_eq!(config, once);
        assert_eq!(
            config.env("PATH"),
            Some("/opt/flink/bin:/opt/java/bin:/bin")
        );
        assert_eq!(config.env("JAVA_HOME"), Some("/opt/java"));
        assert_eq!(config.env("FLINK_USR_LIB_DIR"), Some("/opt/flink/usrlib"));
        let text = String::from_utf8(config.to_bytes()).unwrap();
        for part in [
            r#""Cmd":["help"]"#,
            r#""Entrypoint":["/docker-entrypoint.sh"]"#,
            r#""User":"9999:9999""#,
            r#""WorkingDir":"/opt/flink""#,
            r#""ExposedPorts":{"6123/tcp":{},"8081/tcp":{}}"#,
            r#""Labels":{"flink-img.flink.version":"2.3.0","flink-img.job.class":"com.acme.Job"}"#,
            r#""created":"1980-01-01T00:00:01Z""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn images_of_old_lines_have_the_variables_of_their_time() {
        let labels = Labels::default();
        for (version, last, without) in [
            ("1.6.0", "FLINK_LIB_DIR", Some("FLINK_PLUGINS_DIR")),
            ("1.8.3", "FLINK_LIB_DIR", Some("FLINK_OPT_DIR")),
            (
                "1.9.3",
                "FLINK_JOB_ARTIFACTS_DIR",
                Some("FLINK_USR_LIB_DIR"),
            ),
            ("1.10.3", "FLINK_USR_LIB_DIR", None),
        ] {
            let mut config = Config::empty(&Platform::linux_amd64());
            config.set_env("PATH", "/opt/java/bin:/bin");
            let start = start(version, &labels);
            configure(&mut config, &start);
            configure(&mut config, &start);
            let path = "/opt/java/bin:/bin:/opt/flink/bin";
            assert_eq!(config.env("PATH"), Some(path), "{version}");
            assert_eq!(config.env("FLINK_HOME"), Some("/opt/flink"));
            assert!(config.env(last).is_some(), "{version} {last}");
            if let Some(name) = without {
                assert_eq!(config.env(name), None, "{version} {name}");
            }
        }
    }
}
