//! Pushing (distribution-spec, "Pushing"): ask, mount, upload, commit, with the fewest requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::body::BlobBody;
use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::pull::stated_digest;
use super::pulse::Pulse;
use super::upload::{Opened, Upload};
use crate::oci::{Descriptor, Digest, MediaType, Reference, Selector};

/// A blob that a repository should have in the end.
///
/// ```
/// use flink_img::oci::{Descriptor, MediaType};
/// use flink_img::registry::{BlobPush, Presence};
///
/// let config = Descriptor::of(MediaType::Config, b"{}");
/// let push = BlobPush {
///     presence: Presence::Unlikely,
///     ..BlobPush::new(config)
/// };
/// assert!(push.label.starts_with("sha256:44136fa355b3"));
/// ```
#[derive(Debug)]
pub struct BlobPush {
    /// Which blob.
    pub descriptor: Descriptor,
    /// What people are told that it is.
    pub label: String,
    /// A repository that has the blob; it is of use if it is in the same registry.
    pub mount_from: Option<Reference>,
    /// Whether the repository may have the blob.
    pub presence: Presence,
    /// An upload session of the repository that this blob may use; it is given back if it is not needed.
    pub session: Option<Upload>,
}

/// Whether a repository may have a blob already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may, so it is asked first.
    Unknown,
    /// The blob was made just now: it is sent without a question of its own. Without a session and a mount source, the
    /// upload is opened by the wish to mount the blob from the very repository that it should go to, which only
    /// registries that have it grant.
    Unlikely,
}

/// How a blob came to be where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOutcome {
    /// The repository had it.
    AlreadyThere,
    /// Another repository of the registry had it.
    Mounted,
    /// It was sent.
    Uploaded,
}

impl BlobPush {
    /// A blob of which nothing is known.
    pub fn new(descriptor: Descriptor) -> Self {
        Self {
            label: format!("sha256:{}", descriptor.digest.short()),
            descriptor,
            mount_from: None,
            presence: Presence::Unknown,
            session: None,
        }
    }
}

impl BlobOutcome {
    /// What people are told.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyThere => "already in the registry",
            Self::Mounted => "mounted",
            Self::Uploaded => "pushed",
        }
    }
}

/// What is left to try.
struct Way<'a> {
    /// Whether to ask first.
    ask: bool,
    mount: Option<&'a Reference>,
    upload: Option<Upload>,
}

impl Client {
    /// Brings a blob into a repository, at the least cost: its bytes are sent only if nothing else helps.
    pub async fn push_blob(
        &self,
        target: &Reference,
        push: BlobPush,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Error> {
        let digest = push.descriptor.digest;
        self.bring_blob(target, push, body).await.map_err(|cause| {
            let repository = target.clone();
            Error::new(Task::PushBlob { digest, repository }, cause)
        })
    }

    /// Writes a manifest or an index, byte for byte, under a tag or its digest, and returns its digest.
    pub async fn push_manifest(
        &self,
        target: &Reference,
        media_type: &MediaType,
        bytes: &[u8],
        selector: &Selector,
    ) -> Result<Digest, Error> {
        let name = selector.to_string();
        let digest = Digest::of(bytes);
        let attempt = async {
            if let Selector::Digest(expected) = selector
                && *expected != digest
            {
                return Err(Cause::Digest {
                    expected: *expected,
                    actual: digest,
                });
            }
            let access = Access::Push { mount_from: None };
            let session = self.session(target, access).await?;
            let body = BlobBody::from(bytes);
            let mut call = Call::new(Method::PUT, session.url(&format!("manifests/{name}")));
            let content_type = HeaderValue::from_str(media_type.as_str())
                .map_err(|_| crate::oci::ManifestError::Unknown(media_type.as_str().to_owned()))?;
            call.headers.insert(CONTENT_TYPE, content_type);
            let silent = crate::progress::Reporter::start(&crate::progress::Silent, "", None);
            call.body = Some((&body, Pulse::new(silent)));
            let response = self.request(&session, &call, &STORED_ANSWERS).await?;
            // No `Location` is asked for: some registries send none. The digest is compared where it is stated.
            match stated_digest(response.headers()) {
                Some(actual) if actual != digest => Err(Cause::Digest {
                    expected: digest,
                    actual,
                }),
                _ => Ok(digest),
            }
        };
        attempt.await.map_err(|cause| {
            let repository = target.clone();
            Error::new(Task::PushManifest { name, repository }, cause)
        })
    }

    async fn bring_blob(
        &self,
        target: &Reference,
        mut push: BlobPush,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Cause> {
        let size = push.descriptor.size;
        if body.size() != size {
            return Err(Cause::Size {
                expected: size,
                longer: body.size() > size,
            });
        }
        let upload = push.session.take();
        let mount = push.mount_from.as_ref();
        let mut way = Way {
            ask: push.presence == Presence::Unknown,
            mount: mount.filter(|from| {
                from.registry() == target.registry() && from.repository() != target.repository()
            }),
            upload: upload.filter(|upload| upload.target.name() == target.name()),
        };
        let mut retries = self.wire.settings.retry.start();
        let outcome = loop {
            match self.try_blob(target, &push, &mut way, body).await {
                Ok(outcome) => break outcome,
                // Some registries refuse everything when they refuse the mount source. It was only a short cut.
                Err(Cause::Refused { .. }) if way.mount.is_some() => {
                    way.mount = None;
                }
                // Whatever broke, asking comes first now: the bytes may have arrived.
                Err(cause) if retries.wait(cause.advice()).await => way.ask = true,
                Err(cause) => return Err(cause),
            }
        };
        if let Some(upload) = way.upload {
            self.cancel_upload(upload).await;
        }
        Ok(outcome)
    }

    async fn try_blob(
        &self,
        target: &Reference,
        push: &BlobPush,
        way: &mut Way<'_>,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Cause> {
        let digest = push.descriptor.digest;
        let access = Access::Push {
            mount_from: way.mount,
        };
        let session = self.session(target, access).await?;
        let start = || Pulse::new(self.reporter.start(&push.label, Some(body.size())));
        let without_bytes = |outcome: BlobOutcome| {
            start().finish(outcome.as_str());
            Ok(outcome)
        };
        if way.ask && self.exists(&session, digest).await? {
            return without_bytes(BlobOutcome::AlreadyThere);
        }
        if way.mount.is_some() && self.auth.is_narrow(&session).await {
            way.mount = None;
        }
        let location = match way.upload.take_if(|_| !way.ask || way.mount.is_none()) {
            Some(upload) => {
                let sent = self.send(&session, upload.location, digest, (body, start()));
                match sent.await {
                    Err(cause) if cause.is_stale_upload() => self.open(&session).await?,
                    sent => return sent.map(|()| BlobOutcome::Uploaded),
                }
            }
            None => match self.mount_or_open(&session, target, digest, way).await? {
                Opened::At(location) => location,
                Opened::Mounted if way.mount.is_some() => {
                    return without_bytes(BlobOutcome::Mounted);
                }
                Opened::Mounted => return without_bytes(BlobOutcome::AlreadyThere),
            },
        };
        let sent = self.send(&session, location, digest, (body, start()));
        sent.await.map(|()| BlobOutcome::Uploaded)
    }

    async fn exists(&self, session: &Session, digest: Digest) -> Result<bool, Cause> {
        let call = Call::new(Method::HEAD, session.url(&format!("blobs/{digest}")));
        let response = self.once(session, &call, &EXISTS_ANSWERS).await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// Opens an upload, with the wish for a mount if there is a chance that it is granted.
    async fn mount_or_open(
        &self,
        session: &Session,
        target: &Reference,
        digest: Digest,
        way: &Way<'_>,
    ) -> Result<Opened, Cause> {
        let knows_own_mounts = &session.endpoint.knows_own_mounts;
        // Who was asked already would only say the same again.
        let own = (!way.ask && knows_own_mounts.load(Ordering::Relaxed)).then_some(target);
        let Some(from) = way.mount.or(own) else {
            return self.open(session).await.map(Opened::At);
        };
        match self.mount(session, digest, from).await {
            Err(cause) if cause.is_turned_down() => {
                if way.mount.is_none() {
                    knows_own_mounts.store(false, Ordering::Relaxed);
                }
                self.open(session).await.map(Opened::At)
            }
            opened => opened,
        }
    }

    /// Sends a blob to where an upload is, and ends the upload with it.
    async fn send(
        &self,
        session: &Session,
        mut location: Url,
        digest: Digest,
        (body, pulse): (&BlobBody, Arc<Pulse>),
    ) -> Result<(), Cause> {
        location
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let mut call = Call::new(Method::PUT, location);
        let octets = HeaderValue::from_static("application/octet-stream");
        call.headers.insert(CONTENT_TYPE, octets);
        call.body = Some((body, Arc::clone(&pulse)));
        self.once(session, &call, &STORED_ANSWERS).await?;
        pulse.finish(BlobOutcome::Uploaded.as_str());
        Ok(())
    }
}

/// 405 comes from registries that know no HEAD for blobs.
const EXISTS_ANSWERS: [StatusCode; 3] = [
    StatusCode::OK,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
];

/// 201 by the specification; the others mean the same where they occur.
const STORED_ANSWERS: [StatusCode; 3] = [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED];
