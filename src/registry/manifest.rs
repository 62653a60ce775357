//! Writing manifests (distribution-spec, "Pushing Manifests"), and reading back what was written.

use std::sync::Arc;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use super::body::{BlobBody, Part};
use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::pull::{manifest_call, stated_digest};
use super::pulse::Pulse;
use super::push::STORED_ANSWERS;
use crate::http::{Advice, RetryPolicy};
use crate::oci::{Digest, MANIFEST_LIMIT, ManifestError, MediaType, Reference, Selector};
use crate::progress::{Reporter as _, Silent};

/// How often is looked for what was written: a few seconds, as long as a cache in front of a registry may lag behind.
const READ_BACK_ATTEMPTS: usize = 4;

impl Client {
    /// Writes a manifest or an index, byte for byte, under a tag or its digest, reads it back under both, and returns its
    /// digest.
    ///
    /// A tag that has these very bytes already, and may not be written again, is fine.
    pub async fn push_manifest(
        &self,
        target: &Reference,
        media_type: &MediaType,
        bytes: &[u8],
        selector: &Selector,
    ) -> Result<Digest, Error> {
        let pushed = self.write_and_verify(target, media_type, bytes, selector);
        pushed.await.map_err(|cause| {
            let (name, repository) = (selector.to_string(), target.clone());
            Error::new(Task::PushManifest { name, repository }, cause)
        })
    }

    async fn write_and_verify(
        &self,
        target: &Reference,
        media_type: &MediaType,
        bytes: &[u8],
        selector: &Selector,
    ) -> Result<Digest, Cause> {
        let digest = Digest::of(bytes);
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
        let content_type = HeaderValue::from_str(media_type.as_str())
            .map_err(|_| ManifestError::Unknown(media_type.as_str().to_owned()))?;
        let mut call = Call::new(Method::PUT, session.url(&format!("manifests/{selector}")));
        call.headers.insert(CONTENT_TYPE, content_type);
        let body = BlobBody::Bytes(Arc::from(bytes));
        let pulse = Pulse::new(Silent.start("", None));
        call.body = Some((Part::whole(&body), pulse));
        match self.request(&session, &call, &STORED_ANSWERS).await {
            // No `Location` is asked for: some registries send none. The digest is compared where it is stated.
            Ok(response) => match stated_digest(response.headers()) {
                Some(actual) if actual != digest => {
                    return Err(Cause::Digest {
                        expected: digest,
                        actual,
                    });
                }
                _ => {}
            },
            // Some registries keep tags as they are, and refuse also what would change nothing.
            Err(cause)
                if cause.is_turned_down()
                    && self.find(&session, selector).await.ok().flatten() == Some(digest) => {}
            Err(cause) => return Err(cause),
        }
        self.verify(&session, selector, digest).await?;
        Ok(digest)
    }

    /// Reads back what was written, under its digest and under its tag. What is not there yet is asked for again a few times,
    /// as some registries need a moment.
    async fn verify(
        &self,
        session: &Session,
        selector: &Selector,
        digest: Digest,
    ) -> Result<(), Cause> {
        let by_digest = Selector::Digest(digest);
        let policy = self.wire.settings.retry;
        let policy = RetryPolicy {
            attempts: policy.attempts.min(READ_BACK_ATTEMPTS),
            ..policy
        };
        let check = async |selector: &Selector| {
            let mut retries = policy.start();
            loop {
                let cause = match self.find(session, selector).await {
                    Ok(Some(found)) if found == digest => return Ok(()),
                    Ok(found) => Cause::Overtaken {
                        name: selector.clone(),
                        expected: digest,
                        found,
                    },
                    // Who may write and not read gets no proof.
                    Err(cause @ (Cause::Refused { .. } | Cause::NoToken { .. }))
                        if cause.advice() == Advice::GiveUp =>
                    {
                        let host = &session.endpoint.name;
                        self.reporter.warn(&format!(
                            "what was pushed to `{host}` cannot be read back and is not verified: {cause}"
                        ));
                        return Ok(());
                    }
                    Err(cause) => cause,
                };
                if !retries.wait(cause.advice()).await {
                    return Err(cause);
                }
            }
        };
        if *selector == by_digest {
            return check(&by_digest).await;
        }
        let (under_digest, under_tag) = tokio::join!(check(&by_digest), check(selector));
        under_digest.and(under_tag)
    }

    /// The digest of the bytes that are there under a tag or digest.
    async fn find(&self, session: &Session, selector: &Selector) -> Result<Option<Digest>, Cause> {
        let call = manifest_call(session, Method::GET, selector);
        match self.once(session, &call, &[StatusCode::OK]).await {
            Ok(response) => {
                let bytes = self.wire.read(response, MANIFEST_LIMIT).await?;
                Ok(Some(Digest::of(&bytes)))
            }
            Err(cause) if cause.is_unknown() => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}
