//! Pushing blobs (distribution-spec, "Pushing"): ask, mount, upload, with the fewest requests. How the bytes of an upload
//! travel is told in [`super::send`].

use reqwest::{Method, StatusCode};

use super::body::{BlobBody, Part};
use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::pull::WORTH_RESUMING;
use super::pulse::Pulse;
use super::send::{Sending, Standing};
use super::upload::{Opened, Upload};
use crate::http::Advice;
use crate::oci::{Descriptor, Digest, Reference};

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
    /// An upload that broke.
    broken: Option<Standing>,
    /// How many bytes the registry had at most.
    reached: u64,
    /// How many bytes were sent, again or not.
    sent: u64,
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
            broken: None,
            reached: 0,
            sent: 0,
        };
        let mut retries = self.wire.settings.retry.start();
        let endpoint = loop {
            match self.wire.endpoints.of(target, false).await {
                Ok(endpoint) => break endpoint,
                Err(cause) if retries.wait(cause.advice()).await => {}
                Err(cause) => return Err(cause),
            }
        };
        let _turn = endpoint.throttle.turn().await;
        // The time until it was its turn is not the registry's.
        retries.restart();
        let blob = Part::whole(body);
        let outcome = loop {
            let (before, sent) = (way.reached, way.sent);
            match self.try_blob(target, &push, &mut way, &blob).await {
                Ok(outcome) => break outcome,
                // Some registries refuse everything when they refuse the mount source. It was only a short cut.
                Err(Cause::Refused { .. }) if way.mount.is_some() => {
                    way.mount = None;
                }
                Err(cause) => {
                    // A line that breaks every few minutes still gets a large layer through.
                    if way.reached - before >= WORTH_RESUMING {
                        retries.restart();
                    } else if way.sent - sent >= WORTH_RESUMING {
                        // A slow line is no idle one.
                        retries.prolong();
                    }
                    if !retries.wait(cause.advice()).await {
                        return Err(cause);
                    }
                    // Whatever broke, asking comes first now: the bytes may have arrived.
                    way.ask = true;
                }
            }
        };
        if let Some(upload) = way.upload {
            self.cancel_upload(upload).await;
        }
        endpoint.throttle.content();
        Ok(outcome)
    }

    async fn try_blob(
        &self,
        target: &Reference,
        push: &BlobPush,
        way: &mut Way<'_>,
        blob: &Part,
    ) -> Result<BlobOutcome, Cause> {
        let digest = push.descriptor.digest;
        let access = Access::Push {
            mount_from: way.mount,
        };
        let session = self.session(target, access).await?;
        let start = || Pulse::new(self.reporter.start(&push.label, Some(blob.length())));
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
        let mut standing = match self.stand(&session, target, &push.descriptor, way).await? {
            Opened::At(standing) => standing,
            Opened::Mounted if way.mount.is_some() => {
                return without_bytes(BlobOutcome::Mounted);
            }
            Opened::Mounted => return without_bytes(BlobOutcome::AlreadyThere),
        };
        let mut anew = false;
        loop {
            let sending = Sending {
                client: self,
                session: &session,
                digest,
                blob: blob.clone(),
                pulse: start(),
            };
            let sent = sending.run(&mut standing).await;
            way.reached = way.reached.max(standing.offset);
            way.sent += sending.pulse.taken();
            match sent {
                Ok(()) => {
                    sending.pulse.finish(BlobOutcome::Uploaded.as_str());
                    return Ok(BlobOutcome::Uploaded);
                }
                // It was opened some time ago, or by a registry that was started anew since; or it was to go on in chunks,
                // which the registry does not take.
                Err(cause) if (cause.is_stale_upload() || standing.is_stuck(&cause)) && !anew => {
                    anew = true;
                    standing = self.open(&session).await?;
                }
                Err(cause) => {
                    // What broke or was put off may go on where it stands.
                    way.broken = (cause.advice() != Advice::GiveUp).then_some(standing);
                    return Err(cause);
                }
            }
        }
    }

    /// Finds the upload for a blob: one that broke and can go on, one that was opened before, or a new one.
    async fn stand(
        &self,
        session: &Session,
        target: &Reference,
        descriptor: &Descriptor,
        way: &mut Way<'_>,
    ) -> Result<Opened, Cause> {
        if let Some(broken) = way.broken.take_if(|_| session.endpoint.abilities.resumes()) {
            match self.ask_standing(session, &broken, descriptor.size).await {
                Ok(Some(standing)) => {
                    way.reached = way.reached.max(standing.offset);
                    return Ok(Opened::At(standing));
                }
                Ok(None) => {}
                Err(cause) => {
                    way.broken = Some(broken);
                    return Err(cause);
                }
            }
        }
        match way.upload.take_if(|_| !way.ask || way.mount.is_none()) {
            Some(upload) => Ok(Opened::At(upload.standing)),
            None => {
                self.mount_or_open(session, target, descriptor.digest, way)
                    .await
            }
        }
    }

    async fn exists(&self, session: &Session, digest: Digest) -> Result<bool, Cause> {
        let call = Call::new(Method::HEAD, session.url(&format!("blobs/{digest}")));
        match self.once(session, &call, &EXISTS_ANSWERS).await {
            Ok(response) => Ok(response.status() == StatusCode::OK),
            // A storage host that the registry leads to may know GET alone; then nobody knows, and the blob is sent.
            Err(Cause::Status { host, advice, .. })
                if host != session.endpoint.name && advice == Advice::GiveUp =>
            {
                Ok(false)
            }
            Err(cause) => Err(cause),
        }
    }

    /// Opens an upload, with the wish for a mount if there is a chance that it is granted.
    async fn mount_or_open(
        &self,
        session: &Session,
        target: &Reference,
        digest: Digest,
        way: &Way<'_>,
    ) -> Result<Opened, Cause> {
        let abilities = &session.endpoint.abilities;
        // Who was asked already would only say the same again.
        let own = (!way.ask && abilities.knows_own_mounts()).then_some(target);
        let Some(from) = way.mount.or(own) else {
            return self.open(session).await.map(Opened::At);
        };
        match self.mount(session, digest, from).await {
            Err(cause) if cause.is_turned_down() => {
                if way.mount.is_none() {
                    abilities.refused_own_mount();
                }
                self.open(session).await.map(Opened::At)
            }
            opened => opened,
        }
    }
}

/// The last two come from registries that know no HEAD for blobs.
const EXISTS_ANSWERS: [StatusCode; 4] = [
    StatusCode::OK,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_IMPLEMENTED,
];

/// 201 by the specification; the others mean the same where they occur.
pub(super) const STORED_ANSWERS: [StatusCode; 3] =
    [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED];
