//! Pulling: what is accepted and what is not.

use super::*;

#[tokio::test]
async fn bytes_other_than_promised_are_refused() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    let (client, source) = (client(), name(&registry, "acme/base"));
    for (bytes, sentence) in [
        (&b"some bytes of a LAYER"[..], "The bytes have the digest"),
        (b"some", "There are fewer than the expected 21 bytes"),
        (
            b"some bytes of a layer, and more",
            "There are more than the expected 21 bytes",
        ),
    ] {
        registry.fail("GET", 9, Fault::WrongBytes(bytes.to_vec()));
        let error = client
            .get_blob_bytes(&source, &blob(), 100)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Integrity);
        assert!(told(&error).contains(sentence), "{}", told(&error));
    }
    let short = BlobBody::from(&BLOB[1..]);
    let error = client
        .push_blob(&source, BlobPush::new(blob()), &short)
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::Size { longer: false, .. }));
}

#[tokio::test]
async fn a_manifest_is_hashed_and_not_believed() {
    let registry = Registry::start();
    let digest = registry.put_image("acme/base", "1", b"{}", &[]);
    let by_digest = name(&registry, &format!("acme/base@{digest}"));
    let by_tag = name(&registry, "acme/base:1");
    let client = client();
    registry.fail("GET", 9, Fault::WrongBytes(b"{}".to_vec()));
    for reference in [by_digest, by_tag] {
        let error = client.get_manifest(&reference).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Digest { expected, .. } if *expected == digest));
    }
    registry.fail("GET", 9, Fault::WrongBytes(vec![b' '; 4 * 1024 * 1024 + 1]));
    let error = client
        .get_manifest(&name(&registry, "acme/base:1"))
        .await
        .unwrap_err();
    assert!(matches!(error.cause(), Cause::TooLarge { .. }));
}

#[tokio::test]
async fn manifests_that_prove_nothing_are_refused() {
    let registry = Registry::start();
    let client = client();
    let amd64 = Platform::linux_amd64();
    let schema1 = br#"{"schemaVersion":1,"fsLayers":[]}"#;
    registry.put_manifest(
        "a/b",
        "old",
        "application/vnd.docker.distribution.manifest.v1+json",
        schema1,
    );
    let error = client
        .resolve(&name(&registry, "a/b:old"), &amd64)
        .await
        .unwrap_err();
    assert!(matches!(
        error.cause(),
        Cause::Manifest(ManifestError::Schema1)
    ));
    let both = br#"{"schemaVersion":2,"layers":[],"manifests":[]}"#;
    registry.put_manifest("a/b", "both", MediaType::Manifest.as_str(), both);
    let error = client
        .resolve(&name(&registry, "a/b:both"), &amd64)
        .await
        .unwrap_err();
    assert!(matches!(
        error.cause(),
        Cause::Manifest(ManifestError::Ambiguous)
    ));
}

#[tokio::test]
async fn the_image_for_the_platform_is_chosen_from_an_index() {
    let registry = Registry::start();
    let entry = |platform: &str, tag: &str| {
        let config = format!("{{\"for\":\"{platform}\"}}");
        let digest = registry.put_image("acme/base", tag, config.as_bytes(), &[]);
        let size = registry.manifest("acme/base", tag).unwrap().1.len() as u64;
        let mut descriptor = Descriptor::new(MediaType::Manifest, digest, size);
        descriptor.platform = Some(if platform == "unknown/unknown" {
            Platform {
                os: "unknown".to_owned(),
                architecture: "unknown".to_owned(),
                variant: None,
            }
        } else {
            platform.parse().unwrap()
        });
        descriptor
    };
    let index = Index::new(vec![
        entry("linux/arm/v6", "v6"),
        entry("linux/arm/v7", "v7"),
        entry("linux/amd64", "amd64"),
        entry("unknown/unknown", "attestation"),
    ]);
    let bytes = index.to_bytes();
    let digest = registry.put_manifest("acme/base", "1", MediaType::Index.as_str(), &bytes);
    let (client, base) = (client(), name(&registry, "acme/base:1"));
    for (asked, position) in [("linux/amd64", 2), ("linux/arm/v7", 1), ("linux/arm", 0)] {
        let image = client
            .resolve(&base, &asked.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(
            image.raw.digest, index.manifests[position].digest,
            "{asked}"
        );
        assert_eq!(image.index, Some(digest));
        assert!(matches!(image.raw.document(), Ok(Document::Manifest(_))));
    }
    let error = client
        .resolve(&base, &"linux/s390x".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Incompatible);
    assert!(
        told(&error).ends_with(
            "There is no image for `linux/s390x`, only for `linux/amd64`, `linux/arm/v6`, `linux/arm/v7`"
        ),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn many_tasks_pull_at_once() {
    let registry = Registry::start();
    registry.put_image("a/b", "1", b"{}", &[(GZIP, BLOB)]);
    let (client, source) = (client(), name(&registry, "a/b:1"));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (client, source) = (client.clone(), source.clone());
            tokio::spawn(async move {
                let image = client.resolve(&source, &Platform::linux_amd64()).await?;
                let mut bytes = Vec::new();
                let layer = &image.manifest.layers[0];
                client.pull_blob(&source, layer, &mut bytes).await?;
                let selector = Selector::Tag("2".to_owned());
                let raw = image.raw.bytes;
                client
                    .push_manifest(&source, &MediaType::Manifest, &raw, &selector)
                    .await?;
                Ok::<_, Error>(bytes)
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), BLOB);
    }
}
