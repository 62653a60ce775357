//! Proxies that are not there, or want a login; through a real one images go in `tests/registry_real/`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use insta::assert_snapshot;

use crate::support::context::TestContext;
use crate::support::registry::Registry;
use crate::{build_on, put_base};

const NAME: &str = "registry.example.com/acme/base:1";

#[test]
fn a_proxy_that_is_not_there_is_one_sentence() {
    let mut context = TestContext::new();
    context.set("HTTPS_PROXY", "http://ada:secret@127.0.0.1:1");
    assert_snapshot!(build_on(&context, NAME, &[]), @"
    exit code: 7
    ----- stderr -----
    error: Failed to pull `registry.example.com/acme/base:1`
      caused by: There is no way to `registry.example.com` through the proxy `http://127.0.0.1:1`
      caused by: Connection refused (os error 111)
    hint: check the proxy that `HTTPS_PROXY` or `HTTP_PROXY` names; with `registry.example.com` in `NO_PROXY` there is none on the way
    ");
}

/// A proxy that lets nobody through, for as long as the test runs.
fn closed_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            // Up to the empty line behind the headers.
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let _ = stream.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\
                  Content-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    address.to_string()
}

#[test]
fn a_proxy_that_wants_a_login_is_one_sentence() {
    let mut context = TestContext::new();
    context.set("HTTPS_PROXY", format!("http://{}", closed_proxy()));
    assert_snapshot!(build_on(&context, NAME, &[]), @"
    exit code: 7
    ----- stderr -----
    error: Failed to pull `registry.example.com/acme/base:1`
      caused by: There is no way to `registry.example.com` through the proxy `http://127.0.0.1:[PORT]`
      caused by: tunnel error: proxy authorization required
    hint: give the proxy's login with its address: `HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`
    ");
}

#[test]
fn this_machine_is_not_behind_a_proxy() {
    let registry = Registry::start();
    put_base(&registry);
    let mut context = TestContext::new();
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        context.set(name, "http://127.0.0.1:1");
    }
    build_on(
        &context,
        &format!("{}/acme/base:1", registry.address()),
        &[],
    )
    .ok();
}
