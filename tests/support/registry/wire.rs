//! HTTP/1.1, as far as a client of registries uses it.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Fault, RequestInfo, Shared, protocol};

/// How often a waiting connection looks whether the registry stops.
const TICK: Duration = Duration::from_millis(50);
/// How much is written at once.
const PART: usize = 64 * 1024;
/// How much there is of a body that never ends: more than anybody should read, and not for ever.
const ENDLESS_PIECES: usize = 1024;
/// For how long what nobody wants is read before the connection is closed.
const LINGER: Duration = Duration::from_millis(200);
/// No test sends more headers than this.
const HEADER_LIMIT: usize = 64;

/// A request with its body.
pub struct Request {
    pub info: RequestInfo,
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body is written again and again, with a pause behind each byte.
    pub endless: Option<Duration>,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            endless: None,
        }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers
            .extend(value.map(|value| (name.to_owned(), value)));
    }
}

/// Answers requests on a connection until either side ends it.
pub fn serve(stream: &TcpStream, address: SocketAddr, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(TICK));
    let _ = stream.set_write_timeout(Some(TICK));
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    let mut first = true;
    while let Ok(Some(request)) = read_request(stream, &mut buffer, shared) {
        if std::mem::take(&mut first) {
            shared.count(|traffic| traffic.connections += 1);
        }
        let goes_on = match request {
            Incoming::Whole(request) => answer(stream, address, shared, &request),
            Incoming::Broken(request, on_purpose) => {
                if on_purpose {
                    shared.content().requests.push(request.info.clone());
                }
                protocol::take_broken(shared, &request);
                Ok(false)
            }
            Incoming::Refused(mut info, status) => refuse_early(stream, shared, &mut info, status),
        };
        if !matches!(goes_on, Ok(true)) {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// Answers before the body was read, as proxies do, and does not read it.
fn refuse_early(
    mut stream: &TcpStream,
    shared: &Shared,
    info: &mut RequestInfo,
    status: u16,
) -> io::Result<bool> {
    info.status = status;
    shared.content().requests.push(info.clone());
    write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    // Who closes with unread bytes resets the connection, and the answer may be lost with it; so some of what is under way
    // is read, as proxies do it too.
    let end = Instant::now() + LINGER;
    let mut rest = vec![0; PART];
    let _ = stream.shutdown(std::net::Shutdown::Write);
    while Instant::now() < end && !shared.stopping.load(Ordering::SeqCst) {
        match stream.read(&mut rest) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether the connection may be used again.
fn answer(
    mut stream: &TcpStream,
    address: SocketAddr,
    shared: &Shared,
    request: &Request,
) -> io::Result<bool> {
    let index = {
        let mut content = shared.content();
        content.requests.push(request.info.clone());
        content.requests.len() - 1
    };
    let hook = shared.behaviour().hook.clone();
    let fault = hook.and_then(|hook| hook(&request.info));
    let mut truncate = None;
    let mut endless = false;
    let mut trickle = None;
    let mut response = match fault {
        Some(Fault::DropConnection) => return Ok(false),
        Some(Fault::Stall(length)) => {
            pause(length, shared);
            return Ok(false);
        }
        Some(Fault::Status(status, headers, body)) => Response {
            status,
            headers,
            body,
            endless: None,
        },
        other => {
            if let Some(Fault::Delay(length)) = other {
                pause(length, shared);
            }
            let mut response = protocol::respond(address, shared, request);
            match other {
                Some(Fault::TruncateBody(length)) => truncate = Some(length),
                Some(Fault::EndlessBody) => endless = true,
                Some(Fault::Trickle(pause)) => trickle = Some(pause),
                Some(Fault::WrongBytes(bytes)) => response.body = bytes,
                Some(Fault::Header(name, value)) => response.set(name, value),
                _ => {}
            }
            response
        }
    };
    if let Some(recorded) = shared.content().requests.get_mut(index) {
        recorded.status = response.status;
    }
    if request.info.method == "HEAD" {
        let length = response.body.len();
        response.set("Content-Length", Some(length.to_string()));
        response.body.clear();
    } else if endless {
        response.set("Connection", Some("close".to_owned()));
    } else if response.status != 204 && response.endless.is_none() {
        let length = response.body.len();
        response.set("Content-Length", Some(length.to_string()));
    }
    let mut head = Vec::new();
    write!(head, "HTTP/1.1 {} Status\r\n", response.status)?;
    for (name, value) in &response.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head)?;
    if endless {
        // Without a length, the body ends with the connection.
        let piece = vec![b' '; PART];
        for _ in 0..ENDLESS_PIECES {
            write_body(stream, &piece, shared)?;
        }
        return Ok(false);
    }
    if let Some(interval) = trickle {
        for byte in response.body.chunks(1) {
            write_body(stream, byte, shared)?;
            pause(interval, shared);
        }
        return Ok(true);
    }
    if let Some(pause) = response.endless {
        while !shared.stopping.load(Ordering::SeqCst) {
            for byte in &response.body {
                stream.write_all(std::slice::from_ref(byte))?;
                std::thread::sleep(pause);
            }
        }
        return Ok(false);
    }
    let shown = truncate.map_or(response.body.len(), |length| {
        length.min(response.body.len())
    });
    write_body(stream, &response.body[..shown], shared)?;
    Ok(truncate.is_none())
}

/// Waits, but not longer than the registry is there.
fn pause(length: Duration, shared: &Shared) {
    let end = Instant::now() + length;
    while Instant::now() < end && !shared.stopping.load(Ordering::SeqCst) {
        std::thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
    }
}

fn write_body(mut stream: &TcpStream, mut body: &[u8], shared: &Shared) -> io::Result<()> {
    while !body.is_empty() {
        match stream.write(&body[..body.len().min(PART)]) {
            Ok(written) => {
                body = &body[written..];
                shared.count(|traffic| traffic.sent += written);
            }
            Err(error) if is_timeout(&error) && !shared.stopping.load(Ordering::SeqCst) => {
                shared.count(|traffic| traffic.choked = true);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// What came over a connection.
enum Incoming {
    Whole(Request),
    /// The beginning of a request that ended in the middle of its body, and whether that was a [`Fault`].
    Broken(Request, bool),
    /// The head of a request whose body nobody wants.
    Refused(RequestInfo, u16),
}

/// The next request; `None` at the end of the connection.
fn read_request(
    mut stream: &TcpStream,
    buffer: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Option<Incoming>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADER_LIMIT];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let mut info = info(&parsed);
                let size = info
                    .headers
                    .get("content-length")
                    .map_or(0, |value| value.parse().unwrap());
                buffer.drain(..length);
                let (hook, head_hook, limit) = {
                    let behaviour = shared.behaviour();
                    let limit = behaviour.ways.body_limit;
                    (
                        behaviour.read_hook.clone(),
                        behaviour.head_hook.clone(),
                        limit,
                    )
                };
                let early = head_hook.and_then(|hook| hook(&info));
                let early = early.or_else(|| {
                    limit
                        .is_some_and(|limit| size > limit)
                        .then_some(Fault::Early(413))
                });
                let mut broken = false;
                let mut cut = None;
                match early {
                    Some(Fault::Early(status)) => return Ok(Some(Incoming::Refused(info, status))),
                    Some(Fault::ResetRequest(length)) => cut = Some(length.min(size)),
                    _ => {}
                }
                let size = cut.unwrap_or(size);
                let mut counted = 0;
                loop {
                    let got = buffer.len().min(size);
                    shared.count(|traffic| traffic.received += got - counted);
                    counted = got;
                    if let Some(hook) = hook.as_ref().filter(|_| got > 0) {
                        hook(got);
                    }
                    if got == size {
                        break;
                    }
                    if !matches!(fill(stream, buffer, shared), Ok(true)) {
                        broken = true;
                        break;
                    }
                }
                let body: Vec<u8> = buffer.drain(..size.min(buffer.len())).collect();
                info.body_length = body.len();
                let request = Request { info, body };
                return Ok(Some(if broken || cut.is_some() {
                    Incoming::Broken(request, cut.is_some())
                } else {
                    Incoming::Whole(request)
                }));
            }
            Ok(httparse::Status::Partial) => {
                if !fill(stream, buffer, shared)? {
                    return Ok(None);
                }
            }
            // What Go's server says too when somebody knocks in TLS.
            Err(_) => {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")?;
                return Ok(None);
            }
        }
    }
}

/// Reads what there is; `false` at the end of the connection, or of the registry.
fn fill(mut stream: &TcpStream, buffer: &mut Vec<u8>, shared: &Shared) -> io::Result<bool> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(false),
            Ok(length) => {
                buffer.extend_from_slice(&chunk[..length]);
                return Ok(true);
            }
            Err(error) if is_timeout(&error) => {
                if shared.stopping.load(Ordering::SeqCst) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn info(parsed: &httparse::Request<'_, '_>) -> RequestInfo {
    let target = parsed.path.unwrap_or_default();
    // Who thinks that this is a proxy names the host too (RFC 9112, section 3.2.2).
    let target = target
        .strip_prefix("http://")
        .and_then(|rest| Some(&rest[rest.find('/')?..]))
        .unwrap_or(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<_, _> = parsed
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        })
        .collect();
    RequestInfo {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: pairs(query),
        headers,
        body_length: 0,
        status: 0,
    }
}

/// Decodes a query or a form.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
