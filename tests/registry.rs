//! The client against a registry in the same process: every rule of the protocol, and every way to break one.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should stop its test"
)]

mod support;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flink_img::error::{Explain as _, Kind};
use flink_img::http::{HttpSettings, RetryPolicy};
use flink_img::oci::{
    Descriptor, Digest, Document, Index, LayerCompression, Manifest, ManifestError, MediaType,
    Platform, Reference, Selector,
};
use flink_img::progress::Silent;
use flink_img::registry::{
    BlobBody, BlobOutcome, Cause, Client, CredentialStore, Credentials, Error, Secret,
};
use support::registry::{Auth, Fault, LocationForm, Registry};

const GZIP: MediaType = MediaType::Layer(LayerCompression::Gzip);
const BLOB: &[u8] = b"some bytes of a layer";

fn settings() -> HttpSettings {
    HttpSettings {
        read_timeout: Duration::from_secs(2),
        retry: RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
        },
        ..HttpSettings::default()
    }
}

fn client_with(store: CredentialStore) -> Client {
    Client::new(settings(), store, Arc::new(Silent)).unwrap()
}

fn client() -> Client {
    client_with(CredentialStore::default())
}

fn basic(user: &str, password: &str) -> Credentials {
    Credentials::Basic {
        user: user.to_owned(),
        password: Secret::new(password),
    }
}

fn login(registry: &Registry) -> CredentialStore {
    CredentialStore::default().with_login(&registry.address(), basic("ada", "secret"))
}

fn token_registry() -> Registry {
    Registry::with_auth(Auth::Token {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    })
}

fn name(registry: &Registry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.address()).parse().unwrap()
}

fn blob() -> Descriptor {
    Descriptor::of(GZIP, BLOB)
}

async fn push(
    client: &Client,
    target: &Reference,
    from: Option<&Reference>,
) -> Result<BlobOutcome, Error> {
    client.push_blob(target, &blob(), from, &BLOB.into()).await
}

/// The error with its causes, on one line.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(" <- ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

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
        .push_blob(&target, &config, None, &body)
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
    let head = client.head_manifest(&target).await.unwrap().unwrap();
    assert_eq!(head.digest, Some(digest));
    let missing = name(&registry, "acme/job:2");
    assert_eq!(client.head_manifest(&missing).await.unwrap(), None);
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
    assert!(client.has_blob(&target, blob().digest).await.unwrap());
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
async fn one_token_serves_many_uploads_and_its_scopes_start_with_push() {
    let registry = token_registry();
    registry.put_blob("acme/base", BLOB);
    let client = client_with(login(&registry));
    let (base, target) = (name(&registry, "acme/base"), name(&registry, "acme/job"));
    // The first request learns that a token is needed.
    assert_eq!(
        push(&client, &target, Some(&base)).await.unwrap(),
        BlobOutcome::Mounted
    );
    let tasks: Vec<_> = (0..8_u8)
        .map(|number| {
            let (client, base, target) = (client.clone(), base.clone(), target.clone());
            tokio::spawn(async move {
                let bytes = [number; 100];
                let descriptor = Descriptor::of(GZIP, &bytes);
                let body = BlobBody::from(&bytes[..]);
                client
                    .push_blob(&target, &descriptor, Some(&base), &body)
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(registry.count("GET /token"), 1);
    let token = registry
        .requests()
        .into_iter()
        .find(|r| r.path == "/token")
        .unwrap();
    assert_eq!(
        token.query_all("scope"),
        ["repository:acme/job:pull,push", "repository:acme/base:pull"]
    );
    assert_eq!(token.query_all("service"), ["test"]);
    let refused = registry
        .requests()
        .iter()
        .filter(|r| r.status == 401)
        .count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn many_first_requests_share_one_token() {
    let registry = token_registry();
    let digest = registry.put_blob("acme/base", BLOB);
    let client = client_with(login(&registry));
    let base = name(&registry, "acme/base");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, base) = (client.clone(), base.clone());
            tokio::spawn(async move { client.has_blob(&base, digest).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap());
    }
    assert_eq!(registry.count("GET /token"), 1);
}

#[tokio::test]
async fn a_token_that_ends_is_replaced() {
    let registry = token_registry();
    let client = client_with(login(&registry));
    let target = name(&registry, "acme/job");
    push(&client, &target, None).await.unwrap();
    registry.revoke_tokens();
    assert!(client.has_blob(&target, blob().digest).await.unwrap());
    registry.set_token_lifetime(0);
    registry.revoke_tokens();
    let before = registry.count("GET /token");
    for _ in 0..2 {
        assert!(client.has_blob(&target, blob().digest).await.unwrap());
    }
    assert_eq!(
        registry.count("GET /token") - before,
        2,
        "a token of no length is not kept"
    );
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let registry = Registry::with_auth(Auth::Refresh {
        token: "long-lived".to_owned(),
    });
    let token = Credentials::Identity(Secret::new("long-lived"));
    let store = CredentialStore::default().with_login(&registry.address(), token);
    push(&client_with(store), &name(&registry, "acme/job"), None)
        .await
        .unwrap();
    assert_eq!(registry.count("POST /token"), 1);
    let token = Credentials::Identity(Secret::new("stale"));
    let store = CredentialStore::default().with_login(&registry.address(), token);
    let error = push(&client_with(store), &name(&registry, "acme/job"), None)
        .await
        .unwrap_err();
    assert!(
        told(&error).ends_with("answered 400 Bad Request: unknown token"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_user_and_a_password_are_sent_when_asked_for_and_not_before() {
    let registry = Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    let client = client_with(login(&registry));
    push(&client, &name(&registry, "acme/job"), None)
        .await
        .unwrap();
    let authorized: Vec<_> = registry
        .requests()
        .iter()
        .map(|r| (r.status, r.is_authorized()))
        .collect();
    assert_eq!(
        authorized,
        [(401, false), (404, true), (202, true), (201, true)]
    );
}

#[tokio::test]
async fn a_refusal_says_who_refused_and_which_credentials() {
    let registry = token_registry();
    let target = name(&registry, "acme/job");
    let address = registry.address();

    let error = push(&client(), &target, None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert_eq!(
        told(&error),
        format!(
            "Failed to push `sha256:{}…` to `{address}/acme/job` <- The token service `http://{address}/token` answered 401 Unauthorized: incorrect username or password",
            blob().digest.short()
        )
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.starts_with(&format!("no credentials for `{address}` were found")),
        "{hint}"
    );

    let store = CredentialStore::default().with_login(&address, basic("ada", "wrong"));
    let error = push(&client_with(store), &target, None).await.unwrap_err();
    assert!(
        error
            .hint()
            .unwrap()
            .starts_with("the credentials given with the command were refused")
    );
    assert!(!told(&error).contains("wrong"));

    let open = Registry::start();
    open.on_request(|_| Some(Fault::error(403, "DENIED", "not your repository")));
    let error = push(&client(), &name(&open, "acme/job"), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    // An answer to HEAD has no body, so there is no reason in it.
    assert!(
        told(&error).ends_with("answered 403 Forbidden"),
        "{}",
        told(&error)
    );
    open.fail(
        "POST",
        9,
        Fault::error(403, "DENIED", "not your repository"),
    );
    let error = push(&client(), &name(&open, "acme/job"), None)
        .await
        .unwrap_err();
    assert!(told(&error).ends_with("answered 403 Forbidden: not your repository"));
    open.fail(
        "POST",
        9,
        Fault::error(404, "NAME_UNKNOWN", "no such repository"),
    );
    let error = push(&client(), &name(&open, "acme/job"), None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(
        error
            .hint()
            .unwrap()
            .contains("create the repository `acme/job` first")
    );
    open.fail("", 0, Fault::status(500));
    let error = client()
        .get_manifest(&name(&open, "acme/job:9"))
        .await
        .unwrap_err();
    assert!(error.is_not_found());
    assert!(told(&error).starts_with(&format!("Failed to pull `{}/acme/job:9`", open.address())));
}

#[tokio::test]
async fn credentials_do_not_go_where_a_realm_a_redirect_or_a_location_leads() {
    let other = Registry::start();
    other.put_blob("acme/job", BLOB);

    let registry = token_registry();
    registry.set_realm(&format!("http://{}/token", other.address()));
    let client_of = |registry: &Registry| client_with(login(registry));
    let error = push(&client_of(&registry), &name(&registry, "acme/job"), None)
        .await
        .unwrap_err();
    assert!(
        told(&error).ends_with("which is an address of an internal network"),
        "{}",
        told(&error)
    );
    assert!(other.requests().is_empty());

    let registry = Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    });
    let digest = registry.put_blob("acme/job", BLOB);
    let target = format!(
        "http://{}/v2/acme/job/blobs/{digest}?sig=1",
        other.address()
    );
    registry.on_request(move |r| {
        let redirect = Fault::Status(
            307,
            vec![("Location".to_owned(), target.clone())],
            Vec::new(),
        );
        (r.method == "GET" && r.is_authorized()).then_some(redirect)
    });
    let (client, source) = (client_of(&registry), name(&registry, "acme/job"));
    assert_eq!(
        client.get_blob_bytes(&source, &blob(), 100).await.unwrap(),
        BLOB
    );
    let followed = other.requests();
    assert_eq!(followed.len(), 1);
    assert!(!followed[0].is_authorized() && !followed[0].headers.contains_key("referer"));
    assert!(
        registry
            .requests()
            .iter()
            .any(support::registry::RequestInfo::is_authorized)
    );

    other.clear_requests();
    other.on_request(|r| (r.method == "PUT").then_some(Fault::status(201)));
    registry.on_request(|_| None);
    registry.set_location(LocationForm::Elsewhere(other.address()));
    push(&client, &name(&registry, "acme/new"), None)
        .await
        .unwrap();
    let stored = other.requests();
    assert_eq!((stored.len(), stored[0].body_length), (1, BLOB.len()));
    assert!(!stored[0].is_authorized());
}

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
    let digest = registry.put_blob("acme/base", BLOB);
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

    for (fault, tries) in [
        (Fault::status(500), 3),
        (Fault::status(400), 1),
        (Fault::status(501), 1),
    ] {
        registry.clear_requests();
        registry.fail("HEAD", 9, fault);
        assert_eq!(
            client.has_blob(&source, digest).await.unwrap_err().kind(),
            Kind::Network
        );
        assert_eq!(registry.requests().len(), tries);
    }
}

#[tokio::test]
async fn an_upload_that_breaks_asks_whether_it_arrived_and_starts_over() {
    for fault in [Fault::DropConnection, Fault::status(502)] {
        let registry = Registry::start();
        registry.fail("PUT", 1, fault);
        let outcome = push(&client(), &name(&registry, "acme/job"), None).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
        let methods: Vec<_> = registry.requests().into_iter().map(|r| r.method).collect();
        assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD", "POST", "PUT"]);
    }
}

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
        .push_blob(&source, &blob(), None, &short)
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
            "There is no image for `linux/s390x`, only for `linux/arm/v6`, `linux/arm/v7`, `linux/amd64`"
        ),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_named() {
    let gone = Registry::start().address();
    let reference: Reference = format!("{gone}/a/b").parse().unwrap();
    let error = client().get_manifest(&reference).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(told(&error).contains(&format!("The connection to `{gone}` failed")));
}
