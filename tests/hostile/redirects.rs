//! Where answers lead: foreign layers, redirects, upload locations.

use serde_json::json;

use super::*;
use crate::support::registry::LocationForm;

/// A manifest whose one layer is said to be elsewhere.
fn foreign(media_type: &str, config: &Descriptor, layer: &[u8], url: &str) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::Manifest.as_str(),
        "config": config,
        "layers": [{
            "mediaType": media_type,
            "digest": Digest::of(layer),
            "size": layer.len(),
            "urls": [url, url.replace("http://", "http://ada:x@")],
        }],
    })
    .to_string()
    .into_bytes()
}

#[test]
fn cve_2020_15157_ghsa_qvqc_4c52_x6qp_urls_of_foreign_layers_are_not_followed() {
    for media_type in [
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let attacker = Registry::start();
        let registry = Registry::with_auth(basic());
        let tar = base(JAVA_17);
        let (_, bytes) = layer(&tar, Compress::Gzip);
        let digest = attacker.put_blob("acme/base", &bytes);
        let config = base_config("amd64", &tar);
        registry.put_blob("acme/base", &config);
        let config = Descriptor::of(MediaType::Config, &config);
        let url = format!("http://{}/v2/acme/base/blobs/{digest}", attacker.address());
        let manifest = foreign(media_type, &config, &bytes, &url);
        registry.put_manifest("acme/base", "1", MediaType::Manifest.as_str(), &manifest);
        let context = user_of(&registry.address());
        let base = format!("{}/acme/base:1", registry.address());
        let run = build_on(&context, &base, &[]);
        let (code, words) = if media_type.contains("layer.v1") {
            (6, "answered 404")
        } else {
            (3, media_type)
        };
        assert_refused(&context, &run, code, &[words]);
        assert_untouched(&attacker);
    }
}

/// The urls are not handed on either: who pulls our image must not be led there.
#[test]
fn cve_2020_15157_urls_of_the_base_are_not_in_the_image() {
    let registry = Registry::start();
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    registry.put_blob("acme/base", &bytes);
    let config = base_config("amd64", &tar);
    registry.put_blob("acme/base", &config);
    let config = Descriptor::of(MediaType::Config, &config);
    let manifest = foreign(
        media_type.as_str(),
        &config,
        &bytes,
        "http://evil.test/layer",
    );
    registry.put_manifest("acme/base", "1", MediaType::Manifest.as_str(), &manifest);
    let context = TestContext::new();
    let base = format!("{}/acme/base:1", registry.address());
    let digest = build_on(&context, &base, &[]).digest();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let manifest = context.read(&format!("layout/blobs/sha256/{hex}"));
    let manifest = String::from_utf8(manifest).unwrap();
    assert!(
        manifest.contains(&Digest::of(&bytes).to_string()),
        "{manifest}"
    );
    assert!(!manifest.contains("evil.test"), "{manifest}");
}

/// A registry that answers requests for blobs from elsewhere, as all large ones do, gets its blobs; where they come from
/// gets no credentials.
#[test]
fn cve_2020_15157_a_redirect_leaves_credentials_behind() {
    let storage = registry(Auth::Open);
    for auth in [basic(), token()] {
        storage.clear_requests();
        let registry = registry(auth);
        let there = storage.address();
        registry.on_request(move |request| {
            let location = format!("http://{there}{}?signature=x", request.path);
            let location = vec![("Location".to_owned(), location)];
            let hit = request.path.contains("/blobs/") && request.is_authorized();
            hit.then(|| Fault::Status(307, location, Vec::new()))
        });
        let context = user_of(&registry.address());
        let base = format!("{}/acme/base:1", registry.address());
        let run = build_on(&context, &base, &["--verbose"]).ok();
        assert!(storage.count("GET /v2/acme/base/blobs/") >= 2);
        assert_nobody_known(&storage);
        assert!(!run.stderr.contains("signature=x"), "{run}");
        assert_secret_kept(&run);
    }
}

/// go-containerregistry 2295: a registry on the internet has its clients ask for what only they can reach.
#[test]
fn ggcr_2295_a_redirect_from_the_internet_does_not_lead_into_our_network() {
    let inside = registry(Auth::Open);
    let (_, port) = inside.address().rsplit_once(':').map(owned).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "127.1",
        "169.254.169.254",
    ] {
        let outside = registry(Auth::Open);
        let there = format!("http://{host}:{port}");
        let context = user_behind(&outside, move |request| {
            let location = format!("{there}{}", request.path);
            let location = vec![("Location".to_owned(), location)];
            let hit = request.path.contains("/blobs/") && request.headers["host"] == ELSEWHERE;
            hit.then(|| Fault::Status(307, location, Vec::new()))
        });
        let base = format!("{ELSEWHERE}/acme/base:1");
        let run = build_on(&context, &base, &[]);
        assert_untouched(&inside);
        assert_refused(&context, &run, 7, &["`registry.test`"]);
        let inside_hosts = outside.requests();
        assert!(
            inside_hosts
                .iter()
                .all(|request| !request.headers["host"].starts_with("169.")),
            "it was asked for through the proxy"
        );
    }
}

/// The same with the place that an upload goes to, which gets all bytes of the image.
#[test]
fn ggcr_2295_an_upload_from_the_internet_does_not_go_into_our_network() {
    let inside = Registry::start();
    inside.on_request(|request| (request.method == "PUT").then(|| Fault::status(201)));
    for auth in [Auth::Open, basic()] {
        let outside = Registry::with_auth(auth);
        let context = user_behind(&outside, |_| None);
        outside.set_location(LocationForm::Elsewhere(inside.address()));
        let run = push_to(&context, &format!("{ELSEWHERE}/acme/job:1"));
        assert_untouched(&inside);
        assert_refused(&context, &run, 7, &["`registry.test`"]);
        assert_eq!(outside.manifest("acme/job", "1"), None);
    }
}

/// Where uploads do go elsewhere, as with registries that hand out places in a storage, credentials stay behind.
#[test]
fn ggcr_2295_a_location_elsewhere_gets_no_credentials() {
    let storage = Registry::start();
    storage.on_request(|request| (request.method == "PUT").then(|| Fault::status(201)));
    for auth in [basic(), token()] {
        storage.clear_requests();
        let registry = Registry::with_auth(auth);
        registry.set_location(LocationForm::Elsewhere(storage.address()));
        let context = user_of(&registry.address());
        let run = push_to(&context, &format!("{}/acme/job:1", registry.address()));
        // The blobs went where the registry has none, so it refuses the manifest.
        assert_ne!(run.code, 0, "{run}");
        assert!(
            storage.count("PUT /v2/acme/job/blobs/uploads/") > 0,
            "{run}"
        );
        assert_nobody_known(&storage);
        assert_secret_kept(&run);
    }
}

/// A redirect or location in another scheme is followed by nobody: a file of this machine is no blob.
#[test]
fn ggcr_2295_redirects_and_locations_lead_to_the_web_only() {
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:,x",
        "//",
        "http://",
    ] {
        let registry = registry(Auth::Open);
        registry.on_request(move |request| {
            let location = vec![("Location".to_owned(), location.to_owned())];
            match request.method.as_str() {
                "POST" => Some(Fault::Status(202, location, Vec::new())),
                "GET" if request.path.contains("/blobs/") => {
                    Some(Fault::Status(302, location, Vec::new()))
                }
                _ => None,
            }
        });
        let context = TestContext::new();
        let base = format!("{}/acme/base:1", registry.address());
        let run = build_on(&context, &base, &[]);
        assert_refused(&context, &run, 7, &["redirects to"]);
        let run = push_to(&context, &format!("{}/acme/job:1", registry.address()));
        assert_refused(&context, &run, 7, &["names a location for the upload"]);
        assert_eq!(registry.count("PUT"), 0);
    }
}

fn owned((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}
