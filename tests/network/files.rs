//! Files of ordinary web servers: asked for again when that may help, never longer than wanted, never by half.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use flink_img::error::{Explain as _, Kind};
use flink_img::http::{GetError, Getter, HttpSettings, RetryPolicy};

/// Answers one connection after the other with these bytes, as they stand, and tells how many were asked for.
fn server(answers: Vec<String>) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut count = 0;
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            count += 1;
            let lines = BufReader::new(&stream).lines();
            let _ = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .count();
            stream.write_all(answer.as_bytes()).unwrap();
        }
        count
    });
    (url, served)
}

fn settings() -> HttpSettings {
    HttpSettings {
        retry: RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(2),
            budget: Duration::from_secs(60),
        },
        ..HttpSettings::default()
    }
}

fn get(url: &str, limit: u64, settings: &HttpSettings) -> (Result<u64, GetError>, String) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"what was there before, and is longer")
        .unwrap();
    let getter = Getter::new(settings).unwrap();
    let got = runtime.block_on(getter.get(&url.parse().unwrap(), limit, &mut file));
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    (got, text)
}

fn answer(status: &str, length: usize, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_file_that_broke_or_was_refused_for_a_while_comes_whole() {
    for (first, second) in [
        (answer("503 Busy", 0, ""), answer("200 OK", 4, "good")),
        (answer("200 OK", 9, "bad"), answer("200 OK", 4, "good")),
        (String::new(), answer("200 OK", 4, "good")),
    ] {
        let (url, served) = server(vec![first, second]);
        let (got, text) = get(&url, 4, &settings());
        assert_eq!((got.unwrap(), text.as_str()), (4, "good"));
        assert_eq!(served.join().unwrap(), 2);
    }
}

#[test]
fn what_would_not_help_is_not_tried_again() {
    for (said, kind) in [
        (answer("404 Not Found", 0, ""), Kind::NotFound),
        (answer("403 Forbidden", 0, ""), Kind::Unauthorized),
        (answer("200 OK", 5, "large"), Kind::Hostile),
    ] {
        let (url, served) = server(vec![said]);
        let (got, _) = get(&url, 4, &settings());
        assert_eq!(got.unwrap_err().kind(), kind);
        assert_eq!(served.join().unwrap(), 1);
    }
}

#[test]
fn a_server_that_stays_busy_is_given_up_after_the_tries() {
    let busy = answer("500 Oops", 0, "");
    let (url, served) = server(vec![busy; 3]);
    let (got, _) = get(&url, 4, &settings());
    assert!(matches!(got, Err(GetError::Status(500))), "{got:?}");
    assert_eq!(served.join().unwrap(), 3);
}

#[test]
fn a_silent_server_is_given_up() {
    // It takes connections, as the system does that for it, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    let mut settings = settings();
    settings.retry.attempts = 1;
    settings.read_timeout = Duration::from_millis(50);
    let (got, _) = get(&url, 4, &settings);
    assert!(matches!(got, Err(GetError::Silent(_))), "{got:?}");
}
