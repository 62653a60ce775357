//! Registries that want less, are slow, or never come to an end.

use std::sync::Mutex;
use std::time::Instant;

use super::*;

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[tokio::test]
async fn the_pause_that_a_registry_asks_for_is_kept() {
    for (status, asked) in [(429, "1"), (503, "1")] {
        let registry = Registry::start();
        let fault = Fault::Status(status, header("Retry-After", asked), Vec::new());
        registry.fail("POST", 1, fault);
        let start = Instant::now();
        push(&client(), &name(&registry, "acme/job"), None)
            .await
            .unwrap();
        assert!(start.elapsed() >= Duration::from_secs(1), "{status}");
        assert_eq!(registry.count("POST"), 2);
    }
}

#[tokio::test]
async fn a_pause_beyond_all_patience_is_told_at_once() {
    let registry = Registry::start();
    let fault = Fault::Status(429, header("Retry-After", "86400"), Vec::new());
    registry.fail("HEAD", 9, fault);
    let start = Instant::now();
    let error = push(&client(), &name(&registry, "acme/job"), None)
        .await
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(registry.requests().len(), 1);
    assert_eq!(error.kind(), Kind::Network);
    assert_eq!(
        error.hint().unwrap(),
        "it asks to be left alone for 86400 seconds; try again later, or wait for longer with `--timeout`"
    );
}

#[tokio::test]
async fn nobody_waits_for_a_pause_beyond_all_patience() {
    let registry = Registry::start();
    let (client, target) = (client(), name(&registry, "acme/job"));
    let upload = client.open_upload(&target).await.unwrap();
    let fault = Fault::Status(429, header("Retry-After", "86400"), Vec::new());
    registry.fail("HEAD", 9, fault);
    let start = Instant::now();
    push(&client, &target, None).await.unwrap_err();
    client.cancel_upload(upload).await;
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_pause_that_one_request_is_asked_for_holds_for_all() {
    for status in [429, 503] {
        let registry = Registry::start();
        let (client, target) = (client(), name(&registry, "acme/job"));
        // So that the registry is known.
        push(&client, &target, None).await.unwrap();
        let fault = Fault::Status(status, header("Retry-After", "1"), Vec::new());
        registry.fail("GET", 1, fault);
        let asked = client.get_manifest(&target);
        let start = Instant::now();
        let other = async {
            // Not before the other one has got its answer.
            while registry.count("GET") == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.open_upload(&target).await.unwrap();
            start.elapsed()
        };
        let (_, waited) = tokio::join!(asked, other);
        assert!(waited >= Duration::from_secs(1), "{status}: {waited:?}");
    }
}

#[tokio::test]
async fn a_registry_may_take_its_time_with_what_it_has_got() {
    let registry = Registry::start();
    // Longer than it may be silent otherwise.
    registry.fail("PUT", 1, Fault::Delay(Duration::from_secs(3)));
    let outcome = push(&client(), &name(&registry, "acme/job"), None).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
    assert_eq!(registry.count("PUT"), 1);
}

/// Pushes 16 blobs at once, and returns how many of their uploads were under way at most, in each half of them.
async fn most_at_once(client: &Client, registry: &Registry, round: u8) -> [usize; 2] {
    let (under_way, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new((0, [0; 2]))));
    let (now, seen) = (Arc::clone(&under_way), Arc::clone(&most));
    registry.on_head(move |request| {
        if request.method == "POST" {
            let mut now = now.lock().unwrap();
            *now += 1;
            let mut seen = seen.lock().unwrap();
            let half = usize::from(seen.0 >= 8);
            seen.0 += 1;
            seen.1[half] = seen.1[half].max(*now);
        }
        None
    });
    let tasks: Vec<_> = (0..16_u8)
        .map(|number| {
            let (client, target) = (client.clone(), name(registry, "acme/job"));
            let now = Arc::clone(&under_way);
            tokio::spawn(async move {
                let bytes = [round, number, 7];
                let push = BlobPush::new(Descriptor::of(GZIP, &bytes));
                let outcome = client.push_blob(&target, push, &bytes[..].into()).await;
                *now.lock().unwrap() -= 1;
                outcome
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    most.lock().unwrap().1
}

#[tokio::test]
async fn a_registry_that_complains_gets_less_at_a_time_and_more_again_later() {
    let registry = Registry::start();
    let client = client();
    // A little time for each request, so that those that may run at once do.
    registry.on_request(|_| Some(Fault::Delay(Duration::from_millis(20))));
    let [before, _] = most_at_once(&client, &registry, 0).await;
    assert!((3..=4).contains(&before), "{before}");
    // Everything is refused for once.
    registry.fail("HEAD", 1, Fault::status(429));
    push(&client, &name(&registry, "acme/other"), None)
        .await
        .unwrap();
    registry.fail("HEAD", 1, Fault::status(429));
    // The second complaint counts when the first is over.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    push(&client, &name(&registry, "acme/third"), None)
        .await
        .unwrap();
    registry.on_request(|_| Some(Fault::Delay(Duration::from_millis(20))));
    let [first, second] = most_at_once(&client, &registry, 1).await;
    assert!(first < before, "{first} at once");
    assert!(second > first, "{first}, then {second}");
    assert!(second <= 4);
}

#[tokio::test]
async fn what_never_ends_is_ended() {
    let manifest = |registry: &Registry| name(registry, "acme/job:1");
    for (fault, sentence) in [
        (
            Fault::EndlessBody,
            "The document is larger than 4194304 bytes",
        ),
        (
            Fault::Trickle(Duration::from_millis(700)),
            "sends too slowly: hardly anything came in 2 seconds",
        ),
        (
            Fault::Stall(Duration::from_secs(60)),
            "has been silent for 2 seconds",
        ),
    ] {
        let registry = Registry::start();
        registry.put_image("acme/job", "1", b"{}", &[]);
        registry.on_request(move |_| Some(fault.clone()));
        let start = Instant::now();
        let error = client()
            .get_manifest(&manifest(&registry))
            .await
            .unwrap_err();
        assert!(told(&error).contains(sentence), "{}", told(&error));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_blob_that_trickles_or_never_ends_is_given_up() {
    for (fault, sentence) in [
        (
            Fault::Trickle(Duration::from_millis(700)),
            "sends too slowly",
        ),
        (Fault::EndlessBody, "There are more than the expected"),
    ] {
        let registry = Registry::start();
        registry.put_blob("acme/base", BLOB);
        registry.on_request(move |_| Some(fault.clone()));
        let source = name(&registry, "acme/base");
        let error = client()
            .get_blob_bytes(&source, &blob(), 100)
            .await
            .unwrap_err();
        assert!(told(&error).contains(sentence), "{}", told(&error));
    }
}

#[tokio::test]
async fn an_error_body_without_end_leaves_the_status() {
    let registry = Registry::start();
    registry.on_request(|_| Some(Fault::Status(400, Vec::new(), vec![b'x'; 100 * 1024])));
    let error = client()
        .get_manifest(&name(&registry, "acme/job"))
        .await
        .unwrap_err();
    assert!(
        told(&error).ends_with("answered 400 Bad Request"),
        "{}",
        told(&error)
    );
}
