//! Registries that let nobody in without a certificate, and who else gets to see it.

use std::path::Path;
use std::process::Command;

use crate::pushes::{failed, push, pushed, put_base};
use crate::support::docker_registry::{
    DockerRegistry, Kind, make_certificates, make_client_certificate,
};
use crate::support::server::Server;
use crate::support::workshop::{Workshop, succeed};

/// Trusts the authority in a folder, and shows the certificate `NAME.pem` that is there too.
fn identify<'a>(command: &'a mut Command, folder: &Path, name: &str) -> &'a mut Command {
    command
        .arg("--ca-file")
        .arg(folder.join("ca.pem"))
        .arg("--client-cert")
        .arg(folder.join(format!("{name}.pem")))
        .arg("--client-key")
        .arg(folder.join(format!("{name}.key")))
}

#[test]
fn a_registry_that_wants_a_certificate_gets_the_one_that_is_named() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::ClientCertificates);
    let folder = registry.folder();
    make_client_certificate(folder, "client");
    let address = registry.address();
    pushed(
        identify(&mut push(&workshop, &address), folder, "client"),
        &registry,
    );

    // Both in one file, the key in the older form, and named by the environment.
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mut old = Command::new("openssl");
    old.args(["ec", "-in", "client.key", "-out", "old.key"])
        .current_dir(folder);
    succeed(&mut old);
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let both = format!(
        "{parameters}{}{}{}",
        text("old.key"),
        text("client.pem"),
        text("ca.pem")
    );
    std::fs::write(folder.join("both.pem"), both).unwrap();
    let mut build = push(&workshop, &address);
    build
        .env("FLINK_IMG_CA_FILE", folder.join("ca.pem"))
        .env("FLINK_IMG_CLIENT_CERT", folder.join("both.pem"));
    pushed(&mut build, &registry);
}

#[test]
fn without_the_right_certificate_there_is_a_hint() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::ClientCertificates);
    let folder = registry.folder();
    make_client_certificate(folder, "client");
    make_client_certificate(folder, "other");
    let address = registry.address();
    let mut build = push(&workshop, &address);
    let told = failed(build.arg("--ca-file").arg(folder.join("ca.pem")), 7);
    assert!(told.contains("`--client-cert`"), "{told}");

    // By an authority that the registry does not know.
    let stranger = tempfile::tempdir().unwrap();
    make_certificates(stranger.path());
    make_client_certificate(stranger.path(), "client");
    let mut build = push(&workshop, &address);
    build
        .arg("--ca-file")
        .arg(folder.join("ca.pem"))
        .env("FLINK_IMG_CLIENT_CERT", stranger.path().join("client.pem"))
        .env("FLINK_IMG_CLIENT_KEY", stranger.path().join("client.key"));
    let told = failed(&mut build, 7);
    assert!(told.contains("`--client-cert`"), "{told}");

    // nginx lets everybody in, and answers with a page.
    let nginx = Server::nginx(|listen| {
        let upstream = registry.address();
        format!(
            "server {{ listen {listen} ssl; {} ssl_verify_client on;\nlocation / {{ proxy_pass https://{upstream}; }} }}",
            tls(folder)
        )
    });
    let mut build = push(&workshop, &nginx.address());
    let told = failed(build.arg("--ca-file").arg(folder.join("ca.pem")), 7);
    assert!(
        told.contains("answered 400 Bad Request: No required SSL certificate was sent"),
        "{told}"
    );
    assert!(told.contains("`--client-cert`"), "{told}");

    let mut build = push(&workshop, &address);
    build
        .arg("--client-cert")
        .arg(folder.join("client.pem"))
        .arg("--client-key")
        .arg(folder.join("other.key"));
    let told = failed(&mut build, 3);
    let (certificate, key) = (folder.join("client.pem"), folder.join("other.key"));
    let expected = format!(
        "error: The private key in `{}` does not belong to the certificate in `{}`\n",
        key.display(),
        certificate.display()
    );
    assert!(told.starts_with(&expected), "{told}");
    assert!(told.contains("`--client-key`"), "{told}");
}

/// The directives for TLS with the certificate of a folder.
fn tls(folder: &Path) -> String {
    let shown = folder.display();
    format!(
        "ssl_certificate {shown}/server.pem; ssl_certificate_key {shown}/server.key; ssl_client_certificate {shown}/ca.pem;"
    )
}

/// Requests, with who made them and whether credentials came along.
const LOG: &str = "log_format who '$request_method $uri [$ssl_client_s_dn] [$http_authorization]';";

#[test]
fn the_certificate_is_shown_to_the_registry_and_to_nobody_that_it_sends_us_to() {
    let certificates = tempfile::tempdir().unwrap();
    let folder = certificates.path();
    make_certificates(folder);
    make_client_certificate(folder, "client");
    let registry = DockerRegistry::start(&Kind::Plain);
    let upstream = registry.address();
    // It asks everybody for a certificate, lets everybody in, and writes down whose it got.
    let storage = Server::nginx(|listen| {
        format!(
            "{LOG}\nserver {{ listen {listen} ssl; {} ssl_verify_client optional_no_ca; client_max_body_size 0;\n\
             access_log seen.log who;\nlocation = /token {{ return 200 '{{\"token\":\"t\"}}'; }}\n\
             location / {{ proxy_pass http://{upstream}; proxy_set_header Host $http_host;\n\
             proxy_set_header X-Forwarded-Proto https; }} }}",
            tls(folder)
        )
    });
    let elsewhere = format!("storage.example.com:{}", port(&storage.address()));
    // It sends everybody away: for tokens, for blobs, and with blobs.
    let front = Server::nginx(|listen| {
        format!(
            "{LOG}\nmap $request_method $place {{ POST {elsewhere}; default $http_host; }}\n\
             map $request_method$uri $away {{ ~^GET.*/blobs/sha256 1; default 0; }}\n\
             server {{ listen {listen} ssl; {} ssl_verify_client on; client_max_body_size 0; access_log seen.log who;\n\
             location / {{\n\
             add_header WWW-Authenticate 'Bearer realm=\"https://{elsewhere}/token\",service=\"s\"' always;\n\
             if ($http_authorization = \"\") {{ return 401; }}\n\
             if ($away) {{ return 307 https://{elsewhere}$request_uri; }}\n\
             proxy_pass http://{upstream}; proxy_set_header Host $place; proxy_set_header X-Forwarded-Proto https; }} }}",
            tls(folder)
        )
    });
    let squid = Server::squid("127.0.0.1 registry.example.com storage.example.com\n", "");
    let workshop = Workshop::new();
    let address = format!("registry.example.com:{}", port(&front.address()));
    let proxy = format!("http://{}", squid.address());
    let mut build = push(&workshop, &address);
    identify(&mut build, folder, "client").env("HTTPS_PROXY", &proxy);
    pushed(&mut build, &registry);
    put_base(&registry, None);
    let mut build = workshop.build_on(&format!("{address}/acme/base:1"));
    build.env("HTTPS_PROXY", &proxy);
    succeed(identify(&mut build, folder, "client").args(["-o", "oci:out"]));

    let (own, others) = (front.log("seen.log"), storage.log("seen.log"));
    for line in own.lines() {
        assert!(line.contains("[CN=client]"), "{own}");
    }
    for begin in [
        "GET /token ",
        "PUT /v2/acme/job/blobs/uploads/",
        "GET /v2/acme/base/blobs/sha256:",
    ] {
        assert!(
            others.lines().any(|line| line.starts_with(begin)),
            "{begin}: {others}"
        );
    }
    for line in others.lines() {
        assert!(line.ends_with(" [-] [-]"), "{others}");
    }
}

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}
