//! A line that breaks: passes bytes on to a server, and cuts connections when a test says so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// Back.
    Down,
}

/// Decides, before the next bytes of a connection are passed on, whether it is cut instead; it gets the number of bytes
/// that went the same way so far, over all connections, these included.
type Cut = Arc<dyn Fn(Way, u64) -> bool + Send + Sync>;

/// A running line; dropping it makes no new connections.
pub struct CuttingProxy {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
}

impl std::fmt::Debug for CuttingProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CuttingProxy({})", self.address)
    }
}

impl CuttingProxy {
    /// Starts a line to `target` (`HOST:PORT`). A target that is not there is a connection that ends at once.
    pub fn start(target: String, cut: impl Fn(Way, u64) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let cut: Cut = Arc::new(cut);
        let totals = [Arc::<AtomicU64>::default(), Arc::default()];
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(client) = client else { continue };
                let Ok(server) = TcpStream::connect(&target) else {
                    continue;
                };
                let ends = [(&client, &server, Way::Up), (&server, &client, Way::Down)];
                for ((from, to, way), total) in ends.into_iter().zip(&totals) {
                    let ends = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (cut, total) = (Arc::clone(&cut), Arc::clone(total));
                    std::thread::spawn(move || pass(&ends, &total, |sum| cut(way, sum)));
                }
            }
        });
        Self { address, stopping }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // The acceptor waits for a connection; this is one.
        let _ = TcpStream::connect(self.address);
    }
}

/// Passes bytes on until one end ends, or the line is cut; then both ends end.
fn pass((from, to): &(TcpStream, TcpStream), total: &AtomicU64, cut: impl Fn(u64) -> bool) {
    let (mut reader, mut writer) = (from, to);
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = reader.read(&mut piece) {
        let sum = total.fetch_add(length as u64, Ordering::SeqCst) + length as u64;
        if cut(sum) || writer.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    for end in [from, to] {
        let _ = end.shutdown(Shutdown::Both);
    }
}
