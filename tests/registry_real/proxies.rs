//! Registries that only squid knows the way to.

use std::process::Command;

use flink_img::oci::Digest;

use crate::pushes::{failed, push, pushed, put_base};
use crate::support::docker_registry::{DockerRegistry, Kind};
use crate::support::server::Server;
use crate::support::workshop::{Workshop, built, succeed};

/// A name that no machine but the proxy resolves.
const HOST: &str = "registry.example.com";

fn squid(more: &str) -> Server {
    Server::squid(&format!("127.0.0.1 {HOST}\n"), more)
}

/// The registry as the proxy knows it.
fn name(registry: &DockerRegistry) -> String {
    registry.address().replace("127.0.0.1", HOST)
}

#[test]
fn images_go_through_a_proxy_with_tls_end_to_end() {
    let workshop = Workshop::new();
    let (registry, squid) = (DockerRegistry::start(&Kind::Tls), squid(""));
    let proxy = format!("http://{}", squid.address());
    let trusting = |command: &mut Command| {
        command
            .arg("--ca-file")
            .arg(registry.ca_file())
            .env("HTTPS_PROXY", &proxy);
    };
    let mut build = push(&workshop, &name(&registry));
    trusting(&mut build);
    pushed(&mut build, &registry);
    let digest = put_base(&registry, Some(registry.ca_file()));
    let mut build = workshop.build_on(&format!("{}/acme/base:1", name(&registry)));
    trusting(&mut build);
    assert_eq!(built(&mut build)["base"]["digest"], digest);
    // The proxy passes on what it cannot read.
    let log = squid.log("access.log");
    assert!(
        log.contains(&format!("CONNECT {}", name(&registry))),
        "{log}"
    );
    assert!(!log.contains("/v2/"), "{log}");
}

#[test]
fn images_go_through_a_proxy_without_tls_when_the_registry_is_named() {
    let workshop = Workshop::new();
    let (registry, squid) = (DockerRegistry::start(&Kind::Plain), squid(""));
    let proxy = format!("http://{}", squid.address());
    let host = name(&registry);
    let both = [("HTTP_PROXY", &proxy), ("HTTPS_PROXY", &proxy)];
    // There may be a proxy for the one way, and none for the other.
    for variables in [&both[..], &both[..1]] {
        let mut build = push(&workshop, &host);
        build
            .args(["--insecure-registry", &host])
            .envs(variables.iter().copied());
        pushed(&mut build, &registry);
    }
    let digest = put_base(&registry, None);
    let mut build = workshop.build_on(&format!("{host}/acme/base:1"));
    build.args(["--insecure-registry", &host]).envs(both);
    assert_eq!(built(&mut build)["base"]["digest"], digest);
    let log = squid.log("access.log");
    assert!(
        log.contains(&format!("PUT http://{host}/v2/acme/job/")),
        "{log}"
    );

    // Without the word nothing goes without TLS.
    let mut build = push(&workshop, &host);
    let told = failed(build.envs(both), 7);
    assert!(told.contains("There is no trusted connection"), "{told}");
    assert!(
        told.contains(&format!("`--insecure-registry {host}`")),
        "{told}"
    );
}

#[test]
fn a_place_that_registries_conf_calls_insecure_is_spoken_to_without_tls() {
    let workshop = Workshop::new();
    let (registry, squid) = (DockerRegistry::start(&Kind::Plain), squid(""));
    let proxy = format!("http://{}", squid.address());
    let digest = put_base(&registry, None);
    let host = name(&registry);
    let build = |entry: &str| {
        let text = format!("[[registry]]\nprefix = \"x.example.org\"\n{entry}\n");
        std::fs::write(workshop.path("registries.conf"), text).unwrap();
        let mut build = workshop.build_on("x.example.org/acme/base:1");
        build
            .arg("--no-cache")
            .env(
                "FLINK_IMG_CACHE_DIR",
                workshop.path(&Digest::of(entry.as_bytes()).hex()),
            )
            .envs([("HTTP_PROXY", &proxy), ("HTTPS_PROXY", &proxy)]);
        build
    };
    let mirror = format!("[[registry.mirror]]\nlocation = \"{host}\"");
    for entry in [
        format!("location = \"{host}\"\ninsecure = true"),
        format!("{mirror}\ninsecure = true"),
    ] {
        assert_eq!(
            built(&mut build(&entry))["base"]["digest"],
            digest,
            "{entry}"
        );
    }
    for entry in [format!("location = \"{host}\""), mirror] {
        let told = failed(&mut build(&entry), 7);
        assert!(
            told.contains("Failed to pull `x.example.org/acme/base:1`"),
            "{told}"
        );
    }
    let log = squid.log("access.log");
    assert!(
        log.contains(&format!("GET http://{host}/v2/acme/base/")),
        "{log}"
    );
}

#[test]
fn what_no_proxy_names_does_not_go_through_it() {
    let workshop = Workshop::new();
    let (registry, squid) = (DockerRegistry::start(&Kind::Tls), squid(""));
    let proxy = format!("http://{}", squid.address());
    for exempt in [HOST, "example.com", "*"] {
        let mut build = push(&workshop, &name(&registry));
        build
            .arg("--ca-file")
            .arg(registry.ca_file())
            .args(["--retry", "1"])
            .env("HTTPS_PROXY", &proxy)
            .env("NO_PROXY", exempt);
        let told = failed(&mut build, 7);
        assert!(
            told.contains(&format!("The connection to `{}` failed", name(&registry))),
            "{told}"
        );
    }
    let log = squid.log("access.log");
    assert!(!log.contains(HOST), "{log}");
    let mut build = push(&workshop, &name(&registry));
    build
        .arg("--ca-file")
        .arg(registry.ca_file())
        .env("HTTPS_PROXY", &proxy)
        .env("NO_PROXY", "other.example.com,example.org");
    pushed(&mut build, &registry);
}

#[test]
fn a_proxy_that_wants_a_login_gets_the_one_in_its_address() {
    let workshop = Workshop::new();
    let users = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("openssl");
    let hash = succeed(command.args(["passwd", "-apr1", "s3cret"])).stdout;
    let hash = String::from_utf8(hash).unwrap();
    std::fs::write(users.path(), format!("ada:{hash}")).unwrap();
    let mut open = std::fs::metadata(users.path()).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o644);
    std::fs::set_permissions(users.path(), open).unwrap();
    let squid = squid(&format!(
        "auth_param basic program /usr/lib/squid/basic_ncsa_auth {}\nacl known proxy_auth REQUIRED\n\
         http_access deny !known",
        users.path().display()
    ));
    let (tls, plain) = (
        DockerRegistry::start(&Kind::Tls),
        DockerRegistry::start(&Kind::Plain),
    );
    for (registry, variable) in [(&tls, "HTTPS_PROXY"), (&plain, "HTTP_PROXY")] {
        let build = |login: &str| {
            let host = name(registry);
            let mut build = push(&workshop, &host);
            build.env(variable, format!("http://{login}{}", squid.address()));
            match variable {
                "HTTPS_PROXY" => build.arg("--ca-file").arg(tls.ca_file()),
                _ => build.args(["--insecure-registry", &host]),
            };
            build
        };
        for login in ["", "ada:wrong@"] {
            let told = failed(&mut build(login), 7);
            assert!(
                told.contains("hint: give the proxy's login with its address"),
                "{told}"
            );
            assert!(!told.contains("wrong"), "{told}");
        }
        pushed(&mut build("ada:s3cret@"), registry);
    }
}
