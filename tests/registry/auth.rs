//! Who may, and who gets to see the password.

use super::*;

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
                let push = BlobPush {
                    mount_from: Some(base),
                    ..BlobPush::new(descriptor)
                };
                client.push_blob(&target, push, &body).await
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
async fn a_token_that_was_got_for_more_serves_all_of_a_push() {
    let registry = token_registry();
    registry.put_blob("acme/base", BLOB);
    let client = client_with(login(&registry));
    let (base, target) = (name(&registry, "acme/base"), name(&registry, "acme/job:1"));
    let access = Access::Push {
        mount_from: Some(&base),
    };
    assert_eq!(client.find_manifest(&target, access).await.unwrap(), None);
    assert_eq!(
        push(&client, &target, Some(&base)).await.unwrap(),
        BlobOutcome::Mounted
    );
    let config = Descriptor::of(MediaType::Config, b"{}");
    let upload = client.open_upload(&target).await.unwrap();
    let config_push = BlobPush {
        presence: Presence::Unlikely,
        session: Some(upload),
        ..BlobPush::new(config.clone())
    };
    let body = BlobBody::from(&b"{}"[..]);
    client.push_blob(&target, config_push, &body).await.unwrap();
    let manifest = Manifest::new(config, vec![blob()]).to_bytes();
    let tag = target.selector();
    client
        .push_manifest(&target, &MediaType::Manifest, &manifest, &tag)
        .await
        .unwrap();
    assert_eq!(
        client.get_manifest(&target).await.unwrap().bytes,
        manifest,
        "reading is covered, too"
    );
    assert_eq!(registry.count("GET /token"), 1);
    let refused = registry
        .lines()
        .iter()
        .filter(|l| l.ends_with("401"))
        .count();
    assert_eq!(refused, 1, "only the first request goes without a token");
    assert_connections_shared(&registry, 1);

    // A service may give less than it was asked for. Then what is got for less is asked for by itself.
    registry.revoke_tokens();
    registry.clear_requests();
    let pull = client.get_manifest(&target).await.unwrap();
    assert_eq!(pull.bytes, manifest);
    let token = registry.requests().into_iter().find(|r| r.path == "/token");
    assert_eq!(
        token.unwrap().query_all("scope"),
        ["repository:acme/job:pull"]
    );
}

#[tokio::test]
async fn many_first_requests_share_one_token() {
    let registry = token_registry();
    registry.put_blob("acme/base", BLOB);
    let client = client_with(login(&registry));
    let base = name(&registry, "acme/base");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, base) = (client.clone(), base.clone());
            tokio::spawn(async move { client.get_blob_bytes(&base, &blob(), 100).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), BLOB);
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
    let pull = async || client.get_blob_bytes(&target, &blob(), 100).await.unwrap();
    assert_eq!(pull().await, BLOB);
    registry.set_token_service(TokenService {
        expires_in: Some(0.into()),
        ..TokenService::default()
    });
    registry.revoke_tokens();
    let before = registry.count("GET /token");
    for _ in 0..2 {
        assert_eq!(pull().await, BLOB);
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
