//! What programs read of an image; the keys are in the README.

use serde_json::{Value, json};

use crate::base::ImageFile;
use crate::build::entrypoint_commands;
use crate::flink::lines::JobOption;
use crate::inspect::{EntryKind, Found, LayerSummary, Origin, Sizes, Summary, TreeEntry};

/// The object about an image.
pub(super) fn image(found: &Found, summary: &Summary) -> Value {
    let (said, config, sizes) = (&summary.said, &summary.config, summary.sizes());
    let layers = summary.layers.iter().map(|layer| self::layer(layer, sizes));
    let labels: serde_json::Map<_, _> = config
        .labels()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let options = summary.options.as_ref();
    let flink = said.flink.as_ref().map(|version| {
        json!({
            "version": version,
            "scala": said.scala,
            "line": options.map(|options| &options.line),
            "isAssumed": options.map(|options| options.is_assumed),
            "jobOptions": options.map(|options| options.options.iter().map(|option| self::option(option)).collect::<Vec<_>>()),
        })
    });
    let job = (said.job_jar.is_some() || said.job_class.is_some())
        .then(|| json!({"jar": said.job_jar, "entryClass": said.job_class}));
    json!({
        "name": found.name,
        "source": source(&found.origin),
        "names": found.listing.names,
        "digest": summary.digest,
        "configDigest": summary.config_digest,
        "index": index(found),
        "platform": summary.platform.to_string(),
        "created": config.created(),
        "recipe": said.recipe,
        "base": {"name": said.base_name, "digest": said.base_digest, "os": said.base_os},
        "flink": flink,
        "java": {"version": said.java, "home": said.java_home},
        "job": job,
        "user": config.user(),
        "workingDirectory": config.working_directory(),
        "entrypoint": config.entrypoint(),
        "command": config.command(),
        "commands": said.has_entrypoint.then(entrypoint_commands),
        "environment": config.environment(),
        "ports": config.ports(),
        "labels": labels,
        "annotations": summary.manifest.annotations,
        "size": {"total": sizes.total, "base": sizes.base, "own": sizes.own},
        "layers": layers.collect::<Vec<_>>(),
    })
}

/// The object about the files of a layer.
pub(super) fn tree(
    found: &Found,
    (layer, sizes): (&LayerSummary, Sizes),
    entries: &[TreeEntry],
) -> Value {
    let entries = entries.iter().map(|entry| {
        json!({
            "path": entry.path,
            "kind": kind(entry.kind),
            "mode": format!("{:04o}", entry.mode),
            "user": entry.owner.user,
            "group": entry.owner.group,
            "size": entry.size,
            "target": entry.target,
        })
    });
    json!({
        "name": found.name,
        "source": source(&found.origin),
        "layer": self::layer(layer, sizes),
        "entries": entries.collect::<Vec<_>>(),
    })
}

fn source(origin: &Origin) -> Value {
    match origin {
        Origin::Store(name) => json!({"kind": "store", "name": name}),
        Origin::Registry(name) => json!({"kind": "registry", "name": name}),
        Origin::File(file) => {
            let kind = match file {
                ImageFile::Layout(..) => "oci",
                ImageFile::OciArchive(..) => "oci-archive",
                ImageFile::DockerArchive(..) => "docker-archive",
                ImageFile::Archive(_) => "archive",
            };
            json!({"kind": kind, "path": file.path().display().to_string()})
        }
    }
}

fn index(found: &Found) -> Option<Value> {
    let index = found.listing.index.as_ref()?;
    let images = index.manifests.iter().map(|manifest| {
        let platform = manifest.platform.as_ref().map(ToString::to_string);
        json!({"platform": platform, "digest": manifest.digest})
    });
    Some(json!({
        "digest": found.listing.index_digest,
        "images": images.collect::<Vec<_>>(),
    }))
}

fn layer(layer: &LayerSummary, sizes: Sizes) -> Value {
    let share = (sizes.share(layer.descriptor.size) * 100.0).round() / 100.0;
    json!({
        "number": layer.number,
        "title": layer.title,
        "digest": layer.descriptor.digest,
        "diffId": layer.diff_id,
        "mediaType": layer.descriptor.media_type,
        "size": layer.descriptor.size,
        "share": share,
        "from": layer.is_own.map(|is_own| if is_own { "own" } else { "base" }),
        "annotations": layer.descriptor.annotations,
    })
}

fn option(option: &JobOption) -> Value {
    json!({
        "names": option.names.split(", ").collect::<Vec<_>>(),
        "value": option.value,
        "isRequired": option.is_required,
    })
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Directory => "directory",
        EntryKind::File => "file",
        EntryKind::Symlink => "symlink",
        EntryKind::HardLink => "hardLink",
        EntryKind::CharacterDevice => "characterDevice",
        EntryKind::BlockDevice => "blockDevice",
        EntryKind::Pipe => "pipe",
        EntryKind::Removal => "removal",
        EntryKind::Opaque => "opaque",
        EntryKind::Other => "other",
    }
}
