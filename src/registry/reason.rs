//! What a server says about its refusal.

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

/// The reason in an error body: that of a registry (`errors`), or that of a token service, which has several forms.
pub(super) fn reason(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let text = body
        .errors
        .into_iter()
        .find_map(|detail| filled(detail.message).or_else(|| filled(detail.code)))
        .or_else(|| filled(body.error_description))
        .or_else(|| filled(body.message))
        .or_else(|| filled(body.details))
        .or_else(|| filled(body.error))?;
    // The text goes to a terminal: no control characters, and not a page of it.
    let clean: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(REASON_LIMIT)
        .collect();
    Some(clean)
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
            ("{}", None, None),
            ("", None, None),
        ] {
            assert_eq!(reason(body.as_bytes()).as_deref(), expected, "{body}");
            assert_eq!(code(body.as_bytes()).as_deref(), expected_code, "{body}");
        }
    }
}
