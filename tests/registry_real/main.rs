//! The client against the registry that everybody runs, Debian's `docker-registry`: by itself here, and in the modules
//! behind nginx, squid, and lines that break.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a helper that fails should stop its test; these are tests, on files of their own"
)]

#[path = "../support/mod.rs"]
mod support;

mod behind_nginx;
mod certificates;
mod lines;
mod proxies;
mod pushes;

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use flink_img::error::Explain as _;
use flink_img::http::HttpSettings;
use flink_img::oci::{
    Descriptor, Digest, LayerCompression, Manifest, MediaType, Platform, Reference, Selector,
};
use flink_img::progress::Silent;
use flink_img::registry::{
    BlobBody, BlobOutcome, BlobPush, Client, CredentialStore, Credentials, Error, Presence, Secret,
};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use support::docker_registry::{DockerRegistry, Kind, free_port, make_certificates, wait_for};

const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
/// More than one chunk of a file, and no multiple of one.
const LAYER_SIZE: usize = 3 * 1024 * 1024 + 17;

fn client(ca_file: Option<PathBuf>, credentials: CredentialStore) -> Client {
    let settings = HttpSettings {
        ca_file,
        ..HttpSettings::default()
    };
    Client::new(settings, credentials, Arc::new(Silent)).unwrap()
}

fn name(registry: &DockerRegistry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.address()).parse().unwrap()
}

/// A layer, as a part of a file.
fn layer() -> (Vec<u8>, BlobBody) {
    let bytes: Vec<u8> = (0..LAYER_SIZE)
        .map(|i| u8::try_from(i % 249).unwrap())
        .collect();
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(b"head").unwrap();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Start(1)).unwrap();
    let body = BlobBody::File {
        file: Arc::new(file),
        offset: 4,
        size: LAYER_SIZE as u64,
    };
    (bytes, body)
}

async fn push_image(client: &Client, target: &Reference) -> Result<Digest, Error> {
    let (bytes, body) = layer();
    let layer = Descriptor::of(MediaType::Layer(LayerCompression::None), &bytes);
    let config = Descriptor::of(MediaType::Config, CONFIG);
    let push = BlobPush::new(layer.clone());
    client.push_blob(target, push, &body).await?;
    let push = BlobPush::new(config.clone());
    client.push_blob(target, push, &CONFIG.into()).await?;
    let manifest = Manifest::new(config, vec![layer]).to_bytes();
    let selector = target.selector();
    client
        .push_manifest(target, &MediaType::Manifest, &manifest, &selector)
        .await
}

async fn assert_pulls(client: &Client, target: &Reference, digest: Digest) {
    let image = client
        .resolve(target, &Platform::linux_amd64())
        .await
        .unwrap();
    assert_eq!(image.raw.digest, digest);
    let mut bytes = Vec::new();
    let layer = &image.manifest.layers[0];
    client.pull_blob(target, layer, &mut bytes).await.unwrap();
    assert!(bytes == self::layer().0);
}

#[tokio::test]
async fn an_open_registry_gets_an_image_that_others_can_read() {
    let registry = DockerRegistry::start(&Kind::Plain);
    let client = client(None, CredentialStore::default());
    let target = name(&registry, "acme/job:1");
    let digest = push_image(&client, &target).await.unwrap();
    assert_pulls(&client, &target, digest).await;
    assert_pulls(&client, &target.at(digest), digest).await;

    let reader = oci_client::Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    });
    let reference: oci_client::Reference = target.to_string().parse().unwrap();
    let accepted = vec![MediaType::Layer(LayerCompression::None).as_str()];
    let image = reader
        .pull(&reference, &RegistryAuth::Anonymous, accepted)
        .await
        .unwrap();
    assert_eq!(image.digest, Some(digest.to_string()));
    assert!(image.layers[0].data[..] == layer().0[..]);
    assert!(image.config.data[..] == *CONFIG);
}

#[tokio::test]
async fn blobs_are_mounted_across_repositories() {
    let registry = DockerRegistry::start(&Kind::Plain);
    let client = client(None, CredentialStore::default());
    let (base, job) = (
        name(&registry, "acme/base:1"),
        name(&registry, "acme/job:1"),
    );
    push_image(&client, &base).await.unwrap();
    let (bytes, body) = layer();
    let descriptor = Descriptor::of(MediaType::Layer(LayerCompression::None), &bytes);
    let push = async |from: Option<&Reference>| {
        let push = BlobPush {
            mount_from: from.cloned(),
            ..BlobPush::new(descriptor.clone())
        };
        client.push_blob(&job, push, &body).await.unwrap()
    };
    assert_eq!(push(Some(&base)).await, BlobOutcome::Mounted);
    assert_eq!(push(Some(&base)).await, BlobOutcome::AlreadyThere);
    let missing = name(&registry, "acme/nothing");
    let new = Descriptor::of(MediaType::Layer(LayerCompression::None), b"new");
    let push = BlobPush {
        mount_from: Some(missing),
        ..BlobPush::new(new)
    };
    let outcome = client.push_blob(&job, push, &b"new"[..].into()).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
}

#[tokio::test]
async fn a_blob_that_was_made_just_now_is_sent_without_a_question() {
    let registry = DockerRegistry::start(&Kind::Plain);
    let client = client(None, CredentialStore::default());
    let job = name(&registry, "acme/job:1");
    let push = async |bytes: &[u8], session| {
        let layer = MediaType::Layer(LayerCompression::None);
        let push = BlobPush {
            presence: Presence::Unlikely,
            session,
            ..BlobPush::new(Descriptor::of(layer, bytes))
        };
        client.push_blob(&job, push, &bytes.into()).await.unwrap()
    };
    // The wish for a mount within the repository opens an upload, also where there is no repository as yet.
    assert_eq!(push(b"first", None).await, BlobOutcome::Uploaded);
    assert_eq!(push(b"second", None).await, BlobOutcome::Uploaded);
    assert_eq!(push(b"first", None).await, BlobOutcome::AlreadyThere);

    let session = client.open_upload(&job).await.unwrap();
    assert_eq!(push(b"third", Some(session)).await, BlobOutcome::Uploaded);
    client
        .cancel_upload(client.open_upload(&job).await.unwrap())
        .await;
    let stale = client.open_upload(&job).await.unwrap();
    registry.forget_uploads("acme/job");
    assert_eq!(push(b"fourth", Some(stale)).await, BlobOutcome::Uploaded);
}

#[tokio::test]
async fn a_blob_goes_from_one_registry_to_the_other() {
    let (from, to) = (
        DockerRegistry::start(&Kind::Plain),
        DockerRegistry::start(&Kind::Plain),
    );
    let client = client(None, CredentialStore::default());
    let (source, target) = (name(&from, "acme/base:1"), name(&to, "acme/job"));
    push_image(&client, &source).await.unwrap();
    let (bytes, _) = layer();
    let descriptor = Descriptor::of(MediaType::Layer(LayerCompression::None), &bytes);
    let body = BlobBody::Registry {
        client: client.clone(),
        repository: source,
        descriptor: Box::new(descriptor.clone()),
    };
    let push = BlobPush::new(descriptor.clone());
    let outcome = client.push_blob(&target, push, &body).await;
    assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded);
    let mut arrived = Vec::new();
    client
        .pull_blob(&target, &descriptor, &mut arrived)
        .await
        .unwrap();
    assert!(arrived == bytes);
}

#[tokio::test]
async fn a_registry_with_users_takes_the_right_one() {
    let (user, password) = ("ada".to_owned(), "s3cret: ä".to_owned());
    let registry = DockerRegistry::start(&Kind::Htpasswd {
        user: user.clone(),
        password: password.clone(),
    });
    let target = name(&registry, "acme/job:1");
    let login = |password: &str| {
        let credentials = Credentials::Basic {
            user: user.clone(),
            password: Secret::new(password),
        };
        CredentialStore::default().with_login(&registry.address(), credentials)
    };
    let right = client(None, login(&password));
    let digest = push_image(&right, &target).await.unwrap();
    assert_pulls(&right, &target, digest).await;
    for store in [login("wrong"), CredentialStore::default()] {
        let error = push_image(&client(None, store), &target).await.unwrap_err();
        assert_eq!(error.kind(), flink_img::error::Kind::Unauthorized);
    }
}

#[tokio::test]
async fn the_logins_that_podman_and_skopeo_leave_are_read() {
    let (user, password) = ("ada".to_owned(), "s3cret: ä".to_owned());
    let registry = DockerRegistry::start(&Kind::Htpasswd {
        user: user.clone(),
        password: password.clone(),
    });
    let target = name(&registry, "acme/job:1");
    for program in ["podman", "skopeo"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("auth.json");
        let mut login = Command::new(program)
            .args(["login", "--tls-verify=false", "--password-stdin"])
            .args(["--username", &user, "--authfile"])
            .arg(&file)
            .arg(registry.address())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = login.stdin.take().unwrap();
        stdin.write_all(password.as_bytes()).unwrap();
        drop(stdin);
        assert!(login.wait().unwrap().success(), "{program}");
        let store = CredentialStore::default().with_file(&file).unwrap();
        push_image(&client(None, store), &target).await.unwrap();
    }
}

#[tokio::test]
async fn a_registry_with_an_own_authority_is_trusted_when_told_to() {
    let registry = DockerRegistry::start(&Kind::Tls);
    let target = name(&registry, "acme/job:1");
    let trusting = client(Some(registry.ca_file()), CredentialStore::default());
    let digest = push_image(&trusting, &target).await.unwrap();
    assert_pulls(&trusting, &target, digest).await;

    let strict = client(None, CredentialStore::default());
    let error = strict.get_manifest(&target).await.unwrap_err();
    assert!(error.hint().unwrap().contains("`--ca-file`"), "{error:?}");
    let by_digest = Selector::Digest(digest);
    assert_eq!(target.at(digest).selector(), by_digest);
}

/// Ends a process with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_redirect_that_gives_up_encryption_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    // With `-HTTP`, the files below the folder are whole answers.
    let manifests = folder.path().join("v2/a/b/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    let port = free_port();
    let answer = format!(
        "HTTP/1.0 307 Temporary Redirect\r\nLocation: http://0.0.0.0:{port}/elsewhere\r\nContent-Length: 0\r\n\r\n"
    );
    std::fs::write(manifests.join("1"), answer).unwrap();
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-HTTP",
            "-cert",
            "server.pem",
            "-key",
            "server.key",
        ])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(wait_for(port, &mut server));
    let _server = Ends(server);
    // Not a loopback address, so that nothing but TLS is tried.
    let reference: Reference = format!("0.0.0.0:{port}/a/b:1").parse().unwrap();
    let client = client(
        Some(folder.path().join("ca.pem")),
        CredentialStore::default(),
    );
    let error = client.get_manifest(&reference).await.unwrap_err();
    let cause = error.cause().to_string();
    assert!(
        cause.ends_with("redirects to an address that is not encrypted"),
        "{error:?}"
    );
}
