//! Which proxy is on the way, for those who tell why there is no way. Finding the way itself is the library's.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::{TransferError, redacted};

/// The proxy on the way to a URL, as the environment names it: without the login.
pub(crate) fn proxy_for(url: &Url) -> Option<String> {
    let destination = url.as_str().parse().ok()?;
    let proxy = Matcher::from_system().intercept(&destination)?;
    let shown = redacted(&proxy.uri().to_string().parse().ok()?).to_string();
    Some(shown.trim_end_matches('/').to_owned())
}

/// Whether a proxy lets nobody through without a login. The library has a type for that and keeps it to itself.
pub(crate) fn is_proxy_login(error: &TransferError) -> bool {
    error.to_string().ends_with("proxy authorization required")
}
