//! Bad input: one clear sentence, the right exit code, and nothing done: no output, no image, and, where the fault is on
//! this machine, no request.

mod bases;
mod inputs;
mod targets;

use crate::support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use crate::support::fixtures::Compress;
use crate::support::registry::Registry;

/// A user whose base is in a registry, and who pushes to it and writes files besides.
struct Site {
    context: TestContext,
    registry: Registry,
}

/// What every build of a [`Site`] would write.
const OUTPUTS: [&str; 3] = ["layout", "image.tar", "metadata.json"];

impl Site {
    fn new() -> Self {
        Self::with(Registry::start())
    }

    fn with(registry: Registry) -> Self {
        let tar = base(JAVA_17);
        let (media_type, bytes) = layer(&tar, Compress::Gzip);
        let config = base_config("amd64", &tar);
        registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
        let context = TestContext::new();
        Self { context, registry }
    }

    fn base(&self) -> String {
        format!("{}/acme/base:1", self.registry.address())
    }

    fn target(&self) -> String {
        format!("{}/acme/job:1", self.registry.address())
    }

    /// Builds to every kind of target, with these words besides.
    fn build(&self, words: &[&str]) -> Run {
        let (outputs, target) = (["oci:layout", "docker-archive:image.tar"], self.target());
        let mut all = vec!["build", "--push", "-t", &target];
        all.extend(["--metadata-file", OUTPUTS[2]]);
        all.extend(outputs.iter().flat_map(|output| ["-o", output]));
        all.extend(words);
        self.context.run(all)
    }

    fn assert_nothing_written(&self, run: &Run) {
        assert_ne!(run.code, 0, "{run}");
        assert_eq!(run.stdout, "", "{run}");
        for output in OUTPUTS {
            assert!(!self.context.has(output), "{output} is there: {run}");
        }
        self.context.assert_nothing_kept();
        assert_eq!(self.registry.manifest("acme/job", "1"), None);
    }

    /// Asserts that a build with these words is refused because of something on this machine: no request is sent.
    fn refuses(&self, words: &[&str]) -> Run {
        let run = self.build(words);
        self.assert_nothing_written(&run);
        assert_eq!(self.registry.lines(), [""; 0], "{run}");
        run
    }

    /// The same, where the base is the one in the registry.
    fn refuses_flink(&self, words: &[&str]) -> Run {
        let base = self.base();
        self.refuses(&[&["--base", &base, "--job-jar", "job.jar"], words].concat())
    }

    /// The same, where Flink is fine as well.
    fn refuses_job(&self, words: &[&str]) -> Run {
        let base = self.base();
        self.refuses(&[&["--base", &base, "--from-archive", "flink.tgz"], words].concat())
    }

    /// Asserts that a build with this base is refused.
    fn refuses_base(&self, words: &[&str]) -> Run {
        let usual = [
            "--from-archive",
            "flink.tgz",
            "--job-jar",
            "job.jar",
            "--base",
        ];
        self.refuses(&[&usual, words].concat())
    }
}
