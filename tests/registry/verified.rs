//! What was pushed is read back.

use std::sync::atomic::Ordering::SeqCst;

use support::registry::Ways;

use super::*;

async fn write(client: &Client, registry: &Registry, config: &[u8]) -> Result<Digest, Error> {
    let target = name(registry, "acme/job:1");
    registry.put_blob("acme/job", config);
    let manifest = Manifest::new(Descriptor::of(MediaType::Config, config), vec![]).to_bytes();
    let tag = target.selector();
    client
        .push_manifest(&target, &MediaType::Manifest, &manifest, &tag)
        .await
}

#[tokio::test]
async fn a_manifest_is_read_back_by_tag_and_by_digest() {
    let registry = Registry::start();
    let digest = write(&client(), &registry, b"{}").await.unwrap();
    let mut lines = registry.lines();
    assert_eq!(lines.remove(0), "PUT /v2/acme/job/manifests/1 201");
    lines.sort();
    assert_eq!(
        lines,
        [
            "GET /v2/acme/job/manifests/1 200".to_owned(),
            format!("GET /v2/acme/job/manifests/{digest} 200"),
        ]
    );
}

#[tokio::test]
async fn a_registry_that_has_something_else_is_found_out() {
    let other = br#"{"schemaVersion":2}"#;
    let there = format!("`{}`", Digest::of(other));
    for (line, fault, expected) in [
        (
            "GET /v2/acme/job/manifests/1",
            Fault::WrongBytes(other.to_vec()),
            format!("`1` leads to {there}, not to"),
        ),
        (
            "GET /v2/acme/job/manifests/sha256",
            Fault::WrongBytes(other.to_vec()),
            format!("` leads to {there}, not to"),
        ),
        (
            "GET /v2/acme/job/manifests/1",
            Fault::status(404),
            "`1` leads to nothing, not to".to_owned(),
        ),
    ] {
        let registry = Registry::start();
        registry.fail(line, 99, fault);
        let error = write(&client(), &registry, b"{}").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Integrity);
        assert!(told(&error).contains(&expected), "{}", told(&error));
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn a_registry_that_needs_a_moment_gets_it() {
    for fault in [
        Fault::status(404),
        Fault::status(500),
        Fault::DropConnection,
    ] {
        let registry = Registry::start();
        registry.fail("GET", 1, fault);
        write(&client(), &registry, b"{}").await.unwrap();
        assert_eq!(registry.count("GET"), 3);
    }
}

#[tokio::test]
async fn a_tag_that_may_not_change_may_be_written_again_with_the_same() {
    let registry = Registry::start();
    registry.set_ways(Ways {
        immutable_tags: true,
        ..Ways::default()
    });
    let client = client();
    let digest = write(&client, &registry, b"{}").await.unwrap();
    assert_eq!(write(&client, &registry, b"{}").await.unwrap(), digest);
    let error = write(&client, &registry, b"{ }").await.unwrap_err();
    assert!(
        told(&error).ends_with("the tag is there and may not be overwritten"),
        "{}",
        told(&error)
    );
    let (_, kept) = registry.manifest("acme/job", "1").unwrap();
    assert_eq!(Digest::of(&kept), digest);
}

#[tokio::test]
async fn who_may_write_and_not_read_is_believed() {
    let registry = Registry::start();
    registry.on_request(|request| {
        (request.method == "GET").then(|| Fault::error(403, "DENIED", "write only"))
    });
    write(&client(), &registry, b"{}").await.unwrap();
}

#[tokio::test]
async fn a_token_service_that_has_a_bad_moment_is_no_reason_to_believe() {
    let registry = token_registry();
    let client = client_with(login(&registry));
    let altered = br#"{"schemaVersion":2}"#.to_vec();
    let moments = std::sync::atomic::AtomicUsize::new(2);
    registry.set_token_service(support::registry::token::TokenService {
        expires_in: Some(0.into()),
        ..Default::default()
    });
    registry.on_request(move |request| {
        if request.method == "GET"
            && request.path.contains("/manifests/")
            && request.is_authorized()
        {
            return Some(Fault::WrongBytes(altered.clone()));
        }
        let pulls = request.path == "/token" && request.query_all("scope").len() == 1;
        let bad = pulls
            && moments
                .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
                .is_ok();
        bad.then(|| Fault::status(503))
    });
    write(&client, &registry, b"{}").await.unwrap_err();
}
