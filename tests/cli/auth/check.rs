//! What `auth check` tells.

use super::*;

#[test]
fn a_check_tells_what_was_asked_and_answered() {
    let (mut context, registry) = (TestContext::new(), token_registry());
    registry.put_image("acme/job", "1", b"{}", &[]);
    let name = format!("{}/acme/job:1", registry.address());
    let missing = format!("{}/acme/none", registry.address());
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 5
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none
    asked for: a token of `http://127.0.0.1:[PORT]/token`, service `test`, for `repository:acme/job:pull`
    answer: The token service `http://127.0.0.1:[PORT]/token` answered 401 Unauthorized: incorrect username or password
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: The token service `http://127.0.0.1:[PORT]/token` answered 401 Unauthorized: incorrect username or password
    hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
    ");
    context.write("auth.json", logins(&registry.address()));
    context.set("REGISTRY_AUTH_FILE", "auth.json");
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: user `ada`, entry `127.0.0.1:[PORT]` in `auth.json`
    asked for: a token of `http://127.0.0.1:[PORT]/token`, service `test`, for `repository:acme/job:pull`
    answer: 200 OK: it may be pulled
    ");
    assert_snapshot!(context.run(["auth", "check", &missing]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: user `ada`, entry `127.0.0.1:[PORT]` in `auth.json`
    asked for: a token of `http://127.0.0.1:[PORT]/token`, service `test`, for `repository:acme/none:pull`
    answer: 404 Not Found: let in, and there is no such image
    ");
    assert_snapshot!(context.run(["auth", "check", &missing, "--push"]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: user `ada`, entry `127.0.0.1:[PORT]` in `auth.json`
    asked for: a token of `http://127.0.0.1:[PORT]/token`, service `test`, for `repository:acme/none:pull,push`
    answer: 202 Accepted: it may be pushed
    ");
    let lines = registry.lines();
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("DELETE /v2/acme/none/blobs/uploads/"),
        "{lines:?}"
    );
    let json = context.run(["auth", "check", &name, "--push", "--json"]);
    assert_snapshot!(json.stdout_plain(), @r#"{"access":"push","challenge":{"realm":"http://127.0.0.1:[PORT]/token","scheme":"bearer","scopes":["repository:acme/job:pull,push"],"service":"test"},"granted":true,"host":"127.0.0.1:[PORT]","name":"127.0.0.1:[PORT]/acme/job:1","reason":null,"registry":"127.0.0.1:[PORT]","source":{"in":{"file":"auth.json"},"key":"127.0.0.1:[PORT]","kind":"entry"},"status":202,"user":"ada"}"#);

    let open = Registry::start();
    let name = format!("{}/acme/job:1", open.address());
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none in `auth.json`
    asked for: nothing
    answer: 404 Not Found: let in, and there is no such image
    ");
    open.fail(
        "POST",
        9,
        Fault::error(403, "DENIED", "not your repository"),
    );
    assert_snapshot!(context.run(["auth", "check", &name, "--push"]), @"
    exit code: 5
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none in `auth.json`
    asked for: nothing
    answer: `127.0.0.1:[PORT]` answered 403 Forbidden: not your repository
    ----- stderr -----
    error: Failed to push to `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answered 403 Forbidden: not your repository
    hint: no credentials for `127.0.0.1:[PORT]` were found in `auth.json`; log in with `docker login 127.0.0.1:[PORT]`
    ");
    let json = context.run(["auth", "check", &name, "--push", "--json"]);
    assert_eq!(json.code, 5);
    assert_snapshot!(json.plain(&json.stdout), @r#"{"access":"push","challenge":null,"granted":false,"host":"127.0.0.1:[PORT]","name":"127.0.0.1:[PORT]/acme/job:1","reason":"not your repository","registry":"127.0.0.1:[PORT]","source":{"failed":[],"kind":"none","lookedIn":[{"file":"auth.json"}]},"status":403,"user":null}"#);
    open.fail(
        "POST",
        9,
        Fault::error(404, "NAME_UNKNOWN", "no such repository"),
    );
    assert_eq!(context.run(["auth", "check", &name, "--push"]).code, 6);

    // The proxy that leads out of this machine is not there.
    context.write("auth.json", logins("https://index.docker.io/v1/"));
    assert_snapshot!(context.run(["auth", "check", "acme/job"]), @"
    exit code: 7
    ----- stdout -----
    registry: `docker.io`, which is `registry-1.docker.io`
    credentials: user `ada`, entry `https://index.docker.io/v1/` in `auth.json`
    answer: There is no way to `docker.io` through the proxy `http://127.0.0.1:1`
    ----- stderr -----
    error: Failed to pull `docker.io/acme/job`
      caused by: There is no way to `docker.io` through the proxy `http://127.0.0.1:1`
      caused by: Connection refused (os error 111)
    hint: check the proxy that `HTTPS_PROXY` or `HTTP_PROXY` names; with `docker.io` in `NO_PROXY` there is none on the way
    ");
}

#[test]
fn a_registry_that_knows_no_head_is_checked_too() {
    let (context, registry) = (TestContext::new(), Registry::start());
    registry.put_image("acme/job", "1", b"{}", &[]);
    registry.fail("HEAD", 9, Fault::status(405));
    let name = format!("{}/acme/job:1", registry.address());
    let run = context.run(["auth", "check", &name, "--json"]);
    assert_eq!(run.json()["status"], 200);
}

#[test]
fn a_server_that_is_no_registry_lets_nobody_in() {
    let (context, server) = (TestContext::new(), Registry::start());
    let name = format!("{}/acme/job:1", server.address());
    server.on_request(|_| Some(Fault::status(404)));
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 7
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none
    answer: `127.0.0.1:[PORT]` answers, and is no registry: it said 404 Not Found to `GET /v2/`
    ----- stderr -----
    error: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answers, and is no registry: it said 404 Not Found to `GET /v2/`
    ");
    let run = context.run(["auth", "check", &name, "--json"]);
    assert_eq!(run.code, 7);
    assert!(run.stdout.contains("\"granted\":false"), "{run}");
    // What it says to the one question that only a registry knows, and what that makes of it.
    let basic = (
        "WWW-Authenticate".to_owned(),
        "Basic realm=\"r\"".to_owned(),
    );
    for (answer, code) in [
        (Fault::status(200), 0),
        (Fault::Status(401, vec![basic], Vec::new()), 0),
        (Fault::status(401), 7),
        (Fault::status(403), 7),
    ] {
        let told = format!("{answer:?}");
        server.on_request(move |request| {
            let is_root = request.path == "/v2/";
            Some(if is_root {
                answer.clone()
            } else {
                Fault::status(404)
            })
        });
        let run = context.run(["auth", "check", &name]);
        assert_eq!(run.code, code, "{told}: {run}");
    }
}

#[test]
fn a_helper_that_fails_is_in_nobodys_way() {
    let registry = Registry::start();
    let name = format!("{}/acme/job:1", registry.address());
    let mut context = TestContext::new();
    helper(
        &mut context,
        "broken",
        "echo hunter2; echo hunter2 >&2; exit 3",
    );
    place(
        &context,
        "home/.docker/config.json",
        r#"{"credsStore":"broken"}"#,
    );
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 0
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none in `[TEMP]/home/.docker/config.json`; the credential helper `broken` failed with exit code 3
    asked for: nothing
    answer: 404 Not Found: let in, and there is no such image
    ----- stderr -----
    warning: The credential helper `broken`, named in `[TEMP]/home/.docker/config.json`, failed with exit code 3, so its logins are not used
    ");
    let closed = basic_registry();
    let name = format!("{}/acme/job:1", closed.address());
    assert_snapshot!(context.run(["auth", "check", &name]), @"
    exit code: 5
    ----- stdout -----
    registry: `127.0.0.1:[PORT]`
    credentials: none in `[TEMP]/home/.docker/config.json`; the credential helper `broken` failed with exit code 3
    asked for: user and password
    answer: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    ----- stderr -----
    warning: The credential helper `broken`, named in `[TEMP]/home/.docker/config.json`, failed with exit code 3, so its logins are not used
    error: Failed to pull `127.0.0.1:[PORT]/acme/job:1`
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    hint: no credentials for `127.0.0.1:[PORT]` were found, and the credential helper `broken` failed with exit code 3; repair it, or log in with `docker login 127.0.0.1:[PORT]`
    ");
}
