//! A cluster that takes jobs.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::deployed::{Deployed, Renderer};
use crate::image::{Yard, words};
use crate::rest::Rest;
use crate::support::parts::{FlinkParts, jre_base};
use crate::{COUNT, KEYS, expected_sums, sums_in};

const VERSION: &str = "2.3.0";

#[test]
fn a_rendered_session_takes_a_job_and_runs_it() {
    let yard = Yard::new();
    let parts = FlinkParts::of(VERSION);
    // Without a job: it comes from outside.
    let flink: Vec<OsString> = words(&[(&"--from-archive", &parts.archive)]);
    let image = yard.build(&jre_base(), &flink);
    let values = json!({
        "flink": { "type": "session" },
        "taskManager": { "slots": 2 },
    });
    let objects = Renderer::FlinkImg.objects(&yard, "session", &image, values);
    let deployed = Deployed::start(&yard, &objects);

    let rest = &deployed.rest;
    rest.wait("/overview", "of two slots", |answer| {
        (answer["slots-available"] == 2).then_some(())
    });
    let jar = upload(rest, &parts.bounded_sum);
    let job = json!({
        "entryClass": "com.example.BoundedSum",
        "programArgsList": ["--count", COUNT.to_string(), "--keys", KEYS.to_string()],
        "parallelism": 2,
    });
    let answer = rest.post_json(&format!("/jars/{jar}/run"), &job);
    let job = answer["jobid"].as_str().expect("the job has an id");
    let state = rest.wait(&format!("/jobs/{job}"), "of a job that ended", |answer| {
        let state = answer["state"].as_str()?;
        ["FINISHED", "FAILED", "CANCELED"]
            .contains(&state)
            .then(|| state.to_owned())
    });
    assert_eq!(state, "FINISHED", "{}", deployed.logs());

    let expected = expected_sums();
    let container = &deployed.task_manager.container;
    let stdout = container.stdout_when(Duration::from_secs(20), |text| {
        sums_in(text).len() >= expected.len()
    });
    assert_eq!(sums_in(&stdout), expected, "{}", deployed.logs());
}

/// Uploads a jar as the web interface does, and tells its name there.
fn upload(rest: &Rest, jar: &Path) -> String {
    const BOUNDARY: &str = "between-the-parts-of-the-form";
    let head = format!(
        "--{BOUNDARY}\r\n\
         Content-Disposition: form-data; name=\"jarfile\"; filename=\"job.jar\"\r\n\
         Content-Type: application/x-java-archive\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    let jar = fs::read(jar).unwrap();
    let body = [head.as_bytes(), &jar, tail.as_bytes()].concat();
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let answer: Value = rest.post("/jars/upload", &kind, body);
    let path = answer["filename"].as_str().expect("the jar has a path");
    path.rsplit('/').next().unwrap().to_owned()
}
