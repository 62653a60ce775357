//! A registry inside the test process: content in memory, every request on record, faults on demand.
//!
//! It speaks the parts of the distribution specification that a client needs, over plain HTTP/1.1 on a loopback port. A
//! hook sees each request before it is answered and may choose a [`Fault`] instead. Dropping the registry stops it.

mod protocol;
pub mod token;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use flink_img::oci::{Descriptor, Digest, Manifest, MediaType};

pub use wire::pairs;

/// How long a [`Meter`] waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request, as it came and as it was answered.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// `GET`, `HEAD`, ...
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Length of the body.
    pub body_length: usize,
    /// 0 until it is answered, and when the connection was dropped instead.
    pub status: u16,
}

impl RequestInfo {
    /// Whether it brought credentials along.
    pub fn is_authorized(&self) -> bool {
        self.headers.contains_key("authorization")
    }

    /// All values of a query parameter.
    pub fn query_all(&self, name: &str) -> Vec<&str> {
        self.query
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// `GET /v2/a/b`
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What happens instead of the right answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, these headers, this body.
    Status(u16, Vec<(String, String)>, Vec<u8>),
    /// The connection ends without an answer.
    DropConnection,
    /// The right answer, cut off behind so many bytes of its body.
    TruncateBody(usize),
    /// The right answer with another body; its length fits.
    WrongBytes(Vec<u8>),
    /// The right answer with this header set, or taken out.
    Header(&'static str, Option<String>),
    /// Nothing for a while, then the end of the connection.
    Stall(Duration),
    /// The right answer, after a while.
    Delay(Duration),
    /// The right status, and a body that never ends.
    EndlessBody,
    /// The right answer, a byte of its body in each such time.
    Trickle(Duration),
    /// The end of the connection in the middle of the request, when so many bytes of its body were read.
    ResetRequest(usize),
    /// This status, before the body of the request is read, and the end of the connection.
    Early(u16),
}

impl Fault {
    /// A status without headers and body.
    pub fn status(code: u16) -> Self {
        Self::Status(code, Vec::new(), Vec::new())
    }

    /// A status with the error body of the specification.
    pub fn error(code: u16, name: &str, message: &str) -> Self {
        Self::Status(code, Vec::new(), protocol::error_body(name, message))
    }
}

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Everybody.
    #[default]
    Open,
    /// This user, with every request.
    Basic { user: String, password: String },
    /// Who has a token of the registry's own service; the service gives it to this user.
    Token { user: String, password: String },
    /// Who has a token, which the service gives to whoever brings this refresh token.
    Refresh { token: String },
}

/// How upload locations are written.
#[derive(Debug, Clone, Default)]
pub enum LocationForm {
    /// `/v2/...`
    #[default]
    Relative,
    /// `http://HOST:PORT/v2/...`
    Absolute,
    /// With a query that must come back.
    Query,
    /// Elsewhere with each answer; where the upload was before, there is nothing any more.
    Moving,
    /// On another host: this one.
    Elsewhere(String),
}

/// What a registry does with uploads in its own way.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a way of its own")]
pub struct Ways {
    /// Bodies that are longer are answered with 413 before they are read, as a proxy does it.
    pub body_limit: Option<usize>,
    /// What it says of how many bytes a chunk must have.
    pub chunk_min_length: Option<usize>,
    /// Chunks are refused with this status.
    pub refuse_chunks: Option<u16>,
    /// A blob in one request is refused with this status.
    pub refuse_whole: Option<u16>,
    /// What came of a request that broke is thrown away with its upload.
    pub forgets_broken: bool,
    /// Of several chunks, the last one wins.
    pub last_chunk_wins: bool,
    /// `Range` does not grow with the chunks, wherever it is told.
    pub stuck_range: bool,
    /// `Range` tells of so many bytes more than there are, where it is asked for.
    pub boasts: usize,
    /// HEAD is refused with this status.
    pub refuse_head: Option<u16>,
    /// A tag is written once.
    pub immutable_tags: bool,
    /// It knows of no indexes.
    pub refuse_indexes: bool,
}

/// What went over the wire so far; only the bodies of uploads and downloads count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that a request came over; one that only asked for TLS, in vain, is none.
    pub connections: usize,
    /// Bytes of bodies that were read.
    pub received: usize,
    /// Bytes of bodies that were written.
    pub sent: usize,
    /// Whether somebody takes no more of what is being written: set at the first such moment, and then for ever.
    pub choked: bool,
}

type ReadHook = Arc<dyn Fn(usize) + Send + Sync>;
type Hook = Arc<dyn Fn(&RequestInfo) -> Option<Fault> + Send + Sync>;

/// What can be changed while the registry runs.
#[derive(Default)]
struct Behaviour {
    hook: Option<Hook>,
    head_hook: Option<Hook>,
    read_hook: Option<ReadHook>,
    ways: Ways,
    auth: Auth,
    location: LocationForm,
    decline_mounts: bool,
    realm: Option<String>,
    token_service: token::TokenService,
}

#[derive(Debug, Default)]
struct Content {
    blobs: BTreeMap<String, BTreeMap<Digest, Vec<u8>>>,
    /// By repository and by tag or digest: media type and bytes.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    /// Tokens and their scopes.
    tokens: BTreeMap<String, Vec<String>>,
    requests: Vec<RequestInfo>,
    counter: usize,
}

#[derive(Default)]
struct Shared {
    content: Mutex<Content>,
    behaviour: Mutex<Behaviour>,
    traffic: Mutex<Traffic>,
    traffic_changed: Condvar,
    stopping: AtomicBool,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, change: impl FnOnce(&mut Traffic)) {
        change(&mut self.traffic.lock().unwrap_or_else(PoisonError::into_inner));
        self.traffic_changed.notify_all();
    }
}

/// A running registry.
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({})", self.address)
    }
}

impl Registry {
    /// Starts an empty registry that everybody may use.
    pub fn start() -> Self {
        Self::with_auth(Auth::Open)
    }

    /// Starts an empty registry.
    pub fn with_auth(auth: Auth) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        shared.behaviour().auth = auth;
        let for_thread = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&for_thread);
                let connection = std::thread::spawn(move || wire::serve(&stream, address, &shared));
                for_thread.connections.lock().unwrap().push(connection);
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Calls `hook` with every request before it is answered.
    pub fn on_request(&self, hook: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static) {
        self.shared.behaviour().hook = Some(Arc::new(hook));
    }

    /// Calls `hook` with every request before its body is read; of the faults, only [`Fault::ResetRequest`] and
    /// [`Fault::Early`] mean something there.
    pub fn on_head(&self, hook: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static) {
        self.shared.behaviour().head_hook = Some(Arc::new(hook));
    }

    /// Chooses what it does with uploads.
    pub fn set_ways(&self, ways: Ways) {
        self.shared.behaviour().ways = ways;
    }

    /// Calls `hook` whenever a part of a request's body has been read, with the number of bytes that this body has got so
    /// far; no more is read until it returns.
    pub fn on_read(&self, hook: impl Fn(usize) + Send + Sync + 'static) {
        self.shared.behaviour().read_hook = Some(Arc::new(hook));
    }

    /// What went over the wire so far.
    pub fn traffic(&self) -> Traffic {
        *self.shared.traffic.lock().unwrap()
    }

    /// What can be asked for the traffic in another thread.
    pub fn meter(&self) -> Meter {
        Meter(Arc::clone(&self.shared))
    }

    /// Answers the first `times` requests whose line (`GET /v2/...`) starts with `line` with a fault.
    pub fn fail(&self, line: &'static str, times: usize, fault: Fault) {
        self.on_request(times_of(line, times, fault));
    }

    /// The same before the body of the request is read.
    pub fn fail_early(&self, line: &'static str, times: usize, fault: Fault) {
        self.on_head(times_of(line, times, fault));
    }

    /// Chooses how upload locations are written.
    pub fn set_location(&self, form: LocationForm) {
        self.shared.behaviour().location = form;
    }

    /// Answers mounts with an upload from now on.
    pub fn decline_mounts(&self) {
        self.shared.behaviour().decline_mounts = true;
    }

    /// Names another token service than its own.
    pub fn set_realm(&self, realm: &str) {
        self.shared.behaviour().realm = Some(realm.to_owned());
    }

    /// Chooses how the token service works.
    pub fn set_token_service(&self, service: token::TokenService) {
        self.shared.behaviour().token_service = service;
    }

    /// Makes this a token that allows what these scopes say.
    pub fn add_token(&self, value: &str, scopes: &[&str]) {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.shared
            .content()
            .tokens
            .insert(value.to_owned(), scopes);
    }

    /// Makes all tokens worthless.
    pub fn revoke_tokens(&self) {
        self.shared.content().tokens.clear();
    }

    /// Drops all uploads that were opened and not ended.
    pub fn forget_uploads(&self) {
        self.shared.content().uploads.clear();
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<RequestInfo> {
        self.shared.content().requests.clone()
    }

    /// The lines (`GET /v2/...`) of every request so far, with their statuses.
    pub fn lines(&self) -> Vec<String> {
        self.requests()
            .iter()
            .map(|request| format!("{} {}", request.line(), request.status))
            .collect()
    }

    /// How many requests had a line (`GET /v2/...`) that starts with `line`.
    pub fn count(&self, line: &str) -> usize {
        let starts = |request: &&RequestInfo| request.line().starts_with(line);
        self.requests().iter().filter(starts).count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.content().requests.clear();
    }

    /// The media type and the bytes of a manifest, by tag or digest.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<(String, Vec<u8>)> {
        let key = (repository.to_owned(), name.to_owned());
        self.shared.content().manifests.get(&key).cloned()
    }

    /// The bytes of a blob.
    pub fn blob(&self, repository: &str, digest: Digest) -> Option<Vec<u8>> {
        let content = self.shared.content();
        content.blobs.get(repository)?.get(&digest).cloned()
    }

    /// Takes everything out of a repository.
    pub fn forget(&self, repository: &str) {
        let mut content = self.shared.content();
        content.blobs.remove(repository);
        content.manifests.retain(|(name, _), _| name != repository);
    }

    /// Takes a blob out of a repository.
    pub fn forget_blob(&self, repository: &str, digest: Digest) {
        let mut content = self.shared.content();
        if let Some(blobs) = content.blobs.get_mut(repository) {
            blobs.remove(&digest);
        }
    }

    /// Puts a blob in.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let mut content = self.shared.content();
        let blobs = content.blobs.entry(repository.to_owned()).or_default();
        blobs.insert(digest, bytes.to_vec());
        digest
    }

    /// Puts a manifest in, under its digest and a tag.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        let digest = Digest::of(bytes);
        let mut content = self.shared.content();
        for name in [tag.to_owned(), digest.to_string()] {
            let value = (media_type.to_owned(), bytes.to_vec());
            content
                .manifests
                .insert((repository.to_owned(), name), value);
        }
        digest
    }

    /// Puts an OCI image in: its config, and layers with their media types.
    pub fn put_image(
        &self,
        repository: &str,
        tag: &str,
        config: &[u8],
        layers: &[(MediaType, &[u8])],
    ) -> Digest {
        self.put_blob(repository, config);
        let layers = layers
            .iter()
            .map(|(media_type, bytes)| {
                self.put_blob(repository, bytes);
                Descriptor::of(media_type.clone(), bytes)
            })
            .collect();
        let manifest = Manifest::new(Descriptor::of(MediaType::Config, config), layers);
        self.put_manifest(
            repository,
            tag,
            MediaType::Manifest.as_str(),
            &manifest.to_bytes(),
        )
    }
}

fn times_of(
    line: &'static str,
    times: usize,
    fault: Fault,
) -> impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static {
    let left = Mutex::new(times);
    move |request| {
        let mut left = left.lock().unwrap();
        if *left == 0 || !request.line().starts_with(line) {
            return None;
        }
        *left -= 1;
        Some(fault.clone())
    }
}

/// Looks at a registry's traffic.
pub struct Meter(Arc<Shared>);

impl Meter {
    /// Waits until the traffic is as wished, but not for ever, and returns it.
    pub fn wait(&self, wish: impl Fn(&Traffic) -> bool) -> Traffic {
        let traffic = self.0.traffic.lock().unwrap();
        let waited = self
            .0
            .traffic_changed
            .wait_timeout_while(traffic, PATIENCE, |traffic| !wish(traffic));
        *waited.unwrap().0
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection; this is one. Connections look at the flag several times a second.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        let connections = std::mem::take(&mut *self.shared.connections.lock().unwrap());
        for connection in connections {
            let _ = connection.join();
        }
    }
}
