//! Names of images.

use reqwest::Url;

use crate::oci::{Reference, host_address};

/// A name that is accepted says the same when it is written out, and its parts stand in a URL as they are: nothing of it
/// is read as something else there.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(reference) = text.parse::<Reference>() else {
        return;
    };
    let full = reference.to_string();
    let again: Reference = full.parse().expect("we wrote it");
    assert_eq!(again, reference);
    assert_eq!(again.to_string(), full, "it is written in one way");
    assert!(Reference::same(text, &full));

    let (registry, repository) = (reference.registry(), reference.repository());
    let path = format!("/v2/{repository}/manifests/{}", reference.selector());
    // What looks like a name in another script and is none has no address; that is told when it is looked for.
    let Ok(url) = Url::parse(&format!("https://{registry}{path}")) else {
        assert!(registry.to_ascii_lowercase().contains("xn--"), "{full}");
        return;
    };
    assert_eq!(url.path(), path, "{full}");
    assert!(url.query().is_none() && url.fragment().is_none());
    assert!(url.username().is_empty() && url.password().is_none());
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let own = url.host_str().expect("it has one");
    if host.starts_with('[') {
        assert_eq!(host_address(own), host_address(host), "{own} is not {host}");
    } else {
        assert!(own.eq_ignore_ascii_case(host), "{own} is not {host}");
    }
    let port = port.map_or(443, |port| port.parse().expect("it is a number"));
    assert_eq!(url.port_or_known_default(), Some(port), "{full}");
}
