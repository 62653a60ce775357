use super::*;
use crate::base::alpine::Package;
use crate::fs;
use crate::oci::{Config, DiffId, Digest, LayerCompression, MediaType, Platform};

/// A checksum as an index has it.
const CHECKSUM: &str = "Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";

fn lock() -> Lock {
    let mut config = Config::parse(
        br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
            "config":{"Env":["A='''","B=\"\"\"\u0001"]},"x":[1.5,18446744073709551615,1e300,null]}"#,
    )
    .unwrap();
    config.set_env("PATH", "/bin");
    let gzip = MediaType::Layer(LayerCompression::Gzip);
    let flink = LockedFlink {
        version: "2.3.0".parse().unwrap(),
        scala: Some("2.12".to_owned()),
        release: Some("flink-2.3.0-bin-scala_2.12.tgz".to_owned()),
        sha512: Some("ab".repeat(64).parse().unwrap()),
        signer: None,
        key: Some(Digest::of(b"key")),
        layers: vec![Digest::of(b"recipe")],
        content: Some(Digest::of(b"content")),
        configuration: Some(Digest::of(b"configuration")),
        places: Vec::new(),
    };
    let request = LockedRequest {
        compression: "auto".to_owned(),
        packages: vec!["bash".to_owned()],
        plugins: vec!["flink-s3-fs-hadoop".to_owned()],
        flink_conf: [("a.b".to_owned(), "'it''s'".to_owned())].into(),
        ..LockedRequest::default()
    };
    let mut lock = Lock::new(request, flink);
    lock.artifacts.push(LockedArtifact {
        name: "udf.jar".to_owned(),
        digest: Digest::of(b"udf"),
    });
    lock.platforms.push(LockedPlatform {
        platform: Platform::linux_amd64(),
        base: LockedBase {
            name: "docker.io/library/eclipse-temurin:17-jre-alpine".to_owned(),
            index: Some(Digest::of(b"index")),
            manifest: Some(Digest::of(b"manifest")),
            config_digest: Some(Digest::of(b"config")),
            os: Some("Alpine Linux v3.22".to_owned()),
            java_home: "/opt/java/openjdk".to_owned(),
            java_version: Some("17.0.15".to_owned()),
            config,
            layers: vec![LockedBaseLayer {
                digest: Digest::of(b"layer"),
                diff_id: DiffId(Digest::of(b"tar")),
                size: 5,
                media_type: gzip.clone(),
                annotations: [("a".to_owned(), "b".to_owned())].into(),
            }],
        },
        python_link: Some("usr/bin/python".to_owned()),
        wanted: vec!["bash".parse().unwrap()],
        packages: vec![Package {
            name: "bash".to_owned(),
            version: "5.2.37-r0".parse().unwrap(),
            arch: "x86_64".to_owned(),
            checksum: CHECKSUM.parse().unwrap(),
            size: 7,
            installed_size: 8,
            repository: "https://example.com/main".parse().unwrap(),
        }],
    });
    lock.layers.push(LockedLayer {
        title: "user flink, entrypoint".to_owned(),
        platforms: Vec::new(),
        recipe: Digest::of(b"recipe"),
        digest: Digest::of(b"blob"),
        diff_id: DiffId(Digest::of(b"other tar")),
        size: 9,
        media_type: gzip,
    });
    lock
}

#[test]
fn a_lock_comes_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flink-img.lock");
    let lock = lock();
    lock.write(&path).unwrap();
    let read = Lock::read(&path).unwrap();
    assert_eq!(read, lock);
    assert_eq!(read.to_text(), lock.to_text());
    let config = |lock: &Lock| lock.platforms[0].base.config.to_bytes();
    assert_eq!(config(&read), config(&lock));
    assert!(lock.platform(&Platform::linux_amd64()).is_some());
    assert!(lock.platform(&"linux/arm64".parse().unwrap()).is_none());
    assert!(lock.layer(Digest::of(b"recipe")).is_some());
}

#[test]
fn what_changed_is_a_line_of_its_own() {
    let (old, mut new) = (lock(), lock());
    new.platforms[0].packages[0].version = "5.3.0-r0".parse().unwrap();
    new.platforms[0]
        .base
        .config
        .set_env("JAVA_VERSION", "17.0.16");
    let (old, new) = (old.to_text(), new.to_text());
    let lines = |text: &str| -> Vec<String> { text.lines().map(ToOwned::to_owned).collect() };
    let (old, new) = (lines(&old), lines(&new));
    let added: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
    // The line before a new one of a JSON list gets its comma.
    assert_eq!(added.len(), 3, "{added:#?}");
}

#[test]
fn every_changed_input_is_named_with_what_it_was_and_is() {
    type Edit = fn(&mut Lock);
    let cases: [(Edit, &str); 13] = [
        (
            |lock| lock.recipe = 1,
            "The version of the recipe was `2` and is `1`",
        ),
        (
            |lock| lock.request.compression = "zstd:3".to_owned(),
            "The compression was `auto` and is `zstd:3`",
        ),
        (
            |lock| lock.request.java_home = Some("/j".to_owned()),
            "The given home of Java is new: `/j`",
        ),
        (
            |lock| lock.request.packages.push("curl".to_owned()),
            "The list of packages was `bash` and is `bash, curl`",
        ),
        (
            |lock| lock.flink.version = "2.4.0".parse().unwrap(),
            "The version of Flink was `2.3.0` and is `2.4.0`",
        ),
        (
            |lock| lock.flink.sha512 = None,
            "The SHA-512 checksum of Flink was `abababab",
        ),
        (
            |lock| lock.flink.signer = Some("F00".to_owned()),
            "The signer of Flink is new: `F00`",
        ),
        (
            |lock| lock.artifacts[0].digest = Digest::of(b"x"),
            "The artifact `udf.jar` was `sha256:",
        ),
        (
            |lock| lock.platforms[0].base.name = "x".to_owned(),
            "The base for linux/amd64 was `docker.io/library/eclipse-temurin:17-jre-alpine` and is `x`",
        ),
        (
            |lock| lock.platforms[0].base.manifest = Some(Digest::of(b"x")),
            "The base's manifest for linux/amd64 was `sha256:",
        ),
        (
            |lock| lock.platforms[0].packages.clear(),
            "The package `bash` for linux/amd64 was `5.2.37-r0 Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0= from https://example.com/main` and is gone",
        ),
        (
            |lock| lock.platforms[0].base.java_version = Some("21".to_owned()),
            "The version of Java for linux/amd64 was `17.0.15` and is `21`",
        ),
        (
            |lock| lock.platforms[0].platform = "linux/arm64".parse().unwrap(),
            "The base for linux/amd64 was",
        ),
    ];
    for (edit, expected) in cases {
        let mut new = lock();
        edit(&mut new);
        let changes = lock().changed_inputs(&new);
        let told: Vec<_> = changes.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with(expected), "{expected}: {told:#?}");
        // Another platform is another one of each of its facts.
        let is_platform = expected == "The base for linux/amd64 was";
        assert_eq!(told.len() == 1, !is_platform, "{told:#?}");
    }
    assert_eq!(lock().changed_inputs(&lock()), []);
}

#[test]
fn a_base_without_a_manifest_is_known_by_its_layers_and_its_config() {
    let local = || {
        let mut lock = lock();
        lock.platforms[0].base.manifest = None;
        lock.platforms[0].base.config_digest = None;
        lock
    };
    let mut new = local();
    new.platforms[0].base.layers[0].digest = Digest::of(b"x");
    new.platforms[0].base.config.set_env("A", "B");
    let changes = local().changed_inputs(&new);
    let what: Vec<_> = changes.iter().map(|change| &*change.what).collect();
    assert_eq!(
        what,
        [
            "The content of the base's config for linux/amd64",
            "The base's layer 1 for linux/amd64"
        ]
    );
}

#[test]
fn what_is_no_lock_is_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flink-img.lock");
    let good = lock().to_text();
    for (text, expected) in [
        (
            good.replace("version = 1\n", "version = 9\n"),
            "has the form 9, and this program knows the form 1",
        ),
        (
            good.replace("recipe = 2\n", "recipe = 2\nmore = 1\n"),
            "more",
        ),
        (good.replace("sha256:", "sha257:"), "is not a digest"),
        (good.replace("linux/amd64", "amd64"), "is not a platform"),
        (
            good.replace("\"os\": \"linux\"", ""),
            "The image config is not JSON",
        ),
        (String::new(), "version"),
    ] {
        fs::write_atomic(&path, text.as_bytes()).unwrap();
        let error = Lock::read(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Input);
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let told = format!("{error}: {}", cause.unwrap_or_default());
        assert!(told.contains(expected), "{expected}: {told}");
    }
    fs::write_atomic(&path, &[0xff]).unwrap();
    assert!(matches!(Lock::read(&path), Err(LockError::File(_))));
    // Of another form it may be worth more than what would be written in its place.
    fs::write_atomic(
        &path,
        good.replace("version = 1\n", "version = 9\n").as_bytes(),
    )
    .unwrap();
    assert!(matches!(Lock::before(&path), Err(LockError::Form { .. })));
    fs::write_atomic(&path, good.replace("recipe", "recepi").as_bytes()).unwrap();
    assert!(matches!(Lock::before(&path), Ok(None)));
    let missing = Lock::read(&folder.path().join("no.lock")).unwrap_err();
    assert_eq!(
        missing.hint().unwrap(),
        "write it with `flink-img lock`, and commit it"
    );
}
