//! Clusters for one job: a job manager and a task manager in a container each, from the same image.

use std::time::Duration;

use crate::image::Built;
use crate::rest::Rest;
use crate::support::podman::{Container, Podman, free_ports};

/// A run takes 10 to 30 seconds on two cores; a machine that is busy with other things gets ten times as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The task manager is mostly up before the job manager listens, and would then wait 10 seconds before it asks again.
const SOON: &str = "-Dcluster.registration.error-delay=200";

/// What a cluster is started from, and how.
pub(crate) struct Start<'a> {
    pub(crate) podman: &'a Podman,
    pub(crate) image: &'a str,
    /// Options of podman, for both containers.
    pub(crate) options: &'a [&'a str],
    /// Settings of Flink, for both processes.
    pub(crate) settings: &'a [&'a str],
}

impl<'a> Start<'a> {
    /// As the image says.
    pub(crate) fn of(podman: &'a Podman, image: &'a Built) -> Self {
        Self {
            podman,
            image: &image.reference,
            options: &[],
            settings: &[],
        }
    }
}

/// A cluster that was started. Dropping it ends it.
pub(crate) struct Cluster<'podman> {
    pub(crate) job_manager: Container<'podman>,
    pub(crate) task_manager: Container<'podman>,
    pub(crate) rest: Rest,
}

impl<'podman> Cluster<'podman> {
    /// Starts the job with the old words: `job-cluster`, options of Flink, and arguments of the job.
    pub(crate) fn start(start: &Start<'podman>, options: &[&str], arguments: &[&str]) -> Self {
        // The host's network is shared by all that runs on this machine: every port is one that was free.
        let [rpc, rest, blobs] = free_ports();
        let rpc_port = format!("-Djobmanager.rpc.port={rpc}");
        let ports = [
            format!("-Drest.port={rest}"),
            format!("-Dblob.server.port={blobs}"),
        ];
        let mut words = vec!["job-cluster"];
        words.extend(options);
        words.extend([
            "-Djobmanager.rpc.address=127.0.0.1",
            &*rpc_port,
            &*ports[0],
            &*ports[1],
            "-Djobmanager.memory.process.size=900m",
            "-Dparallelism.default=2",
        ]);
        words.extend(start.settings);
        words.extend(arguments);
        let job_manager = start.podman.start(start.image, start.options, &words);
        let mut words = vec![
            "task-manager",
            "-Djobmanager.rpc.address=127.0.0.1",
            &*rpc_port,
            "-Dtaskmanager.host=127.0.0.1",
            "-Dtaskmanager.numberOfTaskSlots=2",
            "-Dtaskmanager.memory.process.size=1000m",
            SOON,
        ];
        words.extend(start.settings);
        let task_manager = start.podman.start(start.image, start.options, &words);
        Self {
            job_manager,
            task_manager,
            rest: Rest::at(rest),
        }
    }

    /// Waits for the job to end, which must have gone well. `context` is for the message if not.
    pub(crate) fn finish(&self, context: &str) {
        let exit_code = self.job_manager.exit_code(PATIENCE);
        assert_eq!(
            exit_code,
            Some(0),
            "The job manager did not end well {context}\n{}",
            self.logs()
        );
    }

    /// The end of what both have said, for the message of a test that fails.
    pub(crate) fn logs(&self) -> String {
        format!(
            "--- job manager\n{}\n--- task manager\n{}",
            self.job_manager.last_words(),
            self.task_manager.last_words()
        )
    }
}
