//! Token services as they are: with ways of their own, wrong, slow, or hostile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use super::*;

fn identity(registry: &Registry) -> CredentialStore {
    let token = Credentials::Identity(Secret::new("long-lived"));
    CredentialStore::default().with_login(&registry.address(), token)
}

fn refresh_registry() -> Registry {
    Registry::with_auth(Auth::Refresh {
        token: "long-lived".to_owned(),
    })
}

#[tokio::test]
async fn a_token_is_got_from_every_kind_of_service() {
    let usual = TokenService::default;
    let (by_password, by_token) = (["GET"], ["POST"]);
    for (service, is_identity, asked) in [
        (usual(), false, &by_password[..]),
        (usual(), true, &by_token),
        (
            TokenService {
                field: Some("access_token"),
                ..usual()
            },
            false,
            &by_password,
        ),
        (
            TokenService {
                field: Some("token"),
                ..usual()
            },
            true,
            &by_token,
        ),
        (
            TokenService {
                first_scope_only: true,
                ..usual()
            },
            false,
            &by_password,
        ),
        // Services that know no OAuth 2 say so in these ways.
        (
            TokenService {
                post: Some(400),
                ..usual()
            },
            true,
            &["POST", "GET"],
        ),
        (
            TokenService {
                post: Some(401),
                ..usual()
            },
            true,
            &["POST", "GET"],
        ),
        (
            TokenService {
                post: Some(404),
                ..usual()
            },
            true,
            &["POST", "GET"],
        ),
        (
            TokenService {
                post: Some(405),
                ..usual()
            },
            true,
            &["POST", "GET"],
        ),
    ] {
        let (registry, store) = if is_identity {
            let registry = refresh_registry();
            let store = identity(&registry);
            (registry, store)
        } else {
            let registry = token_registry();
            let store = login(&registry);
            (registry, store)
        };
        registry.set_token_service(service.clone());
        let client = client_with(store);
        push(&client, &name(&registry, "acme/job"), None)
            .await
            .unwrap_or_else(|error| panic!("{service:?}: {}", told(&error)));
        let methods: Vec<_> = registry
            .requests()
            .into_iter()
            .filter(|request| request.path == "/token")
            .map(|request| request.method)
            .collect();
        assert_eq!(methods, asked, "{service:?}");
    }
}

#[tokio::test]
async fn an_identity_token_that_is_refused_costs_one_more_question_and_is_told_by_the_better_answer()
 {
    let (by_oauth, by_login) = ("unknown token", "incorrect username or password");
    // What is answered to POST instead of the truth, how often GET is tried, and how the answer that is told ends.
    for (post, asked, expected) in [
        (None, 1, by_oauth),
        (Some(400), 1, by_login),
        (Some(401), 1, by_login),
        (Some(404), 1, by_login),
        (Some(405), 1, by_login),
        (Some(403), 0, "403 Forbidden"),
    ] {
        let registry = refresh_registry();
        registry.set_token_service(TokenService {
            post,
            ..TokenService::default()
        });
        let token = Credentials::Identity(Secret::new("outdated"));
        let store = CredentialStore::default().with_login(&registry.address(), token);
        let error = push(&client_with(store), &name(&registry, "acme/job"), None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthorized, "{post:?}");
        assert_eq!(registry.count("GET /token"), asked, "{post:?}");
        let told = told(&error);
        assert!(told.ends_with(expected), "{post:?}: {told}");
        assert!(!told.contains("outdated"), "{told}");
    }
    // A service that is out of order has refused nothing yet.
    let registry = refresh_registry();
    let times = AtomicUsize::new(0);
    registry.on_request(move |request| match (&*request.method, &*request.path) {
        ("POST", "/token") => Some(Fault::error(400, "UNSUPPORTED", "what?")),
        ("GET", "/token") if times.fetch_add(1, Ordering::SeqCst) == 0 => Some(Fault::status(503)),
        _ => None,
    });
    let client = client_with(identity(&registry));
    push(&client, &name(&registry, "acme/job"), None)
        .await
        .unwrap();
    assert_eq!(registry.count("GET /token"), 2);
}

#[tokio::test]
async fn a_service_that_gives_no_token_is_told_and_not_waited_for() {
    let body = |text: &str| Fault::Status(200, Vec::new(), text.as_bytes().to_vec());
    let elsewhere = Registry::start();
    let redirect = |status| {
        let target = format!("http://{}/token", elsewhere.address());
        Fault::Status(status, vec![("Location".to_owned(), target)], Vec::new())
    };
    let endless = |milliseconds| TokenService {
        endless: Some(Duration::from_millis(milliseconds)),
        ..TokenService::default()
    };
    let huge = format!("{{\"token\":\"{}\"}}", "x".repeat(65 * 1024));
    for (fault, service, expected) in [
        (Some(body("")), None, "sends no token"),
        (Some(body("{}")), None, "sends no token"),
        (Some(body("[]")), None, "sends no token"),
        (Some(body("<html>")), None, "sends no token"),
        (Some(body(r#"{"token":7}"#)), None, "sends no token"),
        (
            Some(body(r#"{"token":"a\r\nX-Evil: b"}"#)),
            None,
            "sends no token",
        ),
        (
            Some(body(&huge)),
            None,
            "sends more than 65536 bytes for a token",
        ),
        (
            None,
            Some(endless(0)),
            "sends more than 65536 bytes for a token",
        ),
        (
            None,
            Some(endless(100)),
            "sends too slowly: hardly anything came in 1 seconds",
        ),
        (
            Some(Fault::Stall(Duration::from_secs(60))),
            None,
            "has been silent for 1 seconds",
        ),
        (Some(redirect(302)), None, "answered 302 Found"),
        (Some(redirect(307)), None, "answered 307 Temporary Redirect"),
    ] {
        let registry = token_registry();
        if let Some(fault) = fault.clone() {
            registry.fail("GET /token", 99, fault);
        }
        if let Some(service) = service.clone() {
            registry.set_token_service(service);
        }
        let settings = HttpSettings {
            read_timeout: Duration::from_millis(1500),
            ..settings()
        };
        let client = Client::new(settings, login(&registry), Arc::new(Silent)).unwrap();
        let started = Instant::now();
        let error = push(&client, &name(&registry, "acme/job"), None)
            .await
            .unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(60), "{fault:?}");
        let told = told(&error);
        assert!(told.ends_with(expected), "{told} for {fault:?} {service:?}");
        assert!(!told.contains("secret") && !told.contains("Evil"), "{told}");
        assert_eq!(error.kind(), Kind::Network, "{told}");
        // Only silence, and what is hardly more, may be an accident.
        let patient = told.contains("silent") || told.contains("slowly");
        let tries = if patient { 3 } else { 1 };
        assert_eq!(registry.count("GET /token"), tries, "{told}");
    }
    assert!(
        elsewhere.requests().is_empty(),
        "the password was taken to another host"
    );
}

#[tokio::test]
async fn a_token_is_used_as_long_as_its_service_says_and_an_hour_at_most() {
    for (expires_in, tokens) in [
        (Value::Null, 1),
        (json!(300), 1),
        (json!("300"), 1),
        (json!(300.5), 1),
        (json!(0), 3),
        (json!("0"), 3),
        (json!(-5), 1),
        (json!("soon"), 1),
        (json!({"seconds": 0}), 1),
        (json!(u64::MAX), 1),
    ] {
        let registry = token_registry();
        registry.put_blob("acme/base", BLOB);
        registry.set_token_service(TokenService {
            expires_in: Some(expires_in.clone()),
            ..TokenService::default()
        });
        let client = client_with(login(&registry));
        let base = name(&registry, "acme/base");
        for _ in 0..3 {
            client.get_blob_bytes(&base, &blob(), 100).await.unwrap();
        }
        assert_eq!(registry.count("GET /token"), tokens, "{expires_in}");
    }
}

/// A registry that wants a token for the source of a mount too, as distribution's does.
fn guard_mounts(registry: &Registry) {
    let challenge = format!(
        "Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:acme/job:pull,push repository:acme/base:pull\"",
        registry.address()
    );
    registry.on_request(move |request| {
        let is_mount = request.method == "POST" && !request.query_all("from").is_empty();
        let own = request.query_all("from") == ["acme/job"];
        (is_mount && !own && request.is_authorized()).then(|| {
            let header = ("WWW-Authenticate".to_owned(), challenge.clone());
            Fault::Status(401, vec![header], Vec::new())
        })
    });
}

#[tokio::test]
async fn the_source_of_a_mount_is_left_out_when_it_is_refused() {
    for (refusal, is_guarded) in [
        (Some(Refusal::Status(400)), false),
        (Some(Refusal::Status(401)), false),
        (Some(Refusal::Status(403)), false),
        (Some(Refusal::Status(403)), true),
        (Some(Refusal::Worthless), false),
        (Some(Refusal::Worthless), true),
        // The service gives what it is asked for, and the registry does not take it.
        (None, true),
    ] {
        let case = format!("{refusal:?}, guarded: {is_guarded}");
        let registry = token_registry();
        registry.put_blob("acme/base", BLOB);
        if is_guarded {
            guard_mounts(&registry);
        }
        registry.set_token_service(TokenService {
            refused: refusal.map(|refusal| ("repository:acme/base:pull".to_owned(), refusal)),
            ..TokenService::default()
        });
        let client = client_with(login(&registry));
        let (base, target) = (name(&registry, "acme/base"), name(&registry, "acme/job"));
        let access = Access::Push {
            mount_from: Some(&base),
        };
        // The first question already is one for all of the push.
        let found = client.find_manifest(&target, access).await;
        assert_eq!(found.unwrap(), None, "{case}");
        let outcome = push(&client, &target, Some(&base)).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{case}");
        assert_eq!(registry.blob("acme/job", blob().digest).unwrap(), BLOB);
        // What was learnt serves the next blob: it costs no token, and no mount in vain.
        registry.clear_requests();
        let bytes = &b"another layer"[..];
        let second = BlobPush {
            mount_from: Some(base),
            ..BlobPush::new(Descriptor::of(GZIP, bytes))
        };
        let outcome = client.push_blob(&target, second, &bytes.into()).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{case}");
        assert_eq!(registry.count("GET /token"), 0, "{case}");
        let refused: Vec<_> = registry.lines();
        assert!(
            refused.iter().all(|line| !line.ends_with("401")),
            "{case}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_upload_goes_on_with_a_new_token_when_the_old_one_ends_in_the_middle() {
    for (line, method) in [
        ("POST /v2/acme/job/blobs/uploads/", "POST"),
        ("PUT /v2/acme/job/blobs/uploads/", "PUT"),
    ] {
        let registry = token_registry();
        let client = client_with(login(&registry));
        let target = name(&registry, "acme/job");
        client
            .find_manifest(&target, Access::Push { mount_from: None })
            .await
            .unwrap();
        let challenge = format!(
            "Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:acme/job:pull,push\"",
            registry.address()
        );
        let header = ("WWW-Authenticate".to_owned(), challenge);
        registry.fail(line, 1, Fault::Status(401, vec![header], Vec::new()));
        registry.clear_requests();
        let outcome = push(&client, &target, None).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{method}");
        let sent: Vec<_> = registry
            .requests()
            .into_iter()
            .filter(|request| request.method == method)
            .map(|request| (request.status, request.headers["authorization"].clone()))
            .collect();
        assert_eq!(sent.len(), 2, "{method}: {sent:?}");
        assert_eq!((sent[0].0, sent[1].0 < 300), (401, true), "{method}");
        assert_ne!(sent[0].1, sent[1].1, "{method}: it was another token");
        assert_eq!(registry.count("GET /token"), 1, "{method}");
        assert_eq!(
            registry.count("POST"),
            if method == "POST" { 2 } else { 1 },
            "the upload was not opened again"
        );
    }
}

#[tokio::test]
async fn a_token_for_the_registry_is_sent_as_it_is() {
    let registry = token_registry();
    registry.put_blob("acme/base", BLOB);
    registry.add_token("my-own", &["repository:acme/base:pull"]);
    let with = |token| {
        let token = Credentials::Bearer(Secret::new(token));
        client_with(CredentialStore::default().with_login(&registry.address(), token))
    };
    let base = name(&registry, "acme/base");
    let bytes = with("my-own").get_blob_bytes(&base, &blob(), 100).await;
    assert_eq!(bytes.unwrap(), BLOB);
    let error = with("other").get_blob_bytes(&base, &blob(), 100).await;
    assert_eq!(error.unwrap_err().kind(), Kind::Unauthorized);
    assert_eq!(registry.count("GET /token"), 0);
}

#[tokio::test]
async fn many_uploads_go_on_with_one_new_token_when_all_tokens_end() {
    let registry = Arc::new(token_registry());
    let client = client_with(login(&registry));
    let target = name(&registry, "acme/job");
    push(&client, &target, None).await.unwrap();
    let (weak, uploads) = (Arc::downgrade(&registry), AtomicUsize::new(0));
    registry.on_request(move |request| {
        if request.method == "PUT" && uploads.fetch_add(1, Ordering::SeqCst) == 2 {
            weak.upgrade().unwrap().revoke_tokens();
        }
        None
    });
    registry.clear_requests();
    let tasks: Vec<_> = (0..8_u8)
        .map(|number| {
            let (client, target) = (client.clone(), target.clone());
            tokio::spawn(async move {
                let bytes = [number; 100];
                let push = BlobPush::new(Descriptor::of(GZIP, &bytes));
                let body = BlobBody::from(&bytes[..]);
                client.push_blob(&target, push, &body).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), BlobOutcome::Uploaded);
    }
    assert_eq!(registry.count("GET /token"), 1);
    let refused = registry.requests();
    assert!(refused.iter().any(|request| request.status == 401));
}

#[tokio::test]
async fn a_basic_challenge_of_harbor_for_a_token_means_another_token() {
    for (service, outcome) in [("harbor-registry", true), ("another", false)] {
        let registry = token_registry();
        let challenge =
            move |scheme: &str| vec![("WWW-Authenticate".to_owned(), scheme.to_owned())];
        let realm = format!("http://{}/token", registry.address());
        let pull = format!("Bearer realm=\"{realm}\",service=\"{service}\"");
        registry.on_request(move |request| {
            let first = !request.is_authorized() && request.path != "/token";
            if first {
                return Some(Fault::Status(401, challenge(&pull), Vec::new()));
            }
            // A token for reading alone does not do for writing.
            let short = request
                .headers
                .get("authorization")
                .is_some_and(|sent| sent == "Bearer token-1");
            (request.method == "POST" && short)
                .then(|| Fault::Status(401, challenge("Basic realm=\"harbor\""), Vec::new()))
        });
        let client = client_with(login(&registry));
        let target = name(&registry, "acme/job");
        let sent = push(&client, &target, None).await;
        assert_eq!(sent.is_ok(), outcome, "{service}: {sent:?}");
    }
}
