//! Upload sessions (distribution-spec, "Pushing blobs"): opened by POST, filled by one PUT or by chunks, or given back.

use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Method, Response, StatusCode};

use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::send::Standing;
use crate::oci::{Digest, Reference};

/// An upload session that a repository has opened: proof that we may push there, and a place for one blob.
///
/// Registries forget a session that nobody uses, mostly after a day or so.
#[derive(Debug)]
pub struct Upload {
    pub(super) target: Reference,
    pub(super) standing: Standing,
}

/// What a registry says to the wish for a mount.
pub(super) enum Opened {
    /// It had the blob.
    Mounted,
    /// The bytes go here.
    At(Standing),
}

impl Client {
    /// Opens an upload session before there is anything to send.
    ///
    /// That is the only question about the right to push that all registries answer alike: one that lets everybody read
    /// would answer any other one kindly. The session can be given to one blob later, so the question costs nothing.
    pub async fn open_upload(&self, target: &Reference) -> Result<Upload, Error> {
        let attempt = async {
            let access = Access::Push { mount_from: None };
            let session = self.session(target, access).await?;
            let mut retries = self.wire.settings.retry.start();
            loop {
                match self.open(&session).await {
                    Ok(standing) => {
                        let target = target.clone();
                        return Ok(Upload { target, standing });
                    }
                    Err(cause) if retries.wait(cause.advice()).await => {}
                    Err(cause) => return Err(cause),
                }
            }
        };
        attempt
            .await
            .map_err(|cause: Cause| Error::new(Task::Push(target.clone()), cause))
    }

    /// Gives an upload session back that was not needed. Not all registries can do that, which does no harm.
    pub async fn cancel_upload(&self, upload: Upload) {
        let access = Access::Push { mount_from: None };
        if let Ok(session) = self.session(&upload.target, access).await
            && session.endpoint.quirks.cancels
            && !session.endpoint.throttle.is_quiet()
        {
            let cancel = Call::new(Method::DELETE, upload.standing.location);
            let _ = self.offhand(&session, &cancel).await;
        }
    }

    /// Opens an upload.
    pub(super) async fn open(&self, session: &Session) -> Result<Standing, Cause> {
        Standing::opened(session, &self.post_upload(session, None).await?)
    }

    /// Has a blob mounted from another repository. A registry that declines that opens an upload instead.
    pub(super) async fn mount(
        &self,
        session: &Session,
        digest: Digest,
        from: &Reference,
    ) -> Result<Opened, Cause> {
        let response = self.post_upload(session, Some((digest, from))).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Opened::Mounted);
        }
        Standing::opened(session, &response).map(Opened::At)
    }

    async fn post_upload(
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
