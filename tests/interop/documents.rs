//! The documents of an image against the image specification: read by oci-spec's types, and checked by the rules of the
//! specification's JSON schemas, which are written down here in short. And what no schema says: that the documents agree
//! with each other and with the layers.

use std::collections::BTreeSet;
use std::io::Read as _;

use flink_img::oci::Digest;
use serde_json::Value;

use crate::json;
use crate::support::workshop::{Files, TAG, Workshop, built};

/// What a field must be.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// This number.
    Number(u64),
    /// This text.
    Text(&'static str),
    /// Any text that is not empty.
    AnyText,
    /// A size.
    Size,
    /// `sha256:` and 64 digits.
    Digest,
    /// `type/subtype`, as in RFC 6838.
    MediaType,
    /// A time of RFC 3339.
    Time,
    /// Texts by name.
    Texts,
    /// Empty objects by name.
    Set,
    /// `true` or `false`.
    Bool,
    /// A list of texts.
    List,
    /// `NAME=VALUE` each.
    Variables,
    /// An object with these fields and no others.
    Object(&'static [Field]),
    /// A list of such objects.
    Objects(&'static [Field]),
    /// A list of digests.
    Digests,
}

/// Name, whether it must be there, rule.
type Field = (&'static str, bool, Rule);

const DESCRIPTOR: &[Field] = &[
    ("mediaType", true, Rule::MediaType),
    ("digest", true, Rule::Digest),
    ("size", true, Rule::Size),
    ("urls", false, Rule::List),
    ("annotations", false, Rule::Texts),
    ("artifactType", false, Rule::MediaType),
];

const LAYOUT: Rule = Rule::Object(&[("imageLayoutVersion", true, Rule::Text("1.0.0"))]);

const INDEX: Rule = Rule::Object(&[
    ("schemaVersion", true, Rule::Number(2)),
    (
        "mediaType",
        true,
        Rule::Text("application/vnd.oci.image.index.v1+json"),
    ),
    ("manifests", true, Rule::Objects(DESCRIPTOR)),
    ("annotations", false, Rule::Texts),
]);

const MANIFEST: Rule = Rule::Object(&[
    ("schemaVersion", true, Rule::Number(2)),
    (
        "mediaType",
        true,
        Rule::Text("application/vnd.oci.image.manifest.v1+json"),
    ),
    ("config", true, Rule::Object(DESCRIPTOR)),
    ("layers", true, Rule::Objects(DESCRIPTOR)),
    ("annotations", false, Rule::Texts),
]);

const CONFIG: Rule = Rule::Object(&[
    ("created", true, Rule::Time),
    ("author", false, Rule::AnyText),
    ("architecture", true, Rule::Text("amd64")),
    ("os", true, Rule::Text("linux")),
    (
        "config",
        true,
        Rule::Object(&[
            ("User", true, Rule::AnyText),
            ("ExposedPorts", true, Rule::Set),
            ("Env", true, Rule::Variables),
            ("Entrypoint", true, Rule::List),
            ("Cmd", true, Rule::List),
            ("Volumes", false, Rule::Set),
            ("WorkingDir", true, Rule::AnyText),
            ("Labels", true, Rule::Texts),
            ("StopSignal", false, Rule::AnyText),
        ]),
    ),
    (
        "rootfs",
        true,
        Rule::Object(&[
            ("type", true, Rule::Text("layers")),
            ("diff_ids", true, Rule::Digests),
        ]),
    ),
    (
        "history",
        true,
        Rule::Objects(&[
            ("created", true, Rule::Time),
            ("created_by", true, Rule::AnyText),
            ("author", false, Rule::AnyText),
            ("comment", false, Rule::AnyText),
            ("empty_layer", false, Rule::Bool),
        ]),
    ),
]);

impl Rule {
    /// What is wrong with `value`, with its place in the document.
    fn faults(self, place: &str, value: &Value, faults: &mut Vec<String>) {
        let text = value.as_str();
        let each = |rule: Self, faults: &mut Vec<String>| match value.as_array() {
            Some(values) => {
                for (number, value) in values.iter().enumerate() {
                    rule.faults(&format!("{place}/{number}"), value, faults);
                }
                true
            }
            None => false,
        };
        let right = match self {
            Self::Number(number) => value.as_u64() == Some(number),
            Self::Text(expected) => text == Some(expected),
            Self::AnyText => text.is_some_and(|text| !text.is_empty()),
            Self::Size => value.as_i64().is_some_and(|size| size >= 0),
            Self::Digest => text.is_some_and(is_digest),
            Self::MediaType => text.is_some_and(is_media_type),
            Self::Time => text.is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
            Self::Bool => value.is_boolean(),
            Self::Texts => object(value, |(name, value)| !name.is_empty() && value.is_string()),
            Self::Set => object(value, |(_, value)| object(value, |_| false)),
            Self::List => each(Self::AnyText, faults),
            Self::Digests => each(Self::Digest, faults),
            Self::Objects(fields) => each(Self::Object(fields), faults),
            Self::Variables => value.as_array().is_some_and(|values| {
                let mut names = BTreeSet::new();
                values.iter().all(|value| {
                    let name = value.as_str().and_then(|text| text.split_once('='));
                    name.is_some_and(|(name, _)| !name.is_empty() && names.insert(name))
                })
            }),
            Self::Object(fields) => {
                for (name, needed, rule) in fields {
                    match value.get(name) {
                        Some(value) => rule.faults(&format!("{place}/{name}"), value, faults),
                        None if *needed => faults.push(format!("{place}/{name} is missing")),
                        None => {}
                    }
                }
                object(value, |(name, _)| {
                    fields.iter().any(|(known, ..)| known == name)
                })
            }
        };
        if !right {
            faults.push(format!("{place} is not {self:?}: {value}"));
        }
    }
}

fn object(value: &Value, mut right: impl FnMut((&String, &Value)) -> bool) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.iter().all(&mut right))
}

fn is_digest(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(digit))
}

fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        (1..=127).contains(&part.len())
            && part.as_bytes()[0].is_ascii_alphanumeric()
            && part.bytes().all(inside)
    };
    text.split_once('/')
        .is_some_and(|(kind, name)| part(kind) && part(name))
}

fn faults(rule: Rule, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    rule.faults("", value, &mut faults);
    faults
}

fn build() -> (Workshop, Files) {
    let workshop = Workshop::new();
    built(
        workshop
            .build()
            .args(["-o", "oci:layout", "-t", &format!("job:{TAG}")]),
    );
    let files = Files::in_folder(&workshop.path("layout"));
    (workshop, files)
}

#[test]
fn the_rules_find_faults() {
    let good = serde_json::json!({
        "mediaType": "a/b", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1
    });
    assert_eq!(faults(Rule::Object(DESCRIPTOR), &good), [""; 0]);
    for (field, bad) in [
        ("mediaType", Value::from("a")),
        ("digest", Value::from("sha256:0")),
        ("size", Value::from(-1)),
        ("annotations", serde_json::json!({"a": 1})),
        ("urls", Value::from("x")),
        ("unknown", Value::from(1)),
    ] {
        let mut value = good.clone();
        value[field] = bad;
        assert_eq!(faults(Rule::Object(DESCRIPTOR), &value).len(), 1, "{field}");
    }
    assert_eq!(
        faults(Rule::Object(DESCRIPTOR), &serde_json::json!({})).len(),
        3
    );
}

#[test]
fn every_document_follows_the_specification() {
    let (_workshop, files) = build();
    let (manifest, config) = files.image();
    for (rule, document) in [
        (LAYOUT, files.json("oci-layout")),
        (INDEX, files.json("index.json")),
        (MANIFEST, manifest.clone()),
        (CONFIG, config.clone()),
    ] {
        assert_eq!(faults(rule, &document), [""; 0], "{document}");
    }
    let config_type = "application/vnd.oci.image.config.v1+json";
    assert_eq!(manifest["config"]["mediaType"], config_type);
    // The spelling of JSON is fixed, too: sorted, without blanks, and nothing behind it.
    let index = files.json("index.json");
    for bytes in [
        files.bytes("index.json"),
        files.blob(&index["manifests"][0]),
        files.blob(&manifest["config"]),
    ] {
        assert_eq!(json(bytes).to_string().as_bytes(), bytes);
    }
}

#[test]
fn the_types_of_oci_spec_read_every_document() {
    use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout};

    let (_workshop, files) = build();
    let layout = OciLayout::from_reader(files.bytes("oci-layout")).unwrap();
    assert_eq!(layout.image_layout_version(), "1.0.0");
    let index = ImageIndex::from_reader(files.bytes("index.json")).unwrap();
    assert_eq!(index.schema_version(), 2);
    let [entry] = &index.manifests()[..] else {
        panic!("{index:?}");
    };
    assert_eq!(*entry.media_type(), MediaType::ImageManifest);
    let blob = |digest: &oci_spec::image::Digest| {
        files.bytes(&format!("blobs/sha256/{}", digest.digest()))
    };
    let manifest = ImageManifest::from_reader(blob(entry.digest())).unwrap();
    assert_eq!(*manifest.media_type(), Some(MediaType::ImageManifest));
    let config = ImageConfiguration::from_reader(blob(manifest.config().digest())).unwrap();
    assert_eq!(config.rootfs().diff_ids().len(), manifest.layers().len());
    for layer in manifest.layers() {
        assert_eq!(*layer.media_type(), MediaType::ImageLayerGzip);
        assert_eq!(layer.size(), blob(layer.digest()).len() as u64);
    }
    let own = config.config().as_ref().unwrap();
    assert_eq!(own.user().as_deref(), Some("9999:9999"));
    assert_eq!(own.working_dir().as_deref(), Some("/opt/flink"));
    let history = config.history().as_ref().unwrap();
    let with_layer = history
        .iter()
        .filter(|entry| entry.empty_layer() != Some(true));
    assert_eq!(with_layer.count(), manifest.layers().len());
}

#[test]
fn layers_are_what_the_config_says_and_hold_each_path_once() {
    let (_workshop, files) = build();
    let (manifest, config) = files.image();
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(diff_ids.len(), layers.len());
    for (place, (layer, diff_id)) in layers.iter().zip(diff_ids).enumerate() {
        let blob = files.blob(layer);
        // Deflate, no flags, no time, unknown system; the byte before the last is a remark on the level.
        assert_eq!(blob[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "{layer}");
        assert_eq!(blob[9], 255, "{layer}");
        let mut tar = Vec::new();
        let mut rest = blob;
        flate2::bufread::GzDecoder::new(&mut rest)
            .read_to_end(&mut tar)
            .unwrap();
        assert!(
            rest.is_empty(),
            "more than one member, or something behind it"
        );
        assert_eq!(*diff_id, Digest::of(&tar).to_string());
        // The base's tar is as it came.
        if place > 0 {
            assert_is_tidy(&tar);
        }
    }
}

fn assert_is_tidy(tar: &[u8]) {
    assert_eq!(tar.len() % 512, 0);
    assert!(tar.ends_with(&[0; 1024]));
    let mut paths = Vec::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let path = entry.path_bytes().into_owned();
        let shown = String::from_utf8_lossy(&path).into_owned();
        assert!(header.as_gnu().is_some(), "{shown}");
        assert_eq!(header.mtime().unwrap(), 315_532_801, "{shown}");
        for name in [header.username_bytes(), header.groupname_bytes()] {
            assert_eq!(name, Some(&b""[..]), "{shown}");
        }
        let owner = (header.uid().unwrap(), header.gid().unwrap());
        assert!([(0, 0), (9999, 0)].contains(&owner), "{shown}: {owner:?}");
        assert_eq!(header.mode().unwrap() & !0o777, 0, "{shown}");
        assert!(!shown.starts_with('/') && !shown.contains(".."), "{shown}");
        let path = path.strip_suffix(b"/").unwrap_or(&path).to_vec();
        paths.push(path);
    }
    let sorted: BTreeSet<_> = paths.iter().cloned().collect();
    assert_eq!(paths, sorted.into_iter().collect::<Vec<_>>());
}
