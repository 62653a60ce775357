//! `--compression`: what each choice makes of the layers, what is refused, and that the choice changes nothing but how the
//! bytes are packed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use flink_img::oci::Digest;
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::context::{Run, TestContext};
use crate::support::registry::Registry;
use crate::support::workshop::Files;

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const BASE_TITLE: &str = "base";
const USER_TITLE: &str = "user flink, entrypoint";
const FLINK_TITLE: &str = "Flink 1.20.5: lib, bin, conf, plugins";
const OPTIONAL_TITLE: &str = "Flink 1.20.5: opt, examples";
const JOB_TITLE: &str = "job";

/// A job image that was built with a choice, by somebody who knows nothing from before.
struct Image {
    context: TestContext,
    json: Value,
    files: Files,
}

impl Image {
    fn build(choice: &str) -> Self {
        let context = TestContext::new();
        let words = ["--job-jar", "job.jar", "--json", "-o", "oci:out"];
        let json = context
            .build(&[&words[..], &["--compression", choice]].concat())
            .json();
        let files = Files::in_folder(&context.path("out"));
        assert_eq!(json["digest"], files.digest(), "{choice}");
        Self {
            context,
            json,
            files,
        }
    }

    /// The layers of the manifest by what they are called.
    fn layers(&self) -> BTreeMap<String, Value> {
        let (manifest, _) = self.files.image();
        let told = self.json["layers"].as_array().unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), told.len());
        let both = layers.iter().zip(told);
        both.map(|(layer, told)| {
            for field in ["digest", "mediaType", "size"] {
                assert_eq!(layer[field], told[field], "{told}");
            }
            (told["title"].as_str().unwrap().to_owned(), layer.clone())
        })
        .collect()
    }

    fn digest_of(&self, title: &str) -> String {
        self.layers()[title]["digest"].as_str().unwrap().to_owned()
    }

    fn blob(&self, title: &str) -> Vec<u8> {
        self.files.blob(&self.layers()[title]).to_vec()
    }
}

/// The tar in a layer, unpacked by what its media type names.
fn unpacked(media_type: &str, blob: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    match media_type {
        GZIP => {
            let mut reader = flate2::read::GzDecoder::new(blob);
            reader.read_to_end(&mut tar).unwrap();
        }
        ZSTD => tar = zstd::decode_all(blob).unwrap(),
        other => panic!("{other} is not what layers of ours are"),
    }
    tar
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_choice_decides_the_media_types_and_the_blobs_and_nothing_else() {
    let mut digests = BTreeSet::new();
    let mut common = BTreeSet::new();
    let choices = [
        ("auto", GZIP),
        ("gzip:1", GZIP),
        ("gzip", GZIP),
        ("gzip:9", GZIP),
        ("stored", GZIP),
        ("zstd", ZSTD),
        ("zstd:19", ZSTD),
    ];
    for (choice, media_type) in choices {
        let image = Image::build(choice);
        let (manifest, config) = image.files.image();
        let layers = manifest["layers"].as_array().unwrap();
        let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
        assert_eq!((layers.len(), diff_ids.len()), (5, 5));
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            // The base is a plain tar, so it is packed like the layers of ours.
            assert_eq!(layer["mediaType"], media_type, "{choice}");
            let tar = unpacked(media_type, image.files.blob(layer));
            assert_eq!(*diff_id, Digest::of(&tar).to_string(), "{choice}");
        }
        digests.insert(image.json["digest"].to_string());
        // It names the diff ids, and no blob.
        common.insert(image.json["configDigest"].to_string());
    }
    assert_eq!(digests.len(), choices.len(), "{digests:?}");
    assert_eq!(common.len(), 1, "{common:?}");
}

#[test]
fn auto_is_gzip_with_the_job_stored() {
    let auto = Image::build("auto");
    let (one, six, stored) = (
        Image::build("gzip:1"),
        Image::build("gzip:6"),
        Image::build("stored"),
    );
    for (title, same) in [
        (BASE_TITLE, &six),
        (USER_TITLE, &six),
        (FLINK_TITLE, &one),
        (OPTIONAL_TITLE, &one),
        (JOB_TITLE, &stored),
    ] {
        assert_eq!(auto.digest_of(title), same.digest_of(title), "{title}");
    }
    assert_eq!(auto.layers().len(), 5);
    // These would all hold if a choice were not heard.
    assert_ne!(one.digest_of(USER_TITLE), six.digest_of(USER_TITLE));
    assert_ne!(stored.digest_of(FLINK_TITLE), one.digest_of(FLINK_TITLE));
    let jar = auto.context.read("job.jar");
    assert!(contains(&auto.blob(JOB_TITLE), &jar));
    assert!(!contains(&six.blob(JOB_TITLE), &jar));
    // What is not said is `auto`, and `gzip` is what most tools write.
    assert_eq!(auto.json["digest"], TestContext::new().digest(&["-q"]));
    assert_eq!(Image::build("gzip").json["digest"], six.json["digest"]);
    assert_eq!(
        Image::build("zstd").json["digest"],
        Image::build("zstd:3").json["digest"]
    );
}

#[test]
fn a_base_that_is_a_plain_tar_is_packed_as_chosen() {
    let tar = TestContext::new().read("base.tar");
    let mut sizes = Vec::new();
    for choice in ["zstd:19", "gzip:9", "gzip:1", "stored"] {
        let blob = Image::build(choice).blob(BASE_TITLE);
        assert_eq!(contains(&blob, &tar), choice == "stored", "{choice}");
        sizes.push(blob.len());
    }
    assert!(sizes[0] < sizes[3] && sizes[1] <= sizes[2] && sizes[2] < sizes[3]);
    assert!(sizes[3] > tar.len());

    // One that is packed already is somebody's layer, and stays as it is.
    let context = TestContext::new();
    let packed = crate::support::fixtures::compress(&tar, crate::support::fixtures::Compress::Gzip);
    context.write("base.tar", &packed);
    let words = ["--job-jar", "job.jar", "--json", "--compression", "zstd"];
    let json = context.build(&words).json();
    let base = &json["layers"][0];
    assert_eq!(base["digest"], Digest::of(&packed).to_string());
    assert_eq!(base["mediaType"], GZIP);
    assert_eq!(json["layers"][1]["mediaType"], ZSTD);
}

#[test]
fn what_is_no_compression_is_refused_before_anything_is_done() {
    let context = TestContext::new();
    let refused = |choice: &str| {
        let words = ["--job-jar", "job.jar", "--compression", choice];
        context.build(&words)
    };
    assert_snapshot!(refused("lz4"), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'lz4' for '--compression <HOW>': `lz4` is not a compression of layers
    hint: use `auto`, `gzip[:LEVEL]` with a level from 1 to 9, `zstd[:LEVEL]` with one from 1 to 19, or `stored`

    For more information, try '--help'.
    ");
    assert_snapshot!(refused("gzip:10"), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'gzip:10' for '--compression <HOW>': `gzip:10` has no such level: gzip has those from 1 to 9
    hint: use `gzip`, or `gzip:1` to `gzip:9`

    For more information, try '--help'.
    ");
    assert_snapshot!(refused("zstd:0"), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'zstd:0' for '--compression <HOW>': `zstd:0` has no such level: zstd has those from 1 to 19
    hint: use `zstd`, or `zstd:1` to `zstd:19`

    For more information, try '--help'.
    ");
    assert_snapshot!(refused("stored:1"), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'stored:1' for '--compression <HOW>': `stored:1` has a level, but `stored` does not compress
    hint: use `stored`, or `gzip:1` for the least work

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(""), @"
    exit code: 2
    ----- stderr -----
    error: invalid value '' for '--compression <HOW>': `` is not a compression of layers
    hint: use `auto`, `gzip[:LEVEL]` with a level from 1 to 9, `zstd[:LEVEL]` with one from 1 to 19, or `stored`

    For more information, try '--help'.
    ");
    assert!(!context.store().exists());
}

#[test]
fn the_environment_can_say_it_and_the_command_line_says_it_louder() {
    let mut context = TestContext::new();
    let build = |context: &TestContext, words: &[&str], store: &str| -> Run {
        let usual = ["--job-jar", "job.jar", "--cache-dir", store];
        context.build(&[&usual[..], words].concat())
    };
    let zstd = Image::build("zstd").json["digest"].clone();
    let stored = Image::build("stored").json["digest"].clone();
    context.set("FLINK_IMG_COMPRESSION", "zstd");
    assert_eq!(zstd, build(&context, &[], "../one").digest());
    let louder = build(&context, &["--compression", "stored"], "../two");
    assert_eq!(stored, louder.digest());
    context.set("FLINK_IMG_COMPRESSION", "gzip:10");
    assert_snapshot!(build(&context, &[], "../three"), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'gzip:10' for '--compression <HOW>': `gzip:10` has no such level: gzip has those from 1 to 9
    hint: use `gzip`, or `gzip:1` to `gzip:9`

    For more information, try '--help'.
    ");
    assert!(!context.path("../three").exists());
}

#[test]
fn a_build_with_another_choice_before_it_changes_nothing() {
    let choices = ["auto", "zstd", "stored", "gzip:9", "zstd:1", "auto", "zstd"];
    let fresh: BTreeMap<_, _> = choices
        .iter()
        .map(|choice| {
            (
                *choice,
                TestContext::new().digest(&["--compression", choice]),
            )
        })
        .collect();
    assert_eq!(fresh.len(), 5);
    let context = TestContext::new();
    for choice in choices {
        let digest = context.digest(&["--compression", choice]);
        assert_eq!(digest, fresh[choice], "{choice}");
    }
    // Nor does the image that the name leads to, which has the same files in other layers.
    let registry = Registry::start();
    let name = format!("{}/acme/job:1", registry.address());
    for choice in choices {
        let runner = TestContext::new();
        let digest = runner.digest(&["--compression", choice, "--push", "-t", &name]);
        assert_eq!(digest, fresh[choice], "{choice}");
        let (_, manifest) = registry.manifest("acme/job", "1").unwrap();
        assert_eq!(Digest::of(&manifest).to_string(), digest);
    }
}
