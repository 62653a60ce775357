//! The last line that had a job image of its own, in its words.

use serde_json::json;

use super::deployed::{Deployed, Renderer};
use crate::image::{Yard, of_archive};
use crate::savepoint::{KEYS, counted};
use crate::support::parts::HistoricParts;

const UNTIL: u64 = 100;

#[test]
fn a_rendered_job_of_flink_1_10_ends_well_and_has_the_memory_that_its_values_say() {
    let yard = Yard::new();
    let parts = HistoricParts::find();
    let image = yard.build(&parts.base, &of_archive(&parts.counting, &parts.archive));
    let values = json!({
        "job": {
            "args": ["--until", UNTIL],
            "parallelism": 2,
        },
        "jobManager": { "memory": 1000 },
        "taskManager": { "slots": 2 },
    });
    let objects = Renderer::FlinkImg.objects(&yard, "counts", &image, values);
    let deployed = Deployed::start(&yard, &objects);
    deployed.finish();

    let container = &deployed.task_manager.container;
    let stdout = container.stdout_when(std::time::Duration::from_secs(20), |text| {
        counted(text).len() as u64 >= UNTIL
    });
    let mut lines = counted(&stdout);
    lines.sort_unstable_by_key(|line| line.number);
    let numbers = lines.iter().map(|line| line.number);
    assert!(numbers.eq(1..=UNTIL), "{}", deployed.logs());
    assert!(
        lines
            .iter()
            .all(|line| line.is_in_order() && line.key < KEYS)
    );
    // Of this line the heap is what can be said; the rest is for what the machine needs besides.
    let log = deployed.job_manager.container.stdout();
    assert!(log.contains("-Xmx750m"), "{}", deployed.logs());
}
