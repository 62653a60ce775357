//! A token service as docker-registry believes it: it gives JSON Web Tokens (RS256, with the certificate in `x5c`) to one
//! user, for what that user may do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use tempfile::TempDir;

/// Who issues the tokens.
pub const ISSUER: &str = "issuer.test";
/// Who takes them.
pub const SERVICE: &str = "registry.test";

/// Who gets which tokens.
#[derive(Debug, Clone)]
pub struct Grants {
    pub user: String,
    pub password: String,
    /// What may be done in every repository: `pull`, `push`.
    pub actions: &'static [&'static str],
    /// How long a token lasts, in seconds.
    pub lifetime: u64,
}

/// A running token service.
#[derive(Debug)]
pub struct TokenServer {
    address: SocketAddr,
    folder: TempDir,
    stopping: Arc<AtomicBool>,
    given: Arc<AtomicUsize>,
}

impl TokenServer {
    /// Starts the service.
    pub fn start(grants: Grants) -> Self {
        let folder = TempDir::new().unwrap();
        let output = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=test tokens",
                "-keyout",
                "token.key",
                "-out",
                "token.pem",
            ])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stopping, given) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stop, count) = (Arc::clone(&stopping), Arc::clone(&given));
        let path = folder.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let (status, body) = answer(&stream, &grants, &path);
                    count.fetch_add(usize::from(status == "200 OK"), Ordering::SeqCst);
                    let head = format!("Content-Length: {}\r\nConnection: close", body.len());
                    let _ = write!(&stream, "HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}");
                }
            }
        });
        Self {
            address,
            folder,
            stopping,
            given,
        }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The certificate that the registry must trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("token.pem")
    }

    /// How many tokens were given.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads a request and makes the answer to it.
fn answer(stream: &TcpStream, grants: &Grants, folder: &Path) -> (&'static str, String) {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let login = STANDARD.encode(format!("{}:{}", grants.user, grants.password));
    let wanted = format!("authorization: basic {login}");
    if !lines.iter().any(|line| line.eq_ignore_ascii_case(&wanted)) {
        let body = json!({"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]});
        return ("401 Unauthorized", body.to_string());
    }
    let target = lines[0].split(' ').nth(1).unwrap_or_default();
    let query = super::registry::pairs(target.split_once('?').map_or("", |(_, query)| query));
    let scopes = query.iter().filter(|(key, _)| key == "scope");
    let access: Vec<_> = scopes
        .filter_map(|(_, scope)| {
            let (resource, actions) = scope.rsplit_once(':')?;
            let (kind, name) = resource.split_once(':')?;
            let granted: Vec<_> = actions
                .split(',')
                .filter(|action| grants.actions.contains(action))
                .collect();
            Some(json!({"type": kind, "name": name, "actions": granted}))
        })
        .collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({
        "iss": ISSUER, "sub": grants.user, "aud": SERVICE, "jti": "1",
        "iat": now.as_secs(), "nbf": now.as_secs() - 10, "exp": now.as_secs() + grants.lifetime,
        "access": access,
    });
    let token = sign(&claims.to_string(), folder);
    let body = json!({"token": token, "expires_in": grants.lifetime});
    ("200 OK", body.to_string())
}

/// A JSON Web Token with these claims.
fn sign(claims: &str, folder: &Path) -> String {
    let pem = std::fs::read_to_string(folder.join("token.pem")).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let header = json!({"typ": "JWT", "alg": "RS256", "x5c": [der]}).to_string();
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-binary", "-sign", "token.key"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(output.stdout))
}
