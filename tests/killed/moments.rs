//! Builds that are killed at 200 moments: of time, of their own course, and of that of their push. After each, the cache
//! has nothing wrong in it, the registry has the right image or none, and the same build ends well.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use flink_img::oci::{Digest, Manifest};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::outputs::{OUTPUTS, REPOSITORY, whole_outputs};
use crate::support::registry::{Fault, Registry};
use crate::support::workshop::{Random, TAG, Workshop, succeed};
use crate::{assert_store_is_right, build};

/// How many work at the same time, each in a folder of its own.
const WORKERS: u64 = 4;
/// How many kills of each kind each of them does: 200 altogether.
const KILLS: [(Kind, usize); 6] = [
    (Kind::Time, 12),
    (Kind::Line, 7),
    (Kind::Request, 13),
    (Kind::Byte, 8),
    (Kind::Manifest, 4),
    (Kind::Tag, 6),
];
/// How often a kill may come too late, to each worker.
const LATE: usize = 40;

/// What chooses the moment of a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A share of the time that a whole build takes.
    Time,
    /// A line that the build prints about itself.
    Line,
    /// A request, before it is answered.
    Request,
    /// A byte of an upload.
    Byte,
    /// The manifest, which the registry does not take then.
    Manifest,
    /// A share of the time between the manifest and the end of the build.
    Tag,
}

/// How far a build had come when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// No byte of a blob had come to the registry.
    Making,
    /// Some had.
    Sending,
    /// All blobs were there, and no manifest.
    Sent,
    /// The image was in the registry, and not every output had its name.
    Tagged,
    /// All was done.
    Whole,
}

/// What a build finds when it starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// Nothing.
    Empty,
    /// Facts, and half of the blobs that they tell of.
    Half,
    /// All that the build before left.
    Full,
}

const STARTS: [Start; 3] = [Start::Empty, Start::Half, Start::Full];

/// The course of a build that nobody kills.
#[derive(Debug)]
struct Course {
    time: Duration,
    lines: usize,
    requests: usize,
    /// The longest body.
    bytes: usize,
    /// From the manifest to the end.
    tail: Duration,
}

/// A place to kill builds in.
struct Scene {
    workshop: Workshop,
    out: PathBuf,
    cache: PathBuf,
    random: Random,
    digest: String,
    blobs: Vec<Digest>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let workshop = Workshop::new();
        let (out, cache) = (workshop.path("out"), workshop.path("cache"));
        std::fs::create_dir(&out).unwrap();
        let registry = Registry::start();
        succeed(&mut build(&workshop, &registry));
        let (_, manifest) = registry.manifest(REPOSITORY, TAG).unwrap();
        let document: Manifest = serde_json::from_slice(&manifest).unwrap();
        let layers = document.layers.iter().map(|layer| layer.digest);
        Self {
            digest: Digest::of(&manifest).to_string(),
            blobs: layers.chain([document.config.digest]).collect(),
            random: Random::new(seed),
            workshop,
            out,
            cache,
        }
    }

    /// A number from 1 to `limit`.
    fn number(&mut self, limit: usize) -> usize {
        let number = self.random.next() % limit.max(1) as u64;
        usize::try_from(number).unwrap() + 1
    }

    /// A part of `time`.
    fn share(&mut self, time: Duration) -> Duration {
        time * u32::try_from(self.number(1000)).unwrap() / 1000
    }

    fn prepare(&mut self, start: Start) {
        std::fs::remove_dir_all(&self.out).unwrap();
        std::fs::create_dir(&self.out).unwrap();
        match start {
            Start::Empty => std::fs::remove_dir_all(&self.cache).unwrap(),
            Start::Half => {
                for blob in std::fs::read_dir(self.cache.join("blobs/sha256")).unwrap() {
                    let path = blob.unwrap().path();
                    if self.random.next().is_multiple_of(2) {
                        std::fs::remove_file(path).unwrap();
                    }
                }
            }
            Start::Full => {}
        }
    }

    /// Watches a build to its end.
    fn watch(&mut self, start: Start) -> Course {
        self.prepare(start);
        let registry = Registry::start();
        let tagged = Arc::new(OnceLock::new());
        let when = Arc::clone(&tagged);
        registry.on_request(move |request| {
            if is_tagging(&request.line()) {
                let _ = when.set(Instant::now());
            }
            None
        });
        let begin = Instant::now();
        let output = succeed(build(&self.workshop, &registry).stderr(Stdio::piped()));
        let requests = registry.requests();
        Course {
            time: begin.elapsed(),
            tail: tagged.get().unwrap().elapsed(),
            lines: output.stderr.split(|byte| *byte == b'\n').count() - 1,
            requests: requests.len(),
            bytes: requests
                .iter()
                .map(|request| request.body_length)
                .max()
                .unwrap(),
        }
    }

    /// Kills a build, and tells how far it had come; nothing if it ended before.
    fn kill(&mut self, kind: Kind, start: Start, course: &Course) -> Option<Phase> {
        self.prepare(start);
        let registry = Registry::start();
        let victim = Victim::default();
        // What kills from within the registry waits there before the build is started.
        match kind {
            Kind::Time | Kind::Line => {}
            Kind::Request => {
                let (wanted, seen) = (self.number(course.requests), AtomicUsize::new(0));
                let victim = victim.clone();
                registry.on_request(move |_| {
                    if seen.fetch_add(1, Ordering::SeqCst) + 1 == wanted {
                        victim.kill();
                    }
                    None
                });
            }
            Kind::Byte => {
                let (wanted, victim) = (self.number(course.bytes), victim.clone());
                registry.on_read(move |got| {
                    if got >= wanted {
                        victim.kill();
                    }
                });
            }
            Kind::Manifest => {
                let victim = victim.clone();
                registry.on_request(move |request| {
                    let kill = || victim.kill();
                    let comes = is_tagging(&request.line());
                    comes.then(kill).map(|()| Fault::DropConnection)
                });
            }
            Kind::Tag => {
                let (wait, victim) = (self.share(course.tail), victim.clone());
                registry.on_request(move |request| {
                    if is_tagging(&request.line()) {
                        let victim = victim.clone();
                        std::thread::spawn(move || {
                            std::thread::sleep(wait);
                            victim.kill();
                        });
                    }
                    None
                });
            }
        }
        let mut command = build(&self.workshop, &registry);
        let mut child = victim.start(command.stderr(Stdio::piped()));
        if kind == Kind::Time {
            std::thread::sleep(self.share(course.time));
            victim.kill();
        }
        let wanted = (kind == Kind::Line).then(|| self.number(course.lines));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        for (number, line) in lines.enumerate() {
            line.unwrap();
            if Some(number + 1) == wanted {
                victim.kill();
            }
        }
        let status = child.wait().unwrap();
        let phase = self.examine(&registry);
        assert!(status.signal().is_some() || phase == Phase::Whole);
        status.signal().map(|_| phase)
    }

    /// What a build left must be whole, or nothing.
    fn examine(&self, registry: &Registry) -> Phase {
        let outputs = whole_outputs(&self.out, &self.digest);
        let manifest = registry.manifest(REPOSITORY, TAG);
        if let Some((_, manifest)) = &manifest {
            assert_eq!(Digest::of(manifest).to_string(), self.digest);
        }
        // No output says that there is an image before the registry has it.
        assert!(outputs.is_empty() || manifest.is_some(), "{outputs:?}");
        succeed(self.workshop.program().args(["cache", "verify", "--quiet"]));
        assert_store_is_right(&self.cache);
        let has = |digest: &Digest| registry.blob(REPOSITORY, *digest).is_some();
        let sent = self.blobs.iter().filter(|digest| has(digest)).count();
        match manifest {
            Some(_) if outputs.len() == OUTPUTS => Phase::Whole,
            Some(_) => Phase::Tagged,
            None if sent == self.blobs.len() => Phase::Sent,
            None if registry.traffic().received > 0 => Phase::Sending,
            None => Phase::Making,
        }
    }

    /// The same build once more, to its end.
    fn recover(&self) {
        let registry = Registry::start();
        succeed(&mut build(&self.workshop, &registry));
        assert_eq!(self.examine(&registry), Phase::Whole);
    }
}

fn is_tagging(line: &str) -> bool {
    line.starts_with("PUT ") && line.ends_with(&format!("/manifests/{TAG}"))
}

/// The process that is killed, for whoever does it.
#[derive(Debug, Clone, Default)]
struct Victim(Arc<OnceLock<Pid>>);

impl Victim {
    fn start(&self, command: &mut std::process::Command) -> Child {
        let child = command.spawn().unwrap();
        self.0.set(Pid::from_child(&child)).unwrap();
        child
    }

    /// A number of a process that ended is not given to another so soon.
    fn kill(&self) {
        let _ = kill_process(*self.0.wait(), Signal::KILL);
    }
}

/// Kills the share of one worker; tells which kinds of kills met which phases.
fn kill_many(worker: u64) -> BTreeMap<(Kind, Phase), u64> {
    let mut scene = Scene::new(20 + worker);
    let courses = STARTS.map(|start| scene.watch(start));
    let mut met = BTreeMap::new();
    let (mut round, mut late) = (0, 0);
    for (kind, count) in KILLS {
        let mut killed = 0;
        while killed < count {
            let place = round % STARTS.len();
            round += 1;
            if let Some(phase) = scene.kill(kind, STARTS[place], &courses[place]) {
                *met.entry((kind, phase)).or_default() += 1;
                killed += 1;
            } else {
                late += 1;
                assert!(late <= LATE, "too many kills come too late: {met:#?}");
            }
            scene.recover();
        }
    }
    // What the kills left in the cache goes with a prune.
    succeed(scene.workshop.program().args(["cache", "prune"]));
    assert_eq!(
        std::fs::read_dir(scene.cache.join("tmp")).unwrap().count(),
        0
    );
    met
}

#[test]
fn whenever_a_build_is_killed_the_cache_is_sound_and_the_next_build_right() {
    let start = Instant::now();
    let met = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || kill_many(worker)))
            .collect();
        let mut all: BTreeMap<(Kind, Phase), u64> = BTreeMap::new();
        for worker in workers {
            for (key, count) in worker.join().unwrap() {
                *all.entry(key).or_default() += count;
            }
        }
        all
    });
    let of = |wanted: Phase| {
        let counts = met.iter().filter(|((_, phase), _)| *phase == wanted);
        counts.map(|(_, count)| count).sum::<u64>()
    };
    eprintln!("{met:?} in {:?}", start.elapsed());
    assert_eq!(met.values().sum::<u64>(), 200);
    for (phase, least) in [
        (Phase::Making, 20),
        (Phase::Sending, 40),
        (Phase::Sent, 16),
        (Phase::Tagged, 10),
    ] {
        assert!(of(phase) >= least, "{phase:?} was met too seldom: {met:?}");
    }
}
