//! Who gets to see a password: token services, and registries that look like others.

use super::*;

/// Also GHSA-9m43-p3cx-w8j5 (malcontent), and the same in go-containerregistry (2193), Jib (4523) and ocync (60).
#[test]
fn cve_2026_48978_ghsa_xf85_363p_868w_a_realm_inside_our_network_gets_no_password() {
    let inside = Registry::start();
    let (_, port) = inside.address().rsplit_once(':').map(own).unwrap();
    let outside = registry(token());
    let context = user_behind(&outside, |_| None);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.7",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ] {
        outside.set_realm(&format!("http://{host}:{port}/token"));
        let base = format!("{ELSEWHERE}/acme/base:1");
        let run = build_on(&context, &base, &[]);
        let words = [
            "`registry.test` asks for credentials to be sent to `http://",
            "which is an address of an internal network",
        ];
        assert_refused(&context, &run, 5, &words);
        assert_untouched(&inside);
        // Addresses that are not this machine's would have gone through the proxy.
        assert_eq!(outside.count("GET /token"), 0, "{host}");
    }
}

/// The same from a registry that is on this machine itself, to another service there.
#[test]
fn ghsa_9m43_p3cx_w8j5_a_realm_on_another_port_of_the_registry_gets_no_password() {
    let other = Registry::start();
    let registry = registry(token());
    registry.set_realm(&format!("http://{}/token", other.address()));
    let context = user_of(&registry.address());
    let base = format!("{}/acme/base:1", registry.address());
    let run = build_on(&context, &base, &[]);
    assert_refused(&context, &run, 5, &["an address of an internal network"]);
    let run = push_to(&context, &format!("{}/acme/job:1", registry.address()));
    assert_refused(&context, &run, 5, &["an address of an internal network"]);
    assert_untouched(&other);
    assert_nobody_known(&registry);
}

#[test]
fn cve_2026_48978_a_token_service_cannot_send_the_password_on() {
    let other = Registry::start();
    for status in [301, 302, 303, 307, 308] {
        let registry = registry(token());
        let there = format!("http://{}/token", other.address());
        registry.on_request(move |request| {
            let location = vec![("Location".to_owned(), there.clone())];
            (request.path == "/token").then(|| Fault::Status(status, location, Vec::new()))
        });
        let context = user_of(&registry.address());
        let base = format!("{}/acme/base:1", registry.address());
        let run = build_on(&context, &base, &[]);
        let words = ["The token service", &format!("answered {status}")];
        assert_refused(&context, &run, 7, &words);
        assert_untouched(&other);
    }
}

/// go-containerregistry 2296.
#[test]
fn ggcr_2296_answers_of_token_services_and_errors_end_at_64_kib() {
    const HUGE: usize = 64 << 20;
    let registry = registry(token());
    let context = user_of(&registry.address());
    let base = format!("{}/acme/base:1", registry.address());
    for (path, status) in [("/token", 200), ("/token", 403), ("/v2/", 404)] {
        registry.on_request(move |request| {
            let body = || vec![b'{'; HUGE];
            let hit = request.path.starts_with(path);
            hit.then(|| Fault::Status(status, Vec::new(), body()))
        });
        let before = registry.traffic().sent;
        let run = build_on(&context, &base, &[]);
        assert!(matches!(run.code, 3..=7), "{path} {status}: {run}");
        assert_secret_kept(&run);
        // What the kernel has room for is sent before anybody can say no.
        let sent = registry.traffic().sent - before;
        assert!(sent < HUGE / 2, "{path} {status}: {sent} bytes were taken");
    }
}

/// go-containerregistry 2349 and 2360: where a redirect leads is asked neither with the token nor with the password, not
/// even when it asks for them.
#[test]
fn ggcr_2349_where_a_redirect_leads_gets_no_token_when_it_asks_for_one() {
    let other = registry(token());
    let registry = registry(token());
    let there = other.address();
    registry.on_request(move |request| {
        let location = format!("http://{there}{}", request.path);
        let location = vec![("Location".to_owned(), location)];
        let hit = request.path.contains("/blobs/") && request.is_authorized();
        hit.then(|| Fault::Status(307, location, Vec::new()))
    });
    let context = user_of(&registry.address());
    let base = format!("{}/acme/base:1", registry.address());
    let run = build_on(&context, &base, &[]);
    assert_refused(&context, &run, 7, &["answered 401"]);
    assert!(other.count("GET /v2/acme/base/blobs/") > 0);
    assert_eq!(other.count("GET /token"), 0, "its token service was asked");
    assert_nobody_known(&other);
}

/// kaniko (1004 of its successor) and Connaisseur (2166) took a host for another that its name begins or ends with.
#[test]
fn kaniko_1004_connaisseur_2166_a_login_is_for_its_host_and_path_and_no_other() {
    let registry = registry(basic());
    let host = registry.address();
    let (name, port) = host.rsplit_once(':').map(own).unwrap();
    for key in [
        name.clone(),
        format!("{name}:{port}0"),
        format!("{name}:{}", &port[..port.len() - 1]),
        format!("{host}.evil.test"),
        format!("evil.test/{host}"),
        format!("evil.test@{host}"),
        format!("1{host}"),
        format!("{host}/acme/base2"),
        format!("{host}/acme/bas"),
        format!("{host}/acm"),
        format!("{host}/acme/base/below"),
        format!("{host}/base"),
        format!("https://{host}/v3"),
    ] {
        let context = user_of(&key);
        let run = build_on(&context, &format!("{host}/acme/base:1"), &[]);
        assert_refused(&context, &run, 5, &["answered 401"]);
        assert_nobody_known(&registry);
    }
    for key in [
        host.clone(),
        format!("{host}/acme"),
        format!("https://{host}/v2/"),
    ] {
        let context = user_of(&key);
        build_on(&context, &format!("{host}/acme/base:1"), &[]).ok();
    }
}

fn own((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}
