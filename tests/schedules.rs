//! Builds against registries that fail by a schedule: hundreds of seeds, each with its own mixture of faults, ways and
//! logins. A build ends with the right image in the registry, or with an error that the README tells of; it never hangs,
//! and never leaves another image under the tag.
//!
//! A seed that fails is in the message; `SEED=17 cargo test --test schedules` runs it alone.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use flink_img::base::{Catalogue, JavaOverride};
use flink_img::build::{BuildError, BuildRequest, CacheUse, Context, FlinkSource, Targets, build};
use flink_img::error::{Explain as _, Kind};
use flink_img::http::{HttpSettings, RetryPolicy};
use flink_img::layer::CompressionChoice;
use flink_img::oci::{Digest, Document, ImageSet, Platforms, Reference};
use flink_img::preflight::Policy;
use flink_img::progress::Silent;
use flink_img::registry::{Client, CredentialStore, Credentials, Secret};
use flink_img::store::Store;
use support::platforms::{bases, put};
use support::registry::token::{Refusal, TokenService};
use support::registry::{Auth, Fault, LocationForm, Registry, RequestInfo, Ways};
use support::workshop::{Random, Workshop, noise};

/// How many schedules are tried.
const SCHEDULES: u64 = 600;
/// How many run at a time; they mostly wait.
const WORKERS: usize = 6;
/// No schedule has so many pauses that it may take this long.
const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "the-password-of-ada";

/// What can be chosen at random.
struct Dice(Random);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next() % limit
    }

    /// Whether something happens that happens so many times in a hundred.
    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        let place = usize::try_from(self.below(choices.len() as u64)).unwrap();
        choices[place].clone()
    }

    fn maybe<T: Clone>(&mut self, chance: u64, choices: &[T]) -> Option<T> {
        self.percent(chance).then(|| self.one_of(choices))
    }

    fn ways(&mut self) -> Ways {
        Ways {
            body_limit: self.maybe(15, &[1000, 100_000, 2_000_000]),
            chunk_min_length: self.maybe(15, &[1, 300_000, 4_000_000]),
            refuse_chunks: self.maybe(15, &[404, 405, 501]),
            refuse_whole: self.maybe(10, &[405, 501]),
            forgets_broken: self.percent(30),
            last_chunk_wins: self.percent(10),
            stuck_range: self.percent(15),
            boasts: self.maybe(5, &[1, 10_000_000]).unwrap_or(0),
            refuse_head: self.maybe(10, &[400, 404, 405, 501]),
            immutable_tags: self.percent(10),
            refuse_indexes: false,
        }
    }

    /// What happens to a request that was read.
    fn fault(&mut self) -> Fault {
        let header = |name, value: &str| Fault::Header(name, Some(value.to_owned()));
        let pause = |status, seconds: &str| {
            let headers = vec![("Retry-After".to_owned(), seconds.to_owned())];
            Fault::Status(status, headers, Vec::new())
        };
        match self.below(20) {
            0..=4 => Fault::status(self.one_of(&[408, 429, 500, 502, 503, 504])),
            5 => pause(429, self.one_of(&["0", "1", "100000", "nonsense"])),
            6 => Fault::status(self.one_of(&[400, 401, 403, 404, 405, 409, 413, 416, 418])),
            7 => Fault::error(401, "UNAUTHORIZED", "try again"),
            8..=10 => Fault::DropConnection,
            11 | 12 => Fault::TruncateBody(self.one_of(&[0, 1, 100, 100_000])),
            13 => Fault::WrongBytes(self.one_of(&[Vec::new(), b"{}".to_vec(), noise(5000)])),
            14 => header("Docker-Content-Digest", &Digest::of(b"another").to_string()),
            15 => self.one_of(&[
                header("Location", "ftp://127.0.0.1/x"),
                header("Location", "http://[::"),
                Fault::Header("Location", None),
                header("Range", "7-3"),
                header("Content-Range", "bytes 1-2/3"),
            ]),
            16 => Fault::Stall(Duration::from_millis(700)),
            17 => Fault::Delay(Duration::from_millis(self.below(100))),
            18 => Fault::EndlessBody,
            _ => Fault::Trickle(Duration::from_millis(self.below(3))),
        }
    }

    /// What happens to a request before its body was read.
    fn early_fault(&mut self) -> Fault {
        let length = usize::try_from(self.below(4_000_000)).unwrap();
        match self.below(4) {
            0..=2 => Fault::ResetRequest(length),
            _ => Fault::Early(self.one_of(&[413, 500, 503])),
        }
    }
}

/// A registry that fails by the dice.
fn registry(dice: &mut Dice, seed: u64) -> Registry {
    let (user, password) = ("ada".to_owned(), PASSWORD.to_owned());
    let registry = Registry::with_auth(match dice.below(4) {
        0 => Auth::Basic { user, password },
        1 => Auth::Token { user, password },
        _ => Auth::Open,
    });
    registry.set_location(dice.one_of(&[
        LocationForm::Relative,
        LocationForm::Absolute,
        LocationForm::Query,
        LocationForm::Moving,
    ]));
    if dice.percent(30) {
        registry.decline_mounts();
    }
    registry.set_token_service(TokenService {
        field: dice.maybe(20, &["access_token", "nonsense"]),
        expires_in: dice.maybe(50, &[0.into(), 1.into(), 300.into(), "soon".into()]),
        first_scope_only: dice.percent(20),
        refused: dice.maybe(
            30,
            &[
                ("repository:acme/base:pull".to_owned(), Refusal::Status(403)),
                ("repository:acme/base:pull".to_owned(), Refusal::Worthless),
            ],
        ),
        endless: dice.maybe(3, &[Duration::from_millis(1)]),
        ..TokenService::default()
    });
    registry.set_ways(dice.ways());
    let chance = dice.one_of(&[0, 3, 10, 25]);
    // One kind of request may fail always, or for a while.
    let cursed = dice.maybe(20, &["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]);
    let curses = Arc::new(AtomicU64::new(dice.one_of(&[1, 3, 1000])));
    let rolls = Arc::new(Mutex::new(Dice(Random::new(seed ^ dice.below(u64::MAX)))));
    let roll = move |request: &RequestInfo, early: bool| {
        let mut dice = rolls.lock().unwrap();
        let cursed = cursed.is_some_and(|method| request.method == method)
            && dice.percent(50)
            && curses
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        if !cursed && !dice.percent(chance) {
            return None;
        }
        Some(if early {
            dice.early_fault()
        } else {
            dice.fault()
        })
    };
    let early = roll.clone();
    registry.on_head(move |request| {
        let has_body = request
            .headers
            .get("content-length")
            .is_some_and(|length| length != "0");
        if has_body { early(request, true) } else { None }
    });
    registry.on_request(move |request| roll(request, false));
    registry
}

/// What the schedules build: every other one an index.
struct World {
    workshop: Workshop,
    base: ImageSet,
    platforms: Platforms,
    /// The digest of the right image.
    digest: Digest,
}

impl World {
    fn new(platforms: &[&str]) -> Self {
        let parsed = platforms.iter().map(|text| text.parse().unwrap());
        let mut world = Self {
            workshop: Workshop::new(),
            base: bases(platforms, 0),
            platforms: Platforms::new(parsed.collect()).unwrap(),
            digest: Digest::of(b""),
        };
        let registry = Registry::start();
        let base = world.put_base(&registry);
        let folder = tempfile::tempdir().unwrap();
        let built = world.build(&base, &target(&registry), folder.path());
        world.digest = built.unwrap();
        world.assert_right(&registry, 0);
        world
    }

    fn put_base(&self, registry: &Registry) -> String {
        put(registry, "acme/base", "1", &self.base);
        let digest = self.base.digest();
        format!("{}/acme/base@{digest}", registry.address())
    }

    fn build(
        &self,
        base: &str,
        target: &Reference,
        store: &Path,
    ) -> Result<Digest, Box<BuildError>> {
        let http = HttpSettings {
            read_timeout: Duration::from_millis(400),
            retry: RetryPolicy {
                attempts: 4,
                base_delay: Duration::from_millis(1),
                max_delay: Duration::from_millis(5),
                budget: Duration::from_secs(20),
            },
            ..HttpSettings::default()
        };
        let credentials = || Credentials::Basic {
            user: "ada".to_owned(),
            password: Secret::new(PASSWORD),
        };
        let source: Reference = base.parse().unwrap();
        let logins = CredentialStore::default()
            .with_login(target.registry(), credentials())
            .with_login(source.registry(), credentials());
        let context = Context {
            store: Store::open(store).unwrap(),
            registries: Some(Client::new(http.clone(), logins, Arc::new(Silent)).unwrap()),
            http,
            threads: NonZeroUsize::MIN,
            reporter: Arc::new(Silent),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
        };
        let request = BuildRequest {
            base: Some(base.to_owned()),
            catalogue: Catalogue::embedded(),
            platforms: self.platforms.clone(),
            java: JavaOverride::default(),
            flink: FlinkSource::Archive {
                path: self.workshop.path("flink.tgz"),
                version: None,
            },
            hadoop: None,
            job_jar: Some(self.workshop.path("job.jar")),
            job_artifacts: vec![self.workshop.path("data.bin")],
            normalizes_jars: false,
            checks: Policy::default(),
            packages: Vec::new(),
            package_repositories: Vec::new(),
            package_keys: Vec::new(),
            content: flink_img::build::content::Content::default(),
            compression: CompressionChoice::default(),
            created: None,
            lock: None,
        };
        let targets = Targets {
            names: vec![target.clone()],
            push: true,
            outputs: Vec::new(),
            cache: CacheUse::default(),
        };
        Ok(build(&request, &targets, &context)?.images.digest())
    }

    /// Asserts that the tag leads to the right image, or the right index, of which nothing is missing.
    fn assert_right(&self, registry: &Registry, seed: u64) {
        let read = |name: &str| {
            let found = registry.manifest("acme/job", name);
            let (media_type, bytes) = found.unwrap_or_else(|| panic!("seed {seed}: no {name}"));
            let document = Document::parse(&bytes, Some(&media_type)).unwrap();
            (Digest::of(&bytes), document)
        };
        let (digest, top) = read("1");
        assert_eq!(digest, self.digest, "seed {seed}");
        let images = match top {
            Document::Manifest(_) => vec![top],
            Document::Index(index) => {
                let digests = index.manifests.iter().map(|manifest| manifest.digest);
                digests.map(|digest| read(&digest.to_string()).1).collect()
            }
        };
        assert_eq!(images.len(), self.platforms.len(), "seed {seed}");
        for image in images {
            let Document::Manifest(manifest) = image else {
                panic!("seed {seed}: an index in the index");
            };
            for descriptor in manifest.layers.iter().chain([&manifest.config]) {
                let blob = registry.blob("acme/job", descriptor.digest);
                let blob = blob.unwrap_or_else(|| panic!("seed {seed}: a blob is missing"));
                let found = (Digest::of(&blob), blob.len() as u64);
                assert_eq!(found, (descriptor.digest, descriptor.size), "seed {seed}");
            }
        }
    }

    /// Runs a schedule; tells how it ended.
    fn run(&self, seed: u64) -> String {
        let mut dice = Dice(Random::new(seed));
        let to = registry(&mut dice, seed);
        let other = dice.percent(50).then(|| registry(&mut dice, seed));
        let from = other.as_ref().unwrap_or(&to);
        let (base, target) = (self.put_base(from), target(&to));
        let store = tempfile::tempdir().unwrap();
        let outcome = self.build(&base, &target, store.path());
        let told = match &outcome {
            Ok(digest) => {
                assert_eq!(*digest, self.digest, "seed {seed}");
                self.assert_right(&to, seed);
                "the right image".to_owned()
            }
            Err(error) => {
                if to.manifest("acme/job", "1").is_some() {
                    self.assert_right(&to, seed);
                }
                documented(error, seed)
            }
        };
        // Whatever happened, the next build is right once nothing fails any more.
        if outcome.is_err() || dice.percent(20) {
            for registry in [Some(&to), other.as_ref()].into_iter().flatten() {
                registry.on_request(|_| None);
                registry.on_head(|_| None);
                registry.set_ways(Ways::default());
                registry.set_token_service(TokenService::default());
            }
            let again = self.build(&base, &target, store.path());
            assert_eq!(again.unwrap(), self.digest, "seed {seed}");
            self.assert_right(&to, seed);
        }
        told
    }
}

fn target(registry: &Registry) -> Reference {
    let name = format!("{}/acme/job:1", registry.address());
    name.parse().unwrap()
}

/// Asserts that an error is one that the README tells of, and returns its kind.
fn documented(error: &BuildError, seed: u64) -> String {
    let kind = error.kind();
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    let expected = [
        Kind::Network,
        Kind::Unauthorized,
        Kind::NotFound,
        Kind::Integrity,
        Kind::Input,
    ];
    assert!(expected.contains(&kind), "seed {seed}: {kind:?}: {text}");
    assert!(text.contains("127.0.0.1:"), "seed {seed}: {text}");
    assert!(!text.contains(PASSWORD), "seed {seed}: {text}");
    format!("{kind:?}")
}

#[test]
fn every_schedule_of_faults_ends_with_the_right_image_or_a_documented_error() {
    let seeds: Vec<u64> = match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=SCHEDULES).collect(),
    };
    let one = World::new(&["linux/amd64"]);
    let several = World::new(&["linux/amd64", "linux/arm64/v8"]);
    let worlds = Arc::new([one, several]);
    let queue = Arc::new(Mutex::new(seeds.clone()));
    let (report, reports) = mpsc::channel();
    for _ in 0..WORKERS.min(seeds.len()) {
        let (worlds, queue, report) = (Arc::clone(&worlds), Arc::clone(&queue), report.clone());
        std::thread::spawn(move || {
            loop {
                let seed = queue.lock().unwrap().pop();
                let Some(seed) = seed else { return };
                report.send((seed, None)).unwrap();
                let place = usize::try_from(seed).unwrap() % worlds.len();
                let told = worlds[place].run(seed);
                report.send((seed, Some(told))).unwrap();
            }
        });
    }
    drop(report);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut under_way = Vec::new();
    let mut done = 0;
    while let Ok((seed, told)) = reports.recv_timeout(PATIENCE) {
        match told {
            None => under_way.push(seed),
            Some(told) => {
                under_way.retain(|known| *known != seed);
                *outcomes.entry(told).or_default() += 1;
                done += 1;
            }
        }
    }
    // A worker that panicked has said why; one that hangs has not.
    assert_eq!(done, seeds.len(), "one of {under_way:?} failed or hangs");
    let summary = format!("{} schedules: {outcomes:?}\n", seeds.len());
    std::io::stdout().write_all(summary.as_bytes()).unwrap();
    if seeds.len() > 1 {
        let right = outcomes["the right image"];
        assert!(right * 3 > seeds.len(), "faults are the rule: {outcomes:?}");
        assert!(
            right * 10 < seeds.len() * 9,
            "faults are rare: {outcomes:?}"
        );
    }
}
