//! Uploads that break, and registries that do not take a blob as it comes.

use std::sync::atomic::{AtomicUsize, Ordering};

use support::registry::{RequestInfo, Ways};

use super::*;

const MIB: usize = 1024 * 1024;
const SIZE: usize = 3 * MIB + 17;

fn bytes(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

async fn send(client: &Client, registry: &Registry, bytes: &[u8]) -> Result<BlobOutcome, Error> {
    let push = BlobPush {
        presence: Presence::Unlikely,
        ..BlobPush::new(Descriptor::of(GZIP, bytes))
    };
    let target = name(registry, "acme/job");
    client.push_blob(&target, push, &bytes.into()).await
}

/// The requests about uploads: method, status and length of the body.
fn uploads(registry: &Registry) -> Vec<(String, u16, usize)> {
    let told = |request: RequestInfo| (request.method, request.status, request.body_length);
    registry.requests().into_iter().map(told).collect()
}

fn assert_there(registry: &Registry, bytes: &[u8]) {
    let found = registry.blob("acme/job", Digest::of(bytes)).unwrap();
    assert!(found == bytes);
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_the_registry_says_it_stands() {
    for form in [
        LocationForm::Relative,
        LocationForm::Absolute,
        LocationForm::Query,
        LocationForm::Moving,
    ] {
        let registry = Registry::start();
        registry.set_location(form.clone());
        registry.fail_early("PUT", 1, Fault::ResetRequest(2 * MIB));
        let content = bytes(SIZE);
        let outcome = send(&client(), &registry, &content).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{form:?}");
        assert_there(&registry, &content);
        let expected = [
            ("POST", 202, 0),
            ("PUT", 0, 2 * MIB),
            ("HEAD", 404, 0),
            ("GET", 204, 0),
            ("PATCH", 202, SIZE - 2 * MIB),
            ("PUT", 201, 0),
        ]
        .map(|(method, status, length)| (method.to_owned(), status, length));
        assert_eq!(uploads(&registry), expected, "{form:?}");
        let chunk = &registry.requests()[4];
        let range = format!("{}-{}", 2 * MIB, SIZE - 1);
        assert_eq!(chunk.headers["content-range"], range);
    }
}

#[tokio::test]
async fn an_upload_that_the_registry_forgot_starts_over() {
    for ways in [
        Ways {
            forgets_broken: true,
            ..Ways::default()
        },
        Ways {
            refuse_chunks: Some(405),
            ..Ways::default()
        },
    ] {
        let registry = Registry::start();
        registry.set_ways(ways.clone());
        registry.fail_early("PUT", 1, Fault::ResetRequest(MIB));
        let content = bytes(SIZE);
        send(&client(), &registry, &content).await.unwrap();
        assert_there(&registry, &content);
        let last = uploads(&registry).pop().unwrap();
        assert_eq!(last, ("PUT".to_owned(), 201, SIZE), "{ways:?}");
    }
}

#[tokio::test]
async fn a_blob_whose_line_breaks_again_and_again_arrives_as_long_as_it_gets_on() {
    let registry = Registry::start();
    // Far more breaks than tries; a mebibyte or more arrives with each.
    registry.on_head(|request| {
        let long = request
            .headers
            .get("content-length")?
            .parse::<usize>()
            .ok()?
            > MIB + 1;
        long.then_some(Fault::ResetRequest(MIB + 1))
    });
    let content = bytes(12 * MIB);
    send(&client(), &registry, &content).await.unwrap();
    assert_there(&registry, &content);
}

#[tokio::test]
async fn a_proxy_that_limits_bodies_gets_chunks_and_later_blobs_need_no_trial() {
    let registry = Registry::start();
    registry.set_ways(Ways {
        body_limit: Some(MIB),
        ..Ways::default()
    });
    let client = client();
    let content = bytes(SIZE);
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    let refused = |registry: &Registry| uploads(registry).iter().filter(|r| r.1 == 413).count();
    assert!(refused(&registry) >= 1);
    registry.clear_requests();
    let content = bytes(SIZE + 1);
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    assert_eq!(refused(&registry), 0);
    let longest = uploads(&registry).iter().map(|r| r.2).max();
    assert!(longest <= Some(MIB), "{longest:?}");
}

#[tokio::test]
async fn chunks_and_whole_blobs_stand_in_for_each_other() {
    const LIMIT: Option<usize> = Some(MIB);
    for (ways, refusal) in [
        (
            Ways {
                refuse_whole: Some(405),
                ..Ways::default()
            },
            None,
        ),
        (
            Ways {
                refuse_whole: Some(501),
                chunk_min_length: Some(MIB),
                ..Ways::default()
            },
            None,
        ),
        (
            Ways {
                body_limit: LIMIT,
                stuck_range: true,
                ..Ways::default()
            },
            None,
        ),
        (
            Ways {
                body_limit: LIMIT,
                refuse_chunks: Some(405),
                ..Ways::default()
            },
            Some("413 Payload Too Large"),
        ),
        (
            Ways {
                body_limit: Some(1000),
                ..Ways::default()
            },
            Some("413 Payload Too Large"),
        ),
        (
            Ways {
                refuse_whole: Some(405),
                refuse_chunks: Some(405),
                ..Ways::default()
            },
            Some("405 Method Not Allowed: no chunks"),
        ),
    ] {
        let registry = Registry::start();
        registry.set_ways(ways.clone());
        let content = bytes(SIZE);
        let outcome = send(&client(), &registry, &content).await;
        match refusal {
            None => {
                assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{ways:?}");
                assert_there(&registry, &content);
            }
            Some(refusal) => {
                let told = told(&outcome.unwrap_err());
                assert!(told.contains(refusal), "{ways:?}: {told}");
                assert_eq!(registry.blob("acme/job", Digest::of(&content)), None);
            }
        }
    }
}

#[tokio::test]
async fn a_chunk_is_as_long_as_the_registry_wants_it() {
    let registry = Registry::start();
    registry.set_ways(Ways {
        body_limit: Some(2 * MIB),
        chunk_min_length: Some(2 * MIB),
        ..Ways::default()
    });
    let content = bytes(9 * MIB);
    send(&client(), &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    let chunks: Vec<_> = uploads(&registry)
        .into_iter()
        .filter(|(method, status, _)| method == "PATCH" && *status == 202)
        .map(|(.., length)| length)
        .collect();
    let (last, others) = chunks.split_last().unwrap();
    assert!(others.iter().all(|length| *length == 2 * MIB), "{chunks:?}");
    assert!(*last <= 2 * MIB);
}

#[tokio::test]
async fn chunks_that_were_put_together_wrongly_are_noticed_and_sent_as_one() {
    let registry = Registry::start();
    registry.set_ways(Ways {
        last_chunk_wins: true,
        ..Ways::default()
    });
    registry.fail_early("PUT", 1, Fault::ResetRequest(MIB));
    let content = bytes(SIZE);
    let client = client();
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    // That is remembered: the next one that breaks is not pieced together any more.
    registry.fail_early("PUT", 1, Fault::ResetRequest(MIB));
    registry.clear_requests();
    let content = bytes(SIZE + 1);
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    assert_eq!(registry.count("PATCH"), 0);
}

#[tokio::test]
async fn what_breaks_as_a_whole_twice_goes_in_chunks() {
    let registry = Registry::start();
    registry.set_ways(Ways {
        forgets_broken: true,
        ..Ways::default()
    });
    registry.on_head(|request| {
        let length: usize = request.headers.get("content-length")?.parse().ok()?;
        (length > MIB).then_some(Fault::ResetRequest(MIB))
    });
    let content = bytes(SIZE);
    send(&client(), &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    assert!(registry.count("PATCH") >= 3);
}

#[tokio::test]
async fn chunks_follow_an_upload_that_moves() {
    let registry = Registry::start();
    registry.set_location(LocationForm::Moving);
    registry.set_ways(Ways {
        body_limit: Some(MIB),
        ..Ways::default()
    });
    let content = bytes(SIZE);
    send(&client(), &registry, &content).await.unwrap();
    assert_there(&registry, &content);
}

#[tokio::test]
async fn a_registry_that_tells_of_more_bytes_than_there_are_gets_them_again() {
    for ways in [
        Ways {
            boasts: 1,
            ..Ways::default()
        },
        Ways {
            boasts: 100 * MIB,
            ..Ways::default()
        },
        Ways {
            stuck_range: true,
            ..Ways::default()
        },
    ] {
        let registry = Registry::start();
        registry.set_ways(ways.clone());
        registry.fail_early("PUT", 1, Fault::ResetRequest(SIZE));
        let content = bytes(SIZE);
        let outcome = send(&client(), &registry, &content).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{ways:?}");
        assert_there(&registry, &content);
    }
}

#[tokio::test]
async fn a_registry_that_throttles_between_chunks_keeps_what_it_has() {
    for fault in [
        Fault::status(429),
        Fault::status(408),
        Fault::status(503),
        Fault::status(500),
    ] {
        let registry = Registry::start();
        registry.set_ways(Ways {
            body_limit: Some(MIB),
            ..Ways::default()
        });
        let client = client();
        send(&client, &registry, &bytes(SIZE)).await.unwrap();
        registry.clear_requests();
        let chunks = AtomicUsize::new(0);
        let between = fault.clone();
        registry.on_request(move |request| {
            let third = request.method == "PATCH" && chunks.fetch_add(1, Ordering::SeqCst) == 2;
            third.then(|| between.clone())
        });
        let content = bytes(5 * MIB);
        send(&client, &registry, &content).await.unwrap();
        assert_there(&registry, &content);
        let opened = registry.count("POST");
        assert_eq!(opened, 1, "{fault:?}: {:?}", uploads(&registry));
    }
}

#[tokio::test]
async fn a_question_that_fails_does_not_lose_the_upload() {
    let registry = Registry::start();
    registry.fail_early("PUT", 1, Fault::ResetRequest(2 * MIB));
    registry.fail("GET", 1, Fault::status(503));
    let content = bytes(SIZE);
    send(&client(), &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    assert_eq!(registry.count("POST"), 1);
}

#[tokio::test]
async fn a_slow_line_has_all_its_tries() {
    let registry = Registry::start();
    // Longer than the budget, and getting on all the time.
    let slow = AtomicUsize::new(0);
    registry.on_read(move |received| {
        if received > MIB && slow.fetch_add(1, Ordering::SeqCst) < 3 {
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    registry.fail_early("PUT", 1, Fault::ResetRequest(2 * MIB));
    let settings = HttpSettings {
        retry: RetryPolicy {
            budget: Duration::from_secs(1),
            ..settings().retry
        },
        ..settings()
    };
    let client = Client::new(settings, CredentialStore::default(), Arc::new(Silent)).unwrap();
    let content = bytes(SIZE);
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
}

#[tokio::test]
async fn what_breaks_for_other_reasons_does_not_shorten_chunks() {
    let registry = Registry::start();
    let client = client();
    for size in [300_000, SIZE] {
        registry.fail("PUT", 2, Fault::status(503));
        send(&client, &registry, &bytes(size)).await.unwrap();
    }
    registry.clear_requests();
    let content = bytes(12 * MIB);
    send(&client, &registry, &content).await.unwrap();
    assert_eq!(registry.count("PATCH"), 0);
}

#[tokio::test]
async fn a_stored_blob_that_is_told_to_be_another_is_an_error() {
    let registry = Registry::start();
    let other = Digest::of(b"other").to_string();
    registry.on_request(move |request| {
        (request.method == "PUT")
            .then(|| Fault::Header("Docker-Content-Digest", Some(other.clone())))
    });
    let error = send(&client(), &registry, &bytes(100)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
}

#[tokio::test]
async fn a_storage_host_that_knows_no_head_is_no_obstacle() {
    let (registry, storage) = (Registry::start(), Registry::start());
    storage.on_request(|_| Some(Fault::status(403)));
    let elsewhere = format!("http://{}/blob", storage.address());
    registry.on_request(move |request| {
        let location = vec![("Location".to_owned(), elsewhere.clone())];
        (request.method == "HEAD").then(|| Fault::Status(307, location, Vec::new()))
    });
    let outcome = push(&client(), &name(&registry, "acme/job"), None).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
}

#[tokio::test]
async fn a_token_that_ends_between_chunks_is_replaced_and_the_upload_goes_on() {
    let registry = Arc::new(token_registry());
    registry.set_ways(Ways {
        body_limit: Some(MIB),
        ..Ways::default()
    });
    let client = client_with(login(&registry));
    let chunks = AtomicUsize::new(0);
    let revoking = Arc::downgrade(&registry);
    registry.on_head(move |request| {
        if request.method == "PATCH" && chunks.fetch_add(1, Ordering::SeqCst) == 1 {
            revoking.upgrade()?.revoke_tokens();
        }
        None
    });
    let content = bytes(SIZE);
    send(&client, &registry, &content).await.unwrap();
    assert_there(&registry, &content);
    assert_eq!(registry.count("GET /token"), 2);
    assert_eq!(
        registry.count("POST"),
        2,
        "one is the first, without a token"
    );
}

#[tokio::test]
async fn a_registry_without_head_gets_the_blob() {
    for status in [404, 405, 501] {
        let registry = Registry::start();
        registry.set_ways(Ways {
            refuse_head: Some(status),
            ..Ways::default()
        });
        let target = name(&registry, "acme/job");
        let outcome = push(&client(), &target, None).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{status}");
        assert_there(&registry, BLOB);
    }
}
