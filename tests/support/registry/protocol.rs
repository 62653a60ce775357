//! What a registry answers (distribution-spec 1.1).

use std::net::SocketAddr;

use flink_img::oci::{Digest, Document};

use super::token::{self, basic, has_scope};
use super::wire::{Request, Response};
use super::{Auth, Content, LocationForm, Shared, Ways};

/// The error body of the specification.
pub fn error_body(code: &str, message: &str) -> Vec<u8> {
    serde_json::json!({"errors": [{"code": code, "message": message, "detail": null}]})
        .to_string()
        .into_bytes()
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::new(status)
        .header("Content-Type", "application/json")
        .body(error_body(code, message))
}

/// The right answer to a request.
pub fn respond(address: SocketAddr, shared: &Shared, request: &Request) -> Response {
    let path = request.info.path.as_str();
    if path == "/token" {
        return token::answer(shared, request);
    }
    let Some(rest) = path.strip_prefix("/v2/") else {
        return error(404, "NAME_UNKNOWN", "not a registry path");
    };
    let split = ["/blobs/uploads/", "/blobs/", "/manifests/"]
        .iter()
        .find_map(|kind| {
            rest.split_once(kind)
                .map(|(name, last)| (*kind, name, last))
        });
    let name = split.map_or("", |(_, name, _)| name);
    if let Some(refusal) = refuse(address, shared, request, name) {
        return refusal;
    }
    let ways = shared.behaviour().ways.clone();
    let refused = ways.refuse_head;
    if let Some(status) = refused.filter(|_| request.info.method == "HEAD") {
        return Response::new(status);
    }
    match split {
        None if rest.is_empty() => Response::new(200),
        Some(("/blobs/uploads/", name, id)) => upload(address, shared, request, name, id),
        Some(("/blobs/", name, digest)) => blob(&shared.content(), request, name, digest),
        Some((_, name, reference)) => {
            let mut content = shared.content();
            let key = (name.to_owned(), reference.to_owned());
            if ways.immutable_tags
                && request.info.method == "PUT"
                && content.manifests.contains_key(&key)
            {
                return error(
                    400,
                    "TAG_INVALID",
                    "the tag is there and may not be overwritten",
                );
            }
            manifest(&mut content, request, &ways, (name, reference))
        }
        None => error(404, "NAME_UNKNOWN", "no such thing"),
    }
}

/// 401, unless the request may pass.
fn refuse(address: SocketAddr, shared: &Shared, request: &Request, name: &str) -> Option<Response> {
    let (auth, realm) = {
        let behaviour = shared.behaviour();
        (behaviour.auth.clone(), behaviour.realm.clone())
    };
    let sent = request.info.headers.get("authorization");
    let challenge = match auth {
        Auth::Open => return None,
        Auth::Basic { user, password } => {
            if sent == Some(&basic(&user, &password)) {
                return None;
            }
            "Basic realm=\"test\"".to_owned()
        }
        Auth::Token { .. } | Auth::Refresh { .. } => {
            let action = match request.info.method.as_str() {
                "GET" | "HEAD" => "pull",
                _ => "push",
            };
            if has_scope(&shared.content(), sent, name, action) {
                return None;
            }
            let realm = realm.unwrap_or_else(|| format!("http://{address}/token"));
            let actions = if action == "push" {
                "pull,push"
            } else {
                "pull"
            };
            format!(
                "Bearer realm=\"{realm}\",service=\"test\",scope=\"repository:{name}:{actions}\""
            )
        }
    };
    Some(
        error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", challenge),
    )
}

fn blob(content: &Content, request: &Request, name: &str, digest: &str) -> Response {
    let found = digest
        .parse::<Digest>()
        .ok()
        .and_then(|digest| content.blobs.get(name)?.get(&digest));
    let Some(bytes) = found else {
        return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    };
    let response = Response::new(200)
        .header("Content-Type", "application/octet-stream")
        .header("Docker-Content-Digest", digest);
    let start = request.info.headers.get("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .split('-')
            .next()?
            .parse()
            .ok()
    });
    match start {
        None | Some(0) => response.body(bytes.clone()),
        Some(start) if start >= bytes.len() => Response::new(416),
        Some(start) => {
            let total = bytes.len();
            let range = format!("bytes {start}-{}/{total}", total - 1);
            let mut partial = response.header("Content-Range", range);
            partial.status = 206;
            partial.body(&bytes[start..])
        }
    }
}

fn manifest(
    content: &mut Content,
    request: &Request,
    ways: &Ways,
    (name, reference): (&str, &str),
) -> Response {
    let key = (name.to_owned(), reference.to_owned());
    if request.info.method != "PUT" {
        let Some((media_type, bytes)) = content.manifests.get(&key) else {
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        return Response::new(200)
            .header("Content-Type", media_type)
            .header("Docker-Content-Digest", Digest::of(bytes))
            .body(bytes.clone());
    }
    let media_type = request.info.headers.get("content-type").cloned();
    let media_type = media_type.unwrap_or_default();
    let missing = match Document::parse(&request.body, Some(&media_type)) {
        Err(_) => return error(400, "MANIFEST_INVALID", "manifest invalid"),
        Ok(Document::Index(_)) if ways.refuse_indexes => {
            return error(400, "MANIFEST_INVALID", "no indexes here");
        }
        Ok(Document::Index(index)) => index.manifests.iter().any(|manifest| {
            let key = (name.to_owned(), manifest.digest.to_string());
            !content.manifests.contains_key(&key)
        }),
        Ok(Document::Manifest(manifest)) => {
            let blobs = content.blobs.get(name);
            let has = |digest| blobs.is_some_and(|blobs| blobs.contains_key(digest));
            !has(&manifest.config.digest) || !manifest.layers.iter().all(|l| has(&l.digest))
        }
    };
    if missing {
        return error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    }
    let digest = Digest::of(&request.body);
    for reference in [reference.to_owned(), digest.to_string()] {
        let value = (media_type.clone(), request.body.clone());
        content
            .manifests
            .insert((name.to_owned(), reference), value);
    }
    Response::new(201)
        .header("Location", format!("/v2/{name}/manifests/{digest}"))
        .header("Docker-Content-Digest", digest)
}

fn upload(
    address: SocketAddr,
    shared: &Shared,
    request: &Request,
    name: &str,
    id: &str,
) -> Response {
    let (form, decline, ways) = {
        let behaviour = shared.behaviour();
        let ways = behaviour.ways.clone();
        (behaviour.location.clone(), behaviour.decline_mounts, ways)
    };
    let guarded = !matches!(shared.behaviour().auth, Auth::Open | Auth::Basic { .. });
    let mut content = shared.content();
    let query = |name: &str| request.info.query_all(name).first().copied();
    match request.info.method.as_str() {
        "POST" => {
            if let (Some(mount), Some(from)) = (query("mount"), query("from")) {
                let sent = request.info.headers.get("authorization");
                let allowed = !guarded || has_scope(&content, sent, from, "pull");
                let digest: Option<Digest> = mount.parse().ok().filter(|_| allowed && !decline);
                let found = digest.and_then(|digest| {
                    Some((digest, content.blobs.get(from)?.get(&digest)?.clone()))
                });
                if let Some((digest, bytes)) = found {
                    let blobs = content.blobs.entry(name.to_owned()).or_default();
                    blobs.insert(digest, bytes);
                    return Response::new(201)
                        .header("Location", format!("/v2/{name}/blobs/{digest}"));
                }
            }
            content.counter += 1;
            let id = format!("upload-{}", content.counter);
            content.uploads.insert(id.clone(), Vec::new());
            let mut response = Response::new(202)
                .header("Location", location(&form, address, name, &id))
                .header("Range", "0-0");
            if let Some(least) = ways.chunk_min_length {
                response = response.header("OCI-Chunk-Min-Length", least.to_string());
            }
            response
        }
        _ if !content.uploads.contains_key(id) => error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
        ),
        "GET" => {
            let bytes = &content.uploads[id];
            let told = if ways.stuck_range {
                "0-9".to_owned()
            } else {
                format!("0-{}", (bytes.len() + ways.boasts).saturating_sub(1))
            };
            let id = moved(&mut content, &form, id);
            Response::new(204)
                .header("Location", location(&form, address, name, &id))
                .header("Range", told)
        }
        "DELETE" => {
            content.uploads.remove(id);
            Response::new(204)
        }
        "PATCH" if ways.refuse_chunks.is_some() => error(
            ways.refuse_chunks.unwrap_or(405),
            "UNSUPPORTED",
            "no chunks",
        ),
        "PATCH" => {
            let bytes = content.uploads.entry(id.to_owned()).or_default();
            let promised = request.info.headers.get("content-range");
            let fits = promised.is_none_or(|promised| {
                let length = request.body.len();
                *promised
                    == format!(
                        "{}-{}",
                        bytes.len(),
                        (bytes.len() + length).saturating_sub(1)
                    )
            });
            if !fits {
                return Response::new(416)
                    .header("Location", location(&form, address, name, id))
                    .header("Range", range(bytes));
            }
            if ways.last_chunk_wins {
                bytes.clear();
            }
            bytes.extend_from_slice(&request.body);
            let told = if ways.stuck_range {
                "0-9".to_owned()
            } else {
                range(bytes)
            };
            let id = moved(&mut content, &form, id);
            Response::new(202)
                .header("Location", location(&form, address, name, &id))
                .header("Range", told)
        }
        "PUT" => {
            if matches!(form, LocationForm::Query) && query("_state") != Some("a=b&c") {
                return error(400, "BLOB_UPLOAD_INVALID", "the state is gone");
            }
            if let Some(status) = ways.refuse_whole.filter(|_| !request.body.is_empty()) {
                return error(status, "UNSUPPORTED", "only chunks");
            }
            let Some(promised) = query("digest").and_then(|digest| digest.parse().ok()) else {
                return error(400, "DIGEST_INVALID", "no digest");
            };
            let mut bytes = content.uploads.remove(id).unwrap_or_default();
            bytes.extend_from_slice(&request.body);
            if Digest::of(&bytes) != promised {
                return error(400, "DIGEST_INVALID", "provided digest did not match");
            }
            let blobs = content.blobs.entry(name.to_owned()).or_default();
            blobs.insert(promised, bytes);
            Response::new(201)
                .header("Location", format!("/v2/{name}/blobs/{promised}"))
                .header("Docker-Content-Digest", promised)
        }
        _ => error(405, "UNSUPPORTED", "unsupported"),
    }
}

/// Moves an upload, if this registry does that; tells where it is now.
fn moved(content: &mut Content, form: &LocationForm, id: &str) -> String {
    if !matches!(form, LocationForm::Moving) {
        return id.to_owned();
    }
    content.counter += 1;
    let next = format!("upload-{}", content.counter);
    let bytes = content.uploads.remove(id).unwrap_or_default();
    content.uploads.insert(next.clone(), bytes);
    next
}

/// Keeps what came of an upload that broke, as far as this registry does.
pub fn take_broken(shared: &Shared, request: &Request) {
    let Some((_, id)) = request.info.path.split_once("/blobs/uploads/") else {
        return;
    };
    let forgets = shared.behaviour().ways.forgets_broken;
    let mut content = shared.content();
    if forgets {
        content.uploads.remove(id);
    } else if let Some(bytes) = content.uploads.get_mut(id) {
        bytes.extend_from_slice(&request.body);
    }
}

fn range(bytes: &[u8]) -> String {
    format!("0-{}", bytes.len().saturating_sub(1))
}

fn location(form: &LocationForm, address: SocketAddr, name: &str, id: &str) -> String {
    let path = format!("/v2/{name}/blobs/uploads/{id}");
    match form {
        LocationForm::Relative | LocationForm::Moving => path,
        LocationForm::Absolute => format!("http://{address}{path}"),
        LocationForm::Query => format!("{path}?_state=a%3Db%26c"),
        LocationForm::Elsewhere(host) => format!("http://{host}{path}"),
    }
}
