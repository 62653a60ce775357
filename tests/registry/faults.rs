//! What breaks, and what is tried again.

use super::*;

#[tokio::test]
async fn a_redirect_in_circles_ends() {
    let registry = Registry::start();
    registry.on_request(|r| {
        let location = vec![("Location".to_owned(), r.path.clone())];
        Some(Fault::Status(302, location, Vec::new()))
    });
    let error = client()
        .get_manifest(&name(&registry, "a/b"))
        .await
        .unwrap_err();
    assert!(told(&error).ends_with("redirects more than 10 times"));
    assert_eq!(registry.requests().len(), 11);
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    let (client, source) = (client(), name(&registry, "acme/base"));
    for fault in [
        Fault::status(503),
        Fault::status(429),
        Fault::DropConnection,
        Fault::TruncateBody(5),
        Fault::Stall(Duration::from_secs(3)),
    ] {
        registry.clear_requests();
        registry.fail("GET", 1, fault.clone());
        let bytes = client.get_blob_bytes(&source, &blob(), 100).await;
        assert_eq!(bytes.unwrap(), BLOB, "{fault:?}");
        assert_eq!(registry.count("GET"), 2, "{fault:?}");
    }
    registry.clear_requests();
    registry.fail("GET", 1, Fault::TruncateBody(5));
    client.get_blob_bytes(&source, &blob(), 100).await.unwrap();
    let again = registry.requests().pop().unwrap();
    assert_eq!(
        again.headers["range"], "bytes=5-",
        "what had come was asked for again"
    );

    for (fault, tries) in [(Fault::status(500), 3), (Fault::status(400), 1)] {
        registry.clear_requests();
        registry.fail("HEAD", 9, fault);
        assert_eq!(
            push(&client, &source, None).await.unwrap_err().kind(),
            Kind::Network
        );
        assert_eq!(registry.requests().len(), tries);
    }
}

#[tokio::test]
async fn an_upload_that_breaks_asks_whether_it_arrived_and_where_it_stands() {
    for fault in [Fault::DropConnection, Fault::status(502)] {
        let registry = Registry::start();
        registry.fail("PUT", 1, fault);
        let outcome = push(&client(), &name(&registry, "acme/job"), None).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
        let methods: Vec<_> = registry.requests().into_iter().map(|r| r.method).collect();
        assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD", "GET", "PUT"]);
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let gone = Registry::start().address();
    let reference: Reference = format!("{gone}/a/b").parse().unwrap();
    let error = client().get_manifest(&reference).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(told(&error).contains(&format!("The connection to `{gone}` failed")));
}

#[tokio::test]
async fn only_this_machine_and_listed_registries_are_spoken_to_without_tls() {
    let registry = Registry::start();
    let digest = registry.put_image("a/b", "1", b"{}", &[]);
    // An address that leads here and is not a loopback address.
    let host = registry.address().replace("127.0.0.1", "0.0.0.0");
    let reference: Reference = format!("{host}/a/b:1").parse().unwrap();
    let error = client().get_manifest(&reference).await.unwrap_err();
    assert!(told(&error).contains(&format!("There is no trusted connection to `{host}`")));
    let hint = error.hint().unwrap();
    assert!(
        hint.ends_with(&format!("`--insecure-registry {host}`")),
        "{hint}"
    );
    assert!(registry.requests().is_empty());

    let settings = HttpSettings {
        insecure_registries: vec![host],
        ..settings()
    };
    let listed = Client::new(settings, CredentialStore::default(), Arc::new(Silent)).unwrap();
    assert_eq!(
        listed.get_manifest(&reference).await.unwrap().digest,
        digest
    );
}
