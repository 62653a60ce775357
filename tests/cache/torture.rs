//! Everything at once, many times, in one cache: builds of two images, some of them killed, prunes, and looks at it all.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::context::{BASE, Run, TestContext, names};
use crate::support::registry::Registry;
use crate::support::workshop::Random;
use crate::{assert_sound, total};

/// How many do something at the same time, and how often each does.
const WORKERS: u64 = 4;
const ROUNDS: usize = 80;
/// Longer than a build takes, so that some are killed and some are not.
const LONGEST: u64 = 200;
/// The words of two builds whose images differ in one layer.
const IMAGES: [&[&str]; 2] = [
    &["--job-jar", "job.jar"],
    &["--job-jar", "job.jar", "--job-artifacts", "base.tar"],
];

/// What a worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Keep,
    Write,
    Push,
    Kill,
    Prune,
    Verify,
    Repair,
}

const ACTS: [Act; 10] = [
    Act::Keep,
    Act::Keep,
    Act::Write,
    Act::Write,
    Act::Push,
    Act::Kill,
    Act::Prune,
    Act::Verify,
    Act::Verify,
    Act::Repair,
];

/// One that does one thing after the other.
struct Worker<'a> {
    context: &'a TestContext,
    registry: &'a Registry,
    digests: &'a [String],
    number: u64,
    random: Random,
}

impl Worker<'_> {
    fn number(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.next() % limit as u64).unwrap()
    }

    /// The words of a build of one of the images, and its digest.
    fn image(&mut self) -> (Vec<String>, String) {
        let image = self.number(IMAGES.len());
        let usual = ["build", "--base", BASE, "--from-archive", "flink.tgz"];
        let words = usual.iter().chain(IMAGES[image]);
        (
            words.map(|word| (*word).to_owned()).collect(),
            self.digests[image].clone(),
        )
    }

    /// A build with more words, which must be the right one.
    fn build(&mut self, more: &[String]) {
        let (words, digest) = self.image();
        let run = self.context.run(words.iter().chain(more));
        assert_eq!(run.digest(), digest);
    }

    /// What wants to be alone either is, or says that it is not, and has done nothing then.
    fn alone(&self, words: &[&str]) -> bool {
        let run = self.context.run(words);
        let is_refused = run.code == 9 && run.stderr.contains("Another flink-img uses the cache");
        assert!(run.code == 0 || is_refused, "{run}");
        run.code == 0
    }

    /// Does something; tells what, and whether it could.
    fn act(&mut self) -> (Act, bool) {
        let act = ACTS[self.number(ACTS.len())];
        let tag = self.number(3);
        let done = match act {
            Act::Keep => {
                self.build(&["-t".to_owned(), format!("acme/job:{tag}")]);
                true
            }
            Act::Write => {
                let output = format!("oci-archive:{}-{tag}.tar", self.number);
                self.build(&["-o".to_owned(), output]);
                true
            }
            Act::Push => {
                let name = format!("{}/acme/job-{tag}:{}", self.registry.address(), self.number);
                self.build(&["--push".to_owned(), "-t".to_owned(), name]);
                true
            }
            Act::Kill => self.kill(),
            Act::Prune => {
                let size = self.number(40_000).to_string();
                let limits: [&[&str]; 3] = [&[], &["--older-than", "0s"], &["--max-size", &size]];
                let limit = limits[self.number(limits.len())];
                self.alone(&[&["cache", "prune"], limit].concat())
            }
            Act::Verify => {
                self.context.run(["cache", "verify"]).ok();
                true
            }
            Act::Repair => self.alone(&["cache", "verify", "--repair"]),
        };
        (act, done)
    }

    /// Whether a build was killed before it ended.
    fn kill(&mut self) -> bool {
        let (words, _) = self.image();
        let mut command = self.context.command(&words);
        command.args(["-t", "acme/killed"]);
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        let wait = self.random.next() % LONGEST;
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        !child.wait().unwrap().success()
    }
}

fn verified(context: &TestContext) -> Run {
    context.run(["cache", "verify", "--json"]).ok()
}

#[test]
fn whatever_is_done_at_once_nothing_is_wrong_at_any_time() {
    let context = TestContext::new();
    let registry = Registry::start();
    let digests = IMAGES.map(|words| context.build(words).digest());
    assert_ne!(digests[0], digests[1]);
    let done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let mut worker = Worker {
                    context: &context,
                    registry: &registry,
                    digests: &digests,
                    number,
                    random: Random::new(400 + number),
                };
                scope.spawn(move || (0..ROUNDS).map(|_| worker.act()).collect::<Vec<_>>())
            })
            .collect();
        let mut done: BTreeMap<(Act, bool), usize> = BTreeMap::new();
        for worker in workers {
            for act in worker.join().unwrap() {
                *done.entry(act).or_default() += 1;
            }
        }
        done
    });
    eprintln!("{done:?}");
    for act in ACTS {
        assert!(done.contains_key(&(act, true)), "no {act:?}: {done:?}");
    }
    assert!(done.contains_key(&(Act::Prune, false)), "{done:?}");

    let found = verified(&context).json();
    assert_eq!(found["faults"], 0);
    // All that was kept is whole, and what was killed goes.
    context.run(["cache", "prune"]).ok();
    assert_sound(&context);
    let found = verified(&context).json();
    let kept = crate::blobs(&context);
    assert_eq!(found["blobs"]["bytes"], total(&kept));
    assert_eq!(found["unfinished"]["count"], 0);
    assert!(!names(&context.store().join("facts")).is_empty());
    for (words, digest) in IMAGES.iter().zip(&digests) {
        assert_eq!(context.build(words).digest(), *digest);
    }
}
