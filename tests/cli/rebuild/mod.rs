//! What is known is not done again: layers, bases, releases and blobs, on this machine and on one that has seen nothing.

mod same_digest;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use insta::assert_snapshot;
use sha2::{Digest as _, Sha512};

use crate::support::context::{
    JAVA_17, Run, TestContext, base_config, base_entries, forge_fact, layer, names,
};
use crate::support::files::FileServer;
use crate::support::fixtures::{self, Compress, Packing, Raw};
use crate::support::registry::{Auth, Fault, Registry};
use crate::support::workshop::noise;

const RELEASE: &str = "flink-1.20.5-bin-scala_2.12.tgz";
/// What a rebuild may download in all.
pub(crate) const RECEIVED_LIMIT: usize = 200_000;
/// Of the base and of Flink no compression makes less than this, so that whoever downloads one of them is found out.
pub(crate) const LARGE: usize = 300_000;

/// A registry with a base, a mirror with a release, and users who come and go.
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) mirror: FileServer,
    /// What had been downloaded when the last push began.
    received_before: Cell<usize>,
}

/// The files of a mirror with a release in which one jar has these bytes.
pub(crate) fn mirrored(jar: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = fixtures::mini_entries("flink-1.20.5", &Packing::default());
    let table = "flink-1.20.5/lib/flink-table-planner-1.20.5.jar";
    files.push(Raw::file(table, jar));
    let archive = fixtures::compress(&fixtures::tar(&files), Compress::Gzip);
    let hex: Vec<_> = Sha512::digest(&archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let sum = format!("{}  {RELEASE}\n", hex.concat());
    BTreeMap::from([
        (format!("/flink/flink-1.20.5/{RELEASE}"), archive),
        (
            format!("/flink/flink-1.20.5/{RELEASE}.sha512"),
            sum.into_bytes(),
        ),
    ])
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_auth(Auth::Open)
    }

    pub(crate) fn with_auth(auth: Auth) -> Self {
        let registry = Registry::with_auth(auth);
        let mut root = base_entries(JAVA_17);
        let modules = "usr/lib/jvm/java-17/lib/modules";
        root.push(Raw::file(modules, &noise(LARGE)));
        let tar = fixtures::tar(&root);
        let (media_type, bytes) = layer(&tar, Compress::Gzip);
        let config = base_config("amd64", &tar);
        registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
        let mirror = FileServer::start(mirrored(&noise(LARGE)));
        Self {
            registry,
            mirror,
            received_before: Cell::new(0),
        }
    }

    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.registry.address())
    }

    /// Builds from the release and the base of the registry, and pushes.
    pub(crate) fn push(&self, context: &TestContext, name: &str, words: &[&str]) -> Run {
        self.push_on(context, &self.name("acme/base:1"), name, words)
    }

    /// The same on another base.
    pub(crate) fn push_on(
        &self,
        context: &TestContext,
        base: &str,
        name: &str,
        words: &[&str],
    ) -> Run {
        let mirror = format!("{}/flink", self.mirror.url());
        let usual = [
            "build",
            "--push",
            "--job-jar",
            "job.jar",
            "--flink-version",
            "1.20.5",
            "--base",
            base,
            "--release-mirror",
            &mirror,
            "-t",
            name,
        ];
        self.registry.clear_requests();
        self.received_before.set(self.received_ever());
        context.run([&usual, words].concat()).sorted()
    }

    /// The bytes that were downloaded since the last push began, from the registry and from the mirror.
    pub(crate) fn received(&self) -> usize {
        self.received_ever() - self.received_before.get()
    }

    fn received_ever(&self) -> usize {
        self.registry.traffic().sent + self.mirror.sent()
    }

    /// The requests since the last push began, sorted: uploads happen in no order.
    pub(crate) fn requests(&self) -> String {
        let mut lines: Vec<_> = self
            .registry
            .requests()
            .iter()
            .map(|request| {
                let query = match request.query_all("from").first() {
                    Some(from) => format!("?from={from}"),
                    None => String::new(),
                };
                let id = request.path.rfind("upload-");
                let path = id.map_or(request.path.as_str(), |id| &request.path[..id]);
                format!("{} {path}{query} {}", request.method, request.status)
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }

    pub(crate) fn sent(&self) -> usize {
        let requests = self.registry.requests();
        requests.iter().map(|request| request.body_length).sum()
    }
}

/// Another job, as the next commit has it.
pub(crate) fn next_commit(context: &TestContext, class: &str) {
    fixtures::job_jar(&context.path("job.jar"), class);
}

/// The facts of a kind in the store.
pub(crate) fn facts(context: &TestContext, kind: &str) -> Vec<PathBuf> {
    let folder = context.store().join("facts").join(kind);
    names(&folder)
        .iter()
        .map(|name| folder.join(name))
        .collect()
}

#[test]
fn a_new_jar_costs_six_requests_and_two_to_verify() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    world.push(&context, &name, &[]).ok();
    assert!(world.received() > 2 * LARGE, "{}", world.received());
    next_commit(&context, "org.example.Next");
    let run = world.push(&context, &name, &["--verbose"]).ok();
    // The manifest behind the tag of the base, which may have moved, six for the image, and the new manifest read back.
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /v2/acme/base/manifests/1 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/sha256:[1] 200
    POST /v2/acme/job/blobs/uploads/ 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/manifests/1 201
    ");
    let jar = context.read("job.jar").len();
    assert!(world.sent() < jar + 50_000, "{}", world.sent());
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());
}

#[test]
fn a_new_jar_costs_one_token() {
    let world = World::with_auth(Auth::Token {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    let mut context = TestContext::new();
    context.log_in(&world.registry.address(), "secret");
    let name = world.name("acme/job:1");
    let digest = world.registry.manifest("acme/base", "1").unwrap().1;
    let digest = flink_img::oci::Digest::of(&digest);
    let base = world.name(&format!("acme/base@{digest}"));
    world.push_on(&context, &base, &name, &[]).ok();
    next_commit(&context, "org.example.Next");
    let run = world.push_on(&context, &base, &name, &[]).ok();
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /token 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 401
    GET /v2/acme/job/manifests/sha256:[1] 200
    POST /v2/acme/job/blobs/uploads/ 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/manifests/1 201
    ");
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());

    // What a tag stands for is asked in the repository of the base, which takes a token of its own. Both are asked for at the
    // same time, so it may be known by then that the registry wants one.
    let mut runner = TestContext::new();
    runner.log_in(&world.registry.address(), "secret");
    for (user, class, count) in [
        (&context, "org.example.Third", 9),
        (&runner, "org.example.Fourth", 11),
    ] {
        next_commit(user, class);
        let run = world.push(user, &name, &[]).ok();
        let requests = world.registry.requests();
        let refused = requests.iter().filter(|request| request.status == 401);
        let (refused, tokens) = (refused.count(), world.registry.count("GET /token"));
        assert_eq!(tokens, 2, "{}", run.plain(&world.requests()));
        assert!((1..=2).contains(&refused), "{refused}");
        assert_eq!(requests.len() - refused - tokens, count);
    }
}

/// What `-v` says of where the digests of the layers came from.
fn origins(run: &Run) -> String {
    let told = |line: &&str| line.contains(" by the recipe ") || line.contains(": made");
    let lines: Vec<_> = run.stderr.lines().filter(told).collect();
    run.plain(&lines.join("\n"))
}

#[test]
fn verbose_says_where_each_digest_came_from() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    let first = world.push(&context, &name, &["-v"]).ok();
    assert_snapshot!(origins(&first), @"
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: sha256:[1] by the recipe sha256:[2], made now
    Flink 1.20.5: opt, examples: made, [SIZE]
    Flink 1.20.5: opt, examples: sha256:[3] by the recipe sha256:[4], made now
    job: made, [SIZE]
    job: sha256:[5] by the recipe sha256:[6], made now
    user flink, entrypoint: made, [SIZE]
    user flink, entrypoint: sha256:[7] by the recipe sha256:[8], made now
    ");
    next_commit(&context, "org.example.Next");
    let second = world.push(&context, &name, &["-v"]).ok();
    assert_snapshot!(origins(&second), @"
    Flink 1.20.5: lib, bin, conf, plugins: sha256:[1] by the recipe sha256:[2], from the cache
    Flink 1.20.5: opt, examples: sha256:[3] by the recipe sha256:[4], from the cache
    job: made, [SIZE]
    job: sha256:[5] by the recipe sha256:[6], made now
    user flink, entrypoint: sha256:[7] by the recipe sha256:[8], from the cache
    ");
    let runner = TestContext::new();
    next_commit(&runner, "org.example.Third");
    let third = world.push(&runner, &name, &["-v"]).ok();
    assert_snapshot!(origins(&third), @"
    Flink 1.20.5: lib, bin, conf, plugins: sha256:[1] by the recipe sha256:[2], from `127.0.0.1:[PORT]/acme/job:1`
    Flink 1.20.5: opt, examples: sha256:[3] by the recipe sha256:[4], from `127.0.0.1:[PORT]/acme/job:1`
    job: made, [SIZE]
    job: sha256:[5] by the recipe sha256:[6], made now
    user flink, entrypoint: sha256:[7] by the recipe sha256:[8], from `127.0.0.1:[PORT]/acme/job:1`
    ");
    // They are those of the image.
    let (_, manifest) = world.registry.manifest("acme/job", "1").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for layer in &manifest["layers"].as_array().unwrap()[1..4] {
        let digest = layer["digest"].as_str().unwrap();
        for run in [&second, &third] {
            assert!(run.stderr.contains(&format!(": {digest} by")), "{digest}");
        }
    }
    // Nobody who did not ask is told.
    next_commit(&runner, "org.example.Fourth");
    let quiet = world.push(&runner, &name, &[]).ok();
    assert!(!quiet.stderr.contains("recipe"), "{quiet}");
}

#[test]
fn no_change_costs_one_request() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    let digest = world.registry.manifest("acme/base", "1").unwrap().1;
    let digest = flink_img::oci::Digest::of(&digest);
    let base = world.name(&format!("acme/base@{digest}"));
    let first = world.push_on(&context, &base, &name, &[]).ok();
    let again = world.push_on(&context, &base, &name, &[]);
    assert_snapshot!(again, @"
    exit code: 0
    ----- stdout -----
    127.0.0.1:[PORT]/acme/job@sha256:[1]
    ----- stderr -----
    Flink 1.20.5: lib, bin, conf, plugins: known from an earlier build
    Flink 1.20.5: opt, examples: known from an earlier build
    `127.0.0.1:[PORT]/acme/job:1` is this image already
    job: known from an earlier build
    user flink, entrypoint: known from an earlier build
    ");
    assert_snapshot!(again.plain(&world.requests()), @"GET /v2/acme/job/manifests/1 200");
    assert_eq!(again.digest(), first.digest());
    // The checksum, the archive, and whether it is signed.
    assert_eq!(world.mirror.asked().len(), 3);
}

#[test]
fn a_clean_runner_moves_the_jar_and_little_else() {
    let world = World::new();
    let name = world.name("acme/job:1");
    world.push(&TestContext::new(), &name, &[]).ok();
    assert!(world.received() > 2 * LARGE, "{}", world.received());
    let asked = world.mirror.asked().len();

    let runner = TestContext::new();
    next_commit(&runner, "org.example.Next");
    let run = world.push(&runner, &name, &["-v"]).ok();
    assert_snapshot!(run.plain(&world.requests()), @"
    GET /v2/acme/base/blobs/sha256:[1] 200
    GET /v2/acme/base/manifests/1 200
    GET /v2/acme/job/blobs/sha256:[2] 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/1 200
    GET /v2/acme/job/manifests/sha256:[3] 200
    POST /v2/acme/job/blobs/uploads/ 202
    POST /v2/acme/job/blobs/uploads/?from=acme/job 202
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/blobs/uploads/ 201
    PUT /v2/acme/job/manifests/1 201
    ");
    assert_eq!(
        world.mirror.asked()[asked..],
        [format!("/flink/flink-1.20.5/{RELEASE}.sha512")]
    );
    assert!(
        world.sent() < runner.read("job.jar").len() + 50_000,
        "{}",
        world.sent()
    );
    assert!(world.received() <= RECEIVED_LIMIT, "{}", world.received());
    assert_eq!(names(&runner.store().join("blobs/sha256")), [""; 0]);
    for text in [
        "Flink 1.20.5: lib, bin, conf, plugins: known from the last image",
        "user flink, entrypoint: known from the last image",
        "job: made",
    ] {
        assert!(run.stderr.contains(text), "{text} in {run}");
    }

    // It is the image that somebody gets who knows nothing and believes nothing.
    let doubter = TestContext::new();
    next_commit(&doubter, "org.example.Next");
    let other = world.name("other/job:1");
    let all = world.push(&doubter, &other, &["--no-cache"]).ok();
    assert_eq!(all.digest(), run.digest());
    assert!(world.received() > RECEIVED_LIMIT, "{}", world.received());
}

#[test]
fn a_new_tag_for_each_commit_takes_its_layers_from_another_image() {
    let world = World::new();
    let main = world.name("acme/job:main");
    world.push(&TestContext::new(), &main, &[]).ok();

    let runner = TestContext::new();
    next_commit(&runner, "org.example.Next");
    let commit = world.name("acme/job:8d7f2a1");
    let run = world.push(&runner, &commit, &["--cache-from", &main]).ok();
    assert!(
        run.stderr
            .contains("lib, bin, conf, plugins: known from the last image"),
        "{run}"
    );
    assert_eq!(
        world.registry.count("GET /v2/acme/base/blobs/"),
        1,
        "its config"
    );
    assert_eq!(world.registry.count("PUT /v2/acme/job/blobs/"), 2);

    // An image of another repository of the registry: its layers are mounted.
    let runner = TestContext::new();
    let copy = world.name("copies/job:1");
    let run = world.push(&runner, &copy, &["--cache-from", &main]).ok();
    assert!(
        run.stderr.contains("lib, bin, conf, plugins: mounted"),
        "{run}"
    );
    assert_eq!(
        world.registry.count("PUT /v2/copies/job/blobs/"),
        1,
        "the config"
    );

    // Two names, one of which is there.
    let runner = TestContext::new();
    next_commit(&runner, "org.example.Third");
    let names = format!("{},{main}", world.name("acme/job:0c4e11b"));
    let run = world.push(&runner, &names, &[]).ok();
    assert!(
        run.stderr
            .contains("lib, bin, conf, plugins: known from the last image"),
        "{run}"
    );
    assert_eq!(
        world.registry.manifest("acme/job", "main"),
        world.registry.manifest("acme/job", "0c4e11b")
    );
}

#[test]
fn layers_that_another_registry_has_go_from_one_to_the_other() {
    let (world, there) = (World::new(), Registry::start());
    let main = world.name("acme/job:1");
    let first = world.push(&TestContext::new(), &main, &[]).ok();
    let runner = TestContext::new();
    let name = format!("{}/acme/job:1", there.address());
    let run = world.push(&runner, &name, &["--cache-from", &main]).ok();
    assert_eq!(run.digest(), first.digest());
    // Base and Flink did not touch the disk.
    assert_eq!(names(&runner.store().join("blobs/sha256")), [""; 0]);
    assert_eq!(
        there.manifest("acme/job", "1"),
        world.registry.manifest("acme/job", "1")
    );
}

#[test]
fn what_is_known_can_be_left_aside() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    let first = world.push(&context, &name, &[]).ok();
    let none = world.push(&context, &name, &["--no-cache"]).ok();
    assert_eq!(none.digest(), first.digest());
    assert!(
        none.stderr.contains("lib, bin, conf, plugins: made"),
        "{none}"
    );
    assert!(!asks_first(&world.registry));

    let runner = TestContext::new();
    let alone = world.push(&runner, &name, &["--no-remote-cache"]).ok();
    assert_eq!(alone.digest(), first.digest());
    assert!(
        alone.stderr.contains("lib, bin, conf, plugins: made"),
        "{alone}"
    );
    assert!(!asks_first(&world.registry));
}

/// Whether something of the image was read before its manifest was written.
fn asks_first(registry: &Registry) -> bool {
    let lines = registry.lines();
    let written = lines
        .iter()
        .position(|line| line.starts_with("PUT /v2/acme/job/manifests/"));
    lines[..written.unwrap()]
        .iter()
        .any(|line| line.starts_with("GET /v2/acme/job/"))
}

#[test]
fn a_memory_that_is_wrong_is_corrected() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    let first = world.push(&context, &name, &[]).ok();
    // Each layer is taken for one that there is nowhere.
    let facts = facts(&context, "layer");
    let read = || -> Vec<_> {
        facts
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    };
    let truth = read();
    for (path, text) in facts.iter().zip(&truth) {
        forge_fact(path, |fact| {
            let mut fact: serde_json::Value = serde_json::from_str(fact).unwrap();
            fact["descriptor"]["digest"] = flink_img::oci::Digest::of(text).to_string().into();
            fact.to_string()
        });
    }
    let blobs = context.store().join("blobs/sha256");
    std::fs::remove_dir_all(&blobs).unwrap();
    std::fs::create_dir(&blobs).unwrap();
    let other = world.name("elsewhere/job:1");
    let run = world.push(&context, &other, &[]).ok();
    assert!(
        run.stderr
            .contains("the memory was wrong, and is corrected"),
        "{run}"
    );
    assert_eq!(run.digest(), first.digest());
    assert!(read() == truth);

    // What lies under another key is not even believed.
    for (place, path) in facts.iter().enumerate() {
        std::fs::write(path, &truth[(place + 1) % truth.len()]).unwrap();
    }
    let third = world.name("third/job:1");
    let run = world.push(&context, &third, &[]).ok();
    assert_eq!(run.digest(), first.digest());
    assert!(read() == truth);
}

#[test]
fn a_registry_that_lost_its_blobs_gets_them_again() {
    let (world, context) = (World::new(), TestContext::new());
    let name = world.name("acme/job:1");
    let first = world.push(&context, &name, &[]).ok();
    // The repository is believed to have what it had a moment ago, until it refuses the manifest.
    world.registry.forget("acme/job");
    let again = world.push(&context, &name, &["-v"]).ok();
    assert_eq!(again.digest(), first.digest());
    assert!(again.stderr.contains("believed to have"), "{again}");
    assert_eq!(world.registry.count("PUT /v2/acme/job/manifests/1"), 2);
    assert!(world.registry.manifest("acme/job", "1").is_some());
}

#[test]
fn a_damaged_blob_is_noticed_when_it_is_wanted() {
    let (world, context) = (World::new(), TestContext::new());
    let first = world.push(&context, &world.name("acme/job:1"), &[]).ok();
    let folder = context.store().join("blobs/sha256");
    for blob in names(&folder) {
        let path = folder.join(&blob);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    // Nobody wants its bytes.
    let name = world.name("acme/job:2");
    let run = world.push(&context, &name, &[]).ok();
    assert!(!run.stderr.contains("damaged"), "{run}");
    // A registry that has nothing does, and so does a folder.
    let there = Registry::start();
    let elsewhere = format!("{}/acme/job:1", there.address());
    let run = world.push(&context, &elsewhere, &["-o", "oci:out"]).ok();
    assert_eq!(run.digest(), first.digest());
    assert_eq!(
        there.manifest("acme/job", "1"),
        world.registry.manifest("acme/job", "1")
    );
}

#[test]
fn an_earlier_image_that_cannot_be_used_is_in_nobodys_way() {
    let (world, context) = (World::new(), TestContext::new());
    let missing = world.name("acme/missing:1");
    let name = world.name("acme/job:1");
    let first = world
        .push(&context, &name, &["--cache-from", &missing])
        .ok();
    assert!(
        first.stderr.contains("so no layer is taken from it"),
        "{first}"
    );
    // Its config is gone, so nobody knows the diff ids of its layers.
    let runner = TestContext::new();
    world.registry.fail(
        "GET /v2/acme/job/blobs/",
        9,
        Fault::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    );
    let again = world.push(&runner, &name, &[]).ok();
    assert_eq!(again.digest(), first.digest());
    assert!(
        again.stderr.contains("lib, bin, conf, plugins: made"),
        "{again}"
    );
}
