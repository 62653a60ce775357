//! Pushing: what is sent, what is not, and where to.

use super::*;

#[tokio::test]
async fn an_image_is_pushed_and_pulled() {
    let registry = Registry::start();
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    let config = Descriptor::of(MediaType::Config, b"{}");
    let manifest = Manifest::new(config.clone(), vec![blob()]).to_bytes();
    let body = BlobBody::from(&b"{}"[..]);
    assert_eq!(
        push(&client, &target, None).await.unwrap(),
        BlobOutcome::Uploaded
    );
    client
        .push_blob(&target, BlobPush::new(config), &body)
        .await
        .unwrap();
    let digest = client
        .push_manifest(&target, &MediaType::Manifest, &manifest, &target.selector())
        .await
        .unwrap();
    assert_eq!(digest, Digest::of(&manifest));
    assert_eq!(registry.manifest("acme/job", "1").unwrap().1, manifest);
    assert_eq!(registry.blob("acme/job", blob().digest).unwrap(), BLOB);

    let image = client
        .resolve(&target, &Platform::linux_amd64())
        .await
        .unwrap();
    assert_eq!((image.raw.bytes, image.index), (manifest, None));
    let layer = &image.manifest.layers[0];
    assert_eq!(
        client.get_blob_bytes(&target, layer, 100).await.unwrap(),
        BLOB
    );
    assert_eq!(client.get_manifest(&target).await.unwrap().digest, digest);
    let missing = name(&registry, "acme/job:2");
    assert!(
        client
            .get_manifest(&missing)
            .await
            .unwrap_err()
            .is_not_found()
    );
    let small = client.get_blob_bytes(&target, layer, 3).await.unwrap_err();
    assert!(matches!(small.cause(), Cause::TooLarge { limit: 3 }));
}

#[tokio::test]
async fn what_is_there_is_not_sent_and_what_is_elsewhere_is_mounted() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    let (client, base) = (client(), name(&registry, "acme/base"));
    assert_eq!(
        push(&client, &base, None).await.unwrap(),
        BlobOutcome::AlreadyThere
    );
    assert_eq!(registry.lines().len(), 1);

    let target = name(&registry, "acme/job");
    assert_eq!(
        push(&client, &target, Some(&base)).await.unwrap(),
        BlobOutcome::Mounted
    );
    let post = registry
        .requests()
        .into_iter()
        .find(|r| r.method == "POST")
        .unwrap();
    assert_eq!(post.query_all("mount"), [blob().digest.to_string()]);
    assert_eq!(post.query_all("from"), ["acme/base"]);
    assert_eq!(
        registry
            .requests()
            .iter()
            .map(|r| r.body_length)
            .sum::<usize>(),
        0
    );
    assert_eq!(
        push(&client, &target, None).await.unwrap(),
        BlobOutcome::AlreadyThere
    );
}

#[tokio::test]
async fn a_declined_mount_opens_the_upload_that_is_used() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    registry.decline_mounts();
    let (base, target) = (name(&registry, "acme/base"), name(&registry, "acme/job"));
    assert_eq!(
        push(&client(), &target, Some(&base)).await.unwrap(),
        BlobOutcome::Uploaded
    );
    let id = "/v2/acme/job/blobs/uploads/";
    assert_eq!(
        registry.lines(),
        [
            format!("HEAD /v2/acme/job/blobs/{} 404", blob().digest),
            format!("POST {id} 202"),
            format!("PUT {id}upload-1 201")
        ]
    );
    let elsewhere: Reference = "registry.test/acme/base".parse().unwrap();
    let third = name(&registry, "acme/third");
    push(&client(), &third, Some(&elsewhere)).await.unwrap();
    let post = registry
        .requests()
        .into_iter()
        .rfind(|r| r.method == "POST")
        .unwrap();
    assert!(
        post.query.is_empty(),
        "mounted from another registry: {post:?}"
    );
}

#[tokio::test]
async fn every_form_of_upload_location_is_understood() {
    for form in [
        LocationForm::Relative,
        LocationForm::Absolute,
        LocationForm::Query,
    ] {
        let registry = Registry::start();
        registry.set_location(form.clone());
        let target = name(&registry, "acme/job");
        assert_eq!(
            push(&client(), &target, None).await.unwrap(),
            BlobOutcome::Uploaded,
            "{form:?}"
        );
    }
    let registry = Registry::start();
    registry.on_request(|r| (r.method == "POST").then_some(Fault::Header("Location", None)));
    let error = push(&client(), &name(&registry, "acme/job"), None)
        .await
        .unwrap_err();
    assert!(
        told(&error).contains("names no location for the upload"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_manifest_may_be_stored_without_a_location() {
    let registry = Registry::start();
    let target = name(&registry, "acme/index:1");
    let index = Index::new(Vec::new()).to_bytes();
    registry.on_request(|r| (r.method == "PUT").then_some(Fault::Header("Location", None)));
    let client = client();
    let tag = target.selector();
    client
        .push_manifest(&target, &MediaType::Index, &index, &tag)
        .await
        .unwrap();
    let other = Digest::of(b"other");
    registry.on_request(move |_| {
        Some(Fault::Header(
            "Docker-Content-Digest",
            Some(other.to_string()),
        ))
    });
    let error = client
        .push_manifest(&target, &MediaType::Index, &index, &tag)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
    let selector = Selector::Digest(other);
    let error = client
        .push_manifest(&target, &MediaType::Index, &index, &selector)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
}

#[tokio::test]
async fn a_mount_source_that_is_out_of_reach_does_not_stop_a_push() {
    let registry = token_registry();
    registry.put_blob("acme/private", BLOB);
    registry.on_request(|request| {
        let scopes = request.query_all("scope");
        let asks = scopes.contains(&"repository:acme/private:pull");
        asks.then(|| Fault::error(403, "DENIED", "not for you"))
    });
    let client = client_with(login(&registry));
    let from = name(&registry, "acme/private");
    let outcome = push(&client, &name(&registry, "acme/job"), Some(&from)).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
}
