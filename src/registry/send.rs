//! The bytes of one blob on their way into an upload session: whole or in chunks, and from where the last try ended.
//!
//! A whole blob in one PUT is the rule: the fewest requests, and the only form that all registries take. When a registry, or
//! a proxy in front of it, does not take that, the blob goes in chunks (distribution-spec, "Pushing a blob in chunks"), ever
//! smaller ones if need be; and the other way round.

use std::sync::Arc;

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode, Url};

use super::body::Part;
use super::client::{Call, Client, Session};
use super::error::Cause;
use super::headers::{number, received};
use super::pull::stated_digest;
use super::pulse::Pulse;
use super::push::STORED_ANSWERS;
use crate::oci::Digest;

/// The header in which a registry says how small a chunk may be.
const CHUNK_MIN_LENGTH: &str = "oci-chunk-min-length";

/// Where an upload stands.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// Where its next request goes.
    pub(super) location: Url,
    /// How many bytes the registry has.
    pub(super) offset: u64,
    /// How small a chunk may be, but for the last one.
    least: u64,
    /// Whether the bytes came with more than one request.
    pieced: bool,
}

/// A blob that is being sent.
pub(super) struct Sending<'a> {
    pub(super) client: &'a Client,
    pub(super) session: &'a Session,
    pub(super) digest: Digest,
    /// All of it.
    pub(super) blob: Part,
    pub(super) pulse: Arc<Pulse>,
}

/// One request of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    /// How many bytes it carries.
    length: u64,
    /// Whether it ends the upload.
    ends: bool,
}

impl Standing {
    /// An upload that was opened just now.
    pub(super) fn opened(session: &Session, response: &Response) -> Result<Self, Cause> {
        Ok(Self {
            location: location(session, response)?,
            offset: 0,
            least: least(response.headers()).unwrap_or(0),
            pieced: false,
        })
    }

    /// Whether an upload of which the registry has a part cannot go on.
    pub(super) fn is_stuck(&self, cause: &Cause) -> bool {
        self.offset > 0 && cause.is_unknown_method()
    }

    /// Takes in where the next request goes, if that changed.
    fn follow(&mut self, session: &Session, response: &Response) -> Result<(), Cause> {
        if response.headers().contains_key(LOCATION) {
            self.location = location(session, response)?;
        }
        Ok(())
    }
}

impl Client {
    /// Asks where an upload stands that broke (distribution-spec, `GET <location>`); `None` if it cannot go on.
    pub(super) async fn ask_standing(
        &self,
        session: &Session,
        broken: &Standing,
        size: u64,
    ) -> Result<Option<Standing>, Cause> {
        let call = Call::new(Method::GET, broken.location.clone());
        let answers = [StatusCode::NO_CONTENT, StatusCode::OK, StatusCode::ACCEPTED];
        let response = match self.once(session, &call, &answers).await {
            Ok(response) => response,
            // It is gone, or this registry answers no such question.
            Err(cause) if cause.is_turned_down() || cause.is_stale_upload() => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let text = response.headers().get(RANGE);
        // Who claims to have more than there is lies, or counts in another way.
        let received = text
            .and_then(|text| received(text.to_str().ok()?))
            .filter(|received| *received <= size);
        let mut standing = broken.clone();
        standing.follow(session, &response)?;
        standing.pieced = true;
        Ok(received.map(|offset| Standing { offset, ..standing }))
    }
}

impl Sending<'_> {
    /// Sends what the upload lacks, and ends it with the digest.
    pub(super) async fn run(&self, standing: &mut Standing) -> Result<(), Cause> {
        let size = self.blob.length();
        let endpoint = &self.session.endpoint;
        let abilities = &endpoint.abilities;
        self.pulse.skip(standing.offset);
        loop {
            let step = self.step(standing);
            let sent = if step.ends {
                self.close(standing, step.length).await
            } else {
                self.chunk(standing, step.length).await
            };
            match sent {
                Ok(()) if step.ends => {
                    abilities.arrived();
                    return Ok(());
                }
                Ok(()) => {}
                Err(cause) => {
                    // Nothing is sent again as it was refused.
                    if !self.goes_otherwise(&cause, step) || self.step(standing) == step {
                        return Err(cause);
                    }
                    let how = match abilities.next(size) {
                        all if all == size => "in one request".to_owned(),
                        some => format!("in chunks of {some} bytes"),
                    };
                    let host = &endpoint.name;
                    self.client
                        .reporter
                        .detail(&format!("{cause}, so blobs go to `{host}` {how}"));
                }
            }
        }
    }

    /// What is to be sent next.
    fn step(&self, standing: &Standing) -> Step {
        let abilities = &self.session.endpoint.abilities;
        let left = self.blob.length() - standing.offset;
        let length = abilities.next(left).max(standing.least).min(left);
        let whole = standing.offset == 0 && length == left && abilities.takes_whole();
        Step {
            length,
            ends: whole || left == 0,
        }
    }

    /// Learns from a refusal; whether there is another way to go on.
    fn goes_otherwise(&self, cause: &Cause, step: Step) -> bool {
        let abilities = &self.session.endpoint.abilities;
        if cause.is_broken_connection() {
            abilities.broke(step.length);
        }
        match cause.status() {
            Some(StatusCode::PAYLOAD_TOO_LARGE) => abilities.too_large(step.length),
            _ if !cause.is_unknown_method() => false,
            _ if step.ends => abilities.not_whole(),
            _ => abilities.not_in_chunks(),
        }
    }

    /// Sends the next chunk.
    async fn chunk(&self, standing: &mut Standing, length: u64) -> Result<(), Cause> {
        let end = standing.offset + length;
        let mut call = Call::new(Method::PATCH, standing.location.clone());
        let range = format!("{}-{}", standing.offset, end - 1);
        let range = HeaderValue::from_str(&range).expect("digits are a valid header");
        call.headers.insert(CONTENT_RANGE, range);
        self.load(&mut call, standing.offset, length);
        let response = self
            .client
            .once(self.session, &call, &CHUNK_ANSWERS)
            .await?;
        standing.follow(self.session, &response)?;
        // Its `Range` is not looked at: ECR's stays where the first chunk ended. The digest at the end tells.
        standing.offset = end;
        standing.pieced = true;
        Ok(())
    }

    /// Ends the upload, with the last `length` bytes.
    async fn close(&self, standing: &mut Standing, length: u64) -> Result<(), Cause> {
        let mut location = standing.location.clone();
        location
            .query_pairs_mut()
            .append_pair("digest", &self.digest.to_string());
        let mut call = Call::new(Method::PUT, location);
        self.load(&mut call, standing.offset, length);
        let sent = self.client.once(self.session, &call, &STORED_ANSWERS).await;
        let response = match sent {
            Err(cause) if standing.pieced && cause.is_wrong_digest() => {
                self.session.endpoint.abilities.mixes_up();
                return Err(Cause::MixedUp {
                    host: self.session.endpoint.name.clone(),
                });
            }
            sent => sent?,
        };
        match stated_digest(response.headers()) {
            Some(actual) if actual != self.digest => Err(Cause::Digest {
                expected: self.digest,
                actual,
            }),
            _ => Ok(()),
        }
    }

    fn load(&self, call: &mut Call, start: u64, length: u64) {
        let octets = HeaderValue::from_static("application/octet-stream");
        call.headers.insert(CONTENT_TYPE, octets);
        let part = self.blob.at(start, length);
        call.body = Some((part, Arc::clone(&self.pulse)));
    }
}

/// 202 by the specification; ECR says 201, others 200 or 204.
const CHUNK_ANSWERS: [StatusCode; 4] = [
    StatusCode::ACCEPTED,
    StatusCode::CREATED,
    StatusCode::OK,
    StatusCode::NO_CONTENT,
];

/// How small a chunk may be, if the registry says so.
fn least(headers: &HeaderMap) -> Option<u64> {
    number(headers.get(CHUNK_MIN_LENGTH)?.to_str().ok()?.trim())
}

/// The location of an upload, which may be relative and may have a query that must stay.
fn location(session: &Session, response: &Response) -> Result<Url, Cause> {
    let nonsense = |what: String| Cause::Nonsense {
        host: session.endpoint.name.clone(),
        what,
    };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .ok_or_else(|| nonsense("names no location for the upload".to_owned()))?;
    let url = response
        .url()
        .join(location)
        .map_err(|_| nonsense("names a location for the upload that is no address".to_owned()))?;
    session
        .endpoint
        .allow(&session.endpoint.base, &url)
        .map_err(|reason| nonsense(format!("names a location for the upload that is {reason}")))?;
    Ok(url)
}
