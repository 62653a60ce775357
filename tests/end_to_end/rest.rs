//! The REST interface of a job manager, as its users call it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::cluster::PATIENCE;

/// How often a question is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a job manager listens.
pub(crate) struct Rest {
    /// `http://ADDRESS:PORT`
    root: String,
    client: reqwest::Client,
    runtime: Runtime,
}

impl Rest {
    pub(crate) fn at(port: u16) -> Self {
        Self::of("127.0.0.1", port)
    }

    /// The same at an address of this machine.
    pub(crate) fn of(address: &str, port: u16) -> Self {
        Self {
            root: format!("http://{address}:{port}"),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .build()
                .expect("a client without certificates can be made"),
            runtime: Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime of one thread can be made"),
        }
    }

    /// Asks once. An error is one of the connection: the job manager is not there yet, or no more.
    fn get(&self, path: &str) -> Result<(u16, Value), reqwest::Error> {
        self.send(self.client.get(self.url(path)))
    }

    /// Asks until the answer says what is looked for. `what` is for the message if it never does.
    pub(crate) fn wait<T>(&self, path: &str, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        Self::wait_for_any(&[self], path, what, find)
    }

    /// The same of several, one of which is to know.
    pub(crate) fn wait_for_any<T>(
        all: &[&Self],
        path: &str,
        what: &str,
        find: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answers: Vec<_> = all.iter().map(|rest| rest.get(path)).collect();
            for answer in &answers {
                if let Ok((200, answer)) = answer
                    && let Some(found) = find(answer)
                {
                    return found;
                }
            }
            assert!(
                Instant::now() < deadline,
                "Nobody told {what} at {path}; at last: {answers:?}"
            );
            thread::sleep(PAUSE);
        }
    }

    /// The id of the one job, as soon as it runs.
    pub(crate) fn running_job(&self) -> String {
        self.wait("/jobs", "of a running job", |answer| {
            let job = answer["jobs"].as_array()?.first()?;
            (job["status"] == "RUNNING").then(|| job["id"].as_str().map(str::to_owned))?
        })
    }

    /// Stops a job with a savepoint below `folder`, and tells where that is once it is complete.
    pub(crate) fn stop(&self, job: &str, folder: &str) -> String {
        let body = json!({ "targetDirectory": folder, "drain": false });
        let answer = self.post_json(&format!("/jobs/{job}/stop"), &body);
        let trigger = answer["request-id"]
            .as_str()
            .expect("the request has an id");
        let path = format!("/jobs/{job}/savepoints/{trigger}");
        // The job manager stays until its last savepoint has been asked for.
        self.wait(&path, "of a complete savepoint", |answer| {
            if answer["status"]["id"] != "COMPLETED" {
                return None;
            }
            let location = &answer["operation"]["location"];
            let location = location
                .as_str()
                .unwrap_or_else(|| panic!("The savepoint failed: {answer}"));
            Some(location.to_owned())
        })
    }

    /// Sends what the job manager must take, and returns its answer.
    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Value {
        self.post(path, "application/json", body.to_string().into_bytes())
    }

    /// The same with a body of any kind.
    pub(crate) fn post(&self, path: &str, kind: &str, body: Vec<u8>) -> Value {
        let request = self.client.post(self.url(path));
        let request = request.header("Content-Type", kind).body(body);
        let (status, answer) = self.send(request).expect("the job manager is there");
        assert!(matches!(status, 200 | 202), "{status} {answer}");
        answer
    }

    /// Cancels a job.
    pub(crate) fn cancel(&self, job: &str) {
        let request = self.client.patch(self.url(&format!("/jobs/{job}")));
        let (status, answer) = self.send(request).expect("the job manager is there");
        assert_eq!(status, 202, "{answer}");
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Value), reqwest::Error> {
        self.runtime.block_on(async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let text = response.text().await?;
            Ok((
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            ))
        })
    }
}
