//! Pushing (distribution-spec, "Pushing"): ask, mount, upload, commit.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use super::body::{BlobBody, Pulse};
use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::pull::stated_digest;
use crate::http::is_downgrade;
use crate::oci::{Descriptor, Digest, MediaType, Reference, Selector};

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

impl BlobOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyThere => "already there",
            Self::Mounted => "mounted",
            Self::Uploaded => "pushed",
        }
    }
}

/// What a registry says to the wish to upload.
enum Upload {
    Mounted,
    To(Url),
}

impl Client {
    /// Whether a repository has a blob.
    pub async fn has_blob(&self, repository: &Reference, digest: Digest) -> Result<bool, Error> {
        let attempt = async {
            let session = self.session(repository, Access::Pull).await?;
            let call = Call::new(Method::HEAD, session.url(&format!("blobs/{digest}")));
            let response = self.request(&session, &call, &EXISTS_ANSWERS).await?;
            Ok(response.status() == StatusCode::OK)
        };
        let result: Result<_, Cause> = attempt.await;
        result.map_err(|cause| {
            let repository = repository.clone();
            Error::new(Task::FindBlob { digest, repository }, cause)
        })
    }

    /// Asks whether an image may be pushed under a name, before anybody works for it.
    ///
    /// An upload is opened and cancelled: that is the only question about the right to push that all answer alike. A
    /// registry that lets everybody read would answer any other one kindly.
    pub async fn check_push(&self, target: &Reference) -> Result<(), Error> {
        let attempt = async {
            let access = Access::Push { mount_from: None };
            let session = self.session(target, access).await?;
            let mut retries = self.wire.settings.retry.start();
            let opened = loop {
                match self.open_upload(&session, None).await {
                    Ok(response) => break response,
                    Err(cause) if retries.wait(cause.advice()).await => {}
                    Err(cause) => return Err(cause),
                }
            };
            let cancel = Call::new(Method::DELETE, upload_url(&session, &opened)?);
            // Not all can cancel one; an upload that nobody ends is forgotten after a while.
            let _ = self
                .once(&session, &cancel, &[StatusCode::NO_CONTENT])
                .await;
            Ok(())
        };
        let result: Result<_, Cause> = attempt.await;
        result.map_err(|cause| Error::new(Task::Push(target.clone()), cause))
    }

    /// Brings a blob into a repository, at the least cost: it may be there, or in `mount_from` (if that is in the same
    /// registry); only else are its bytes sent.
    pub async fn push_blob(
        &self,
        target: &Reference,
        descriptor: &Descriptor,
        mount_from: Option<&Reference>,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Error> {
        self.bring_blob(target, descriptor, mount_from, body)
            .await
            .map_err(|cause| {
                let task = Task::PushBlob {
                    digest: descriptor.digest,
                    repository: target.clone(),
                };
                Error::new(task, cause)
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
        descriptor: &Descriptor,
        mount_from: Option<&Reference>,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Cause> {
        if body.size() != descriptor.size {
            return Err(Cause::Size {
                expected: descriptor.size,
                longer: body.size() > descriptor.size,
            });
        }
        let mut mount = mount_from.filter(|from| {
            from.registry() == target.registry() && from.repository() != target.repository()
        });
        let mut retries = self.wire.settings.retry.start();
        loop {
            match self.try_blob(target, descriptor, mount, body).await {
                Ok(outcome) => return Ok(outcome),
                // Some token services refuse everything when they refuse the mount source. It was only a short cut.
                Err(Cause::NoToken { .. } | Cause::Refused { .. }) if mount.is_some() => {
                    mount = None;
                }
                // Whatever broke, asking again comes first: the bytes may have arrived.
                Err(cause) if retries.wait(cause.advice()).await => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    async fn try_blob(
        &self,
        target: &Reference,
        descriptor: &Descriptor,
        mount: Option<&Reference>,
        body: &BlobBody,
    ) -> Result<BlobOutcome, Cause> {
        let access = Access::Push { mount_from: mount };
        let session = self.session(target, access).await?;
        let label = format!("sha256:{}", descriptor.digest.short());
        let start = || Pulse::new(self.reporter.start(&label, Some(descriptor.size)));
        let (outcome, pulse) = if self.exists(&session, descriptor.digest).await? {
            (BlobOutcome::AlreadyThere, start())
        } else {
            match self.initiate(&session, descriptor.digest, mount).await? {
                Upload::Mounted => (BlobOutcome::Mounted, start()),
                Upload::To(location) => {
                    let pulse = start();
                    let mut call = Call::new(Method::PUT, location);
                    let octets = HeaderValue::from_static("application/octet-stream");
                    call.headers.insert(CONTENT_TYPE, octets);
                    call.body = Some((body, pulse.clone()));
                    self.once(&session, &call, &STORED_ANSWERS).await?;
                    (BlobOutcome::Uploaded, pulse)
                }
            }
        };
        pulse.finish(outcome.as_str());
        Ok(outcome)
    }

    async fn exists(&self, session: &Session, digest: Digest) -> Result<bool, Cause> {
        let call = Call::new(Method::HEAD, session.url(&format!("blobs/{digest}")));
        let response = self.once(session, &call, &EXISTS_ANSWERS).await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// Opens an upload. A registry that declines a mount opens one instead, which is then used.
    async fn initiate(
        &self,
        session: &Session,
        digest: Digest,
        mount: Option<&Reference>,
    ) -> Result<Upload, Cause> {
        let response = self
            .open_upload(session, mount.map(|from| (digest, from)))
            .await?;
        if response.status() == StatusCode::CREATED && mount.is_some() {
            return Ok(Upload::Mounted);
        }
        commit_url(session, &response, digest).map(Upload::To)
    }

    /// Opens an upload, or has a blob mounted.
    async fn open_upload(
        &self,
        session: &Session,
        mount: Option<(Digest, &Reference)>,
    ) -> Result<Response, Cause> {
        let mut url = session.url("blobs/uploads/");
        if let Some((digest, from)) = mount {
            url.query_pairs_mut()
                .append_pair("mount", &digest.to_string())
                .append_pair("from", from.repository());
        }
        let mut call = Call::new(Method::POST, url);
        call.headers
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        self.once(session, &call, &[StatusCode::CREATED, StatusCode::ACCEPTED])
            .await
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

/// Where an upload is committed: its location, and the digest.
fn commit_url(session: &Session, response: &Response, digest: Digest) -> Result<Url, Cause> {
    let mut url = upload_url(session, response)?;
    url.query_pairs_mut()
        .append_pair("digest", &digest.to_string());
    Ok(url)
}

/// The location of an upload, which may be relative and may have a query that must stay.
fn upload_url(session: &Session, response: &Response) -> Result<Url, Cause> {
    let nonsense = |what: &str| Cause::Nonsense {
        host: session.endpoint.name.clone(),
        what: what.to_owned(),
    };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .ok_or_else(|| nonsense("names no location for the upload"))?;
    let url = response
        .url()
        .join(location)
        .map_err(|_| nonsense("names a location for the upload that is no address"))?;
    if !matches!(url.scheme(), "http" | "https") || is_downgrade(&session.endpoint.base, &url) {
        return Err(nonsense(
            "names a location for the upload that is not encrypted",
        ));
    }
    Ok(url)
}
