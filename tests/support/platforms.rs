//! Bases for several platforms: tiny root file systems, each with a Java of its own, and the index of them.

use std::path::Path;

use flink_img::oci::{
    BlobSource, Config, Descriptor, DiffId, Digest, Image, ImageSet, Layer, MediaType, Platform,
    Reference,
};
use flink_img::store::Output;

use super::context::{JAVA_17, base_config, base_entries, layer};
use super::fixtures::{self, Compress, Raw};
use super::registry::Registry;
use super::workshop::noise;

/// An index of a base for each of these platforms (`linux/arm64/v8`, as its config says it). Each has so many bytes that no
/// compression makes smaller, and its Java where Debian puts that of its architecture.
pub fn bases(platforms: &[&str], bulk: usize) -> ImageSet {
    ImageSet::new(platforms.iter().map(|text| base(text, bulk)).collect())
}

fn base(platform: &str, bulk: usize) -> (Platform, Image) {
    let mut words = platform.split('/').map(ToOwned::to_owned);
    let platform = Platform {
        os: words.next().unwrap(),
        architecture: words.next().unwrap(),
        variant: words.next(),
    };
    let architecture = &platform.architecture;
    let mut entries = base_entries(JAVA_17);
    let modules = "usr/lib/jvm/java-17/lib/modules";
    entries.push(Raw::file(modules, &noise(bulk)));
    let own = |text: &[u8]| {
        let text = String::from_utf8(text.to_vec()).unwrap();
        text.replace("java-17", &format!("java-17-{architecture}"))
            .into_bytes()
    };
    for entry in &mut entries {
        entry.name = own(&entry.name);
        entry.link = own(&entry.link);
    }
    let tar = fixtures::tar(&entries);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let layers = vec![Layer {
        descriptor: Descriptor::of(media_type, &bytes),
        diff_id: DiffId(Digest::of(&tar)),
        source: BlobSource::Bytes(bytes.into()),
    }];
    let mut config: serde_json::Value =
        serde_json::from_slice(&base_config(architecture, &tar)).unwrap();
    if let Some(variant) = &platform.variant {
        config["variant"] = variant.as_str().into();
    }
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    (platform, Image::new(&config, layers, &[]))
}

/// Puts an image or an index into a registry, with everything that it needs.
pub fn put(registry: &Registry, repository: &str, tag: &str, images: &ImageSet) {
    for layer in images.layers() {
        let BlobSource::Bytes(bytes) = &layer.source else {
            panic!("a fixture is in memory")
        };
        registry.put_blob(repository, bytes);
    }
    // The last one gets the tag: the index, or the one manifest.
    for (descriptor, bytes) in images.documents() {
        match descriptor.media_type {
            MediaType::Config => registry.put_blob(repository, bytes),
            media_type => registry.put_manifest(repository, tag, media_type.as_str(), bytes),
        };
    }
}

/// Writes an image or an index to `oci:PATH` or `oci-archive:PATH`, below `folder`.
pub fn write(images: &ImageSet, folder: &Path, output: &str, name: &str) {
    let (kind, path) = output.split_once(':').unwrap();
    let output: Output = format!("{kind}:{}", folder.join(path).display())
        .parse()
        .unwrap();
    let name: Reference = name.parse().unwrap();
    output.write(images, &[name]).unwrap().commit().unwrap();
}
