//! How many requests a push takes, and which.

use std::sync::Mutex;

use flink_img::progress::{Progress, Reporter};
use flink_img::registry::{Task, Upload};
use support::registry::RequestInfo;

use super::*;

const UPLOADS: &str = "/v2/acme/job/blobs/uploads/";

fn unlikely(session: Option<Upload>) -> BlobPush {
    BlobPush {
        presence: Presence::Unlikely,
        session,
        ..BlobPush::new(blob())
    }
}

async fn send(client: &Client, target: &Reference, push: BlobPush) -> BlobOutcome {
    client.push_blob(target, push, &BLOB.into()).await.unwrap()
}

/// `POST?from=acme/job 202`: the methods, mount sources and answers of all requests, which are then forgotten.
fn told_requests(registry: &Registry) -> Vec<String> {
    let line = |request: &RequestInfo| {
        let from: Vec<_> = request.query_all("from");
        let from = from
            .first()
            .map_or(String::new(), |from| format!("?from={from}"));
        format!("{}{from} {}", request.method, request.status)
    };
    let lines = registry.requests().iter().map(line).collect();
    registry.clear_requests();
    lines
}

#[tokio::test]
async fn a_manifest_that_may_be_missing_takes_one_request() {
    let registry = Registry::start();
    let digest = registry.put_image("acme/job", "1", b"{}", &[]);
    let client = client();
    let find = async |rest: &str| {
        let access = Access::Push { mount_from: None };
        client.find_manifest(&name(&registry, rest), access).await
    };
    assert_eq!(find("acme/job:1").await.unwrap().unwrap().digest, digest);
    assert_eq!(told_requests(&registry), ["GET 200"]);
    assert_eq!(find("acme/job:2").await.unwrap(), None);
    assert_eq!(told_requests(&registry), ["GET 404"]);
    for code in ["NAME_UNKNOWN", "MANIFEST_UNKNOWN"] {
        registry.on_request(move |_| Some(Fault::error(400, code, "unknown")));
        assert_eq!(find("acme/job:1").await.unwrap(), None, "{code}");
        assert_eq!(told_requests(&registry), ["GET 400"]);
    }
    for (status, kind) in [
        (401, Kind::Unauthorized),
        (403, Kind::Unauthorized),
        (400, Kind::Network),
    ] {
        registry.on_request(move |_| Some(Fault::error(status, "DENIED", "not for you")));
        let error = find("acme/job:1").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert!(matches!(error.task(), Task::PullManifest(_)));
        assert_eq!(told_requests(&registry).len(), 1);
    }
}

#[tokio::test]
async fn a_token_service_that_refuses_the_right_to_push_is_no_missing_manifest() {
    let registry = token_registry();
    registry.put_image("acme/job", "1", b"{}", &[]);
    registry.on_request(|request| {
        let pushes = request
            .query_all("scope")
            .iter()
            .any(|scope| scope.contains("push"));
        pushes.then(|| Fault::status(403))
    });
    let client = client_with(login(&registry));
    let target = name(&registry, "acme/job:1");
    let access = Access::Push { mount_from: None };
    let error = client.find_manifest(&target, access).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoToken { .. }), "{error:?}");
    let found = client.find_manifest(&target, Access::Pull).await.unwrap();
    assert!(found.is_some());
}

#[tokio::test]
async fn the_question_whether_one_may_push_opens_the_upload_that_is_used() {
    let registry = Registry::start();
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    let upload = client.open_upload(&target).await.unwrap();
    let outcome = send(&client, &target, unlikely(Some(upload))).await;
    assert_eq!(outcome, BlobOutcome::Uploaded);
    assert_eq!(
        registry.lines(),
        [
            format!("POST {UPLOADS} 202"),
            format!("PUT {UPLOADS}upload-1 201")
        ]
    );
    assert_eq!(registry.blob("acme/job", blob().digest).unwrap(), BLOB);

    registry.clear_requests();
    let upload = client.open_upload(&target).await.unwrap();
    client.cancel_upload(upload).await;
    assert_eq!(told_requests(&registry), ["POST 202", "DELETE 204"]);
    let upload = client.open_upload(&target).await.unwrap();
    registry.on_request(|_| Some(Fault::status(405)));
    client.cancel_upload(upload).await;

    registry.on_request(|_| Some(Fault::error(403, "DENIED", "not your repository")));
    let error = client.open_upload(&target).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert!(matches!(error.task(), Task::Push(_)));
}

#[tokio::test]
async fn an_upload_is_given_back_with_the_token_that_there_is() {
    let registry = token_registry();
    let (client, target) = (client_with(login(&registry)), name(&registry, "acme/job"));
    let upload = client.open_upload(&target).await.unwrap();
    registry.clear_requests();
    registry.revoke_tokens();
    client.cancel_upload(upload).await;
    // Nobody asks for the right to delete, which few have.
    assert_eq!(told_requests(&registry), ["DELETE 401"]);
}

#[tokio::test]
async fn an_upload_that_is_there_no_more_is_replaced() {
    for fault in [
        None,
        Some(Fault::error(400, "BLOB_UPLOAD_INVALID", "invalid")),
        Some(Fault::status(410)),
    ] {
        let registry = Registry::start();
        let (client, target) = (client(), name(&registry, "acme/job:1"));
        let upload = client.open_upload(&target).await.unwrap();
        match fault.clone() {
            None => registry.forget_uploads(),
            Some(fault) => registry.fail("PUT", 1, fault),
        }
        registry.clear_requests();
        let outcome = send(&client, &target, unlikely(Some(upload))).await;
        assert_eq!(outcome, BlobOutcome::Uploaded, "{fault:?}");
        let requests = told_requests(&registry);
        assert!(requests[0].starts_with("PUT 4"), "{requests:?}");
        assert_eq!(requests[1..], ["POST 202", "PUT 201"]);
    }
}

#[tokio::test]
async fn an_upload_of_another_repository_is_not_used() {
    let registry = Registry::start();
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    let other = client
        .open_upload(&name(&registry, "acme/other"))
        .await
        .unwrap();
    registry.clear_requests();
    send(&client, &target, unlikely(Some(other))).await;
    assert_eq!(
        told_requests(&registry),
        ["POST?from=acme/job 202", "PUT 201"]
    );
}

#[tokio::test]
async fn what_may_be_there_is_asked_for_first() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    let base = name(&registry, "acme/base");
    let unknown = |session, mount_from: Option<&Reference>| BlobPush {
        session,
        mount_from: mount_from.cloned(),
        ..BlobPush::new(blob())
    };
    let open = async || {
        let upload = client.open_upload(&target).await.unwrap();
        registry.clear_requests();
        Some(upload)
    };
    let outcome = send(&client, &target, unknown(open().await, Some(&base))).await;
    assert_eq!(outcome, BlobOutcome::Mounted);
    let expected = ["HEAD 404", "POST?from=acme/base 201", "DELETE 204"];
    assert_eq!(told_requests(&registry), expected);

    let outcome = send(&client, &target, unknown(None, Some(&base))).await;
    assert_eq!(outcome, BlobOutcome::AlreadyThere);
    assert_eq!(told_requests(&registry), ["HEAD 200"]);
    let outcome = send(&client, &target, unknown(open().await, None)).await;
    assert_eq!(outcome, BlobOutcome::AlreadyThere);
    assert_eq!(told_requests(&registry), ["HEAD 200", "DELETE 204"]);

    let config = Descriptor::of(MediaType::Config, b"{}");
    let push = BlobPush {
        session: open().await,
        ..BlobPush::new(config)
    };
    let body = BlobBody::from(&b"{}"[..]);
    client.push_blob(&target, push, &body).await.unwrap();
    assert_eq!(told_requests(&registry), ["HEAD 404", "PUT 201"]);
}

#[tokio::test]
async fn what_was_made_just_now_is_sent_at_once() {
    let registry = Registry::start();
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    assert_eq!(
        send(&client, &target, unlikely(None)).await,
        BlobOutcome::Uploaded
    );
    assert_eq!(
        told_requests(&registry),
        ["POST?from=acme/job 202", "PUT 201"]
    );
    // A registry that has it says so.
    assert_eq!(
        send(&client, &target, unlikely(None)).await,
        BlobOutcome::AlreadyThere
    );
    assert_eq!(told_requests(&registry), ["POST?from=acme/job 201"]);
    // What another repository just got is mounted from there.
    let copies = name(&registry, "acme/copies");
    let push = BlobPush {
        mount_from: Some(target.clone()),
        ..unlikely(None)
    };
    assert_eq!(send(&client, &copies, push).await, BlobOutcome::Mounted);
    assert_eq!(told_requests(&registry), ["POST?from=acme/job 201"]);
    assert_eq!(registry.traffic().received, BLOB.len());
    assert_connections_shared(&registry, 1);
}

#[tokio::test]
async fn a_registry_that_does_not_mount_from_the_same_repository_is_asked_once() {
    for status in [400, 404, 405, 409] {
        let registry = Registry::start();
        registry.on_request(move |request| {
            let mounts = !request.query_all("mount").is_empty();
            mounts.then(|| Fault::error(status, "UNSUPPORTED", "not like this"))
        });
        let (client, target) = (client(), name(&registry, "acme/job:1"));
        send(&client, &target, unlikely(None)).await;
        let first = format!("POST?from=acme/job {status}");
        assert_eq!(
            told_requests(&registry),
            [first.as_str(), "POST 202", "PUT 201"]
        );
        send(&client, &target, unlikely(None)).await;
        assert_eq!(told_requests(&registry), ["POST 202", "PUT 201"]);
    }
    for status in [401, 403] {
        let registry = Registry::start();
        registry.on_request(move |_| Some(Fault::status(status)));
        let push = unlikely(None);
        let target = name(&registry, "acme/job:1");
        let error = client().push_blob(&target, push, &BLOB.into()).await;
        assert_eq!(error.unwrap_err().kind(), Kind::Unauthorized);
        assert_eq!(
            told_requests(&registry),
            [format!("POST?from=acme/job {status}")]
        );
    }
    let registry = Registry::start();
    registry.fail("POST", 1, Fault::status(429));
    send(&client(), &name(&registry, "acme/job"), unlikely(None)).await;
    let expected = ["POST?from=acme/job 429", "HEAD 404", "POST 202", "PUT 201"];
    assert_eq!(told_requests(&registry), expected);
}

#[tokio::test]
async fn after_a_failure_the_registry_is_asked_whether_the_bytes_arrived() {
    let registry = Registry::start();
    registry.fail("PUT", 1, Fault::DropConnection);
    let (client, target) = (client(), name(&registry, "acme/job:1"));
    let upload = client.open_upload(&target).await.unwrap();
    registry.clear_requests();
    send(&client, &target, unlikely(Some(upload))).await;
    let expected = ["PUT 0", "HEAD 404", "GET 204", "PUT 201"];
    assert_eq!(told_requests(&registry), expected);

    // This time they did, and only the answer was lost.
    let registry = Arc::new(Registry::start());
    let stores = Arc::downgrade(&registry);
    registry.on_request(move |request| {
        let registry = stores.upgrade().filter(|_| request.method == "PUT")?;
        registry.put_blob("acme/job", BLOB);
        Some(Fault::DropConnection)
    });
    let target = name(&registry, "acme/job:1");
    let outcome = send(&client, &target, unlikely(None)).await;
    assert_eq!(outcome, BlobOutcome::AlreadyThere);
    let expected = ["POST?from=acme/job 202", "PUT 0", "HEAD 200"];
    assert_eq!(told_requests(&registry), expected);
}

#[tokio::test]
async fn uploads_at_the_same_time_share_a_few_connections_and_one_token() {
    let registry = token_registry();
    let (client, target) = (client_with(login(&registry)), name(&registry, "acme/job"));
    client.open_upload(&target).await.unwrap();
    for round in 0..5_u8 {
        let tasks: Vec<_> = (0..4_u8)
            .map(|number| {
                let (client, target) = (client.clone(), target.clone());
                tokio::spawn(async move {
                    let bytes = vec![round * 4 + number; 100_000];
                    let push = BlobPush {
                        presence: Presence::Unlikely,
                        ..BlobPush::new(Descriptor::of(GZIP, &bytes))
                    };
                    client.push_blob(&target, push, &bytes[..].into()).await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), BlobOutcome::Uploaded);
        }
    }
    assert_eq!(registry.count("GET /token"), 1);
    assert_connections_shared(&registry, 4);
}

/// Remembers what is told.
#[derive(Debug, Clone, Default)]
struct Listener {
    label: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Reporter for Listener {
    fn note(&self, _message: &str) {}
    fn detail(&self, _message: &str) {}
    fn warn(&self, _message: &str) {}
    fn start(&self, label: &str, _total: Option<u64>) -> Box<dyn Progress> {
        let label = label.to_owned();
        Box::new(Self {
            label,
            ..self.clone()
        })
    }
}

impl Progress for Listener {
    fn advance(&self, bytes: u64) {
        self.told.lock().unwrap().push(format!("{bytes} bytes"));
    }
    fn finish(&self, outcome: &str) {
        let line = format!("{}: {outcome}", self.label);
        self.told.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn people_are_told_how_a_blob_came_there() {
    let registry = Registry::start();
    registry.put_blob("acme/base", BLOB);
    let listener = Listener::default();
    let reporter = Arc::new(listener.clone());
    let client = Client::new(settings(), CredentialStore::default(), reporter).unwrap();
    let (base, target) = (name(&registry, "acme/base"), name(&registry, "acme/job"));
    let third = name(&registry, "acme/third");
    let push = |mount_from: Option<&Reference>| BlobPush {
        label: "job".to_owned(),
        mount_from: mount_from.cloned(),
        ..BlobPush::new(blob())
    };
    send(&client, &target, push(Some(&base))).await;
    send(&client, &target, push(None)).await;
    send(&client, &third, push(None)).await;
    let mut told = listener.told.lock().unwrap().clone();
    told.retain(|line| line != "0 bytes");
    assert_eq!(
        told,
        [
            "job: mounted",
            "job: already in the registry",
            "21 bytes",
            "job: pushed"
        ]
    );
}
