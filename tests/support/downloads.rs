//! A build whose inputs come over the network: a release from a mirror, on a base from a registry.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha512};

use super::context::{base_config, layer};
use super::files::FileServer;
use super::fixtures::{Compress, Raw, tar};
use super::registry::Registry;
use super::workshop::{Workshop, noise, small_root};

/// The archive of the release.
pub const RELEASE: &str = "flink-1.20.5-bin-scala_2.12.tgz";

/// The servers.
pub struct Downloads {
    pub mirror: FileServer,
    pub registry: Registry,
}

impl Downloads {
    /// Serves the Flink of a workshop, and a base that is at least so large.
    pub fn new(workshop: &Workshop, size: usize) -> Self {
        let archive = std::fs::read(workshop.path("flink.tgz")).unwrap();
        let hex: Vec<_> = Sha512::digest(&archive)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let place = format!("/flink/flink-1.20.5/{RELEASE}");
        let sum = format!("{}  {RELEASE}\n", hex.concat());
        let mirror = FileServer::start(BTreeMap::from([
            (format!("{place}.sha512"), sum.into_bytes()),
            (place, archive),
        ]));
        let registry = Registry::start();
        let mut entries = small_root();
        entries.push(Raw::file("opt/noise", &noise(size)));
        let base = tar(&entries);
        let (media_type, bytes) = layer(&base, Compress::Gzip);
        let config = base_config("amd64", &base);
        registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
        Self { mirror, registry }
    }

    /// A build of the release on the base, with this cache.
    pub fn build(&self, workshop: &Workshop, cache: &Path) -> Command {
        let mut build = workshop.program();
        build.env("FLINK_IMG_CACHE_DIR", cache);
        build.args(["build", "--job-jar", "job.jar", "--flink-version", "1.20.5"]);
        build.args(["--release-mirror", &format!("{}/flink", self.mirror.url())]);
        let base = format!("{}/acme/base:1", self.registry.address());
        build.args(["--base", &base]);
        build
    }
}
