//! What a 401 asks for, and whether it may be given.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::error::Cause;
use crate::http::{is_downgrade, redacted};
use crate::oci::host_address;

/// What a registry wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token of this service.
    Bearer {
        /// The address of the service.
        realm: Url,
        /// What the service knows the registry by.
        service: Option<String>,
        /// What the registry thinks that the request needs.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the challenge of a 401 from `registry`. A bearer challenge goes before a basic one, because it keeps the
    /// password away from the registry.
    pub(super) fn from_headers(headers: &HeaderMap, registry: &Url) -> Result<Option<Self>, Cause> {
        let mut basic = false;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let Ok(text) = value.to_str() else { continue };
            for challenge in http_auth::parse_challenges(text).unwrap_or_default() {
                let parameter = |name: &str| {
                    let (_, value) = challenge
                        .params
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                    let mut text = String::new();
                    value.append_unescaped(&mut text);
                    Some(text)
                };
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    basic = true;
                } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                    && let Some(realm) = parameter("realm")
                {
                    return Ok(Some(Self::Bearer {
                        realm: allowed_realm(&realm, registry)?,
                        service: parameter("service"),
                        scope: parameter("scope"),
                    }));
                }
            }
        }
        Ok(basic.then_some(Self::Basic))
    }
}

/// Checks that a registry may send us, and with us the user's password, to `realm`.
///
/// Whoever controls an answer controls this text (GHSA-xf85-363p-868w): it must not give up encryption, and it must
/// not lead to a machine that only we can reach.
fn allowed_realm(realm: &str, registry: &Url) -> Result<Url, Cause> {
    let refuse = |shown: String, reason| Cause::Realm {
        host: shown_host(registry),
        realm: shown,
        reason,
    };
    let Ok(url) = realm.parse::<Url>() else {
        return Err(refuse(realm.to_owned(), "which is no address"));
    };
    let shown = redacted(&url).to_string();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse(shown, "which is no address on the web"));
    }
    if is_downgrade(registry, &url) {
        return Err(refuse(shown, "which is not encrypted"));
    }
    if authority(&url) != authority(registry) && is_internal_literal(&url) {
        return Err(refuse(shown, "which is an address of an internal network"));
    }
    Ok(url)
}

/// Host and port, the port written out.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Host and port as people write them: without the port that goes without saying.
pub(super) fn shown_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether the host is an IP address (in any spelling; the URL parser knows them all) that is not public, or this machine
/// by name.
pub(super) fn is_internal_literal(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host_address(host) {
        Some(IpAddr::V4(address)) => is_internal_v4(address),
        Some(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast()
                // What unique local addresses were before there were any.
                || address.segments()[0] & 0xffc0 == 0xfec0
                || embedded(address).is_some_and(is_internal_v4)
        }
        None => {
            // With the dot that ends a name for good it is the same name.
            let name = host.strip_suffix('.').unwrap_or(host);
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

fn is_internal_v4(address: Ipv4Addr) -> bool {
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || matches!(
            address.octets(),
            // This network, what is reserved, and broadcast.
            [0 | 240..=255, ..]
                // Carrier-grade NAT, where clouds have internal services too.
                | [100, 64..=127, ..]
                // Assignments of protocols, and tests of devices.
                | [192, 0, 0, _]
                | [198, 18 | 19, ..]
        )
}

/// The address of version 4 that a gateway makes of one of version 6: translated (RFC 6052), tunnelled (RFC 3056), or in
/// the form that was given up (RFC 4291, section 2.5.5.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str], registry: &str) -> Result<Option<Challenge>, Cause> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::from_headers(&headers, &registry.parse().unwrap())
    }

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/flink:pull""#;
        let bearer = Challenge::Bearer {
            realm: "https://auth.docker.io/token".parse().unwrap(),
            service: Some("registry.docker.io".to_owned()),
            scope: Some("repository:library/flink:pull".to_owned()),
        };
        let registry = "https://registry-1.docker.io/";
        for values in [&[hub][..], &["Basic realm=\"x\"", hub], &["Negotiate", hub]] {
            assert_eq!(read(values, registry).unwrap().as_ref(), Some(&bearer));
        }
        let basic = read(&["basic Realm=\"a, b\""], registry).unwrap();
        assert_eq!(basic, Some(Challenge::Basic));
        for value in ["", "Bearer service=\"x\"", "Digest realm=\"x\"", "\u{7f}"] {
            let value = if value == "\u{7f}" { "," } else { value };
            assert_eq!(read(&[value], registry).unwrap(), None, "{value}");
        }
    }

    #[test]
    fn refuses_realms_that_passwords_must_not_go_to() {
        let allowed = |realm: &str, registry: &str| {
            read(&[&format!("Bearer realm=\"{realm}\"")], registry).is_ok()
        };
        for (realm, registry, expected) in [
            ("https://auth.example.com/token", "https://ghcr.io/", true),
            ("http://auth.example.com/token", "https://ghcr.io/", false),
            (
                "http://auth.example.com/token",
                "http://reg.test:5000/",
                true,
            ),
            ("ftp://auth.example.com/", "https://ghcr.io/", false),
            ("/token", "https://ghcr.io/", false),
            ("https://10.0.0.7/token", "https://ghcr.io/", false),
            ("https://169.254.169.254/token", "https://ghcr.io/", false),
            ("https://2852039166/token", "https://ghcr.io/", false),
            ("https://[::ffff:10.0.0.7]/token", "https://ghcr.io/", false),
            ("https://[fd00::1]/token", "https://ghcr.io/", false),
            ("https://[64:ff9b::a00:7]/token", "https://ghcr.io/", false),
            ("https://[64:ff9b::808:808]/token", "https://ghcr.io/", true),
            ("https://[2002:a00:7::1]/token", "https://ghcr.io/", false),
            ("https://[::10.0.0.7]/token", "https://ghcr.io/", false),
            ("https://[fec0::1]/token", "https://ghcr.io/", false),
            ("https://[ff02::1]/token", "https://ghcr.io/", false),
            ("https://[2606:4700::1]/token", "https://ghcr.io/", true),
            ("https://0.1.2.3/token", "https://ghcr.io/", false),
            ("https://198.19.0.1/token", "https://ghcr.io/", false),
            ("https://192.0.0.1/token", "https://ghcr.io/", false),
            ("https://255.255.255.255/token", "https://ghcr.io/", false),
            ("https://localhost/token", "https://ghcr.io/", false),
            ("https://localhost./token", "https://ghcr.io/", false),
            ("https://a.localhost./token", "https://ghcr.io/", false),
            ("https://100.100.0.1/token", "https://ghcr.io/", false),
            ("https://8.8.8.8/token", "https://ghcr.io/", true),
            (
                "http://127.0.0.1:5000/token",
                "http://127.0.0.1:5000/",
                true,
            ),
            (
                "http://127.0.0.1:5001/token",
                "http://127.0.0.1:5000/",
                false,
            ),
            ("https://10.0.0.7/token", "https://10.0.0.7:443/", true),
        ] {
            assert_eq!(allowed(realm, registry), expected, "{realm} for {registry}");
        }
    }
}
