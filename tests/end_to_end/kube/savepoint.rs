//! The way from one image of a job to the next: stopped with a savepoint, rendered again, and gone on with.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::deployed::{Deployed, Renderer};
use crate::cluster::PATIENCE;
use crate::image::{Yard, of_archive};
use crate::savepoint::{Counted, KEYS, SLOWLY, UNTIL, counted, last_counts};
use crate::support::parts::{FlinkParts, jre_base};

const VERSION: &str = "1.20.5";

/// Where the containers see the folder that they share.
const SHARED: &str = "/savepoints";

#[test]
fn a_job_of_the_chart_goes_on_counting_from_the_savepoint_that_its_values_name() {
    let yard = Yard::new();
    let parts = FlinkParts::of(VERSION);
    let image = yard.build(&jre_base(), &of_archive(&parts.counting, &parts.archive));
    let folder = yard.folder().join("savepoints");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let values = |pause: &str, from: &str| {
        json!({
            "flink": { "version": VERSION },
            "job": {
                "class": "com.example.Counting",
                "args": ["--until", UNTIL, "--pause", pause],
                "parallelism": 2,
                "fromSavepoint": from,
            },
            "taskManager": { "slots": 2 },
            "pod": {
                "volumes": [{
                    "name": "savepoints",
                    "hostPath": { "path": folder, "type": "Directory" },
                }],
                "volumeMounts": [{ "name": "savepoints", "mountPath": SHARED }],
            },
        })
    };
    let render = |values: Value| Renderer::Helm.objects(&yard, "counts", &image, values);

    let first = render(values(SLOWLY, ""));
    let deployed = Deployed::start(&yard, &first);
    let job = deployed.rest.running_job();
    let task_manager = &deployed.task_manager.container;
    task_manager.stdout_when(PATIENCE, |text| {
        let counts = last_counts(&counted(text));
        (0..KEYS).all(|key| counts.get(&key).is_some_and(|&count| count >= 3))
    });
    let savepoint = deployed.rest.stop(&job, &format!("file://{SHARED}"));
    deployed.finish();
    let before = all_counted(&deployed);
    drop(deployed);

    let second = render(values("0", &savepoint));
    // Kubernetes lets nobody change the pods of a Job, so an upgrade must be another one.
    assert_ne!(name_of_job(&first), name_of_job(&second));
    let deployed = Deployed::start(&yard, &second);
    deployed.finish();
    let after = all_counted(&deployed);

    // No number is missing and none comes twice, over both, and each was counted on from what was there.
    let mut lines = [before, after].concat();
    lines.sort_unstable_by_key(|line| line.number);
    let numbers = lines.iter().map(|line| line.number);
    assert!(numbers.eq(1..=UNTIL), "{} numbers", lines.len());
    for key in 0..KEYS {
        let counts = lines.iter().filter(|line| line.key == key);
        let mut counts: Vec<u64> = counts.map(|line| line.count).collect();
        counts.sort_unstable();
        assert!(counts.into_iter().eq(1..=UNTIL / KEYS), "{key}");
    }
}

/// All that a job has counted that is over. Its task manager is ended first: then all that it said is in the log.
fn all_counted(deployed: &Deployed<'_>) -> Vec<Counted> {
    let container = &deployed.task_manager.container;
    container.stop();
    counted(&container.stdout())
}

fn name_of_job(objects: &[Value]) -> &str {
    let job = objects.iter().find(|object| object["kind"] == "Job");
    let name = job.and_then(|job| job["metadata"]["name"].as_str());
    name.expect("there is a Job")
}
