//! Bytes that are nowhere as yet: made, or passed on from another registry, while they are sent.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use flink_img::oci::MakeBlob;

use super::*;

const MIB: usize = 1024 * 1024;
/// More than a piece of any stream, and no multiple of one.
const SIZE: usize = 3 * MIB + 17;

fn bytes(length: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..=250).collect();
    let mut bytes = pattern.repeat(length / pattern.len() + 1);
    bytes.truncate(length);
    bytes
}

/// Makes [`bytes`], and counts how often.
#[derive(Debug, Default)]
struct Maker {
    length: usize,
    failure: Option<&'static str>,
    calls: AtomicUsize,
}

impl MakeBlob for Maker {
    fn make(&self, output: &mut dyn Write) -> io::Result<()> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        for part in bytes(self.length).chunks(10_000) {
            output.write_all(part)?;
        }
        match self.failure {
            Some(failure) => Err(io::Error::other(failure)),
            None => output.flush(),
        }
    }
}

/// Pushes what a maker makes as the blob of `size` bytes that it should make.
async fn push_made(
    registry: &Registry,
    maker: &Arc<Maker>,
    size: usize,
) -> Result<BlobOutcome, Error> {
    let push = BlobPush {
        presence: Presence::Unlikely,
        ..BlobPush::new(Descriptor::of(GZIP, &bytes(size)))
    };
    let body = BlobBody::Made {
        blob: Arc::clone(maker) as Arc<dyn MakeBlob>,
        size: size as u64,
    };
    let target = name(registry, "acme/job");
    client().push_blob(&target, push, &body).await
}

fn maker(length: usize) -> Arc<Maker> {
    Arc::new(Maker {
        length,
        ..Maker::default()
    })
}

#[tokio::test]
async fn bytes_are_sent_while_they_are_made_and_made_anew_for_each_try() {
    let registry = Registry::start();
    registry.fail("PUT", 1, Fault::status(502));
    let maker = maker(SIZE);
    let outcome = push_made(&registry, &maker, SIZE).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
    let digest = Digest::of(&bytes(SIZE));
    assert!(registry.blob("acme/job", digest).unwrap() == bytes(SIZE));
    assert_eq!(maker.calls.load(Ordering::SeqCst), 2);
    let methods: Vec<_> = registry.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["POST", "PUT", "HEAD", "GET", "PUT"]);
    // Nobody makes what is there.
    push_made(&registry, &maker, SIZE).await.unwrap();
    assert_eq!(maker.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_goes_wrong_while_bytes_are_made_is_told_and_nothing_is_stored() {
    for (length, failure, reason) in [
        (
            SIZE,
            Some("The job's jar has changed"),
            "The job's jar has changed".to_owned(),
        ),
        (
            0,
            Some("The job's jar is gone"),
            "The job's jar is gone".to_owned(),
        ),
        (
            SIZE - 1,
            None,
            format!("There are fewer than the expected {SIZE} bytes"),
        ),
        (
            MIB,
            None,
            format!("There are fewer than the expected {SIZE} bytes"),
        ),
        (
            SIZE + 1,
            None,
            format!("There are more than the expected {SIZE} bytes"),
        ),
    ] {
        let registry = Registry::start();
        let maker = Arc::new(Maker {
            length,
            failure,
            ..Maker::default()
        });
        let error = push_made(&registry, &maker, SIZE).await.unwrap_err();
        let expected = format!("The bytes to be sent cannot be read <- {reason}");
        assert!(told(&error).ends_with(&expected), "{}", told(&error));
        // It would go the same way again, so there is no second try.
        assert_eq!(registry.lines(), ["POST /v2/acme/job/blobs/uploads/ 202"]);
        assert!(registry.traffic().received < SIZE);
    }
}

fn put_base(registry: &Registry, length: usize) -> Descriptor {
    registry.put_blob("acme/base", &bytes(length));
    Descriptor::of(GZIP, &bytes(length))
}

/// Pushes a blob from `acme/base` of one registry to `acme/job` of the other.
async fn relay(
    from: &Registry,
    to: &Registry,
    descriptor: &Descriptor,
) -> Result<BlobOutcome, Error> {
    let client = client();
    let body = BlobBody::Registry {
        client: client.clone(),
        repository: name(from, "acme/base"),
        descriptor: Box::new(descriptor.clone()),
    };
    let push = BlobPush::new(descriptor.clone());
    client.push_blob(&name(to, "acme/job"), push, &body).await
}

#[tokio::test]
async fn a_blob_is_passed_on_from_registry_to_registry() {
    let (from, to) = (Registry::start(), token_registry());
    let descriptor = put_base(&from, SIZE);
    // Who may do nothing there does not read for nothing either.
    let error = relay(&from, &to, &descriptor).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert_eq!(from.lines().len(), 0);

    let to = Registry::start();
    to.fail("PUT", 1, Fault::status(503));
    let outcome = relay(&from, &to, &descriptor).await.unwrap();
    assert_eq!(outcome, BlobOutcome::Uploaded);
    assert!(to.blob("acme/job", descriptor.digest).unwrap() == bytes(SIZE));
    let get = format!("GET /v2/acme/base/blobs/{} 200", descriptor.digest);
    assert_eq!(
        from.lines(),
        [get.as_str(), &get],
        "it is opened anew for each try"
    );
    let outcome = relay(&from, &to, &descriptor).await.unwrap();
    assert_eq!(outcome, BlobOutcome::AlreadyThere);
    assert_eq!(from.lines().len(), 2);
}

#[tokio::test]
async fn a_source_that_breaks_is_taken_up_where_it_broke() {
    let (from, to) = (Registry::start(), Registry::start());
    let descriptor = put_base(&from, SIZE);
    from.fail("GET", 1, Fault::TruncateBody(2 * MIB));
    relay(&from, &to, &descriptor).await.unwrap();
    assert!(to.blob("acme/job", descriptor.digest).unwrap() == bytes(SIZE));
    let ranges: Vec<_> = from
        .requests()
        .into_iter()
        .map(|request| request.headers.get("range").cloned().unwrap_or_default())
        .collect();
    assert_eq!(ranges, [String::new(), format!("bytes={}-", 2 * MIB)]);
    // The other side has not noticed anything.
    let methods: Vec<_> = to.requests().into_iter().map(|r| r.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT"]);
}

#[tokio::test]
async fn wrong_bytes_are_not_passed_on_to_their_end() {
    let mut altered = bytes(SIZE);
    altered[MIB] ^= 1;
    for (wrong, sentence) in [
        (altered, "The bytes have the digest"),
        // The rest is asked for, and answered with nonsense.
        (bytes(SIZE - 1), "There are more than the expected"),
        (bytes(SIZE + 1), "There are more than the expected"),
    ] {
        let (from, to) = (Registry::start(), Registry::start());
        let descriptor = put_base(&from, SIZE);
        // The range that is asked for when some are missing is answered with nonsense, too.
        from.on_request(move |request| {
            (request.method == "GET").then(|| Fault::WrongBytes(wrong.clone()))
        });
        let error = relay(&from, &to, &descriptor).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Integrity);
        let told = told(&error);
        let base = format!(
            "Failed to pull `sha256:{}…` from `{}/acme/base`",
            descriptor.digest.short(),
            from.address()
        );
        assert!(
            told.starts_with("Failed to push") && told.contains(&base),
            "{told}"
        );
        assert!(told.contains(sentence), "{told}");
        assert_eq!(to.blob("acme/job", descriptor.digest), None);
        assert_eq!(to.count("PUT"), 0, "a body of the full length has arrived");
        assert!(to.traffic().received < SIZE);
    }
}

#[tokio::test]
async fn a_source_that_has_nothing_is_named() {
    let (from, to) = (Registry::start(), Registry::start());
    let error = relay(&from, &to, &blob()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(told(&error).ends_with("answered 404 Not Found: blob unknown to registry"));
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("the registry has the manifest"), "{hint}");
    assert_eq!(to.count("PUT"), 0);
}

#[tokio::test]
async fn a_source_does_not_run_ahead_of_the_registry_that_it_is_passed_on_to() {
    const LARGE: usize = 64 * MIB;
    let (from, to) = (Registry::start(), Registry::start());
    let descriptor = put_base(&from, LARGE);
    let ahead = Arc::new(AtomicUsize::new(0));
    let (meter, seen) = (from.meter(), Arc::clone(&ahead));
    // The receiving registry takes no more until the source can send no more. What was sent by then is in flight.
    to.on_read(move |received| {
        if seen.load(Ordering::SeqCst) == 0 {
            let source = meter.wait(|source| source.choked || source.sent == LARGE);
            seen.store(source.sent.saturating_sub(received), Ordering::SeqCst);
        }
    });
    relay(&from, &to, &descriptor).await.unwrap();
    assert!(to.blob("acme/job", descriptor.digest).unwrap() == bytes(LARGE));
    assert!(from.traffic().choked, "nobody ever had to wait");
    let ahead = ahead.load(Ordering::SeqCst);
    // Nearly all of it is in the system's buffers for the two connections.
    assert!(
        ahead > 0 && ahead < 32 * MIB,
        "{ahead} bytes were in flight"
    );
}

#[tokio::test]
async fn many_relays_within_one_registry_do_not_wait_for_each_other() {
    let registry = Registry::start();
    registry.decline_mounts();
    let client = client();
    let tasks: Vec<_> = (0..8_u8)
        .map(|number| {
            let content = vec![number; 100_000];
            registry.put_blob("acme/base", &content);
            let descriptor = Descriptor::of(GZIP, &content);
            let (client, source) = (client.clone(), name(&registry, "acme/base"));
            let target = name(&registry, "acme/job");
            tokio::spawn(async move {
                let body = BlobBody::Registry {
                    client: client.clone(),
                    repository: source.clone(),
                    descriptor: Box::new(descriptor.clone()),
                };
                let push = BlobPush {
                    mount_from: Some(source),
                    ..BlobPush::new(descriptor)
                };
                client.push_blob(&target, push, &body).await
            })
        })
        .collect();
    for task in tasks {
        let outcome = tokio::time::timeout(Duration::from_secs(30), task).await;
        let outcome = outcome.expect("nobody waits for ever").unwrap();
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
    }
}
