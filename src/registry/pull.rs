//! Pulling (distribution-spec, "Pulling"): manifests with their exact bytes, images for a platform, blobs.
//!
//! The digest of what arrives is computed here; a header that states one is compared, and never believed.

use std::io;
use std::time::Instant;

use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::io::AsyncWriteExt as _;

use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::headers::Part;
use super::mirrors::Source;
use super::pipe::Pipe;
use super::sink::{BlobSink, Sink, Writer};
use crate::http::Pace;
use crate::oci::{
    Descriptor, Digest, Document, MANIFEST_LIMIT, Manifest, ManifestError, MediaType, Platform,
    Reference, Selector, Sha256,
};
use crate::progress::{Progress, Reporter as _, Silent};

/// The header in which registries state the digest of a manifest.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// A transfer that got so far starts to count its tries anew when it breaks. With less, a server that takes or sends a byte
/// and hangs up would keep us for ever.
pub(super) const WORTH_RESUMING: u64 = 1024 * 1024;

/// A manifest or an index exactly as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// The bytes that the digest is taken of.
    pub bytes: Vec<u8>,
    /// What the registry says that it is.
    pub content_type: Option<String>,
    /// The digest of the bytes.
    pub digest: Digest,
}

impl RawManifest {
    /// Reads the bytes.
    pub fn document(&self) -> Result<Document, ManifestError> {
        Document::parse(&self.bytes, self.content_type.as_deref())
    }

    /// The image for `platform` in what `reference` leads to: one that an index lists, or else the only one there is.
    pub fn image_for(&self, reference: &Reference, platform: &Platform) -> Result<Digest, Error> {
        let fail = |cause: Cause| Error::new(Task::PullManifest(reference.clone()), cause);
        let index = match self.document().map_err(|error| fail(error.into()))? {
            Document::Manifest(_) => return Ok(self.digest),
            Document::Index(index) => index,
        };
        let chosen = index.for_platform(platform).map_err(|_| {
            fail(Cause::Platform {
                wanted: platform.clone(),
                available: index.platforms(),
            })
        })?;
        Ok(chosen.digest)
    }
}

/// The image behind a name, for one platform.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The manifest, understood.
    pub manifest: Manifest,
    /// The same, as it is in the registry.
    pub raw: RawManifest,
    /// The index that the manifest was chosen from, if the name leads to one.
    pub index: Option<Digest>,
}

impl Client {
    /// Gets the manifest or index that a name leads to.
    ///
    /// Mirrors are asked first, if there are some.
    pub async fn get_manifest(&self, reference: &Reference) -> Result<RawManifest, Error> {
        let task = || Task::PullManifest(reference.clone());
        let mut route = self
            .routes
            .to_manifest(reference)
            .map_err(|cause| Error::new(task(), cause))?;
        loop {
            match self.fetch_document(&route.source()).await {
                Ok(manifest) => {
                    route.served();
                    return Ok(manifest);
                }
                Err(cause) => route
                    .pass_over(cause, &*self.reporter)
                    .map_err(|cause| route.error(task(), cause))?,
            }
        }
    }

    /// Looks for the manifest or index that a name leads to; `None` if the registry does not know it. No mirror is asked:
    /// one that lags behind would tell of an image that is there no more.
    ///
    /// With [`Access::Push`], the token that is got for this serves the push that follows. Some token services refuse it
    /// to somebody who may only read, and some registries refuse to talk of a repository that is not there: both are
    /// errors here.
    pub async fn find_manifest(
        &self,
        reference: &Reference,
        access: Access<'_>,
    ) -> Result<Option<RawManifest>, Error> {
        match self
            .fetch_manifest(&Source::direct(reference), access)
            .await
        {
            Ok(manifest) => Ok(Some(manifest)),
            Err(cause) if cause.is_unknown() => Ok(None),
            Err(cause) => Err(Error::new(Task::PullManifest(reference.clone()), cause)),
        }
    }

    /// Finds the image that a name leads to, through an index if there is one.
    ///
    /// An image that stands alone is returned whatever its platform is: only its config knows that.
    pub async fn resolve(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Resolved, Error> {
        let found = self.get_manifest(reference).await?;
        self.resolve_in(reference, found, platform).await
    }

    /// The same, when what the name leads to is there already.
    pub async fn resolve_in(
        &self,
        reference: &Reference,
        found: RawManifest,
        platform: &Platform,
    ) -> Result<Resolved, Error> {
        self.find_image(reference, found, platform).await
    }

    /// Streams a blob into `sink`. The sink has got every byte of the blob, and no other, if and only if this
    /// returns `Ok`; before that it may have got some that are wrong.
    ///
    /// A connection that breaks is taken up again where it broke.
    pub async fn pull_blob(
        &self,
        repository: &Reference,
        descriptor: &Descriptor,
        sink: &mut impl BlobSink,
    ) -> Result<(), Error> {
        let label = format!("sha256:{}", descriptor.digest.short());
        let progress = self.reporter.start(&label, Some(descriptor.size));
        let mut sink = Writer(sink);
        self.stream_blob(repository, descriptor, &mut sink, &*progress)
            .await?;
        let flushed = sink.0.flush().await;
        flushed.map_err(|error| pull_error(repository, descriptor, Cause::Sink(error)))?;
        progress.finish("pulled");
        Ok(())
    }

    /// Opens a blob for an upload to another repository. Only the upload counts as progress.
    pub(super) fn relay(&self, repository: &Reference, descriptor: &Descriptor) -> Pipe {
        let (client, repository) = (self.clone(), repository.clone());
        let descriptor = descriptor.clone();
        Pipe::from_task(descriptor.size, |mut feed| async move {
            let silent = Silent.start("", None);
            let result = client
                .stream_blob(&repository, &descriptor, &mut feed, &*silent)
                .await;
            (feed, result.map_err(io::Error::other))
        })
    }

    /// Gets a small blob, such as a config, into memory; one whose descriptor states more than `limit` bytes is refused.
    pub async fn get_blob_bytes(
        &self,
        repository: &Reference,
        descriptor: &Descriptor,
        limit: u64,
    ) -> Result<Vec<u8>, Error> {
        if descriptor.size > limit {
            let cause = Cause::TooLarge { limit };
            return Err(pull_error(repository, descriptor, cause));
        }
        let mut bytes = Vec::new();
        self.pull_blob(repository, descriptor, &mut bytes).await?;
        Ok(bytes)
    }

    async fn fetch_manifest(
        &self,
        source: &Source,
        access: Access<'_>,
    ) -> Result<RawManifest, Cause> {
        let session = self.session_at(source, access).await?;
        let selector = source.reference.selector();
        let call = manifest_call(&session, Method::GET, &selector);
        let (headers, bytes) = self.document(&session, &call, MANIFEST_LIMIT).await?;
        let digest = Digest::of(&bytes);
        let promised = match selector {
            Selector::Digest(asked) => Some(asked),
            Selector::Tag(_) => stated_digest(&headers),
        };
        match promised {
            Some(expected) if expected != digest => Err(Cause::Digest {
                expected,
                actual: digest,
            }),
            _ => Ok(RawManifest {
                bytes,
                content_type: content_type(&headers),
                digest,
            }),
        }
    }

    /// The same from a place that may not be what it should be: a mirror that is not set up may answer anything kindly.
    async fn fetch_document(&self, source: &Source) -> Result<RawManifest, Cause> {
        let manifest = self.fetch_manifest(source, Access::Pull).await?;
        if source.is_mirror {
            manifest.document()?;
        }
        Ok(manifest)
    }

    async fn find_image(
        &self,
        reference: &Reference,
        raw: RawManifest,
        platform: &Platform,
    ) -> Result<Resolved, Error> {
        let fail = |cause: Cause| Error::new(Task::PullManifest(reference.clone()), cause);
        if let Document::Manifest(manifest) = raw.document().map_err(|error| fail(error.into()))? {
            return Ok(Resolved {
                manifest,
                raw,
                index: None,
            });
        }
        let chosen = raw.image_for(reference, platform)?;
        let index_digest = raw.digest;
        let raw = self.get_manifest(&reference.at(chosen)).await?;
        match raw.document().map_err(|error| fail(error.into()))? {
            Document::Manifest(manifest) => Ok(Resolved {
                manifest,
                raw,
                index: Some(index_digest),
            }),
            Document::Index(_) => Err(fail(Cause::Nonsense {
                host: reference.registry().to_owned(),
                what: format!("has an index where the index has the image for `{platform}`"),
            })),
        }
    }

    /// Gives every byte of a blob to `sink`. They are the right ones if and only if this returns `Ok`.
    async fn stream_blob(
        &self,
        repository: &Reference,
        descriptor: &Descriptor,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let fail = |cause| pull_error(repository, descriptor, cause);
        let mut route = self.routes.to_blob(repository).map_err(fail)?;
        loop {
            let source = route.source();
            let mut download = Download {
                descriptor,
                received: 0,
                hash: Sha256::default(),
                progress,
            };
            let cause = match self.download(&source, &mut download, sink).await {
                Ok(()) => return Ok(()),
                Err(cause) => cause,
            };
            let received = download.received;
            let pass_over = route.pass_over(cause, &*self.reporter);
            let error = |cause| route.error(task(repository, descriptor), cause);
            pass_over.map_err(error)?;
            sink.take_back(received).await.map_err(|_| {
                error(Cause::Mirror {
                    mirror: source.reference.name(),
                })
            })?;
        }
    }

    async fn download<S: Sink>(
        &self,
        source: &Source,
        download: &mut Download<'_>,
        sink: &mut S,
    ) -> Result<(), Cause> {
        let session = self.session_at(source, Access::Pull).await?;
        let throttle = &session.endpoint.throttle;
        // The upload that a relay is for has a turn, maybe the last one of this very registry.
        let _turn = if S::IS_RELAY {
            None
        } else {
            Some(throttle.turn().await)
        };
        let mut retries = self.wire.settings.retry.start();
        loop {
            let before = download.received;
            match download.attempt(self, &session, sink).await {
                Ok(()) => break,
                // Somebody else may have the blob at once.
                Err(cause) if source.is_mirror && download.received == 0 => return Err(cause),
                Err(cause) => {
                    // A line that breaks every few minutes still gets a large layer through.
                    if download.received - before >= WORTH_RESUMING {
                        retries.restart();
                    }
                    if !retries.wait(cause.advice()).await {
                        return Err(cause);
                    }
                }
            }
        }
        let (actual, expected) = (download.hash.clone().finish(), download.descriptor.digest);
        if actual != expected {
            return Err(Cause::Digest { expected, actual });
        }
        throttle.content();
        Ok(())
    }
}

/// A blob on its way, over as many connections as it takes.
struct Download<'a> {
    descriptor: &'a Descriptor,
    received: u64,
    hash: Sha256,
    progress: &'a dyn Progress,
}

impl Download<'_> {
    /// Goes on where the last attempt ended.
    async fn attempt(
        &mut self,
        client: &Client,
        session: &Session,
        sink: &mut impl Sink,
    ) -> Result<(), Cause> {
        let size = self.descriptor.size;
        let url = session.url(&format!("blobs/{}", self.descriptor.digest));
        let mut call = Call::new(Method::GET, url);
        let resumed = self.received > 0;
        if resumed && self.received == size {
            return Ok(());
        }
        if resumed {
            let range = format!("bytes={}-", self.received);
            let range = HeaderValue::from_str(&range).expect("digits are a valid header");
            call.headers.insert(RANGE, range);
        }
        let expected = [StatusCode::OK, StatusCode::PARTIAL_CONTENT];
        let mut response = client.once(session, &call, &expected).await?;
        // A registry that knows no ranges sends everything again; what is there already is passed over.
        let mut known = if response.status() == StatusCode::OK {
            self.received
        } else if resumed && is_rest(&response, self.received, size) {
            0
        } else {
            return Err(Cause::Nonsense {
                host: session.endpoint.name.clone(),
                what: "sends another part of the blob than it was asked for".to_owned(),
            });
        };
        let host = session.endpoint.name.clone();
        let mut pace = Pace::new(client.wire.settings.read_timeout);
        loop {
            let asked = Instant::now();
            let Some(chunk) = client.wire.timed(&host, response.chunk()).await? else {
                break;
            };
            if !pace.keeps(asked.elapsed(), chunk.len()) {
                let after = client.wire.settings.read_timeout;
                return Err(Cause::Slow { host, after });
            }
            let skipped = known.min(chunk.len() as u64);
            known -= skipped;
            let fresh = &chunk[usize::try_from(skipped).expect("at most a chunk")..];
            if self.received + fresh.len() as u64 > size {
                return Err(Cause::Size {
                    expected: size,
                    longer: true,
                });
            }
            sink.take(fresh).await.map_err(Cause::Sink)?;
            self.hash.update(fresh);
            self.received += fresh.len() as u64;
            self.progress.advance(fresh.len() as u64);
        }
        if self.received < size {
            return Err(Cause::Size {
                expected: size,
                longer: false,
            });
        }
        Ok(())
    }
}

fn task(repository: &Reference, descriptor: &Descriptor) -> Task {
    Task::PullBlob {
        digest: descriptor.digest,
        repository: repository.clone(),
    }
}

fn pull_error(repository: &Reference, descriptor: &Descriptor, cause: Cause) -> Error {
    Error::new(task(repository, descriptor), cause)
}

pub(super) fn manifest_call(session: &Session, method: Method, selector: &Selector) -> Call {
    let mut call = Call::new(method, session.url(&format!("manifests/{selector}")));
    for media_type in MediaType::ACCEPTED {
        let value = HeaderValue::from_str(media_type.as_str()).expect("a media type is a header");
        call.headers.append(ACCEPT, value);
    }
    call
}

/// The digest that a registry states, if it states one that can be compared.
pub(super) fn stated_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(CONTENT_TYPE)?.to_str().ok()?.to_owned())
}

/// Whether an answer is the rest of a blob of this size, from `offset` on.
fn is_rest(response: &Response, offset: u64, size: u64) -> bool {
    let value = response.headers().get(CONTENT_RANGE);
    value
        .and_then(|value| Part::parse(value.to_str().ok()?))
        .is_some_and(|part| {
            part.span.first == offset && part.total.is_none_or(|total| total == size)
        })
}
