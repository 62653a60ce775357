//! A job in Python, on a base that has Python and nothing else of it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cluster::{Cluster, Start};
use crate::image::{Yard, words};
use crate::support::parts::{FlinkParts, PythonParts};
use crate::support::workshop::succeed;

/// The sum of the numbers that the job adds up, as the last of its lines has it.
const TOTAL: &str = "+U[500500]";

/// Debian calls its interpreter `python3`, and Flink `python`. Flink's jar for Python stays in `opt/`.
#[test]
fn a_slim_image_for_python_runs_a_job_in_python() {
    let yard = Yard::new();
    let parts = PythonParts::find();
    let flink = yard.copy(&FlinkParts::of("1.20.5").folder);
    let modules = flink.join("opt/python");
    succeed(
        Command::new("cp")
            .arg("--recursive")
            .args([&parts.modules, &modules]),
    );
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/jobs/python/total.py");
    let job = format!("{}:/opt/total.py", job.display());

    let mut words = words(&[(&"--from-local-dist", &flink), (&"--add", &job)]);
    words.extend(["--python", "--slim"].map(Into::into));
    let image = yard.build(&parts.base, &words);
    let start = Start::of(yard.podman(), &image);
    let class = [
        "--job-classname",
        "org.apache.flink.client.python.PythonDriver",
    ];
    let cluster = Cluster::start(&start, &class, &["-py", "/opt/total.py"]);
    cluster.finish("as a job in Python");
    let stdout = cluster
        .task_manager
        .stdout_when(Duration::from_secs(20), |text| text.contains(TOTAL));
    assert!(stdout.contains(TOTAL), "{}", cluster.logs());
}
