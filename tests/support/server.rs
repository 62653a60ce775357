//! Servers of Debian, started for one test on a free loopback port with a folder of their own: nginx and squid.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::docker_registry::{free_port, wait_for};

/// A running server; dropping it ends the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// nginx with this text below `http`, which gets the address to listen at.
    pub fn nginx(http: impl Fn(&str) -> String) -> Self {
        Self::start("nginx", |folder, address| {
            let shown = folder.display();
            // In one process and as whoever runs the test, so that there is one to end and it may read the files.
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("  {kind}_temp_path {shown}/{kind};\n"))
                .concat();
            let text = format!(
                "daemon off;\nmaster_process off;\npid {shown}/pid;\nerror_log {shown}/error.log;\nevents {{}}\n\
                 http {{\n{temporary}  access_log off;\n{}\n}}\n",
                http(address)
            );
            let file = folder.join("nginx.conf");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new("/usr/sbin/nginx");
            command.arg("-p").arg(folder).arg("-c").arg(file);
            command
        })
    }

    /// squid, a forward proxy for this machine that knows the names in `hosts`, with more lines of configuration; what they
    /// name by `FOLDER` is the folder of the server.
    pub fn squid(hosts: &str, more: &str) -> Self {
        Self::start("squid", |folder, address| {
            let shown = folder.display().to_string();
            std::fs::write(folder.join("hosts"), hosts).unwrap();
            // It gives up being root, and then has to write its logs.
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
            let text = format!(
                "http_port {address}\nvisible_hostname proxy.test\nhosts_file {shown}/hosts\ncache deny all\n\
                 pid_filename none\naccess_log stdio:{shown}/access.log\ncache_log {shown}/cache.log\n\
                 coredump_dir {shown}\nshutdown_lifetime 0 seconds\ndns_nameservers 127.0.0.1\n{}\n\
                 http_access allow localhost\nhttp_access deny all\n",
                more.replace("FOLDER", &shown)
            );
            let file = folder.join("squid.conf");
            std::fs::write(&file, text).unwrap();
            let mut command = Command::new("/usr/sbin/squid");
            command.arg("-N").arg("-f").arg(file);
            command
        })
    }

    fn start(package: &str, prepare: impl Fn(&Path, &str) -> Command) -> Self {
        let folder = TempDir::new().unwrap();
        // Somebody else may take the port between the two binds; then the next one is tried.
        for _ in 0..5 {
            let port = free_port();
            let said = std::fs::File::create(folder.path().join("said")).unwrap();
            let mut child = prepare(folder.path(), &format!("127.0.0.1:{port}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(said)
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("the tests with real parts need Debian's `{package}`: {error}")
                });
            if wait_for(port, &mut child) {
                return Self {
                    child,
                    port,
                    folder,
                };
            }
        }
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
        panic!("`{package}` did not start: {said}");
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A file of the server.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The text of a log; empty if there is none yet.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
