//! What a server says about its refusal.

use reqwest::StatusCode;
use serde::Deserialize;

/// The largest error body that is read (what go-containerregistry settled on).
pub(super) const ERROR_BODY_LIMIT: u64 = 64 * 1024;
/// The longest reason of a server that is repeated.
const REASON_LIMIT: usize = 400;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    errors: Vec<Detail>,
    error_description: Option<String>,
    message: Option<String>,
    details: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    code: Option<String>,
    message: Option<String>,
}

/// The reason in an error body: that of a registry (`errors`), that of a token service, which has several forms, or that
/// of a proxy, which sends a page.
pub(super) fn reason(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice(body) {
        Ok(body) => written(body)?,
        Err(_) => title(&String::from_utf8_lossy(body))?.to_owned(),
    };
    // The text goes to a terminal: no control characters, and not a page of it.
    let clean: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(REASON_LIMIT)
        .collect();
    Some(clean)
}

/// The title of a page, without the status that it begins with; none if it only spells that status out.
fn title(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<title>")?;
    let title = rest.split_once("</title>")?.0.trim();
    let status = title.split_once(' ').and_then(|(number, told)| {
        let status = StatusCode::from_bytes(number.as_bytes()).ok()?;
        Some((status, told.trim()))
    });
    match status {
        Some((status, told)) => (status.canonical_reason() != Some(told)).then_some(told),
        None => (!title.is_empty()).then_some(title),
    }
}

/// The reason in a body of JSON.
fn written(body: Body) -> Option<String> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    body.errors
        .into_iter()
        .find_map(|detail| filled(detail.message).or_else(|| filled(detail.code)))
        .or_else(|| filled(body.error_description))
        .or_else(|| filled(body.message))
        .or_else(|| filled(body.details))
        .or_else(|| filled(body.error))
}

/// The first error code of a registry (distribution-spec, "Error Codes"): only for decisions, it is not shown.
pub(super) fn code(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    body.errors.into_iter().find_map(|detail| detail.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_reason_in_every_form_of_body() {
        for (body, expected, expected_code) in [
            (
                r#"{"errors":[{"code":"DENIED","message":"not yours","detail":[1]}]}"#,
                Some("not yours"),
                Some("DENIED"),
            ),
            (
                r#"{"errors":[{"code":"ODD_CODE"}]}"#,
                Some("ODD_CODE"),
                Some("ODD_CODE"),
            ),
            (
                r#"{"details":"incorrect username or password"}"#,
                Some("incorrect username or password"),
                None,
            ),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                Some("expired"),
                None,
            ),
            ("{\"message\":\"a\\u001b[31mb\"}", Some("a [31mb"), None),
            ("<html>", None, None),
            (
                "<html><head><title>400 No certificate was sent</title></head>",
                Some("No certificate was sent"),
                None,
            ),
            (
                "<title>ERROR: Access\nDenied</title>",
                Some("ERROR: Access Denied"),
                None,
            ),
            ("<title>502 Bad Gateway</title>", None, None),
            ("<title></title>", None, None),
            ("<title>502 Bad", None, None),
            ("{}", None, None),
            ("", None, None),
        ] {
            assert_eq!(reason(body.as_bytes()).as_deref(), expected, "{body}");
            assert_eq!(code(body.as_bytes()).as_deref(), expected_code, "{body}");
        }
    }
}
