//! Finds out whether a server speaks TLS, without speaking it.
//!
//! The first real handshake of a process costs the TLS library more time than a whole push of nothing takes, and a
//! registry on this machine mostly knows no TLS. The first word is enough to tell.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long this may take on the way to a certain answer; there is another one.
const PATIENCE: Duration = Duration::from_secs(2);
/// The record types that an answer in TLS begins with (RFC 8446, 5.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// The shortest legal beginning of a handshake. Its random bytes are none: no key is ever made of it. They are the ends of
/// lines, as a server that expects text may wait for one.
fn client_hello() -> Vec<u8> {
    let body = [
        &[3, 3][..],         // TLS 1.2, as all say
        &b"\r\n".repeat(16), // random
        &[0],                // no session
        &[0, 2, 0x13, 1],    // one cipher suite
        &[1, 0],             // no compression
    ]
    .concat();
    let length = u8::try_from(body.len()).expect("41 bytes");
    let head = [HANDSHAKE, 3, 1, 0, length + 4, 1, 0, 0, length];
    [&head[..], &body].concat()
}

/// Whether what listens there answers a greeting in TLS in kind; an error if it does not answer soon.
pub(super) async fn answers_in_tls(host: &str, port: u16) -> io::Result<bool> {
    tokio::time::timeout(PATIENCE, greet(host, port)).await?
}

async fn greet(host: &str, port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(&client_hello()).await?;
    let first = stream.read_u8().await?;
    Ok(matches!(first, ALERT | HANDSHAKE))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_first_byte_of_an_answer_tells() {
        for (answer, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Some(false)),
            (&[21, 3, 1, 0, 2, 2, 40], Some(true)),
            (&[22, 3, 3], Some(true)),
            (b"", None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                // Go's server answers no sooner than at the end of a line.
                let mut stream = tokio::io::BufReader::new(&mut stream);
                let mut greeting = Vec::new();
                stream.read_until(b'\n', &mut greeting).await.unwrap();
                stream.read_exact(&mut [0; 1]).await.unwrap();
                stream.write_all(answer).await.unwrap();
                greeting
            });
            let told = answers_in_tls("127.0.0.1", port).await;
            assert_eq!(told.ok(), expected, "{answer:?}");
            assert_eq!(server.await.unwrap()[..6], [22, 3, 1, 0, 45, 1]);
        }
    }
}
