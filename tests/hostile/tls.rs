//! Registries that speak TLS and lead to where nobody does.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::*;
use crate::support::docker_registry::make_certificates;
use crate::support::registry::LocationForm;

/// How long either side of a connection is listened to in turn.
const TURN: Duration = Duration::from_millis(5);

/// A door with TLS in front of a registry that has none.
struct Door {
    certificates: TempDir,
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    threads: Option<JoinHandle<()>>,
}

impl Door {
    fn to(registry: &Registry) -> Self {
        let certificates = TempDir::new().unwrap();
        make_certificates(certificates.path());
        let file = |name: &str| certificates.path().join(name);
        let chain = CertificateDer::pem_file_iter(file("server.pem")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let (config, behind) = (Arc::new(config), registry.address());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let threads = std::thread::spawn(move || {
            std::thread::scope(|scope| {
                for outside in listener.incoming().map_while(Result::ok) {
                    if is_closed.load(Ordering::SeqCst) {
                        return;
                    }
                    let inside = TcpStream::connect(&behind).unwrap();
                    let session = ServerConnection::new(Arc::clone(&config)).unwrap();
                    let is_closed = &is_closed;
                    scope.spawn(move || {
                        for side in [&outside, &inside] {
                            side.set_read_timeout(Some(TURN)).unwrap();
                        }
                        // A client that goes away is no failure of the test.
                        let _ = pass_on(StreamOwned::new(session, outside), inside, is_closed);
                    });
                }
            });
        });
        Self {
            certificates,
            address,
            closed,
            threads: Some(threads),
        }
    }

    fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // The thread waits for a connection; this is one.
        let _ = TcpStream::connect(self.address);
        if let Some(threads) = self.threads.take() {
            let _ = threads.join();
        }
    }
}

/// Passes bytes on in both directions until either side ends.
fn pass_on(
    mut outside: impl Read + Write,
    mut inside: impl Read + Write,
    closed: &AtomicBool,
) -> io::Result<()> {
    while !closed.load(Ordering::SeqCst) {
        if !step(&mut outside, &mut inside)? || !step(&mut inside, &mut outside)? {
            break;
        }
    }
    Ok(())
}

/// Passes on what there is; `false` at the end.
fn step(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    match from.read(&mut buffer) {
        Ok(0) => Ok(false),
        Ok(read) => {
            to.write_all(&buffer[..read])?;
            to.flush()?;
            Ok(true)
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(true),
            _ => Err(error),
        },
    }
}

/// A user who is logged in to what is behind the door, and trusts its certificate.
fn user_at(door: &Door) -> TestContext {
    let mut context = user_of(&door.address());
    context.set("FLINK_IMG_CA_FILE", door.certificates.path().join("ca.pem"));
    context
}

#[test]
fn cve_2026_48978_a_realm_without_encryption_gets_no_password() {
    let (registry, attacker) = (registry(token()), Registry::start());
    let door = Door::to(&registry);
    let context = user_at(&door);
    let base = format!("{}/acme/base:1", door.address());
    for realm in [
        format!("http://{}/token", attacker.address()),
        // The very same service, asked without.
        format!("http://{}/token", registry.address()),
        "http://registry.test/token".to_owned(),
    ] {
        registry.set_realm(&realm);
        let run = build_on(&context, &base, &[]);
        let words = [
            &*format!("to be sent to `{realm}`"),
            "which is not encrypted",
        ];
        assert_refused(&context, &run, 5, &words);
    }
    assert_untouched(&attacker);
    assert_eq!(registry.count("GET /token"), 0);
    assert_nobody_known(&registry);
    // With it, all is well.
    registry.set_realm(&format!("https://{}/token", door.address()));
    build_on(&context, &base, &[]).ok();
}

#[test]
fn cve_2020_15157_a_redirect_does_not_give_up_encryption() {
    let storage = registry(Auth::Open);
    let registry = registry(basic());
    let there = storage.address();
    registry.on_request(move |request| {
        let location = format!("http://{there}{}", request.path);
        let location = vec![("Location".to_owned(), location)];
        let hit = request.path.contains("/blobs/") && request.is_authorized();
        hit.then(|| Fault::Status(307, location, Vec::new()))
    });
    let door = Door::to(&registry);
    let context = user_at(&door);
    let run = build_on(&context, &format!("{}/acme/base:1", door.address()), &[]);
    let words = ["redirects to an address that is not encrypted"];
    assert_refused(&context, &run, 7, &words);
    assert_untouched(&storage);
}

#[test]
fn ggcr_2295_an_upload_does_not_give_up_encryption() {
    let storage = Registry::start();
    let registry = Registry::with_auth(basic());
    registry.set_location(LocationForm::Elsewhere(storage.address()));
    let door = Door::to(&registry);
    let context = user_at(&door);
    let run = push_to(&context, &format!("{}/acme/job:1", door.address()));
    let words = ["names a location for the upload that is not encrypted"];
    assert_refused(&context, &run, 7, &words);
    assert_untouched(&storage);
}

/// Who listens at the address of a registry cannot be it without its certificate, and cannot say that there is no TLS.
#[test]
fn a_certificate_that_nobody_vouches_for_gets_no_password() {
    let registry = registry(basic());
    let door = Door::to(&registry);
    let context = user_of(&door.address());
    let run = build_on(&context, &format!("{}/acme/base:1", door.address()), &[]);
    assert_refused(&context, &run, 7, &["There is no trusted connection to"]);
    assert_untouched(&registry);
}
