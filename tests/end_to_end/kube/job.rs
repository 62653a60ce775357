//! A cluster for the one job in its image.

use std::time::Duration;

use serde_json::json;

use super::deployed::{Deployed, Renderer, pods};
use crate::cluster::PATIENCE;
use crate::content::{LOG4J_2, MARK};
use crate::image::{Built, Yard};
use crate::support::parts::jre_base;
use crate::{COUNT, KEYS, expected_sums, sums_in, words_for};

const VERSION: &str = "2.3.0";

#[test]
fn a_rendered_job_ends_well_with_a_read_only_root_as_any_user_and_logs_as_its_file_says() {
    let yard = Yard::new();
    let values = json!({
        "flink": { "files": { "log4j-console.properties": LOG4J_2 } },
        "job": {
            "args": ["--count", COUNT, "--keys", KEYS],
            "parallelism": 2,
        },
        "taskManager": { "slots": 2 },
        "security": { "runAsUser": 12345, "runAsGroup": 0 },
    });
    let objects = Renderer::FlinkImg.objects(&yard, "sums", &image(&yard), values);
    let deployed = Deployed::start(&yard, &objects);
    deployed.finish();

    let expected = expected_sums();
    let task_manager = &deployed.task_manager.container;
    let stdout = task_manager.stdout_when(Duration::from_secs(20), |text| {
        sums_in(text).len() >= expected.len()
    });
    assert_eq!(sums_in(&stdout), expected, "{}", deployed.logs());
    assert!(stdout.contains(MARK), "{}", deployed.logs());
    let stdout = deployed.job_manager.container.stdout();
    assert!(stdout.contains(MARK), "{}", deployed.logs());

    // The task manager outlives the job, and so can be asked whether it was restricted as the objects say.
    assert_eq!(task_manager.user_ids(), [12345; 4]);
    assert_eq!(task_manager.output_of(&["id", "-g"]), "0\n");
    let status = task_manager.output_of(&["cat", "/proc/1/status"]);
    for line in ["NoNewPrivs:\t1", "CapBnd:\t0000000000000000"] {
        assert!(status.lines().any(|own| own == line), "{line}\n{status}");
    }
    let mounts = task_manager.output_of(&["cat", "/proc/1/mounts"]);
    let root = mounts
        .lines()
        .find(|line| line.split(' ').nth(1) == Some("/"));
    assert!(root.is_some_and(|line| line.contains(" ro,")), "{root:?}");
}

/// Kubernetes looks at nothing else to tell a job that failed, and to start it again.
#[test]
fn a_job_of_the_chart_that_fails_ends_with_a_code_that_says_so() {
    let yard = Yard::new();
    let values = json!({
        "flink": { "version": VERSION },
        "job": { "class": "com.example.BoundedSum", "args": ["--host", "of the job"] },
    });
    let objects = Renderer::Helm.objects(&yard, "fails", &image(&yard), values);
    // It fails before it asks for a task manager.
    let job_manager = yard.podman().play(pods(&yard, &objects).of("jobmanager"));
    let container = &job_manager.container;
    let exit_code = container.exit_code(PATIENCE);
    let said = container.last_words();
    assert!(
        exit_code.is_some_and(|code| code != 0),
        "{exit_code:?}\n{said}"
    );
    // So the words behind `--` are the job's, also those that Flink has a meaning for.
    assert!(
        container.stdout().contains("Unknown argument --host"),
        "{said}"
    );
}

fn image(yard: &Yard) -> Built {
    yard.build(&jre_base(), &words_for(VERSION))
}
