//! Pulling (distribution-spec, "Pulling"): manifests with their exact bytes, images for a platform, blobs.
//!
//! The digest of what arrives is computed here; a header that states one is compared, and never believed.

use std::io;

use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::client::{Access, Call, Client, Session};
use super::error::{Cause, Error, Task};
use super::headers::Part;
use super::pipe::{Feed, Pipe};
use crate::oci::{
    Descriptor, Digest, Document, MANIFEST_LIMIT, Manifest, ManifestError, MediaType, Platform,
    Reference, Selector, Sha256,
};
use crate::progress::{Progress, Reporter as _, Silent};

/// The header in which registries state the digest of a manifest.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// A download that got so far starts to count its tries anew when it breaks. With less, a server that sends a byte and
/// hangs up would keep us for ever.
const WORTH_RESUMING: u64 = 1024 * 1024;

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
    pub async fn get_manifest(&self, reference: &Reference) -> Result<RawManifest, Error> {
        self.fetch_manifest(reference, Access::Pull)
            .await
            .map_err(|cause| Error::new(Task::PullManifest(reference.clone()), cause))
    }

    /// Looks for the manifest or index that a name leads to; `None` if the registry does not know it.
    ///
    /// With [`Access::Push`], the token that is got for this serves the push that follows. Some token services refuse it
    /// to somebody who may only read, and some registries refuse to talk of a repository that is not there: both are
    /// errors here.
    pub async fn find_manifest(
        &self,
        reference: &Reference,
        access: Access<'_>,
    ) -> Result<Option<RawManifest>, Error> {
        match self.fetch_manifest(reference, access).await {
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
        self.find_image(reference, found, platform)
            .await
            .map_err(|cause| Error::new(Task::PullManifest(reference.clone()), cause))
    }

    /// Streams a blob into `sink`. The sink has got every byte of the blob, and no other, if and only if this
    /// returns `Ok`; before that it may have got some that are wrong.
    ///
    /// A connection that breaks is taken up again where it broke.
    pub async fn pull_blob(
        &self,
        repository: &Reference,
        descriptor: &Descriptor,
        sink: &mut (impl AsyncWrite + Unpin + Send),
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
        reference: &Reference,
        access: Access<'_>,
    ) -> Result<RawManifest, Cause> {
        let session = self.session(reference, access).await?;
        let selector = reference.selector();
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

    async fn find_image(
        &self,
        reference: &Reference,
        raw: RawManifest,
        platform: &Platform,
    ) -> Result<Resolved, Cause> {
        let index = match raw.document()? {
            Document::Manifest(manifest) => {
                return Ok(Resolved {
                    manifest,
                    raw,
                    index: None,
                });
            }
            Document::Index(index) => index,
        };
        let chosen = index
            .for_platform(platform)
            .map_err(|_| Cause::Platform {
                wanted: platform.clone(),
                available: index.platforms(),
            })?
            .digest;
        let index_digest = raw.digest;
        let chosen = reference.at(chosen);
        let raw = self.fetch_manifest(&chosen, Access::Pull).await?;
        match raw.document()? {
            Document::Manifest(manifest) => Ok(Resolved {
                manifest,
                raw,
                index: Some(index_digest),
            }),
            Document::Index(_) => Err(Cause::Nonsense {
                host: reference.registry().to_owned(),
                what: format!("has an index where the index has the image for `{platform}`"),
            }),
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
        self.download(repository, descriptor, sink, progress)
            .await
            .map_err(|cause| pull_error(repository, descriptor, cause))
    }

    async fn download(
        &self,
        repository: &Reference,
        descriptor: &Descriptor,
        sink: &mut impl Sink,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let session = self.session(repository, Access::Pull).await?;
        let mut download = Download {
            descriptor,
            received: 0,
            hash: Sha256::default(),
            progress,
        };
        let mut retries = self.wire.settings.retry.start();
        loop {
            let before = download.received;
            match download.attempt(self, &session, sink).await {
                Ok(()) => break,
                Err(cause) => {
                    // A line that breaks every few minutes still gets a large layer through.
                    if download.received - before >= WORTH_RESUMING {
                        retries = self.wire.settings.retry.start();
                    }
                    if !retries.wait(cause.advice()).await {
                        return Err(cause);
                    }
                }
            }
        }
        let actual = download.hash.finish();
        if actual != descriptor.digest {
            return Err(Cause::Digest {
                expected: descriptor.digest,
                actual,
            });
        }
        Ok(())
    }
}

/// Where a download goes.
trait Sink: Send {
    /// Takes all of `bytes`.
    fn take(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
}

struct Writer<'a, W>(&'a mut W);

impl<W: AsyncWrite + Unpin + Send> Sink for Writer<'_, W> {
    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}

impl Sink for Feed {
    async fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        Self::take(self, bytes).await
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
        while let Some(chunk) = client.wire.timed(&host, response.chunk()).await? {
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

fn pull_error(repository: &Reference, descriptor: &Descriptor, cause: Cause) -> Error {
    let task = Task::PullBlob {
        digest: descriptor.digest,
        repository: repository.clone(),
    };
    Error::new(task, cause)
}

fn manifest_call(session: &Session, method: Method, selector: &Selector) -> Call<'static> {
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
