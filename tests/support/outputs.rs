//! A build with every kind of output, and whether what it left of them is whole.

use std::path::Path;
use std::process::Command;

use super::registry::Registry;
use super::workshop::{Files, TAG};

/// The repository that [`with_all_outputs`] pushes to.
pub const REPOSITORY: &str = "acme/job";
/// How many outputs there are besides the registry.
pub const OUTPUTS: usize = 4;

/// Adds to a build a push and every kind of output, below the folder `out`.
pub fn with_all_outputs(mut build: Command, out: &Path, registry: &Registry) -> Command {
    for (kind, name) in [
        ("oci", "layout"),
        ("oci-archive", "oci.tar"),
        ("docker-archive", "docker.tar"),
    ] {
        let path = out.join(name);
        build.args(["-o", &format!("{kind}:{}", path.display())]);
    }
    build.arg("--metadata-file").arg(out.join("metadata.json"));
    let name = format!("{}/{REPOSITORY}:{TAG}", registry.address());
    build.args(["--push", "-t", &name]);
    build
}

/// What has a name below `out`; each of it must be whole, and the image `digest`.
pub fn whole_outputs(out: &Path, digest: &str) -> Vec<String> {
    let mut names = super::context::names(out);
    // What was under way when a kill came; it looks like what it is, and like nothing else.
    names.retain(|name| !name.starts_with(".flink-img-"));
    for name in &names {
        let path = out.join(name);
        let found = match name.as_str() {
            "layout" => Files::in_folder(&path).digest(),
            "oci.tar" | "docker.tar" => Files::in_archive(&path).digest(),
            "metadata.json" => {
                let bytes = std::fs::read(&path).unwrap();
                let metadata: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                metadata["digest"].as_str().unwrap().to_owned()
            }
            other => panic!("a build left `{other}`"),
        };
        assert_eq!(found, digest, "{name}");
    }
    names
}
