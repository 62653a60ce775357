//! Debian's `docker-registry`, started for one test on a free loopback port with storage of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::token_server::{ISSUER, SERVICE};

/// How long the registry may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who may use the registry, and how it is reached.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Everybody, without TLS.
    Plain,
    /// One user, without TLS.
    Htpasswd { user: String, password: String },
    /// Everybody who trusts [`DockerRegistry::ca_file`].
    Tls,
    /// The same, and who has a certificate by that authority ([`make_client_certificate`]).
    ClientCertificates,
    /// Who has a token that is signed by the one with `certificate`. The service is `/auth/token` at `https`, on the host
    /// that the registry is asked under: a proxy has both.
    Token { certificate: PathBuf },
}

/// A running registry; dropping it ends the process.
#[derive(Debug)]
pub struct DockerRegistry {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl DockerRegistry {
    /// Starts a registry and waits until it listens.
    pub fn start(kind: &Kind) -> Self {
        let folder = TempDir::new().unwrap();
        // Somebody else may take the port between the two binds; then the next one is tried.
        for _ in 0..5 {
            let port = free_port();
            write_config(folder.path(), port, kind);
            let mut child = serve(folder.path());
            if wait_for(port, &mut child) {
                return Self {
                    child,
                    port,
                    folder,
                };
            }
        }
        panic!("`docker-registry` did not start");
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The authority behind the certificate of [`Kind::Tls`].
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl DockerRegistry {
    /// Where what the registry needs is, and what it has.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The digest that a tag leads to, as it is in the storage of the registry.
    pub fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let link = format!("{repository}/_manifests/tags/{tag}/current/link");
        std::fs::read_to_string(self.repositories().join(link)).ok()
    }

    /// Ends the registry at once, as a lack of memory would, and starts it again with what it has.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        // The port is ours as long as nobody is quicker, and nobody was asked to take it.
        self.child = serve(self.folder.path());
        assert!(wait_for(self.port, &mut self.child), "it did not come back");
    }

    fn repositories(&self) -> PathBuf {
        let path = "data/docker/registry/v2/repositories";
        self.folder.path().join(path)
    }

    /// Drops all uploads of a repository that were opened and not ended.
    pub fn forget_uploads(&self, repository: &str) {
        let uploads = self.repositories().join(repository).join("_uploads");
        std::fs::remove_dir_all(uploads).unwrap();
    }
}

fn serve(folder: &Path) -> Child {
    Command::new("docker-registry")
        .arg("serve")
        .arg(folder.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tests with real parts need Debian's `docker-registry`")
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until `child` listens; `false` when it ended instead.
pub fn wait_for(port: u16, child: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return matches!(child.try_wait(), Ok(None));
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "the files of a test's temporary folder need no careful errors"
)]
fn write_config(folder: &Path, port: u16, kind: &Kind) {
    let shown = folder.display();
    let guard = match kind {
        Kind::Plain => String::new(),
        Kind::Htpasswd { user, password } => {
            let line = format!("{user}:{}\n", bcrypt(password));
            std::fs::write(folder.join("htpasswd"), line).unwrap();
            format!("auth: {{htpasswd: {{realm: test, path: {shown}/htpasswd}}}}\n")
        }
        Kind::Tls => {
            make_certificates(folder);
            format!("  tls: {{certificate: {shown}/server.pem, key: {shown}/server.key}}\n")
        }
        Kind::ClientCertificates => {
            make_certificates(folder);
            format!(
                "  tls: {{certificate: {shown}/server.pem, key: {shown}/server.key, clientcas: [{shown}/ca.pem]}}\n"
            )
        }
        Kind::Token { certificate } => format!(
            "auth: {{token: {{realm: unused, autoredirect: true, service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {}}}}}\n",
            certificate.display()
        ),
    };
    // The guard comes last: that of TLS belongs below `http`.
    let config = format!(
        "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
         storage: {{filesystem: {{rootdirectory: {shown}/data}}, delete: {{enabled: true}}}}\n\
         http:\n  addr: 127.0.0.1:{port}\n{guard}"
    );
    std::fs::write(folder.join("config.yml"), config).unwrap();
}

/// The only form of password that the registry takes. Perl is on every Debian, and its `crypt` is that of the C library.
fn bcrypt(password: &str) -> String {
    let output = Command::new("perl")
        .args([
            "-e",
            r"print crypt($ARGV[0], q($2y$05$flinkimgflinkimgflinke))",
        ])
        .arg(password)
        .output()
        .unwrap();
    let hash = String::from_utf8(output.stdout).unwrap();
    assert!(hash.starts_with("$2y$"), "this `crypt` knows no bcrypt");
    hash
}

/// An authority (`ca.pem`), and a certificate by it for this machine (`server.pem`, `server.key`).
pub fn make_certificates(folder: &Path) {
    let script = r#"set -e; cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=test authority" \
    -keyout ca.key -out ca.pem -addext "keyUsage=critical,keyCertSign" -addext "basicConstraints=critical,CA:TRUE"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=127.0.0.1" -keyout server.key -out server.csr
printf 'subjectAltName=IP:127.0.0.1,IP:0.0.0.0,DNS:localhost,DNS:registry.example.com,DNS:storage.example.com\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem"#;
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A certificate for a client (`NAME.pem`, `NAME.key`) by the authority that is in the folder.
pub fn make_client_certificate(folder: &Path, name: &str) {
    let script = r#"set -e; cd "$1"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$2.key" -out "$2.csr"
printf 'extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n' > "$2.ext"
openssl x509 -req -in "$2.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "$2.ext" -out "$2.pem""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(folder)
        .arg(name)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
