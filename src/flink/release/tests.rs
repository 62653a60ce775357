//! Downloads from servers of their own, one for each test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::error::{Explain, Kind};
use crate::memory::Forgetful;
use crate::progress::Silent;

const NAME: &str = "flink-2.3.0-bin-scala_2.12.tgz";
const BYTES: &[u8] = b"the bytes of a release";

/// Serves fixed files, and remembers what it was asked for.
struct Server {
    mirror: Mirror,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What becomes of the first answer with the archive.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// It breaks off in the middle, and the rest can be had.
    Breaks,
    /// It breaks off in the middle, and all that can be had is the whole again.
    BreaksForGood,
}

impl Server {
    /// `files` by path below `/flink/flink-2.3.0/`; a body that begins with `>` redirects.
    fn start(files: &[(&str, &[u8])]) -> Self {
        Self::with(files, Fault::None)
    }

    fn with(files: &[(&str, &[u8])], fault: Fault) -> Self {
        let files: BTreeMap<String, Vec<u8>> = files
            .iter()
            .map(|(name, body)| (format!("/flink/flink-2.3.0/{name}"), body.to_vec()))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else {
                    continue;
                };
                let start: Option<usize> = lines
                    .map_while(|line| line.ok().filter(|line| !line.is_empty()))
                    .filter_map(|line| Some(line.strip_prefix("range: bytes=")?.to_owned()))
                    .find_map(|range| range.trim_end_matches('-').parse().ok());
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let (status, header, body) = match files.get(&path) {
                    None => ("404 Not Found", String::new(), Vec::new()),
                    Some(body) if body.starts_with(b">") => {
                        let to = String::from_utf8_lossy(&body[1..]).into_owned();
                        ("302 Found", format!("Location: {to}\r\n"), Vec::new())
                    }
                    Some(body) => ("200 OK", String::new(), body.clone()),
                };
                let (status, header, rest) = match start {
                    Some(start) if fault == Fault::Breaks => {
                        let range = format!("Content-Range: bytes {start}-/*\r\n");
                        ("206 Partial Content", range, &body[start..])
                    }
                    _ => (status, header, &body[..]),
                };
                let is_archive = path.rsplit('/').next() == Some(NAME);
                let breaks = is_archive && start.is_none() && fault != Fault::None;
                let sent = if breaks { body.len() / 2 } else { rest.len() };
                let start = start.map(|start| format!(" from {start}"));
                log.lock()
                    .unwrap()
                    .push(format!("{path}{}", start.unwrap_or_default()));
                let length = rest.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nConnection: close\r\n{header}Content-Length: {length}\r\n\r\n"
                );
                let _ = connection.write_all(head.as_bytes());
                let _ = connection.write_all(&rest[..sent]);
            }
        });
        let mirror = format!("http://{address}/flink").parse().unwrap();
        Self { mirror, asked }
    }

    fn good() -> Self {
        let sum = format!("{}  {NAME}\n", Sha512::of(BYTES).unwrap());
        Self::start(&[(NAME, BYTES), (&format!("{NAME}.sha512"), sum.as_bytes())])
    }

    fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn release() -> Release {
    Release {
        version: "2.3.0".parse().unwrap(),
        scala: "2.12".parse().unwrap(),
        hadoop: None,
    }
}

fn sources(places: &Places, cache: &Path) -> Sources {
    Sources {
        client: Client::builder().no_proxy().build().unwrap(),
        retry: RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(1),
            ..RetryPolicy::default()
        },
        places: places.clone(),
        cache: cache.to_owned(),
        spool: std::env::temp_dir(),
        memory: Arc::new(Forgetful),
        reporter: Arc::new(Silent),
    }
}

async fn fetch(places: &Places, cache: &Path) -> Result<Fetched, ReleaseError> {
    release().fetch(None, &sources(places, cache)).await
}

fn names(cache: &Path) -> Vec<String> {
    fs::list(cache)
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_release_is_downloaded_once_and_checked_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("a/b");
    let server = Server::good();
    let places = Places::with_hosts(vec![], vec![server.mirror.clone()]);
    let fetched = fetch(&places, &cache).await.unwrap();
    assert_eq!(fetched.place, Some(server.mirror.to_string()));
    assert_eq!(fs::read_limited(&fetched.path, 100).unwrap(), BYTES);
    assert_eq!(names(&cache), [NAME.to_owned(), format!("{NAME}.sha512")]);
    assert_eq!(server.requests(), 2);
    assert_eq!(fetch(&places, &cache).await.unwrap().place, None);
    assert_eq!(server.requests(), 2);
    // What changed in the cache is not used.
    fs::write_atomic(&fetched.path, b"something else").unwrap();
    assert!(
        release()
            .cached(None, &sources(&places, &cache))
            .unwrap()
            .is_none()
    );
    let again = fetch(&places, &cache).await.unwrap();
    assert!(again.place.is_some());
    assert_eq!(fs::read_limited(&again.path, 100).unwrap(), BYTES);
}

#[tokio::test]
async fn the_next_place_is_tried_and_the_first_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, good) = (Server::start(&[]), Server::good());
    let places = Places::with_hosts(vec![empty.mirror.clone()], vec![good.mirror.clone()]);
    let fetched = fetch(&places, folder.path()).await.unwrap();
    assert_eq!(fetched.place, Some(good.mirror.to_string()));

    let other = tempfile::tempdir().unwrap();
    let places = Places::with_hosts(vec![empty.mirror.clone()], vec![]);
    let error = fetch(&places, other.path()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "Failed to download Flink 2.3.0\n  {} gives no checksum: does not have it (404)",
            empty.mirror
        )
    );
    assert_eq!(error.kind(), Kind::NotFound);
    let unreachable: Mirror = "http://127.0.0.1:1/flink".parse().unwrap();
    let places = Places::with_hosts(vec![unreachable, empty.mirror.clone()], vec![]);
    let error = fetch(&places, other.path()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Network);
    assert!(
        error.to_string().contains("could not be reached"),
        "{error}"
    );
    assert!(names(other.path()).is_empty());
}

#[tokio::test]
async fn wrong_bytes_are_never_kept() {
    let folder = tempfile::tempdir().unwrap();
    let sum = format!("{}  {NAME}\n", Sha512::of(&b"other"[..]).unwrap());
    let wrong = Server::start(&[(NAME, BYTES), (&format!("{NAME}.sha512"), sum.as_bytes())]);
    let places = Places::with_hosts(vec![wrong.mirror.clone()], vec![]);
    let error = fetch(&places, folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
    assert!(names(folder.path()).is_empty());

    let page = vec![b'x'; 70 << 10];
    let long = Server::start(&[(NAME, BYTES), (&format!("{NAME}.sha512"), &page)]);
    let places = Places::with_hosts(vec![long.mirror.clone()], vec![]);
    let error = fetch(&places, folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
}

#[tokio::test]
async fn a_mirror_without_checksum_needs_somebody_to_vouch_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, good) = (Server::start(&[(NAME, BYTES)]), Server::good());
    let places = Places::with_hosts(vec![bare.mirror.clone()], vec![good.mirror.clone()]);
    let fetched = fetch(&places, folder.path()).await.unwrap();
    assert_eq!(fetched.place, Some(bare.mirror.to_string()));
    let asked = good.asked.lock().unwrap().clone();
    assert_eq!(asked, [format!("/flink/flink-2.3.0/{NAME}.sha512")]);
}

#[tokio::test]
async fn a_redirect_to_plain_http_is_refused() {
    // 0.0.0.0 reaches this machine and is not one of its trusted addresses.
    let good = Server::good();
    let plain = good.mirror.to_string().replace("127.0.0.1", "0.0.0.0");
    let to = format!(">{plain}flink-2.3.0/{NAME}.sha512");
    let server = Server::start(&[(&format!("{NAME}.sha512"), to.as_bytes())]);
    let folder = tempfile::tempdir().unwrap();
    let places = Places::with_hosts(vec![server.mirror.clone()], vec![]);
    let error = fetch(&places, folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("without TLS"), "{error}");
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_was() {
    let sum = format!("{}  {NAME}\n", Sha512::of(BYTES).unwrap());
    let files = [(NAME, BYTES), (&*format!("{NAME}.sha512"), sum.as_bytes())];
    for fault in [Fault::Breaks, Fault::BreaksForGood] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::with(&files, fault);
        let places = Places::with_hosts(vec![], vec![server.mirror.clone()]);
        let fetched = fetch(&places, folder.path()).await.unwrap();
        assert_eq!(fs::read_limited(&fetched.path, 100).unwrap(), BYTES);
        let asked = server.asked.lock().unwrap().clone();
        let rest = format!("/flink/flink-2.3.0/{NAME} from {}", BYTES.len() / 2);
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert_eq!(asked[2], rest);
    }
}

#[tokio::test]
async fn the_checksum_is_had_without_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::good();
    let places = Places::with_hosts(vec![], vec![server.mirror.clone()]);
    let sources = sources(&places, folder.path());
    assert_eq!(release().noted(folder.path(), &places).unwrap(), None);
    let sha512 = release().checksum(&sources).await.unwrap();
    assert_eq!(sha512, Sha512::of(BYTES).unwrap());
    assert_eq!(server.requests(), 1);
    let fetched = release().fetch(Some(sha512), &sources).await.unwrap();
    assert_eq!((fetched.sha512, server.requests()), (sha512, 2));
    // Now it is noted, and nobody is asked.
    assert_eq!(
        release().noted(folder.path(), &places).unwrap(),
        Some(sha512)
    );
    assert_eq!(release().checksum(&sources).await.unwrap(), sha512);
    assert_eq!(server.requests(), 2);
    // Another place may have published something else, so it is asked; if it did not, the archive is the same.
    let more = Server::good();
    let elsewhere = Places::with_hosts(vec![more.mirror.clone()], vec![server.mirror.clone()]);
    assert_eq!(release().noted(folder.path(), &elsewhere).unwrap(), None);
    let fetched = fetch(&elsewhere, folder.path()).await.unwrap();
    assert_eq!((fetched.sha512, more.requests()), (sha512, 2));
    let known = Some(sha512);
    let sources = self::sources(&elsewhere, folder.path());
    release().fetch(known, &sources).await.unwrap();
    assert_eq!((more.requests(), server.requests()), (2, 2));
    // A release that was planned with another checksum is not the one in the cache, and not the one that is served.
    let other = Sha512::of(&b"other"[..]).unwrap();
    let error = release().fetch(Some(other), &sources).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Integrity);
}
