//! Uploads of finished layers start while others are made.
//!
//! No clock can tell that for sure. Here the one who is told of the progress of a build does not let it begin with a layer
//! before the layer that was finished last has arrived at the registry. A build that makes all of them first and only then
//! sends one waits in vain, and is found out.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use flink_img::base::{Catalogue, JavaOverride};
use flink_img::build::{self, BuildRequest, CacheUse, Context, FlinkSource, Targets};
use flink_img::http::HttpSettings;
use flink_img::layer::CompressionChoice;
use flink_img::oci::Platform;
use flink_img::preflight::Policy;
use flink_img::progress::{Progress, Reporter, Silent};
use flink_img::registry::{Client, CredentialStore};
use flink_img::store::Store;

use crate::support::context::TestContext;
use crate::support::registry::Registry;

/// How long a layer is waited for. It is only ever spent on a build that is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets a layer be begun when the one before it has arrived.
#[derive(Debug)]
struct Gate {
    /// Titles and digests, in the order in which they should be made.
    layers: Vec<(String, String)>,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    begun: Vec<String>,
    arrived: BTreeSet<String>,
    in_vain: Vec<String>,
}

impl Gate {
    fn new(layers: Vec<(String, String)>) -> Self {
        Self {
            layers,
            seen: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn arrived(&self, digest: &str) {
        self.seen.lock().unwrap().arrived.insert(digest.to_owned());
        self.changed.notify_all();
    }
}

impl Reporter for Gate {
    fn note(&self, _message: &str) {}
    fn detail(&self, _message: &str) {}
    fn warn(&self, _message: &str) {}

    fn start(&self, label: &str, _total: Option<u64>) -> Box<dyn Progress> {
        let mut seen = self.seen.lock().unwrap();
        let place = self.layers.iter().position(|(title, _)| title == label);
        // The first work on a layer is to make it, the second is to send it.
        if let Some(place) = place
            && !seen.begun.iter().any(|begun| begun == label)
        {
            seen.begun.push(label.to_owned());
            if let Some((title, digest)) = place.checked_sub(1).map(|last| &self.layers[last]) {
                let missing = |seen: &mut Seen| !seen.arrived.contains(digest);
                let waited = self.changed.wait_timeout_while(seen, PATIENCE, missing);
                let (mut seen, time) = waited.unwrap();
                if time.timed_out() {
                    seen.in_vain.push(title.clone());
                }
            }
        }
        Box::new(Silent)
    }
}

#[test]
fn a_layer_is_sent_while_the_next_one_is_made() {
    let (context, registry) = (TestContext::new(), Registry::start());
    // What the layers will be, from somebody who is in no hurry.
    let words = ["--job-jar", "job.jar", "--json", "--cache-dir", "../other"];
    let json = context.build(&words).json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut layers: Vec<_> = json["layers"].as_array().unwrap()[1..]
        .iter()
        .map(|layer| (text(&layer["title"]), text(&layer["digest"])))
        .collect();
    // The job takes no time to make, so it is the first to go.
    layers.rotate_right(1);
    let titles: Vec<_> = layers.iter().map(|(title, _)| title.clone()).collect();
    assert_eq!((titles.len(), titles[0].as_str()), (4, "job"));

    let gate = Arc::new(Gate::new(layers));
    let door = Arc::clone(&gate);
    registry.on_request(move |request| {
        for digest in request.query_all("digest") {
            door.arrived(digest);
        }
        None
    });
    let reporter: Arc<dyn Reporter> = Arc::clone(&gate) as _;
    let http = HttpSettings::default();
    let client = Client::new(
        http.clone(),
        CredentialStore::default(),
        Arc::clone(&reporter),
    );
    let world = Context {
        store: Store::open(&context.store()).unwrap(),
        registries: Some(client.unwrap()),
        http,
        threads: NonZeroUsize::MIN,
        reporter,
        runtime: tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap(),
    };
    let request = BuildRequest {
        base: Some(format!("rootfs:{}", context.path("base.tar").display())),
        catalogue: Catalogue::embedded(),
        platforms: Platform::linux_amd64().into(),
        java: JavaOverride::default(),
        flink: FlinkSource::Archive {
            path: context.path("flink.tgz"),
            version: None,
        },
        hadoop: None,
        job_jar: Some(context.path("job.jar")),
        job_artifacts: Vec::new(),
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
        names: vec![
            format!("{}/acme/job:1", registry.address())
                .parse()
                .unwrap(),
        ],
        push: true,
        outputs: Vec::new(),
        cache: CacheUse::default(),
    };
    let built = build::build(&request, &targets, &world).unwrap();
    let seen = gate.seen.lock().unwrap();
    assert_eq!(
        seen.in_vain, [""; 0],
        "were not sent while the next was made"
    );
    assert_eq!(seen.begun, titles);
    assert_eq!(json["digest"], built.images.digest().to_string());
}
