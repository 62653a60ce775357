//! docker-registry behind nginx, which limits what may be sent at once, and with tokens of the tests' own service.

use std::process::Command;

use tempfile::TempDir;

use crate::pushes::{failed, log_in, push, pushed};
use crate::support::docker_registry::{DockerRegistry, Kind, make_certificates};
use crate::support::server::Server;
use crate::support::token_server::{Grants, TokenServer};
use crate::support::workshop::Workshop;

/// A reverse proxy for a registry, with more directives.
fn before(upstream: &str, more: &str) -> Server {
    Server::nginx(|listen| {
        format!(
            "server {{ listen {listen}; {more}\nlocation /v2/ {{ proxy_pass http://{upstream};\n\
             proxy_set_header Host $http_host; proxy_request_buffering off; }} }}"
        )
    })
}

#[test]
fn what_is_too_large_for_the_proxy_is_sent_in_chunks() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    // The artifact of the job has three times as much, and nothing makes it smaller.
    let nginx = before(&registry.address(), "client_max_body_size 1m;");
    pushed(&mut push(&workshop, &nginx.address()), &registry);
}

#[test]
fn what_is_too_large_for_the_proxy_in_any_size_is_one_sentence() {
    let workshop = Workshop::new();
    let registry = DockerRegistry::start(&Kind::Plain);
    let nginx = before(
        &registry.address(),
        "if ($request_method ~ \"PUT|PATCH\") { return 413; }",
    );
    let told = failed(&mut push(&workshop, &nginx.address()), 7);
    assert!(
        told.contains("413 Request Entity Too Large") || told.contains("413 Payload Too Large"),
        "{told}"
    );
    assert!(
        told.contains("hint: the registry, or a proxy in front of it, limits the size"),
        "{told}"
    );
    assert_eq!(registry.digest("acme/job", "1"), None);
}

/// A registry that wants tokens, and the service that gives them, behind one address with TLS.
struct Tokens {
    registry: DockerRegistry,
    service: TokenServer,
    front: Server,
    certificates: TempDir,
}

impl Tokens {
    fn start(actions: &'static [&'static str], lifetime: u64) -> Self {
        let service = TokenServer::start(Grants {
            user: "ada".to_owned(),
            password: "s3cret: ä".to_owned(),
            actions,
            lifetime,
        });
        let registry = DockerRegistry::start(&Kind::Token {
            certificate: service.certificate(),
        });
        let certificates = tempfile::tempdir().unwrap();
        make_certificates(certificates.path());
        let front = Server::nginx(|listen| {
            format!(
                "server {{ listen {listen} ssl; client_max_body_size 0;\n\
                 ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;\n\
                 location = /auth/token {{ proxy_pass http://{}; }}\n\
                 location /v2/ {{ proxy_pass http://{}; proxy_request_buffering off;\n\
                 proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https; }} }}",
                service.address(),
                registry.address(),
                folder = certificates.path().display(),
            )
        });
        Self {
            registry,
            service,
            front,
            certificates,
        }
    }

    /// A push with the login of ada.
    fn push(&self, workshop: &Workshop, password: &str) -> Command {
        let address = self.front.address();
        let mut build = push(workshop, &address);
        log_in(workshop, &mut build, &address, ("ada", password));
        build
            .arg("--ca-file")
            .arg(self.certificates.path().join("ca.pem"));
        build
    }
}

#[test]
fn tokens_of_a_real_service_open_a_real_registry() {
    let workshop = Workshop::new();
    let tokens = Tokens::start(&["pull", "push"], 300);
    pushed(&mut tokens.push(&workshop, "s3cret: ä"), &tokens.registry);
    // One token allows the whole push.
    assert_eq!(tokens.service.given(), 1);
    pushed(&mut tokens.push(&workshop, "s3cret: ä"), &tokens.registry);
    assert_eq!(tokens.service.given(), 2);
}

#[test]
fn who_gets_no_token_or_one_for_reading_only_is_told_so() {
    let workshop = Workshop::new();
    let tokens = Tokens::start(&["pull"], 300);
    let told = failed(&mut tokens.push(&workshop, "wrong"), 5);
    assert!(told.contains("/auth/token` answered 401"), "{told}");
    assert!(told.contains("auth.json` were refused"), "{told}");
    assert!(!told.contains("wrong"), "{told}");
    let told = failed(&mut tokens.push(&workshop, "s3cret: ä"), 5);
    assert!(
        told.contains("auth.json` were refused, or do not allow this"),
        "{told}"
    );
    assert_eq!(tokens.registry.digest("acme/job", "1"), None);
}
